"""The order of the local issuer's faults."""

from __future__ import annotations

import pytest

from rightkey.localissuer.faults import BEHAVED, fault
from rightkey.localissuer.script import Rule, Script

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
    with pytest.raises(ValueError, match="empty-set is one of jwks or moved, got 'discovery'"):
        Script().add("discovery", Rule(fault("empty-set")))
