"""A real issuer on this machine, for demos and tests: keys, tokens, rotations, faults and attacks at will.

    with LocalIssuer() as issuer:
        token = issuer.token(sub="alice", scope="read:appointments")
        issuer.rotate()
        issuer.misbehave("jwks", "hang", times=2)
        forged = issuer.attack("alg-none")

Never for production: whoever reaches its process can have any token.
"""

from __future__ import annotations

from rightkey.localissuer.attacks import ATTACKS, Attack
from rightkey.localissuer.clients import Client
from rightkey.localissuer.dresses import DRESSES
from rightkey.localissuer.faults import FAULTS, Fault, fault
from rightkey.localissuer.issuing import LocalIssuer
from rightkey.localissuer.keyring import Schedule
from rightkey.localissuer.minting import mint
from rightkey.localissuer.ratelimit import RateLimit
from rightkey.localissuer.recorder import Recorded
from rightkey.localissuer.several import LocalIssuers
from rightkey.localissuer.signing import ALGORITHMS, SigningKey

__all__ = [
    "ALGORITHMS",
    "ATTACKS",
    "DRESSES",
    "FAULTS",
    "Attack",
    "Client",
    "Fault",
    "LocalIssuer",
    "LocalIssuers",
    "RateLimit",
    "Recorded",
    "Schedule",
    "SigningKey",
    "fault",
    "mint",
]
