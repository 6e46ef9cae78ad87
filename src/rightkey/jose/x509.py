"""What `cryptography` makes of certificates: facts out of DER, and chains to given roots.

Apart from certificate.py, which imports it at the first certificate: it takes longer to load than
everything else that a verifier needs.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

ec.ECDSA(hashes.SHA256())
"""The first one loads a table of OpenSSL's. It is loaded here, with what a verifier loads when it is built: a
fetch that loads a module holds its import lock, and a child that is forked meanwhile waits for it for ever.
"""
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
    except (ValueError, KeyError, Warning):  # KeyError: cryptography 49, at an unknown type of string
        return ""


def spki(public_key: Any) -> bytes:
    """A public key in the one form in which two can be compared."""
    return bytes(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


class Roots(NamedTuple):
    """What chains may lead to, and the Unix times at which one of these certificates begins or ends."""

    store: Store
    dates: tuple[float, ...]


class Judged(NamedTuple):
    """Why a chain does not end in a root, None where it does; the same from `since` to before `until`."""

    why: str | None
    since: float
    until: float


def roots(pem: bytes) -> Roots:
    """Roots to which chains may lead. Raises ValueError where there is no certificate."""
    certificates = x509.load_pem_x509_certificates(pem)
    return Roots(Store(certificates), tuple(_dates(certificates)))


def leads_to(roots: Roots, der: bytes, others: Iterable[bytes], now: float) -> Judged:
    """Whether a certificate's chain ends in a root at a Unix time, in seconds.

    cryptography's own end-entity policy is for web servers and demands a SAN, which no signer of tokens
    has. Ours asks that the certificate may sign; the issuers above it are held to the web's rules.
    """
    leaf = ExtensionPolicy.permit_all().may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_sign)
    builder = PolicyBuilder().store(roots.store).time(dt.datetime.fromtimestamp(now, dt.UTC))
    builder = builder.extension_policies(ee_policy=leaf, ca_policy=ExtensionPolicy.webpki_defaults_ca())
    try:
        first, *chain = [x509.load_der_x509_certificate(one) for one in (der, *others)]
        dates = [*roots.dates, *_dates([first, *chain])]
    except UNREADABLE as error:  # at any time
        return Judged(type(error).__name__, -math.inf, math.inf)
    why = None
    try:
        builder.build_client_verifier().verify(first, chain)
    except _UNPROVEN as error:
        why = type(error).__name__
    # Of time, nothing but these dates was looked at.
    since = max((date for date in dates if date <= now), default=-math.inf)
    return Judged(why, since, min((date for date in dates if date > now), default=math.inf))


def _dates(certificates: Iterable[x509.Certificate]) -> Iterator[float]:
    """When a verdict may change: a certificate's last second is still its own (RFC 5280, section 4.1.2.5)."""
    for one in certificates:
        yield one.not_valid_before_utc.timestamp()
        yield one.not_valid_after_utc.timestamp() + 1


def _may_sign(_policy: object, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.digital_signature:
        raise ValueError("the certificate's key usage does not allow signatures")
