"""Seal: who may write what a fleet shares, and how a reader knows that it was written for this place.

Three kinds, by what is given as `store_secret`:

    32 octets or more     HMAC-SHA256 (RFC 2104): all who have the secret may write. A second one reads what
                          was written before the secret was changed.
    an Ed25519 key, PEM   only the process with the private half writes; the others read by the public half
    nothing               a checksum: only for a store that no other user can write to, of which a crash may
                          have kept a half

The kind of thing and its place are part of what is sealed, so that nothing can be copied from one place to
another (a mistake that others had to mend: an authentic entry under another name).
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from rightkey.errors import Misconfigured
from rightkey.jose.detached import LENGTH, Check, Signer, read_pem

MIN_SECRET = 32
"""Octets of a store's secret."""
_FORMAT = b"rightkey-store-1"
_HMAC_LENGTH = 32


class Broken(Exception):
    """The seal is not ours, or that of another place."""


@dataclass(frozen=True, slots=True)
class Seal:
    """One kind of seal. Shows nothing of its key."""

    length: int = 0
    checks: tuple[Check, ...] = field(default=(), repr=False)
    sign: Signer | None = field(default=None, repr=False)
    """None: what is here may be read, and not written."""

    @property
    def writes(self) -> bool:
        """Whether this process may write."""
        return self.sign is not None

    def close(self, kind: str, place: str, octets: bytes) -> bytes:
        """The octets under the seal. Call it where the process may write."""
        assert self.sign is not None  # noqa: S101 - `writes` is asked before
        return self.sign(_sealed(kind, place, octets)) + octets

    def open(self, kind: str, place: str, closed: bytes) -> bytes:
        """The octets. Raises Broken."""
        tag, octets = closed[: self.length], closed[self.length :]
        sealed = _sealed(kind, place, octets)
        if len(tag) != self.length or not any(check(tag, sealed) for check in self.checks):
            raise Broken
        return octets


def _checksum(octets: bytes, /) -> bytes:
    return hashlib.sha256(octets).digest()


UNSEALED = Seal(_HMAC_LENGTH, (lambda tag, octets: tag == _checksum(octets),), _checksum)
"""For a directory that only its owner can write to."""


def seal_of(secret: object) -> Seal:
    """The seal by a `store_secret`.

    Args:
        secret: text or octets; or two of them, of which the second only reads.

    Raises:
        Misconfigured: too short, of another type, or PEM without an Ed25519 key. Nothing of it is quoted.
    """
    given = secret if isinstance(secret, tuple | list) else (secret,)
    octets = [one.strip().encode("utf-8", "surrogatepass") if isinstance(one, str) else one for one in given]
    if not 1 <= len(octets) <= 2 or not all(isinstance(one, bytes) for one in octets):
        raise Misconfigured(
            "store_secret must be text or octets, or two of them: the new one and the one before"
        )
    seals = [_seal(one) for one in octets]
    if len({seal.length for seal in seals}) > 1:
        raise Misconfigured("store_secret must be two secrets, or two Ed25519 keys, and not one of each")
    checks = tuple(check for seal in seals for check in seal.checks)
    return Seal(seals[0].length, checks, seals[0].sign)


def _seal(secret: bytes) -> Seal:
    if secret.lstrip().startswith(b"-----BEGIN "):
        read = read_pem(secret)
        if read is None:
            raise Misconfigured(
                "store_secret is PEM, and must then hold an Ed25519 key without a password",
                hint="openssl genpkey -algorithm ed25519",
            )
        return Seal(LENGTH, (read[0],), read[1])
    if len(secret) < MIN_SECRET:
        raise Misconfigured(
            f"store_secret must have at least {MIN_SECRET} octets, and has {len(secret)}",
            hint="openssl rand -base64 48",
        )

    def sign(octets: bytes, /) -> bytes:
        return hmac.digest(secret, octets, hashlib.sha256)

    def check(tag: bytes, octets: bytes, /) -> bool:
        return hmac.compare_digest(tag, sign(octets))

    return Seal(_HMAC_LENGTH, (check,), sign)


def _sealed(kind: str, place: str, octets: bytes) -> bytes:
    """Neither a kind nor a place holds the octet that parts them."""
    return b"\0".join((_FORMAT, kind.encode(), place.encode(), octets))
