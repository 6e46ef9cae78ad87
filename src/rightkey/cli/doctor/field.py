"""Which verifiers of the field this issuer breaks, and why: read in their sources, or seen under the drill.

Each row is a fact about published versions, seen under `rightkey drill` (docs/benchmarks) or in their code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from rightkey.cli.doctor.findings import Examination, Severity, Trouble, members_of

Member = Mapping[str, Any]


class Breaks(NamedTuple):
    """A trait of a key set, and the verifiers that stumble over it."""

    trait: str
    has: Callable[[list[Any]], bool]
    verifiers: str
    why: str
    hint: str
    severity: Severity


def _any(what: Callable[[Member], bool]) -> Callable[[list[Any]], bool]:
    return lambda keys: any(isinstance(key, dict) and what(key) for key in keys)


def _shared_kid(keys: list[Any]) -> bool:
    kids = Counter(str(key["kid"]) for key in keys if isinstance(key, dict) and "kid" in key)
    return any(count > 1 for count in kids.values())


def _signs(key: Member) -> bool:
    return key.get("use") in (None, "sig")


_CURVES = ("P-256", "P-384", "P-521", "secp256k1")

FIELD = (
    Breaks(
        "an AKP key (ML-DSA)",
        _any(lambda key: key.get("kty") == "AKP"),
        "go-oidc 2.1 (go-jose before 3.21) and google-oauth-client for Java",
        "an unknown key type aborts the whole set, so that no token verifies",
        "publish it once clients are known to skip it",
        "warning",
    ),
    Breaks(
        "an OKP key (Ed25519)",
        _any(lambda key: key.get("kty") == "OKP"),
        "google-oauth-client 1.34 for Java",
        "an unknown key type aborts the whole set",
        "keep an RSA or P-256 issuer for such clients",
        "note",
    ),
    Breaks(
        "a secp256k1 key (ES256K)",
        _any(lambda key: key.get("crv") == "secp256k1"),
        "go-jose before 3.21",
        "an unknown curve aborts the whole set",
        "sign with ES256 where clients are not yours",
        "warning",
    ),
    Breaks(
        "an unknown curve",
        _any(lambda key: key.get("kty") == "EC" and key.get("crv") not in _CURVES),
        "joserfc 1.8 and Authlib with it (KeyError)",
        "it aborts the whole set",
        "remove the key",
        "warning",
    ),
    Breaks(
        "an unknown key type",
        _any(lambda key: key.get("kty") not in ("RSA", "EC", "OKP", "oct", "AKP")),
        "go-oidc 2.1, keyfunc, google-oauth-client for Java",
        "it aborts the whole set",
        "publish it elsewhere",
        "warning",
    ),
    Breaks(
        "an RSA key without n or e",
        _any(lambda key: key.get("kty") == "RSA" and not {"n", "e"} <= key.keys()),
        "Nimbus, Spring, keyfunc, go-oidc, joserfc 1.8 and Authlib with it",
        "one malformed key aborts the whole set",
        "remove the key",
        "warning",
    ),
    Breaks(
        "a member that is not an object",
        lambda keys: any(not isinstance(key, dict) for key in keys),
        "Nimbus, Spring, jose, oauth4webapi, aws-jwt-verify and keyfunc; a null ends the worker of "
        "mod_auth_openidc 2.4.12",
        "it aborts the whole set",
        "publish JSON objects only",
        "warning",
    ),
    Breaks(
        "a key without alg",
        _any(lambda key: _signs(key) and "alg" not in key),
        "go-jwt-middleware and pyjwt-key-fetcher (refuse each token), jwx 2 and php-jwt without an "
        "option, PyJWT but for RS256",
        "they take the algorithm from the key",
        "state alg in each key (RFC 8725, section 3.1)",
        "note",
    ),
    Breaks(
        "a key without kid",
        _any(lambda key: _signs(key) and "kid" not in key),
        "get-jwks, aws-jwt-verify, jwx 2, php-jwt and PyJWT's PyJWKClient; pyjwt-key-fetcher fails "
        "on the whole set",
        "they look a key up by kid alone, also one with x5c",
        "give each key a kid, and name it in each token",
        "warning",
    ),
    Breaks(
        "a kid used twice",
        _shared_kid,
        "PyJWT, joserfc, jwks-rsa, get-jwks, aws-jwt-verify, go-jwt-middleware and keyfunc; 20 of 23 "
        "services under the drill",
        "they try one of the two",
        "give each key its own kid",
        "warning",
    ),
    Breaks(
        "a key for encryption",
        _any(lambda key: key.get("use") == "enc"),
        "12 of 23 services under the drill, such as get-jwks",
        "they check signatures by it, for they do not look at use",
        "publish it under a kid that tokens never name",
        "note",
    ),
)
"""The traits, and who stumbles. Loud are those that lose whole sets or good tokens of many verifiers."""


def breaks(seen: Examination) -> Iterator[Trouble]:
    """A finding for each trait that this issuer's key set has."""
    keys = seen.step("keys")
    found = members_of(keys).get("keys") if keys is not None and keys.good else None
    members = found if isinstance(found, list) else []
    for row in FIELD:
        if row.has(members):
            yield Trouble(row.severity, f"{row.trait} breaks {row.verifiers}: {row.why}", row.hint)
    if str(seen.members.get("issuer", "")).endswith("/"):
        yield Trouble(
            "note",
            "an issuer with a slash at its end breaks clients that strip it, such as MCP's SDKs",
            "copy the issuer out of the metadata, letter by letter",
        )
