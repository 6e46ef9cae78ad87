"""What may be odd about a key: its members, its numbers and how they are spelled, its certificate."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from fuzz.differential.case import (
    CURVES,
    NAMES,
    NUMBERS,
    SIZES,
    Case,
    Signer,
    ec_signer,
    octets,
    rsa_signer,
    seeded,
    spelled_number,
)
from fuzz.differential.certificates import CERTIFICATES
from fuzz.differential.oddity import KINDS, Oddity, members, values
from fuzz.mutation import encode

MEMBERS = (
    "kty",
    "use",
    "key_ops",
    "alg",
    "kid",
    "x5u",
    "x5c",
    "x5t",
    "x5t#S256",
    "crv",
    "x",
    "y",
    "n",
    "e",
    "d",
    "k",
)


PRIMES = {
    "P-256": 2**256 - 2**224 + 2**192 + 2**96 - 1,
    "P-384": 2**384 - 2**128 - 2**96 + 2**32 - 1,
    "P-521": 2**521 - 1,
    "secp256k1": 2**256 - 2**32 - 977,
}


def number(change: Callable[[bytes], bytes | None], *only: str) -> Oddity:
    """Change the octets of one of a key's numbers: of the types given, or any."""

    def oddity(case: Case) -> None:
        """Where the key is of that type."""
        kty = case.jwk["kty"]
        if only and kty not in only:
            return
        name = case.rng.choice(NUMBERS[kty])
        changed = change(octets(case.jwk[name]))
        if changed is not None:
            case.jwk[name] = encode(changed).decode()

    return oddity


def spelling(change: Callable[[str], str]) -> Oddity:
    """Change how one of a key's numbers is spelled."""

    def oddity(case: Case) -> None:
        """Any of them."""
        name = case.rng.choice(NUMBERS[case.jwk["kty"]])
        case.jwk[name] = change(case.jwk[name])

    return oddity


def standard(spelled: str) -> str:
    """In the other alphabet, with padding."""
    return base64.b64encode(octets(spelled)).decode()


@cache
def short(alg: str) -> Signer:
    """A key of EC with a coordinate that begins with a zero octet."""
    for attempt in range(100_000):
        signer = ec_signer(alg, ec.derive_private_key(seeded(f"short {alg} {attempt}", 31), CURVES[alg]))
        if octets(signer.jwk["x"])[0] == 0:
            return signer
    raise AssertionError("one in 256 is so")


def shortened(case: Case) -> None:
    """A coordinate without the zero octet that it begins with, and its key's signature."""
    if case.signer.alg in NAMES:
        signer = short(case.signer.alg)
        case.sign = signer.sign
        case.jwk |= signer.jwk | {"x": encode(octets(signer.jwk["x"]).lstrip(b"\0")).decode()}


def beyond(case: Case) -> None:
    """A coordinate plus its curve's prime: the same point to those who reduce it. P-521's stays as long."""
    prime = PRIMES.get(case.jwk.get("crv"))
    if prime:
        size = (prime.bit_length() + 8) // 8
        name = case.rng.choice(("x", "y"))
        case.jwk[name] = spelled_number(int.from_bytes(octets(case.jwk[name])) + prime, size)


def other_y(case: Case) -> None:
    """The point on the other side: p - y for y."""
    crv = case.jwk.get("crv")
    if crv in PRIMES:
        case.jwk["y"] = spelled_number(PRIMES[crv] - int.from_bytes(octets(case.jwk["y"])), SIZES[crv])


def swapped(case: Case) -> None:
    """x for y, and y for x; n for e."""
    names = NUMBERS[case.jwk["kty"]]
    if len(names) == 2:
        one, two = names
        case.jwk |= {one: case.jwk[two], two: case.jwk[one]}


@cache
def rsa_of(bits: int, exponent: int = 65537) -> Any:
    """An RSA key of this size."""
    return rsa.generate_private_key(public_exponent=exponent, key_size=bits)


def rsa_key(bits: int, exponent: int = 65537) -> Oddity:
    """Another RSA key, and its signature."""

    def oddity(case: Case) -> None:
        """Where the key is RSA's."""
        if case.jwk["kty"] == "RSA":
            signer = rsa_signer(case.signer.alg, rsa_of(bits, exponent))
            case.sign = signer.sign
            case.jwk |= signer.jwk

    return oddity


def exponent_1(case: Case) -> None:
    """Whatever is signed is its own signature."""
    if case.jwk["kty"] == "RSA":
        case.jwk["e"] = "AQ"


def private(case: Case) -> None:
    """The whole private key, published."""
    case.jwk["d"] = private_number(case.signer)


def private_number(signer: Signer) -> str:
    """A key's `d`."""
    key = signer.private
    if isinstance(key, rsa.RSAPrivateKey):
        return spelled_number(key.private_numbers().d)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return spelled_number(key.private_numbers().private_value, SIZES[NAMES[signer.alg]])
    return encode(key.private_bytes_raw()).decode()


def d_changed(change: Callable[[bytes], bytes]) -> Oddity:
    """A private member that is not this key's, or of another length."""

    def oddity(case: Case) -> None:
        """Any type."""
        case.jwk["d"] = encode(change(octets(private_number(case.signer)))).decode()

    return oddity


def type_of_another(case: Case) -> None:
    """The numbers of one type under the name of another."""
    case.jwk["kty"] = {"RSA": "EC", "EC": "OKP", "OKP": "RSA"}[case.jwk["kty"]]


def curve_of_another(case: Case) -> None:
    """Under the name of another curve of its type."""
    other = {"P-256": "P-384", "P-384": "P-521", "P-521": "P-256", "secp256k1": "P-256"}
    other |= {"Ed25519": "Ed448", "Ed448": "Ed25519"}
    if "crv" in case.jwk:
        case.jwk["crv"] = other[case.jwk["crv"]]


def without(*names: str, **others: Any) -> Oddity:
    """Without some members, and with others."""

    def oddity(case: Case) -> None:
        """Of any type."""
        case.jwk = {name: value for name, value in case.jwk.items() if name not in names} | others

    return oddity


ODD_KEYS = {
    **values("jwk", "use", {"enc": "enc", "upper case": "SIG", "jwt-svid": "jwt-svid"}),
    **values(
        "jwk",
        "key_ops",
        {"verify": ["verify"], "sign": ["sign"], "both": ["sign", "verify"], "text": "verify"},
    ),
    **values(
        "jwk",
        "key_ops",
        {"twice": ["verify", "verify"], "encrypt": ["encrypt"], "numbers with it": [1, "verify"]},
    ),
    **values(
        "jwk", "key_ops", {"unknown with it": ["verify", "x"], "mixed": ["verify", "encrypt"], "numbers": [1]}
    ),
    **values(
        "jwk", "alg", {"for encryption": "RSA-OAEP", "HS256": "HS256", "none": "none", "lower case": "es256"}
    ),
    **values("jwk", "alg", {"RS256": "RS256", "ES256": "ES256", "EdDSA": "EdDSA", "Ed25519": "Ed25519"}),
    **values("jwk", "kid", {"another": "k2", "NUL": "k1\0", "upper case": "K1"}),
    **values("jwk", "kty", {"lower case": "rsa", "oct": "oct", "space": "RSA "}),
    **values("jwk", "crv", {"lower case": "p-256", "other name": "secp256r1", "X25519": "X25519"}),
    **values("jwk", "oth", {"array": [], "object": {}}),
    **values("jwk", "priv", {"text": "AAAA"}),
    "jwk use and key_ops: in conflict": lambda case: case.jwk.update(use="sig", key_ops=["encrypt"]),
    "jwk use absent, key_ops verify": without("use", key_ops=["verify"]),
    "jwk without kid, alg, use": without("kid", "alg", "use"),
    "jwk type: another's": type_of_another,
    "jwk crv: another's": curve_of_another,
    "jwk number: two swapped": swapped,
    "jwk number: a zero in front, RSA": number(lambda raw: b"\0" + raw, "RSA"),
    "jwk number: many zeros in front, RSA": number(lambda raw: bytes(40) + raw, "RSA"),
    "jwk number: a zero in front, EC": number(lambda raw: b"\0" + raw, "EC"),
    "jwk number: two zeros in front, EC": number(lambda raw: bytes(2) + raw, "EC"),
    "jwk number: many zeros in front, EC": number(lambda raw: bytes(40) + raw, "EC"),
    "jwk number: an octet that is not zero in front, EC": number(lambda raw: b"\1" + raw, "EC"),
    "jwk number: a zero behind, EC": number(lambda raw: raw + b"\0", "EC"),
    "jwk number: without its zero, EC": shortened,
    "jwk number: plus the prime, EC": beyond,
    "jwk number: p - y for y, EC": other_y,
    "jwk number: a zero in front, OKP": number(lambda raw: b"\0" + raw, "OKP"),
    "jwk number: a zero behind, OKP": number(lambda raw: raw + b"\0", "OKP"),
    "jwk number: highest bit flipped, OKP": number(lambda raw: raw[:-1] + bytes([raw[-1] ^ 0x80]), "OKP"),
    "jwk number: small order, OKP": number(lambda raw: b"\1" + bytes(len(raw) - 1), "OKP"),
    "jwk number: not canonical, OKP": number(lambda raw: b"\xee" + b"\xff" * 30 + b"\x7f", "OKP"),
    "jwk number: all zero": number(lambda raw: bytes(len(raw))),
    "jwk number: all ones": number(lambda raw: b"\xff" * len(raw)),
    "jwk number: empty": number(lambda raw: b""),
    "jwk number: an octet less": number(lambda raw: raw[:-1]),
    "jwk number: an octet more": number(lambda raw: raw + b"\1"),
    "jwk number: a bit flipped": number(lambda raw: raw[:-1] + bytes([raw[-1] ^ 1])),
    "jwk spelling: padded": spelling(lambda one: one + "=" * (-len(one) % 4)),
    "jwk spelling: one = too many": spelling(lambda one: one + "=" * (-len(one) % 4 + 1)),
    "jwk spelling: standard base64": spelling(standard),
    "jwk spelling: white space": spelling(lambda one: f" {one[:2]}\n{one[2:]} "),
    "jwk spelling: foreign letter": spelling(lambda one: f"{one[:2]}!{one[2:]}"),
    "jwk spelling: not ASCII": spelling(lambda one: f"{one[:2]}é{one[2:]}"),
    "jwk spelling: a letter more": spelling(lambda one: one + "A"),
    "jwk spelling: hexadecimal": spelling(lambda one: octets(one).hex()),
    "jwk RSA: 1536 bits": rsa_key(1536),
    "jwk RSA: 2040 bits": rsa_key(2040),
    "jwk RSA: 4096 bits": rsa_key(4096),
    "jwk RSA: exponent 3": rsa_key(2048, 3),
    "jwk RSA: exponent 1": exponent_1,
    "jwk private: its own": private,
    "jwk private: another's": d_changed(lambda raw: raw[:-1] + bytes([raw[-1] ^ 1])),
    "jwk private: shorter": d_changed(lambda raw: raw[:-1]),
    "jwk private: longer": d_changed(lambda raw: b"\0" + raw),
}


def foreign(kty: str, name: str) -> Oddity:
    """A member that belongs to another type."""

    def oddity(case: Case) -> None:
        """Where the key is of this type."""
        if case.jwk["kty"] == kty:
            case.jwk[name] = "P-256" if name == "crv" else "AQAB"

    return oddity


def whole(value: Any) -> Oddity:
    """No key at all, but this."""
    return lambda case: setattr(case, "jwk", value)


KEYS: dict[str, Oddity] = {
    **members("jwk", MEMBERS),
    **ODD_KEYS,
    **CERTIFICATES,
    **{f"jwk: {kind}": whole(value) for kind, value in KINDS.items() if value is not ...},
    "jwk foreign: crv on RSA": foreign("RSA", "crv"),
    "jwk foreign: n on EC": foreign("EC", "n"),
    "jwk foreign: y on OKP": foreign("OKP", "y"),
}
"""Each by name. An oddity that a key cannot have leaves it in order."""
