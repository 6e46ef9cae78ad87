"""Keys in PEM (RFC 7468), each as the JWK that says the same, so that the same rules judge it.

What counts as PEM is decided here and nowhere else, so that the same octets are read the same wherever they
come from: a file, an answer over HTTP, a string. Two spellings that people have in their settings are read as
well: line ends written as `\\n`, and the base64 of the DER alone, without its BEGIN and END lines.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rightkey.jose import base64url, material
from rightkey.jose.skipped import UnusableKey
from rightkey.jose.strictjson import without_mark

if TYPE_CHECKING:
    from rightkey.jose.certificate import Certificate

_BEGIN = b"-----BEGIN "
_BLOCK = rb"-----BEGIN ([A-Z0-9 ]+)-----([^-]*)(-----END \1-----)?"
"""White space and words around blocks do not count (RFC 7468, section 2). One without its end is bad."""
_READ = (b"KEY", b"CERTIFICATE")
"""How the names of blocks end that are read. `EC PARAMETERS` and the like hold no key."""
_OTHERS = (b"{", b"[", b"<")
"""How documents begin that may quote PEM and are not PEM: JSON, and web pages."""
_BARE = rb"\s*M[A-Za-z0-9+/\s]{54,}={0,2}\s*"
"""Base64 of DER: a SEQUENCE of 42 octets or more begins with `M`."""


def is_pem(document: str | bytes) -> bool:
    """Whether a document is PEM, words around its blocks included, or the base64 of DER alone."""
    octets = _octets(document)
    return has_block(octets) or re.fullmatch(_BARE, octets) is not None


def has_block(document: str | bytes) -> bool:
    """Whether a document is PEM with a BEGIN line in it."""
    octets = _octets(document)
    return _BEGIN in octets and not octets.lstrip().startswith(_OTHERS)


def members(
    pem: str | bytes, *, kid: str | None = None, alg: str | None = None
) -> Iterator[dict[str, Any] | UnusableKey]:
    """What a PEM holds: JWKs to judge, and an UnusableKey for each block that cannot be read. One at least.

    A certificate right behind one that it issued belongs to that one's chain and is no key of its own.

    Args:
        kid: the key id of each.
        alg: the algorithm of each.
    """
    named = {name: value for name, value in (("kid", kid), ("alg", alg)) if value is not None}
    held: dict[str, Any] | UnusableKey | None = None  # the last one, as long as its chain may grow
    last: Certificate | None = None
    for label, body, end in _blocks(_octets(pem)):
        member, certificate = _read(label, body, end)
        if held is not None and certificate is not None and last is not None and _issued(certificate, last):
            _lengthen(held, certificate)
        else:
            if held is not None:
                yield held
            held = member if isinstance(member, UnusableKey) else member | named
        last = certificate
    yield held or UnusableKey("malformed", _without_any(_octets(pem)))


_LOOKS_LIKE = (
    (
        rb"\s*(ssh-|ecdsa-sha2-|---- BEGIN SSH2)",
        "OpenSSH's own form: `ssh-keygen -e -m PKCS8 -f FILE` writes PEM",
    ),
    (rb"(?s:.*)-----BEGIN (NEW )?CERTIFICATE REQUEST", "a request for a certificate, and no certificate"),
    (rb"(?s:.*)-----BEGIN (PKCS7|CMS)", "PKCS #7: `openssl pkcs7 -print_certs` writes PEM"),
    (rb"\s*\{", "JSON: KeySet.parse(...) reads it"),
    (rb"0[\x20-\x84](?s:.*)[^\0-\x7f]", "DER: `openssl pkey -pubin -inform DER` writes PEM"),
)
"""How documents look that people take for PEM, and what they are."""


def _without_any(octets: bytes) -> str:
    """What is wrong with a document in which there is no block that is read."""
    what = next((what for form, what in _LOOKS_LIKE if re.match(form, octets)), None)
    return f"it holds no key or certificate in PEM form{'' if what is None else f', but is {what}'}"


def _octets(document: str | bytes) -> bytes:
    if not isinstance(document, str | bytes):
        raise TypeError(f"PEM is str or bytes, not {type(document).__name__}")
    octets = document.encode("utf-8", "replace") if isinstance(document, str) else document
    return without_mark(octets)


def _blocks(octets: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    if re.fullmatch(_BARE, octets):
        yield b"PUBLIC KEY", octets, b"END"
        return
    for found in re.finditer(_BLOCK, octets.replace(b"\\r", b"").replace(b"\\n", b"\n")):
        label, body, end = found.groups(b"")
        if label.endswith(_READ):
            yield label, body, end


def _lengthen(member: dict[str, Any] | UnusableKey, certificate: Certificate) -> None:
    from rightkey.jose.certificate import MAX_CHAIN

    if isinstance(member, dict) and len(member["x5c"]) < MAX_CHAIN:
        member["x5c"].append(_base64(certificate))


def _read(label: bytes, body: bytes, end: bytes) -> tuple[dict[str, Any] | UnusableKey, Certificate | None]:
    """One block: the JWK it makes, and if it is a certificate, that."""
    certificate = None
    try:
        der = _der(body, end)
        if label.endswith(b"CERTIFICATE"):
            certificate = _certificate(der)
            jwk: dict[str, Any] = material.numbers(certificate.public_key) | {"x5c": [_base64(certificate)]}
        else:
            private = label.endswith(b"PRIVATE KEY")
            jwk = dict(material.numbers(material.of_der(der, private=private)))
            if private:
                jwk["d"] = ""  # says that its private half is known, and does not repeat it
    except UnusableKey as unusable:
        return unusable, certificate
    return jwk, certificate


def _der(body: bytes, end: bytes) -> bytes:
    try:
        if end:
            return base64url.decode_published(body.decode("ascii"))
    except ValueError:
        pass
    raise UnusableKey("malformed", "the PEM is cut off, or not base64")


def _certificate(der: bytes) -> Certificate:
    from rightkey.jose.certificate import Unreadable, read_der

    try:
        return read_der(der)
    except Unreadable:
        raise UnusableKey("malformed", "the PEM holds no readable certificate") from None


def _issued(above: Certificate, below: Certificate) -> bool:
    return above.subject == below.issuer and not below.self_issued


def _base64(certificate: Certificate) -> str:
    return binascii.b2a_base64(certificate.der, newline=False).decode("ascii")
