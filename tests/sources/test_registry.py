"""The registry: who shares what, and what is kept."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

from rightkey.exchange import Request, Response
from rightkey.freshness.refresh import Place
from rightkey.freshness.settings import Freshness
from rightkey.issuer.name import Issuer, identity_of
from rightkey.sources.elapsed import SYSTEM
from rightkey.sources.registry import Registry
from rightkey.sources.remote import Remote
from rightkey.sources.source import Means


class Nowhere:
    """A transport that must not be asked."""

    def get(self, request: Request, /) -> Response:
        raise AssertionError(request.url)


class Unhashable(Nowhere):
    """One that cannot be hashed."""

    __hash__ = None  # type: ignore[assignment]


def place(name: str = "issuer.example") -> Place:
    return Place(name, Issuer.parse(name))


def clock() -> Callable[[], float]:
    return lambda: 1000.0


TRANSPORT, FRESHNESS = Nowhere(), Freshness()


def means(
    transport: Any = TRANSPORT, freshness: Freshness = FRESHNESS, elapsed: Callable[[], float] = SYSTEM
) -> Means:
    return Means(transport, freshness, elapsed)


def remote(registry: Registry, name: str = "issuer.example", how: Means | None = None) -> Remote:
    return registry.remote(identity_of(name), place(name), how or means())


def test_the_same_settings_share_an_entry() -> None:
    """So that a verifier built for each request still caches."""
    registry = Registry()
    assert remote(registry) is remote(registry, how=means(freshness=Freshness()))


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("https://issuer.example", means()),
        ("issuer.example", means(transport=Nowhere())),
        ("issuer.example", means(freshness=Freshness(life=700))),
        ("issuer.example", means(elapsed=clock())),
    ],
    ids=["place", "transport", "freshness", "elapsed"],
)
def test_what_differs_shares_no_keys(name: str, how: Means) -> None:
    """Not the place, the transport, the freshness nor the clock may be mistaken for another."""
    registry = Registry()
    one = remote(registry)
    assert remote(registry, name, how) is not one


def test_one_place_of_keys_is_fetched_for_each_issuer() -> None:
    """What is refused of one issuer must not be refused of another that has its keys at the same place."""
    registry, keys = Registry(), Place("https://keys.example", None, "https://keys.example")
    one = registry.remote("https://one.example", keys, means())
    assert registry.remote("https://two.example", keys, means()) is not one


def test_a_transport_that_cannot_be_hashed_counts_as_itself() -> None:
    """By identity."""
    registry, transport = Registry(), Unhashable()
    one = remote(registry, how=means(transport))
    assert remote(registry, how=means(transport)) is one
    assert remote(registry, how=means(Unhashable())) is not one


def test_a_new_transport_that_cannot_be_hashed_has_a_budget_of_its_own() -> None:
    """Though the one of before is gone, and it stands where that one stood in memory."""
    registry = Registry()
    for _ in range(20):
        budget = registry.budget(means(Unhashable()), "issuer.example")
        assert budget.spent == 0.0
        budget.spent = 1.0


def test_entries_that_are_not_in_use_are_bounded_and_used_ones_stay() -> None:
    """The least recently used goes first; what a verifier holds stays whatever comes."""
    registry = Registry(most=2)
    pinned = remote(registry, "pinned.example")
    for n in range(5):
        remote(registry, f"host{n}.example")
    gc.collect()
    assert len(registry._remotes._recent) == 2
    assert remote(registry, "pinned.example") is pinned


def test_letting_go_never_refills_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is not full is kept, so that nothing is gained by crowding it out."""
    monkeypatch.setattr("rightkey.sources.registry.MAX_BUDGETS", 1)
    registry = Registry()
    registry.budget(means(), "spent.example").spent = 1.0
    for n in range(20):
        registry.budget(means(), f"host{n}.example")
    assert registry.budget(means(), "spent.example").spent == 1.0
    assert len(registry._budgets._recent) <= 2


def test_one_budget_for_every_spelling_of_an_issuer() -> None:
    """And of a place."""
    registry = Registry()
    one = registry.budget(means(), "issuer.example")
    assert registry.budget(means(freshness=Freshness(life=700)), "https://ISSUER.example:443/") is one
    assert registry.budget(means(), "https://issuer.example/tenant") is not one


def test_distrust_outlives_entries_and_reaches_those_to_come() -> None:
    """A name that is distrusted is so for the life of the process, however the issuer is named."""
    registry = Registry()
    registry.record(identity_of("issuer.example")).distrust("kid")
    gc.collect()
    assert registry.record(identity_of("https://issuer.example/")).distrusted.names == {"kid"}
    assert registry.record(identity_of("other.example")).distrusted.names == set()


def test_a_record_with_something_to_lose_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Distrust and leaks count for the life of the process; others are let go."""
    monkeypatch.setattr("rightkey.sources.registry.MAX_BUDGETS", 1)
    registry = Registry()
    registry.record("issuer").distrust("kid")
    for n in range(20):
        registry.record(f"host{n}")
    gc.collect()
    assert registry.record("issuer").distrusted.names == {"kid"}


def test_a_forked_child_draws_its_moments_anew() -> None:
    """An entry without keys has none to draw."""
    registry = Registry()
    kept = remote(registry)
    registry.spread()
    assert remote(registry) is kept


def test_how_everything_is_that_is_fetched() -> None:
    """For metrics: one status for each entry in use, and none of what was let go."""
    registry = Registry()
    kept = [remote(registry, name) for name in ("a.example", "b.example")]
    assert [status.issuer for status in registry.statuses()] == ["a.example", "b.example"]
    assert registry.statuses()[0] == kept[0].status()
