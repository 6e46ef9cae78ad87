"""Prometheus: events and verdicts as metrics."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
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
    StoreBack,
    StoreLost,
    TokensRefused,
)
from rightkey.localissuer import LocalIssuer
from rightkey.telemetry import Prometheus

EVENTS = [
    KeysFetched("a", 2, 0, False, "sha256:00", "200", 0.02),
    KeysMissing("a", ("k",), 300.0),
    FetchFailed("a", "keys_unavailable", "m", False, 1.0, "http_503", 0.01),
    FetchFailed("a", "keyset_invalid", "m", False, 1.0),
    KeysRotated("a", ("b",), ()),
    KeyLeaked("a", "k", "t"),
    ServedStale("a", 3600.0),
    RefetchRefused("a", 10.0, 700),
]


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def labels(of: dict[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in sorted(of.items()))


def samples(registry: CollectorRegistry) -> dict[str, float]:
    """Each sample as it is scraped, but for buckets and times of creation."""
    text = generate_latest(registry).decode()
    return {
        f"{sample.name}{{{labels(sample.labels)}}}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith(("_bucket", "_created"))
    }


def test_events_are_counted(registry: CollectorRegistry) -> None:
    """Those that an operator counts."""
    metrics = Prometheus(registry)
    for event in EVENTS:
        metrics(event)
    scraped = samples(registry)
    assert scraped.pop("rightkey_keys_fetched_timestamp_seconds{issuer=a}") > 1.7e9
    assert scraped == {
        "rightkey_fetch_duration_seconds_count{issuer=a,outcome=ok}": 1,
        "rightkey_fetch_duration_seconds_sum{issuer=a,outcome=ok}": 0.02,
        "rightkey_fetch_duration_seconds_count{issuer=a,outcome=failed}": 2,
        "rightkey_fetch_duration_seconds_sum{issuer=a,outcome=failed}": 0.01,
        "rightkey_fetch_failures_total{issuer=a,reason=http_503}": 1,
        "rightkey_fetch_failures_total{issuer=a,reason=keyset_invalid}": 1,
        "rightkey_key_rotations_total{issuer=a}": 1,
        "rightkey_keys_leaked_total{issuer=a}": 1,
        "rightkey_stale_served_total{issuer=a}": 1,
        "rightkey_refetches_refused_total{issuer=a}": 700,
        "rightkey_verifications_total{code=keys_unavailable,issuer=a}": 0,
        "rightkey_refresh_jobs{state=running}": 0,
        "rightkey_refresh_jobs{state=waiting}": 0,
    }


def test_what_becomes_of_a_store_is_counted(registry: CollectorRegistry) -> None:
    """By reason; it is the store of all issuers."""
    metrics = Prometheus(registry)
    for event in (
        StoreLost("", "s", "TimeoutError"),
        StoreBack("", "s", 1.0),
        EntryRejected("", "s", "seal"),
    ):
        metrics(event)
    scraped = samples(registry)
    assert scraped["rightkey_store_lost_total{reason=TimeoutError}"] == 1
    assert scraped["rightkey_store_rejected_total{reason=seal}"] == 1


def test_introspections_that_fail_are_counted(registry: CollectorRegistry) -> None:
    """By reason."""
    Prometheus(registry)(IntrospectionFailed("a", "credentials", "m", 1.0))
    scraped = samples(registry)
    assert scraped["rightkey_introspection_failures_total{issuer=a,reason=credentials}"] == 1


def test_verdicts_are_counted_and_timed(registry: CollectorRegistry) -> None:
    """By code; the time by issuer alone."""
    metrics = Prometheus(registry)
    for code in ("verified", "verified", "claims_rejected"):
        metrics.judged("a", code, 0.5)
    scraped = samples(registry)
    assert scraped["rightkey_verifications_total{code=verified,issuer=a}"] == 2
    assert scraped["rightkey_verifications_total{code=claims_rejected,issuer=a}"] == 1
    assert scraped["rightkey_verify_duration_seconds_count{issuer=a}"] == 3
    assert scraped["rightkey_verify_duration_seconds_sum{issuer=a}"] == 1.5


def test_what_is_alarming_begins_at_zero(registry: CollectorRegistry) -> None:
    """From the first good token on: `increase()` does not see the first step of a series that begins at 1."""
    Prometheus(registry).judged("a", "verified", 0.1)
    scraped = samples(registry)
    for name in ("keys_leaked", "stale_served", "refetches_refused", "key_rotations"):
        assert scraped[f"rightkey_{name}_total{{issuer=a}}"] == 0
    assert scraped["rightkey_verifications_total{code=keys_unavailable,issuer=a}"] == 0


def test_a_route_that_refuses_a_verified_token_is_no_issuer(registry: CollectorRegistry) -> None:
    """It names none: an issuer without a name would stand beside the real one in every sum by issuer."""
    Prometheus(registry)(TokensRefused("", "scope_insufficient", 403, "m"))
    assert "issuer=" not in generate_latest(registry).decode()


def test_labels_are_bounded(registry: CollectorRegistry) -> None:
    """However many tenants there are, and whatever transports call their failures; a key id is no label."""
    metrics = Prometheus(registry, issuers=3)
    for number in range(500):
        metrics.judged(f"i{number}", "verified", 0.1)
        metrics(FetchFailed(f"i{number}", "keys_unavailable", "m", False, 1.0, f"Reason{number}"))
        metrics(KeyLeaked(f"i{number}", f"secret-kid-{number}", "t"))
    scraped = samples(registry)
    assert {name for name in scraped if name.startswith("rightkey_verifications")} == {
        f"rightkey_verifications_total{{code={code},issuer={issuer}}}"
        for issuer in ("i0", "i1", "i2", "other")
        for code in ("verified", "keys_unavailable")
    }
    assert scraped["rightkey_verifications_total{code=verified,issuer=other}"] == 497
    assert len([name for name in scraped if name.startswith("rightkey_fetch_failures")]) <= 4 * 51
    assert "secret-kid" not in str(scraped)


def test_two_of_one_registry_are_refused(registry: CollectorRegistry) -> None:
    """Where the second is made, and not at the first scrape."""
    Prometheus(registry)
    with pytest.raises(ValueError, match="Duplicated"):
        Prometheus(registry)


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


def test_a_rotation_and_an_outage_are_seen(registry: CollectorRegistry, issuer: LocalIssuer) -> None:
    """From a verifier's own keys: hashes, ages, what is left, draws."""
    now = [0.0]
    metrics = Prometheus(registry)
    verifier = rightkey.Verifier(
        issuer.url, audience=issuer.audience, elapsed=lambda: now[0], listener=metrics
    )

    def told(name: str, value: float) -> dict[str, float]:
        """What is scraped once it says so: a listener hears of a fetch after those who waited for it."""
        settled(lambda: samples(registry).get(name) == value, f"{name} never is {value}")
        return samples(registry)

    fetched = f"rightkey_fetch_duration_seconds_count{{issuer={issuer.url},outcome=ok}}"
    verifier.verify(issuer.token())
    first = told(fetched, 1)
    issuer.rotate(surprise=True)
    now[0] = 30.0
    verifier.verify(issuer.token())
    second = told(fetched, 2)
    issuer.misbehave("jwks", "status")
    now[0] = 700.0
    verifier.verify(issuer.token())
    told(f"rightkey_fetch_failures_total{{issuer={issuer.url},reason=http_503}}", 1)
    third = told(f"rightkey_stale_served_total{{issuer={issuer.url}}}", 1)
    hashes = [{name for name in scraped if "key_set_info" in name} for scraped in (first, second, third)]
    assert [len(one) for one in hashes] == [1, 1, 1]
    assert hashes[0] != hashes[1] == hashes[2]

    def gauge(name: str) -> list[float]:
        return [scraped[f"rightkey_{name}{{issuer={issuer.url}}}"] for scraped in (first, second, third)]

    assert gauge("keys_age_seconds") == [0.0, 0.0, 670.0]
    assert [round(one) for one in gauge("keys_fresh_seconds")][2] == 0
    assert gauge("keys_usable_seconds")[2] == pytest.approx(3530, abs=600)
    assert gauge("refetch_draws") == [2, 1, 2]
    assert third[f"rightkey_key_rotations_total{{issuer={issuer.url}}}"] == 1
    assert third[f"rightkey_keys_stale_seconds{{issuer={issuer.url}}}"] > 0


WORKER = """
import os, sys
from prometheus_client import CollectorRegistry, generate_latest, multiprocess
from rightkey.telemetry import Prometheus
from rightkey.events import KeysFetched
if sys.argv[1] == "work":
    metrics = Prometheus()
    metrics.judged("a", "verified", 0.1)
    metrics(KeysFetched("a", 1, 0, False, "sha256:00", "200", 0.1))
    # A worker that lives while it is scraped.
    os.system(f"{sys.executable} {sys.argv[0]} scrape") if sys.argv[2] == "last" else None
else:
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    print(generate_latest(registry).decode())
"""


def test_keys_that_were_fetched_unheard_have_no_hash_yet(
    registry: CollectorRegistry, issuer: LocalIssuer
) -> None:
    """A listener that came later tells their age, and their hash from the next answer on."""
    verifier = rightkey.Verifier(issuer.url, audience=issuer.audience)
    verifier.prepare()
    metrics = Prometheus(registry)
    metrics.judged(issuer.url, "verified", 0.001)
    told = samples(registry)
    assert any(name.startswith("rightkey_keys_age") for name in told), told
    assert not any(name.startswith("rightkey_key_set_info") for name in told)
    assert verifier.status().ready


@pytest.mark.slow
def test_workers_add_up_in_multiprocess_mode(tmp_path: Path) -> None:
    """As gunicorn has them: one scrape tells of all."""
    program, shared = tmp_path / "worker.py", tmp_path / "shared"
    program.write_text(WORKER)
    shared.mkdir()
    environ = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(shared)}
    for which in ("first", "last"):
        done = subprocess.run(
            [sys.executable, program, "work", which], env=environ, capture_output=True, text=True, check=True
        )
    assert 'rightkey_verifications_total{code="verified",issuer="a"} 2.0' in done.stdout
    assert 'rightkey_keys_fetched_timestamp_seconds{issuer="a"}' in done.stdout
