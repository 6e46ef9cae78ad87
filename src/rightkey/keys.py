"""Key: one JSON Web Key judged and made ready once.

A member that cannot be used is skipped with a reason, and never harms the rest (RFC 7517, section 5).
What a verifier's owner decides, such as what a certificate must be, is a fact on the key and no skip.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from rightkey import base64url, strictjson
from rightkey.algorithms import AKP_KEYS, ALGORITHMS, CURVES, OKP_KEYS, Check, accepts
from rightkey.errors import Misconfigured

if TYPE_CHECKING:
    from rightkey.certificate import Certificate

RSA_BITS = range(2048, 8193)
RSA_EXPONENTS = range(3, 2**32, 2)

SKIPPED: dict[str, str] = {
    "not_an_object": "the member is not a JSON object",
    "named_twice": "a name stands twice in the member",
    "unknown_kty": "the key type is not known here",
    "unknown_curve": "the curve is not known here",
    "symmetric": "a shared secret verifies nothing here",
    "not_for_signatures": "`use` says something else than `sig`",
    "not_to_verify": "`key_ops` does not have `verify`",
    "encryption_alg": "`alg` is for encryption",
    "unusable_alg": "`alg` is unknown, or not for a key of this type and curve",
    "no_public_key": "the numbers of the key are missing",
    "malformed": "a member has the wrong type, or the numbers make no key",
    "weak": "RSA of under 2048 or over 8192 bits, a bad exponent, or a guessable modulus",
    "private_key_published": "the issuer published its private key",
    "too_many": "the set has over 1,000 members",
    "distrusted": "distrusted by this process",
}
"""Every reason for which a member is skipped."""

_SECRETS = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"))
_ENCRYPTS = (
    "RSA-OAEP",
    "RSA1_5",
    "ECDH-ES",
    "dir",
    "A128",
    "A192",
    "A256",
    "PBES2",
    "HPKE",
    "http://www.w3.org/",
)


class Skip(Exception):
    """A member that cannot be used; says why."""

    def __init__(self, reason: str, detail: str = "", thumbprint: str | None = None) -> None:
        super().__init__(reason, detail, thumbprint)
        self.reason, self.detail, self.thumbprint = reason, detail or SKIPPED[reason], thumbprint


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """One public key, ready to verify.

    `thumbprint` is RFC 7638's, of the numbers as they are, however oddly they were written down.
    `certificate_fault` is None, `mismatch` (the certificate is for another key) or `unreadable`.
    """

    kid: str | None
    kty: str
    alg: str | None
    use: str | None
    crv: str | None
    thumbprint: str
    certificate: Certificate | None = field(repr=False)
    certificate_fault: str | None
    warnings: tuple[str, ...]
    jwk: Mapping[str, Any] = field(repr=False)
    x5t: frozenset[str] = field(repr=False)
    """Every thumbprint a token may name the certificate by: published or computed, SHA-1 or SHA-256."""
    public_key: Any = field(repr=False)
    checks: Mapping[str, Check] = field(repr=False)
    """Algorithm name -> the signature check by this key, for each algorithm it may serve."""

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> Key:
        """Make a key ready from a JWK handed over locally; private members are dropped with a warning.

        Raises:
            Misconfigured: it cannot be used; the message says why.
        """
        try:
            return judge(jwk, published=False)
        except Skip as skip:
            raise Misconfigured(f"the key cannot be used: {skip.detail}") from None

    @classmethod
    def from_pem(cls, pem: str | bytes, *, kid: str | None = None, alg: str | None = None) -> Key:
        """Make a key ready from a public key in PEM form.

        Raises:
            Misconfigured: not a PEM public key, or one that cannot be used.
        """
        from cryptography.hazmat.primitives.serialization import (
            load_pem_public_key,
        )  # slow to load, seldom used

        try:
            public_key = load_pem_public_key(pem.encode() if isinstance(pem, str) else pem)
            jwk = _numbers(public_key)
        except (ValueError, UnsupportedAlgorithm, KeyError):
            raise Misconfigured("not a public key in PEM form that signs tokens") from None
        return cls.from_jwk(jwk | {n: v for n, v in (("kid", kid), ("alg", alg)) if v is not None})

    def __reduce__(self) -> tuple[Any, ...]:
        return Key.from_jwk, (dict(self.jwk),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.jwk == other.jwk

    def __hash__(self) -> int:
        return hash(self.thumbprint)


def judge(member: Any, *, published: bool) -> Key:
    """Make one member of a key set a Key, or raise Skip.

    Args:
        published: whether an issuer published it, so that the world has what private half it holds.
    """
    if strictjson.marked(member):
        raise Skip("named_twice")
    if not isinstance(member, Mapping):
        raise Skip("not_an_object")
    jwk = {name: value for name, value in member.items() if value is not None}  # null counts as absent
    _judge_types(jwk)
    _judge_purpose(jwk)
    certificate, fault = _certificate(jwk)
    public_key = _public_key(jwk, certificate)
    numbers = _numbers(public_key)
    thumbprint = _thumbprint(numbers)
    secrets = _SECRETS & jwk.keys()
    if secrets and published:
        raise Skip("private_key_published", thumbprint=thumbprint)
    if certificate and not certificate.matches(public_key):
        fault = "mismatch"
    return _ready(jwk, public_key, numbers, thumbprint, certificate, fault, bool(secrets))


def _judge_types(jwk: Mapping[str, Any]) -> None:
    for name in ("kty", "kid", "alg", "use", "crv", "x5t", "x5t#S256"):
        if not isinstance(jwk.get(name, ""), str):
            raise Skip("malformed", f"{name} is not a string")
    if jwk.get("kty") == "oct":
        raise Skip("symmetric")
    if jwk.get("kty") not in ("RSA", "EC", "OKP", "AKP"):
        raise Skip("unknown_kty")


def _judge_purpose(jwk: Mapping[str, Any]) -> None:
    if jwk.get("use", "sig") != "sig":
        raise Skip("not_for_signatures")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list):
        raise Skip("malformed", "key_ops is not an array")
    # A local private key says `sign`; what it signed, its public half may verify.
    if "verify" not in operations and not (_SECRETS & jwk.keys() and "sign" in operations):
        raise Skip("not_to_verify")
    if jwk.get("alg", "").startswith(_ENCRYPTS):
        raise Skip("encryption_alg")


def _certificate(jwk: Mapping[str, Any]) -> tuple[Certificate | None, str | None]:
    if "x5c" not in jwk or jwk["x5c"] == []:
        return None, None
    from rightkey.certificate import Unreadable, read_x5c  # with the first certificate: many keys have none

    try:
        return read_x5c(jwk["x5c"]), None
    except Unreadable:
        return None, "unreadable"


def _public_key(jwk: Mapping[str, Any], certificate: Certificate | None) -> Any:
    """The key of the JWK's numbers, or where it has none, of its certificate."""
    kty = jwk["kty"]
    wanted = _NUMBERS[kty]
    if certificate is not None and not any(name in jwk for name in wanted):
        return _of_type(certificate.public_key, kty)
    absent = [name for name in wanted if name not in jwk]
    if absent:
        raise Skip("no_public_key", f"{' and '.join(absent)} missing")
    try:
        return _BUILD[kty](jwk)
    except (ValueError, TypeError, AttributeError, UnsupportedAlgorithm):
        raise Skip("malformed", "the numbers make no key") from None


def _of_type(public_key: Any, kty: str) -> Any:
    try:
        numbers = _numbers(public_key)
    except KeyError:
        raise Skip("unknown_kty", "the certificate's key does not sign tokens") from None
    if numbers["kty"] != kty:
        raise Skip("malformed", f"the certificate's key is not of type {kty}")
    return _BUILD[kty](numbers)


def _rsa(jwk: Mapping[str, Any]) -> rsa.RSAPublicKey:
    modulus, exponent = (int.from_bytes(base64url.decode_published(jwk[name])) for name in ("n", "e"))
    if modulus.bit_length() not in RSA_BITS:
        raise Skip("weak", f"RSA of {modulus.bit_length()} bits, not 2048 to 8192")
    if modulus % 2 == 0:
        raise Skip("malformed", "the RSA modulus is even: no two primes make it")
    if exponent not in RSA_EXPONENTS:
        raise Skip("weak", "the RSA exponent is even, under 3 or over 32 bits")
    if _is_roca(modulus):
        raise Skip("weak", "the RSA modulus is of the guessable form of CVE-2017-15361")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _ec(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    curve = CURVES.get(jwk["crv"])
    if curve is None:
        raise Skip("unknown_curve")
    x, y = (int.from_bytes(base64url.decode_published(jwk[name])) for name in ("x", "y"))
    return ec.EllipticCurvePublicNumbers(x, y, curve[0]).public_key()


def _okp(jwk: Mapping[str, Any]) -> Any:
    if jwk["crv"] not in OKP_KEYS:
        raise Skip("unknown_curve")
    return OKP_KEYS[jwk["crv"]].from_public_bytes(base64url.decode_published(jwk["x"]))


def _akp(jwk: Mapping[str, Any]) -> Any:
    if jwk["alg"] not in AKP_KEYS:
        raise Skip("unusable_alg")
    return AKP_KEYS[jwk["alg"]].from_public_bytes(base64url.decode_published(jwk["pub"]))


_BUILD = {"RSA": _rsa, "EC": _ec, "OKP": _okp, "AKP": _akp}
_NUMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "AKP": ("alg", "pub")}


def _numbers(public_key: Any) -> dict[str, str]:
    """The members that RFC 7638 hashes, in their one spelling. Raises KeyError for another type or curve."""
    if isinstance(public_key, rsa.RSAPublicKey):
        rsa_numbers = public_key.public_numbers()
        return {"kty": "RSA", "n": _integer(rsa_numbers.n), "e": _integer(rsa_numbers.e)}
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        point = public_key.public_numbers()
        crv, size = {curve.name: (crv, size) for crv, (curve, size) in CURVES.items()}[point.curve.name]
        return {"kty": "EC", "crv": crv, "x": _integer(point.x, size), "y": _integer(point.y, size)}
    for kty, name, x, classes in (("OKP", "crv", "x", OKP_KEYS), ("AKP", "alg", "pub", AKP_KEYS)):
        for value, class_ in classes.items():
            if isinstance(public_key, class_):
                return {"kty": kty, name: value, x: base64url.encode(public_key.public_bytes_raw())}
    raise KeyError(type(public_key).__name__)


def _integer(number: int, size: int | None = None) -> str:
    return base64url.encode(number.to_bytes(size or (number.bit_length() + 7) // 8))


def _thumbprint(numbers: Mapping[str, str]) -> str:
    import hashlib  # slow to load: it is with the first key

    canonical = json.dumps(numbers, sort_keys=True, separators=(",", ":")).encode("ascii")
    return base64url.encode(hashlib.sha256(canonical).digest())


def _ready(
    jwk: dict[str, Any],
    public_key: Any,
    numbers: dict[str, str],
    thumbprint: str,
    certificate: Certificate | None,
    fault: str | None,
    secret: bool,
) -> Key:
    kty, crv, alg = numbers["kty"], numbers.get("crv"), jwk.get("alg")
    able = [one for one in ALGORITHMS.values() if accepts(one, kty, crv, alg)]
    if kty == "AKP":
        able = [one for one in able if one.name == numbers["alg"]]
    if not able:
        raise Skip("unusable_alg")
    named = {jwk.get("x5t"), jwk.get("x5t#S256")}
    if certificate:
        named |= {certificate.x5t, certificate.x5t_hex, certificate.x5t_s256}
    return Key(
        kid=jwk.get("kid"),
        kty=kty,
        alg=alg,
        use=jwk.get("use"),
        crv=crv,
        thumbprint=thumbprint,
        certificate=certificate,
        certificate_fault=fault,
        warnings=_warnings(fault, secret),
        jwk={name: value for name, value in jwk.items() if name not in _SECRETS} | numbers,
        x5t=frozenset(one for one in named if one),
        public_key=public_key,
        checks={one.name: one.bind(public_key) for one in able},
    )


def _warnings(fault: str | None, secret: bool) -> tuple[str, ...]:
    certificate = {
        "unreadable": "x5c holds no readable certificate",
        "mismatch": "the certificate is for another key",
    }
    found = [certificate[fault]] if fault else []
    return tuple(found + ["the document holds the private key: only its public half is kept"] * secret)


# CVE-2017-15361 (ROCA): primes of one maker's chips were k * M + 65537 ** a mod M, with M the product of
# small primes, so that modulo each of those primes the modulus is a power of 65537. Others hardly ever are.
_ROCA_PRIMES = (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)


def _is_roca(modulus: int) -> bool:
    return all(modulus % prime in _powers(prime) for prime in _ROCA_PRIMES)


@cache
def _powers(prime: int) -> frozenset[int]:
    return frozenset(pow(65537, exponent, prime) for exponent in range(prime - 1))
