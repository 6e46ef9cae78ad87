"""Keys in PEM (RFC 7468), each as the JWK that says the same, so that the same rules judge it."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

from rightkey.jose import base64url
from rightkey.jose import material as of_key
from rightkey.jose.skipped import Skip

if TYPE_CHECKING:
    from rightkey.jose.certificate import Certificate

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----([^-]*)(-----END \1-----)?")
"""White space and words around blocks are nothing to us (RFC 7468, section 2). One without its end is bad."""
_READ = (b"KEY", b"CERTIFICATE")
"""How the names of blocks end that are read. `EC PARAMETERS` and the like are none of our business."""


def members(
    pem: str | bytes, *, kid: str | None = None, alg: str | None = None
) -> list[dict[str, Any] | Skip]:
    """What a PEM holds: JWKs to judge, and a Skip for each block that cannot be read. Never empty.

    A certificate that stands right behind one that it issued is of that one's chain, and no key of its own.

    Args:
        kid: the key id of each.
        alg: the algorithm of each.
    """
    named = {name: value for name, value in (("kid", kid), ("alg", alg)) if value is not None}
    found: list[dict[str, Any] | Skip] = []
    last: Certificate | None = None
    for block in _BLOCK.findall(pem.encode("utf-8", "replace") if isinstance(pem, str) else pem):
        if not block[0].endswith(_READ):
            continue
        member, certificate = _read(*block)
        if certificate is not None and last is not None and _issued(certificate, last):
            if isinstance(found[-1], dict):
                found[-1]["x5c"].append(_base64(certificate))
        else:
            found.append(member if isinstance(member, Skip) else member | named)
        last = certificate
    return found or [Skip("malformed", "it holds no key or certificate in PEM form")]


def _read(label: bytes, body: bytes, end: bytes) -> tuple[dict[str, Any] | Skip, Certificate | None]:
    """One block: the JWK it makes, and if it is a certificate, that."""
    certificate = None
    try:
        der = _der(body, end)
        if label.endswith(b"CERTIFICATE"):
            certificate = _certificate(der)
            jwk: dict[str, Any] = of_key.numbers(certificate.public_key) | {"x5c": [_base64(certificate)]}
        else:
            private = label.endswith(b"PRIVATE KEY")
            jwk = dict(of_key.numbers(of_key.of_der(der, private=private)))
            if private:
                jwk["d"] = ""  # says that its private half is known, and does not repeat it
    except Skip as skip:
        return skip, certificate
    return jwk, certificate


def _der(body: bytes, end: bytes) -> bytes:
    try:
        if end:
            return base64url.decode_published(body.decode("ascii"))
    except ValueError:
        pass
    raise Skip("malformed", "the PEM is cut off, or not base64")


def _certificate(der: bytes) -> Certificate:
    from rightkey.jose.certificate import Unreadable, read_der

    try:
        return read_der(der)
    except Unreadable:
        raise Skip("malformed", "the PEM holds no readable certificate") from None


def _issued(above: Certificate, below: Certificate) -> bool:
    return above.subject == below.issuer and not below.self_issued


def _base64(certificate: Certificate) -> str:
    return base64.b64encode(certificate.der).decode("ascii")
