"""Heads: requests as they were read, so that one that comes again, octet for octet, need not be read again.

What is remembered is what was read: which rule counts, and which token was sent. Whether the token is good is
asked each time.

Only a request whose token has passed enters, and only when it comes for the second time: neither strangers
nor clients that number their requests push out what comes again and again. Where none come again, few are
looked for.
"""

from __future__ import annotations

from rightkey.gateway.decision import Case
from rightkey.verdict.recent import Recent

MAX_REMEMBERED = 4096
"""Heads that each worker remembers as they were read."""
MAX_REMEMBERED_LENGTH = 4096
"""Bytes of a head that is remembered."""
MAX_ONCE = 16_384
"""Heads of which is remembered that they came once."""
MAX_MISSED = 64
"""Heads in a row that are looked for and not found, before most are not looked for."""
SAMPLE = 16
"""Of how many heads one is looked for then: to look takes a tenth of the time of reading one."""


class Heads:
    """Those of one worker."""

    def __init__(self) -> None:
        self._cases = Recent[Case](MAX_REMEMBERED)
        self._once: set[int] = set()
        self._missed = 0

    def get(self, head: bytes) -> Case | None:
        """What was read there, if it is looked for."""
        self._missed += 1
        if self._passes_over(head):
            return None
        case = self._cases.get(head)
        if case is not None:
            self._missed = 0
        return case

    def keep(self, head: bytes, case: Case) -> None:
        """Remember what was looked for and not found, if it has come before."""
        if self._passes_over(head):
            return
        mark = hash(head)
        if mark in self._once:
            self._cases.put(head, case)
            return
        if len(self._once) >= MAX_ONCE:
            self._once.clear()
        self._once.add(mark)

    def _passes_over(self, head: bytes) -> bool:
        missed = self._missed
        return len(head) > MAX_REMEMBERED_LENGTH or (missed > MAX_MISSED and missed % SAMPLE > 0)
