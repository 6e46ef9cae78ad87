"""The local issuer's certificates: as Auth0 makes them."""

from __future__ import annotations

import base64
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from rightkey.localissuer.keys.selfsigned import X5T, pem, self_signed, x5t_s256

NOW = 1_700_000_000


def test_the_certificate_is_a_self_signed_ca_of_fourteen_years() -> None:
    """Shape and dates are those of Auth0's tenants; the dates follow the clock given."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = x509.load_der_x509_certificate(self_signed(key, "tenant.example", NOW))
    certificate.verify_directly_issued_by(certificate)
    assert certificate.public_key() == key.public_key()
    assert certificate.subject.rfc4514_string() == "CN=tenant.example"
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert certificate.not_valid_before_utc.timestamp() == NOW - 3600
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == 14 * 365


def test_keys_that_hash_for_themselves_are_certified_too() -> None:
    """An Ed25519 certificate names no hash."""
    der = self_signed(ed25519.Ed25519PrivateKey.generate(), "x" * 80, NOW)
    certificate = x509.load_der_x509_certificate(der)
    assert certificate.signature_hash_algorithm is None
    assert certificate.subject.rfc4514_string() == "CN=" + "x" * 64


def test_the_thumbprint_has_two_spellings() -> None:
    """RFC 7517 encodes the octets of the SHA-1, Auth0 their upper-case hex text."""
    der = self_signed(ec.generate_private_key(ec.SECP256R1()), "tenant.example", NOW)
    digest = hashlib.sha1(der).digest()
    assert base64.urlsafe_b64decode(X5T["rfc"](der) + "=") == digest
    assert base64.urlsafe_b64decode(X5T["hex"](der) + "==") == digest.hex().upper().encode()
    assert base64.urlsafe_b64decode(x5t_s256(der) + "=") == hashlib.sha256(der).digest()


def test_pem_is_the_same_certificate() -> None:
    """What x5u serves is what x5c holds."""
    der = self_signed(ec.generate_private_key(ec.SECP256R1()), "tenant.example", NOW)
    read = x509.load_pem_x509_certificate(pem(der))
    assert read.fingerprint(hashes.SHA256()) == hashlib.sha256(der).digest()
