"""Unusual tokens that are good: a service that refuses one turns honest users away."""

from __future__ import annotations

from collections.abc import Mapping

from rightkey.drill.exercise import Exercise, Play, accepting
from rightkey.drill.row import Kind
from rightkey.drill.stage import Skipped, Stage
from rightkey.localissuer import Fault


def audience_in_array(stage: Stage) -> str:
    aud = stage.audience
    return stage.good(aud=aud if isinstance(aud, list) else [aud])


def fraction(stage: Stage) -> str:
    return stage.good(exp=int(stage.issuer.clock()) + 3600.5)


def access_token(stage: Stage) -> str:
    if stage.tokens.typ is not None:
        raise Skipped("--typ says what the service's tokens are")
    return stage.good(header={"typ": "at+jwt"})


def lower_case(stage: Stage) -> str:
    if not stage.target.bears:
        raise Skipped("the token is not carried by the scheme Bearer")
    return stage.good()


def one_key() -> Exercise:
    """The issuer publishes the key that signs, and no other."""
    only = Fault("one-key", rewrite=_only_current, endpoints=frozenset({"jwks", "moved"}))

    def play(stage: Stage) -> str:
        stage.misbehaves(only)
        stage.unheld()
        stage.ready()
        return stage.let_in(stage.ask(stage.good(header={"kid": None})), "it")

    return Exercise(
        play,
        "accept a token without kid where the issuer has one key",
        "RFC 7515, 4.1.4; OpenID Connect Core, 10.1",
        "kid is optional, and small issuers leave it out",
        "without a kid try the keys that fit the algorithm",
        kind="advice",
        fresh=True,
        fault=only,
        starts=True,
    )


def _only_current(document: dict[str, object], scene: object) -> dict[str, object]:
    kid = scene.key.kid  # type: ignore[attr-defined]
    return document | {"keys": [key for key in document["keys"] if key["kid"] == kid]}  # type: ignore[attr-defined]


def _good(play: Play, what: str, reference: str, why: str, remedy: str, *, must: bool = False) -> Exercise:
    kind: Kind = "must" if must else "advice"
    return Exercise(play, f"accept a good token {what}", reference, why, remedy, kind=kind)


EXERCISES: Mapping[str, Exercise] = {
    "good: aud in an array": _good(
        accepting(audience_in_array),
        "whose aud is an array",
        "RFC 7519, 4.1.3",
        "an array is the general case: Auth0, Keycloak and Kubernetes send one",
        "read aud as one string or a list of them",
    ),
    "good: exp with a fraction": _good(
        accepting(fraction),
        "whose exp has a fraction",
        "RFC 7519, 2",
        "NumericDate may have a fraction, and libraries of some languages write one",
        "read NumericDate as a number, not as an integer",
    ),
    "good: typ at+jwt": _good(
        accepting(access_token),
        "whose typ is at+jwt",
        "RFC 9068, 2.1",
        "issuers move to access tokens that say so, one by one",
        "take `at+jwt` as well as `JWT` for the type of an access token",
    ),
    "good: unknown header parameter": _good(
        accepting(lambda stage: stage.good(header={"x-drill": "1"})),
        "with an unknown header parameter",
        "RFC 7515, 4",
        "issuers add parameters without notice",
        "ignore what is neither understood nor listed in crit",
        must=True,
    ),
    "good: unknown claim": _good(
        accepting(lambda stage: stage.good(x_drill={"a": [1]})),
        "with an unknown claim",
        "RFC 7519, 4",
        "issuers add claims without notice",
        "ignore claims that are not understood",
        must=True,
    ),
    "good: bearer in lower case": _good(
        accepting(lower_case, lower=True),
        "after bearer in lower case",
        "RFC 9110, 11.1 and 2.4",
        "the name of a scheme has no case, and clients write it as they like",
        "compare the scheme without its case",
        must=True,
    ),
    "good: no kid, one key": one_key(),
}
"""Every exercise of these by name."""
