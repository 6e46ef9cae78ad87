"""Log: events as lines of the logger `rightkey`, one a second of a kind, with the fields in `extra`.

It is there by itself, and silent until the service configures logging. A line is words and then `name=value`.
In what an issuer or a stranger chose everything is escaped that is not printable ASCII, so that no key id can
write a line of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterator
from dataclasses import fields
from typing import Any, NamedTuple

from rightkey.events import (
    SUBSCRIBERS,
    EntryRejected,
    Event,
    FetchFailed,
    IntrospectionFailed,
    KeyLeaked,
    KeysFetched,
    KeysMissing,
    KeysRotated,
    LeakForgotten,
    RefetchRefused,
    ServedStale,
    StoreBack,
    StoreLost,
    TokensRefused,
    subscribe,
)
from rightkey.sources.elapsed import SYSTEM
from rightkey.sources.guard import GUARD
from rightkey.telemetry.throttle import Throttle

LOGGER = logging.getLogger("rightkey")
LOGGER.addHandler(logging.NullHandler())
MAX_SHOWN = 200
"""Characters of one value that a log line shows; of a message four times as many."""
MAX_NAMES = 20
"""Key ids, or names of claims, that a log line shows."""
QUOTED = " ,='\""
"""A value that holds any of these stands in quotes, so that a line can be taken apart again."""


class Form(NamedTuple):
    """How an event is written: its level, its words, and the fields that follow them."""

    level: int
    words: str
    shown: tuple[str, ...]


FORMS: dict[type[Event], Form] = {
    TokensRefused: Form(
        logging.INFO,
        "token refused",
        ("code", "issuer", "kid", "claims", "audience", "issuers", "tokens"),
    ),
    FetchFailed: Form(
        logging.WARNING,
        "keys could not be fetched",
        ("issuer", "code", "reason", "forced", "seconds", "retry_after"),
    ),
    IntrospectionFailed: Form(
        logging.WARNING, "opaque tokens could not be asked about", ("issuer", "reason", "retry_after")
    ),
    ServedStale: Form(logging.WARNING, "keys past their life serve on", ("issuer", "left")),
    RefetchRefused: Form(
        logging.WARNING, "no request left for tokens that no key fits", ("issuer", "wait", "tokens")
    ),
    KeysMissing: Form(
        logging.WARNING, "keys missing from an answer serve on for a while", ("issuer", "keys", "grace")
    ),
    KeysRotated: Form(logging.INFO, "keys rotated", ("issuer", "added", "removed")),
    KeyLeaked: Form(
        logging.ERROR, "the issuer published a private key, which is refused", ("issuer", "kid", "thumbprint")
    ),
    LeakForgotten: Form(
        logging.ERROR,
        "more keys leaked than are remembered: the oldest are not refused any more",
        ("issuer", "keys"),
    ),
    StoreLost: Form(logging.WARNING, "the fleet's store gives no answer", ("store", "reason")),
    StoreBack: Form(logging.INFO, "the fleet's store answers again", ("store", "seconds")),
    EntryRejected: Form(
        logging.ERROR, "what the fleet's store holds was not used", ("issuer", "store", "reason")
    ),
    KeysFetched: Form(
        logging.DEBUG, "keys fetched", ("issuer", "keys", "skipped", "forced", "status", "seconds", "key_set")
    ),
}
NAMES = {"audience": "expected_audience", "issuers": "expected_issuer"}
"""Fields whose name says too little in a line."""
COUNTS = ("tokens", "events")
"""How many a line stands for; left out where it is one."""


class Log:
    """A listener that writes each event to a logger.

    Args:
        logger: by default the one named `rightkey`.
        elapsed: seconds that never go back, for one line a second.
    """

    def __init__(
        self, logger: logging.Logger = LOGGER, elapsed: Callable[[], float] = lambda: SYSTEM()
    ) -> None:
        self._logger = logger
        self._elapsed = elapsed
        self._throttle = Throttle(GUARD)

    def __call__(self, event: Event) -> None:
        level, words, shown = _form(event)
        if not self._logger.isEnabledFor(level):
            return
        kind = (level, _kind(event))
        count = self._throttle.passes(kind, self._elapsed(), getattr(event, "tokens", 1))
        if not count:
            return
        counted = "tokens" if hasattr(event, "tokens") else "events"
        values = dict(_values(event)) | {"event": type(event).__name__, counted: count}
        line = " ".join([f"{words}:", *_pairs(values, (*shown, "events"))])
        message = "; hint: ".join(filter(None, (values.get("message"), values.get("hint"))))
        self._logger.log(
            level,
            "%s%s",
            line,
            f": {message}" if message else "",
            extra={f"rightkey_{name}": value for name, value in values.items()},
        )


def begin() -> None:
    """Have all events of the process written, from the first verifier on. Once is enough."""
    if LOG not in SUBSCRIBERS.listeners:
        subscribe(LOG)


def _form(event: Event) -> Form:
    form = FORMS[type(event)]
    if isinstance(event, TokensRefused) and event.status >= 500:
        return form._replace(level=logging.WARNING, words="token not judged")
    if isinstance(event, KeysFetched) and event.failures:
        return Form(logging.INFO, "keys fetched again", (*form.shown, "failures"))
    if isinstance(event, IntrospectionFailed) and event.reason == "credentials":
        return form._replace(level=logging.ERROR)
    return form


def _kind(event: Event) -> Hashable:
    """What is told once a second. A stranger may name any issuer and key; who fails, an operator chose."""
    if isinstance(event, TokensRefused):
        return TokensRefused, event.code
    if isinstance(event, KeyLeaked | KeysRotated):
        return event  # each, but for the same once more
    return type(event), event.issuer


def _values(event: Event) -> Iterator[tuple[str, Any]]:
    """Each field, as it may be shown: text escaped, and no more names than can be read."""
    for field in fields(event):
        value = getattr(event, field.name)
        if field.name in ("message", "hint"):
            yield field.name, printable(value)
        elif isinstance(value, str):
            yield field.name, escaped(value)
        elif isinstance(value, tuple):
            yield field.name, [escaped(one) for one in value[:MAX_NAMES]]
        else:
            yield field.name, value


def _pairs(values: dict[str, Any], shown: tuple[str, ...]) -> Iterator[str]:
    for name in shown:
        value = values.get(name)
        if value is None or value is False or value in ("", []) or (name in COUNTS and value == 1):
            continue
        yield f"{NAMES.get(name, name)}={_text(value)}"


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_text, value))
    if isinstance(value, float):
        return f"{value:.3g}" if value < 10 else f"{value:.0f}"
    text = str(value)
    quoted = text.replace('"', '\\"')
    return f'"{quoted}"' if any(one in text for one in QUOTED) else text


def escaped(text: str) -> str:
    """Text that others chose, in printable ASCII."""
    return ascii(_shortened(text))[1:-1]


def printable(text: str) -> str:
    """A message of ours, in which something of others may stand, on one line."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in _shortened(text, 4 * MAX_SHOWN))


def _shortened(text: str, longest: int = MAX_SHOWN) -> str:
    return text if len(text) <= longest else f"{text[:longest]}..."


LOG = Log()
