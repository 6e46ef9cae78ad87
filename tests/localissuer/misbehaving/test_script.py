"""The order of the local issuer's faults."""

from __future__ import annotations

import pytest

from rightkey.localissuer.misbehaving.faults import BEHAVED, fault
from rightkey.localissuer.misbehaving.script import Rule, Script

HANG, RESET, HTML = fault("hang"), fault("reset"), fault("html")


def test_counted_faults_come_first_in_the_order_given() -> None:
    """Then the lasting one, which a later lasting one replaces."""
    script = Script()
    script.add("jwks", Rule(RESET, None))
    script.add("jwks", Rule(HTML, None))
    script.add("jwks", Rule(HANG, 2))
    script.add("jwks", Rule(RESET, 1))
    assert [script.take("jwks") for _ in range(5)] == [HANG, HANG, RESET, HTML, HTML]


def test_endpoints_are_apart() -> None:
    """A fault of one endpoint leaves the others alone, and so does its end."""
    script = Script()
    script.add("jwks", Rule(HANG, None))
    script.add("discovery", Rule(RESET, 1))
    assert script.take("moved") == script.take("other") == BEHAVED
    script.clear("jwks")
    assert script.take("jwks") == BEHAVED
    assert script.take("discovery") == RESET


def test_clearing_forgets_everything() -> None:
    """Counted and lasting, at every endpoint."""
    script = Script()
    script.add("jwks", Rule(HANG, 3))
    script.add("discovery", Rule(HANG, None))
    script.clear()
    assert script.take("jwks") == script.take("discovery") == BEHAVED


def test_a_fault_that_cannot_be_is_refused() -> None:
    """No such endpoint; a fault of key sets planned for the metadata."""
    with pytest.raises(ValueError, match=r"expected one of discovery, .* got 'tokens'"):
        Script().add("tokens", Rule(HANG))
    with pytest.raises(ValueError, match="empty-set needs the endpoint jwks or moved, got 'discovery'"):
        Script().add("discovery", Rule(fault("empty-set")))


def test_every_nth_request() -> None:
    """Counted from when the rule was made; the others meet the rule behind it."""
    script = Script()
    script.add("jwks", Rule(RESET))
    script.add("jwks", Rule(HANG, times=2, every=3))
    assert [script.take("jwks") for _ in range(7)] == [RESET, RESET, HANG, RESET, RESET, HANG, RESET]


def test_a_part_of_the_requests() -> None:
    """About so large, and the same one for the same seed."""

    def struck(seed: int) -> list[bool]:
        script = Script()
        script.add("jwks", Rule(HANG, ratio=0.3, seed=seed))
        return [script.take("jwks") == HANG for _ in range(1000)]

    assert 250 < sum(struck(1)) < 350
    assert struck(1) == struck(1) != struck(2)


def test_what_is_planned_is_told() -> None:
    """With what is left of it; what is spent is gone."""
    script = Script()
    script.add("jwks", Rule(fault("delay", seconds=2.0), times=2))
    script.add("discovery", Rule(RESET, ratio=0.5, seed=7))
    script.take("jwks")
    rest = {"every": 1, "ratio": 1.0, "seed": 0}
    assert script.planned() == [
        {"endpoint": "discovery", "fault": "reset", "options": {}, "times": None}
        | rest
        | {"ratio": 0.5, "seed": 7},
        {"endpoint": "jwks", "fault": "delay", "options": {"seconds": 2.0}, "times": 1} | rest,
    ]
    script.take("jwks")
    assert [rule["endpoint"] for rule in script.planned()] == ["discovery"]


@pytest.mark.parametrize("wrong", [{"times": 0}, {"every": 0}, {"ratio": 0.0}, {"ratio": 1.1}])
def test_a_rule_strikes_sometimes(wrong: dict[str, int]) -> None:
    """Or it is refused when it is made."""
    with pytest.raises(ValueError, match="expected times and every"):
        Rule(HANG, **wrong)


def test_an_unknown_endpoint_is_not_cleared() -> None:
    """A typing mistake does not go unheard."""
    with pytest.raises(ValueError, match="got 'jwk'"):
        Script().clear("jwk")
