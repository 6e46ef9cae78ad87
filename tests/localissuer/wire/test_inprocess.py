"""The local issuer without a socket: the same answers and faults, in no time."""

from __future__ import annotations

import json

import pytest

from rightkey.exchange import ExchangeFailed, Request
from rightkey.localissuer import Fault, LocalIssuer, fault

URL = "https://tenant.example/.well-known/jwks.json"


@pytest.fixture
def issuer() -> LocalIssuer:
    return LocalIssuer(algorithm="ES256", url="https://tenant.example/")


def test_it_answers_and_counts(issuer: LocalIssuer) -> None:
    """A Response with lower-case headers; the request is recorded with its own."""
    response = issuer.transport().get(Request(URL + "?x=1", {"If-None-Match": '"a"'}))
    assert response.status == 200
    assert response.headers["content-type"] == "application/json"
    assert len(json.loads(response.body)["keys"]) == 2
    assert issuer.requests["jwks"] == issuer.requests.total == 1
    (recorded,) = issuer.recorded
    assert recorded.path == "/.well-known/jwks.json?x=1"
    assert recorded.headers == {"host": "tenant.example", "if-none-match": '"a"'}


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (fault("hang"), "timeout"),
        (fault("delay", seconds=4.0), "timeout"),
        (fault("drip-headers", every=0.1), "timeout"),
        (fault("drip-body", every=0.1), "timeout"),
        (fault("reset"), "reset"),
        (fault("truncated"), "protocol"),
        (fault("huge"), "too_large"),
        (fault("gzip-bomb"), "too_large"),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else value,
)
def test_what_fails_on_the_wire_fails_here(issuer: LocalIssuer, what: Fault, reason: str) -> None:
    """The failure bears the reason that a real transport would give, and is counted all the same."""
    issuer.misbehave("jwks", what, times=1)
    with pytest.raises(ExchangeFailed) as raised:
        issuer.transport().get(Request(URL))
    assert raised.value.reason == reason
    assert issuer.transport().get(Request(URL)).status == 200
    assert issuer.requests["jwks"] == 2


@pytest.mark.parametrize(
    "what",
    [
        fault("delay", seconds=3.9),
        fault("drip-body", every=0.000_001),
        fault("huge", size=1000),
        fault("gzip-bomb", size=1000),
    ],
    ids=lambda what: what.name,
)
def test_what_keeps_within_the_bounds_arrives(issuer: LocalIssuer, what: Fault) -> None:
    """Slow but in time, large but not too large: the body is whole and decompressed."""
    issuer.misbehave("jwks", what)
    assert len(json.loads(issuer.transport().get(Request(URL)).body)["keys"]) == 2


def test_the_issuer_s_own_delay_counts(issuer: LocalIssuer) -> None:
    """It comes on top of a fault's."""
    issuer.delay = 3.0
    assert issuer.transport().get(Request(URL)).status == 200
    issuer.misbehave("jwks", fault("delay", seconds=1.0))
    with pytest.raises(ExchangeFailed, match=r"within 4\.0 s"):
        issuer.transport().get(Request(URL))


def test_no_other_host_can_be_reached(issuer: LocalIssuer) -> None:
    """A request that strays is refused, and not counted."""
    with pytest.raises(ExchangeFailed) as raised:
        issuer.transport().get(Request("https://elsewhere.example/"))
    assert raised.value.reason == "refused"
    assert issuer.requests.total == 0


def test_a_host_alone_is_a_path_too(issuer: LocalIssuer) -> None:
    """An empty path is the root, where the issuer shows itself."""
    answer = issuer.transport().get(Request("https://tenant.example"))
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
