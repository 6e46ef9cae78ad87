"""What workers count together."""

from __future__ import annotations

import os

import pytest

from rightkey.errors import CODES
from rightkey.gateway.board import ALL_CODES, Board


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_what_one_process_counts_others_read() -> None:
    """Each in a row of its own, also once it has ended."""
    board = Board(2)
    board.rows[0].count("ok")
    pid = os.fork()
    if pid == 0:
        board.rows[1].count("ok")
        board.rows[1].count("key_not_found")
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
