"""One issuer and one service before it: what exercises do with them, and what they expect."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from rightkey.drill.target import Answer, Target
from rightkey.localissuer import LocalIssuer, fault
from rightkey.localissuer.keys.signing import Form, SigningKey

NOTICED = 15.0
"""Seconds within which a service must take a new key: a flood may have used up what it allows itself."""
LONG = 8 * 1024
"""Bytes of a token at which servers may hang up before they answer."""
_BETWEEN = 0.1  # seconds between two looks
_CROWD, _QUIET = 8, 5  # so many for each worker at once, and so often without a request: they have the keys
_EXPIRED = 1.25  # times the life of its keys


class Failed(Exception):
    """The service did not do as it must; the message says what it did."""


class Skipped(Exception):
    """Nobody can tell; the message says what is missing."""


class Stage:
    """Where an exercise is played.

    Args:
        fresh: the service has just been started, and has heard of nothing.
        life: for how long it caches keys, in seconds, where that is known.
        workers: how many processes serve, each with keys of its own.
    """

    def __init__(
        self,
        issuer: LocalIssuer,
        target: Target,
        *,
        fresh: bool = False,
        life: float | None = None,
        workers: int = 1,
    ) -> None:
        self.issuer, self.target = issuer, target
        self.fresh, self.life, self.workers = fresh, life, workers
        self.wait = 0.0
        self.stopped: float | None = None
        self._stranger: SigningKey | None = None

    def again(self, *, fresh: bool) -> Stage:
        """The same for another exercise. What a fresh service has asked since its start counts in it."""
        if not fresh:
            self.recover()
            self.issuer.requests.clear()
        return Stage(self.issuer, self.target, fresh=fresh, life=self.life, workers=self.workers)

    # -- tokens --------------------------------------------------------------------------------------------

    def good(self, subject: str = "alice", key: SigningKey | None = None) -> str:
        """A token that must be accepted, as long as its key counts."""
        return self.issuer.token(key=key, sub=subject, scope="read:x")

    def forged(self, kid: str) -> str:
        """A token by a stranger, who names a key that nobody has published."""
        self._stranger = self._stranger or SigningKey.generate("RS256", Form(certificates=False), kid=kid)
        return self.issuer.token(key=self._stranger, header={"kid": kid}, sub="mallory")

    @property
    def noticed(self) -> float:
        """Seconds within which a new key must be accepted: before the others come to the end of their life,
        where the service has not been asked for much before."""
        return self.life / 2 if self.fresh and self.life is not None else NOTICED

    # -- what is expected ----------------------------------------------------------------------------------

    def accepts(self, token: str) -> Answer:
        """One good token is let in; how long it waited is kept."""
        answer = self.target.ask(token)
        self.wait = max(self.wait, answer.seconds)
        if not answer.accepted:
            raise Failed(f"a good token was {answer}")
        return answer

    def accepts_within(self, token: str, seconds: float) -> float:
        """A good token is let in at last; in how many seconds."""
        began = time.monotonic()
        while not (answer := self.target.ask(token)).accepted:
            if time.monotonic() - began > seconds:
                raise Failed(f"after {seconds:.0f} s a good token was {answer}")
            time.sleep(_BETWEEN)
        return time.monotonic() - began

    def accepts_all(self, tokens: Iterable[str]) -> None:
        """Good tokens, all at once."""
        answers = [one.result() for one in [self.target.send(token) for token in tokens]]
        self.wait = max([self.wait, *(answer.seconds for answer in answers)])
        bad = [answer for answer in answers if not answer.accepted]
        if bad:
            raise Failed(f"{len(bad)} of {len(answers)} good tokens were not accepted; one was {bad[0]}")

    def refuses(self, token: str, what: str) -> Answer:
        """One bad token is turned away, and by nothing that looks like a crash."""
        answer = self.target.ask(token)
        hung_up = answer.status is None and len(token) > LONG
        return answer if hung_up else self.judged(answer, what)

    def until_refused(self, token: Callable[[], str]) -> Iterator[None]:
        """Goes on while any worker takes such a token, and for some more looks where there are several."""
        refusals = 0
        while refusals < (1 if self.workers == 1 else _CROWD * self.workers):
            answer = self.target.ask(token())
            refusals = 0 if answer.accepted else refusals + 1
            if answer.accepted:
                yield
            time.sleep(_BETWEEN)

    def judged(self, answer: Answer, what: str) -> Answer:
        """Whether this answer to a bad token turns it away."""
        if answer.accepted:
            raise Failed(f"{what} was accepted")
        if not answer.refused:
            raise Failed(f"{what} was {answer}")
        return answer

    def waited(self, most: float) -> None:
        """Good tokens by known keys waited no longer than that, in seconds."""
        if self.wait > most:
            raise Failed(f"a good token by a known key waited {self.wait:.1f} s")

    def asked(self, most: int) -> None:
        """Each worker asked the issuer no more than so often."""
        if self.requests > most * self.workers:
            raise Failed(f"the issuer was asked {self.requests} times")

    # -- the issuer ----------------------------------------------------------------------------------------

    @property
    def requests(self) -> int:
        """How often the issuer was asked for metadata and keys."""
        return sum(self.issuer.requests[endpoint] for endpoint in ("discovery", "jwks", "moved"))

    def refreshes(self, seconds: float) -> int:
        """How often one worker asks in so many seconds, for its keys came to the end of their life."""
        return 0 if self.life is None else int(seconds / self.life)

    def misbehaves(self, what: str, **options: object) -> None:
        """The issuer goes wrong wherever it can in this way."""
        fails = fault(what, **options)
        for endpoint in ("discovery", "jwks"):
            if endpoint in fails.endpoints:
                self.issuer.misbehave(endpoint, fails)

    def recover(self) -> None:
        """The issuer behaves as it should again."""
        self.issuer.behave()
        self.issuer.delay = 0.0

    def warm(self) -> None:
        """Each worker has the keys, and what that took does not count."""
        self.accepts_within(self.good(), NOTICED)
        quiet = 0
        while self.workers > 1 and quiet < _QUIET:
            before = self.requests
            self.accepts_all([self.good()] * _CROWD * self.workers)
            quiet = quiet + 1 if self.requests == before else 0
        self.wait = 0.0
        self.issuer.requests.clear()

    def expire(self) -> None:
        """The keys that the service holds have come to the end of their life."""
        if self.life is None:
            raise Skipped("--life SECONDS says how long the service caches keys")
        time.sleep(self.life * _EXPIRED)

    def unheld(self) -> None:
        """The service has to ask for what the issuer says now."""
        if not self.fresh:
            self.expire()
