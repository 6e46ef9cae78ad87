"""Which keys a local file holds: a JWKS, one JWK, or public keys and certificates in PEM."""

from __future__ import annotations

import re
from pathlib import Path

from rightkey.cli.ending import BadUse
from rightkey.errors import Misconfigured, RightkeyError
from rightkey.keys import Key
from rightkey.keyset import KeySet

_MOST = 16 * 1024 * 1024
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)


def contents(path: str) -> bytes:
    """The octets of a file named on the command line. Raises BadUse."""
    try:
        with Path(path).open("rb") as file:
            octets = file.read(_MOST + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = getattr(error, "strerror", None) or "not a file's name"
        raise BadUse(f"{path}: {why.lower()}") from None
    if len(octets) > _MOST:
        raise BadUse(f"{path}: over {_MOST} bytes")
    return octets


def keys_in(path: str) -> KeySet:
    """The keys in a file, of which one at least can be used. Raises BadUse."""
    octets = contents(path)
    try:
        keys = _of_pem(octets.decode("ascii")) if b"-----BEGIN " in octets else KeySet.parse(octets)
    except UnicodeDecodeError:
        raise BadUse(f"{path}: PEM with characters outside ASCII") from None
    except RightkeyError as error:
        raise BadUse(f"{path}: {error}", _hint(octets)) from None
    if not keys:
        why = ", ".join(sorted({one.detail for one in keys.skipped})) or "it is empty"
        raise BadUse(f"{path}: no signing key in it: {why}")
    return keys


def _of_pem(text: str) -> KeySet:
    blocks = list(_BLOCK.finditer(text))
    chain = [block[2] for block in blocks if block[1] == "CERTIFICATE"]
    keys = [Key.from_pem(block[0]) for block in blocks if block[1] != "CERTIFICATE"]
    return KeySet((*([_certified(chain)] if chain else []), *keys))


def _certified(chain: list[str]) -> Key:
    """The key of the first certificate. An `x5c` is a PEM without its first and last lines; a JWK has to
    name the type of its key, which only the certificate knows, so each is tried."""
    *others, last = ("RSA", "EC", "OKP")
    for kty in others:
        try:
            return Key.from_jwk({"kty": kty, "x5c": chain})
        except Misconfigured:
            continue
    return Key.from_jwk({"kty": last, "x5c": chain})


def _hint(octets: bytes) -> str | None:
    if b"PRIVATE KEY-----" in octets:
        return "of a private key give the public half: openssl pkey -in FILE -pubout"
    return "a JWKS, a JWK, or a public key or certificate in PEM"
