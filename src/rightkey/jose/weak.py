"""Which public keys verify nothing, because anyone can sign for them, or find their private half.

Only arithmetic on public numbers, each rule with its source. None needs more than a millisecond. What would
take longer is not looked for: a modulus that is prime, two keys that share a prime, lists of leaked keys.
"""

from __future__ import annotations

from bisect import bisect
from functools import cache
from itertools import count, islice
from math import gcd, isqrt, prod
from typing import NamedTuple

from rightkey.jose.skipped import UnusableKey

FERMAT_STEPS = 100
"""How far apart two primes may be to be found: CVE-2022-26320's were within a few steps."""
MIN_FACTOR = 752
"""NIST SP 800-89, section 5.3.3: a modulus has no factor under this."""
MAX_COST = 16
"""How much more one RSA check may cost than one by 2,048 bits with the exponent 65537: as much as one by
8,192."""


class _Field(NamedTuple):
    """A twisted Edwards curve a x^2 + y^2 = 1 + d x^2 y^2 modulo p, and the octets of a point."""

    p: int
    a: int
    d: int
    size: int


_ED25519 = 2**255 - 19
_EDWARDS = {
    "Ed25519": _Field(_ED25519, -1, -121665 * pow(121666, -1, _ED25519), 32),  # RFC 8032, section 5.1
    "Ed448": _Field(2**448 - 2**224 - 1, 1, -39081, 57),  # RFC 8032, section 5.2
}


def require_sound_point(crv: str, octets: bytes) -> None:
    """An Edwards point that has one spelling, and is not of small order.

    Under a point of small order one signature verifies many messages, under the identity every message. RFC
    8032, section 5.1.7, leaves it open to refuse them; libsodium does. x = 0 with its sign set (section
    5.1.3, step 4) is among them.

    Raises UnusableKey.
    """
    field = _EDWARDS[crv]
    if len(octets) != field.size:
        raise UnusableKey("malformed", "the numbers make no key")
    value = int.from_bytes(octets, "little")
    y = value & ((1 << (8 * field.size - 1)) - 1)  # the highest bit is the sign of x
    if y >= field.p:  # RFC 8032, sections 5.1.3 and 5.2.3, step 1
        raise UnusableKey("weak", f"the {crv} point is not in canonical form")
    if _is_of_small_order(y, field):
        raise UnusableKey("weak", f"the {crv} point is of small order: others can sign for it")


def _is_of_small_order(y: int, field: _Field) -> bool:
    """Whether eight times the point is the identity.

    Order 1 and 2 have y = 1 and -1. Order 4 has y = 0. Order 8, which Ed448 does not have, doubles to
    y = 0, so that a x^2 = y^2, which with the curve's equation is a d y^4 - 2 y^2 + 1 = 0.
    """
    p, a, d, _ = field
    if y * (y * y - 1) % p == 0:
        return True
    return a == -1 and (d * y**4 + 2 * y * y - 1) % p == 0


def require_sound_modulus(modulus: int, exponent: int) -> None:
    """An RSA modulus that does not fall to known shortcuts, and a check that does not cost too much.

    Raises UnusableKey.
    """
    if gcd(modulus, _small_primes()) != 1:
        raise UnusableKey("weak", f"the RSA modulus has a factor under {MIN_FACTOR}")
    if _is_power(modulus):  # NIST SP 800-89, section 5.3.3
        raise UnusableKey("weak", "the RSA modulus is a power of one number")
    if _has_close_primes(modulus):
        raise UnusableKey("weak", "the primes of the RSA modulus are close together, as in CVE-2022-26320")
    if _is_roca(modulus):
        raise UnusableKey("weak", "the RSA modulus has the guessable form of CVE-2017-15361")
    if rsa_cost(modulus.bit_length(), exponent) > MAX_COST:
        told = f"RSA of {modulus.bit_length()} bits with an exponent of {exponent.bit_length()} bits"
        raise UnusableKey(
            "costly", f"{told} takes over {MAX_COST} times as long as RSA of 2048 bits with 65537"
        )


def rsa_cost(bits: int, exponent: int) -> float:
    """What a check costs, in checks by 2,048 bits with 65537: a squaring grows with the square of the length,
    and there is one for each bit of the exponent behind the first.
    """
    return (bits / 2048) ** 2 * max(1, exponent.bit_length() - 1) / 16


@cache
def _small_primes() -> int:
    """The product of the odd primes under `MIN_FACTOR`."""
    return prod(n for n in range(3, MIN_FACTOR, 2) if all(n % d for d in range(3, isqrt(n) + 1, 2)))


def _is_power(modulus: int) -> bool:
    """Whether it is a square, cube ... of a number of 128 bits or more. Factors of fewer bits are not
    looked for, repeated or not."""
    for k in _POWERS[: bisect(_POWERS, modulus.bit_length() // 128)]:
        # Modulo a prime q with k | q - 1 one number in k is a k-th power: eight of them settle nearly every
        # modulus without a root, which for 8,192 bits took 14 ms.
        if all(pow(modulus, (q - 1) // k, q) == 1 for q in _tellers(k)) and _root(modulus, k) ** k == modulus:
            return True
    return False


_POWERS = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61)
"""The prime ones: whatever is a fourth power is a square."""


@cache
def _tellers(k: int) -> tuple[int, ...]:
    """Eight primes q with k | q - 1: modulo each of them, most numbers can be seen to be no k-th power."""
    candidates = (q for q in count(2 * k + 1, 2 * k) if all(q % d for d in range(2, isqrt(q) + 1)))
    return tuple(islice(candidates, 8))


def _root(number: int, k: int) -> int:
    """The whole part of the k-th root: Newton's steps, from above."""
    if k == 2:
        return isqrt(number)
    root = 1 << -(-number.bit_length() // k)
    while (lower := ((k - 1) * root + number // root ** (k - 1)) // k) < root:
        root = lower
    return root


_SQUARES = frozenset(n * n % 64 for n in range(64))
_COPRIME = 63 * 65 * 11
_MORE_SQUARES = tuple((m, frozenset(n * n % m for n in range(m))) for m in (63, 65, 11))


def _may_be_square(number: int) -> bool:
    """Whether remainders leave it open. They do of every square, and of one in 22 of other numbers: so a root
    is hardly ever taken of what is no square, which was up to half of the work of judging a modulus."""
    rest = number % _COPRIME  # one division of a long number, and three of a short one
    return all(rest % modulus in squares for modulus, squares in _MORE_SQUARES)


def _has_close_primes(modulus: int) -> bool:
    """Fermat's method, a few steps of it: p and q lie equally far from a middle just above the square
    root."""
    middle = isqrt(modulus) + 1  # a square is refused before
    square = middle * middle - modulus
    for _ in range(FERMAT_STEPS):
        if square & 63 in _SQUARES and _may_be_square(square) and isqrt(square) ** 2 == square:
            return True
        square += 2 * middle + 1  # (middle + 1)^2 - modulus, without a multiplication
        middle += 1
    return False


# CVE-2017-15361 (ROCA): primes of one maker's chips were k * M + 65537 ** a mod M, with M the product of
# small primes, so that modulo each of those primes the modulus is a power of 65537. Others hardly ever are.
_ROCA_PRIMES = (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)


def _is_roca(modulus: int) -> bool:
    return all(modulus % prime in _powers(prime) for prime in _ROCA_PRIMES)


@cache
def _powers(prime: int) -> frozenset[int]:
    return frozenset(pow(65537, exponent, prime) for exponent in range(prime - 1))


_GENERATORS = {
    "P-256": 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    "P-384": int(
        "AA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7",
        16,
    ),
    "P-521": int(
        "C6858E06B70404E9CD9E3ECB662395B4429C648139053FB521F828AF606B4D3D"
        "BAA14B5E77EFE75928FE1DC127A2FFA8DE3348B3C1856A429BF97E7E31C2E5BD66",
        16,
    ),
    "secp256k1": 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
}
"""The x of each curve's base point (SP 800-186, section 3.2; SEC 2, section 2.4.1)."""


def require_sound_coordinate(crv: str, x: int) -> None:
    """A point that is not its curve's own base point. Raises UnusableKey.

    That a point is on its curve, and not at infinity, `cryptography` asks. These curves have prime order:
    no other point is of small order.
    """
    if x == _GENERATORS[crv]:
        raise UnusableKey("weak", f"the point is the base point of {crv}: its private half is 1")


def require_sound_matrix(pub: bytes) -> None:
    """An ML-DSA key whose vector t1 is not all but zero. Raises UnusableKey.

    FIPS 204, algorithm 8 verifies A z - c t1 2^d: with t1 = 0 the key's owner has no part in it, and
    anyone can sign. Of an honest key one octet in 256 is zero.
    """
    vector = pub[32:]  # behind the seed rho (FIPS 204, algorithm 22)
    if 4 * vector.count(0) > len(vector):
        raise UnusableKey("weak", "the vector of the ML-DSA key is almost all zero: anyone can sign for it")
