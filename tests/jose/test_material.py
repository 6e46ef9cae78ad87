"""The numbers of a key: what is wrong with them is told, and the right ones have one spelling."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from rightkey.jose.base64url import encode
from rightkey.jose.key import judge
from rightkey.jose.material import numbers, of_der, public_key
from rightkey.jose.skipped import UnusableKey

EC = {  # RFC 7517, appendix A.1
    "kty": "EC",
    "crv": "P-256",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
}
PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1  # SP 800-186, section 3.2.1.3
ODD = encode(b"\xff" * 256)


@pytest.mark.parametrize(
    ("member", "reason", "detail"),
    [
        ({"kty": "RSA"}, "no_public_key", "n and e missing"),
        ({"kty": "EC", "crv": "P-256", "x": EC["x"]}, "no_public_key", "y missing"),
        (EC | {"y": EC["x"]}, "malformed", "the numbers make no key"),
        (
            EC | {"x": encode(PRIME.to_bytes(32)), "y": EC["y"]},
            "malformed",
            "the numbers make no key",
        ),
        (EC | {"x": encode(bytes(2) + b"\1" * 32)}, "malformed", "a coordinate is longer than its curve's"),
        (
            {"kty": "RSA", "n": encode(b"\xff" * 255 + b"\xfe"), "e": "AQAB"},
            "malformed",
            "the RSA modulus is even: no two primes make it",
        ),
        (
            {"kty": "RSA", "n": ODD, "e": "AQ"},
            "weak",
            "the RSA exponent is even, under 3 or over 32 bits",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_numbers_that_make_no_key_say_why(member: dict[str, Any], reason: str, detail: str) -> None:
    """The owner of the document must find out what to mend."""
    with pytest.raises(UnusableKey) as caught:
        judge(member, published=True)
    assert (caught.value.reason, caught.value.detail) == (reason, detail)


def test_a_second_spelling_of_a_coordinate_is_told_as_that() -> None:
    """x + p, which OpenSSL takes for x (SEC 1, section 2.3.5)."""
    found = ec.derive_private_key(2, ec.SECP521R1()).public_key().public_numbers()
    x, y = (encode(value.to_bytes(66)) for value in (found.x + 2**521 - 1, found.y))
    member = {"kty": "EC", "crv": "P-521", "x": x, "y": y}
    with pytest.raises(UnusableKey) as caught:
        judge(member, published=True)
    assert caught.value.detail == "a coordinate is not below its curve's prime"


def test_a_key_from_elsewhere_says_what_it_is() -> None:
    """Of a certificate or a PEM: another type than was said, one that signs no tokens, or none."""
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    with pytest.raises(UnusableKey) as caught:
        public_key({"kty": "RSA"}, key)
    assert (caught.value.reason, caught.value.detail) == (
        "malformed",
        "the certificate's key is not of type RSA",
    )
    with pytest.raises(UnusableKey) as caught:
        numbers(ec.generate_private_key(ec.SECP224R1()).public_key())
    assert (caught.value.reason, caught.value.detail) == (
        "unknown_kty",
        "a key of its type or curve does not sign tokens",
    )
    for private in (True, False):
        with pytest.raises(UnusableKey) as caught:
            of_der(b"AAAA", private=private)
        assert (caught.value.reason, caught.value.detail) == (
            "malformed",
            "its DER cannot be read as a key, or is encrypted",
        )


def test_each_coordinate_has_all_its_octets() -> None:
    """However small the number is (RFC 7518, section 6.2.1.2): else one key would have two thumbprints."""
    points = [ec.derive_private_key(number, ec.SECP256R1()).public_key() for number in range(1, 1000)]
    for name in ("x", "y"):
        short = next(one for one in points if getattr(one.public_numbers(), name) < 2**248)
        assert len(numbers(short)[name]) == 43
