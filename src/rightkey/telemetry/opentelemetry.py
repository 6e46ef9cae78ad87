"""OpenTelemetry: events and verdicts as metrics and spans of `opentelemetry-api`.

A fetch runs on a thread of its own and serves many callers, so its span belongs to no request. A verification
that waited for keys is a span in the request that waited. A refused token is noted on the request's span.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from opentelemetry import metrics, trace
from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation
from opentelemetry.trace import SpanKind, Status, StatusCode, TracerProvider

from rightkey.events import (
    VERIFIED,
    EntryRejected,
    Event,
    FetchFailed,
    IntrospectionFailed,
    KeyLeaked,
    KeysFetched,
    KeysRotated,
    RefetchRefused,
    ServedStale,
    StoreLost,
    TokensRefused,
)
from rightkey.sources.jobs import JOBS
from rightkey.telemetry.keys import Keys
from rightkey.telemetry.labels import MAX_REASONS, Labels
from rightkey.telemetry.log import escaped
from rightkey.version import __version__

WAITED = 0.005
"""Seconds from which a verification is a span of its own: less is no wait for keys."""
GAUGES = {
    "keys": ("rightkey.keys", "{key}", "Keys that may be used now."),
    "age": ("rightkey.keys.age", "s", "Since the request that brought the keys."),
    "fresh": ("rightkey.keys.fresh", "s", "What is left of the keys' life."),
    "usable": ("rightkey.keys.usable", "s", "Until the keys are gone, if no good answer comes."),
    "stale": ("rightkey.keys.stale", "s", "For how long keys past their life have served in an outage."),
    "draws": ("rightkey.refetch.draws", "{request}", "Requests that tokens may cause now."),
}
COUNTERS = {
    "verifications": "Tokens judged, by verdict.",
    "fetch.failures": "Fetches that failed, by reason.",
    "introspection.failures": "Times that an issuer could not be asked about an opaque token, by reason.",
    "key.rotations": "Answers with other keys than before.",
    "keys.leaked": "Private keys that an issuer published.",
    "stale.served": "Failed fetches after which keys past their life served on.",
    "refetches.refused": "Tokens that asked for newer keys when the budget was spent.",
    "store.lost": "Times that a fleet's store gave no answer.",
    "store.rejected": "What a fleet's store held and was not used.",
}


class OpenTelemetry:
    """A listener that keeps metrics and makes spans, for `rightkey.events.subscribe` or `listener=`.

    Args:
        meters: where metrics go; by default the process's own provider.
        tracers: where spans go; by default the process's own provider.
        issuers: how many issuers have an attribute of their own; all others are `other`.
    """

    def __init__(
        self,
        meters: MeterProvider | None = None,
        tracers: TracerProvider | None = None,
        *,
        issuers: int = 100,
    ) -> None:
        self._issuers, self._reasons = Labels(issuers), Labels(MAX_REASONS)
        self._keys = Keys(self._issuers)
        self._tracer = trace.get_tracer("rightkey", __version__, tracers)
        meter = metrics.get_meter("rightkey", __version__, meters)
        self._counters = {
            name: meter.create_counter(f"rightkey.{name}", description=words)
            for name, words in COUNTERS.items()
        }
        self._verifying = meter.create_histogram(
            "rightkey.verify.duration", "s", "What it took to judge a token, waiting for keys included."
        )
        self._fetching = meter.create_histogram(
            "rightkey.fetch.duration", "s", "What it took to fetch keys, metadata included."
        )
        for field, (name, unit, words) in GAUGES.items():
            meter.create_observable_gauge(name, [self._observed(field)], unit, words)
        meter.create_observable_gauge(
            "rightkey.key_set.info", [self._hashes], "1", "The hash of the keys held."
        )
        meter.create_observable_gauge(
            "rightkey.refresh.jobs", [_jobs], "{job}", "Refreshes under way or waiting."
        )

    def __call__(self, event: Event) -> None:
        issuer = self._issuers.of(event.issuer)
        self._keys.hear(event)
        match event:
            case KeysFetched(seconds=seconds, forced=forced):
                self._fetched(issuer, seconds, forced, None)
            case FetchFailed(code=code, reason=reason, seconds=seconds, forced=forced):
                reason = self._reasons.of(reason or code)
                self._count("fetch.failures", issuer, {"error.type": reason})
                self._fetched(issuer, seconds, forced, reason)
            case IntrospectionFailed(reason=reason):
                self._count("introspection.failures", issuer, {"error.type": self._reasons.of(reason)})
            case KeysRotated():
                self._count("key.rotations", issuer)
            case KeyLeaked():
                self._count("keys.leaked", issuer)
            case ServedStale():
                self._count("stale.served", issuer)
            case RefetchRefused(tokens=tokens):
                self._count("refetches.refused", issuer, number=tokens)
            case StoreLost(reason=reason):
                self._counters["store.lost"].add(1, {"error.type": self._reasons.of(reason)})
            case EntryRejected(reason=reason):
                self._counters["store.rejected"].add(1, {"error.type": reason})
            case TokensRefused():
                trace.get_current_span().add_event("rightkey.token_refused", _refusal(event))

    def judged(self, issuer: str, code: str, seconds: float, /) -> None:
        issuer = self._issuers.of(issuer)
        self._count("verifications", issuer, {"rightkey.code": code})
        self._verifying.record(seconds, {"rightkey.issuer": issuer})
        if code != VERIFIED:
            trace.get_current_span().set_attribute("rightkey.code", code)
        if seconds >= WAITED:
            self._span(
                "rightkey.verify",
                SpanKind.INTERNAL,
                seconds,
                {"rightkey.issuer": issuer, "rightkey.code": code},
            )

    def _fetched(self, issuer: str, seconds: float, forced: bool, reason: str | None) -> None:
        outcome = {"rightkey.issuer": issuer} | ({"error.type": reason} if reason else {})
        self._fetching.record(seconds, outcome)
        self._span("rightkey.fetch", SpanKind.CLIENT, seconds, outcome | {"rightkey.forced": forced}, reason)

    def _span(
        self,
        name: str,
        kind: SpanKind,
        seconds: float,
        attributes: dict[str, str | bool],
        failure: str | None = None,
    ) -> None:
        """One that is over: it is told of afterwards."""
        end = time.time_ns()
        span = self._tracer.start_span(
            name, kind=kind, attributes=attributes, start_time=end - int(seconds * 1e9)
        )
        if failure:
            span.set_status(Status(StatusCode.ERROR, failure))
        span.end(end)

    def _count(
        self, name: str, issuer: str, attributes: dict[str, str] | None = None, number: int = 1
    ) -> None:
        self._counters[name].add(number, {"rightkey.issuer": issuer} | (attributes or {}))

    def _observed(self, field: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_: CallbackOptions) -> Iterable[Observation]:
            for one in self._keys.gauges():
                yield Observation(getattr(one, field), {"rightkey.issuer": one.issuer})

        return observe

    def _hashes(self, _: CallbackOptions) -> Iterable[Observation]:
        for one in self._keys.gauges():
            yield Observation(1, {"rightkey.issuer": one.issuer, "rightkey.key_set": one.key_set})


def _jobs(_: CallbackOptions) -> Iterable[Observation]:
    for state, number in JOBS.counts().items():
        yield Observation(number, {"rightkey.state": state})


def _refusal(event: TokensRefused) -> dict[str, str | int]:
    told: dict[str, str | int] = {
        "rightkey.code": event.code,
        "rightkey.tokens": event.tokens,
        "rightkey.claims": ",".join(event.claims),
    }
    if event.kid is not None:
        told["rightkey.kid"] = escaped(event.kid)
    return told
