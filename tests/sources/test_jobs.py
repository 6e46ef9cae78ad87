"""Jobs: one detached job a key, and everybody who waits for it is let go."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator

import pytest
import trio

from rightkey.sources.jobs import GUARD, JOBS, MAX_HUNG, MAX_JOBS, READING, Job, Jobs, wait, wait_async


class Bench:
    """A table of its own, and jobs that run until they are told to end."""

    def __init__(self) -> None:
        self.jobs = Jobs()
        self.end = threading.Event()
        self.told: list[str] = []

    def start(self, key: str = "k", seconds: float = 30.0) -> Job | None:
        with GUARD:
            return self.jobs.start(key, seconds, self._work, lambda: self.told.append("late"), self._after)

    def find(self, key: str = "k") -> Job | None:
        with GUARD:
            return self.jobs.find(key)

    def _work(self, job: Job) -> None:
        self.end.wait(30)
        with GUARD:
            self.told.append("counts" if self.jobs.claim(job) else "dropped")

    def _after(self) -> None:
        self.told.append("after")


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.end.set()
    for thread in [one for one in threading.enumerate() if one.name == "rightkey"]:
        thread.join(10)


def test_a_job_is_found_while_it_runs_and_gone_when_it_is_done(bench: Bench) -> None:
    """What it found counts, then it leaves the table, then whoever listens is told."""
    job = bench.start()
    assert job is not None
    assert bench.find() is job
    bench.end.set()
    wait(job, 10)
    assert job.done.done()
    assert bench.find() is None
    for _ in range(1000):
        if bench.told == ["counts", "after"]:
            break
        time.sleep(0.001)
    assert bench.told == ["counts", "after"]


def test_a_job_past_its_deadline_is_given_up_and_its_late_answer_dropped(bench: Bench) -> None:
    """Everybody who waits is let go; when its thread comes back, what it brings does not count."""
    job = bench.start(seconds=0.01)
    assert job is not None
    time.sleep(0.02)
    assert bench.find() is None
    assert job.done.done()
    assert bench.told == ["late"]
    bench.jobs.give_up(job)  # once more changes nothing
    assert bench.told == ["late", "after"]
    bench.end.set()
    for thread in [one for one in threading.enumerate() if one.name == "rightkey"]:
        thread.join(10)
    assert bench.told == ["late", "after", "dropped", "after"]


def test_whoever_may_wait_longer_than_the_job_does_not_give_up_one_that_has_time(bench: Bench) -> None:
    """A caller's patience ends before the job's deadline: the caller goes, the job stays."""
    job = bench.start()
    assert job is not None
    bench.jobs.give_up(job)
    assert not job.given_up
    assert bench.find() is job


def test_threads_that_hang_are_counted_and_a_third_is_not_started(bench: Bench) -> None:
    """Until one of them comes back."""
    for _ in range(MAX_HUNG):
        assert bench.start(seconds=0.001) is not None
        time.sleep(0.01)
        assert bench.find() is None
    assert bench.start() is None
    assert bench.start("another") is not None
    bench.end.set()
    for thread in [one for one in threading.enumerate() if one.name == "rightkey"]:
        thread.join(10)
    assert bench.start() is not None


def test_a_process_runs_so_many_jobs_and_no_more(bench: Bench) -> None:
    """Those whose time is up make room."""
    assert all(bench.start(str(n)) for n in range(MAX_JOBS - 1))
    assert bench.start("short", seconds=0.001) is not None
    time.sleep(0.01)
    assert bench.start("in its place") is not None
    assert bench.start("one more") is None


def test_where_no_thread_can_be_started_there_is_no_job(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the interpreter ends."""

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert bench.start() is None
    monkeypatch.undo()
    assert bench.start() is not None


def test_after_a_fork_the_table_is_empty(bench: Bench) -> None:
    """The parent's threads do not run in the child; one that ends here all the same harms nothing."""
    job = bench.start()
    assert job is not None
    bench.jobs.empty()
    assert bench.find() is None
    bench.end.set()
    wait(job, 10)
    assert job.done.done()


@pytest.mark.parametrize("run", [asyncio.run, trio.run])
def test_a_task_waits_until_the_job_is_done(bench: Bench, run: object) -> None:
    """Also where it is done already, and where the task's patience ends first."""

    async def main() -> None:
        job = bench.start()
        assert job is not None
        await wait_async(job, 0.01)
        assert not job.done.done()
        bench.end.set()
        await wait_async(job, 10)
        assert job.done.done()
        await wait_async(job, 10)

    run(main) if run is trio.run else asyncio.run(main())


@pytest.mark.parametrize("run", [asyncio.run, trio.run])
def test_a_task_lets_everybody_go_when_the_deadline_has_passed(bench: Bench, run: object) -> None:
    """There need be nobody else to notice."""

    async def main() -> None:
        job = bench.start(seconds=0.01)
        assert job is not None
        await wait_async(job, 10)
        assert job.given_up

    run(main) if run is trio.run else asyncio.run(main())


def test_a_task_that_left_its_loop_is_not_missed(bench: Bench) -> None:
    """The loop and the run are closed when the job ends: nobody waits there any more."""
    job = bench.start()
    assert job is not None

    async def leave() -> None:
        await wait_async(job, 0.01)

    asyncio.run(leave())
    trio.run(leave)
    bench.end.set()
    wait(job, 10)
    assert job.done.done()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_fork_takes_both_locks_and_gives_them_back() -> None:
    """In the parent and in the child, whose table is empty."""
    pid = os.fork()
    if pid == 0:
        free = not GUARD.locked() and not READING.locked() and JOBS.find("a job") is None
        os._exit(0 if free else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert not GUARD.locked()
    assert not READING.locked()
