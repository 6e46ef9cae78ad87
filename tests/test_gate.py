"""The gate's own ending: its status is that of what was checked, and nothing that it started is left."""

import contextlib
import pathlib
import re
import subprocess
import time

import pytest

GATE = pathlib.Path(__file__).parent.parent / ".ci" / "run"
STARTS = "set -m\n{command} &\nsuite=$!\nset +m\n"

pytestmark = pytest.mark.skipif(not GATE.exists(), reason="only in a checkout")


def play(tmp_path: pathlib.Path, rest: str) -> subprocess.CompletedProcess[str]:
    """How the gate ends that does ``rest`` after its opening lines."""
    opening, found, _ = GATE.read_text().partition("export PIP_")
    assert found
    script = tmp_path / "run"
    script.write_text(opening + rest)
    return subprocess.run(["bash", str(script)], capture_output=True, text=True, timeout=300)


def wait_for_the_end_of(process: str) -> None:
    """It was told to end, or killed, and does so as soon as it gets a processor."""
    end = time.monotonic() + 60
    with contextlib.suppress(OSError):
        while ") Z " not in pathlib.Path("/proc", process, "stat").read_text():
            assert time.monotonic() < end, "the tests beside the gate are still there"
            time.sleep(0.01)


@pytest.mark.parametrize("status", [0, 1, 3])
def test_the_gate_ends_with_the_status_of_its_checks(tmp_path: pathlib.Path, status: int) -> None:
    ended = STARTS.format(command="true") + 'wait "$suite"\n'
    assert play(tmp_path, ended + f"exit {status}\n").returncode == status
    assert play(tmp_path, f"exit {status}\n").returncode == status


def test_a_gate_that_fails_early_ends_the_tests_beside_it(tmp_path: pathlib.Path) -> None:
    # Before that it is another bash.
    begun = 'until [ "$(cat "/proc/$suite/comm")" = sleep ]; do sleep 0.01; done\n'
    ended = play(tmp_path, STARTS.format(command="sleep 300") + begun + 'echo "$suite $work"\nfalse\n')
    assert ended.returncode == 1
    group, work = ended.stdout.split()
    assert not pathlib.Path(work).exists()
    wait_for_the_end_of(group)


@pytest.mark.slow
def test_tests_that_do_not_end_are_killed(tmp_path: pathlib.Path) -> None:
    """They would go on, and write into a folder that is gone."""
    program = 'trap "" TERM; touch "$0"; while :; do sleep 1; done'
    stubborn = f"bash -c '{program}' \"$work/begun\""
    begun = 'until [ -e "$work/begun" ]; do sleep 0.1; done\n'
    ended = play(tmp_path, STARTS.format(command=stubborn) + begun + 'echo "$suite"\nfalse\n')
    assert ended.returncode == 1
    wait_for_the_end_of(ended.stdout.strip())


@pytest.mark.parametrize(("good", "status"), [(1, 0), (3, 0), (4, 1)])
def test_a_download_is_tried_three_times(tmp_path: pathlib.Path, good: int, status: int) -> None:
    """With pauses, in which a network or a mirror comes back."""
    counted = 'tried=0\ntry() { tried=$((tried + 1)); echo "$tried"; [ "$tried" -ge "$1" ]; }\n'
    ended = play(tmp_path, f"sleep() {{ echo pause; }}\n{counted}fetched try {good}\n")
    assert ended.returncode == status
    assert ended.stdout.split() == ["1", "pause", "2", "pause", "3"][: 2 * good - 1]


def test_what_downloads_is_tried_again_and_nothing_else() -> None:
    """A test that fails has failed."""
    lines = [line for line in GATE.read_text().splitlines() if not line.lstrip().startswith("#")]
    downloads = [line for line in lines if re.search(r"/pip\"|npm ci|\bdebian .*[^{]$", line)]
    assert len(downloads) == 12
    assert [line for line in downloads if "fetched " not in line] == []
    assert [line for line in lines if "fetched " in line and line not in downloads] == []
