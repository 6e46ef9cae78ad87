"""What may be odd about the certificate of a key."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fuzz.differential.case import NUMBERS, Case, Signer, seeded
from fuzz.differential.oddity import Oddity
from fuzz.differential.signatures import stranger


def certificate(signer: Signer) -> str:
    """A self-signed certificate, or for keys that sign none by themselves, one by a key of EC."""
    authority = ec.derive_private_key(seeded("authority", 31), ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer.example")])
    day = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(signer.private.public_key())
        .serial_number(1)
        .not_valid_before(day)
        .not_valid_after(day + datetime.timedelta(days=36500))
        .sign(authority, hashes.SHA256())
    )
    return base64.b64encode(built.public_bytes(serialization.Encoding.DER)).decode()


def chain(change: Callable[[str], Any]) -> Oddity:
    """The key's own certificate, in an odd way."""
    return lambda case: case.jwk.update(x5c=change(certificate(case.signer)))


def strangers_certificate(case: Case) -> None:
    """A certificate that is for another key."""
    case.jwk["x5c"] = [certificate(stranger(case))]


def certificate_alone(case: Case) -> None:
    """A certificate, and no numbers."""
    case.jwk["x5c"] = [certificate(case.signer)]
    for name in NUMBERS[case.jwk["kty"]]:
        del case.jwk[name]


CERTIFICATES: dict[str, Oddity] = {
    "jwk x5c: its own": chain(lambda one: [one]),
    "jwk x5c: base64url": chain(lambda one: [one.replace("+", "-").replace("/", "_").rstrip("=")]),
    "jwk x5c: line ends": chain(lambda one: ["\n".join(one[at : at + 64] for at in range(0, len(one), 64))]),
    "jwk x5c: text": chain(lambda one: one),
    "jwk x5c: PEM": chain(lambda one: [f"-----BEGIN CERTIFICATE-----\n{one}\n-----END CERTIFICATE-----"]),
    "jwk x5c: cut": chain(lambda one: [one[:-8]]),
    "jwk x5c: another key's": strangers_certificate,
    "jwk x5c: alone": certificate_alone,
}
"""Each by name."""
