"""Jobs: one detached job a key, and all who wait for it are let go."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator

import pytest
import trio
from tests.scenarios.conftest import settled

from rightkey.sources import guard as guards
from rightkey.sources import jobs as module
from rightkey.sources.guard import GUARD, LARGE, READING, Guard, reading
from rightkey.sources.jobs import JOBS, MAX_HUNG, Job, Jobs, Past
from rightkey.sources.waiting import wait_async

MOST = 4


class Bench:
    """A table of its own, and jobs that run until they are told to end."""

    def __init__(self) -> None:
        self.jobs = Jobs()
        self.end = threading.Event()
        self.told: list[str] = []

    def start(self, key: str = "k", seconds: float = 60.0, past: Past | None = None) -> Job | None:
        with GUARD:
            job = self.jobs.start(
                key,
                seconds,
                self._work,
                on_given_up=lambda: self.told.append("late"),
                on_refused=lambda: self.told.append("unasked"),
                on_end=lambda: self.told.append("after"),
                most=MOST,
                past=past or Past(answered=True),
            )
        self.jobs.launch()
        return job

    def begun(self, *keys: str) -> list[bool]:
        """Which of these jobs run, as opposed to those in line."""
        jobs = [self.find(key) for key in keys]
        return [job is not None and job.began is not None for job in jobs]

    def find(self, key: str = "k") -> Job | None:
        with GUARD:
            return self.jobs.find(key)

    def _work(self, job: Job) -> None:
        self.end.wait(60)
        with GUARD:
            self.told.append("counts" if self.jobs.claim(job) else "dropped")


def _refuse(self: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.end.set()
    for thread in [one for one in threading.enumerate() if one.name == "rightkey"]:
        thread.join(60)


def test_a_job_is_found_while_it_runs_and_gone_when_it_is_done(bench: Bench) -> None:
    """What it found counts, then it leaves the table, then listeners are told."""
    job = bench.start()
    assert job is not None
    assert bench.find() is job
    bench.end.set()
    bench.jobs.wait(job, 60)
    assert job.done.done()
    assert bench.find() is None
    settled(lambda: bench.told == ["counts", "after"], "listeners were not told")


def test_a_job_past_its_deadline_is_given_up_and_its_late_answer_dropped(bench: Bench) -> None:
    """All that wait are let go; when its thread comes back, what it brings does not count."""
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
        thread.join(60)
    assert bench.told == ["late", "after", "dropped", "after"]


def test_a_caller_that_goes_does_not_give_up_a_job_that_has_time(bench: Bench) -> None:
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
        thread.join(60)
    assert bench.start() is not None


def test_a_process_runs_so_many_jobs_and_the_others_stand_in_line(bench: Bench) -> None:
    """None is refused. They begin in the order in which they came, as places become free."""
    keys = [str(number) for number in range(MOST + 2)]
    jobs = [bench.start(key) for key in keys]
    assert bench.begun(*keys) == [True] * MOST + [False] * 2
    assert bench.jobs.counts() == {"running": MOST, "waiting": 2}
    bench.end.set()
    for job in jobs:
        assert job is not None
        bench.jobs.wait(job, 60)
        assert job.done.done()


def test_a_job_whose_time_is_up_makes_room(bench: Bench) -> None:
    """Though no caller waits for it, nor for the one in its place."""
    short = bench.start("short", seconds=0.01)
    for number in range(MOST - 1):
        bench.start(str(number))
    bench.start("in its place")
    assert short is not None
    short.done.result(60)
    assert bench.begun("in its place") == [True]


def test_one_thread_watches_while_jobs_stand_in_line(bench: Bench) -> None:
    """It ends with the line, and comes back with the next."""
    others = set(threading.enumerate())

    def ours() -> list[threading.Thread]:
        return [one for one in threading.enumerate() if one not in others and one.name == "rightkey"]

    for number in range(MOST):
        bench.start(str(number))
    assert len(ours()) == MOST
    for number in range(3):
        bench.start(f"in line {number}")
    assert len(ours()) == MOST + 1
    bench.end.set()
    while left := ours():  # those in line begin as others end
        left[0].join(60)
        assert not left[0].is_alive()
    bench.end.clear()
    for number in range(MOST + 1):
        bench.start(str(number))
    assert len(ours()) == MOST + 1


def test_where_no_thread_can_watch_the_next_caller_tries_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system may have a thread to give by then."""
    for number in range(MOST):
        bench.start(str(number), seconds=0.01)
    monkeypatch.setattr(threading.Thread, "start", _refuse)
    in_line = bench.start("in line")
    monkeypatch.undo()
    bench.jobs.launch()
    assert in_line is not None
    bench.end.set()
    in_line.done.result(60)
    assert in_line.began is not None


def test_a_job_whose_answer_is_taken_is_not_given_up(bench: Bench) -> None:
    """Its time may end between the two: those that wait have its outcome, and no second job begins."""
    job = bench.start()
    assert job is not None
    assert job.began is not None
    job.claimed, job.began = True, job.began - job.seconds
    bench.jobs.give_up(job)
    assert not job.given_up
    assert bench.find() is job


def test_keys_that_never_answered_take_half_of_the_places(bench: Bench) -> None:
    """So that issuers that hang cannot keep one waiting that has answered before."""
    strangers = [f"stranger {number}" for number in range(MOST)]
    for key in strangers:
        bench.start(key, past=Past())
    bench.start("known")
    assert bench.begun(*strangers) == [True] * (MOST // 2) + [False] * (MOST - MOST // 2)
    assert bench.begun("known") == [True]


def test_a_key_that_hung_before_stands_behind_one_that_was_never_asked(bench: Bench) -> None:
    """Each hanging issuer is tried once before a new one at most, not again and again."""
    for number in range(MOST):
        bench.start(str(number))
    bench.start("slow", past=Past(took=8.0, answered=True))
    bench.start("new", past=Past())
    order = [
        key
        for _, _, key in sorted(
            (place, n, job.key) for queue in bench.jobs._queues for place, n, job in queue
        )
    ]
    assert order == ["new", "slow"]


def test_how_a_job_went_is_noted(bench: Bench) -> None:
    """How long it took, and whether it had an answer."""
    past = Past()
    job = bench.start(past=past)
    assert job is not None
    job.answered = True
    bench.end.set()
    bench.jobs.wait(job, 60)
    assert past.answered
    assert past.took > 0


def test_the_line_is_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it a job is refused, and the caller told that the issuer could not be asked."""
    monkeypatch.setattr(module, "MAX_QUEUED", 1)
    assert all(bench.start(str(number)) for number in range(MOST + 1))
    assert bench.start("one more") is None


def test_where_no_thread_can_be_started_the_job_is_over(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the interpreter ends. What was drawn for it is given back."""

    monkeypatch.setattr(threading.Thread, "start", _refuse)
    job = bench.start()
    assert job is not None
    assert (job.refused, job.done.done(), bench.told) == (True, True, ["unasked"])
    assert bench.find() is None
    monkeypatch.undo()
    assert bench.start() is not None


def test_no_thread_is_started_while_the_guard_is_held(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """To start one waits for it, and a library that patches threads late would let others run meanwhile,
    which wait for the guard for ever."""
    held: list[bool] = []
    start = threading.Thread.start

    def watch(self: threading.Thread) -> None:
        held.append(GUARD.is_mine)
        start(self)

    monkeypatch.setattr(threading.Thread, "start", watch)
    bench.start()
    assert held == [False]


def test_after_a_fork_the_table_is_empty(bench: Bench) -> None:
    """The parent's threads do not run in the child; one that ends here all the same harms nothing."""
    job = bench.start()
    assert job is not None
    bench.jobs.empty()
    assert bench.find() is None
    bench.end.set()
    bench.jobs.wait(job, 60)
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
        await wait_async(job, 60)
        assert job.done.done()
        await wait_async(job, 60)

    run(main) if run is trio.run else asyncio.run(main())


@pytest.mark.parametrize("run", [asyncio.run, trio.run])
def test_a_task_lets_everybody_go_when_the_deadline_has_passed(bench: Bench, run: object) -> None:
    """No other caller need be there to notice."""

    async def main() -> None:
        job = bench.start(seconds=0.01)
        assert job is not None
        await wait_async(job, 60)
        assert job.given_up

    run(main) if run is trio.run else asyncio.run(main())


def test_a_task_that_left_its_loop_is_not_missed(bench: Bench) -> None:
    """The loop and the run are closed when the job ends: no caller waits there any more."""
    job = bench.start()
    assert job is not None

    async def leave() -> None:
        await wait_async(job, 0.01)

    asyncio.run(leave())
    trio.run(leave)
    bench.end.set()
    bench.jobs.wait(job, 60)
    assert job.done.done()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_fork_takes_both_locks_and_gives_them_back() -> None:
    """In the parent and in the child, whose table is empty."""
    pid = os.fork()
    if pid == 0:
        free = not GUARD.is_mine and not READING.is_mine and JOBS.find("a job") is None
        os._exit(0 if free else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert (GUARD.is_mine, READING.is_mine) == (False, False)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_fork_whose_hook_was_interrupted_leaves_no_lock_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal handler may raise while the hook waits for a lock that another thread holds. The child must
    not wait for that lock, and the parent must not release it."""
    taken, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with READING:
            taken.set()
            let_go.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert taken.wait(60)
    enter, mine = Guard.__enter__, threading.get_ident()

    def cut_short(self: Guard) -> None:
        if threading.get_ident() != mine:  # a thread of another test's, which takes it as ever
            enter(self)

    monkeypatch.setattr(Guard, "__enter__", cut_short)
    pid = os.fork()
    monkeypatch.undo()
    if pid == 0:
        with READING, GUARD:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert thread.is_alive()
    let_go.set()
    thread.join(60)
    with READING:
        pass


def test_the_guard_may_be_taken_again_by_its_thread() -> None:
    """A signal handler or a finalizer may ask for the status of what it has interrupted."""
    guard = Guard()
    with guard, guard:
        assert guard.is_mine
    assert not guard.is_mine


def test_a_lock_that_is_renewed_is_free() -> None:
    """A forked child has no thread that would release it."""
    guard = Guard()
    with guard:
        guard._lock, held = guard._lock, guard._lock
        guard.renew()
        assert not guard.is_mine
        guard._lock = held
    assert not guard.is_mine


def test_a_caller_may_wait_for_a_job_that_stands_in_line(bench: Bench) -> None:
    """For as long as its patience lasts. The job stays in line."""
    for number in range(MOST + 1):
        bench.start(str(number))
    job = bench.find(str(MOST))
    assert job is not None
    assert job.left == job.seconds
    bench.jobs.wait(job, 0.01)
    assert not job.done.done()
    assert bench.find(str(MOST)) is job


def test_a_large_document_takes_its_turn_among_large_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the usual size waits for one of them at most, however many there are."""
    monkeypatch.setattr(guards, "_LARGE", Guard())
    read: list[int] = []

    def make(octets: int) -> None:
        with reading(octets):
            read.append(octets)

    threads = [threading.Thread(target=make, args=(octets,)) for octets in (LARGE + 1, LARGE)]
    with guards._LARGE:  # another large one has its turn
        for thread in threads:
            thread.start()
        threads[1].join(60)
        assert read == [LARGE]
    threads[0].join(60)
    assert read == [LARGE, LARGE + 1]


def test_what_interrupts_a_reader_does_not_wait_for_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the one lock already, which the other reader waits for."""
    monkeypatch.setattr(guards, "_LARGE", Guard())
    taken, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with guards._LARGE:
            taken.set()
            let_go.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert taken.wait(60)
    with reading(1), reading(LARGE + 1):
        assert READING.is_mine
    let_go.set()
    thread.join(60)
