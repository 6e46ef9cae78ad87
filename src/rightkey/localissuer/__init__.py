"""A real issuer on this machine, for demos and tests: keys, tokens, rotations, faults and attacks at will.

    with LocalIssuer() as issuer:
        token = issuer.token(sub="alice", scope="read:appointments")
        issuer.rotate()
        issuer.misbehave("jwks", "hang", times=2)
        forged = issuer.attack("alg-none")

Never for production: anyone who can reach it can get any token.
"""

from __future__ import annotations

from rightkey.localissuer.clients import Client
from rightkey.localissuer.documents.dresses import DRESSES
from rightkey.localissuer.keys.ring import Schedule
from rightkey.localissuer.keys.signing import ALGORITHMS, SigningKey
from rightkey.localissuer.local import LocalIssuer
from rightkey.localissuer.misbehaving.faults import FAULTS, Fault, fault
from rightkey.localissuer.misbehaving.ratelimit import RateLimit
from rightkey.localissuer.misbehaving.recorder import Recorded
from rightkey.localissuer.several import LocalIssuers
from rightkey.localissuer.tokens.attacks import ATTACKS, Attack
from rightkey.localissuer.tokens.minting import mint
from rightkey.localissuer.tokens.sender import Sender

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
    "Sender",
    "SigningKey",
    "fault",
    "mint",
]
