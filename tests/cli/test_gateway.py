"""`rightkey gateway` and `rightkey mirror`, as their user sees them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from rightkey.cli import gateway as command
from rightkey.cli import run
from rightkey.gateway import snippets
from rightkey.localissuer import LocalIssuer

CONFIGURATION = """
proxy = "envoy"
listen = "127.0.0.1:1"
workers = 1
[[issuer]]
issuer = "tenant.eu.auth0.com"
audience = "api"
[[route]]
path = "/public"
public = true
[[route]]
path = "/orders/*"
methods = ["GET"]
require = ["read:orders", "role(admin)"]
[[route]]
optional = true
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIGURATION, encoding="utf-8")
    return str(path)


def test_check_says_what_is_configured(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    """For people, and as JSON; nothing listens, and no issuer is asked."""
    assert run(["gateway", "--config", file, "--check"]) == 0
    shown = capsys.readouterr().out
    assert "identity  none" in shown
    assert "any   /orders/*  GET      a token that grants read:orders and role(admin)" in shown
    assert "any   /*         any      a token, if one is sent" in shown
    assert run(["gateway", "--config", file, "--check", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["peers"] == ["127.0.0.0/8", "::1/128"]
    assert told["routes"][0] == {"host": None, "path": "/public", "methods": [], "needs": "nothing"}


def test_check_says_what_an_issuer_requires(
    file: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every route that takes a token, in a file and in the environment; once, if the route says it too."""
    asks = 'audience = "api"\nrequire = ["read:orders", "mfa"]'
    Path(file).write_text(CONFIGURATION.replace('audience = "api"', asks), encoding="utf-8")
    assert needs(capsys, "--config", file) == [
        "nothing",
        "a token that grants read:orders and mfa and role(admin)",
        "a token that grants read:orders and mfa, if one is sent",
    ]
    for name, value in {"GATEWAY_PROXY": "nginx", "ISSUER": "a.example", "AUDIENCE": "api"}.items():
        monkeypatch.setenv(f"RIGHTKEY_{name}", value)
    assert needs(capsys) == ["a token"]
    monkeypatch.setenv("RIGHTKEY_REQUIRE", "read:orders")
    assert needs(capsys) == ["a token that grants read:orders"]


def test_check_says_where_issuers_require_different_things(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It then depends on the token."""
    other = '[[issuer]]\nissuer = "b.example"\naudience = "api"\nrequire = "mfa"\n[[route]]'
    Path(file).write_text(CONFIGURATION.replace("[[route]]", other, 1), encoding="utf-8")
    assert needs(capsys, "--config", file) == [
        "nothing",
        "a token that grants read:orders and role(admin) and what its issuer's require asks",
        "a token that grants what its issuer's require asks, if one is sent",
    ]


def needs(capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    """What each route needs, by `--check`."""
    assert run(["gateway", *options, "--check", "--json"]) == 0
    return [route["needs"] for route in json.loads(capsys.readouterr().out)["routes"]]


def test_a_mistake_ends_with_2(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With its place; so does an address that cannot be taken, and no configuration."""
    Path(file).write_text(CONFIGURATION.replace("envoy", "envy"), encoding="utf-8")
    assert run(["gateway", "--config", file, "--check"]) == 2
    assert "error: proxy 'envy' is not known\nhint: did you mean envoy?" in capsys.readouterr().err
    Path(file).write_text(CONFIGURATION.replace("127.0.0.1:1", "192.0.2.1:1"), encoding="utf-8")
    assert run(["gateway", "--config", file]) == 2
    assert "cannot listen on 192.0.2.1:1" in capsys.readouterr().err
    assert run(["gateway"]) == 2
    assert "give --config FILE" in capsys.readouterr().err


def test_what_is_not_installed_is_named(
    file: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the extra that brings it."""
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    for arguments in (["gateway", "--config", file], ["mirror", "a.example"]):
        assert run(arguments) == 2
        assert "hint: pip install 'rightkey[gateway]'" in capsys.readouterr().err


@pytest.mark.parametrize("proxy", snippets.FILES)
def test_a_snippet_is_printed(proxy: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each file with its name where there are several; and as JSON."""
    assert run(["gateway", "snippet", proxy]) == 0
    shown = capsys.readouterr().out
    for name, text in snippets.of(proxy).items():
        assert text in shown
        assert (f"# ---- {name}" in shown) is (len(snippets.FILES[proxy]) > 1)
    assert run(["gateway", "--json", "snippet", proxy]) == 0
    assert json.loads(capsys.readouterr().out) == {"proxy": proxy, "files": snippets.of(proxy)}


@pytest.fixture
def mirror(free_ports: Callable[[], int]) -> Iterator[Callable[..., tuple[str, Any]]]:
    """Runs `rightkey mirror`, and is where its keys are."""
    with ExitStack() as stack:

        def run(*options: str) -> tuple[str, Any]:
            listen = f"127.0.0.1:{free_ports()}"
            line = [sys.executable, "-m", "rightkey", "mirror", *options, "--listen", listen]
            process = stack.enter_context(subprocess.Popen(line, stdout=subprocess.PIPE, text=True))
            stack.callback(process.terminate)
            assert process.stdout is not None
            said = process.stdout.readline()
            return (json.loads(said)["jwks_uri"] if "--json" in options else said.split()[1]), process

        yield run


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["words", "json"])
def test_a_mirror_serves_what_the_issuer_publishes(mirror: Any, options: list[str]) -> None:
    """A surprise rotation, a second later; and through an outage what it had."""
    with LocalIssuer(algorithm="ES256") as issuer, httpx.Client(trust_env=False, timeout=60) as client:
        url, process = mirror(issuer.url, "--every", "1", *options)
        assert issuer.current.kid in client.get(url).text
        surprise = issuer.rotate(surprise=True)
        while surprise.kid not in client.get(url).text:
            time.sleep(0.01)
        issuer.misbehave("jwks", "status")
        issuer.misbehave("discovery", "status")
        assert surprise.kid in client.get(url).text
        assert client.get(url.replace("/.well-known/jwks.json", "/readyz")).status_code == 200
        client.close()  # an idle connection would have it drain for 10 s
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0


def test_without_a_file_the_environment_tells(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For one issuer; a mistake names its variable."""
    monkeypatch.setenv("RIGHTKEY_GATEWAY_PROXY", "traefik")
    assert run(["gateway", "--check"]) == 2
    assert "RIGHTKEY_ISSUER is not set" in capsys.readouterr().err
    monkeypatch.setenv("RIGHTKEY_ISSUER", "tenant.eu.auth0.com")
    monkeypatch.setenv("RIGHTKEY_AUDIENCE", "api")
    assert run(["gateway", "--check", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["proxy"], told["issuers"]) == ("traefik", ["tenant.eu.auth0.com"])
