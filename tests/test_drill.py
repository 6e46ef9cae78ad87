"""The drill: what passes a good service, fails a bad one, and says why.

Services run in this process on a loopback port, and are put before the drill's issuer once that is there.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jwt
import pytest
from starlette.concurrency import run_in_threadpool

import rightkey
from rightkey import Freshness
from rightkey.cli import run
from rightkey.drill import EXERCISES, Row, Scorecard, Target, drill
from rightkey.drill import exercises as played
from rightkey.drill import stage as staged
from rightkey.integrations.asgi import RightKeyMiddleware
from rightkey.localissuer import ATTACKS, LocalIssuer

LIFE = 0.5
SHORT = Freshness(life=LIFE, min_life=LIFE, max_life=LIFE)
AUDIENCE = "https://api.example.com"
Serve = Callable[[Any], str]


async def welcome(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"welcome"})


class Later:
    """An application that is chosen once its issuer is there."""

    def __init__(self, make: Callable[[LocalIssuer], Any]) -> None:
        self._make, self._app = make, welcome

    def before(self, issuer: LocalIssuer) -> None:
        self._app = self._make(issuer)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self._app(scope, receive, send)


def good(issuer: LocalIssuer) -> Any:
    return RightKeyMiddleware(welcome, issuer.url, audience=AUDIENCE, freshness=SHORT)


class Careless:
    """A service by a function of its token: accepted, refused, or as broken as what it raises."""

    def __init__(self, verify: Callable[[str], Any], refusals: tuple[type[Exception], ...] = ()) -> None:
        self._verify, self._refusals = verify, refusals

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        token = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1").partition(" ")[2]
        status = await self._status(token)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def _status(self, token: str) -> int:
        try:
            await run_in_threadpool(self._verify, token)
        except self._refusals:
            return 401
        except Exception:  # noqa: BLE001 - as frameworks do
            return 500
        return 200


def trusting(issuer: LocalIssuer) -> Any:
    """Reads tokens, and checks no signature."""
    options = {"verify_signature": False, "verify_exp": True, "verify_aud": True}
    return Careless(lambda token: jwt.decode(token, options=options, audience=AUDIENCE), (jwt.PyJWTError,))


def crashing(issuer: LocalIssuer) -> Any:
    """Checks what it should, and minds no exception."""
    return Careless(rightkey.Verifier(issuer.url, audience=AUDIENCE).verify)


def forgetful(issuer: LocalIssuer) -> Any:
    """Fetches the keys for every token."""

    def verify(token: str) -> None:
        client = jwt.PyJWKClient(issuer.urls["jwks"], cache_jwk_set=False)
        key = client.get_signing_key_from_jwt(token)
        jwt.decode(token, key, algorithms=["ES256"], audience=AUDIENCE, issuer=issuer.url)

    return Careless(verify, (jwt.PyJWTError,))


def stubborn(issuer: LocalIssuer) -> Any:
    """Has fetched the keys once and for all."""
    keys = rightkey.locate(issuer.url).keys
    verifier = rightkey.Verifier(issuer.url, audience=AUDIENCE, keys=keys)
    return Careless(verifier.verify, (rightkey.TokenRejected,))


@pytest.fixture
def scored(served: Serve, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Row]]:
    """Rows by name, of a service that is there and is not started anew."""
    for module, name in ((played, "NOTICED"), (staged, "NOTICED"), (played, "_UNKNOWN_LIFE")):
        monkeypatch.setattr(module, name, 0.5)

    def score(make: Callable[[LocalIssuer], Any], *only: str, life: float | None = LIFE) -> dict[str, Row]:
        app = Later(make)
        with Target(served(app)) as target:
            card = drill(
                target,
                make_issuer=lambda: LocalIssuer(algorithm="ES256"),
                announce=app.before,
                life=life,
                only=only,
            )
        return {row.name: row for row in card.rows}

    return score


def test_rightkey_passes_every_exercise(scored: Callable[..., dict[str, Row]]) -> None:
    """But those that need the service's command; and those with a hang in them take their time elsewhere."""
    slow = {"hang", "drip", "slow", "same kid, other key"}
    rows = scored(good, *(name for name in EXERCISES if name not in slow))
    assert {name: row.told for name, row in rows.items() if row.verdict == "failed"} == {}
    skipped = {name for name, row in rows.items() if row.verdict == "skipped"}
    assert skipped == {"cold start", "outage at the start"}
    assert rows["revocation"].stopped is not None
    assert rows["rate limit"].requests <= 4


def test_without_the_life_of_keys_nobody_can_tell(scored: Callable[..., dict[str, Row]]) -> None:
    """What happens after it; a revoked key is watched for a while."""
    rows = scored(stubborn, "outage", "revocation", "set: kid twice", life=None)
    assert {row.verdict for row in rows.values()} == {"skipped"}
    assert all("--life" in row.told for row in rows.values())


def test_whoever_checks_no_signature_fails_the_attacks(scored: Callable[..., dict[str, Row]]) -> None:
    """And passes those that misuse a good one, which it reads."""
    rows = scored(trusting, *(name for name in EXERCISES if name.startswith("attack: ")), "tokens")
    assert rows["attack: tampered-payload"] == Row(
        "attack: tampered-payload", "failed", "it was accepted", 0, rows["attack: tampered-payload"].wait
    )
    assert rows["attack: expired"].verdict == "passed"
    assert rows["tokens"].verdict == "passed"
    assert len(rows) == len(ATTACKS) + 1


def test_a_crash_is_no_refusal(scored: Callable[..., dict[str, Row]]) -> None:
    """Though nothing bad got in."""
    rows = scored(crashing, "tokens", "garbage", "attack: crit")
    assert {row.verdict for row in rows.values()} == {"failed"}
    assert rows["attack: crit"].told == "it was answered 500"


def test_what_a_flood_costs_the_issuer_is_counted(scored: Callable[..., dict[str, Row]]) -> None:
    """Or what an outage costs the users."""
    rows = scored(forgetful, "flood", "outage", "no keys", "rotation")
    assert rows["flood"].verdict == rows["outage"].verdict == rows["no keys"].verdict == "failed"
    assert rows["flood"].requests > 5
    assert rows["rotation"].verdict == "passed"


def test_who_never_asks_again_misses_everything(scored: Callable[..., dict[str, Row]]) -> None:
    """A new key, a key under another's name, and a revocation."""
    rows = scored(stubborn, "rotation", "rotation without notice")
    assert rows["rotation"].verdict == "passed"
    assert rows["rotation without notice"].verdict == "failed"
    (swapped,) = scored(stubborn, "same kid, other key").values()
    assert (swapped.verdict, swapped.told) == ("failed", "after 0 s a good token was answered 401")
    (revoked,) = scored(stubborn, "revocation").values()
    assert (revoked.verdict, revoked.told) == ("failed", "a revoked key was still accepted after 3 s")


COMMAND = """
import sys
import uvicorn
from rightkey import Freshness
from rightkey.integrations.asgi import RightKeyMiddleware

async def welcome(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"welcome"})

life = Freshness(life=1, min_life=1, max_life=1)
app = RightKeyMiddleware(welcome, sys.argv[2], audience=sys.argv[3], freshness=life)
uvicorn.run(app, port=int(sys.argv[1]), log_level="critical", lifespan="off")
"""
FRESH = ("cold start", "outage at the start", "set: broken members", "key: private", "key: for encryption")


@pytest.fixture
def service(tmp_path: Path, free_port: int) -> list[str]:
    file = tmp_path / "service.py"
    file.write_text(COMMAND)
    return [
        f"http://127.0.0.1:{free_port}/",
        sys.executable,
        str(file),
        str(free_port),
        "{issuer}",
        "{audience}",
    ]


def options(*names: str) -> list[str]:
    return [word for name in names for word in ("--only", name)]


def test_the_command_line_starts_the_service_anew(
    service: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And writes JSON and JUnit's XML."""
    url, *command = service
    file = tmp_path / "junit.xml"
    code = run(
        ["drill", url, *options(*FRESH), "--alg", "ES256", "--json", "--junit", str(file), "--", *command]
    )
    said = json.loads(capsys.readouterr().out)
    assert code == 0, said
    assert (said["ok"], said["passed"], said["failed"], said["skipped"]) == (True, len(FRESH), 0, 0)
    assert {row["name"] for row in said["rows"]} == set(FRESH)
    suite = ElementTree.fromstring(file.read_bytes())
    assert (suite.tag, suite.get("tests"), suite.get("failures")) == ("testsuite", "5", "0")


def test_the_command_line_shows_rows_as_they_come(served: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    """And ends with 1 where one of them failed."""
    url = served(Careless(lambda _: None))
    assert run(["drill", url, *options("rotation", "tokens", "outage"), "--alg", "ES256"]) == 1
    out = capsys.readouterr().out
    assert "✓  rotation" in out
    assert "✗  tokens" in out
    assert "a request without a token was accepted" in out
    assert "1 passed, 1 failed, 1 skipped" in out


def test_no_service_is_no_score(free_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody there, a command that cannot be run, one that ends, one that never answers."""
    url = f"http://127.0.0.1:{free_port}/"
    ends = [sys.executable, "-c", "raise SystemExit('no setting')"]
    sleeps = [sys.executable, "-c", "import time; time.sleep(60)"]
    for command, said in (
        ([], "after 0 s a good token was not answered"),
        (["/no/such/command"], "/no/such/command: no such file or directory"),
        (ends, "the service ended with 1"),
        (sleeps, f"nobody answers at {url} after 0 s"),
    ):
        arguments = ["drill", url, "--alg", "ES256", "--wait", "0.3", "--", *command]
        assert run(arguments if command is not ends else [*arguments[:4], *arguments[6:]]) == 2
        err = capsys.readouterr().err
        assert said in err
        assert "hint: does it trust the drill's issuer" in err
        assert command is not ends or "no setting" in err
        assert command or f"RIGHTKEY_AUDIENCE={AUDIENCE}" in err


def test_another_service_at_the_port_is_noticed(served: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    """It would be scored in its place."""
    url = served(Careless(lambda _: None))
    assert run(["drill", url, "--alg", "ES256", "--", sys.executable, "-c", ""]) == 2
    assert f"somebody else answers at {url} already" in capsys.readouterr().err


def test_what_a_command_has_started_ends_with_it(service: list[str]) -> None:
    """A shell's children, too: the next exercise needs the port."""
    url, *command = service
    shell = ["sh", "-c", f"{shlex.join(command)}; true"]
    assert run(["drill", url, *options("tokens", "rotation"), "--alg", "ES256", "--", *shell]) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["ftp://127.0.0.1/"],
        ["http://127.0.0.1/", "--carrier", "Cookie: session"],
        ["http://127.0.0.1/", "--only", "nothing"],
        ["https://127.0.0.1/", "--ca-file", "/no/such/file"],
    ],
)
def test_a_wrong_option_is_bad_use(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is started."""
    assert run(["drill", *arguments]) == 2
    assert "error: " in capsys.readouterr().err


def test_where_junit_cannot_be_written(
    scored: Any, served: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    """The drill says so, and not that the service failed."""
    url = served(Careless(lambda _: None))
    arguments = ["drill", url, "--only", "attack: alg-none", "--alg", "ES256"]
    assert run([*arguments, "--junit", "/no/such/folder/junit.xml"]) == 2
    assert "/no/such/folder/junit.xml: no such file or directory" in capsys.readouterr().err


def test_a_token_goes_where_the_target_wants_it(served: Serve) -> None:
    """Any header, and any method."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            seen.append((scope["method"], scope["path"], scope["query_string"], headers.get(b"cookie")))
            await welcome(scope, receive, send)

    url = served(app) + "/me?x=1"
    with Target(url, method="POST", carrier="Cookie: session={token}; a=b") as target:
        assert target.ask("t").accepted
        assert target.ask().accepted
    assert seen == [("POST", "/me", b"x=1", b"session=t; a=b"), ("POST", "/me", b"x=1", None)]


def test_an_unknown_exercise_is_an_error() -> None:
    """By the name of what there is."""
    with Target("http://127.0.0.1/") as target, pytest.raises(ValueError, match="'nothing'"):
        drill(target, only=["nothing"])


def test_a_card_passes_where_something_was_played_and_nothing_failed() -> None:
    """As JSON and XML, too."""
    rows = [Row("a", "passed", "well"), Row("b", "skipped", "not <now>"), Row("c", "failed", "badly")]
    assert not Scorecard("t", rows[1:2]).passed
    assert Scorecard("t", rows[:2]).passed
    card = Scorecard("http://t/", rows, 1.23456)
    assert not card.passed
    assert card.document()["seconds"] == 1.235
    assert card.document()["rows"][2] == {
        "name": "c",
        "verdict": "failed",
        "told": "badly",
        "requests": 0,
        "wait": 0.0,
        "stopped": None,
    }
    suite = ElementTree.fromstring(card.junit())
    assert [child.tag for case in suite for child in case] == ["system-out", "skipped", "failure"]
    assert suite[1][0].get("message") == "not <now>"
