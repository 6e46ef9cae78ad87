"""Leaving: a caller may be cancelled, abandoned with its loop, or forked away; the others get theirs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import trio
from tests.scenarios.conftest import PATIENT

import rightkey

pytestmark = pytest.mark.slow


FRESHNESS = rightkey.Freshness(**PATIENT)


@pytest.fixture
def gate(hold):
    """What the slow issuer's keys wait for."""
    return hold()


@pytest.fixture
def slow(issuer, gate):
    """An issuer whose keys wait for the gate to be open."""
    return issuer


@pytest.fixture
def patient(slow, elapsed):
    """An AsyncVerifier of the slow issuer, which was not asked yet."""
    return rightkey.AsyncVerifier(slow.url, audience=slow.audience, elapsed=elapsed, freshness=FRESHNESS)


async def asked(issuer) -> None:
    """Wait until the keys were asked for. (A thread of trio's would outlive its run by 10 s.)"""
    while not issuer.requests["jwks"]:
        await trio.sleep(0.005)


def test_a_cancelled_leader_costs_the_others_nothing_asyncio(slow, patient, gate):
    """The task that came first is cancelled; those that wait with it are served by its fetch."""

    async def main() -> list[str | None]:
        leader = asyncio.create_task(patient.verify(slow.token(sub="leader")))
        others = [asyncio.create_task(patient.verify(slow.token(sub=str(n)))) for n in range(20)]
        await asyncio.to_thread(gate.reached.wait, 60)
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        gate.open()
        return [one.subject for one in await asyncio.gather(*others)]

    assert asyncio.run(main()) == [str(n) for n in range(20)]
    assert slow.requests.total == 2


def test_a_cancelled_leader_costs_the_others_nothing_trio(slow, patient, gate):
    """The same by a cancel scope."""
    subjects: list[str | None] = []

    async def main() -> None:
        async def one(number: int) -> None:
            subjects.append((await patient.verify(slow.token(sub=str(number)))).subject)

        async def leader(scope: trio.CancelScope) -> None:
            with scope:
                await patient.verify(slow.token(sub="leader"))
                subjects.append("leader")

        scope = trio.CancelScope()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(leader, scope)
            await trio.sleep(0)
            for number in range(20):
                nursery.start_soon(one, number)
            await asked(slow)
            scope.cancel()
            await trio.sleep(0)
            gate.open()

    trio.run(main)
    assert sorted(subjects) == sorted(str(n) for n in range(20))
    assert slow.requests.total == 2


def test_everybody_is_cancelled_and_the_keys_come_all_the_same(slow, patient, settled, gate):
    """A service whose clients all hang up has the keys for the next one."""

    async def main() -> None:
        tasks = [asyncio.create_task(patient.verify(slow.token())) for _ in range(20)]
        await asyncio.to_thread(gate.reached.wait, 60)
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)

    asyncio.run(main())
    gate.open()
    settled(lambda: patient.status().ready, "the keys never came")
    assert asyncio.run(patient.verify(slow.token())).key.kid == slow.current.kid
    assert slow.requests.total == 2


def test_a_timeout_of_the_callers_own(slow, patient, gate):
    """`asyncio.timeout` and `trio.move_on_after` end the waiting in time, and no more than that."""

    async def main_asyncio() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await patient.verify(slow.token())

    async def main_trio() -> bool:
        with trio.move_on_after(0.05) as scope:
            await patient.verify(slow.token())
        return scope.cancelled_caught

    asyncio.run(main_asyncio())
    assert trio.run(main_trio)
    gate.open()
    assert asyncio.run(patient.verify(slow.token())).key.kid == slow.current.kid
    assert slow.requests.total == 2


def test_a_loop_abandoned_in_mid_fetch_leaves_the_next_one_working(slow, patient, gate):
    """The loop is stopped and closed under a waiting task: the next caller, on another loop, is served
    by the same fetch."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(patient.verify(slow.token()))
    watcher = threading.Thread(target=lambda: (gate.reached.wait(60), loop.call_soon_threadsafe(loop.stop)))
    watcher.start()
    loop.run_forever()
    watcher.join()
    assert not task.done()
    task._log_destroy_pending = False  # the point is that nothing ends it
    loop.close()
    gate.open()
    assert asyncio.run(patient.verify(slow.token())).key.kid == slow.current.kid
    assert slow.requests.total == 2


def test_a_trio_run_that_ends_in_mid_fetch_leaves_the_next_one_working(slow, patient, gate):
    """A crash elsewhere in the run cancels everything in it."""

    async def crash() -> None:
        await asked(slow)
        raise ZeroDivisionError

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(patient.verify, slow.token())
            nursery.start_soon(crash)

    with pytest.raises(ExceptionGroup):
        trio.run(main)
    gate.open()
    assert trio.run(patient.verify, slow.token()).key.kid == slow.current.kid
    assert slow.requests.total == 2


def test_loops_of_all_kinds_and_a_thread_share_one_fetch(slow, elapsed, gate):
    """Two loops of asyncio in two threads, one of trio, and a plain thread: one request a URL."""
    barrier = threading.Barrier(4)
    settings = {"audience": slow.audience, "elapsed": elapsed, "freshness": FRESHNESS}

    def plain() -> rightkey.Verified:
        barrier.wait()
        return rightkey.Verifier(slow.url, **settings).verify(slow.token())

    def on(run) -> rightkey.Verified:
        async def main() -> rightkey.Verified:
            return await rightkey.AsyncVerifier(slow.url, **settings).verify(slow.token())

        barrier.wait()
        return run(main)

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(plain), pool.submit(on, trio.run)]
        jobs += [pool.submit(on, lambda main: asyncio.run(main())) for _ in range(2)]
        assert gate.reached.wait(60)
        gate.open()
        assert {job.result(60).key.kid for job in jobs} == {slow.current.kid}
    assert (slow.requests["discovery"], slow.requests["jwks"]) == (1, 1)


FORKING = """
import os, sys, threading, time, warnings
warnings.simplefilter("ignore")  # Python warns of every fork that has threads
import rightkey
from rightkey.localissuer import Fault, LocalIssuer
from rightkey.sources.jobs import JOBS

def answered(verifier, raw):
    try:
        return verifier.verify(raw).key.kid
    except rightkey.RightkeyError as error:
        return f"{error.status} {error.code}: {error}"

def child_of(scene):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, str(scene()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    os.waitpid(pid, 0)
    return told

def hold(answer):
    reached.set()
    let_go.wait(60)
    return answer

# What has made its answer and waits is not inside OpenSSL, nor is what waits for it: a fork is safe then.
reached, let_go = threading.Event(), threading.Event()
held = Fault("held", dress=hold)
issuer = LocalIssuer(algorithm="ES256").start()
"""


def forked(scene: str) -> str:
    """Play a scene in a process of its own, and return what it prints."""
    program = FORKING + textwrap.dedent(scene) + "\nissuer.close()\n"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_in_mid_fetch():
    """Neither waits for a thread that only the parent has: child and parent both verify."""
    told = forked("""
        issuer.misbehave("jwks", held, times=1)
        verifier = rightkey.Verifier(issuer.url, audience=issuer.audience)
        token, parent = issuer.token(), []
        thread = threading.Thread(target=lambda: parent.append(answered(verifier, token)))
        thread.start()
        assert reached.wait(60)
        child = child_of(lambda: answered(verifier, token))
        let_go.set()
        thread.join()
        print(child == parent[0] == issuer.current.kid, child, parent)
        print(issuer.requests["discovery"], issuer.requests["jwks"])
    """)
    assert told.splitlines()[0].startswith("True"), told
    assert told.splitlines()[1] == "2 2"  # one of each for either process


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_while_as_many_threads_wait_as_may():
    """The child has none of them, and room for its own."""
    told = forked("""
        verifier = rightkey.Verifier(issuer.url, audience=issuer.audience)
        answered(verifier, issuer.token())
        issuer.misbehave("jwks", held, times=1)
        unknown = issuer.token(header={"kid": "unknown"})
        threads = [threading.Thread(target=answered, args=(verifier, unknown)) for _ in range(16)]
        for thread in threads:
            thread.start()
        assert reached.wait(60)
        while [len(job.waiters) for job in list(JOBS._running.values())] != [16]:
            time.sleep(0.01)
        issuer.rotate(surprise=True)
        child = child_of(lambda: answered(verifier, issuer.token()))
        let_go.set()
        for thread in threads:
            thread.join()
        parent = answered(verifier, issuer.token())
        print(child == parent == issuer.current.kid, child, parent)
    """)
    assert told.startswith("True"), told


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_workers_forked_after_the_keys_were_fetched():
    """A server that prepares before it forks: no worker asks again, and each finds a rotation by itself."""
    told = forked("""
        verifier = rightkey.Verifier(issuer.url, audience=issuer.audience)
        verifier.prepare()
        token = issuer.token()
        workers = {child_of(lambda: answered(verifier, token)) for _ in range(4)}
        print(workers == {issuer.current.kid}, issuer.requests["jwks"])
        issuer.rotate(surprise=True)
        token = issuer.token()
        workers = {child_of(lambda: answered(verifier, token)) for _ in range(4)}
        print(workers == {issuer.current.kid}, issuer.requests["jwks"])
    """)
    assert told.splitlines() == ["True 1", "True 5"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_workers_forked_after_the_keys_were_fetched_do_not_refresh_together():
    """Each draws its own moment for refreshing ahead: a fork does not make the workers ask as one."""
    told = forked("""
        verifier = rightkey.Verifier(issuer.url, audience=issuer.audience, elapsed=lambda: 0.0)
        verifier.prepare()
        moments = {child_of(lambda: verifier.status().refresh_in) for _ in range(8)}
        print(len(moments) > 4, moments)
    """)
    assert told.startswith("True"), told


LOADING = """
import sys
import rightkey
verifier = rightkey.Verifier(sys.argv[1], audience=sys.argv[2])
loaded = set(sys.modules)
for token in sys.argv[3:]:
    try:
        print(verifier.verify(token).subject)
    except rightkey.RightkeyError as error:
        print(error.code)
print(sorted(sys.modules.keys() - loaded))
"""


def test_nothing_is_loaded_after_a_verifier_was_built(issuer):
    """A thread that loads a module holds its import lock: a child that is forked meanwhile would wait for
    it for ever. So neither a fetch, nor a certificate, nor a wait loads anything."""
    tokens = issuer.token(sub="alice"), issuer.token(header={"kid": "unknown"})
    command = [sys.executable, "-c", LOADING, issuer.url, issuer.audience, *tokens]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.splitlines() == ["alice", "key_not_found", "[]"]


def test_a_verification_while_the_interpreter_ends():
    """No thread may be started any more: what is held serves, and without keys it is 503."""
    told = forked("""
        import atexit
        now = [0.0]
        verifier = rightkey.Verifier(issuer.url, audience=issuer.audience, elapsed=lambda: now[0])
        other = rightkey.Verifier(issuer.url, audience=issuer.audience, elapsed=lambda: 5.0)
        token = issuer.token()
        answered(verifier, token)
        def at_the_end():
            now[0] = 700.0
            print(answered(verifier, token) == issuer.current.kid, answered(other, token)[:20], flush=True)
        atexit.register(at_the_end)
        issuer.misbehave("jwks", "status")
        issuer.misbehave("discovery", "status")
    """)
    assert told.splitlines()[-1] == "True 503 keys_unavailable", told
