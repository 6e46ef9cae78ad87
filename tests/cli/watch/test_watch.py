"""`rightkey watch` against the local issuer, with times passed in; and `verify` by the history it keeps."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import ran

from rightkey.cli.errors import BadUse
from rightkey.cli.watch import line
from rightkey.cli.watch.files import HistoryFile, read_history
from rightkey.cli.watch.looking import Entry, Watch
from rightkey.exchange import Transport
from rightkey.freshness.settings import Freshness
from rightkey.issuer.name import Issuer
from rightkey.localissuer import LocalIssuer, fault
from rightkey.sources.elapsed import SYSTEM
from rightkey.sources.given import alone, place_of
from rightkey.sources.source import Means


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256", cache_control="max-age=300") as issuer:
        yield issuer


class Clock:
    def __init__(self, issuer: LocalIssuer) -> None:
        self.now = float(round(issuer.clock()))

    def __call__(self) -> float:
        return self.now


def watching(issuer: LocalIssuer, clock: Callable[[], float], path: Path | None = None) -> Watch:
    def remote_of(transport: Transport) -> Any:
        return alone(place_of(Issuer.parse(issuer.url)), Means(transport, Freshness(), SYSTEM))

    file = HistoryFile(str(path), issuer.url, clock()) if path else None
    return Watch(remote_of, issuer.transport(), clock, file)


def events(entries: list[Entry]) -> list[str]:
    return [entry.event for entry in entries]


def test_what_changes_is_told(issuer: LocalIssuer) -> None:
    """Keys in and out, headers and failures: by the library's events, each look apart."""
    watch = watching(issuer, Clock(issuer))
    assert events(watch.look()) == ["KeysFetched"]
    leaving = issuer.current
    issuer.rotate()
    issuer.revoke(leaving.kid)
    rotated = {entry.event: entry.data for entry in watch.look()}
    assert rotated["KeysRotated"]["removed"] == (leaving.kid,)
    assert rotated["KeysRotated"]["added"] == (issuer.next.kid,)
    issuer.misbehave("jwks", fault("wrong-type"), times=1)
    (changed,) = (entry for entry in watch.look() if entry.event == "HeaderChanged")
    assert (changed.data["header"], changed.data["after"]) == ("content-type", "text/plain")
    issuer.misbehave("jwks", "status")
    assert (events(watch.look()), watch.failed) == (["FetchFailed"], True)
    issuer.behave()
    watch.look()
    assert not watch.failed


def test_the_history_of_a_rotation(issuer: LocalIssuer, tmp_path: Path) -> None:
    """Is read back with its times; what happened between two looks is told at the next look."""
    clock, path, kid = Clock(issuer), tmp_path / "keys.jsonl", issuer.current.kid
    start = clock.now
    list(watching(issuer, clock, path).looks(60, lambda _: True, None))
    leaving = issuer.current
    issuer.rotate()
    issuer.revoke(leaving.kid)
    clock.now += 100
    (entries,) = watching(issuer, clock, path).looks(60, lambda _: True, 1)
    assert [entry.data["removed"] for entry in entries if entry.event == "KeysRotated"] == [[kid]]
    history = read_history(str(path))
    assert {one.key.kid: (one.since, one.until) for one in history.spans}[kid] == (start, start + 100)
    assert [one.event for one in history.lines if one.event in ("paused", "resumed")] == [
        "paused",
        "resumed",
        "paused",
    ]


def test_a_leaked_key_is_in_the_history(issuer: LocalIssuer, tmp_path: Path) -> None:
    """From then on it verifies nothing by this history."""
    clock = Clock(issuer)
    watch = watching(issuer, clock, tmp_path / "h")
    watch.look()
    clock.now += 10
    issuer.misbehave("jwks", "private-members")
    assert "KeyLeaked" in events(watch.look())
    (span,) = (one for one in read_history(str(tmp_path / "h")).spans if one.key.kid == issuer.current.kid)
    assert (span.leaked, span.covers(clock.now), span.covers(clock.now - 5)) == (clock.now, False, True)
    assert '"d"' not in (tmp_path / "h").read_text()


def test_two_processes_do_not_write_one_history(issuer: LocalIssuer, tmp_path: Path) -> None:
    """The second line of another would break the chain."""
    one = watching(issuer, Clock(issuer), tmp_path / "h")
    watching(issuer, Clock(issuer), tmp_path / "h").look()
    with pytest.raises(Exception, match="another process writes this history"):
        one.look()


def test_looks_are_paced_and_counted(issuer: LocalIssuer) -> None:
    """Each pause is as long as asked; the last look is followed by none."""
    pauses: list[float] = []

    def pause(seconds: float) -> bool:
        pauses.append(seconds)
        return False

    assert len(list(watching(issuer, Clock(issuer)).looks(7, pause, 3))) == 3
    assert pauses == [7, 7]


# -- the command


def test_verify_by_a_history(issuer: LocalIssuer, tmp_path: Path) -> None:
    """A token of a key that is gone is judged by the keys of its time, offline, and the path says so."""
    path = str(tmp_path / "keys.jsonl")
    clock = Clock(issuer)
    token, kid = issuer.token(sub="alice"), issuer.current.kid
    watch = watching(issuer, clock, Path(path))
    watch.look()
    leaving = issuer.current
    issuer.rotate()
    issuer.revoke(leaving.kid)
    clock.now += 600
    watch.look()
    asked = issuer.requests.total

    def verified(at: float, *more: str, token: str = token) -> tuple[int, dict[str, Any], Any]:
        done = ran(
            "verify", "--any-audience", "--history", path, "--at", str(at), "--json", *more, stdin=token
        )
        document = json.loads(done.out)
        steps = {step["step"]: step for step in document["steps"]}
        assert [*steps][[*steps].index("key") + 1] == "history"
        return done.code, document, steps["history"]

    code, document, step = verified(clock.now - 300)
    assert (code, document["key"]["kid"], step["outcome"]) == (0, kid, "ok")
    assert step["detail"].startswith(f"key '{kid}' was published from ")
    code, document, step = verified(clock.now)
    assert (code, document["error"]["code"], step["outcome"]) == (1, "key_not_found", "failed")
    code, _, step = verified(clock.now - 300, token=issuer.token(header={"kid": "stranger"}))
    assert (code, "was never published" in step["detail"]) == (1, True)
    code, _, step = verified(clock.now - 9999)
    assert (code, step["outcome"]) == (1, "note")
    assert (
        verified(clock.now - 300, "--issuer", "https://other.example")[1]["error"]["code"]
        == "issuer_not_trusted"
    )
    assert issuer.requests.total == asked
    malformed = ran("verify", "x", "--any-audience", "--history", path, "--json")
    assert malformed.code == 1


def test_the_command(issuer: LocalIssuer, tmp_path: Path) -> None:
    """Lines for people, JSON lines for machines, an export, and codes as everywhere."""
    path = str(tmp_path / "h")
    done = ran("watch", issuer.url, "--count", "1", "--history", path)
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("Z  fetched: 2 usable, 0 skipped\n")
    issuer.misbehave("jwks", "status")
    done = ran("watch", issuer.url, "--count", "1", "--json")
    assert (done.code, json.loads(done.out)["event"]) == (3, "FetchFailed")
    export = ran("watch", issuer.url, "--history", path, "--export")
    assert (export.code, json.loads(export.out)["keys"]) == (0, [])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--export",), "--export needs --history FILE"),
        (("--history", "/nowhere/h"), "/nowhere/h: no such file"),
        (("--export", "--history", "/nowhere/h"), "/nowhere/h: no such file"),
        (("--count", "0"), "--count"),
    ],
)
def test_mistakes(issuer: LocalIssuer, arguments: tuple[str, ...], told: str) -> None:
    """Exit code 2."""
    done = ran("watch", issuer.url, *arguments)
    assert (done.code, told in done.err) == (2, True)


def test_a_head_that_cannot_be_read_is_told(issuer: LocalIssuer, tmp_path: Path) -> None:
    """As the file itself is: it is no defect of the command."""
    path = tmp_path / "history"
    HistoryFile(str(path), issuer.url, 1.0)
    head = tmp_path / "history.head"
    head.unlink()
    head.mkdir()
    with pytest.raises(BadUse, match="is a directory"):
        read_history(str(path))


def test_a_changed_history_is_refused(issuer: LocalIssuer, tmp_path: Path) -> None:
    """By whatever reads it, with the line; that of another issuer, too."""
    path = tmp_path / "h"
    ran("watch", issuer.url, "--count", "1", "--history", str(path))
    other = ran("watch", "https://other.example", "--history", str(path), "--export")
    assert (other.code, "belongs to" in other.err) == (2, True)
    path.write_text(path.read_text().replace("published", "withdrawn", 1))
    for arguments in (
        ("watch", issuer.url, "--history", str(path)),
        ("watch", issuer.url, "--history", str(path), "--export"),
        ("verify", issuer.token(), "--any-audience", "--history", str(path)),
    ):
        done = ran(*arguments)
        assert (done.code, "the key history was changed: line " in done.err) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(issuer: LocalIssuer, tmp_path: Path, number: int) -> None:
    """Exit code 0, no words, and the history says that the watch paused."""
    path = tmp_path / "h"
    command = [sys.executable, "-m", "rightkey", "watch", issuer.url, "--history", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ))
    assert process.stdout
    assert b"fetched" in process.stdout.readline()
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, b"")
    assert read_history(str(path)).lines[-1].event == "paused"


EVERYWHERE = """
import os, signal, sys
from rightkey.cli.watch import _until_signal

def lines(seconds, at=None):
    seen = 0
    def trace(frame, event, _):
        nonlocal seen
        seen += event == "line"
        if event == "line" and seen == at:
            os.kill(os.getpid(), signal.SIGTERM)
        return trace
    with _until_signal() as pause:
        sys.settrace(trace)
        ended = pause(seconds)
        sys.settrace(None)
    return ended if at else seen

print([lines(0.5, at) for at in range(1, lines(0.01) + 1)])
"""
"""Sends the signal at each line in turn of what a pause runs."""


@pytest.mark.slow
def test_a_signal_ends_a_pause_wherever_it_comes() -> None:
    """Also while the pause begins: its handler must not wait for what the same thread holds."""
    done = subprocess.run([sys.executable, "-c", EVERYWHERE], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("[True")


@pytest.mark.parametrize(
    ("event", "data", "told"),
    [
        ("KeysRotated", {"added": ("a",), "removed": ()}, "rotated: in a, out none"),
        ("Other", {}, "Other"),
        ("FetchFailed", {"message": "status 503"}, "failed: status 503"),
    ],
)
def test_lines_for_people(event: str, data: dict[str, Any], told: str) -> None:
    """A time and a sentence; an event without a sentence is named."""
    assert line(Entry(0, event, data)) == f"1970-01-01T00:00:00Z  {told}"


def test_what_json_cannot_say_is_null() -> None:
    """Infinity is not JSON."""
    assert Entry(0, "FetchFailed", {"retry_after": float("inf")}).document()["retry_after"] is None
