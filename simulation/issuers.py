"""Issuers: what each publishes over time, how it answers, and the transport that asks them."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from rightkey.exchange import ExchangeFailed, Request, Response
from simulation.keys import Balancer, Signer
from simulation.world import Fault, World, running_job

STALE = 900.0
"""Seconds by which a stale answer is old at most."""
NEVER = float("inf")


class Mode(NamedTuple):
    """How an issuer answers, and after how many seconds. One that hangs keeps to no time-out."""

    name: str
    least: float
    most: float
    good: bool = False
    hangs: bool = False


MODES = {
    mode.name: mode
    for mode in (
        Mode("healthy", 0.01, 0.3, good=True),
        Mode("slow", 1.0, 3.4, good=True),
        Mode("stale", 0.01, 0.3),
        Mode("silent", NEVER, NEVER),
        Mode("hanging", 9.0, 300.0, hangs=True),
        Mode("failing", 0.01, 0.3),
        Mode("page", 0.01, 0.3),
        Mode("empty", 0.01, 0.3),
        Mode("broken", 0.01, 0.3),
        Mode("limiting", 0.01, 0.3),
        Mode("refusing", 0.0, 0.1),
    )
}


class Published(NamedTuple):
    """What stands in the key set, and which of it with its private half."""

    keys: tuple[Signer, ...]
    leaked: frozenset[Signer] = frozenset()


class Answer(NamedTuple):
    """What an issuer answers, and what the oracle may know of it. `published`: None where that is no set."""

    takes: float
    response: Response | None
    published: Published | None = None


class Issuer:
    """One place where keys are published, for one issuer or for several names that lead there."""

    def __init__(self, names: list[str], host: str, chance: Random, *, by_url: bool) -> None:
        self.names, self.host, self.by_url = names, host, by_url
        self.chance = chance
        self.mode = MODES["healthy"]
        self.fleeting = False
        """Whether a verifier may forget it, and ask it anew."""
        self.good_since = 0.0
        self.retry_after: int | None = None
        self.control = chance.choice((None, "max-age=15", "max-age=900", "max-age=4000, must-revalidate"))
        self.tags = chance.random() < 0.5
        self.moves = 0
        self.made = 0
        self.log: list[tuple[float, Published]] = []
        self.retired: list[Signer] = []
        self.next: Signer | None = None
        self.current = self.make()
        self.publish(0.0, self.current)

    # -- what it publishes

    @property
    def published(self) -> Published:
        return self.log[-1][1]

    @property
    def leaked(self) -> set[Signer]:
        """What was ever published with its private half."""
        return {key for _, published in self.log for key in published.leaked}

    @property
    def jwks_uri(self) -> str:
        return f"https://{self.host}/keys/{self.moves}"

    def make(self, kid: str | None = None) -> Signer:
        self.made += 1
        return Signer(kid or f"{self.host.split('.')[0]}-{self.made}")

    def publish(self, now: float, *keys: Signer, leaked: frozenset[Signer] = frozenset()) -> None:
        """Replace the key set."""
        before = self.published.keys if self.log else ()
        for key in keys:
            key.published_at = key.published_at if key in before else now
        for key in before:
            if key not in keys:
                key.gone_at, key.published_at = now, NEVER
                self.retired.append(key)
        self.log.append((now, Published(keys, leaked)))
        self._turned(now)

    def turn(self, now: float, mode: Mode, retry_after: int | None) -> None:
        """Answer in this way from now on."""
        self.mode, self.retry_after = mode, retry_after
        self._turned(now)

    def _turned(self, now: float) -> None:
        good = self.mode.good and set(self.published.keys) > self.leaked
        if not good or self.good_since == NEVER:
            self.good_since = now if good else NEVER

    # -- how it answers

    def answer(self, request: Request, now: float) -> Answer:
        mode = self.mode
        takes = mode.least if mode.least == NEVER else self.chance.uniform(mode.least, mode.most)
        if mode.name in ("silent", "refusing"):
            return Answer(takes, None)
        if mode.name in ("failing", "limiting", "page", "broken"):
            return Answer(takes, _FAULTY[mode.name](self.retry_after))
        path = urlsplit(request.url).path
        if "well-known" in path:
            return Answer(takes, _json(200, {"issuer": self.names[0], "jwks_uri": self.jwks_uri}))
        if path != urlsplit(self.jwks_uri).path:
            return Answer(takes, Response(404, {}, b""))
        published = Published(()) if mode.name == "empty" else self._shown(now)
        return Answer(takes, self._document(request, published), published)

    def _shown(self, now: float) -> Published:
        if self.mode.name != "stale":
            return self.published
        after = [published for since, published in self.log if since >= now - STALE]
        return self.chance.choice([*after, self.published])

    def _document(self, request: Request, published: Published) -> Response:
        headers = {} if self.control is None else {"cache-control": self.control}
        if self.tags:
            tag = ",".join(f"{key.kid}{key.public['x']}{key in published.leaked}" for key in published.keys)
            headers["etag"] = f'"{tag}"'
            if request.headers.get("if-none-match") == headers["etag"]:
                return Response(304, headers, b"")
        members = [key.leaked if key in published.leaked else key.public for key in published.keys]
        return _json(200, {"keys": members}, headers)


class Balancers(Issuer):
    """A load balancer's keys, each at a URL of its own, beside those of other customers."""

    def make(self, kid: str | None = None) -> Any:
        self.made += 1
        return Balancer(_guid(self.made))

    def answer(self, request: Request, now: float) -> Answer:
        takes = self.chance.uniform(self.mode.least, self.mode.most) if self.mode.least < NEVER else NEVER
        if not self.mode.good:
            faulty = _FAULTY.get(self.mode.name, _FAULTY["failing"])
            return Answer(takes, None if takes == NEVER else faulty(self.retry_after))
        kid = request.url.rpartition("/")[2]
        for key in self.published.keys:
            if key.kid == kid:
                return Answer(takes, Response(200, {}, key.public), Published((key,)))  # type: ignore[arg-type]
        return Answer(takes, Response(403, {}, b""))


def _guid(number: int) -> str:
    return f"{number:08x}-1b3c-4d5e-8f70-91a2b3c4d5e6"


class Network:
    """A transport to the issuers: the only requests there are go through it."""

    def __init__(self, world: World, asked: Callable[..., Any], answered: Callable[..., None]) -> None:
        self.world, self.asked, self.answered = world, asked, answered
        self.issuers: dict[str, Issuer] = {}
        self.unknown: Callable[[str], Issuer | None] = lambda host: None

    def get(self, request: Request, /) -> Response:
        try:
            return self._get(request)
        except Fault as fault:  # whatever a transport raises is taken for a failed fetch
            self.world.faults.append(fault)
            raise

    def _get(self, request: Request) -> Response:
        host = urlsplit(request.url).netloc
        issuer = self.issuers.get(host) or self.unknown(host)
        if issuer is None:
            raise Fault("no stranger's address is asked", host)
        exchange = self.asked(running_job(), issuer, request)
        answer = issuer.answer(request, self.world.now)
        late = answer.takes > request.timeout and not issuer.mode.hangs
        self.world.sleep(request.timeout if late else answer.takes)
        response = None if late else answer.response
        self.answered(exchange, response, answer.published)
        if response is None:
            raise ExchangeFailed("timeout" if late else "refused", "no answer")
        return response


def _json(status: int, document: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return Response(status, headers or {}, json.dumps(document).encode())


def _after(seconds: int | None) -> dict[str, str]:
    return {} if seconds is None else {"retry-after": str(seconds)}


_FAULTY: dict[str, Callable[[int | None], Response]] = {
    "failing": lambda after: Response(500, {}, b"oops"),
    "limiting": lambda after: Response(429, _after(after), b""),
    "page": lambda after: Response(200, {"content-type": "text/html"}, b"<html>maintenance</html>"),
    "broken": lambda after: Response(200, {}, b'{"keys": [{'),
}
