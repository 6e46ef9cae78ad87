"""One issuer looked at again and again: what changed since the last look, as entries and in its history."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from threading import Lock
from typing import Any

from rightkey.cli.watch.files import HistoryFile
from rightkey.cli.watch.history import EVENTS, History
from rightkey.events import Event, KeyLeaked
from rightkey.exchange import Request, Response, Transport
from rightkey.jose.keyset import KeySet
from rightkey.sources.announcer import Announcer, Subscription
from rightkey.sources.jobs import JOBS
from rightkey.sources.remote import Remote

HEADERS = ("cache-control", "content-type", "retry-after", "x-ratelimit-limit", "ratelimit-limit")
"""Response headers whose change matters to a verifier."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: the library's event, or `HeaderChanged`. `at` is a Unix time."""

    at: float
    event: str
    data: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """The entry as JSON."""
        data = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in self.data.items()
        }
        return {"at": round(self.at, 3), "event": self.event, **data}


class Headers:
    """A transport that notices when a header of an answer is another than before."""

    def __init__(self, inner: Transport, changed: Callable[[str, str, str | None, str | None], None]) -> None:
        self._inner = inner
        self._changed = changed
        self._before: dict[str, dict[str, str | None]] = {}

    def get(self, request: Request, /) -> Response:
        response = self._inner.get(request)
        if response.status == 200:
            now = {name: response.headers.get(name) for name in HEADERS}
            for name, value in self._before.get(request.url, now).items():
                if value != now[name]:
                    self._changed(request.url, name, value, now[name])
            self._before[request.url] = now
        return response


class OneAtATime(Announcer):
    """Tells events from one thread at a time: when `tell` returns, all that was noted has been told."""

    def __init__(self) -> None:
        super().__init__()
        self._telling = Lock()

    def tell(self) -> None:
        with self._telling:
            super().tell()


@dataclass
class Watch:
    """Looks at an issuer, and tells what changed.

    Args:
        remote_of: makes the source from the transport to use; it must share nothing.
        transport: what fetches.
        clock: the wall clock, as a Unix time.
        file: the history to keep; None for none.
    """

    remote_of: Callable[[Transport], Remote]
    transport: Transport
    clock: Callable[[], float]
    file: HistoryFile | None = None
    failed: bool = False
    _new: list[Entry] = field(default_factory=list)
    _last: float | None = None

    def __post_init__(self) -> None:
        self._remote = self.remote_of(Headers(self.transport, self._header))
        self._remote.announcer = OneAtATime()
        self._subscription = Subscription(self._event)  # kept: it ends when nothing holds it
        self._remote.announcer.subscribe(self._subscription)

    def looks(self, every: float, pause: Callable[[float], bool], count: int | None) -> Iterator[list[Entry]]:
        """What each look brought.

        Args:
            every: seconds between looks.
            pause: waits so many seconds; True when it is time to end.
            count: end after so many looks; None for never.
        """
        done = 0
        while True:
            yield self.look()
            done += 1
            if done == count or pause(every):
                break
        if self.file is not None:
            self.file.write(self.file.history.with_line(self.clock(), "paused"))

    def look(self) -> list[Entry]:
        """Fetch now, and return what has happened."""
        job = self._remote.refetch()
        if job is not None:
            JOBS.wait(job, self._remote.wait)
        self._remote.announcer.tell()  # what the job's own thread has not told yet
        located = self._remote.located()
        self.failed = located.failure is not None
        if not self.failed and located.keys is not None:
            self._keep(located.keys)
        new, self._new = self._new, []
        return new

    def _keep(self, keys: KeySet) -> None:
        now = self.clock()
        if self.file is not None:
            before = self.file.history
            self.file.write(before.seen(keys, now, self._last))
            if self._last is None and any(one.until is None for one in before.spans):
                self._new += _meanwhile(before, self.file.history)
        self._last = now

    def _event(self, event: Event) -> None:
        at = self.clock()
        self._new.append(Entry(at, type(event).__name__, asdict(event)))
        if isinstance(event, KeyLeaked) and self.file is not None:
            history = self.file.history
            self.file.write(history.with_line(at, "leaked", kid=event.kid, thumbprint=event.thumbprint))

    def _header(self, url: str, header: str, before: str | None, after: str | None) -> None:
        data = {"url": url, "header": header, "before": before, "after": after}
        self._new.append(Entry(self.clock(), "HeaderChanged", data))


def _meanwhile(before: History, after: History) -> list[Entry]:
    """What has changed since the watch before this one: the library's listener cannot know it."""
    lines = after.lines[len(before.lines) :]
    names = {event: [one.kid or one.thumbprint for one in lines if one.event == event] for event in EVENTS}
    data = {"issuer": after.issuer, "added": names["published"], "removed": names["withdrawn"]}
    return [Entry(lines[-1].at, "KeysRotated", data)] if lines else []
