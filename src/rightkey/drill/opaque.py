"""Opaque tokens, at a service that asks its issuer about them (RFC 7662); at others they are not tested.

The local issuer tells any client of its tokens, by whatever secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from rightkey.drill.exercise import Exercise, Play
from rightkey.drill.stage import Failed, Skipped, Stage
from rightkey.jose.base64url import decode
from rightkey.localissuer import Fault, fault
from rightkey.localissuer.answers import Answer

_ENDPOINT = "introspect"
_REVOKED = "a token that was revoked, or was never issued, opens the service"
_ACTIVE = "accept a token only where active is the JSON value true"
_INVALID = "RFC 6749, 7; RFC 7662, 2.2"


def _opaque(stage: Stage, **changes: Any) -> str:
    return stage.issuer.opaque(**stage.tokens.of(stage.issuer) | changes)


def _taken(stage: Stage) -> None:
    """Skipped where the service takes no opaque token."""
    stage.ready()
    if _ENDPOINT not in stage.issuer.urls:
        raise Skipped("an issuer in this dress has no introspection")
    answer = stage.ask(_opaque(stage))
    if answer.status == 503:  # of the last exercise's trouble, which ends
        try:
            stage.accepts_within(lambda: _opaque(stage), stage.times.noticed)
        except Failed as failed:
            raise Skipped(f"before it, {failed}: a refusal would say nothing") from None
    elif not answer.accepted:
        raise Skipped(f"the service takes no opaque tokens: a good one was {answer}")


def _good(stage: Stage) -> str:
    _taken(stage)
    return "it was accepted"


def _refused(make: Callable[[Stage], str]) -> Play:
    def play(stage: Stage) -> str:
        _taken(stage)
        return f"it was {stage.refuses(make(stage), 'it')}"

    return play


def _revoked(stage: Stage) -> str:
    token = _opaque(stage)
    stage.issuer.revoke_token(token)
    return token


def _said(active: object) -> Callable[[Stage], str]:
    """The issuer answers with all claims, and this for `active`."""

    def dress(answer: Answer) -> Answer:
        body = orjson.dumps(_claims(answer.body) | {"active": active})
        return Answer(answer.status, {"content-type": "application/json"}, body)

    def make(stage: Stage) -> str:
        stage.issuer.misbehave(_ENDPOINT, Fault("active", dress=dress, endpoints=frozenset({_ENDPOINT})))
        return _opaque(stage)

    return make


def _claims(body: bytes) -> dict[str, Any]:
    """Of an answer, signed (RFC 9701) or not."""
    if body.startswith(b"{"):
        return dict(orjson.loads(body))
    return dict(orjson.loads(decode(body.split(b".")[1]))["token_introspection"])


def _outage(stage: Stage) -> str:
    _taken(stage)
    stage.issuer.misbehave(_ENDPOINT, fault("status", code=503))
    token = _opaque(stage)
    answer = stage.ask(token)
    if answer.accepted:
        raise Failed("a token was accepted that could not be checked")
    if answer.status is None or answer.status < 500:
        raise Failed(f"a good token was {answer}, as if it were at fault")
    stage.recover()
    took = stage.accepts_within(lambda: token, stage.times.noticed)
    return f"{answer}; once the issuer was back, the token was accepted after {took:.1f} s"


def _row(play: Play, expected: str, reference: str, why: str, remedy: str) -> Exercise:
    return Exercise(play, expected, reference, why, remedy, kind="advice")


EXERCISES: Mapping[str, Exercise] = {
    "opaque: good": _row(
        _good,
        "accept a good opaque token",
        "RFC 7662, 2",
        "clients of your issuer may have no other tokens",
        "ask the issuer's introspection endpoint about what is no JWT",
    ),
    "opaque: unknown": _row(
        _refused(lambda stage: f"{_opaque(stage)}x"),
        "answer 4xx to an opaque token that the issuer does not know",
        _INVALID,
        _REVOKED,
        _ACTIVE,
    ),
    "opaque: revoked": _row(
        _refused(_revoked),
        "answer 4xx to an opaque token that was revoked before its first use",
        _INVALID,
        _REVOKED,
        _ACTIVE,
    ),
    "opaque: for another audience": _row(
        _refused(lambda stage: _opaque(stage, aud="https://elsewhere.example")),
        "answer 4xx to an opaque token for another audience",
        "RFC 7662, 2.2 and 4",
        "a token that one service was given opens another",
        "compare aud of the answer with your own name",
    ),
    "opaque: active is false as text": _row(
        _refused(_said("false")),
        'refuse an opaque token of which the issuer says "active": "false", as a string',
        _INVALID,
        "a string that is not empty is true in many languages, and so a revoked token opens the service",
        _ACTIVE,
    ),
    "opaque: active is true as text": _row(
        _refused(_said("true")),
        'refuse an opaque token of which the issuer says "active": "true", as a string',
        "RFC 7662, 2.2",
        "an issuer that answers so is broken, and its false may be a string as well",
        _ACTIVE,
    ),
    "opaque: outage": _row(
        _outage,
        "answer 5xx and not 401 to an opaque token while introspection answers 503, and accept it afterwards",
        "RFC 9110, 15.6.4",
        "a client that is told 401 throws a good token away, and signs in again",
        "answer 503 to what cannot be checked",
    ),
}
"""Every exercise of these by name."""
