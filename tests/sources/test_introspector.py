"""How hard an issuer is asked about opaque tokens, and who waits for whom."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import orjson
import pytest
from tests.conftest import Clock
from tests.scenarios.conftest import settled

from rightkey.errors import IssuerUnavailable, Misconfigured, RightkeyError, TokenRejected
from rightkey.events import IntrospectionFailed
from rightkey.exchange import ExchangeFailed, Request, Response
from rightkey.freshness.settings import Freshness
from rightkey.introspection.answer import Unusable
from rightkey.introspection.request import IntrospectionRequest
from rightkey.jose.keyset import KeySet
from rightkey.policy.introspection import Introspection
from rightkey.sources import introspector as module
from rightkey.sources.announcer import Subscription
from rightkey.sources.guard import GUARD
from rightkey.sources.introspector import MAX_WAITING, Introspector, introspector_of
from rightkey.sources.source import Means
from rightkey.verdict.attempt import NO_DEMANDS, attempt
from rightkey.verdict.held import NeedsNewer
from rightkey.verifier.tasks import AsyncVerifier
from rightkey.verifier.threads import Verifier

ACTIVE = {"active": True, "aud": "a", "exp": 9e9, "sub": "alice"}
PATIENT = Freshness(wait=60.0)
"""No question is given up that waits for what a test does, however busy this machine is."""


class Endpoint:
    """Answers each request when it is let go, as a function of the token says."""

    def __init__(self) -> None:
        self.posted: list[str] = []
        self.running = self.most = 0
        self.open = threading.Event()
        self.open.set()
        self.about: Callable[[str], Any] = lambda token: ACTIVE
        self._lock = threading.Lock()

    def get(self, request: Request, /) -> Response:
        raise AssertionError("no key is needed")

    def post(self, request: Request, /) -> Response:
        token = request.body.decode().partition("token=")[2].partition("&")[0]
        with self._lock:
            self.posted.append(token)
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            assert self.open.wait(60)
            answer = self.about(token)
            if isinstance(answer, Exception):
                raise answer
            return answer if isinstance(answer, Response) else Response(200, {}, orjson.dumps(answer))
        finally:
            with self._lock:
                self.running -= 1


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
def build(endpoint: Endpoint, clock: Clock) -> Callable[..., Verifier]:
    def make(freshness: Freshness = PATIENT, **settings: Any) -> Verifier:
        asked = Introspection("us", "secret", endpoint="https://as.example/introspect", **settings)
        return Verifier(
            "https://as.example",
            audience="a",
            keys=KeySet(()),
            introspection=asked,
            transport=endpoint,
            freshness=freshness,
            clock=clock,
            elapsed=clock,
        )

    return make


def outcome(verifier: Verifier, token: str) -> Any:
    """The verified token, or the error."""
    try:
        return verifier.verify(token)
    except RightkeyError as error:
        return error


def test_a_token_is_asked_about_once_however_many_threads_wait(
    build: Callable[..., Verifier], endpoint: Endpoint
) -> None:
    """Each has the answer for itself."""
    verifier = build()
    endpoint.open.clear()
    with ThreadPoolExecutor(20) as pool:
        waiting = [pool.submit(outcome, verifier, "one") for _ in range(20)]
        settled(lambda: endpoint.posted == ["one"], "it is asked about")
        endpoint.open.set()
        tokens = [one.result(60) for one in waiting]
    assert endpoint.posted == ["one"]
    assert {token.subject for token in tokens} == {"alice"}
    assert len({id(token.claims) for token in tokens}) == 20


@pytest.mark.parametrize(
    "odd",
    [
        Response(200, {}, b'{"active": true, "name": "\\ud83d"}'),
        ExchangeFailed("too_large", "the body is larger than the 65536 bytes allowed"),
    ],
    ids=["odd", "too large"],
)
def test_an_answer_about_one_token_does_not_hold_up_others(
    build: Callable[..., Verifier], endpoint: Endpoint, odd: Any
) -> None:
    """Neither those that are new nor those that were active before, however often it comes."""
    verifier = build(life=0.0)
    endpoint.about = lambda token: odd if token == "odd" else ACTIVE
    for token in ("known", "odd", "odd", "known", "new"):
        said = outcome(verifier, token)
        if token == "odd":
            assert (said.code, said.status) == ("introspection_failed", 503)
        else:
            assert said.subject == "alice", said


def test_they_share_its_failure_too(build: Callable[..., Verifier], endpoint: Endpoint) -> None:
    """Each raises an error of its own."""
    verifier = build()
    endpoint.open.clear()
    endpoint.about = lambda token: Response(503, {}, b"")
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(outcome, verifier, "one") for _ in range(8)]
        settled(lambda: endpoint.posted == ["one"], "it is asked about")
        endpoint.open.set()
        errors = [one.result(60) for one in waiting]
    assert endpoint.posted == ["one"]
    assert {error.code for error in errors} == {"introspection_failed"}
    assert len(set(map(id, errors))) == 8


def test_a_caller_that_gives_up_leaves_the_question_to_the_others(
    build: Callable[..., Verifier], endpoint: Endpoint
) -> None:
    """And its answer to those who come later."""
    patient, hasty = build(), build(Freshness(wait=0.05))
    hasty._issuer._opaque = patient._issuer._opaque  # one question, and another patience
    endpoint.open.clear()
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(outcome, patient, "one")
        settled(lambda: endpoint.posted == ["one"], "it is asked about")
        asking = retry_of(hasty)
        asking._until = 0.0
        jobs = iter(asking)
        hasty._wait(next(jobs), asking.patience)
        with pytest.raises(IssuerUnavailable, match="no answer in time"):
            next(jobs)
        endpoint.open.set()
        assert waiting.result(60).subject == "alice"
    assert hasty.verify("one").subject == "alice"
    assert endpoint.posted == ["one"]


def retry_of(verifier: Verifier) -> Any:
    """What a caller iterates, who asks about a token."""
    one = verifier._issuer
    held = one.source.held()
    need = attempt(one.trust, "one", held, one.now(), NO_DEMANDS)
    assert isinstance(need, NeedsNewer)
    return one.retry("one", NO_DEMANDS, one.now(), held, need, threads=True)


def test_garbage_takes_half_of_the_requests_and_a_token_that_was_active_passes_by(
    build: Callable[..., Verifier], endpoint: Endpoint, clock: Clock
) -> None:
    """At most four of eight run for what was never active, and the honest one does not wait for them."""
    verifier = build(life=1.0)
    verifier.verify("honest")
    clock.now += 2.0  # its answer has lost its life
    held = threading.Event()

    def about(token: str) -> Any:
        if token == "honest":
            return ACTIVE
        assert held.wait(60)
        return {"active": False}

    endpoint.about, endpoint.most = about, 0
    with ThreadPoolExecutor(30) as pool:
        garbage = [pool.submit(outcome, verifier, f"garbage-{number}") for number in range(30)]
        settled(lambda: endpoint.running == 4, "half of the places are taken")
        assert verifier.verify("honest").subject == "alice"
        assert endpoint.most == 5
        held.set()
        assert {one.result(60).code for one in garbage} == {"token_inactive"}
    assert endpoint.most <= 5


def test_the_line_is_short(build: Callable[..., Verifier], endpoint: Endpoint) -> None:
    """Beyond it a token that was never active is told to come back, and waits for nothing."""
    verifier = build(rate=1000.0)
    endpoint.open.clear()
    with ThreadPoolExecutor(MAX_WAITING + 4) as pool:
        waiting = [pool.submit(outcome, verifier, f"garbage-{number}") for number in range(MAX_WAITING + 4)]
        jobs = verifier._issuer._opaque.introspector._jobs  # type: ignore[union-attr]
        settled(lambda: jobs.counts()["waiting"] == MAX_WAITING, "they stand in line")
        error = outcome(verifier, "one-more")
        assert (error.code, error.retry_after) == ("introspection_failed", 1.0)
        endpoint.open.set()
        assert {one.result(60).subject for one in waiting} == {"alice"}


def test_distinct_garbage_is_asked_about_at_a_rate(
    build: Callable[..., Verifier], endpoint: Endpoint, clock: Clock
) -> None:
    """So many at once, then so many a second; tokens that were active do not count."""
    endpoint.about = lambda token: ACTIVE if token == "honest" else {"active": False}
    verifier = build(rate=10.0, life=0.0)
    verifier.verify("honest")
    codes = [outcome(verifier, f"garbage-{number}").code for number in range(50)]
    assert codes == ["token_inactive"] * 9 + ["introspection_failed"] * 41
    assert outcome(verifier, "garbage-99").retry_after >= 1.0
    clock.now += 1.0
    more = [outcome(verifier, f"more-{number}").code for number in range(50)]
    assert more.count("token_inactive") == 10
    assert verifier.verify("honest").subject == "alice"


@pytest.mark.slow
def test_an_outage_is_asked_about_once_a_pause(
    build: Callable[..., Verifier], endpoint: Endpoint, clock: Clock
) -> None:
    """Pauses double up to a minute; in an hour that is 70 requests at most, of each of two kinds."""
    verifier = build(life=0.0)
    verifier.verify("honest")
    endpoint.about = lambda token: Response(503, {}, b"")
    endpoint.posted.clear()
    for second in range(3600):
        assert outcome(verifier, f"garbage-{second}").status == 503
        assert outcome(verifier, "honest").status == 503
        clock.now += 1.0
    assert 60 <= endpoint.posted.count("honest") <= 140
    assert 120 <= len(endpoint.posted) <= 280


def test_many_that_fail_at_once_count_as_one(
    build: Callable[..., Verifier], endpoint: Endpoint, clock: Clock
) -> None:
    """Else one hiccup would be a pause of a minute."""
    verifier = build()
    endpoint.open.clear()
    endpoint.about = lambda token: Response(502, {}, b"")
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(outcome, verifier, f"t-{number}") for number in range(4)]
        settled(lambda: endpoint.running == 4, "all four are asked about")
        endpoint.open.set()
        assert {one.result(60).status for one in waiting} == {503}
    clock.now += 1.01
    endpoint.about = lambda token: ACTIVE
    assert verifier.verify("t-0").subject == "alice"


def test_a_servers_failure_over_one_text_is_no_outage(
    build: Callable[..., Verifier], endpoint: Endpoint, clock: Clock
) -> None:
    """A stranger may know a text over which it fails: tokens that were active are asked about all the same;
    and a 400 is no reason to leave it alone at all."""
    endpoint.about = lambda token: Response(500, {}, b"") if token == "poison" else ACTIVE
    verifier = build(life=0.0)
    verifier.verify("honest")
    assert outcome(verifier, "poison").status == 503
    assert verifier.verify("honest").subject == "alice"
    assert outcome(verifier, "new").status == 503  # until the pause is over
    clock.now += 1.01
    assert outcome(verifier, "new").subject == "alice"
    endpoint.about = lambda token: Response(400, {}, b"{}") if token == "poison" else ACTIVE
    assert outcome(verifier, "poison").status == 503
    assert outcome(verifier, "newer").subject == "alice"


def test_retry_after_is_honoured(build: Callable[..., Verifier], endpoint: Endpoint, clock: Clock) -> None:
    endpoint.about = lambda token: Response(429, {"retry-after": "30"}, b"")
    verifier = build()
    assert outcome(verifier, "one").retry_after == 30.0
    clock.now += 29.0
    assert outcome(verifier, "one").retry_after == 1.0
    assert len(endpoint.posted) == 1


def test_a_request_that_never_ends_is_given_up(build: Callable[..., Verifier], endpoint: Endpoint) -> None:
    """Its late answer counts for nothing."""
    endpoint.open.clear()
    verifier = build(Freshness(wait=0.05))
    error = outcome(verifier, "one")
    assert (error.code, error.status) == ("introspection_failed", 503)
    jobs = verifier._issuer._opaque.introspector._jobs  # type: ignore[union-attr]

    def given_up() -> bool:
        with GUARD:
            return jobs.find(asked().digest) is None

    settled(given_up, "it is given up")
    endpoint.open.set()
    settled(lambda: endpoint.running == 0, "it has come back")
    assert outcome(verifier, "one").code == "introspection_failed"


def test_threads_that_cannot_be_started_are_told(
    build: Callable[..., Verifier], endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As at the end of the interpreter. It says nothing of the issuer."""
    verifier = build()

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        assert "no thread could be started" in str(outcome(verifier, "one"))
    assert outcome(verifier, "one").subject == "alice"


# -- alone -------------------------------------------------------------------------------------------


def asked(token: str = "one") -> IntrospectionRequest:
    digest = sha256(token.encode()).digest()
    return IntrospectionRequest(token, digest, "https://as.example/introspect", "https://as.example", 1000.0)


def made(endpoint: Any, clock: Any, **settings: Any) -> Introspector:
    return Introspector(
        "https://as.example", Introspection("us", "s", **settings), Means(endpoint, PATIENT, clock)
    )


def test_who_asks_after_the_answer_has_come_has_it(endpoint: Endpoint, clock: Clock) -> None:
    """Between a caller's look at what is known and its question the answer may come."""
    one = made(endpoint, clock)
    first = one.ask(asked())
    assert first.job is not None
    first.job.done.result(60)
    second = one.ask(asked())
    assert (second.job, second.settled, second.claims) == (
        None,
        True,
        {"aud": "a", "exp": 9e9, "sub": "alice"},
    )
    assert endpoint.posted == ["one"]


def test_too_many_that_hang_are_told(
    endpoint: Endpoint, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = made(endpoint, clock)
    monkeypatch.setattr(module.Jobs, "start", lambda *_, **__: None)
    with pytest.raises(IssuerUnavailable, match="too many hang"):
        one.ask(asked())


def test_what_a_child_forgets(endpoint: Endpoint, clock: Clock) -> None:
    """A forked process has none of the threads, and asks for itself; what was answered is known there."""
    one = made(endpoint, clock)
    endpoint.open.clear()
    parents = one.ask(asked())
    one.forked()
    childs = one.ask(asked())
    assert childs is not parents
    endpoint.open.set()
    assert childs.job is not None
    childs.job.done.result(60)
    assert one.recall(asked().digest) == {"aud": "a", "exp": 9e9, "sub": "alice"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_forked_child_asks(build: Callable[..., Verifier], endpoint: Endpoint) -> None:
    """Though the parent's question was under way."""
    verifier = build()
    endpoint.open.clear()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(outcome, verifier, "one")
        settled(lambda: endpoint.posted == ["one"], "it is asked about")
        child = os.fork()
        if child == 0:  # pragma: no cover - another process
            endpoint.open, endpoint._lock = threading.Event(), threading.Lock()  # a thread may have held them
            endpoint.open.set()
            os._exit(0 if outcome(verifier, "one").subject == "alice" else 1)
        endpoint.open.set()
        assert waiting.result(60).subject == "alice"
    assert os.waitpid(child, 0)[1] == 0


def test_one_is_shared_while_it_is_used(endpoint: Endpoint, clock: Clock) -> None:
    """By issuer, settings, transport and clock; what cannot be compared shares nothing."""
    means = Means(endpoint, Freshness(), clock)
    settings = Introspection("us", "s")
    one = introspector_of("a", "https://a.example", settings, means)
    assert introspector_of("a", "https://a.example", Introspection("us", "s"), means) is one
    assert introspector_of("b", "https://b.example", settings, means) is not one
    assert introspector_of("a", "https://a.example", Introspection("us", "s2"), means) is not one

    class Odd(Endpoint):
        __hash__ = None  # type: ignore[assignment]

    odd = Means(Odd(), Freshness(), clock)
    first = introspector_of("a", "https://a.example", settings, odd)
    assert introspector_of("a", "https://a.example", settings, odd) is not first
    gc.collect()


def test_an_event_is_told_without_the_guard(endpoint: Endpoint, clock: Clock) -> None:
    """Also where a caller finds that a signed answer is none."""
    one = made(endpoint, clock, signed=True)
    told: list[tuple[Any, bool]] = []
    subscription = Subscription(lambda event: told.append((event, GUARD.is_mine)))
    one.announcer.subscribe(subscription)
    endpoint.about = lambda token: ExchangeFailed("dns", "no such host")
    pending = one.ask(asked())
    assert pending.job is not None
    pending.job.done.result(60)
    settled(lambda: len(told) == 1, "it is told")
    error = one.unusable(Unusable("answer", "its signed answer is none"), pending)
    assert error.code == "introspection_failed"
    assert [(event.reason, mine) for event, mine in told] == [("dns", False), ("answer", False)]
    assert all(isinstance(event, IntrospectionFailed) for event, _ in told)


def test_a_transport_that_only_gets_is_refused(clock: Clock) -> None:
    class Getting:
        def get(self, request: Request, /) -> Response:
            raise AssertionError

    with pytest.raises(Misconfigured, match="a transport that sends a body"):
        made(Getting(), clock)


def test_a_refused_token_is_no_outage(build: Callable[..., Verifier], endpoint: Endpoint) -> None:
    endpoint.about = lambda token: {"active": False}
    verifier = build()
    for number in range(20):
        assert isinstance(outcome(verifier, f"t-{number}"), TokenRejected)
    assert len(endpoint.posted) == 20


# -- in tasks ----------------------------------------------------------------------------------------


def in_tasks(endpoint: Endpoint, clock: Clock) -> AsyncVerifier:
    settings = Introspection("us", "secret", endpoint="https://as.example/introspect")
    return AsyncVerifier(
        "https://as.example",
        audience="a",
        keys=KeySet(()),
        introspection=settings,
        transport=endpoint,
        freshness=PATIENT,
        clock=clock,
        elapsed=clock,
    )


def test_a_task_that_is_cancelled_cancels_no_other(endpoint: Endpoint, clock: Clock) -> None:
    verifier = in_tasks(endpoint, clock)
    endpoint.open.clear()

    async def main() -> None:
        first, second = (asyncio.create_task(verifier.verify("one")) for _ in range(2))
        while not endpoint.posted:
            await asyncio.sleep(0.001)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        endpoint.open.set()
        assert (await second).subject == "alice"
        assert (await verifier.verify("one")).subject == "alice"

    asyncio.run(main())
    assert endpoint.posted == ["one"]


def test_tasks_of_trio_wait_for_one_request(endpoint: Endpoint, clock: Clock) -> None:
    """One that gives up leaves it to the others."""
    trio = pytest.importorskip("trio")
    verifier = in_tasks(endpoint, clock)
    subjects: list[str | None] = []
    endpoint.open.clear()

    async def one() -> None:
        subjects.append((await verifier.verify("one")).subject)

    async def main() -> None:
        with trio.move_on_after(0.02) as gave_up:
            await one()
        assert gave_up.cancelled_caught
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one)
            nursery.start_soon(one)
            endpoint.open.set()

    trio.run(main)
    assert (subjects, endpoint.posted) == (["alice", "alice"], ["one"])
