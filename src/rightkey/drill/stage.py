"""One issuer and one service before it: what exercises do with them, and what they expect."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from rightkey.drill.service import Served, Unknown, telling
from rightkey.drill.target import Answer, Target
from rightkey.drill.tokens import Tokens
from rightkey.localissuer import Fault, LocalIssuer, SigningKey, fault

COOLDOWN = 30.0
"""Seconds for which a service may put off a second look for an unknown key: the default of many libraries."""
LONG = 8 * 1024
"""Bytes of a token at which servers may hang up before they answer."""
_SPARE = 2.0  # seconds beyond what a service may take
_BETWEEN = 0.1  # seconds between two looks
_CROWD, _QUIET = 8, 5  # so many for each worker at once, and so often without a request: they have the keys
_EXPIRED = 1.25  # times the life of its keys
_DYING = 1.0  # seconds that a process may take to end


class Failed(Exception):
    """The service did not do as expected; the message says what it did."""


class Errored(Exception):
    """A bad token was not let in, but met an error; the message says which."""


class Skipped(Exception):
    """Nothing can be told; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Times:
    """What is known of a service's keys, in seconds.

    Args:
        life: for how long it caches keys, if that is known.
        cooldown: for how long it may put off a second look for an unknown key.
        workers: how many processes serve, each with keys of its own.
    """

    life: float | None = None
    cooldown: float = COOLDOWN
    workers: int = 1

    @property
    def noticed(self) -> float:
        """Within so many seconds a new key is accepted: in half the life, but not before the cooldown."""
        return max((self.life or 0.0) / 2, self.cooldown) + _SPARE


@dataclass(slots=True)
class Stage:
    """Where one exercise is played.

    Args:
        fresh: the service has just been started, and has heard of nothing.
    """

    issuer: LocalIssuer
    target: Target
    tokens: Tokens = field(default_factory=Tokens)
    times: Times = field(default_factory=Times)
    service: Served = field(default_factory=Unknown)
    fresh: bool = False
    wait: float = 0.0
    stopped: float | None = None
    _silent: bool = False
    _sick: bool = False
    _stranger: SigningKey | None = None

    def again(self, *, fresh: bool) -> Stage:
        """The same for another exercise. What a fresh service has asked since its start counts in it."""
        if not fresh:
            self.recover()
            self.issuer.requests.clear()
        return Stage(self.issuer, self.target, self.tokens, self.times, self.service, fresh)

    # -- tokens --------------------------------------------------------------------------------------------

    def good(
        self, key: SigningKey | None = None, header: Mapping[str, Any] | None = None, **changes: Any
    ) -> str:
        """A token to accept, as long as its key counts; `header` and `changes` make it another."""
        return self.tokens.good(self.issuer, key, header, **changes)

    def attack(self, name: str) -> str:
        """A token of the local issuer's attacks, with the claims of a good one."""
        return self.issuer.attack(name, **self.tokens.of(self.issuer))

    @property
    def audience(self) -> Any:
        """The audience of a good token. Skipped where it has none."""
        audience = self.tokens.of(self.issuer).get("aud", self.issuer.audience)
        if audience is None:
            raise Skipped("the issuer's tokens have no aud")
        return audience

    @property
    def stranger(self) -> SigningKey:
        """A key that the issuer never had."""
        self._stranger = self._stranger or SigningKey.generate(self.issuer.algorithm)
        return self._stranger

    def forged(self, kid: str) -> str:
        """A token by a stranger who names a key that was never published."""
        return self.good(self.stranger, {"kid": kid})

    # -- what is expected ----------------------------------------------------------------------------------

    def ask(
        self, token: str | None = None, *, lower: bool = False, proofs: Sequence[str] | None = None
    ) -> Answer:
        """One request, with a token or without; with proofs, if only none, under the scheme DPoP."""
        answer = self.target.ask(token, lower=lower, proofs=proofs)
        self._silent = self._silent or answer.status is None
        return answer

    def accepts(self, token: str, what: str = "a good token") -> Answer:
        """One good token is let in; how long it waited is kept."""
        answer = self.ask(token)
        self.wait = max(self.wait, answer.seconds)
        if not answer.accepted:
            raise Failed(f"{what} was {answer}")
        return answer

    def accepts_within(self, token: Callable[[], str], seconds: float) -> float:
        """Such a token is let in at last; in how many seconds."""
        began = time.monotonic()
        while not (answer := self.ask(token())).accepted:
            if time.monotonic() - began > seconds:
                raise Failed(f"after {seconds:.0f} s a good token was {answer}")
            if self.service.ended() is not None:
                raise Failed(f"a good token was {answer}")
            time.sleep(_BETWEEN)
        return time.monotonic() - began

    @staticmethod
    def let_in(answer: Answer, what: str) -> str:
        """Says that this answer lets the token in."""
        _require_judged(answer, what)
        if not answer.accepted:
            raise Failed(f"{what} was {answer}")
        return f"{what} was accepted ({answer.status})"

    def accepts_all(self, tokens: Iterable[str]) -> None:
        """Good tokens, all at once."""
        answers = [one.result() for one in [self.target.send(token) for token in tokens]]
        self.wait = max([self.wait, *(answer.seconds for answer in answers)])
        bad = [answer for answer in answers if not answer.accepted]
        if bad:
            raise Failed(f"{len(bad)} of {len(answers)} good tokens were not accepted; one was {bad[0]}")

    def ready(self) -> None:
        """A good token is let in now: without that, a refusal says nothing."""
        try:
            self.accepts_within(self.good, self.times.noticed)
        except Failed as failed:
            self._sick = True
            raise Skipped(f"before it, {failed}: a refusal would say nothing") from None
        self.wait = 0.0
        self.issuer.requests.clear()

    def refuses(self, token: str, what: str) -> Answer:
        """One bad token is turned away."""
        answer = self.ask(token)
        hung_up = answer.status is None and len(token) > LONG
        _require_judged(answer, what)
        return answer if hung_up else self.judged(answer, what)

    def until_refused(self, token: Callable[[], str]) -> Iterator[None]:
        """Goes on while any worker takes such a token, and for some more looks where there are several."""
        refusals = 0
        while refusals < (1 if self.times.workers == 1 else _CROWD * self.times.workers):
            answer = self.ask(token())
            refusals = 0 if answer.accepted else refusals + 1
            if answer.accepted:
                yield
            time.sleep(_BETWEEN)

    def judged(self, answer: Answer, what: str) -> Answer:
        """Whether this answer to a bad token turns it away."""
        if answer.accepted:
            raise Failed(f"{what} was accepted ({answer.status})")
        if not answer.refused:
            raise Errored(f"{what} was {answer}")
        return answer

    def waited(self, most: float) -> None:
        """Good tokens by known keys waited no longer than that, in seconds."""
        if self.wait > most:
            raise Failed(f"a good token by a known key waited {self.wait:.1f} s")

    def asked(self, most: int) -> None:
        """Each worker asked the issuer no more than so often."""
        if self.requests > most * self.times.workers:
            raise Failed(f"the issuer was asked {self.requests} times")

    # -- how the service is --------------------------------------------------------------------------------

    def down(self) -> str | None:
        """What has become of the service, if it serves no more."""
        end = time.monotonic() + (_DYING if self._silent else 0.0)
        while (ended := self.service.ended()) is None and time.monotonic() < end:
            time.sleep(_BETWEEN)
        if ended is not None:
            return ": ".join([f"the service {ended}", *telling(self.service.last_words())])
        if not (self._silent or self._sick):
            return None
        self.recover()
        end = time.monotonic() + _DYING
        while (answer := self.target.ask()).status is None:
            if time.monotonic() > end:  # one connection that breaks is not the end of a service
                return f"the service is gone: {answer}"
            time.sleep(_BETWEEN)
        return None

    @property
    def sick(self) -> bool:
        """It took no good token though the issuer was well."""
        return self._sick

    # -- the issuer ----------------------------------------------------------------------------------------

    @property
    def requests(self) -> int:
        """How often the issuer was asked for metadata and keys."""
        return sum(self.issuer.requests[endpoint] for endpoint in ("discovery", "jwks", "moved"))

    def refreshes(self, seconds: float) -> int:
        """How often one worker asks in so many seconds because its keys came to the end of their life."""
        return 0 if self.times.life is None else int(seconds / self.times.life)

    def misbehaves(self, what: str | Fault, **options: object) -> None:
        """The issuer goes wrong wherever it can in this way."""
        fails = fault(what, **options) if isinstance(what, str) else what
        for endpoint in ("discovery", "jwks"):
            if endpoint in fails.endpoints:
                self.issuer.misbehave(endpoint, fails)

    def recover(self) -> None:
        """The issuer behaves as it should again."""
        self.issuer.behave()
        self.issuer.delay = 0.0

    def warm(self) -> None:
        """Each worker has the keys, and what that took does not count."""
        self.ready()
        quiet, workers = 0, self.times.workers
        while workers > 1 and quiet < _QUIET:
            before = self.requests
            self.accepts_all([self.good() for _ in range(_CROWD * workers)])
            quiet = quiet + 1 if self.requests == before else 0
        self.wait = 0.0
        self.issuer.requests.clear()

    def renew(self) -> None:
        """A service that is not fresh has put the last exercise's trouble behind it, and asked again."""
        if self.fresh:
            return
        self.ready()
        end = time.monotonic() + self.times.noticed
        while self.requests == 0 and time.monotonic() < end:
            self.accepts(self.good())
            time.sleep(_BETWEEN)
        self.issuer.requests.clear()

    def expire(self) -> None:
        """The keys that the service holds have come to the end of their life."""
        if self.times.life is None:
            raise Skipped("--life SECONDS says how long the service caches keys")
        time.sleep(self.times.life * _EXPIRED)

    def unheld(self) -> None:
        """The service has to ask for what the issuer says now."""
        if not self.fresh:
            self.expire()


def _require_judged(answer: Answer, what: str) -> None:
    """Skipped where the service, or what stands before it, only says that it was asked too often."""
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise Skipped(f"{what} was {answer}: too many requests, which says nothing of a token")
