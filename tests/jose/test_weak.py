"""Public keys that verify nothing: each is told from its neighbours by arithmetic on its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import count
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, rsa

from rightkey.jose.algorithms import CURVES
from rightkey.jose.base64url import encode
from rightkey.jose.key import judge
from rightkey.jose.skipped import UnusableKey
from rightkey.jose.weak import FERMAT_STEPS, MAX_COST, MIN_FACTOR, rsa_cost
from rightkey.localissuer.keys.signing import Form, SigningKey

P25519, P448 = 2**255 - 19, 2**448 - 2**224 - 1
Y8 = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
"""The y of points of order 8 on edwards25519, as libsodium lists it."""


def okp(crv: str, y: int, sign: int = 0) -> dict[str, str]:
    size = {"Ed25519": 32, "Ed448": 57}[crv]
    octets = (y | sign << 8 * size - 1).to_bytes(size, "little")
    return {"kty": "OKP", "crv": crv, "x": encode(octets)}


SMALL = [("Ed25519", y) for y in (0, 1, P25519 - 1, Y8, P25519 - Y8)]
SMALL += [("Ed448", y) for y in (0, 1, P448 - 1)]
NOT_CANONICAL = [("Ed25519", P25519 + y) for y in range(19)] + [("Ed448", P448), ("Ed448", P448 + 1)]
NOT_CANONICAL += [("Ed448", 2**448), ("Ed448", 2**455 - 1)]


def refused(member: dict[str, Any], reason: str, words: str) -> None:
    for published in (True, False):
        with pytest.raises(UnusableKey, match=words) as caught:
            judge(member, published=published)
        assert caught.value.reason == reason


@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize(("crv", "y"), SMALL)
def test_points_of_small_order(crv: str, y: int, sign: int) -> None:
    """Under the identity every message verifies, under the others one in a few; whatever the sign of x."""
    refused(okp(crv, y, sign), "weak", "small order")


@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize(("crv", "y"), NOT_CANONICAL)
def test_points_that_are_not_canonical(crv: str, y: int, sign: int) -> None:
    """y is not below p: a second spelling of a point."""
    refused(okp(crv, y, sign), "weak", "canonical")


@pytest.mark.parametrize(("crv", "p"), [("Ed25519", P25519), ("Ed448", P448)])
def test_points_off_the_curve_verify_nothing_and_harm_nothing(crv: str, p: int) -> None:
    """Half of all numbers are the y of no point. OpenSSL takes them for keys that no signature is by, and so
    do documents of others: they are no reason to skip a member."""
    for y in range(2, 42):
        assert judge(okp(crv, y), published=True).crv == crv


@pytest.mark.parametrize("make", [ed25519.Ed25519PrivateKey.generate, ed448.Ed448PrivateKey.generate])
def test_honest_points_pass(make: Any) -> None:
    """Whatever their sign."""
    for _ in range(20):
        key = make().public_key()
        crv = "Ed25519" if isinstance(key, ed25519.Ed25519PublicKey) else "Ed448"
        member = {"kty": "OKP", "crv": crv, "x": encode(key.public_bytes_raw())}
        assert judge(member, published=True).crv == crv


def test_the_identity_would_verify_anything() -> None:
    """Why all this: `cryptography` takes the key, and a signature that no private key made."""
    identity = ed25519.Ed25519PublicKey.from_public_bytes((1).to_bytes(32, "little"))
    forged = (1).to_bytes(32, "little") + bytes(32)  # R = identity, s = 0
    assert identity.verify(forged, b"any message") is None  # which is its yes


def point(crv: str, x: int, y: int) -> dict[str, str]:
    size = CURVES[crv][1]
    return {"kty": "EC", "crv": crv, "x": encode(x.to_bytes(size)), "y": encode(y.to_bytes(size))}


PRIMES = {  # SP 800-186, section 3.2.1; SEC 2, section 2.4.1
    "P-256": 2**256 - 2**224 + 2**192 + 2**96 - 1,
    "P-384": 2**384 - 2**128 - 2**96 + 2**32 - 1,
    "P-521": 2**521 - 1,
    "secp256k1": 2**256 - 2**32 - 977,
}


@pytest.mark.parametrize("crv", CURVES)
def test_points_of_the_other_curves(crv: str) -> None:
    """One off its curve, the point at infinity, coordinates of p or more, and the base point: refused."""
    curve, prime = CURVES[crv][0], PRIMES[crv]
    numbers = ec.generate_private_key(curve).public_key().public_numbers()
    assert judge(point(crv, numbers.x, numbers.y), published=True).crv == crv
    for x, y in ((numbers.x, numbers.y ^ 1), (0, 0), (prime, numbers.y), (numbers.x, prime)):
        refused(point(crv, x, y), "malformed", "make no key")
    base = ec.derive_private_key(1, curve).public_key().public_numbers()
    for y in (base.y, prime - base.y):
        refused(point(crv, base.x, y), "weak", "base point")


@pytest.mark.parametrize("crv", CURVES)
def test_a_coordinate_has_one_value(crv: str) -> None:
    """x + p is the point of x to OpenSSL: a key would have two spellings, and the base point a hidden one."""
    curve, prime = CURVES[crv][0], PRIMES[crv]
    size = (prime.bit_length() + 8) // 8  # as many octets as 2 p takes: of P-521, as many as its curve has
    for private in (ec.derive_private_key(1, curve), ec.generate_private_key(curve)):
        numbers = private.public_key().public_numbers()
        assert ec.EllipticCurvePublicNumbers(numbers.x + prime, numbers.y, curve).public_key()
        for x, y in ((numbers.x + prime, numbers.y), (numbers.x, numbers.y + prime)):
            member = {"kty": "EC", "crv": crv, "x": encode(x.to_bytes(size)), "y": encode(y.to_bytes(size))}
            refused(member, "malformed", "below its curve's prime")


P = int(
    "E905588DBE82F07258EC84BBED5A8585BB5DD98827997586AE4B2396AAA635BC7C7678DBDF03EB45298210BC986D3602"
    "B0D354F0651E95329B71669FC5E6E2A65B56D3C1FE211EA75E2C398BAE29C9F424C3D2F0C677DB2898BFE1156C9C8C96"
    "C76D0AEC730E0073E73659BBD113FAE621681D7070774514D624FAEA20327FA5",
    16,
)
Q = int(
    "BE979528B50346D3D175AB92F42C76AC894D635696F41BD29A429946AD309557C2D9CDEF193613D1489E9A2F941EB4A0"
    "55A3B069AC81B97EAE8101BF6F3D1A31FC1ACF1B7C0E3F66E23D9DE86E98A971D131D6D022E0D0630070B9538D8B604A"
    "A16652DECFB913A63928600ADC4A2EBEF38B018D74896EE90F2FBC6C552AB959",
    16,
)
NEXT = P + 888
AFTER_NEXT = NEXT + 1038
"""Two primes of a 2,048 bit key, and the two that follow the first: to look for such takes ten seconds."""
ROOTS = {3: (P >> 324 | 1) + 1038, 5: (P >> 604 | 1) + 264, 7: (P >> 724 | 1) + 4}
"""Primes whose power of the order given has some 2,100 bits."""


def modulus(n: int, e: int = 65537) -> dict[str, str]:
    spelled = [encode(value.to_bytes((value.bit_length() + 7) // 8)) for value in (n, e)]
    return {"kty": "RSA", "n": spelled[0], "e": spelled[1]}


@pytest.mark.parametrize(
    ("n", "words"),
    [
        (P * P * Q // (P >> 9) | 1, None),
        (P * Q * 3, "factor under 752"),
        (P * Q * 751, "factor under 752"),
        (P * P, "power of one number"),
        (P**3, "power of one number"),
        ((P >> 512) ** 5, None),
        (P * NEXT, "close together"),
        (NEXT * AFTER_NEXT, "close together"),
    ],
    ids=range(8),
)
def test_moduli_with_a_shortcut(n: int, words: str | None) -> None:
    """Small factors, powers, primes side by side. (None: whichever of them it is.)"""
    if n % 2 == 0:
        n += 1
    if words is None:
        n = math.isqrt(n) ** 2 if math.isqrt(n) % 2 else (math.isqrt(n) + 1) ** 2
    refused(modulus(n), "weak", words or "RSA modulus")


@pytest.mark.parametrize("prime", [P, Q, NEXT, AFTER_NEXT, *ROOTS.values()])
def test_the_primes_of_these_tests_are_primes(prime: int) -> None:
    """As far as Fermat's test knows."""
    assert pow(2, prime - 1, prime) == 1


@pytest.mark.parametrize("k", ROOTS)
def test_powers_of_one_prime(k: int) -> None:
    """Squares, cubes ... of primes, up to eighth powers, are told."""
    refused(modulus(ROOTS[k] ** k), "weak", "RSA modulus")


@pytest.mark.parametrize(
    "bits", [2048, pytest.param(3072, marks=pytest.mark.slow), pytest.param(4096, marks=pytest.mark.slow)]
)
def test_honest_moduli_pass(bits: int) -> None:
    """Of each usual size."""
    numbers = rsa.generate_private_key(65537, bits).public_key().public_numbers()
    assert judge(modulus(numbers.n), published=True).kty == "RSA"


def test_primes_that_are_far_enough_apart_pass() -> None:
    """Two of the same length are not close."""
    assert judge(modulus(P * Q), published=True).kty == "RSA"


@pytest.mark.parametrize(
    ("bits", "exponent", "passes"),
    [
        (2048, 65537, True),
        (2048, 2**32 - 1, True),
        (4096, 2**32 - 1, True),
        (8192, 3, True),
        (8192, 65537, True),
        (8192, 2**18 + 1, False),
        (8192, 2**32 - 1, False),
        (6144, 2**32 - 1, False),
    ],
)
def test_what_a_check_may_cost(bits: int, exponent: int, passes: bool) -> None:
    """As much as one by 8,192 bits with 65537, which is sixteen times one by 2,048."""
    assert (rsa_cost(bits, exponent) <= MAX_COST) == passes


def test_a_costly_key_is_skipped() -> None:
    """With what it would cost."""
    n = (1 << 8191) + 12345
    while any(n % factor == 0 for factor in range(3, 752, 2)):
        n += 2
    refused(modulus(n, 2**32 - 1), "costly", "exponent of 32 bits")
    assert judge(modulus(n), published=True).kty == "RSA"


def test_lattice_keys() -> None:
    """One of another length makes no key; one whose t1 is nothing, or next to it, lets anyone sign."""
    sizes = {"ML-DSA-44": 1312, "ML-DSA-65": 1952, "ML-DSA-87": 2592}
    for alg, size in sizes.items():
        assert len(mldsa.MLDSA44PrivateKey.generate().public_key().public_bytes_raw()) == 1312
        honest = SigningKey.generate(alg, Form(certificates=False)).public_jwk()
        assert judge(honest, published=True).alg == alg
        for changed in (size - 1, size + 1, 0):
            refused({"kty": "AKP", "alg": alg, "pub": encode(b"\x07" * changed)}, "malformed", "make no key")
        for vector in (
            bytes(size - 32),
            b"\1" + bytes(size - 33),
            bytes(size // 2) + b"\x55" * (size - size // 2 - 32),
        ):
            refused(
                {"kty": "AKP", "alg": alg, "pub": encode(b"\x07" * 32 + vector)}, "weak", "anyone can sign"
            )


SMALL_PRIMES = math.prod(n for n in range(2, MIN_FACTOR) if all(n % d for d in range(2, math.isqrt(n) + 1)))


def coprime(numbers: Iterable[int]) -> int:
    """The first of them that no small factor gives away."""
    return next(n for n in numbers if math.gcd(n, SMALL_PRIMES) == 1)


def apart(steps: int) -> int:
    """A modulus whose factors Fermat's method finds after so many steps."""
    middle = P | 1
    least = math.isqrt(2 * middle * steps) // 16 * 16 + (24 if steps else 8)  # 8 times an odd number
    return coprime((middle - d) * (middle + d) for d in range(least, least + 16000, 16))


@pytest.mark.parametrize("steps", [0, 1, 2, FERMAT_STEPS - 1])
def test_factors_are_close_at_each_step_of_the_search(steps: int) -> None:
    """Not at the first step alone: those of CVE-2022-26320 were some steps apart."""
    refused(modulus(apart(steps)), "weak", "close together")


def test_factors_further_apart_than_the_search_goes_pass() -> None:
    """It is bounded, since an honest modulus pays for all of it."""
    assert judge(modulus(apart(FERMAT_STEPS)), published=True).kty == "RSA"


def test_factors_next_to_each_other() -> None:
    """The middle itself is looked at: its square is one more than the modulus."""
    middle = next(m for m in count(P + 1, 2) if math.gcd(m * m - 1, SMALL_PRIMES) == 1)
    refused(modulus(middle * middle - 1), "weak", "close together")


@pytest.mark.parametrize("k", [11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61])
def test_high_powers(k: int) -> None:
    """A power of any prime order, of a modulus of any length (NIST SP 800-89, section 5.3.3)."""
    for bits in {max(128, -(-2048 // k)), min(256, 8192 // k)}:
        refused(modulus(coprime(count(2**bits - 1, -2)) ** k), "weak", "power of one number")


def test_the_cost_is_in_checks_by_2048_bits() -> None:
    """A squaring for each bit behind the first; a longer modulus counts with its square."""
    assert rsa_cost(2048, 65537) == 1
    assert rsa_cost(8192, 65537) == 16
    assert rsa_cost(4096, 3) == 4 * rsa_cost(2048, 3) == 1 / 4


@pytest.mark.parametrize("alg", ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"])
def test_a_lattice_key_may_have_a_quarter_of_zeros(alg: str) -> None:
    """And not one more. Those of the seed, which is in front of the vector, do not count."""
    size = {"ML-DSA-44": 1280, "ML-DSA-65": 1920, "ML-DSA-87": 2560}[alg]
    for zeros in (size // 4, size // 4 + 1):
        pub = bytes(32) + b"\x55" * (size - zeros) + bytes(zeros)
        member = {"kty": "AKP", "alg": alg, "pub": encode(pub)}
        if zeros == size // 4:
            assert judge(member, published=True).alg == alg
        else:
            refused(member, "weak", "anyone can sign")


@pytest.mark.parametrize(
    ("member", "reason", "detail"),
    [
        (
            {"kty": "OKP", "crv": "Ed25519", "x": encode(bytes(31))},
            "malformed",
            "the numbers make no key",
        ),
        (modulus(P**2), "weak", "the RSA modulus is a power of one number"),
        (
            modulus(P * NEXT),
            "weak",
            "the primes of the RSA modulus are close together, as in CVE-2022-26320",
        ),
        (
            {"kty": "AKP", "alg": "ML-DSA-44", "pub": encode(bytes(1312))},
            "weak",
            "the vector of the ML-DSA key is almost all zero: anyone can sign for it",
        ),
    ],
    ids=["length", "power", "close", "lattice"],
)
def test_a_weak_key_says_what_is_wrong_with_it(member: dict[str, Any], reason: str, detail: str) -> None:
    """The owner of the key must find out from it."""
    with pytest.raises(UnusableKey) as caught:
        judge(member, published=True)
    assert (caught.value.reason, caught.value.detail) == (reason, detail)
