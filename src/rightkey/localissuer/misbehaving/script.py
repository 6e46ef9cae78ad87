"""Which fault the next request of an endpoint meets."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from typing import Any

from rightkey.localissuer.documents.wellknown import ENDPOINTS
from rightkey.localissuer.misbehaving.faults import BEHAVED, Fault, fault


@dataclass(slots=True)
class Rule:
    """A fault, and which requests meet it.

    Args:
        times: how many requests meet it, or all where it is None.
        every: only every Nth request that comes to this rule: with 3, the third, the sixth, ...
        ratio: of those, only this fraction, drawn by `seed`: the same seed draws the same requests.

    Raises:
        ValueError: `times` or `every` is below one, or `ratio` is not within 0 and 1.
    """

    fault: Fault
    times: int | None = None
    every: int = 1
    ratio: float = 1.0
    seed: int = 0
    _came: int = field(default=0, init=False)
    _chance: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if (self.times is not None and self.times < 1) or self.every < 1 or not 0 < self.ratio <= 1:
            raise ValueError("expected times and every of at least 1, and a ratio above 0 and up to 1")
        self._chance = random.Random(self.seed)  # noqa: S311 - which requests fail is no secret

    @property
    def spent(self) -> bool:
        """Whether no further request can meet it."""
        return self.times == 0

    def strikes(self) -> bool:
        """Whether the request that has just come meets the fault."""
        self._came += 1
        if self._came % self.every or self._chance.random() >= self.ratio:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def as_json(self) -> dict[str, Any]:
        """The rule as JSON; `times` is how many are left."""
        fault = {"fault": self.fault.name, "options": dict(self.fault.options)}
        return fault | {"times": self.times, "every": self.every, "ratio": self.ratio, "seed": self.seed}


class Script:
    """Counted rules come first, in the order given; then the lasting one, if any.

    The first that strikes applies. A new lasting rule replaces the former.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: dict[str, list[Rule]] = {endpoint: [] for endpoint in ENDPOINTS}
        self._lasting: dict[str, Rule] = {}

    def plan(
        self,
        endpoint: str,
        what: str | Fault,
        *,
        times: int | None = None,
        every: int = 1,
        ratio: float = 1.0,
        seed: int = 0,
    ) -> None:
        """Plan a fault for an endpoint, as `LocalIssuer.misbehave` has it."""
        named = fault(what) if isinstance(what, str) else what
        self.add(endpoint, Rule(named, times, every, ratio, seed))

    def add(self, endpoint: str, rule: Rule) -> None:
        """Plan a fault for an endpoint.

        Raises:
            ValueError: the endpoint is unknown, or cannot have this fault.
        """
        if endpoint not in ENDPOINTS:
            raise ValueError(f"expected one of {', '.join(ENDPOINTS)}, got {endpoint!r}")
        if endpoint not in rule.fault.endpoints:
            fitting = " or ".join(sorted(rule.fault.endpoints))
            raise ValueError(f"the fault {rule.fault.name} needs the endpoint {fitting}, got {endpoint!r}")
        with self._lock:
            if rule.times is None:
                self._lasting[endpoint] = rule
            else:
                self._counted[endpoint].append(rule)

    def take(self, endpoint: str) -> Fault:
        """The fault for the request that has just come in."""
        with self._lock:
            for rule in self._rules(endpoint):
                if rule.strikes():
                    self._counted[endpoint] = [one for one in self._counted[endpoint] if not one.spent]
                    return rule.fault
            return BEHAVED

    def planned(self) -> list[dict[str, Any]]:
        """Every rule that still applies, by endpoint, in order."""
        with self._lock:
            return [
                {"endpoint": endpoint} | rule.as_json()
                for endpoint in ENDPOINTS
                for rule in self._rules(endpoint)
            ]

    def clear(self, endpoint: str | None = None) -> None:
        """Drop what is planned, for one endpoint or all. ValueError for an unknown endpoint."""
        if endpoint is not None and endpoint not in ENDPOINTS:
            raise ValueError(f"expected one of {', '.join(ENDPOINTS)}, got {endpoint!r}")
        with self._lock:
            for each in ENDPOINTS if endpoint is None else (endpoint,):
                self._counted[each].clear()
                self._lasting.pop(each, None)

    def _rules(self, endpoint: str) -> list[Rule]:
        lasting = self._lasting.get(endpoint)
        return [*self._counted.get(endpoint, []), *([lasting] if lasting else [])]
