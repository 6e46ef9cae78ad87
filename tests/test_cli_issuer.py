"""`rightkey issuer`, as a process that runs until it is told to stop, and the commands that talk to it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest

from rightkey.cli import run
from rightkey.localissuer import ALGORITHMS, DRESSES, Client, LocalIssuer

pytestmark = pytest.mark.slow

PYTHON = [sys.executable, "-W", "error", "-m", "rightkey", "issuer"]


class Process:
    """A running `rightkey issuer`, and what it said of itself."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*PYTHON, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        self.ended: tuple[int, str, str] | None = None

    @property
    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.line)
        return found

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """End it. The exit code, the rest of stdout, and stderr."""
        if self.ended is None:
            self.process.send_signal(number)
            self.ended = self._end()
        return self.ended

    def _end(self) -> tuple[int, str, str]:
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        with self.process.stdout, self.process.stderr:  # communicate would miss what was read ahead
            rest, words = self.process.stdout.read(), self.process.stderr.read()
        return self.process.wait(60), rest, words


@pytest.fixture
def started() -> Iterator[Callable[..., Process]]:
    with ExitStack() as stack:

        def start(*arguments: str) -> Process:
            process = Process(*arguments)
            stack.callback(process.stop)
            return process

        yield start


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


@pytest.fixture
def ask(issuer: LocalIssuer, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command against the issuer: exit code, stdout, stderr."""

    def asked(*arguments: str) -> tuple[int, str, str]:
        code = run(["issuer", *arguments, "--at", issuer.url])
        return code, *capsys.readouterr()

    return asked


def fetch(url: str, **settings: Any) -> Any:
    with urllib.request.urlopen(url, timeout=60, **settings) as response:
        return json.load(response)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_runs_until_it_is_told_to_stop(started: Callable[..., Process], number: int) -> None:
    """It says at once where it is; then it ends with 0, in silence, and the port is free."""
    process = started("--json", "--alg", "ES256")
    told = process.told
    keys = jwt.PyJWKSet.from_dict(fetch(told["jwks_uri"]))
    key = keys[jwt.get_unverified_header(told["token"])["kid"]]
    claims = jwt.decode(
        told["token"], key, algorithms=["ES256"], audience=told["audience"], issuer=told["issuer"]
    )
    assert claims["sub"] == "alice"
    assert told["curl"] == f"curl {told['metadata_url']}"
    assert told["environment"] == {"RIGHTKEY_ISSUER": told["issuer"], "RIGHTKEY_AUDIENCE": told["audience"]}
    assert process.stop(number) == (0, "", "")
    with pytest.raises(OSError, match="refused"):
        fetch(told["jwks_uri"])


def test_what_it_prints_for_people(started: Callable[..., Process]) -> None:
    """The last two lines can be sourced by a shell."""
    process = started("--alg", "ES256", "--audience", "two words")
    url = process.line.split()[1]
    code, rest, words = process.stop()
    assert (code, words) == (0, "")
    lines = rest.splitlines()
    assert lines[-2:] == [f"RIGHTKEY_ISSUER={url}", "RIGHTKEY_AUDIENCE='two words'"]
    assert any(line.startswith("try") and f"curl {url}.well-known/" in line for line in lines)
    assert any(re.match(r"token of alice +ey", line) for line in lines)


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def exported(*options: str) -> subprocess.CompletedProcess[str]:
    """What `rightkey issuer --env` prints; it ends although its issuer goes on."""
    command = [sys.executable, "-m", "rightkey", "issuer", "--env", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("tls", [(), ("--tls",)])
def test_a_shell_evaluates_its_environment(tls: tuple[str, ...]) -> None:
    """It goes on running with the options given, until its process is stopped."""
    done = exported("--alg", "ES256", "--audience", "two 'words'", "--client", "a:b", "--client", "c", *tls)
    assert done.returncode == 0
    tell = "import json, os; print(json.dumps(dict(os.environ)))"
    shell = f"{done.stdout}echo $ISSUER_PID; {sys.executable} -c '{tell}'"
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
    clean = {name: value for name, value in os.environ.items() if name not in names}
    told = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True, env=clean)
    pid, printed = told.stdout.splitlines()
    environment = json.loads(printed)
    try:
        assert environment["RIGHTKEY_AUDIENCE"] == "two 'words'"
        context = ssl.create_default_context(cafile=environment["RIGHTKEY_CA_FILE"]) if tls else None
        for name in names:
            assert environment.get(name) == (environment["RIGHTKEY_CA_FILE"] if tls else None)
        url = f"{environment['RIGHTKEY_ISSUER']}_rightkey"
        assert fetch(url, context=context)["clients"] == ["a", "c"]
        assert "kill $ISSUER_PID" in done.stderr
    finally:
        os.kill(int(pid), signal.SIGTERM)
    deadline = time.monotonic() + 60
    while listens(int(urlsplit(url).port or 0)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not listens(int(urlsplit(url).port or 0))


def test_an_issuer_that_cannot_start_exports_nothing() -> None:
    """Its own error is told, so that `eval` evaluates nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = exported("--port", str(listener.getsockname()[1]))
    assert (done.returncode, done.stdout) == (2, "")
    assert "address already in use" in done.stderr
    assert "hint: --port 0 takes any free one" in done.stderr


@pytest.mark.parametrize("dress", list(DRESSES))
def test_every_dress(started: Callable[..., Process], dress: str) -> None:
    """The metadata is where it says, an issuer with a name too."""
    told = started("--json", "--alg", "EdDSA", "--dress", dress).told
    assert fetch(told["metadata_url"])["issuer"] == told["issuer"]
    origin = "/".join(told["issuer"].split("/")[:3])
    named = origin + DRESSES[dress].named.format(name="acme")
    assert fetch(f"{named}/.well-known/openid-configuration")["issuer"].startswith(named)


def test_options_reach_the_issuer(started: Callable[..., Process], tmp_path: Path) -> None:
    """Keys, clients, claims, limits and schedule."""
    claims = tmp_path / "claims.json"
    claims.write_text('{"org": "{client_id}"}')
    arguments = ["--x5t", "rfc", "--no-alg", "--client", "web:right", "--claims", str(claims), "--rate-limit"]
    told = started("--json", "--rotate-every", "3600", "--overlap", "1", *arguments).told
    with urllib.request.urlopen(told["jwks_uri"], timeout=60) as response:
        key = json.load(response)["keys"][0]
        assert response.headers["x-ratelimit-limit"] == "20"
        assert response.headers["etag"]
    assert len(key["x5t"]) == 27
    assert "alg" not in key
    pytest.importorskip("authlib")
    form = b"grant_type=client_credentials&client_id=web&client_secret=right"
    token = fetch(fetch(told["metadata_url"])["token_endpoint"], data=form)["access_token"]
    assert jwt.decode(token, options={"verify_signature": False})["org"] == "web"


def test_state_outlives_it(started: Callable[..., Process], tmp_path: Path) -> None:
    """The same keys are there after a restart."""
    arguments = ["--json", "--alg", "ES256", "--state", str(tmp_path / "issuer.db")]
    kids = []
    for _ in range(2):
        process = started(*arguments)
        kids.append([key["kid"] for key in fetch(process.told["jwks_uri"])["keys"]])
        process.stop()
    assert kids[0] == kids[1]


def test_tls(started: Callable[..., Process]) -> None:
    """The authority's file is named, also in the curl; it is gone at the end."""
    process = started("--json", "--alg", "ES256", "--tls", "--url", "https://issuer.test")
    told = process.told
    assert (told["issuer"], f"--cacert {told['ca_file']}" in told["curl"]) == ("https://issuer.test/", True)
    assert ssl.create_default_context(cafile=told["ca_file"])
    process.stop()
    assert not os.path.exists(told["ca_file"])


def test_managing_over_tls(started: Callable[..., Process], capsys: pytest.CaptureFixture[str]) -> None:
    """With the authority that was made; without it the certificate is refused."""
    told = started("--json", "--alg", "ES256", "--tls").told
    assert run(["issuer", "keys", "--at", told["issuer"], "--ca-file", told["ca_file"]]) == 0
    assert run(["issuer", "keys", "--at", told["issuer"]]) == 3
    assert "no local issuer answers" in capsys.readouterr().err


def test_other_machines_are_let_in_by_a_loud_flag_alone(started: Callable[..., Process]) -> None:
    """And then it says what that means."""
    for host in ("0.0.0.0", "::", "issuer.test"):
        refused = started("--host", host)
        code, _, words = refused.stop()
        assert (code, refused.line) == (2, "")
        assert "hint: --expose allows it" in words
    exposed = started("--host", "0.0.0.0", "--expose", "--json", "--alg", "ES256")
    assert exposed.told["issuer"].startswith("http://127.0.0.1:")
    code, _, words = exposed.stop()
    assert (code, words) == (0, "note: it is exposed: anyone who can reach it can get any token\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "{taken}"], "address already in use"),
        (["--overlap", "5"], "--overlap needs --rotate-every"),
        (["--url", "https://x.test/path"], "--url must be scheme, host and port"),
        (["--url", "x.test"], "--url must be scheme, host and port"),
        (["--state", "/nowhere/at/all.db"], "no such file or directory"),
        (["--claims", "/nowhere.json"], "no such file or directory"),
        (["--claims", "{list}"], "not a JSON object"),
        (["--claims", "{broken}"], "not a JSON object"),
        (["--dress", "tuxedo"], "invalid value for '--dress'"),
        (["--alg", "HS256"], "invalid value for '--alg'"),
    ],
)
def test_mistakes_are_2(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In words, before anything runs."""
    (tmp_path / "list").write_text("[1]")
    (tmp_path / "broken").write_text("{")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        names = {"taken": str(taken.getsockname()[1])}
        names |= {name: str(tmp_path / name) for name in ("list", "broken")}
        handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        try:
            assert run(["issuer", *(word.format(**names) for word in arguments)]) == 2
        finally:
            for number, handler in zip((signal.SIGINT, signal.SIGTERM), handlers, strict=True):
                signal.signal(number, handler)
    assert words.lower() in capsys.readouterr().err.lower()


def test_keys_rotate_and_are_revoked(issuer: LocalIssuer, ask: Callable[..., tuple[int, str, str]]) -> None:
    """Listed with their roles; what is in use is not revoked."""
    first = issuer.current.kid
    assert ask("rotate")[:2] == (0, f"{issuer.current.kid}\n")
    known = {key.kid for key in issuer.keys}
    assert ask("rotate", "--surprise")[1].strip() not in known
    assert ask("revoke", first)[:2] == (0, f"{first}\n")
    _, listed, _ = ask("keys")
    assert [line.split()[1] for line in listed.splitlines()] == [
        "role",
        "current",
        "next",
        "previous",
        "revoked",
    ]
    code, _, words = ask("revoke", issuer.current.kid)
    assert (code, "rotate first" in words) == (2, True)
    assert json.loads(ask("keys", "--json")[1])[0]["current"] is True


def test_a_key_is_swapped_under_its_id(issuer: LocalIssuer, ask: Callable[..., tuple[int, str, str]]) -> None:
    """The id stays, and the key behind it does not."""
    before = issuer.current
    assert ask("swap")[:2] == (0, f"{before.kid}\n")
    assert issuer.current.kid == before.kid
    assert issuer.current.public_jwk()["x"] != before.public_jwk()["x"]


def test_clients(issuer: LocalIssuer, ask: Callable[..., tuple[int, str, str]]) -> None:
    """Shown and listed: any client is accepted until one is listed."""
    assert "any client is accepted" in ask("clients")[1]
    back = "http://127.0.0.1:9/back"
    assert ask("clients", "we/b:s:ecret", "--redirect-uri", back)[:2] == (0, "we/b\n")
    assert ask("clients", "app")[0] == 0
    assert ask("clients")[1] == "we/b\napp\n"
    assert issuer.clients.find("we/b") == Client("we/b", "s:ecret", (back,))
    assert issuer.clients.find("app") == Client("app")
    assert json.loads(ask("clients", "--json")[1]) == {"clients": ["we/b", "app"]}
    for arguments in ([":secret"], ["--redirect-uri", back]):
        assert ask("clients", *arguments)[0::2] == (2, "error: no client given\nhint: ID, or ID:SECRET\n")


def test_tokens_with_any_claims(ask: Callable[..., tuple[int, str, str]]) -> None:
    """JSON where it is JSON, text where it is not; attacks by name."""
    _, token, _ = ask("token", "sub=bob", 'roles=["a"]', "n=1", "exp=null", "text=a=b")
    claims = jwt.decode(token.strip(), options={"verify_signature": False})
    assert claims.items() >= {"sub": "bob", "roles": ["a"], "n": 1, "text": "a=b"}.items()
    assert "exp" not in claims
    _, forged, _ = ask("token", "--attack", "alg-none", "sub=bob")
    assert jwt.get_unverified_header(forged.strip())["alg"] == "none"
    assert "alg-none" in ask("token", "--attack", "list")[1]
    assert ask("token", "--attack", "unheard")[0] == 2
    assert ask("token", "novalue")[0] == 2


def test_faults(issuer: LocalIssuer, ask: Callable[..., tuple[int, str, str]]) -> None:
    """Planned with options, listed, and ended."""
    _, planned, _ = ask("misbehave", "jwks", "status", "code=429", "--times", "2", "--every", "3")
    assert planned.splitlines()[1].split()[:5] == ["jwks", "status", "code=429", "2", "times"]
    assert "one in 3" in planned
    rule = issuer.planned[0]
    assert (rule["options"], rule["times"], rule["every"]) == ({"code": 429}, 2, 3)
    ask("misbehave", "discovery", "reset", "--ratio", "0.5", "--seed", "9")
    assert ask("misbehave")[1].count("\n") == 3
    ask("behave", "jwks")
    assert [rule["endpoint"] for rule in issuer.planned] == ["discovery"]
    assert ask("behave")[0] == 0
    assert issuer.planned == []
    assert ask("misbehave", "jwks", "unheard")[0] == 2


def test_the_share_of_requests_is_told_in_words(ask: Callable[..., tuple[int, str, str]]) -> None:
    """Most faults are of all of them, and the table says so."""
    shares = {
        (): "all",
        ("--every", "3"): "one in 3",
        ("--ratio", "0.2"): "0.2 of them, drawn at random",
        ("--every", "3", "--ratio", "0.2"): "one in 3, 0.2 of those, drawn at random",
    }
    for options, words in shares.items():
        _, planned, _ = ask("misbehave", "jwks", "status", *options)
        assert planned.splitlines()[-1].endswith(f"until behave  {words}")


def test_requests(issuer: LocalIssuer, ask: Callable[..., tuple[int, str, str]]) -> None:
    """Counts, and the latest; then zero."""
    fetch(issuer.urls["jwks"])
    fetch(issuer.urls["discovery"])
    _, told, _ = ask("requests", "--last", "1")
    assert [line.split() for line in told.splitlines()] == [
        ["jwks", "1"],
        ["discovery", "1"],
        ["total", "2"],
        ["method", "path"],
        ["GET", "/.well-known/openid-configuration"],
    ]
    ask("requests", "--clear")
    assert issuer.requests.total == 0


def test_the_clock(issuer: LocalIssuer, ask: Callable[..., tuple[int, str, str]]) -> None:
    """Shown and set."""
    assert "running" in ask("clock")[1]
    assert "2030-01-01T00:00:00Z" in ask("clock", "--freeze-at", "2030-01-01")[1]
    assert "stopped" in ask("clock", "--advance", "60")[1]
    assert issuer.clock() == 1893456060
    ask("clock", "--freeze")
    assert json.loads(ask("clock", "--skew", "0", "--json")[1])["off"] == 0
    ask("clock", "--skew", "-30")
    assert "running" in ask("clock", "--resume")[1]
    assert ask("clock", "--resume", "--advance", "1")[0] == 2


def test_which_issuer(
    issuer: LocalIssuer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By option or environment; no issuer there is 3, and no URL is 2."""
    monkeypatch.delenv("RIGHTKEY_ISSUER", raising=False)
    assert run(["issuer", "keys"]) == 2
    assert "RIGHTKEY_ISSUER" in capsys.readouterr().err
    monkeypatch.setenv("RIGHTKEY_ISSUER", issuer.url)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert run(["--json", "issuer", "keys"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["kid"] == issuer.current.kid
    issuer.close()
    assert run(["issuer", "keys"]) == 3
    assert "rightkey issuer runs one" in capsys.readouterr().err
    assert run(["issuer", "keys", "--at", "file:///etc/passwd"]) == 2
    assert run(["issuer", "keys", "--at", issuer.url, "--ca-file", "/nowhere.pem"]) == 2


def test_somebody_else_is_no_issuer(serve: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever it says."""
    for answer in (b"HTTP/1.1 500 Oh\r\n\r\nno", b"HTTP/1.1 200 OK\r\n\r\nhello", b"hello\r\n\r\n"):
        server = serve(lambda sock, answer=answer: sock.sendall(answer))
        assert run(["issuer", "keys", "--at", f"http://127.0.0.1:{server.port}"]) == 3
        assert "no local issuer answers" in capsys.readouterr().err


def test_every_algorithm_is_offered(capsys: pytest.CaptureFixture[str]) -> None:
    """The error lists them."""
    assert run(["issuer", "--alg", "none"]) == 2
    words = capsys.readouterr().err
    assert all(f"'{algorithm}'" in words for algorithm in ALGORITHMS)
