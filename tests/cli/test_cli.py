"""The command line as a process: exit codes, streams, terminals, and how it ends when all goes wrong."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rightkey.localissuer import LocalIssuer, fault

pytestmark = pytest.mark.slow

PYTHON = [sys.executable, "-W", "error", "-m", "rightkey"]
ESCAPE = "\x1b["
PATIENCE = 120
"""Seconds for what takes one on a machine that has nothing else to do."""


@pytest.fixture(scope="module")
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


def ran(
    *arguments: str, stdin: str = "", python: list[str] | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*(python or PYTHON), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=os.environ | environment,
        timeout=PATIENCE,
        check=False,
    )


def on_a_terminal(*arguments: str, **environment: str) -> str:
    """What a command writes to a terminal of 80 columns."""
    master, slave = pty.openpty()
    env = {name: text for name, text in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    env |= {"TERM": "xterm-256color", "COLUMNS": "80"} | environment
    process = subprocess.Popen(
        [*PYTHON, *arguments], stdin=subprocess.DEVNULL, stdout=slave, stderr=slave, env=env
    )
    os.close(slave)
    written = b""
    while chunk := _read(master):
        written += chunk
    process.wait(PATIENCE)
    os.close(master)
    return written.decode()


def _read(master: int) -> bytes:
    try:
        return os.read(master, 65536)
    except OSError:  # EIO: the other end is closed
        return b""


def test_a_valid_token_is_0(issuer: LocalIssuer) -> None:
    """Data on stdout, nothing on stderr, and no colour off a terminal."""
    done = ran("verify", "--issuer", issuer.url, "--audience", issuer.audience, stdin=issuer.token())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("valid\n")
    assert ESCAPE not in done.stdout


def test_a_rejected_token_is_1(issuer: LocalIssuer) -> None:
    """Words on stderr, nothing on stdout."""
    token = issuer.attack("wrong-key")
    done = ran("verify", "--issuer", issuer.url, "--audience", issuer.audience, stdin=token)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: the signature was not made by the key")


def test_a_mistake_is_2() -> None:
    """So is asking for nothing: the help goes to stderr then."""
    assert ran("verify", "--nonsense").returncode == 2
    assert ran("locat").stderr.startswith("error: no such command 'locat'")
    nothing = ran()
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert "Keys and tokens:" in nothing.stderr


def test_the_issuers_fault_is_3() -> None:
    """With --json there is one document, and no words."""
    with LocalIssuer(algorithm="ES256") as gone:
        url = gone.url
    done = ran("locate", url, "--json")
    assert (done.returncode, done.stderr) == (3, "")
    assert json.loads(done.stdout)["error"]["code"] == "discovery_failed"


@pytest.mark.parametrize("module", ["rightkey", "rightkey.cli"])
def test_both_modules_run(module: str) -> None:
    """`python -m` works with the package and with its command line."""
    done = ran("--version", python=[sys.executable, "-m", module])
    assert re.fullmatch(r"rightkey \d+\.\d+\.\d+\n", done.stdout)


@pytest.mark.parametrize(
    "command", ["locate", "verify", "decode", "inspect", "doctor", "watch", "issuer", "drill", "demo"]
)
def test_every_command_is_listed_and_has_help(command: str) -> None:
    """The list is a table of its own, and names what is there."""
    assert re.search(rf"^  {command} ", ran("--help").stdout, re.MULTILINE)
    assert f"rightkey {command}" in ran(command, "--help").stdout


def test_a_shell_can_complete_commands() -> None:
    """The way click does it: `_RIGHTKEY_COMPLETE=bash_source rightkey` prints what a shell needs."""
    done = ran(_RIGHTKEY_COMPLETE="bash_complete", COMP_WORDS="rightkey ver", COMP_CWORD="1")
    assert (done.returncode, done.stdout) == (0, "plain,verify\n")


def test_help_loads_nothing_slow() -> None:
    """Neither what verifies, nor what fetches, nor what draws."""
    program = """
        import sys
        from rightkey.cli import run
        run(["--help"])
        slow = {"cryptography", "urllib3", "rich", "orjson", "ssl", "asyncio"} & sys.modules.keys()
        sys.exit(f"loaded: {slow}" if slow else 0)
    """
    done = ran("-c", textwrap.dedent(program), python=[sys.executable])
    assert (done.returncode, done.stderr) == (0, "")


def test_without_the_extra_there_is_a_hint() -> None:
    """One line, no traceback, and no package is imported to find out."""
    program = (
        "import sys; from rightkey.cli import run; sys.exit(run([], needed=['click', 'nothing_of_the_kind']))"
    )
    done = ran("-c", program, python=[sys.executable])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "hint: pip install 'rightkey[cli]'\n"


def test_a_reader_that_leaves_is_no_error(issuer: LocalIssuer) -> None:
    """`rightkey ... | head -1` is quiet, and is not taken for a rejected token."""
    token = issuer.token(long="x" * 20_000)
    process = subprocess.Popen(
        [*PYTHON, "decode", "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    process.stdin.write(token.encode())
    process.stdin.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(PATIENCE) == 141


def test_a_short_answer_to_a_reader_that_left() -> None:
    """What fits the buffer fails only when it is flushed."""
    done = ran(
        "-c", f"{sys.executable} -m rightkey decode x --json | true; exit ${{PIPESTATUS[0]}}", python=["bash"]
    )
    assert (done.returncode, done.stderr) in ((141, ""), (1, ""))  # 1: written before `true` had ended


@pytest.mark.parametrize("arguments", ["--help", "decode x --json", "decode x", "verify --help"])
def test_a_disk_that_is_full_is_told(arguments: str) -> None:
    """Whichever library writes; it is no defect, and no rejected token."""
    done = ran("-c", f"{sys.executable} -m rightkey {arguments} > /dev/full", python=["bash"])
    assert "Traceback" not in done.stderr
    told = "error: the output cannot be written: no space left on device" in done.stderr
    assert (done.returncode, told) == ((2, True) if "--" in arguments else (1, False))


def test_help_to_a_reader_that_left() -> None:
    """Click writes that itself."""
    process = subprocess.Popen([*PYTHON, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(PATIENCE) == 141


@pytest.mark.parametrize("pasted", [b"x", b"-----BEGIN PUBLIC KEY-----", b"-----BEGIN \xff"])
def test_octets_and_text_are_not_compared(pasted: bytes) -> None:
    """Which is an error under `python -bb`."""
    done = subprocess.run(
        [sys.executable, "-bb", "-m", "rightkey", "decode"], input=pasted, capture_output=True, check=False
    )
    assert (done.returncode, b"--jwks" in done.stderr) == (1, pasted != b"x")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_closed_stream_is_no_defect(closed: str) -> None:
    """The exit code is what it would have been."""
    done = ran(
        "-c",
        f"{sys.executable} -m rightkey decode {'x' if closed != '<&-' else ''} {closed}",
        python=["bash"],
    )
    assert done.returncode == 1
    assert "defect" not in done.stderr


def test_an_interruption_is_130(tmp_path: Path) -> None:
    """Without a word of a traceback."""
    os.mkfifo(keys := tmp_path / "keys.json")
    command = [*PYTHON, "verify", "x", "--jwks", str(keys), "--any-audience"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    writers: list[int] = []
    until(lambda: opened(keys, writers))
    until(lambda: sleeps(process))  # it reads: a signal just before that would have to wait for what is read
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err.strip()) == (130, b"", b"")
    os.close(*writers)


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def opened(fifo: Path, writers: list[int]) -> bool:
    """Whether there is a reader at the other end of it."""
    try:
        writers.append(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def sleeps(process: subprocess.Popen[bytes]) -> bool:
    """Whether its one thread waits for something (proc(5))."""
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def test_a_terminal_has_colour_and_its_own_width(issuer: LocalIssuer) -> None:
    """Tables fit 80 columns."""
    written = on_a_terminal("locate", issuer.url)
    assert ESCAPE in written
    lines = re.sub(r"\x1b\[[\d;]*m", "", written).splitlines()
    assert max(map(len, lines)) <= 80
    assert any(issuer.current.kid in line for line in lines), "a key id is never broken"
    assert any(line.endswith("self-issued") for line in lines)


def test_a_long_id_is_never_broken_on_a_terminal(issuer: LocalIssuer) -> None:
    """Nor in a table, nor beside a name, nor in a step, however narrow the terminal is."""
    token = issuer.token(sub="s" * 90)
    by = ("--issuer", issuer.url, "--audience", issuer.audience, "--explain")
    for arguments in (("locate", issuer.url), ("verify", token, *by), ("decode", token)):
        written = on_a_terminal(*arguments, COLUMNS="40", NO_COLOR="1").splitlines()
        assert any(issuer.current.kid in line for line in written), arguments
    assert any("s" * 90 in line for line in written)


def test_a_slow_answer_has_a_sign_of_life() -> None:
    """On a terminal's stderr, and not where a pipe or NO_COLOR forbids it."""
    with LocalIssuer(algorithm="ES256") as slow:
        slow.misbehave("jwks", fault("delay", seconds=2.0), times=1)  # it is shown after 0.3, if not too busy
        slow.misbehave("jwks", fault("delay", seconds=0.5))
        assert f"looking for the keys of {slow.url}" in on_a_terminal("locate", slow.url)
        assert "looking for" not in on_a_terminal("locate", slow.url, NO_COLOR="1")
        done = ran("locate", slow.url, FORCE_COLOR="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert ESCAPE in done.stdout


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_colour_can_be_declined(issuer: LocalIssuer, environment: dict[str, str]) -> None:
    """Not one escape is left, on either stream."""
    token = issuer.attack("expired")
    arguments = ("verify", token, "--issuer", issuer.url, "--audience", issuer.audience, "--explain")
    assert ESCAPE not in on_a_terminal(*arguments, **environment)
    assert ESCAPE in on_a_terminal(*arguments)


def test_a_terminal_without_marks_has_letters(issuer: LocalIssuer) -> None:
    """And what else its encoding lacks is escaped."""
    token = issuer.token(sub="Zoë ✓")
    arguments = ("verify", token, "--issuer", issuer.url, "--audience", issuer.audience, "--explain")
    done = ran(*arguments, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0
    assert done.stdout.startswith("ok  token ")
    assert r"Zo\xeb \u2713" in done.stdout


def test_what_a_stranger_wrote_cannot_drive_a_terminal(issuer: LocalIssuer) -> None:
    """Control characters and turns of direction are shown as escapes, in data and in words."""
    evil = "\x1b]0;owned\x07\x9b31m\u202egnp.exe\r\n[red]x[/red]"
    token = issuer.token(sub=evil, aud=evil, header={"note": evil})
    for arguments in (
        ("decode",),
        ("verify", "--issuer", issuer.url, "--any-audience"),
        ("verify", "--issuer", issuer.url, "--audience", "x"),
    ):
        done = ran(*arguments, stdin=token)
        said = done.stdout + done.stderr
        assert not set("\x1b\x07\x9b\u202e\r") & set(said)
        assert r"\x1b]0;owned\x07\x9b31m\u202egnp.exe\r\n[red]x[/red]" in said


def test_a_defect_quotes_nothing(tmp_path: Path) -> None:
    """Whatever breaks inside, only its kind and its place leave."""
    program = """
        import sys
        from rightkey.cli import commands, run
        from types import ModuleType
        def broken(): raise ZeroDivisionError("eyJsecret")
        import click
        module = ModuleType("rightkey.cli.demo")
        module.demo = click.command()(broken)
        sys.modules["rightkey.cli.demo"] = module
        sys.exit(run(["demo"]))
    """
    done = ran("-c", textwrap.dedent(program), python=[sys.executable])
    assert done.returncode == 70
    assert done.stderr.startswith("error: a defect of rightkey: ZeroDivisionError at <string>:")
    assert "eyJ" not in done.stderr
