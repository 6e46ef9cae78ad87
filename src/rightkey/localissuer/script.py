"""Which fault the next request of an endpoint meets."""

from __future__ import annotations

import threading
from collections import deque

from rightkey.localissuer.faults import BEHAVED, Fault
from rightkey.localissuer.wellknown import ENDPOINTS


class Script:
    """Faults that are counted happen first, in the order given; then the lasting one, if any.

    A new lasting fault replaces the former.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: dict[str, deque[Fault]] = {endpoint: deque() for endpoint in ENDPOINTS}
        self._lasting: dict[str, Fault] = {}

    def add(self, endpoint: str, fault: Fault, times: int | None) -> None:
        """Plan a fault for the next `times` requests of an endpoint, or for all where it is None.

        Raises:
            ValueError: there is no such endpoint, or it cannot have this fault.
        """
        if endpoint not in ENDPOINTS:
            raise ValueError(f"expected one of {', '.join(ENDPOINTS)}, got {endpoint!r}")
        if endpoint not in fault.endpoints:
            fitting = " or ".join(sorted(fault.endpoints))
            raise ValueError(f"the fault {fault.name} is one of {fitting}, got {endpoint!r}")
        with self._lock:
            if times is None:
                self._lasting[endpoint] = fault
            else:
                self._counted[endpoint].extend([fault] * times)

    def take(self, endpoint: str) -> Fault:
        """What the request that has just come in meets."""
        with self._lock:
            if self._counted.get(endpoint):
                return self._counted[endpoint].popleft()
            return self._lasting.get(endpoint, BEHAVED)

    def clear(self, endpoint: str | None = None) -> None:
        """Forget what is planned, for one endpoint or all."""
        with self._lock:
            for each in ENDPOINTS if endpoint is None else (endpoint,):
                self._counted[each].clear()
                self._lasting.pop(each, None)
