"""Key: one JSON Web Key judged and made ready once.

A member that cannot be used is skipped with a reason, and never harms the rest (RFC 7517, section 5).
What a verifier's owner decides, such as what a certificate must be, is a fact on the key and no skip.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rightkey.errors import Misconfigured
from rightkey.jose import strictjson
from rightkey.jose.algorithms import ALGORITHMS, Check, accepts
from rightkey.jose.skipped import UnusableKey

if TYPE_CHECKING:
    from rightkey.jose.certificate import Certificate

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


_NAMED = frozenset(("kty", "use", "alg", "kid", "x5u", "x5t", "x5t#S256", "crv", "x", "y", "n", "e", "pub"))
"""Members that are text, as RFC 7517, 7518, 8037 and 9964 name them."""
_OPERATIONS = ("sign", "verify", "encrypt", "decrypt", "wrapKey", "unwrapKey", "deriveKey", "deriveBits")
"""RFC 7517, section 4.3."""
OTHERS, SHORT = 32, 1024
"""Other members of a JWK that are kept, and characters that such a value may have."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
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
    _jwk: Mapping[str, Any] = field(repr=False)
    x5t: frozenset[str] = field(repr=False)
    """Every thumbprint a token may name the certificate by: published or computed, SHA-1 or SHA-256."""
    public_key: Any = field(repr=False)
    checks: Mapping[str, Check] = field(repr=False)
    """Algorithm name -> the signature check by this key, for each algorithm it may serve."""
    fingerprint: bytes = field(repr=False)
    """A digest of the whole JWK as it is kept: equal where two keys are, and short where a JWK is long."""

    @property
    def jwk(self) -> Mapping[str, Any]:
        """What is kept of the JWK. Each call gives a copy: all verifiers of a process share one key."""
        return {name: [*value] if isinstance(value, list) else value for name, value in self._jwk.items()}

    @property
    def issuer(self) -> Any:
        """The JWK's member `issuer`, by which Entra ID says whose tokens the key signs."""
        return self._jwk.get("issuer")

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> Key:
        """Make a key ready from a JWK handed over locally; private members are dropped with a warning.

        Raises:
            Misconfigured: it cannot be used; the message says why.
        """
        try:
            return judge(jwk, published=False)
        except UnusableKey as unusable:
            raise Misconfigured(f"the key cannot be used: {unusable.detail}") from None

    @classmethod
    def from_pem(cls, pem: str | bytes, *, kid: str | None = None, alg: str | None = None) -> Key:
        """Make a key ready from a public key or a certificate in PEM form; certificates behind it are its
        chain. Of a private key the public half is kept, with a warning.

        Raises:
            Misconfigured: no such PEM, a key that cannot be used, or several keys (`KeySet.from_pem`).
        """
        from rightkey.jose.pem import members

        first, *others = islice(members(pem, kid=kid, alg=alg), 2)
        if others:
            raise Misconfigured("the PEM holds several keys", hint="KeySet.from_pem(...)")
        try:
            return judge(first, published=False)
        except UnusableKey as unusable:
            raise Misconfigured(f"the PEM holds no key that can be used: {unusable.detail}") from None

    def __reduce__(self) -> tuple[Any, ...]:
        return Key.from_jwk, (self.jwk,)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Key) and self.fingerprint == other.fingerprint)

    def __hash__(self) -> int:
        return hash(self.thumbprint)


def shown(kid: str | None) -> str:
    """A key id as it may stand in a message: quoted, escaped, and at most 100 characters of it."""
    if kid is None:
        return "absent"
    return ascii(kid if len(kid) <= 100 else kid[:100] + "...")


def judge(member: Any, *, published: bool) -> Key:
    """Make one member of a key set a Key, or raise UnusableKey.

    Args:
        member: a JWK, or the UnusableKey that stands for what could not be made one.
        published: whether an issuer published it, so that the world has what private half it holds.
    """
    from rightkey.jose import material  # with the first key: it and what it needs are 2 % of the import

    if isinstance(member, UnusableKey):
        raise member
    if strictjson.marked(member):
        raise UnusableKey("named_twice")
    if member is strictjson.ODD:
        raise UnusableKey("malformed", "a number or a text in it cannot be read")
    if not isinstance(member, Mapping):
        raise UnusableKey("not_an_object")
    # Null counts as absent, and so does a name that is no text, which Python's mappings may have.
    jwk = {name: value for name, value in member.items() if value is not None and isinstance(name, str)}
    _judge_types(jwk)
    _judge_purpose(jwk)
    certificate, fault = _certificate(jwk)
    public_key = material.public_key(jwk, certificate.public_key if certificate else None)
    numbers = material.numbers(public_key)
    thumbprint = material.thumbprint(numbers)
    secrets = _SECRETS & jwk.keys()
    if secrets and published:
        raise UnusableKey("private_key_published", thumbprint=thumbprint)
    if certificate and not certificate.matches(public_key):
        fault = "mismatch"
    return _ready(jwk, public_key, numbers, thumbprint, certificate, fault, bool(secrets))


def _judge_types(jwk: Mapping[str, Any]) -> None:
    for name in ("kty", "kid", "alg", "use", "crv", "x5t", "x5t#S256"):
        if not isinstance(jwk.get(name, ""), str):
            raise UnusableKey("malformed", f"{name} is not a string")
    if jwk.get("kty") == "oct":
        raise UnusableKey("symmetric")
    if jwk.get("kty") not in ("RSA", "EC", "OKP", "AKP"):
        raise UnusableKey("unknown_kty")


def _judge_purpose(jwk: Mapping[str, Any]) -> None:
    if jwk.get("use", "sig") not in ("sig", "jwt-svid"):  # SPIFFE's bundles say the latter of what signs JWTs
        raise UnusableKey("not_for_signatures")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list):
        raise UnusableKey("malformed", "key_ops is not an array")
    # A local private key says `sign`; what it signed, its public half may verify.
    if "verify" not in operations and not (_SECRETS & jwk.keys() and "sign" in operations):
        raise UnusableKey("not_to_verify")
    if jwk.get("alg", "").startswith(_ENCRYPTS):
        raise UnusableKey("encryption_alg")


def _certificate(jwk: Mapping[str, Any]) -> tuple[Certificate | None, str | None]:
    if "x5c" not in jwk or jwk["x5c"] == []:
        return None, None
    from rightkey.jose.certificate import (  # with the first certificate: many keys have none
        Unreadable,
        read_x5c,
    )

    try:
        return read_x5c(jwk["x5c"]), None
    except Unreadable:
        return None, "unreadable"


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
    if kty == "AKP":  # such a key is of one algorithm, which a JWK with a certificate alone does not name
        able = [one for one in able if one.name == numbers["alg"]]
    if not able:
        raise UnusableKey("unusable_alg")
    named = {jwk.get("x5t"), jwk.get("x5t#S256")}
    if certificate:
        named |= {certificate.x5t, certificate.x5t_hex, certificate.x5t_s256}
    kept = _kept(jwk) | numbers
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
        _jwk=kept,
        x5t=frozenset(one for one in named if one),
        public_key=public_key,
        checks=MappingProxyType({one.name: one.bind(public_key) for one in able}),
        fingerprint=_fingerprint(kept),
    )


def _fingerprint(jwk: Mapping[str, Any]) -> bytes:
    import hashlib  # slow to load: it is with the first key

    return hashlib.sha256(repr(sorted(jwk.items())).encode()).digest()


def _kept(jwk: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a JWK: what the standards name, and so many short values of other members. The rest
    takes more memory than it took room in the document: an empty object some thirty times as much.
    """
    texts = {name: jwk[name] for name in _NAMED & jwk.keys() if isinstance(jwk[name], str)}
    others = (name for name, value in jwk.items() if name not in texts.keys() | _SECRETS and _is_short(value))
    kept = texts | {name: jwk[name] for name in islice(others, OTHERS)}
    if "key_ops" in jwk:
        kept["key_ops"] = [name for name in _OPERATIONS if name in jwk["key_ops"]]
    if jwk.get("x5c", []) != []:
        from rightkey.jose.certificate import MAX_CHAIN

        chain = jwk["x5c"][:MAX_CHAIN] if isinstance(jwk["x5c"], list) else [""]
        kept["x5c"] = [one if isinstance(one, str) else "" for one in chain]  # "" is as unreadable as it was
    return kept


def _is_short(value: Any) -> bool:
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= SHORT)


def _warnings(fault: str | None, secret: bool) -> tuple[str, ...]:
    certificate = {
        "unreadable": "x5c holds no readable certificate",
        "mismatch": "the certificate is for another key",
    }
    found = [certificate[fault]] if fault else []
    return tuple(found + ["the document holds the private key: only its public half is kept"] * secret)
