"""OpenTelemetry: events and verdicts as metrics and spans."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from tests.scenarios.conftest import settled

import rightkey
from rightkey.events import (
    EntryRejected,
    FetchFailed,
    IntrospectionFailed,
    KeyLeaked,
    KeysFetched,
    KeysMissing,
    KeysRotated,
    RefetchRefused,
    ServedStale,
    StoreLost,
)
from rightkey.localissuer import LocalIssuer
from rightkey.telemetry import OpenTelemetry


class World:
    """Providers that keep what they are told."""

    def __init__(self) -> None:
        self.reader, self.exporter = InMemoryMetricReader(), InMemorySpanExporter()
        self.meters, self.tracers = MeterProvider([self.reader]), TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.listener = OpenTelemetry(self.meters, self.tracers)

    @property
    def points(self) -> dict[str, list[tuple[dict[str, Any], float]]]:
        data = self.reader.get_metrics_data()
        return {
            metric.name: [
                (dict(point.attributes or {}), getattr(point, "value", None) or getattr(point, "sum", 0))
                for point in metric.data.data_points
            ]
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture
def world() -> World:
    return World()


def test_events_are_counted(world: World) -> None:
    """Under the names that metrics have, with the issuer as an attribute."""
    for event in (
        KeysMissing("a", ("k",), 300.0),
        FetchFailed("a", "keys_unavailable", "m", False, 1.0, "timeout", 4.0),
        KeysRotated("a", ("b",), ()),
        KeyLeaked("a", "k", "t"),
        ServedStale("a", 3600.0),
        RefetchRefused("a", 10.0, 700),
        IntrospectionFailed("a", "credentials", "m", 1.0),
        StoreLost("", "s", "TimeoutError"),
        EntryRejected("a", "s", "seal"),
    ):
        world.listener(event)
    points = world.points
    assert points["rightkey.store.lost"] == [({"error.type": "TimeoutError"}, 1)]
    assert points["rightkey.store.rejected"] == [({"error.type": "seal"}, 1)]
    failed = ({"rightkey.issuer": "a", "error.type": "credentials"}, 1)
    assert points["rightkey.introspection.failures"] == [failed]
    assert points["rightkey.fetch.failures"] == [({"rightkey.issuer": "a", "error.type": "timeout"}, 1)]
    assert points["rightkey.refetches.refused"] == [({"rightkey.issuer": "a"}, 700)]
    assert {"rightkey.key.rotations", "rightkey.keys.leaked", "rightkey.stale.served"} <= set(points)


def test_a_fetch_is_a_span_that_is_over(world: World) -> None:
    """It lasted as long as the fetch, and failed if that did."""
    world.listener(KeysFetched("a", 2, 0, True, "sha256:00", "200", 0.25))
    world.listener(FetchFailed("a", "keys_unavailable", "m", False, 1.0, "timeout", 4.0))
    good, bad = world.spans
    assert (good.name, good.end_time - good.start_time) == ("rightkey.fetch", 250_000_000)  # type: ignore[operator]
    assert dict(good.attributes or {}) == {"rightkey.issuer": "a", "rightkey.forced": True}
    assert (bad.status.status_code, bad.status.description) == (StatusCode.ERROR, "timeout")


def test_a_verification_that_waited_is_a_span_of_the_request(world: World) -> None:
    """One that did not wait is none: there would be more spans than work."""
    with world.tracers.get_tracer("app").start_as_current_span("GET /me") as request:
        world.listener.judged("a", "verified", 0.000_001)
        world.listener.judged("a", "verified", 0.2)
    (waited,) = world.named("rightkey.verify")
    assert waited.parent is not None
    assert waited.parent.span_id == request.get_span_context().span_id
    assert dict(waited.attributes or {}) == {"rightkey.issuer": "a", "rightkey.code": "verified"}


def test_a_verifier_tells_all_of_it(world: World) -> None:
    """A refused token is noted on the request's span, with its key id escaped and no claim's value."""
    with LocalIssuer(algorithm="ES256") as issuer:
        verifier = rightkey.Verifier(issuer.url, audience="x", listener=world.listener)
        request_span = world.tracers.get_tracer("app").start_as_current_span("GET /me")
        with request_span, pytest.raises(rightkey.TokenRejected):
            verifier.verify(issuer.token(sub="secret-subject"))
        verifier.prepare()
        settled(lambda: world.named("rightkey.fetch") != [], "what was fetched was not told")
        points = world.points
    (request,) = world.named("GET /me")
    assert dict(request.attributes or {}) == {"rightkey.code": "claims_rejected"}
    (event,) = request.events
    assert dict(event.attributes or {}).keys() == {
        *("rightkey.code", "rightkey.tokens", "rightkey.claims", "rightkey.kid"),
    }
    verdict = {"rightkey.issuer": issuer.url, "rightkey.code": "claims_rejected"}
    assert points["rightkey.verifications"] == [(verdict, 1)]
    assert [attributes for attributes, _ in points["rightkey.keys"]] == [{"rightkey.issuer": issuer.url}]
    assert points["rightkey.key_set.info"][0][0]["rightkey.key_set"].startswith("sha256:")
    assert points["rightkey.refetch.draws"] == [({"rightkey.issuer": issuer.url}, 2)]
    assert {attributes["rightkey.state"] for attributes, _ in points["rightkey.refresh.jobs"]} == {
        "running",
        "waiting",
    }
    assert "secret-subject" not in str(points) + str([span.to_json() for span in world.spans])


def test_a_token_without_a_key_id_has_none(world: World) -> None:
    """Rather than one that is empty."""
    verifier = rightkey.Verifier("https://nokid.example", audience="x", listener=world.listener)
    request_span = world.tracers.get_tracer("app").start_as_current_span("GET /me")
    with request_span, pytest.raises(rightkey.TokenRejected):
        verifier.verify("junk")
    (request,) = world.named("GET /me")  # beside one of its own, where it took long
    (event,) = request.events
    assert "rightkey.kid" not in (event.attributes or {})


def test_attributes_are_bounded() -> None:
    """As labels are."""
    world = World()
    listener = OpenTelemetry(world.meters, world.tracers, issuers=2)
    for number in range(50):
        listener.judged(f"i{number}", "verified", 0.0)
    issuers = {attributes["rightkey.issuer"] for attributes, _ in world.points["rightkey.verifications"]}
    assert issuers == {"i0", "i1", "other"}
