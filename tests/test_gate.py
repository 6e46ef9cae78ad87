"""The gate's own ending: its status is that of what was checked, and nothing that it started is left."""

import pathlib
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
    return subprocess.run(["bash", str(script)], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("status", [0, 1, 3])
def test_the_gate_ends_with_the_status_of_its_checks(tmp_path: pathlib.Path, status: int) -> None:
    ended = STARTS.format(command="true") + 'wait "$suite"\n'
    assert play(tmp_path, ended + f"exit {status}\n").returncode == status
    assert play(tmp_path, f"exit {status}\n").returncode == status


def test_a_gate_that_fails_early_ends_the_tests_beside_it(tmp_path: pathlib.Path) -> None:
    begun = 'until [ "$(cat "/proc/$suite/comm")" = sleep ]; do :; done\n'  # before that it is another bash
    ended = play(tmp_path, STARTS.format(command="sleep 300") + begun + 'echo "$suite $work"\nfalse\n')
    assert ended.returncode == 1
    group, work = ended.stdout.split()
    assert not pathlib.Path(work).exists()
    state = pathlib.Path("/proc", group, "stat")
    for _ in range(200):
        if not state.exists() or ") Z " in state.read_text():
            return
        time.sleep(0.01)
    pytest.fail("the tests beside the gate are still there")
