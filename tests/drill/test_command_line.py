"""`rightkey drill`, as it is typed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from rightkey.cli import run
from rightkey.cli.card import summarize
from rightkey.drill import EXERCISES, Row, Scorecard
from rightkey.drill.row import Verdict
from rightkey.localissuer import LocalIssuer

Serve = Callable[[Any], str]
Captured = pytest.CaptureFixture[str]
FRESH = ("cold start", "outage at the start", "set: null member", "key: private", "key: for encryption")
FAST = ("--alg", "ES256", "--cooldown", "0")


def only(*names: str) -> list[str]:
    return [word for name in names for word in ("--only", name)]


@pytest.fixture
def open_url(served: Serve, services: Any) -> str:
    """A service that accepts every request."""
    url: str = served(services.open(None))
    return url


@pytest.mark.slow
def test_the_service_is_started_anew(
    service: list[str], tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the card is written as JSON, as JUnit's XML and as a badge."""
    monkeypatch.setattr("rightkey.drill.target.PATIENCE", 60.0)
    monkeypatch.setattr("rightkey.drill.keysets._ODDITIES", 60.0)
    url, *command = service
    junit, badge = tmp_path / "junit.xml", tmp_path / "badge.svg"
    files = ["--json", "--junit", str(junit), "--badge", str(badge)]
    code = run(["drill", url, *only(*FRESH), "--alg", "ES256", *files, "--", *command])
    said = json.loads(capsys.readouterr().out)
    assert code == 0, said
    assert (said["ok"], said["passed"], said["failed"], said["skipped"]) == (True, len(FRESH), 0, 0)
    assert {row["name"] for row in said["rows"]} == set(FRESH)
    suite = ElementTree.fromstring(junit.read_bytes())
    assert (suite.tag, suite.get("tests"), suite.get("failures")) == ("testsuite", "5", "0")
    assert "rightkey drill" in badge.read_text()


@pytest.mark.slow
def test_rows_are_shown_as_they_come(open_url: str, capsys: Captured) -> None:
    """With what was expected, who says so, why, and what to do, where they failed."""
    assert run(["drill", open_url, *only("rotation", "tokens", "outage", "good: *claim"), *FAST]) == 1
    out = capsys.readouterr().out
    assert "✓  rotation                           advice  tokens by the new key" in out
    assert "✗  tokens                             must    a request without a token was accepted (200)" in out
    assert "–  outage                             advice  not tested: --life SECONDS" in out
    for line in (
        "expected  accept a good token",
        "by        RFC 6750, 3",
        "why       a resource",
        "do        check",
    ):
        assert f"   {line}" in out
    assert "must    1 passed, 1 failed\n" in out
    assert "advice  1 passed, 1 not tested\n" in out
    assert "failed: 1 row; " in out


def test_advice_counts_if_strict(open_url: str, capsys: Captured) -> None:
    """And not otherwise."""
    names = only("attack: crit-empty", "good: unknown claim")
    assert run(["drill", open_url, *names, *FAST]) == 0
    assert run(["drill", open_url, *names, *FAST, "--strict"]) == 1
    assert "passed; " in capsys.readouterr().out


@pytest.mark.slow
def test_beside_a_baseline_only_what_is_new_fails(open_url: str, tmp_path: Path, capsys: Captured) -> None:
    """And it says what got better."""
    rows = [Row("attack: crit", "failed", ""), Row("good: unknown claim", "failed", "")]
    before = tmp_path / "before.json"
    before.write_text(json.dumps(Scorecard("t", rows).document()))
    names = only("attack: crit", "good: unknown claim")
    assert run(["drill", open_url, *names, *FAST, "--baseline", str(before)]) == 0
    out = capsys.readouterr().out
    assert "better  good: unknown claim\n" in out
    assert "worse   nothing\n" in out
    assert run(["drill", open_url, *names, *only("tokens"), *FAST, "--baseline", str(before)]) == 1
    assert "worse   tokens\n" in capsys.readouterr().out


def test_two_cards_are_compared(tmp_path: Path, capsys: Captured) -> None:
    """1 where something that counts got worse; advice does if strict."""
    files = []
    for name, verdict, advice in (("a", "failed", "passed"), ("b", "passed", "failed")):
        files.append(str(tmp_path / f"{name}.json"))
        rows = [Row("x", verdict, ""), Row("y", advice, "", "advice")]  # type: ignore[arg-type]
        Path(files[-1]).write_text(json.dumps(Scorecard("t", rows).document()))
    assert run(["drill", "diff", *files]) == 0
    out = capsys.readouterr().out
    assert "✓  x                                  must    failed -> passed\n" in out
    assert "✗  y                                  advice  passed -> failed\n" in out
    assert "1 worse, 1 better, 2 changed\n" in out
    assert run(["drill", "diff", *files, "--strict"]) == 1
    assert run(["drill", "diff", *reversed(files), "--json"]) == 1
    assert json.loads(capsys.readouterr().out.partition("changed\n")[2])["worse"] == ["x"]


def test_exercises_are_listed(capsys: Captured) -> None:
    """Without a target; as JSON with all that is said of them."""
    assert run(["drill", "--list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in EXERCISES)
    assert run(["drill", "--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["exercises"]
    assert [one["name"] for one in listed] == list(EXERCISES)
    assert set(listed[0]) == {"name", "kind", "expected", "reference", "why", "do"}


def test_claims_a_type_and_headers_are_sent(served: Serve, capsys: Captured) -> None:
    """By the command line alone: in good and bad tokens, and in each request."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            message = await receive()
            seen.append((scope["method"], dict(scope["headers"]), message.get("body")))
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    asked = [
        "--header",
        "X-Tenant: a",
        "--data",
        "{}",
        "--claim",
        "roles=[1]",
        "--claim",
        "tid=t",
        "--typ",
        "at+jwt",
    ]
    assert run(["drill", served(app), *asked, *only("good: unknown claim", "claims: no exp"), *FAST]) == 1
    method, headers, body = seen[-1]
    assert (method, headers[b"x-tenant"], body) == ("POST", b"a", b"{}")
    token = headers[b"authorization"].decode().partition(" ")[2]
    header, claims = (json.loads(part) for part in decoded(token))
    assert header["typ"] == "at+jwt"
    assert (claims["roles"], claims["tid"]) == ([1], "t")
    assert "exp" not in claims
    assert "RFC 9068" in capsys.readouterr().out


def decoded(token: str) -> list[bytes]:
    from rightkey.jose.base64url import decode

    return [decode(part.encode()) for part in token.split(".")[:2]]


def test_an_issuer_for_a_container_has_another_name(open_url: str, capsys: Captured) -> None:
    """Which metadata and tokens state; others are let in if that is said."""
    where = ["--host", "127.0.0.2", "--url", "http://issuer.test:8080", "--dress", "keycloak"]
    assert run(["drill", open_url, *where, *only("good: unknown claim"), *FAST]) == 0
    assert "RIGHTKEY_ISSUER=http://issuer.test:8080/realms/local" in capsys.readouterr().err
    assert run(["drill", open_url, "--host", "0.0.0.0", *only("tokens"), *FAST]) == 2
    assert "hint: --expose" in capsys.readouterr().err


def test_a_service_that_is_not_there_is_told(free_port: int, capsys: Captured) -> None:
    """With what it is to be started with."""
    assert run(["drill", f"http://127.0.0.1:{free_port}/", *FAST, "--wait", "0.1", *only("tokens")]) == 2
    err = capsys.readouterr().err
    assert "note: the issuer is there; now start the service with these" in err
    assert "RIGHTKEY_AUDIENCE=https://api.example.com" in err
    assert "a good token was not answered: connection refused" in err
    assert "hint: does it trust the drill's issuer" in err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["ftp://127.0.0.1/"],
        ["http://127.0.0.1/", "--carrier", "Cookie: session"],
        ["http://127.0.0.1/", "--only", "nothing"],
        ["http://127.0.0.1/", "--header", "nothing"],
        ["http://127.0.0.1/", "--claim", "nothing"],
        ["http://127.0.0.1/", "--url", "issuer.test"],
        ["http://127.0.0.1/", "--baseline", "/no/such/file"],
        ["http://127.0.0.1/", "--baseline", __file__],
        ["https://127.0.0.1/", "--ca-file", "/no/such/file"],
        ["diff", "one.json"],
        ["diff", "/no/such/one.json", "/no/such/two.json"],
    ],
)
def test_a_wrong_option_is_bad_use(arguments: list[str], capsys: Captured) -> None:
    """Before anything is started, in few words."""
    assert run(["drill", *arguments]) == 2
    err = capsys.readouterr().err
    assert "error: " in err
    assert len(err) < 300


@pytest.mark.slow
def test_a_terminal_sees_what_is_played(
    open_url: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On stderr, and gone when the row comes."""
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda _: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    run(["drill", open_url, *only("good: unknown claim"), *FAST, "--json"])
    assert "1 of 1 good: unknown claim ...\r\x1b[K" in capsys.readouterr().err


def test_every_dress_can_be_worn(open_url: str, capsys: Captured) -> None:
    """With the identifier that its issuers have."""
    assert LocalIssuer(dress="okta").url.endswith("/oauth2/default")
    for dress in ("okta", "cognito"):
        assert run(["drill", open_url, "--dress", dress, *only("good: unknown claim"), *FAST]) == 0
    assert "passed; " in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--junit", "--badge"])
def test_a_report_that_cannot_be_written_is_told_at_once(
    option: str, free_port: int, capsys: Captured
) -> None:
    """And not after minutes of drill."""
    file = "/no/such/folder/report"
    assert run(["drill", f"http://127.0.0.1:{free_port}/", option, file]) == 2
    assert capsys.readouterr().err == f"error: {file}: cannot be written\n"


def test_a_command_that_ends_at_once_is_told_to_stay(free_port: int, capsys: Captured) -> None:
    """A daemon would outlive the drill."""
    assert run(["drill", f"http://127.0.0.1:{free_port}/", *only("tokens"), *FAST, "--", "true"]) == 2
    assert "hint: a command has to stay in the foreground" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("verdict", "said"),
    [("error", "nothing passed"), ("skipped", "nothing was tested"), ("passed", "passed")],
)
def test_errors_alone_are_no_pass(verdict: Verdict, said: str, capsys: Captured) -> None:
    """Nothing was let in, but nothing was refused as it should be either."""
    summarize(Scorecard("http://127.0.0.1/", [Row("tokens", verdict, "told")]))
    assert f"\n{said}; 0 s" in capsys.readouterr().out
