"""The certificate that an issuer puts around its own key, and how its thumbprint is written."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from rightkey.jose.base64url import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from rightkey.localissuer.keys.jwk import PrivateKey

_AHEAD, _LIFE = timedelta(hours=1), timedelta(days=14 * 365)


def self_signed(key: PrivateKey, name: str, now: float) -> bytes:
    """A certificate as Auth0 makes them, in DER: self-signed, a CA, valid for fourteen years.

    Args:
        key: certified, and signs.
        name: the common name; Auth0 puts the tenant's domain there.
        now: Unix time in seconds; the certificate is valid from an hour before.
    """
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name[:64])])
    begins = datetime.fromtimestamp(now, UTC) - _AHEAD
    builder = (
        x509.CertificateBuilder(issuer_name=subject, subject_name=subject, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + _LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    hashed = isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return builder.sign(key, hashes.SHA256() if hashed else None).public_bytes(Encoding.DER)


def pem(der: bytes) -> bytes:
    """The same certificate in PEM, as `x5u` serves it (RFC 7515, section 4.1.5)."""
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


def _sha1(der: bytes) -> hashlib._Hash:
    return hashlib.sha1(der, usedforsecurity=False)  # it names a certificate and proves nothing


X5T: dict[str, Callable[[bytes], str]] = {
    "rfc": lambda der: encode(_sha1(der).digest()),
    "hex": lambda der: encode(_sha1(der).hexdigest().upper().encode("ascii")),
}
"""Both forms of `x5t` in use: RFC 7517's, of the octets, and Auth0's, of their hex text."""


def x5t_s256(der: bytes) -> str:
    """`x5t#S256`, which has one form only (RFC 7517, section 4.9)."""
    return encode(hashlib.sha256(der).digest())
