"""What `cryptography` makes of certificates: facts out of DER, and chains to given roots.

Apart from certificate.py, which imports it at the first certificate: it takes longer to load than
everything else that a verifier needs.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

UNREADABLE: tuple[type[Exception], ...] = (
    ValueError,
    TypeError,
    AttributeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    Warning,
)
"""What `cryptography` raises of a certificate that it cannot read. A serial number below one is a warning
today and an error tomorrow."""
_UNPROVEN: tuple[type[Exception], ...] = (*UNREADABLE, VerificationError)


def facts(der: bytes) -> dict[str, Any]:
    """What a certificate says. Raises whatever `cryptography` does where it cannot read it."""
    certificate = x509.load_der_x509_certificate(der)
    public_key = certificate.public_key()
    spki(public_key)  # a certificate without a key of use here is not readable
    hash_ = certificate.signature_hash_algorithm
    return {
        "subject": _name(certificate, "subject"),
        "issuer": _name(certificate, "issuer"),
        "serial_number": certificate.serial_number,
        "not_before": certificate.not_valid_before_utc,
        "not_after": certificate.not_valid_after_utc,
        "signature_hash": hash_.name if hash_ else None,
        "public_key": public_key,
    }


def _name(certificate: x509.Certificate, which: str) -> str:
    """A name as text (RFC 4514); empty where it cannot be read, which is no reason to lose the key: names of
    Google's service accounts are longer than X.520 allows, at which `cryptography` warns.
    """
    try:
        return str(getattr(certificate, which).rfc4514_string())
    except (ValueError, KeyError, Warning):  # KeyError: cryptography 48 and 49, at an unknown type of string
        return ""


def spki(public_key: Any) -> bytes:
    """A public key in the one form in which two can be compared."""
    return bytes(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def store(pem: bytes) -> Store:
    """Roots to which chains may lead. Raises ValueError where there is no certificate."""
    return Store(x509.load_pem_x509_certificates(pem))


def leads_to(roots: Store, der: bytes, others: Iterable[bytes], now: float) -> str | None:
    """Why a certificate's chain does not end in a root at a Unix time, in seconds; None where it does.

    cryptography's own end-entity policy is for web servers and demands a SAN, which no signer of tokens
    has. Ours asks that the certificate may sign; the issuers above it are held to the web's rules.
    """
    leaf = ExtensionPolicy.permit_all().may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_sign)
    builder = PolicyBuilder().store(roots).time(dt.datetime.fromtimestamp(now, dt.UTC))
    builder = builder.extension_policies(ee_policy=leaf, ca_policy=ExtensionPolicy.webpki_defaults_ca())
    try:
        chain = [x509.load_der_x509_certificate(one) for one in others]
        builder.build_client_verifier().verify(x509.load_der_x509_certificate(der), chain)
    except _UNPROVEN as error:
        return type(error).__name__
    return None


def _may_sign(_policy: object, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.digital_signature:
        raise ValueError("the certificate's key usage does not allow signatures")
