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
    make: Callable[[Stage], str],
    what: str,
    reference: str,
    why: str,
    remedy: str,
    kind: Kind | AtJwt = "must",
) -> Exercise:
    return Exercise(refusing(make), f"answer 4xx to a token {what}", reference, why, remedy, kind=kind)


def _timed(make: Callable[[Stage], str], what: str, reference: str, kind: Kind | AtJwt = "must") -> Exercise:
    return _misused(make, what, reference, _FOREVER, _TIME, kind)


def _for(change: Callable[[str], Any], what: str, reference: str, kind: Kind | AtJwt = "must") -> Exercise:
    return _misused(_with_aud(change), what, reference, _SHARED, _AUD, kind)


def _by(change: Callable[[str], Any], what: str, reference: str, kind: Kind | AtJwt = "must") -> Exercise:
    return _misused(_with_iss(change), what, reference, _REALM, _ISS, kind)


EXERCISES: Mapping[str, Exercise] = {
    "attack: expired": _timed(
        lambda stage: stage.good(exp=_now(stage) - _HOUR), "that expired an hour ago", "RFC 7519, 4.1.4"
    ),
    "attack: not-yet-valid": _misused(
        lambda stage: stage.good(nbf=_now(stage) + _HOUR),
        "whose nbf is in an hour",
        "RFC 7519, 4.1.5",
        "a token that was made in advance is used before its time",
        _TIME,
    ),
    "attack: wrong-audience": _for(lambda _: _ELSEWHERE, "for another audience", "RFC 7519, 4.1.3"),
    "attack: wrong-issuer": _by(
        lambda _: f"{_ELSEWHERE}/", "with another iss, by the issuer's key", "RFC 8725, 3.8; CVE-2026-23552"
    ),
    "claims: no exp": _timed(
        lambda stage: stage.good(exp=None), "without exp", "RFC 9068, 2.2 and 4", "at+jwt"
    ),
    "claims: exp as text": _timed(
        lambda stage: stage.good(exp=str(_now(stage) - _HOUR)),
        "that expired an hour ago, with exp as a string",
        "RFC 7519, 4.1.4",
    ),
    "claims: no aud": _for(lambda _: None, "without aud", "RFC 9068, 4", "at+jwt"),
    "claims: empty aud": _for(lambda _: [""], 'whose aud is [""]', "RFC 7519, 4.1.3; CVE-2020-26160"),
    "claims: part of aud": _for(
        lambda aud: aud[:-1], "whose aud is your name without its last letter", "RFC 7519, 4.1.3"
    ),
    "claims: more than aud": _for(
        lambda aud: f"{aud}.elsewhere.example",
        "whose aud is your name and more, as a longer host is",
        "RFC 7519, 4.1.3",
    ),
    "claims: no iss": _by(lambda _: None, "without iss", "RFC 9068, 2.2 and 4", "at+jwt"),
    "claims: iss in an array": _by(
        lambda issuer: [f"{_ELSEWHERE}/", issuer],
        "whose iss is an array of another issuer and yours",
        "CVE-2025-30144; RFC 7519, 4.1.1",
    ),
    "claims: part of iss": _by(
        _origin_alone,
        "whose iss is the issuer's scheme and host, without its port",
        "RFC 8725, 3.8; CVE-2024-53861",
    ),
    "claims: more than iss": _by(
        lambda issuer: f"{issuer}.elsewhere.example",
        "whose iss is the issuer's and more, as a longer host is",
        "RFC 8725, 3.8",
    ),
    "claims: iss with another slash": _misused(
        _with_iss(_other_slash),
        "whose iss has a slash at its end that the issuer's has not, or lacks it",
        "RFC 9068, 4",
        "where a slash tells two tenants apart, one opens the other's service",
        _ISS,
        "at+jwt",
    ),
}
"""Every exercise of these by name."""
