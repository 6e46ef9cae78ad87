"""What the plain listener answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rightkey import ANY
from rightkey.gateway.board import Board
from rightkey.gateway.decision import Answer, Question
from rightkey.gateway.mirror import Mirror
from rightkey.gateway.plain import Plain
from rightkey.localissuer import LocalIssuer
from rightkey.policy.trust import Trust
from rightkey.verifier.one import Surroundings, TrustedIssuer
from rightkey.verifier.single import memory_of


@pytest.fixture
def issuers() -> dict[str, TrustedIssuer]:
    issuer = LocalIssuer(algorithm="ES256")
    one = TrustedIssuer(Trust(issuer.url, ANY), memory_of(0), Surroundings(transport=issuer.transport()))
    asyncio.run(Mirror({"": one}).prepare())
    return {'a"b\\c\nd': one}


def plain(issuers: dict[str, Any], board: Board | None = None, draining: bool = False) -> Plain:
    return Plain(board, issuers, Mirror(issuers), lambda: draining)


def asked(of: Plain, path: str, method: str = "GET") -> Answer:
    case = of.read(Question(method, path, {}))
    assert not case.lasts
    answer = case()
    assert isinstance(answer, Answer)
    return answer


def test_health_is_that_of_the_worker(issuers: dict[str, Any]) -> None:
    """An issuer that is down is no reason to take it out; that it drains is one."""
    of = plain(issuers)
    assert [asked(of, path).status for path in ("/healthz", "/readyz")] == [200, 200]
    draining = plain(issuers, draining=True)
    assert [asked(draining, path).status for path in ("/healthz", "/readyz")] == [200, 503]
    assert asked(of, "/healthz?x").status == 404
    assert asked(of, "/").status == 404
    assert asked(of, "/healthz", "POST").status == 405
    assert asked(of, "/.well-known/jwks.json").status == 200


def test_metrics_are_prometheus_text(issuers: dict[str, Any]) -> None:
    """Read back by Prometheus' own parser: answers by code, and how the keys are."""
    parser = pytest.importorskip("prometheus_client.parser")
    board = Board(2)
    board.rows[0].count("ok", 20_000)
    board.rows[1].count("ok", 10**10)
    board.rows[1].say(connections=3)
    text = asked(plain(issuers, board), "/metrics").body.decode()
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in parser.text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["rightkey_gateway_answers_total", "ok"] == 2
    assert samples["rightkey_gateway_connections",] == 3
    took = "rightkey_gateway_decision_duration_seconds"
    bounds = ("1e-05", "2.5e-05", "8.0", "+Inf")
    assert [samples[f"{took}_bucket", bound] for bound in bounds] == [0, 1, 1, 2]
    assert (samples[f"{took}_count",], samples[f"{took}_sum",]) == (2, 10.00002)
    assert samples["rightkey_keys", 'a"b\\c\nd'] >= 1
    assert samples["rightkey_keys_usable_seconds", 'a"b\\c\nd'] > 0
    untried = TrustedIssuer(Trust("https://a.example", ANY), memory_of(0), Surroundings())
    assert "age_seconds{" not in asked(plain({"a": untried}), "/metrics").body.decode()
    assert "gateway" not in asked(plain(issuers), "/metrics").body.decode()
