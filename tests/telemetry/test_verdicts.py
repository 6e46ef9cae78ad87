"""Verdicts: what became of a token, refused ones once a second, and every one to a meter."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

import pytest
from tests.conftest import Clock
from tests.scenarios.conftest import settled

import rightkey
from rightkey import AsyncVerifier, Trust, Verifier
from rightkey.events import SUBSCRIBERS, Event, KeysFetched, TokensRefused, subscribe
from rightkey.integrations.bearer import Bearer
from rightkey.localissuer import LocalIssuer
from rightkey.telemetry.verdicts import Verdicts


class Heard:
    """A listener that measures, and keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.verdicts: list[tuple[str, str, float]] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def judged(self, issuer: str, code: str, seconds: float, /) -> None:
        self.verdicts.append((issuer, code, seconds))

    @property
    def refused(self) -> list[TokensRefused]:
        return [event for event in self.events if isinstance(event, TokensRefused)]


class Failing(Heard):
    """One whose every method raises."""

    def __call__(self, event: Event) -> None:
        raise RuntimeError

    def judged(self, issuer: str, code: str, seconds: float, /) -> None:
        raise RuntimeError


@pytest.fixture
def clock() -> Clock:
    return Clock(0.0)


@pytest.fixture(scope="module")
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


def ask_threads(verifier: Verifier, token: str, **asks: object) -> None:
    with_verdict(lambda: verifier.verify(token, **asks))  # type: ignore[call-overload]


def ask_tasks(verifier: AsyncVerifier, token: str, **asks: object) -> None:
    with_verdict(lambda: asyncio.run(verifier.verify(token, **asks)))  # type: ignore[call-overload]


def with_verdict(call: Callable[[], object]) -> None:
    with contextlib.suppress(rightkey.RightkeyError):
        call()


KINDS = pytest.mark.parametrize(
    ("kind", "ask"), [(Verifier, ask_threads), (AsyncVerifier, ask_tasks)], ids=["threads", "tasks"]
)


@KINDS
def test_a_refused_token_is_told_with_what_was_expected(
    kind: type[Verifier], ask: Callable[..., None], issuer: LocalIssuer, clock: Clock
) -> None:
    """Its code, its key id, the names of its claims; and no claim's value."""
    heard = Heard()
    verifier = kind(issuer.url, audience=["api", "b"], elapsed=clock, listener=heard)
    ask(verifier, issuer.token(aud="https://secret.example"))
    (event,) = heard.refused
    assert event == TokensRefused(
        issuer=issuer.url,
        code="claims_rejected",
        status=401,
        message="claims are not as required: aud mismatch",
        tokens=1,
        kid=event.kid,
        claims=("aud",),
        audience=("api", "b"),
        issuers=(issuer.url,),
    )
    assert event.kid
    assert "secret" not in repr(event)


def test_a_listener_is_not_held_back_by_what_another_heard(clock: Clock) -> None:
    """Not even if it stands where that one stood in memory."""
    places = set()
    for _ in range(100):
        heard = Heard()
        places.add(id(heard))
        Verdicts(heard, clock).refused("junk", None, rightkey.TokenRejected("token_malformed", "junk"), 0.0)
        assert len(heard.refused) == 1
    assert len(places) < 100


def test_a_method_is_one_listener_however_often_it_is_looked_up(clock: Clock) -> None:
    """A verifier may be built for each request. Two methods are two listeners; an object that allows no weak
    reference is one as well."""

    class Slotted:
        __slots__ = ("events",)

        def __init__(self) -> None:
            self.events: list[str] = []

        def first(self, event: Event) -> None:
            self.events.append("first")

        def second(self, event: Event) -> None:
            self.events.append("second")

    slotted = Slotted()
    for _ in range(3):
        for listener in (slotted.first, slotted.second):
            error = rightkey.TokenRejected("token_malformed", "junk")
            Verdicts(listener, clock).refused("junk", None, error, 0.0)
    assert slotted.events == ["first", "second"]


@KINDS
def test_a_flood_is_one_event_a_second(
    kind: type[Verifier], ask: Callable[..., None], issuer: LocalIssuer, clock: Clock
) -> None:
    """Of a code; a meter is told of each."""
    heard = Heard()
    verifier = kind(issuer.url, audience=issuer.audience, elapsed=clock, listener=heard)
    for number in range(50):
        ask(verifier, "junk")
        clock.now = number / 100
    ask(verifier, issuer.token(aud="other"))
    clock.now = 1.0
    ask(verifier, "junk")
    assert [(event.code, event.tokens) for event in heard.refused] == [
        ("token_malformed", 1),
        ("claims_rejected", 1),
        ("token_malformed", 50),
    ]
    assert [code for _, code, _ in heard.verdicts] == ["token_malformed"] * 50 + [
        "claims_rejected",
        "token_malformed",
    ]


@KINDS
def test_a_meter_is_told_of_every_verdict(
    kind: type[Verifier], ask: Callable[..., None], issuer: LocalIssuer, clock: Clock
) -> None:
    """Good, remembered, refused, not granted, and not as the type of claims has it; with the seconds."""
    heard = Heard()
    verifier = kind(issuer.url, audience=issuer.audience, elapsed=clock, listener=heard)
    good = issuer.token(sub="a")
    for _ in range(2):
        ask(verifier, good)
    ask(verifier, good, require="write:x")
    assert [(named, code) for named, code, _ in heard.verdicts] == [
        (issuer.url, "verified"),
        (issuer.url, "verified"),
        (issuer.url, "scope_insufficient"),
    ]
    assert all(0 < seconds < 60 for *_, seconds in heard.verdicts)


@KINDS
def test_an_outage_is_told_with_its_status(
    kind: type[Verifier], ask: Callable[..., None], issuer: LocalIssuer, clock: Clock
) -> None:
    """A token that could not be judged is not refused."""
    heard = Heard()
    verifier = kind("http://127.0.0.1:9/", audience="a", elapsed=clock, listener=heard)
    ask(verifier, issuer.token(iss="http://127.0.0.1:9/", aud="a"))
    assert [(event.code, event.status) for event in heard.refused] == [("keys_unavailable", 503)]


@KINDS
def test_a_token_of_none_of_several_issuers_is_told(
    kind: type[Verifier], ask: Callable[..., None], issuer: LocalIssuer, clock: Clock
) -> None:
    """Under no issuer: whatever it names is a stranger's word."""
    heard = Heard()
    trusts = [Trust(issuer.url, issuer.audience), Trust("https://b.example", "b")]
    verifier = kind.of(*trusts, elapsed=clock, listener=heard)
    ask(verifier, issuer.token(iss="https://stranger.example"))
    ask(verifier, issuer.token())
    assert [(event.issuer, event.code, event.audience) for event in heard.refused] == [
        ("", "issuer_not_trusted", ())
    ]
    assert [(named, code) for named, code, _ in heard.verdicts] == [
        ("", "issuer_not_trusted"),
        (issuer.url, "verified"),
    ]


def test_any_issuer_is_called_so(issuer: LocalIssuer) -> None:
    """There must be a name for a metric's label."""
    heard = Heard()
    verifier = Verifier(
        rightkey.ANY, audience=rightkey.ANY, keys=issuer.url + ".well-known/jwks.json", listener=heard
    )
    verifier.verify(issuer.token())
    assert heard.verdicts[0][0] == "ANY"


def test_explaining_is_not_traffic(issuer: LocalIssuer, clock: Clock) -> None:
    """What an operator looks into does not change what is counted."""
    heard = Heard()
    verifier = Verifier(issuer.url, audience=issuer.audience, elapsed=clock, listener=heard)
    verifier.explain("junk")
    assert (heard.refused, heard.verdicts) == ([], [])


def test_one_subscribed_hears_of_every_verifier(issuer: LocalIssuer, clock: Clock) -> None:
    """Made before or after, and once where it is a verifier's listener too, until it ends."""
    heard = Heard()
    before = Verifier(issuer.url, audience=issuer.audience, elapsed=clock)
    end = subscribe(heard)
    try:
        after = Verifier(issuer.url, audience="x", elapsed=clock, listener=heard)
        before.verify(issuer.token())
        settled(lambda: heard.events != [], "the fetch was not told")  # after those who waited for it
        with pytest.raises(rightkey.TokenRejected):
            after.verify(issuer.token())
    finally:
        end()
    before.verify(issuer.token())
    assert [type(event) for event in heard.events] == [KeysFetched, TokensRefused]
    assert [code for _, code, _ in heard.verdicts] == ["verified", "claims_rejected"]
    assert heard not in SUBSCRIBERS.listeners


def test_what_a_listener_raises_is_not_the_tokens_fault(issuer: LocalIssuer, clock: Clock) -> None:
    """The verdict stays what it is, and the next listener is told."""
    failing, heard = Failing(), Heard()
    ends = [subscribe(failing), subscribe(heard)]
    try:
        verifier = Verifier(issuer.url, audience=issuer.audience, elapsed=clock)
        assert verifier.verify(issuer.token(sub="a")).subject == "a"
        with pytest.raises(rightkey.TokenRejected):
            verifier.verify("junk")
    finally:
        for end in ends:
            end()
    assert [code for _, code, _ in heard.verdicts] == ["verified", "token_malformed"]
    assert len(heard.refused) == 1


def test_two_clocks_do_not_hold_each_other_back(issuer: LocalIssuer) -> None:
    """A verifier with a clock of its own has events of its own."""
    heard = Heard()
    for now in (1e9, 5.0):
        clock = Clock()
        clock.now = now
        with pytest.raises(rightkey.TokenRejected):
            Verifier(issuer.url, audience="x", elapsed=clock, listener=heard).verify("junk")
    assert [event.tokens for event in heard.refused] == [1, 1]


def test_verifiers_built_per_request_share_the_limit(issuer: LocalIssuer, clock: Clock) -> None:
    """A flood is one event a second then, too."""
    heard = Heard()
    for number in range(21):
        clock.now = number / 20
        with pytest.raises(rightkey.TokenRejected):
            Verifier(issuer.url, audience="x", elapsed=clock, listener=heard).verify("junk")
    assert [event.tokens for event in heard.refused] == [1, 20]


def test_a_token_that_a_route_is_not_granted_by_is_told_once(issuer: LocalIssuer, clock: Clock) -> None:
    """By the integration that answers 403, since the verifier has let it pass; not if it has not."""
    heard = Heard()
    verifier = Verifier(issuer.url, audience=issuer.audience, elapsed=clock)
    end = subscribe(heard)
    try:
        with pytest.raises(rightkey.InsufficientScope) as by_route:
            verifier.verify(issuer.token()).require("write:of-a-route")
        with pytest.raises(rightkey.InsufficientScope) as by_verifier:
            verifier.verify(issuer.token(), require="write:of-a-verifier")
        with pytest.raises(rightkey.TokenRejected) as refused:
            verifier.verify("junk")
        for raised in (by_route, by_route, by_verifier, refused):
            Bearer().refusal(raised.value)
    finally:
        end()
    told = [event.message for event in heard.refused if event.code == "scope_insufficient"]
    assert [("of-a-verifier" in message, "of-a-route" in message) for message in told] == [
        (True, False),
        (False, True),
    ]
    assert len(heard.refused) == 3
