"""ByKid: keys that an issuer publishes one by one, each at a URL that has its key id in it.

A key id comes from a stranger: only a GUID becomes part of a URL. Which of them exist is not known
beforehand, so each new one is asked for, out of the issuer's budget; an answer of 403 or 404 is final until
the backoff of that key id is over.

What has verified a token is never pushed out by what has not: a stranger can name key ids without end, and at
a place that many customers share even ones that have keys.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress

from rightkey.freshness.budget import Draws, draw
from rightkey.freshness.status import Status
from rightkey.issuer.vendor import is_guid
from rightkey.jose.key import Key
from rightkey.jose.keyset import KeySet
from rightkey.sources.first_of import FirstOfSource
from rightkey.sources.guard import GUARD
from rightkey.sources.jobs import Job
from rightkey.sources.remote import Remote
from rightkey.sources.source import Located, Means
from rightkey.verdict.held import Held, NeedsNewer, Outlook

MAX_IN_USE = 64
"""Key ids that are kept whose key has verified a token."""
MAX_UNUSED = 16
"""Other key ids that are kept, with a key or with the answer that there is none."""
_NONE_YET = Held(KeySet(()))
_ABSENT = ("403", "404")


class ByKid:
    """The keys of one such issuer, each with a source of its own.

    Args:
        remote: makes the source of a single key id.
        account: the issuer's budget.
    """

    def __init__(self, name: str, remote: Callable[[str], Remote], means: Means, account: Draws) -> None:
        self.wait = means.freshness.wait
        self._name, self._remote, self._means, self._account = name, remote, means, account
        self._in_use: OrderedDict[str, Remote] = OrderedDict()
        self._unused: OrderedDict[str, Remote] = OrderedDict()
        """The least recently used first, of both."""
        self._all: FirstOfSource | None = None

    def held(self, *, waited: bool = False) -> Held:
        held = self._all.held(waited=waited) if self._all is not None else _NONE_YET
        return held if held.keys is not None else _NONE_YET

    def newer(self, need: NeedsNewer, moment: int, waiter: object | None) -> Job | Outlook:
        remote, wait = self._of(need.header.kid or "")
        if remote is None:
            return Outlook(confirmed=False, retry_after=wait) if wait else Outlook()
        if remote.held().keys is not None:
            return remote.newer(need, moment, waiter)
        # To this source it is a question for any keys, and not for newer ones: it has none yet.
        answer = remote.newer(NeedsNewer("no_keys", need.header), moment, waiter)
        if isinstance(answer, Outlook) and _is_absent(remote):
            return Outlook(confirmed=False, retry_after=max(1.0, remote.status().next_attempt_in))
        return answer

    def unanswered(self, need: NeedsNewer, moment: int) -> Outlook:
        remote = self._kept(need.header.kid or "")
        return Outlook() if remote is None else remote.unanswered(need, moment)

    def mark_in_use(self, key: Key) -> None:
        """Keep this key before those that have verified nothing."""
        kid = key.kid or ""
        in_use = self._in_use
        with suppress(KeyError):  # others may let it go meanwhile
            in_use.move_to_end(kid)
            return
        with GUARD:
            remote = self._unused.pop(kid, None)
            if remote is not None:
                in_use[kid] = remote
                self._let_go(in_use, MAX_IN_USE)

    def located(self) -> Located:
        if self._all is None:
            return Located(_NONE_YET.keys, origin=f"of {self._name}, asked for one by one")
        return self._all.located()

    def status(self) -> Status:
        assert self._all is not None  # noqa: S101 - the caller has seen that there are some
        return self._all.status()

    @property
    def remotes(self) -> tuple[Remote, ...]:
        """The sources of the key ids that are kept."""
        return (*self._in_use.values(), *self._unused.values())

    def _kept(self, kid: str) -> Remote | None:
        return self._in_use.get(kid) or self._unused.get(kid)

    def _of(self, kid: str) -> tuple[Remote | None, float]:
        """The source of a key id. None where it is not one, or where the budget is spent: then with the
        seconds until it is not. Each question about a key that was never there draws."""
        freshness, now = self._means.freshness, self._means.elapsed()
        with GUARD:
            remote = self._kept(kid)
            if remote is None and not is_guid(kid):
                return None, 0.0
            draws = remote is None or remote.is_untried
            if draws and not draw((self._account,), now, freshness, may_take_last=True):
                return None, max(1.0, self._account.left(now, freshness))
            if remote is None:
                remote = self._unused[kid] = self._remote(kid)
                self._let_go(self._unused, MAX_UNUSED)
        return remote, 0.0

    def _let_go(self, kept: OrderedDict[str, Remote], most: int) -> None:
        """Keep the bound, with GUARD held. What was in use longest ago is unused again."""
        while len(kept) > most:
            kid, remote = kept.popitem(last=False)
            if kept is self._in_use:
                self._unused[kid] = remote
                self._let_go(self._unused, MAX_UNUSED)
        self._all = FirstOfSource(self.remotes)


def _is_absent(remote: Remote) -> bool:
    """Whether the latest answer said that there is no such key."""
    requests = remote.located().requests
    return bool(requests) and requests[-1][1] in _ABSENT
