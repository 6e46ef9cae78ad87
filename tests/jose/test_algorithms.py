"""The table of algorithms, against signatures made here by `cryptography` alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from tests.conftest import signing_key

from rightkey.jose.algorithms import ALGORITHMS, CURVES, SAFE, accepts

DATA = b"what is signed"
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
ECDSA = {"ES256": ("P-256", "256"), "ES384": ("P-384", "384"), "ES512": ("P-521", "512")}
ECDSA |= {"ES256K": ("secp256k1", "256")}
ORDERS = {  # SEC 2, sections 2.4.1, 2.4.2, 2.5.1 and 2.6.1
    "P-256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "P-384": 2**384 - 0x389CB27E0BC8D220A7E5F24DB74F58851313E695333AD68D,
    "P-521": 2**521 - 0x5AE79787C40D069948033FEB708F65A2FC44A36477663B851449048E16EC79BF7,
    "secp256k1": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
}

RSA = signing_key("RS256").private

Pair = tuple[Any, Callable[[bytes], bytes]]


@cache
def pair(name: str) -> Pair:
    """A public key, and how its owner signs."""
    if name in ECDSA:
        curve, hash_ = ECDSA[name]
        return ecdsa(ec.generate_private_key(CURVES[curve][0]), HASHES[hash_])
    if name[:2] in ("RS", "PS"):
        hash_ = HASHES[name[2:]]
        pss = padding.PSS(padding.MGF1(hash_), hash_.digest_size)
        pad = pss if name[0] == "P" else padding.PKCS1v15()
        return RSA.public_key(), lambda data: RSA.sign(data, pad, hash_)
    key = {
        "EdDSA": ed25519.Ed25519PrivateKey,
        "Ed25519": ed25519.Ed25519PrivateKey,
        "Ed448": ed448.Ed448PrivateKey,
        "ML-DSA-44": mldsa.MLDSA44PrivateKey,
        "ML-DSA-65": mldsa.MLDSA65PrivateKey,
        "ML-DSA-87": mldsa.MLDSA87PrivateKey,
    }[name].generate()
    return key.public_key(), key.sign


def ecdsa(key: ec.EllipticCurvePrivateKey, hash_: hashes.HashAlgorithm) -> Pair:
    size = (key.curve.key_size + 7) // 8

    def sign(data: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hash_)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    return key.public_key(), sign


def holds(name: str, public_key: Any, signature: bytes, data: bytes = DATA) -> bool:
    """Whether the algorithm takes the signature: it returns nothing, or raises as its contract says."""
    try:
        assert ALGORITHMS[name].bind(public_key)(signature, data) is None
    except (InvalidSignature, ValueError):
        return False
    return True


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_signature_holds_for_what_was_signed(name: str) -> None:
    """Made by other code; for other octets, or shortened, lengthened or absent, it does not hold."""
    public_key, sign = pair(name)
    signature = sign(DATA)
    assert holds(name, public_key, signature)
    assert not holds(name, public_key, signature, DATA + b".")
    for other in (signature[:-1], signature + b"\0", b"\0" + signature, b"", bytes(len(signature))):
        assert not holds(name, public_key, other)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_no_other_algorithms_signature_holds(name: str) -> None:
    """Not even one by the same key, where it can make both."""
    public_key, _ = pair(name)
    for other in ALGORITHMS:
        if other != name:
            assert not holds(name, public_key, pair(other)[1](DATA)), other


@pytest.mark.parametrize("name", ["EdDSA", "Ed25519"])
def test_eddsa_has_two_names(name: str) -> None:
    """A signature by Ed25519 holds under the old name and the exact one (RFC 9864)."""
    public_key, sign = pair("Ed25519")
    assert holds(name, public_key, sign(DATA))


def test_eddsa_serves_both_curves() -> None:
    """Ed448 too was called EdDSA (RFC 8037)."""
    public_key, sign = pair("Ed448")
    assert holds("EdDSA", public_key, sign(DATA))


@pytest.mark.parametrize("salt", [0, 20, 64])
def test_the_salt_is_as_long_as_the_hash(salt: int) -> None:
    """Another length is another signature (RFC 7518, section 3.5)."""
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt)
    assert not holds("PS256", RSA.public_key(), RSA.sign(DATA, pss, hashes.SHA256()))


@pytest.mark.parametrize("name", ECDSA)
def test_numbers_that_are_no_ecdsa_signature(name: str) -> None:
    """Zero and the group's order stand for nothing, whatever the key (CVE-2022-21449)."""
    public_key, sign = pair(name)
    curve = ECDSA[name][0]
    size, order = CURVES[curve][1], ORDERS[curve]
    valid = int.from_bytes(sign(DATA)[:size])
    for r, s in ((0, 0), (0, 1), (1, 0), (order, order), (order, 1), (valid, 0), (valid, order)):
        assert not holds(name, public_key, r.to_bytes(size) + s.to_bytes(size)), (r, s)


@pytest.mark.parametrize("name", ECDSA)
def test_ecdsa_is_not_in_der(name: str) -> None:
    """JOSE writes r and s side by side; the form of certificates is refused (RFC 7518, section 3.4)."""
    public_key, sign = pair(name)
    size = CURVES[ECDSA[name][0]][1]
    signature = sign(DATA)
    r, s = int.from_bytes(signature[:size]), int.from_bytes(signature[size:])
    assert not holds(name, public_key, encode_dss_signature(r, s))


def test_who_can_check_cannot_sign() -> None:
    """Neither HMAC nor `none` is in the table, in any letter case."""
    assert not [name for name in ALGORITHMS if name.upper().startswith(("HS", "NONE", "A"))]
    assert {algorithm.kty for algorithm in ALGORITHMS.values()} == {"RSA", "EC", "OKP", "AKP"}
    assert all(name == algorithm.name for name, algorithm in ALGORITHMS.items())


def test_what_is_safe() -> None:
    """Everything in the table but ES256K."""
    assert ALGORITHMS.keys() - SAFE == {"ES256K"}


@pytest.mark.parametrize(
    ("name", "kty", "crv", "alg", "expected"),
    [
        ("RS256", "RSA", None, None, True),
        ("RS256", "RSA", None, "RS256", True),
        ("PS256", "RSA", None, "RS256", False),
        ("RS256", "EC", "P-256", None, False),
        ("ES256", "EC", "P-256", None, True),
        ("ES256", "EC", "secp256k1", None, False),
        ("ES256K", "EC", "P-256", None, False),
        ("ES256", "EC", "P-384", "ES256", False),
        ("EdDSA", "OKP", "Ed25519", None, True),
        ("EdDSA", "OKP", "Ed448", None, True),
        ("EdDSA", "OKP", "Ed25519", "Ed25519", True),
        ("EdDSA", "OKP", "Ed448", "Ed448", True),
        ("Ed25519", "OKP", "Ed25519", "EdDSA", True),
        ("Ed448", "OKP", "Ed448", "EdDSA", True),
        ("Ed25519", "OKP", "Ed25519", "Ed448", False),
        ("EdDSA", "OKP", "Ed25519", "Ed448", False),
        ("Ed448", "OKP", "Ed25519", None, False),
        ("Ed25519", "OKP", "Ed25519", "ES256", False),
        ("ML-DSA-44", "AKP", None, "ML-DSA-44", True),
        ("ML-DSA-44", "AKP", None, "ML-DSA-65", False),
        ("RS256", "RSA", None, "rs256", False),
        ("RS256", "RSA", None, "", False),
    ],
)
def test_which_key_serves_which_algorithm(
    name: str, kty: str, crv: str | None, alg: str | None, expected: bool
) -> None:
    """Type and curve must be right, and an `alg` on the key is the only one it serves."""
    assert accepts(ALGORITHMS[name], kty, crv, alg) is expected


@pytest.mark.slow
@pytest.mark.parametrize("name", ["RS256", "PS256"])
def test_an_rsa_signature_is_as_long_as_the_modulus(name: str) -> None:
    """Leading zeros belong to it (RFC 8017, section 8.1.2): without them it is another spelling."""
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    pad = pss if name == "PS256" else padding.PKCS1v15()
    datas = (str(number).encode() for number in itertools.count())
    signed = ((data, RSA.sign(data, pad, hashes.SHA256())) for data in datas)
    data, signature = next((data, found) for data, found in signed if found[0] == 0)
    check = ALGORITHMS[name].bind(RSA.public_key())
    check(signature, data)
    for other in (signature[1:], signature.lstrip(b"\0"), b"\0" + signature, b""):
        with pytest.raises(InvalidSignature):
            check(other, data)


def test_the_hash_of_at_hash_is_that_of_the_algorithm() -> None:
    """OpenID Connect Core 1.0, section 3.1.3.6: an algorithm of RFC 7518 ends with its bits."""
    named = {name: one.hash_name for name, one in ALGORITHMS.items() if one.kty in ("RSA", "EC")}
    assert named == {name: f"sha{name.removesuffix('K')[-3:]}" for name in named}
    others = {name: one.hash_name for name, one in ALGORITHMS.items() if one.hash_name and name not in named}
    assert others == {"EdDSA": "sha512", "Ed25519": "sha512"}
