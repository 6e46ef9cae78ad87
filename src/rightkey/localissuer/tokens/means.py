"""What an attack or a fault can use: the issuer's name, its key, an attacker's key, and the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from rightkey.localissuer.keys.signing import SigningKey


@dataclass(frozen=True, slots=True)
class Means:
    """The issuer as it is now.

    `base` is the URL that all of the issuer's URLs begin with, slash included; `now` is Unix time in seconds.
    `make_stranger` is called only where it is needed: an RSA key takes 60 ms to make.
    """

    issuer: str
    base: str
    now: int
    key: SigningKey
    make_stranger: Callable[[], SigningKey]

    @property
    def stranger(self) -> SigningKey:
        """A key of the same kind that never was the issuer's."""
        return self.make_stranger()

    @property
    def attacker_jwks(self) -> str:
        """Where the stranger's key set is served, for verifiers that follow the lure."""
        return f"{self.base}{ATTACKER_JWKS}"

    @property
    def attacker_certificate(self) -> str:
        """Where the stranger's certificate is served in PEM."""
        return f"{self.base}{ATTACKER_CERTIFICATE}"


ATTACKER_JWKS, ATTACKER_CERTIFICATE = "attacker/jwks.json", "attacker/certificate.pem"
"""Paths that a verifier must never ask for: the lures of `jku` and `x5u` lead there."""
