"""One run of pytest in which each test is run once, and then anew in a forked process for each mutant."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state

from mutation.mutants import Mutant


class Session:
    """A plugin of pytest. `killed` and `survived` are what it found."""

    def __init__(self, folder: Path, mutants: list[Mutant], workers: int, seconds: float) -> None:
        self.folder, self.mutants, self.workers, self.seconds = folder, mutants, workers, seconds
        self.survived: list[Mutant] = []
        self.killed: list[Mutant] = []
        self.reached: dict[str, list[pytest.Item]] = defaultdict(list)
        self.took: dict[pytest.Item, float] = {}
        self.failed = self.forked = False

    def pytest_configure(self) -> None:
        """The same few inputs each time, and no search for the smallest that fails."""
        from hypothesis import Phase, settings

        phases = [Phase.explicit, Phase.generate]
        settings.register_profile("mutation", max_examples=25, derandomize=True, database=None, phases=phases)
        settings.load_profile("mutation")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> None:
        """A step that fails. With a mutant nothing more needs to be known, and a report costs time."""
        if call.excinfo and not call.excinfo.errisinstance(pytest.skip.Exception):
            self.failed = True
            if self.forked:
                os._exit(1)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In place of the usual: first without a mutant, and then with each."""
        if session.testsfailed:
            raise session.Interrupted("a test cannot be read")
        self._unharmed(session.items)
        if self.failed:
            raise session.Failed("the tests must pass without a mutant")
        self._mutated()
        return True

    def _unharmed(self, items: list[pytest.Item]) -> None:
        set_mutant_under_test("stats")
        for item, following in zip(items, [*items[1:], items[0]], strict=True):
            state()._stats.clear()
            began = time.perf_counter()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            self.took[item] = time.perf_counter() - began
            for function in state()._stats:
                self.reached[function].append(item)

    def _mutated(self) -> None:
        gc.collect()
        gc.freeze()
        running: dict[int, Mutant] = {}
        for number, mutant in enumerate(self.mutants):
            if len(running) == self.workers:
                self._ended(running)
            sys.stdout.flush()
            child = os.fork()
            if not child:
                self._judge(mutant, self._tests(mutant))
            running[child] = mutant
            if number % 100 == 99:
                print(f"{number + 1} of {len(self.mutants)}, {len(self.survived)} survived", flush=True)
        while running:
            self._ended(running)

    def _tests(self, mutant: Mutant) -> list[pytest.Item]:
        """Those that reach it, its own module's first and quick ones before slow ones, up to a time."""
        own = _own_tests(mutant).parts

        def order(item: pytest.Item) -> tuple[bool, float]:
            return item.path.parts[-3:] != own, self.took[item]

        chosen, total = list[pytest.Item](), 0.0
        for item in sorted(self.reached[mutant.function], key=order):
            total += self.took[item]
            if chosen and total > self.seconds:
                break
            chosen.append(item)
        return chosen

    def _judge(self, mutant: Mutant, tests: list[pytest.Item]) -> None:
        """In a process of its own, which an endless loop ends too."""
        status = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(10 + 10 * round(sum(self.took[test] for test in tests)))
            os.environ["MUTANT_UNDER_TEST"] = mutant.key
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            if not tests:
                self._judge_anew(mutant)
            tests[0].config.pluginmanager.unregister(name="terminalreporter")
            set_mutant_under_test(mutant.key)
            self.forked = True
            for test, following in zip(tests, [*tests[1:], None], strict=True):
                test.config.hook.pytest_runtest_protocol(item=test, nextitem=following)
            status = 0
        finally:  # a test that breaks pytest has seen the fault too
            os._exit(status)

    def _judge_anew(self, mutant: Mutant) -> None:
        """What runs as its module is read, such as the rows of a table, needs another interpreter."""
        own = _own_tests(mutant)
        signal.alarm(120)
        words = ["-m", "pytest", "-x", "-q", "-m", "not slow", "-p", "no:cacheprovider"]
        os.environ["PYTHONPATH"] = str(self.folder)
        words.append(str(own if own.exists() else own.parent))
        os.execv(sys.executable, [sys.executable, *words])  # noqa: S606 - no shell is wanted

    def _ended(self, running: dict[int, Mutant]) -> None:
        child, status = os.wait()
        if child in running:
            self._judged(running.pop(child), killed=status != 0)

    def _judged(self, mutant: Mutant, *, killed: bool) -> None:
        (self.killed if killed else self.survived).append(mutant)
        if not killed:
            print(mutant, flush=True)


def _own_tests(mutant: Mutant) -> Path:
    wing, module = mutant.module.split(".")[1:3]
    return Path("tests", wing, f"test_{module}.py")
