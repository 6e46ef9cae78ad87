"""Freshness: the settings of how fresh keys are kept, and how hard an issuer may be asked."""

from __future__ import annotations

from dataclasses import dataclass, fields

from rightkey.errors import Misconfigured, is_number, quoted
from rightkey.policy.named import settings_by_name


@settings_by_name
@dataclass(frozen=True, slots=True)
class Freshness:
    """How fresh keys are kept, and how hard an issuer may be asked. All in seconds but where said.

    Args:
        life: of a key set whose answer has no `max-age`.
        min_life: at the least, whatever the answer says (15 s have been seen).
        max_life: at most (44 days have been seen).
        stale_if_error: for how long past its life a set serves while the issuer gives no good answer.
            The issuer may shorten it, never lengthen it.
        min_stale: the least that the issuer may shorten it to.
        metadata_life: for how long metadata is not asked for again.
        metadata_stale: for how long it serves past that while it cannot be fetched.
        metadata_recheck: the age past which metadata is asked for again where forced refetches of the
            keys brought nothing new.
        connect_timeout: to a connection.
        timeout: of one request, from the look-up of the name to the last octet.
        max_body: of one answer, in bytes, decompressed.
        wait: how long one caller waits in all.
        waiting_threads: how many threads may wait for one issuer's forced refetch; a number.
        jobs: how many refreshes run at once in the process, of all issuers; more stand in line; a number.
        draws: how many forced refetches may be made at once; a number.
        draw_every: after how long there is one more.
        grace: for how long a key serves on that is missing from a good answer, unless the next answer lacks
            it too: for issuers whose front ends disagree. None leaves it to what is known of the issuer's
            provider, and is 0 for the others.

    Raises:
        Misconfigured: a value is not a positive number, or no whole one where things are counted, or a least
            exceeds its most.
    """

    life: float = 600.0
    min_life: float = 300.0
    max_life: float = 3600.0
    stale_if_error: float = 3600.0
    min_stale: float = 600.0
    metadata_life: float = 3600.0
    metadata_stale: float = 86400.0
    metadata_recheck: float = 600.0
    connect_timeout: float = 2.0
    timeout: float = 4.0
    max_body: int = 512 * 1024
    wait: float = 8.0
    waiting_threads: int = 16
    jobs: int = 32
    draws: int = 2
    draw_every: float = 10.0
    grace: float | None = None

    def __post_init__(self) -> None:
        for setting in fields(self):
            value = getattr(self, setting.name)
            zero = setting.name in _MAY_BE_ZERO
            if value is None and setting.name == "grace":
                continue
            if not is_number(value) or value < 0 or (value == 0 and not zero):
                what = f"{setting.name} is a number, positive{' or zero' * zero}"
                raise Misconfigured(f"{what}, not {quoted(value)}")
            if setting.type == "int" and not isinstance(value, int):  # half a request is never allowed
                raise Misconfigured(f"{setting.name} must be a whole number, not {quoted(value)}")
        if not self.min_life <= self.max_life:
            raise Misconfigured("min_life is over max_life")


_MAY_BE_ZERO = ("stale_if_error", "min_stale", "draws", "grace")
