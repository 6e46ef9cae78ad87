"""How a signal ends a drill."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from rightkey.drill.stopping import SIGNALS, Interrupted, Stop


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_raises_at_once_and_only_once(number: int) -> None:
    """The end that it begins is bounded: a second one cannot break into it."""
    former = signal.signal(number, signal.default_int_handler)  # what runs the tests may ignore it
    try:
        with Stop() as stop:
            with pytest.raises(Interrupted, match=signal.Signals(number).name) as caught:
                os.kill(os.getpid(), number)
            assert (caught.value.code, stop.code) == (128 + number, 128 + number)
            os.kill(os.getpid(), number)
        assert signal.getsignal(number) == signal.default_int_handler
    finally:
        signal.signal(number, former)


def test_a_signal_waits_until_it_can_be_answered() -> None:
    """What has been started is known by then."""
    done: list[str] = []
    with Stop() as stop:
        with pytest.raises(Interrupted):
            held_twice(stop, done)
        assert done == ["inner", "outer"]


def held_twice(stop: Stop, done: list[str]) -> None:
    with stop.held():
        with stop.held():
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("inner")
        done.append("outer")


def test_a_signal_in_a_finaliser_is_not_lost() -> None:
    """Python lets nothing out of one; the drill looks for it after each exercise."""

    class Ending:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGTERM)
            for _ in range(9):
                pass  # the handler runs between two instructions

    ignored: list[object] = []
    former, sys.unraisablehook = sys.unraisablehook, lambda one: ignored.append(one.exc_type)
    try:
        with Stop() as stop:
            stop.check()
            Ending()
            with pytest.raises(Interrupted, match="SIGTERM"):
                stop.check()
    finally:
        sys.unraisablehook = former
    assert ignored == [Interrupted]


def test_a_program_under_nohup_goes_on() -> None:
    """It ignores SIGHUP from its start."""
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Stop() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop.code is None
    finally:
        signal.signal(signal.SIGHUP, former)


def test_without_being_entered_it_does_nothing() -> None:
    """A program has its own handlers."""
    stop = Stop()
    with stop.held():
        assert stop.code is None
