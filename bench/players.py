"""Whom `bench.staying` sends tokens to: each as a user sets it up, in threads, in a loop, or in Node."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from bench import contenders, nodejs
from rightkey import AsyncVerifier, Freshness, Verifier
from rightkey.localissuer import LocalIssuer

PULSE = 0.002  # seconds between two looks at whether a loop still turns
THREADS = 128


class Player(Protocol):
    """Takes tokens, many at once if need be, in the process with this id."""

    pid: int

    def send(self, token: str) -> Future[bool]:
        """Whether the token is accepted; an error of any kind is a refusal."""

    def stalled(self) -> float | None:
        """The longest that its event loop stood still, in seconds; None where it has none."""

    def close(self) -> None: ...


class InThreads:
    """A function of a token, called in threads."""

    pid = os.getpid()

    def __init__(self, verify: Callable[[str], Any]) -> None:
        self._verify, self._pool = verify, ThreadPoolExecutor(THREADS)

    def send(self, token: str) -> Future[bool]:
        return self._pool.submit(self._accepts, token)

    def _accepts(self, token: str) -> bool:
        try:
            self._verify(token)
        except Exception:  # noqa: BLE001 - whatever it raises, it is a refusal
            return False
        return True

    def stalled(self) -> float | None:
        return None

    def close(self) -> None:
        self._pool.shutdown(wait=False)


class InLoop:
    """A function to be awaited, in tasks of one event loop on a thread of its own."""

    pid = os.getpid()

    def __init__(self, verify: Callable[[str], Awaitable[Any]]) -> None:
        self._verify, self._longest = verify, 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        watching = self._loop.create_task(self._watch())
        self._loop.run_forever()
        watching.cancel()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.close()

    async def _watch(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(PULSE)
            self._longest = max(self._longest, time.perf_counter() - before - PULSE)

    async def _accepts(self, token: str) -> bool:
        try:
            await self._verify(token)
        except Exception:  # noqa: BLE001 - whatever it raises, it is a refusal
            return False
        return True

    def send(self, token: str) -> Future[bool]:
        return asyncio.run_coroutine_threadsafe(self._accepts(token), self._loop)

    def stalled(self) -> float | None:
        return self._longest

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


class InNode:
    """One of npm's, in a process of its own."""

    def __init__(self, name: str, stage: contenders.Stage, life: float) -> None:
        told = nodejs.told(stage) | {"life": life, "jwks_uri": stage.issuer.urls["jwks"]}
        trusted = {"NODE_EXTRA_CA_CERTS": str(stage.issuer.ca_file)} if stage.issuer.ca_file else {}
        self._process = subprocess.Popen(
            ["node", str(nodejs.PROGRAM.with_name("player.mjs")), name, json.dumps(told)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | trusted,
        )
        self.pid = self._process.pid
        self._numbers, self._waiting, self._writing = count(), dict[int, Future[Any]](), threading.Lock()
        self._ready: Future[Any] = Future()
        threading.Thread(target=self._read, daemon=True).start()
        self._ready.result(10)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            future = self._ready if answer["at"] is None else self._waiting.pop(answer["at"])
            future.set_result(answer["is"])

    def _ask(self, token: str | None) -> Future[Any]:
        assert self._process.stdin is not None
        future: Future[Any] = Future()
        with self._writing:
            number = next(self._numbers)
            self._waiting[number] = future
            self._process.stdin.write(json.dumps({"at": number, "token": token}) + "\n")
            self._process.stdin.flush()
        return future

    def send(self, token: str) -> Future[bool]:
        return self._ask(token)

    def stalled(self) -> float | None:
        return float(self._ask(None).result(10))

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


class Memory:
    """How far a process has grown at the most since this was made, where that can be told: on Linux."""

    def __init__(self, pid: int) -> None:
        self._process = Path(f"/proc/{pid}")
        if (reset := self._process / "clear_refs").exists():
            reset.write_text("5")  # the peak begins anew (proc(5))
        self._before = self._peak()

    def grown(self) -> float | None:
        """In MiB."""
        peak = self._peak()
        return None if peak is None or self._before is None else peak - self._before

    def _peak(self) -> float | None:
        status = self._process / "status"
        found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text()) if status.exists() else None
        return int(found[1]) / 1024 if found else None


class Entrant(NamedTuple):
    """`enter` is told for how long keys are cached, in seconds, where the entrant has such a setting.

    `issuer` makes the issuer, which has to be one of https for some: called so and reached at its port where
    what fetches is handed in, and speaking it where not.
    """

    name: str
    enter: Callable[[contenders.Stage, float], Player]
    issuer: Callable[[], LocalIssuer] = LocalIssuer


def freshness(life: float) -> Freshness:
    return Freshness(life=life, min_life=life, max_life=life)


def _rightkey(stage: contenders.Stage, life: float) -> Player:
    audience = stage.issuer.audience
    return InThreads(Verifier(stage.url, audience=audience, freshness=freshness(life)).verify)


def _rightkey_async(stage: contenders.Stage, life: float) -> Player:
    audience = stage.issuer.audience
    return InLoop(AsyncVerifier(stage.url, audience=audience, freshness=freshness(life)).verify)


def _pyjwt(stage: contenders.Stage, life: float) -> Player:
    return InThreads(contenders.pyjwt_client(stage, lifespan=life))


def _oxyjwt(stage: contenders.Stage, life: float) -> Player:
    return InThreads(contenders.oxyjwt_client(stage, lifespan=life))


def _auth0_api(stage: contenders.Stage, life: float) -> Player:
    return InLoop(contenders.auth0_api_client(stage, cache_ttl_seconds=max(1, int(life)), socket=True))


def _fastmcp(stage: contenders.Stage, life: float) -> Player:
    return InLoop(contenders.fastmcp_client(stage, life=life))


def _from_npm(name: str) -> Callable[[contenders.Stage, float], Player]:
    return lambda stage, life: InNode(name, stage, life)


ENTRANTS = (
    Entrant("rightkey", _rightkey),
    Entrant("rightkey, async", _rightkey_async),
    Entrant("PyJWT", _pyjwt),
    Entrant("oxyjwt", _oxyjwt),
    Entrant("auth0-api-python", _auth0_api, partial(LocalIssuer, url="https://tenant.example/")),
    Entrant("FastMCP", _fastmcp),
    Entrant("jose", _from_npm("jose")),
    Entrant("jwks-rsa + jsonwebtoken", _from_npm("jwks-rsa + jsonwebtoken")),
    Entrant("get-jwks + fast-jwt", _from_npm("get-jwks + fast-jwt")),
    Entrant("aws-jwt-verify", _from_npm("aws-jwt-verify"), partial(LocalIssuer, tls=True)),
)
