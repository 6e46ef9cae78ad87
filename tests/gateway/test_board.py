"""What workers count together."""

from __future__ import annotations

import math
import os

import pytest

from rightkey.errors import CODES
from rightkey.gateway.board import ALL_CODES, Board


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_what_one_process_counts_others_read() -> None:
    """Each in a row of its own, also once it has ended."""
    board = Board(2)
    board.rows[0].count("ok", 1)
    pid = os.fork()
    if pid == 0:
        board.rows[1].count("ok", 1)
        board.rows[1].count("key_not_found", 1)
        board.rows[1].say(unready=2, connections=7)
        os._exit(0)
    os.waitpid(pid, 0)
    counted = dict(board.answers())
    assert (counted["ok"], counted["key_not_found"], sum(counted.values())) == (2, 1, 3)
    assert (board.connections, board.rows[1].unready, board.rows[0].unready) == (7, 2, 0)
    board.rows[1].say()
    assert board.connections == board.rows[1].unready == 0
    assert set(CODES) < {*ALL_CODES}
    assert len({*ALL_CODES}) == len(ALL_CODES)


def test_times_are_counted_up_to_each_bound() -> None:
    """By all workers; a time that is a bound is within it, and what is beyond them all is counted too."""
    board = Board(2)
    for row, took in zip(board.rows * 2, (5_000, 5_001, 9_000_000_000, 8_000_000_000), strict=True):
        row.count("ok", took)
    within, seconds = board.times()
    counted = dict(within)
    assert (counted[5e-6], counted[1e-5], counted[4.0], counted[8.0], counted[math.inf]) == (1, 2, 2, 3, 4)
    assert [bound for bound, _ in within] == sorted(counted)
    assert seconds == pytest.approx(17.000010001)
