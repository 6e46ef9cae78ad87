"""The dashboard and the alert rules in examples/ name metrics and labels that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

import rightkey
from rightkey.errors import CODES
from rightkey.events import (
    VERIFIED,
    EntryRejected,
    FetchFailed,
    IntrospectionFailed,
    KeysFetched,
    StoreLost,
)
from rightkey.gateway.board import Board
from rightkey.gateway.decision import Answer, Question
from rightkey.gateway.mirror import Mirror
from rightkey.gateway.plain import Plain
from rightkey.localissuer import LocalIssuer
from rightkey.telemetry import Prometheus

EXAMPLES = Path(__file__).parents[2] / "examples"
METRICS = Path(__file__).parents[2] / "docs" / "metrics.md"


@pytest.fixture(scope="module")
def exported() -> dict[str, set[str]]:
    """Each sample that a scrape brings, and its labels."""
    registry = CollectorRegistry()
    metrics = Prometheus(registry)
    with LocalIssuer(algorithm="ES256") as issuer:
        verifier = rightkey.Verifier(issuer.url, audience=issuer.audience, listener=metrics)
        verifier.verify(issuer.token())
        metrics(FetchFailed(issuer.url, "keys_unavailable", "m", False, 1.0, "timeout"))
        metrics(KeysFetched(issuer.url, 1, 0, False, "sha256:00"))
        metrics(IntrospectionFailed(issuer.url, "credentials", "m", 1.0))
        metrics(StoreLost("", "redis://cache", "TimeoutError"))
        metrics(EntryRejected(issuer.url, "redis://cache", "seal"))
        text = generate_latest(registry).decode()
    text += _of_a_gateway()
    families = text_string_to_metric_families(text)
    return {sample.name: set(sample.labels) for family in families for sample in family.samples}


def _of_a_gateway() -> str:
    """What one says beside the keys of its issuers, which are called as everywhere."""
    board = Board(1)
    board.rows[0].count("ok", 1)
    answer = Plain(board, {}, Mirror({}), lambda: False).answer(Question("GET", "/metrics", {}))
    assert isinstance(answer, Answer)
    return "".join(re.findall(r".*rightkey_gateway_.*\n", answer.body.decode()))


def expressions(node: Any) -> list[str]:
    """Every query of the dashboard."""
    if isinstance(node, dict):
        own = [node["expr"]] if "expr" in node else []
        own += [node["query"]] if isinstance(node.get("query"), str) and "rightkey_" in node["query"] else []
        return own + [one for value in node.values() for one in expressions(value)]
    return [one for value in node for one in expressions(value)] if isinstance(node, list) else []


def dashboard() -> list[str]:
    return expressions(json.loads((EXAMPLES / "grafana_dashboard.json").read_text()))


def alerts() -> list[str]:
    text = (EXAMPLES / "prometheus_alerts.yml").read_text()
    return re.findall(r"expr: (?:\|\n)?(.*?)(?=\n +(?:for|labels):)", text, re.DOTALL)


def names(queries: list[str]) -> set[str]:
    return set(re.findall(r"\brightkey_[a-z_]+", " ".join(queries)))


def test_the_dashboard_shows_every_metric_and_no_other(exported: dict[str, set[str]]) -> None:
    """Of a histogram its buckets."""
    shown = names(dashboard())
    assert shown <= set(exported)
    whole = {name for name in exported if not name.endswith(("_created", "_count", "_sum"))}
    assert shown == whole


def test_the_rules_name_what_there_is(exported: dict[str, set[str]]) -> None:
    """Metrics, and codes of verdicts."""
    rules = alerts()
    assert len(rules) == (EXAMPLES / "prometheus_alerts.yml").read_text().count("alert:")
    assert names(rules) <= set(exported)
    codes = {one for found in re.findall(r'code[!=]~?"([^"]+)"', " ".join(rules)) for one in found.split("|")}
    assert codes
    assert codes <= {*CODES, VERIFIED}


def test_labels_are_those_that_there_are(exported: dict[str, set[str]]) -> None:
    """In selectors, in `by (...)`, and in legends."""
    known = {label for labels in exported.values() for label in labels}
    for query in dashboard() + alerts():
        used = set(re.findall(r"(\w+)[!=]~?\"", query))
        used |= {one.strip() for found in re.findall(r"by \(([^)]+)\)", query) for one in found.split(",")}
        assert used <= known, query


def test_every_metric_is_documented(exported: dict[str, set[str]]) -> None:
    """With its labels; and nothing is documented that does not exist."""
    rows = re.findall(r"^\| `(rightkey_\w+)` \| ([^|]*) \|", METRICS.read_text(), re.MULTILINE)
    documented = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    families: dict[str, set[str]] = {}
    for name, labels in exported.items():
        if not name.endswith("_created"):
            families.setdefault(re.sub(r"_(bucket|count|sum)$", "", name), set()).update(labels - {"le"})
    assert documented == families


def test_every_alert_is_documented() -> None:
    """With what to do."""
    rules = re.findall(r"alert: (\w+)", (EXAMPLES / "prometheus_alerts.yml").read_text())
    page = METRICS.read_text()
    assert all(f"`{rule}`" in page for rule in rules)
