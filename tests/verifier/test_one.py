"""The two faces: what they share, and that they differ in nothing but the line that waits."""

from __future__ import annotations

import asyncio
import math
import pickle
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
import trio
from tests.scenarios.conftest import settled

import rightkey
from rightkey.events import Event, KeysFetched
from rightkey.localissuer import LocalIssuer
from rightkey.transport.default import DefaultTransport

AUDIENCE = "https://api.example.com"


class Threads:
    """The sync face, called as it is."""

    make = rightkey.Verifier

    def __call__(self, call: Callable[[], Any]) -> Any:
        return call()


class Asyncio:
    """The async face in asyncio."""

    make = rightkey.AsyncVerifier

    def __call__(self, call: Callable[[], Any]) -> Any:
        return asyncio.run(call())


class Trio:
    """The async face in trio."""

    make = rightkey.AsyncVerifier

    def __call__(self, call: Callable[[], Any]) -> Any:
        return trio.run(call)


@pytest.fixture(params=[Threads(), Asyncio(), Trio()], ids=["threads", "asyncio", "trio"])
def face(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


def moved() -> Callable[[], float]:
    """A clock of elapsed seconds of the test's own, so that nothing is shared with another test."""
    return lambda: 1000.0


def keys_of(issuer: LocalIssuer) -> rightkey.KeySet:
    return rightkey.KeySet.parse({"keys": [key.public_jwk() for key in issuer.keys]})


def test_verify_takes_what_the_call_asks(face: Any, issuer: LocalIssuer) -> None:
    """Requirements, a nonce, and the access token that came along."""
    verifier = face.make(issuer.url, audience=AUDIENCE, elapsed=moved())
    raw = issuer.token(sub="alice", scope="read:x", nonce="n")
    assert face(lambda: verifier.verify(raw, require="read:x", nonce="n")).subject == "alice"
    with pytest.raises(rightkey.InsufficientScope):
        face(lambda: verifier.verify(raw, require="write:x"))
    with pytest.raises(rightkey.TokenRejected, match="nonce mismatch"):
        face(lambda: verifier.verify(raw, nonce="another"))
    with pytest.raises(rightkey.TokenRejected, match="at_hash missing"):
        face(lambda: verifier.verify(raw, access_token="opaque"))


def test_prepare_has_the_keys_fetched_once(face: Any, issuer: LocalIssuer) -> None:
    """And then needs nothing more."""
    verifier = face.make(issuer.url, audience=AUDIENCE, elapsed=moved())
    face(verifier.prepare)
    face(verifier.prepare)
    assert (issuer.requests["discovery"], issuer.requests["jwks"]) == (1, 1)
    assert verifier.status().ready


def test_prepare_and_refresh_tell_what_is_wrong_with_the_issuer(face: Any, issuer: LocalIssuer) -> None:
    """With the error of the first cause, and not the 503 of a request."""
    verifier = face.make(issuer.url, audience=AUDIENCE, elapsed=moved())
    issuer.misbehave("discovery", "wrong-issuer")
    with pytest.raises(rightkey.IssuerMisbehaved) as caught:
        face(verifier.prepare)
    assert caught.value.code == "issuer_mismatch"
    issuer.behave()
    issuer.misbehave("jwks", "empty-set")
    with pytest.raises(rightkey.IssuerMisbehaved) as caught:
        face(verifier.refresh)
    assert caught.value.code == "keyset_invalid"
    issuer.behave()
    face(verifier.refresh)
    assert verifier.status().last_failure is None


def test_keys_that_were_handed_over_need_no_issuer(face: Any, issuer: LocalIssuer) -> None:
    """There is nothing to prepare, and nothing to refresh, distrust or tell of."""
    verifier = face.make("any name", audience=AUDIENCE, keys=keys_of(issuer))
    face(verifier.prepare)
    assert face(lambda: verifier.verify(issuer.token(iss="any name"))).issuer == "any name"
    with pytest.raises(rightkey.TokenRejected) as caught:
        face(lambda: verifier.verify(issuer.attack("jku-header", iss="any name")))
    assert caught.value.code == "key_not_found"
    for call in (lambda: verifier.status(), lambda: verifier.distrust("kid"), lambda: face(verifier.refresh)):
        with pytest.raises(rightkey.Misconfigured):
            call()
    assert issuer.requests.total == 0


def test_a_jwks_url_needs_no_discovery(face: Any, issuer: LocalIssuer) -> None:
    """The issuer is then any string."""
    url = issuer.url + ".well-known/jwks.json"
    verifier = face.make(issuer.url, audience=AUDIENCE, keys=url, elapsed=moved())
    face(lambda: verifier.verify(issuer.token()))
    assert (issuer.requests["discovery"], issuer.requests["jwks"]) == (0, 1)


@pytest.mark.parametrize(
    "settings",
    [
        {"remember": -1},
        {"remember": True},
        {"remember": "many"},
        {"keys": 5},
        {"keys": "http://example.com/jwks"},
        {"issuer": "http://example.com"},
        {"issuer": rightkey.ANY},
        {"audience": ""},
        {"certificates": "maybe"},
        {"algorithms": ["HS256"]},
        {"provider": ["auth0"]},
        {"freshness": None},
        {"freshness": {"max_life": 600}},
        {"transport": "https://proxy.example"},
        *(
            {"transport": {"ca_file": "x"}},
            {"transport": DefaultTransport},
            {"transport": httpx.Client()},
            {"transport": httpx.AsyncClient()},
        ),
        *({"clock": 5}, {"elapsed": 5.0}, {"listener": "print"}),
        *({"store": []}, {"store": {"url": "redis://a"}}),
    ],
)
def test_a_wrong_setting_is_told_when_the_verifier_is_built(face: Any, settings: dict[str, Any]) -> None:
    """And never later."""
    with pytest.raises(rightkey.Misconfigured):
        face.make(**{"issuer": "https://issuer.example", "audience": "api"} | settings)


def test_a_verifier_pickles_by_its_settings(face: Any, issuer: LocalIssuer) -> None:
    """The copy shares what was fetched, in the same process."""
    verifier = face.make(issuer.url, audience=AUDIENCE, leeway=5, transport=DefaultTransport(trust_env=False))
    face(verifier.prepare)
    copy = pickle.loads(pickle.dumps(verifier))
    token = face(lambda: copy.verify(issuer.token(sub="alice")))
    assert issuer.requests["jwks"] == 1
    assert repr(copy) == repr(verifier) == f"{face.make.__name__}({issuer.url!r}, audience={AUDIENCE!r})"
    again = pickle.loads(pickle.dumps(token))
    assert (again.claims, again.header, again.key) == (token.claims, token.header, token.key)


def test_an_explanation_tells_each_step_and_never_raises(face: Any, issuer: LocalIssuer) -> None:
    """Whatever becomes of the token."""
    verifier = face.make(issuer.url, audience=AUDIENCE, elapsed=moved())
    good = face(lambda: verifier.explain(issuer.token(), require=()))
    assert good.verified is not None
    assert {step.outcome for step in good.steps} <= {"ok", "note"}
    late = face(lambda: verifier.explain(issuer.attack("expired")))
    assert late.error.expired
    assert [step.step for step in late.steps if step.outcome == "failed"] == ["claims"]
    lacking = face(lambda: verifier.explain(issuer.token(), require="write:x"))
    assert lacking.error.code == "scope_insufficient"
    assert lacking.steps[-1].step == "requirements"


def test_a_listener_is_told_and_its_exceptions_are_counted(face: Any, issuer: LocalIssuer) -> None:
    """They are not the token's fault, nor the caller's."""
    told: list[Event] = []

    def listener(event: Event) -> None:
        told.append(event)
        raise RuntimeError("a listener's own")

    verifier = face.make(issuer.url, audience=AUDIENCE, elapsed=moved(), listener=listener)
    face(verifier.refresh)
    settled(lambda: verifier._issuer.kept[0].announcer.errors == 1, "it was not told")
    assert told == [KeysFetched(issuer.url, 2, 0, False)]


def test_distrust_holds_for_every_verifier_of_the_issuer(face: Any, issuer: LocalIssuer) -> None:
    """By kid or thumbprint, for those there are and those to come."""
    one = face.make(issuer.url, audience=AUDIENCE)
    raw = issuer.token()
    key = face(lambda: one.verify(raw)).key
    one.distrust(key.thumbprint)
    for verifier in (one, face.make(issuer.url, audience=AUDIENCE, elapsed=moved())):
        with pytest.raises(rightkey.TokenRejected) as caught:
            face(lambda verifier=verifier: verifier.verify(raw))
        assert caught.value.code == "key_not_found"


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("name", [None, "", 5, b"kid", ["kid"]])
def test_what_names_no_key_is_not_distrusted_without_a_word(
    face: Any, several: bool, name: Any, issuer: LocalIssuer
) -> None:
    """Such as `token.key.kid` of a key that has none: its owner would believe that it is refused."""
    trust = rightkey.Trust(issuer.url, audience=AUDIENCE)
    verifier = face.make.of(trust) if several else face.make(issuer.url, audience=AUDIENCE)
    with pytest.raises(rightkey.Misconfigured, match="needs a key id") as caught:
        verifier.distrust(name)
    assert "thumbprint" in str(caught.value.hint)


def test_a_token_that_is_no_text_is_the_callers_mistake(face: Any, issuer: LocalIssuer) -> None:
    """A TypeError, which is not an error of ours."""
    verifier = face.make(issuer.url, audience=AUDIENCE, keys=keys_of(issuer))
    with pytest.raises(TypeError, match="str or bytes"):
        face(lambda: verifier.verify(None))


def test_prepare_during_backoff_fails_at_once(face: Any, issuer: LocalIssuer) -> None:
    """With what failed before, and without a request."""
    verifier = face.make(issuer.url, audience=AUDIENCE, elapsed=moved())
    issuer.misbehave("discovery", "html")
    for _ in range(2):
        with pytest.raises(rightkey.IssuerMisbehaved):
            face(verifier.prepare)
    assert issuer.requests.total == 1


def test_where_no_thread_can_be_started_the_keys_are_unavailable(
    face: Any, issuer: LocalIssuer, no_thread: Any
) -> None:
    """503: there is nothing to serve, and the issuer could not be asked."""
    with no_thread():
        verifier = face.make(issuer.url, audience=AUDIENCE, elapsed=moved())
        for call in (verifier.refresh, verifier.prepare, lambda: verifier.verify(issuer.token())):
            with pytest.raises(rightkey.IssuerUnavailable):
                face(call)
    assert issuer.requests.total == 0


def test_the_time_is_looked_up_when_a_token_is_judged(
    face: Any, issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library that freezes the time replaces the clock after it was imported: under it, too, an expired
    token must not pass."""
    verifier = face.make(issuer.url, audience=AUDIENCE, elapsed=moved())
    raw = issuer.token(sub="alice")
    assert face(lambda: verifier.verify(raw)).subject == "alice"
    later = time.time() + 86_400
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(rightkey.TokenRejected) as caught:
        face(lambda: verifier.verify(raw))
    assert caught.value.expired


@pytest.mark.parametrize("told", [math.nan, math.inf, -math.inf, 10**400, None, "12", True, Decimal(1)])
def test_a_clock_that_tells_no_time_lets_nothing_in(face: Any, issuer: LocalIssuer, told: Any) -> None:
    """To NaN no token has expired. It may go wrong at any call: a remembered token is not let in either."""
    readings = [time.time(), told, told]
    verifier = face.make(
        issuer.url, audience=AUDIENCE, elapsed=moved(), clock=lambda: readings.pop(0) if readings else told
    )
    raw = issuer.token(sub="alice")
    assert face(lambda: verifier.verify(raw)).subject == "alice"
    for token in (raw, issuer.token(sub="alice", exp=1)):
        with pytest.raises(rightkey.Misconfigured, match="clock must return a number of seconds"):
            face(lambda token=token: verifier.verify(token))
