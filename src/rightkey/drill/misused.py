"""Tokens that the issuer signed, and that are for another service or time, or say less than they must."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rightkey.drill.exercise import AtJwt, Exercise, refusing
from rightkey.drill.row import Kind
from rightkey.drill.stage import Skipped, Stage

_ELSEWHERE = "https://elsewhere.example"
_HOUR = 3600
_TIME = "require exp, as a number, and refuse past it; refuse before nbf; allow minutes of skew at most"
_AUD = "require aud, and compare each of its values with your own whole name"
_ISS = "require iss, and compare it whole, character by character, with the issuer whose key verified"
_FOREVER = "the token can be used for ever by a thief"
_SHARED = "a token that one service was given opens another"
_REALM = "a token of another tenant or realm, by a key that both use, opens this service"


def _now(stage: Stage) -> int:
    return int(stage.issuer.clock())


def _with_aud(change: Callable[[str], Any]) -> Callable[[Stage], str]:
    def make(stage: Stage) -> str:
        audience = stage.audience
        return stage.good(aud=change(audience[0] if isinstance(audience, list) else audience))

    return make


def _with_iss(change: Callable[[str], Any]) -> Callable[[Stage], str]:
    return lambda stage: stage.good(iss=change(stage.issuer.url))


def _other_slash(issuer: str) -> str:
    return issuer[:-1] if issuer.endswith("/") else f"{issuer}/"


def _origin_alone(issuer: str) -> str:
    """Scheme and host of an issuer's URL, without its port: no normalization makes that of it."""
    scheme, _, rest = issuer.partition("://")
    host = rest.partition("/")[0].rpartition(":")[0]
    if not host:
        raise Skipped("the issuer's URL has no port that could be left out")
    return f"{scheme}://{host}"


def _misused(
    make: Callable[[Stage], str], reference: str, why: str, remedy: str, kind: Kind | AtJwt = "must"
) -> Exercise:
    return Exercise(refusing(make), "refuse it by a 4xx", reference, why, remedy, kind=kind)


EXERCISES: Mapping[str, Exercise] = {
    "attack: expired": _misused(
        lambda stage: stage.good(exp=_now(stage) - _HOUR), "RFC 7519, 4.1.4", _FOREVER, _TIME
    ),
    "attack: not-yet-valid": _misused(
        lambda stage: stage.good(nbf=_now(stage) + _HOUR),
        "RFC 7519, 4.1.5",
        "a token that was made in advance is used before its time",
        _TIME,
    ),
    "attack: wrong-audience": _misused(_with_aud(lambda _: _ELSEWHERE), "RFC 7519, 4.1.3", _SHARED, _AUD),
    "attack: wrong-issuer": _misused(
        _with_iss(lambda _: f"{_ELSEWHERE}/"), "RFC 8725, 3.8; CVE-2026-23552", _REALM, _ISS
    ),
    "claims: no exp": _misused(
        lambda stage: stage.good(exp=None), "RFC 9068, 2.2 and 4", _FOREVER, _TIME, "at+jwt"
    ),
    "claims: exp as text": _misused(
        lambda stage: stage.good(exp=str(_now(stage) - _HOUR)), "RFC 7519, 4.1.4", _FOREVER, _TIME
    ),
    "claims: no aud": _misused(
        _with_aud(lambda _: None),
        "RFC 9068, 4",
        _SHARED,
        _AUD,
        "at+jwt",
    ),
    "claims: empty aud": _misused(
        _with_aud(lambda _: [""]), "RFC 7519, 4.1.3; CVE-2020-26160", _SHARED, _AUD
    ),
    "claims: part of aud": _misused(_with_aud(lambda aud: aud[:-1]), "RFC 7519, 4.1.3", _SHARED, _AUD),
    "claims: more than aud": _misused(
        _with_aud(lambda aud: f"{aud}.elsewhere.example"), "RFC 7519, 4.1.3", _SHARED, _AUD
    ),
    "claims: no iss": _misused(
        lambda stage: stage.good(iss=None), "RFC 9068, 2.2 and 4", _REALM, _ISS, "at+jwt"
    ),
    "claims: iss in an array": _misused(
        _with_iss(lambda issuer: [f"{_ELSEWHERE}/", issuer]), "CVE-2025-30144; RFC 7519, 4.1.1", _REALM, _ISS
    ),
    "claims: part of iss": _misused(_with_iss(_origin_alone), "RFC 8725, 3.8; CVE-2024-53861", _REALM, _ISS),
    "claims: more than iss": _misused(
        _with_iss(lambda issuer: f"{issuer}.elsewhere.example"), "RFC 8725, 3.8", _REALM, _ISS
    ),
    "claims: iss with another slash": _misused(
        _with_iss(_other_slash),
        "RFC 9068, 4",
        "where a slash tells two tenants apart, one opens the other's service",
        _ISS,
        "at+jwt",
    ),
}
"""Every exercise of these by name."""
