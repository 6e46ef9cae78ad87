"""The loop of a worker."""

from __future__ import annotations

import pytest

from rightkey.gateway.worker import loop_factory


def test_a_loop_is_made() -> None:
    """uvloop's, where it is there."""
    uvloop = pytest.importorskip("uvloop")
    loop = loop_factory()()
    assert isinstance(loop, uvloop.Loop)
    loop.close()
