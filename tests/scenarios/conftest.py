"""The stage of every scene: an issuer on a real socket, three faces, a clock that is moved, and a broom.

A scene is written once, as plain sequential code, and played on each face. `elapsed` is a `Clock`: it
stands still until the scene moves it, so that hours pass in no time and a slow machine changes nothing.
"""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
import trio

import rightkey
from rightkey.exchange import Request, Response
from rightkey.localissuer import Fault, LocalIssuer
from rightkey.localissuer.answers import Answer
from rightkey.localissuer.misbehaving.faults import BEHAVED
from rightkey.transport.default import DefaultTransport

PATIENT = {"connect_timeout": 60.0, "timeout": 60.0, "wait": 120.0}
"""Seconds: what is answered is waited for, however busy this machine is."""
SOON = 0.5
"""Seconds after which what hangs or drips is given up, where a scene plays that."""


class Impatient:
    """A transport that gives up soon what an issuer is told to hold back, and waits for all else."""

    def __init__(self, issuer: LocalIssuer) -> None:
        self._issuer, self._inner = issuer, DefaultTransport()

    def get(self, request: Request, /) -> Response:
        endpoint = "jwks" if "jwks" in request.url else "discovery"
        planned = {one["fault"] for one in self._issuer.script.planned() if one["endpoint"] == endpoint}
        if not planned & {"hang", "drip-headers", "drip-body"}:
            return self._inner.get(request)
        came = self._issuer.requests[endpoint] + 1
        try:
            return self._inner.get(replace(request, timeout=SOON))
        finally:
            assert self._issuer.requests.wait(endpoint, came, 60)


class Gate:
    """Holds back answers that are made already, until it is open."""

    def __init__(self) -> None:
        self.reached, self._open = threading.Event(), threading.Event()

    def open(self) -> None:
        self._open.set()

    def __call__(self, answer: Answer) -> Answer:
        self.reached.set()
        assert self._open.wait(60)
        return answer


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one call came to, as the service that made it would answer."""

    verified: Any = None
    error: rightkey.RightkeyError | None = None

    @property
    def status(self) -> int | None:
        return 200 if self.error is None else self.error.status

    @property
    def code(self) -> str | None:
        return None if self.error is None else self.error.code

    @property
    def verdict(self) -> tuple[int | None, str | None]:
        return self.status, self.code

    @property
    def confirmed(self) -> bool:
        return getattr(self.error, "confirmed", True)

    @property
    def retry_after(self) -> float | None:
        return getattr(self.error, "retry_after", None)

    @property
    def kid(self) -> str | None:
        return None if self.verified is None else self.verified.key.kid


OK = (200, None)
UNAVAILABLE = (503, "keys_unavailable")
NOT_FOUND = (401, "key_not_found")
BAD_SIGNATURE = (401, "signature_invalid")


class Clock:
    """Seconds that pass when they are told to. Each reading is a nanosecond after the one before, since
    what comes first and what second still matters."""

    def __init__(self, now: float = 1000.0) -> None:
        self._now = now
        self._read = 0

    def __call__(self) -> float:
        self._read += 1
        return self._now + self._read * 1e-9

    def move(self, seconds: float) -> None:
        self._now += seconds


def _judged(call: Callable[[], Any]) -> Outcome:
    """Only our own errors are an outcome; anything else fails the scene."""
    try:
        verified = call()
    except rightkey.RightkeyError as error:
        return Outcome(error=error)
    return Outcome(verified)


async def _judged_async(call: Callable[[], Awaitable[Any]]) -> Outcome:
    try:
        verified = await call()
    except rightkey.RightkeyError as error:
        return Outcome(error=error)
    return Outcome(verified)


class Face:
    """How a service calls a verifier. Every method returns when all of its calls have been answered."""

    name: str
    kind: type[rightkey.Verifier] | type[rightkey.AsyncVerifier]
    blocks = False
    """Whether a caller who waits holds a thread."""

    def verifier(self, issuer: LocalIssuer, **settings: Any) -> Any:
        """A verifier of its own for a scene's issuer.

        Settings of `Freshness` may be among the others, and it waits long unless they say otherwise; `named`
        is what the issuer is called, where that is not its URL.
        """
        fresh = PATIENT | {
            name: settings.pop(name)
            for name in list(settings)
            if name in rightkey.Freshness.__dataclass_fields__
        }
        audience = settings.pop("audience", issuer.audience)
        name = settings.pop("named", issuer.url)
        return self.kind(name, audience=audience, freshness=rightkey.Freshness(**fresh), **settings)

    def call(self, verifier: Any, raw: str | bytes, **asked: Any) -> Outcome:
        return self._each([partial(verifier.verify, raw, **asked)])[0]

    def calls(self, verifier: Any, raws: Iterable[str | bytes]) -> list[Outcome]:
        """One after another."""
        return self._each([partial(verifier.verify, raw) for raw in raws])

    def prepare(self, verifier: Any) -> Outcome:
        return self._each([verifier.prepare])[0]

    def refresh(self, verifier: Any) -> Outcome:
        return self._each([verifier.refresh])[0]

    def together(self, verifier: Any, raws: Sequence[str | bytes]) -> list[Outcome]:
        """Released at one moment; outcomes in the order of the tokens."""
        raise NotImplementedError

    def besieged(
        self, verifier: Any, flood: Sequence[str], known: str, seconds: float, told: Callable[[int], None]
    ) -> tuple[list[Outcome], list[Outcome]]:
        """A flood spread over `seconds`, and a known token all the while until the flood is answered; `told`
        hears how often that was."""
        raise NotImplementedError

    def meanwhile(self, verifier: Any, raws: Sequence[str | bytes]) -> Future[list[Outcome]]:
        """As `together`, while the scene goes on."""
        result: Future[list[Outcome]] = Future()

        def run() -> None:
            try:
                result.set_result(self.together(verifier, raws))
            except BaseException as error:  # noqa: BLE001 - the scene raises it
                result.set_exception(error)

        threading.Thread(target=run, name="scene", daemon=True).start()
        return result

    def _each(self, calls: list[Callable[[], Any]]) -> list[Outcome]:
        raise NotImplementedError


class Threads(Face):
    name = "threads"
    kind = rightkey.Verifier
    blocks = True

    def _each(self, calls: list[Callable[[], Any]]) -> list[Outcome]:
        return [_judged(call) for call in calls]

    def together(self, verifier: Any, raws: Sequence[str | bytes]) -> list[Outcome]:
        barrier = threading.Barrier(len(raws))

        def run(raw: str | bytes) -> Outcome:
            barrier.wait(60)
            return _judged(partial(verifier.verify, raw))

        with ThreadPoolExecutor(len(raws), "scene") as pool:
            return list(pool.map(run, raws))

    def besieged(
        self, verifier: Any, flood: Sequence[str], known: str, seconds: float, told: Callable[[int], None]
    ) -> tuple[list[Outcome], list[Outcome]]:
        def run(raw: str) -> Outcome:
            return _judged(partial(verifier.verify, raw))

        def pour() -> list[Future[Outcome]]:
            poured = []
            for raw in flood:
                poured.append(pool.submit(run, raw))
                time.sleep(seconds / len(flood))
            return poured

        meanwhile: list[Outcome] = []
        with ThreadPoolExecutor(64, "scene") as pool, ThreadPoolExecutor(1, "scene") as pourer:
            pouring = pourer.submit(pour)
            while not pouring.done() or not all(one.done() for one in pouring.result()):
                meanwhile.append(run(known))
                told(len(meanwhile))
                time.sleep(0.002)
            return [one.result() for one in pouring.result()], meanwhile


class Asyncio(Face):
    name = "asyncio"
    kind = rightkey.AsyncVerifier

    def _each(self, calls: list[Callable[[], Any]]) -> list[Outcome]:
        async def main() -> list[Outcome]:
            return [await _judged_async(call) for call in calls]

        return asyncio.run(main())

    def together(self, verifier: Any, raws: Sequence[str | bytes]) -> list[Outcome]:
        async def main() -> list[Outcome]:
            calls = (_judged_async(partial(verifier.verify, raw)) for raw in raws)
            return list(await asyncio.gather(*calls))

        return asyncio.run(main())

    def besieged(
        self, verifier: Any, flood: Sequence[str], known: str, seconds: float, told: Callable[[int], None]
    ) -> tuple[list[Outcome], list[Outcome]]:
        async def main() -> tuple[list[Outcome], list[Outcome]]:
            tasks: list[asyncio.Task[Outcome]] = []

            async def pour() -> None:
                began = time.perf_counter()
                for number, raw in enumerate(flood):
                    tasks.append(asyncio.create_task(_judged_async(partial(verifier.verify, raw))))
                    await asyncio.sleep(max(0.0, began + seconds * number / len(flood) - time.perf_counter()))

            pouring = asyncio.create_task(pour())
            meanwhile: list[Outcome] = []
            while not pouring.done() or not all(task.done() for task in tasks):
                meanwhile.append(await _judged_async(partial(verifier.verify, known)))
                told(len(meanwhile))
                await asyncio.sleep(0.002)
            await pouring
            return [task.result() for task in tasks], meanwhile

        return asyncio.run(main())


class Trio(Face):
    name = "trio"
    kind = rightkey.AsyncVerifier

    def _each(self, calls: list[Callable[[], Any]]) -> list[Outcome]:
        async def main() -> list[Outcome]:
            return [await _judged_async(call) for call in calls]

        return trio.run(main)

    def together(self, verifier: Any, raws: Sequence[str | bytes]) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}

        async def one(number: int, raw: str | bytes) -> None:
            outcomes[number] = await _judged_async(partial(verifier.verify, raw))

        async def main() -> None:
            async with trio.open_nursery() as nursery:
                for number, raw in enumerate(raws):
                    nursery.start_soon(one, number, raw)

        trio.run(main)
        return [outcomes[number] for number in range(len(raws))]

    def besieged(
        self, verifier: Any, flood: Sequence[str], known: str, seconds: float, told: Callable[[int], None]
    ) -> tuple[list[Outcome], list[Outcome]]:
        flooded: list[Outcome] = []
        meanwhile: list[Outcome] = []

        async def one(raw: str) -> None:
            flooded.append(await _judged_async(partial(verifier.verify, raw)))

        async def pour(nursery: trio.Nursery) -> None:
            began = time.perf_counter()
            for number, raw in enumerate(flood):
                nursery.start_soon(one, raw)
                await trio.sleep(max(0.0, began + seconds * number / len(flood) - time.perf_counter()))

        async def main() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(pour, nursery)
                while len(flooded) < len(flood):
                    meanwhile.append(await _judged_async(partial(verifier.verify, known)))
                    told(len(meanwhile))
                    await trio.sleep(0.002)

        trio.run(main)
        return flooded, meanwhile


FACES: tuple[Face, ...] = (Threads(), Asyncio(), Trio())


@pytest.fixture(
    params=[FACES[0], *(pytest.param(face, marks=pytest.mark.slow) for face in FACES[1:])],
    ids=lambda face: face.name,
)
def face(request: pytest.FixtureRequest, nothing_left_behind: None) -> Face:
    """Each scene is played by threads, by tasks of asyncio, and, where there is time, by tasks of trio."""
    return request.param


@pytest.fixture
def elapsed() -> Clock:
    """What freshness, backoff and budget go by."""
    return Clock()


@pytest.fixture
def local(nothing_left_behind: None) -> Iterator[Callable[..., LocalIssuer]]:
    """Starts issuers, which end with the scene. By default they sign with P-256, whose keys cost nothing."""
    started: list[LocalIssuer] = []

    def start(**options: Any) -> LocalIssuer:
        issuer = LocalIssuer(**{"algorithm": "ES256"} | options).start()
        started.append(issuer)
        return issuer

    yield start
    for issuer in started:
        issuer.close()


@pytest.fixture
def issuer(local: Callable[..., LocalIssuer]) -> LocalIssuer:
    """An issuer of the scene's own."""
    return local()


@pytest.fixture
def hold(issuer: LocalIssuer) -> Iterator[Callable[..., Gate]]:
    """Has the issuer hold back its keys, good or spoilt, until the gate that this returns is open."""
    gates: list[Gate] = []

    def held(what: Fault = BEHAVED) -> Gate:
        gates.append(gate := Gate())
        issuer.misbehave("jwks", replace(what, name="held", dress=lambda answer: gate(what.dress(answer))))
        return gate

    yield held
    for gate in gates:
        gate.open()


@pytest.fixture
def nothing_left_behind() -> Iterator[None]:
    """After a scene no thread runs on, and no socket is open or was forgotten unclosed."""
    threads, sockets = set(threading.enumerate()), _sockets()
    yield
    settled(lambda: not (set(threading.enumerate()) - threads), "threads are left behind")
    if _sockets() > sockets:
        gc.collect()  # one that was forgotten in a cycle warns now, and a warning is an error
    settled(lambda: _sockets() <= sockets, "sockets are left open")


def _sockets() -> int:
    """Sockets that this process holds open. (0 where there is no /proc to tell.)"""
    if not os.path.isdir("/proc/self/fd"):
        return 0
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except OSError:  # the descriptor of this very listing
            continue
    return found


def settled(condition: Callable[[], bool], otherwise: str, seconds: float = 60.0) -> None:
    """Wait until it is so, since what runs apart may take its time; fail if it never is."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            pytest.fail(otherwise)
        time.sleep(0.005)


@pytest.fixture(name="settled")
def settled_fixture() -> Callable[..., None]:
    return settled


@pytest.fixture
def fast(issuer: LocalIssuer) -> dict[str, Any]:
    """Settings of a verifier for an issuer that hangs."""
    return {"transport": Impatient(issuer)}
