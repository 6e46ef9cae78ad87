"""Prometheus: events and verdicts as metrics of `prometheus-client`.

Counters and histograms are kept by the client, and so work with its multiprocess mode. How the keys are is
asked when a scrape comes; of several workers each has its own, so multiprocess mode shows of it only the time
of the last fetch.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from rightkey.events import (
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
)
from rightkey.sources.jobs import JOBS
from rightkey.telemetry.keys import Keys
from rightkey.telemetry.labels import MAX_REASONS, Labels

_VERIFY_BUCKETS = (1e-6, 5e-6, 1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 0.01, 0.05, 0.1, 0.5, 1.0, 4.0, 8.0)
_FETCH_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds. A caller waits 8 at most, by default."""

GAUGES = {
    "keys": ("rightkey_keys", "Keys that may be used now."),
    "age": ("rightkey_keys_age_seconds", "Since the request that brought the keys."),
    "fresh": ("rightkey_keys_fresh_seconds", "What is left of the keys' life."),
    "usable": ("rightkey_keys_usable_seconds", "Until the keys are gone, if no good answer comes."),
    "stale": ("rightkey_keys_stale_seconds", "For how long keys past their life have served in an outage."),
    "draws": ("rightkey_refetch_draws", "Requests that tokens may cause now."),
}
"""What is asked when a scrape comes, by the name of a field of `Gauges`."""
FAILURES: dict[type[Event], tuple[str, str]] = {
    FetchFailed: ("rightkey_fetch_failures", "Fetches that failed, by reason."),
    IntrospectionFailed: (
        "rightkey_introspection_failures",
        "Times that an issuer could not be asked about an opaque token, by reason.",
    ),
}
"""Counters of what an issuer did not answer."""
STORE: dict[type[Event], tuple[str, str]] = {
    StoreLost: ("rightkey_store_lost", "Times that a fleet's store gave no answer."),
    EntryRejected: ("rightkey_store_rejected", "What a fleet's store held and was not used."),
}
"""Counters of what becomes of a store."""


class Prometheus(Collector):
    """A listener that keeps metrics, for `rightkey.events.subscribe` or for one verifier's `listener=`.

    Args:
        registry: of `prometheus_client`; by default its own, which `/metrics` usually shows.
        issuers: how many issuers have a label of their own; all others are `other`.

    Raises:
        ValueError: the registry has these metrics already: make one object and share it.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY, *, issuers: int = 100) -> None:
        self._issuers, self._reasons = Labels(issuers), Labels(MAX_REASONS)
        self._keys = Keys(self._issuers)
        issuer = ("issuer",)
        counter, histogram = partial(Counter, registry=registry), partial(Histogram, registry=registry)
        self._verified = counter("rightkey_verifications", "Tokens judged, by verdict.", ("issuer", "code"))
        self._verifying = histogram(
            "rightkey_verify_duration_seconds",
            "What it took to judge a token, waiting for keys included.",
            issuer,
            buckets=_VERIFY_BUCKETS,
        )
        self._fetching = histogram(
            "rightkey_fetch_duration_seconds",
            "What it took to fetch keys, metadata included.",
            ("issuer", "outcome"),
            buckets=_FETCH_BUCKETS,
        )
        self._failures = {kind: counter(*named, ("issuer", "reason")) for kind, named in FAILURES.items()}
        self._rotations = counter("rightkey_key_rotations", "Answers with other keys than before.", issuer)
        self._leaks = counter("rightkey_keys_leaked", "Private keys that an issuer published.", issuer)
        self._stale = counter(
            "rightkey_stale_served", "Failed fetches after which keys past their life served on.", issuer
        )
        self._spent = counter(
            "rightkey_refetches_refused", "Tokens that asked for keys when the budget was spent.", issuer
        )
        self._of_store = {kind: counter(*named, ("reason",)) for kind, named in STORE.items()}
        self._fetched_at = Gauge(
            "rightkey_keys_fetched_timestamp_seconds",
            "When keys were fetched last, as a Unix time.",
            issuer,
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._judged, self._introduced = dict[tuple[str, str], tuple[Counter, Histogram]](), set[str]()
        registry.register(self)

    # -- a listener and a meter

    def __call__(self, event: Event) -> None:
        issuer = self._issuers.of(event.issuer)
        if issuer:  # a route that refuses a verified token names none
            self._introduce(issuer)
        self._keys.hear(event)
        match event:
            case KeysFetched(seconds=seconds):
                self._fetching.labels(issuer, "ok").observe(seconds)
                self._fetched_at.labels(issuer).set_to_current_time()
            case FetchFailed(code=code, reason=reason, seconds=seconds):
                self._fetching.labels(issuer, "failed").observe(seconds)
                self._failures[FetchFailed].labels(issuer, self._reasons.of(reason or code)).inc()
            case IntrospectionFailed(reason=reason):
                self._failures[IntrospectionFailed].labels(issuer, self._reasons.of(reason)).inc()
            case KeysRotated():
                self._rotations.labels(issuer).inc()
            case KeyLeaked():
                self._leaks.labels(issuer).inc()
            case ServedStale():
                self._stale.labels(issuer).inc()
            case RefetchRefused(tokens=tokens):
                self._spent.labels(issuer).inc(tokens)
            case StoreLost(reason=reason) | EntryRejected(reason=reason):
                self._of_store[type(event)].labels(self._reasons.of(reason)).inc()

    def judged(self, issuer: str, code: str, seconds: float, /) -> None:
        issuer = self._issuers.of(issuer)
        found = self._judged.get((issuer, code))
        if found is None:  # labels() takes a lock and checks; once for each pair is enough
            self._introduce(issuer)
            found = self._verified.labels(issuer, code), self._verifying.labels(issuer)
            self._judged[issuer, code] = found
        found[0].inc()
        found[1].observe(seconds)

    def _introduce(self, issuer: str) -> None:
        """Begin its counters at 0: `increase()` does not see the first step of a series that begins at 1."""
        if issuer not in self._introduced:
            self._introduced.add(issuer)
            for counter in (self._rotations, self._leaks, self._stale, self._spent):
                counter.labels(issuer)
            self._verified.labels(issuer, "keys_unavailable")

    # -- a collector

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What is asked when a scrape comes."""
        gauges = list(self._keys.gauges())
        for field, (name, words) in GAUGES.items():
            family = GaugeMetricFamily(name, words, labels=("issuer",))
            for one in gauges:
                family.add_metric((one.issuer,), getattr(one, field))
            yield family
        hashes = GaugeMetricFamily(
            "rightkey_key_set_info",
            "The hash of the keys held, equal where they are.",
            labels=("issuer", "hash"),
        )
        for one in gauges:
            if one.key_set:
                hashes.add_metric((one.issuer, one.key_set), 1)
        yield hashes
        jobs = GaugeMetricFamily(
            "rightkey_refresh_jobs", "Refreshes under way or waiting.", labels=("state",)
        )
        for state, number in JOBS.counts().items():
            jobs.add_metric((state,), number)
        yield jobs

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Names alone, for a registry that looks for doublets."""
        for name, words in GAUGES.values():
            yield GaugeMetricFamily(name, words, labels=("issuer",))
