"""Forged or misused tokens that a verifier must refuse, each by name and with the reason.

Every attack is the strongest of its kind that can be made without the issuer's private key, or a token that
the issuer signed and that must not be accepted. The lures of `jku` and `x5u` lead to a live document with the
forger's key, and MACs are made with exactly the octets that a careless verifier would hand to HMAC. So a
verifier with the flaw accepts the token, and one without it does not.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rightkey.jose.base64url import encode
from rightkey.localissuer.keys.jwk import public_members
from rightkey.localissuer.keys.signing import Form, SigningKey
from rightkey.localissuer.tokens.means import Means
from rightkey.localissuer.tokens.minting import compact, header_of, mint

Claims = Mapping[str, Any]
Forge = Callable[[Means, Claims], str]


@dataclass(frozen=True, slots=True)
class Attack:
    """How the token is made, and why it must be refused."""

    forge: Forge
    why: str


def forge(name: str, means: Means, claims: Claims) -> str:
    """Make the token of a named attack. `claims` are those of an honest token.

    Raises:
        ValueError: the attack is unknown.
    """
    if name not in ATTACKS:
        raise ValueError(f"expected one of {', '.join(ATTACKS)}, got {name!r}")
    return ATTACKS[name].forge(means, claims)


def _unsigned(alg: str | None) -> Forge:
    def make(means: Means, claims: Claims) -> str:
        return compact(header_of(means.key, {"alg": alg}), orjson.dumps(dict(claims)), lambda _: b"")

    return make


def _none_with_signature(means: Means, claims: Claims) -> str:
    return mint(means.key, claims, header={"alg": "none"})


def _hmac(secret: Callable[[SigningKey], bytes], kid: str | None = None) -> Forge:
    """An HS256 token, with a MAC by octets that are not secret."""

    def make(means: Means, claims: Claims) -> str:
        def mac(data: bytes) -> bytes:
            return hmac.digest(secret(means.key), data, hashlib.sha256)

        header = header_of(means.key, {"alg": "HS256", "kid": kid or means.key.kid})
        return compact(header, orjson.dumps(dict(claims)), mac)

    return make


def _spki(encoding: Encoding) -> Callable[[SigningKey], bytes]:
    form = PublicFormat.SubjectPublicKeyInfo
    return lambda key: key.private.public_key().public_bytes(encoding, form)


def _jwk_text(key: SigningKey) -> bytes:
    return orjson.dumps(key.public_jwk())


def _honest(header: Mapping[str, Any]) -> Forge:
    """Signed by the issuer's own key, under a header that forbids accepting it."""
    return lambda means, claims: mint(means.key, claims, header=header)


def _foreign(header: Callable[[Means], Mapping[str, Any]]) -> Forge:
    """Signed by a stranger, under a header that points to the stranger's key."""

    def make(means: Means, claims: Claims) -> str:
        return mint(means.stranger, claims, header={"kid": means.key.kid} | dict(header(means)))

    return make


def _claiming(changes: Callable[[Means], Claims], header: Mapping[str, Any] | None = None) -> Forge:
    """Signed by the issuer's own key, with claims that must be refused."""
    return lambda means, claims: mint(means.key, dict(claims) | dict(changes(means)), header=header)


def _embedded(means: Means) -> Claims:
    return {"jwk": public_members(means.stranger.private, means.stranger.algorithm)}


def _foreign_chain(means: Means) -> Claims:
    return {name: value for name, value in means.stranger.public_jwk().items() if name in ("x5c", "x5t")}


def _duplicate_alg(means: Means, claims: Claims) -> str:
    """The honest algorithm first and `none` last: a parser may refuse both, or take the last."""
    honest = orjson.dumps(header_of(means.key))
    return compact(honest[:-1] + b',"alg":"none"}', orjson.dumps(dict(claims)), means.key.sign)


def _tampered(means: Means, claims: Claims) -> str:
    head, _, signature = mint(means.key, claims).split(".")
    better = dict(claims) | {"sub": "admin", "scope": "admin:all"}
    return f"{head}.{encode(orjson.dumps(better))}.{signature}"


def _stripped(means: Means, claims: Claims) -> str:
    return mint(means.key, claims).rpartition(".")[0] + "."


def _elliptic(means: Means) -> SigningKey:
    """The issuer's key where it signs by ECDSA, else a fresh one: the token is refused either way."""
    if means.key.algorithm.startswith("ES"):
        return means.key
    return SigningKey.generate("ES256", Form(certificates=False), kid=means.key.kid, typ=means.key.typ)


def _psychic(means: Means, claims: Claims) -> str:
    key = _elliptic(means)
    return compact(header_of(key), orjson.dumps(dict(claims)), lambda data: bytes(len(key.sign(data))))


def _der(means: Means, claims: Claims) -> str:
    key = _elliptic(means)

    def sign(data: bytes) -> bytes:
        raw = key.sign(data)
        half = len(raw) // 2
        return encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))

    return compact(header_of(key), orjson.dumps(dict(claims)), sign)


def _nested_jwe(means: Means, _: Claims) -> str:
    header = {"alg": "RSA-OAEP-256", "enc": "A256GCM", "cty": "JWT", "kid": means.key.kid}
    octets = (orjson.dumps(header), *(secrets.token_bytes(size) for size in (256, 12, 300, 16)))
    return ".".join(encode(part) for part in octets)


_LOGOUT: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}

ATTACKS: dict[str, Attack] = {
    "alg-none": Attack(_unsigned("none"), "it is not signed (RFC 8725, section 3.2; CVE-2022-23540)"),
    "alg-none-mixed-case": Attack(_unsigned("nOnE"), "alg is compared by case (RFC 7515, section 4.1.1)"),
    "alg-none-with-signature": Attack(_none_with_signature, "none has an empty signature (RFC 7518, 3.6)"),
    "alg-missing": Attack(_unsigned(None), "alg must be present (RFC 7515, section 4.1.1)"),
    "hs-pubkey": Attack(_hmac(_spki(Encoding.PEM)), "a public key is no secret: PEM (CVE-2016-10555)"),
    "hs-pubkey-der": Attack(_hmac(_spki(Encoding.DER)), "a public key is no secret: DER (CVE-2022-29217)"),
    "hs-pubkey-jwk": Attack(_hmac(_jwk_text), "a public key is no secret: JWK (CVE-2026-48526)"),
    "hs-empty": Attack(_hmac(lambda _: b""), "an empty secret is none (CVE-2026-45363, CVE-2026-44699)"),
    "crit": Attack(
        _honest({"crit": ["x-unknown"], "x-unknown": True}),
        "what is critical and not understood refuses the token (RFC 7515, 4.1.11; CVE-2026-32597)",
    ),
    "crit-empty": Attack(_honest({"crit": []}), "crit must name something (RFC 7515, section 4.1.11)"),
    "b64-false": Attack(
        _honest({"b64": False, "crit": ["b64"]}), "a JWT is never unencoded (RFC 7797, 7; CVE-2026-48525)"
    ),
    "b64-false-uncritical": Attack(_honest({"b64": False}), "b64 must be critical (RFC 7797, section 6)"),
    "jwk-header": Attack(_foreign(_embedded), "a token cannot vouch for its key (CVE-2018-0114)"),
    "jku-header": Attack(
        _foreign(lambda means: {"jku": means.attacker_jwks, "kid": means.stranger.kid}),
        "a token cannot say where its key is (RFC 8725, section 3.10; CVE-2024-21643)",
    ),
    "x5u-header": Attack(
        _foreign(lambda means: {"x5u": means.attacker_certificate}),
        "a token cannot say where its certificate is (RFC 8725, section 3.10)",
    ),
    "x5c-header": Attack(_foreign(_foreign_chain), "a token cannot bring its certificate (RFC 8725, 3.10)"),
    "kid-crlf": Attack(
        _foreign(lambda means: {"kid": f"{means.key.kid}\r\nX-Injected: yes"}),
        "kid is data, never a piece of a log line or a header (RFC 8725, section 3.10)",
    ),
    "kid-path": Attack(
        _hmac(lambda _: b"", kid="../../../../../../dev/null"),
        "kid is data, never a path: the secret would be the empty file (RFC 8725, section 3.10)",
    ),
    "kid-sql": Attack(
        _hmac(lambda _: b"known", kid="' UNION SELECT 'known' --"),
        "kid is data, never SQL: the secret would be the attacker's (RFC 8725, section 3.10)",
    ),
    "huge-kid": Attack(
        _foreign(lambda _: {"kid": "k" * 65536}), "a header is small (CVE-2025-61920, CVE-2025-27144)"
    ),
    "psychic": Attack(_psychic, "r and s are between 1 and n - 1 (FIPS 186-5, 6.4.2; CVE-2022-21449)"),
    "der-signature": Attack(_der, "a JWS holds r and s side by side, not DER (RFC 7518, section 3.4)"),
    "wrong-key": Attack(_foreign(lambda _: {}), "the named key did not sign it (RFC 7515, section 5.2)"),
    "tampered-payload": Attack(_tampered, "the payload is not the one signed (RFC 7515, section 5.2)"),
    "stripped-signature": Attack(_stripped, "an empty signature is none (CVE-2020-28042)"),
    "duplicate-alg": Attack(
        _duplicate_alg, "header names are unique, or the last counts (RFC 7515, section 4)"
    ),
    "nested-jwe": Attack(_nested_jwe, "five parts are a JWE, not a signature (CVE-2026-29000)"),
    "expired": Attack(_claiming(lambda means: {"exp": means.now - 3600}), "its time is up (RFC 7519, 4.1.4)"),
    "not-yet-valid": Attack(
        _claiming(lambda means: {"nbf": means.now + 3600}), "its time has not come (RFC 7519, 4.1.5)"
    ),
    "wrong-audience": Attack(
        _claiming(lambda _: {"aud": "https://elsewhere.example"}), "meant for another (RFC 7519, 4.1.3)"
    ),
    "wrong-issuer": Attack(
        _claiming(lambda _: {"iss": "https://elsewhere.example/"}),
        "the key's owner does not vouch for other issuers (RFC 8725, section 3.8; CVE-2026-23552)",
    ),
    "typ-logout": Attack(
        _claiming(lambda _: {"events": _LOGOUT}, {"typ": "logout+jwt"}),
        "a logout token is no access token (RFC 8725, section 3.11; OpenID Back-Channel Logout, 2.4)",
    ),
}
"""Every attack by name."""
