"""A drill from its first exercise to its last: what passes a good service, fails a bad one, and says why."""

from __future__ import annotations

import shlex
import socket
import subprocess
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from rightkey.drill import EXERCISES, Row, Scorecard, Target, Tokens, drill, rehearsing, target
from rightkey.drill import rotations as rotating
from rightkey.localissuer import ATTACKS, DRESSES, LocalIssuer

pytestmark = pytest.mark.slow
Scored = Callable[..., dict[str, Row]]
EXPIRED = ("hang", "drip", "same kid, other key")
SLOW = ("slow", *EXPIRED)
FRESH = ("cold start", "outage at the start")


def failed(rows: dict[str, Row]) -> dict[str, str]:
    return {name: row.told for name, row in rows.items() if row.verdict not in ("passed", "skipped")}


def test_rightkey_passes_every_exercise(scored: Scored, services: Any) -> None:
    """Of both kinds; but those that need the service's command, and those with a hang in them, elsewhere."""
    rows = scored(services.proving, *(name for name in EXERCISES if name not in SLOW))
    assert failed(rows) == {}
    skipped = {name: row.told for name, row in rows.items() if row.verdict == "skipped"}
    assert {name: told for name, told in skipped.items() if name not in FRESH} == {}
    assert rows["revocation"].stopped is not None
    assert rows["rate limit"].requests <= 4


@pytest.mark.parametrize(("life", "names"), [(1, [*EXPIRED, *FRESH]), (60, ["slow"])])
def test_rightkey_passes_what_takes_time_or_a_fresh_service(
    service: list[str], life: float, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of the suite. A token that waits for a slow answer waits for three seconds, less a little; one
    that does not may wait for this machine."""
    monkeypatch.setattr(rotating, "_PROMPT", 2.5)
    url, *command = service
    with Target(url) as target:
        card = drill(target, command=[*command, str(life)], life=life, only=names, strict=True)
    assert {row.name: row.told for row in card.rows if row.verdict != "passed"} == {}
    assert card.passed


@pytest.mark.parametrize("dress", [name for name in DRESSES if name != "cognito"])
def test_the_issuer_says_the_life_of_keys_in_every_dress(scored: Scored, services: Any, dress: str) -> None:
    """Its own would be longer: a service that obeys it would fail, or prove nothing in an outage."""
    rows = scored(services.good, "outage", "revocation", "attack: *", dress=dress, tokens=Tokens(dress))
    assert failed(rows) == {}
    assert {row.verdict for row in rows.values()} == {"passed"}


def test_max_age_is_the_life(services: Any, served: Any) -> None:
    """Rounded up: it has no fraction."""
    issuers: list[LocalIssuer] = []
    with Target("http://127.0.0.1:9/") as target:
        card = drill(
            target, announce=issuers.append, make_issuer=lambda: LocalIssuer(dress="okta"), life=1.5, wait=0.1
        )
    assert [issuer.cache_control for issuer in issuers] == ["max-age=2"]
    assert card.stopped is not None


def test_access_tokens_by_rfc_9068_raise_what_is_demanded(scored: Scored, services: Any) -> None:
    """With typ at+jwt what is advice to others becomes a must; attacks have the typ, too."""
    names = ("claims: no exp", "claims: no iss", "claims: no aud", "attack: typ-logout")
    rows = scored(services.good, *names, "attack: wrong-key", tokens=Tokens(typ="at+jwt"))
    assert {(row.kind, row.verdict) for row in rows.values()} == {("must", "passed")}
    rows = scored(services.good, *names)
    assert {(row.kind, row.verdict) for row in rows.values()} == {("advice", "passed")}


def test_without_the_life_of_keys_nothing_can_be_told(scored: Scored, services: Any) -> None:
    """What happens after it; a revoked key is watched for a while."""
    rows = scored(services.stubborn, "outage", "revocation", "set: kid twice", life=None, cooldown=0.5)
    assert {row.verdict for row in rows.values()} == {"skipped"}
    assert all("--life" in row.told for row in rows.values())


def test_an_outage_in_which_nothing_was_asked_proves_nothing(scored: Scored, services: Any) -> None:
    """The keys had not expired."""
    rows = scored(services.stubborn, "outage", "redirect", "key: private", cooldown=0.5)
    assert {row.verdict for row in rows.values()} == {"skipped"}
    assert "did not ask the issuer again" in rows["outage"].told


def test_unchecked_signatures_fail_the_attacks(scored: Scored, services: Any) -> None:
    """And those that misuse a good token pass, for such a service reads it."""
    rows = scored(services.trusting, "attack:*", "tokens")
    told = rows["attack: tampered-payload"]
    assert (told.verdict, told.kind, told.told) == ("failed", "must", "it was accepted (200)")
    assert told.reference.startswith("RFC 8725, 3.3")
    assert rows["attack: expired"].verdict == rows["tokens"].verdict == "passed"
    assert {f"attack: {name}" for name in ATTACKS} <= set(rows)


def test_a_signature_of_another_kind_of_key_proves_nothing(scored: Scored, services: Any) -> None:
    """Every verifier refuses ECDSA where the issuer's keys are for RSA."""
    rows = scored(services.trusting, "attack: psychic", "attack: der-signature", algorithm="RS256")
    assert {row.verdict for row in rows.values()} == {"skipped"}
    assert rows["attack: psychic"].told == "the issuer signs by RS256: --alg ES256 tests it"


def test_a_crash_is_no_acceptance(carded: Callable[..., Scorecard], services: Any) -> None:
    """Nothing bad got in: it counts if strict alone."""
    card = carded(services.crashing, "tokens", "garbage:*", "attack: crit")
    assert {row.verdict for row in card.rows} == {"error"}
    assert card.rows[-1].told == "it was answered 500"
    assert card.failing == []


def test_what_a_flood_costs_the_issuer_is_counted(scored: Scored, services: Any) -> None:
    """Or what an outage costs the users."""
    rows = scored(services.forgetful, "flood", "outage", "no keys", "rotation")
    assert rows["outage"].verdict == rows["no keys"].verdict == "failed"
    assert rows["flood"].verdict in ("failed", "error")
    assert rows["flood"].requests > 5
    assert rows["rotation"].verdict == "passed"


def test_keys_that_are_never_read_again_miss_everything(scored: Scored, services: Any) -> None:
    """A new key, a key under another's name, and a revocation."""
    stubborn = partial(scored, services.stubborn, cooldown=0.5)
    rows = stubborn("rotation", "rotation without notice")
    assert rows["rotation"].verdict == "passed"
    assert rows["rotation without notice"].verdict == "failed"
    (swapped,) = stubborn("same kid, other key").values()
    assert swapped.verdict == "failed"
    assert "a good token was answered 401" in swapped.told
    (revoked,) = stubborn("revocation").values()
    assert (revoked.verdict, revoked.told) == ("failed", "a revoked key was still accepted after 3 s")


def test_a_refusal_says_nothing_where_good_tokens_are_refused(
    carded: Callable[..., Scorecard], services: Any
) -> None:
    """A service that lost its way is waited for, and then the drill ends with a card."""
    names = ("rotation without notice", "attack: alg-none", "attack: crit")
    card = carded(services.stubborn, *names, cooldown=0.5, wait=2)
    verdicts = [(row.name, row.verdict) for row in card.rows]
    assert verdicts[0] == ("rotation without notice", "failed")
    assert [verdict for _, verdict in verdicts[1:]] == ["skipped", "skipped"]
    assert card.stopped is not None


class Limited:
    """A good service behind a limit of one request, and one more after each refusal by the limit."""

    def __init__(self, issuer: LocalIssuer, make: Any) -> None:
        self._app, self._left = make(issuer), 2

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._left -= 1
        if self._left:
            await self._app(scope, receive, send)
            return
        self._left = 2
        await send({"type": "http.response.start", "status": 429, "headers": [(b"retry-after", b"1")]})
        await send({"type": "http.response.body", "body": b""})


def test_a_limit_of_requests_judges_no_token(scored: Scored, services: Any) -> None:
    """A service that is asked too often has neither refused a bad token nor turned a good one away."""
    rows = scored(lambda issuer: Limited(issuer, services.good), "attack: wrong-key", "good: unknown claim")
    assert {row.verdict for row in rows.values()} == {"skipped"}
    assert all("too many requests" in row.told for row in rows.values())


def test_refusals_without_a_challenge_fail(scored: Scored, services: Any) -> None:
    """A 401 names what to sign in with (RFC 9110, section 15.5.2)."""
    (row,) = scored(services.forgetful, "challenge").values()
    assert (row.verdict, row.kind, row.reference) == (
        "skipped" if "no refusal" in row.told else "failed",
        "must",
        "RFC 9110, 15.5.2",
    )


def test_an_empty_challenge_is_none(scored: Scored, services: Any) -> None:
    """It names nothing to sign in with."""

    def make(issuer: LocalIssuer) -> Any:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            async def sent(message: Any) -> None:
                if message["type"] == "http.response.start":
                    message = {**message, "headers": [(b"www-authenticate", b"")]}
                await send(message)

            await good(scope, receive, sent)

        good = services.good(issuer)
        return app

    (row,) = scored(make, "challenge").values()
    assert (row.verdict, "had no WWW-Authenticate" in row.told) == ("failed", True)


def test_the_first_contact_tells_what_the_service_said(broken: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status, challenge, the beginning of the body, and its last words; no token."""
    monkeypatch.setattr(rehearsing, "time", Passing())
    card = played(broken, "refuses", "tokens")
    assert card.stopped is not None
    assert "a good token was answered 401" in card.stopped
    assert 'www-authenticate: Bearer error="invalid_token"' in card.stopped
    assert "body: the reason is here <token>" in card.stopped
    assert [row.verdict for row in card.rows] == ["skipped"]
    assert not card.passed


class Passing:
    """Time that is up after some looks."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, _: float) -> None:
        self.now += 30.0


def played(broken: Any, how: str, *only: str, **options: Any) -> Scorecard:
    given: dict[str, Any] = {
        "command": broken.command(how),
        "life": 0.5,
        "cooldown": 0,
        "wait": 60,
    } | options
    with Target(broken.url) as target:
        return drill(target, make_issuer=lambda: LocalIssuer(algorithm="ES256"), only=only, **given)


def test_a_service_that_dies_is_started_anew(broken: Any) -> None:
    """The row says with which code and last words it ended, and the drill goes on."""
    card = played(broken, "dies", "attack: alg-none", "good: unknown claim")
    rows = {row.name: row for row in card.rows}
    assert rows["attack: alg-none"].verdict == "ended"
    assert "the service ended with 3: I am gone" in rows["attack: alg-none"].told
    assert rows["good: unknown claim"].verdict == "passed"
    assert card.stopped is None
    assert broken.left() == []


def test_a_service_that_loads_keys_at_its_start_fails_rows_and_not_the_drill(broken: Any) -> None:
    """While the issuer is away it does not start: the row has its last words. Where it need not start, for it
    has let nothing in, nothing is said against it."""
    names = ("tokens", "outage at the start", "key: no alg, HMAC", "attack: alg-none")
    card = played(broken, "picky", *names)
    rows = {row.name: row for row in card.rows}
    assert rows["outage at the start"].verdict == "ended"
    assert (
        "before such an issuer it did not start: the service ended with 1: "
        in rows["outage at the start"].told
    )
    assert (rows["key: no alg, HMAC"].verdict, rows["key: no alg, HMAC"].kind) == ("skipped", "must")
    assert rows["tokens"].verdict == rows["attack: alg-none"].verdict == "passed"
    assert card.stopped is None


def test_a_bad_token_that_takes_the_service_away_is_told(
    broken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no acceptance; others are still served."""

    def starting(name: str, *_: int) -> None:
        monkeypatch.setattr(target, "PATIENCE", 1.0 if name == "attack: alg-none" else 60.0)

    card = played(broken, "hangs-on-bad", "attack: alg-none", "good: unknown claim", starting=starting)
    rows = {row.name: (row.verdict, row.told) for row in card.rows}
    assert rows["attack: alg-none"] == ("error", "it was not answered: nothing came within 1 s")
    assert rows["good: unknown claim"][0] == "passed"


def test_a_service_that_is_started_elsewhere_is_restarted_by_a_command(
    service: list[str], tmp_path: Any
) -> None:
    """Which is told of the issuer as the service is."""
    url, *command = service
    pid, port = tmp_path / "pid", command[2]
    freed = f"while (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null; do sleep 0.05; done"
    stop = f"test -e {pid} && kill $(cat {pid}) && {freed}; "
    start = f"{shlex.join(command)} & echo $! > {pid}"
    with Target(url) as target:
        card = drill(
            target,
            restart=["bash", "-c", stop + start],
            make_issuer=lambda: LocalIssuer(algorithm="ES256"),
            life=1,
            wait=60,
            only=["cold start", "attack: alg-none"],
        )
        subprocess.run(["sh", "-c", f"kill $(cat {pid})"], check=True)
    assert [(row.name, row.verdict) for row in card.rows] == [
        ("cold start", "passed"),
        ("attack: alg-none", "passed"),
    ]


@pytest.mark.parametrize(
    ("restart", "wait", "said"),
    [
        (["/no/such/command"], 60, "/no/such/command: no such file or directory"),
        (["sh", "-c", "echo no such unit; exit 5"], 60, "ended with 5\nno such unit"),
        (["sleep", "60"], 0.3, "sleep 60: did not end within 0 s"),
    ],
)
def test_a_restart_that_fails_ends_the_drill(
    restart: list[str], wait: float, said: str, free_port: int
) -> None:
    """With what the command said."""
    with Target(f"http://127.0.0.1:{free_port}/") as target:
        card = drill(target, restart=restart, wait=wait, only=["tokens"])
    assert said in (card.stopped or "")
    assert [row.verdict for row in card.rows] == ["skipped"]


def test_a_port_that_is_taken_is_told(free_port: int) -> None:
    """The issuer's own."""
    with socket.create_server(("127.0.0.1", free_port)), Target("http://127.0.0.1:9/") as target:
        card = drill(target, make_issuer=lambda: LocalIssuer(port=free_port), only=["tokens"])
    assert (card.stopped or "").startswith("the drill's issuer cannot be started: ")


def test_what_a_command_has_started_ends_with_it(service: list[str]) -> None:
    """A shell's children, too: the next exercise needs the port."""
    url, *command = service
    with Target(url) as target:
        card = drill(
            target,
            command=["sh", "-c", f"{shlex.join(command)}; true"],
            make_issuer=lambda: LocalIssuer(algorithm="ES256"),
            only=["tokens", "rotation"],
        )
    assert card.passed, card.document()


def test_each_exercise_is_told_as_it_begins(served: Any, services: Any) -> None:
    """Its name, its number, and how many there are."""
    heard: list[tuple[str, int, int]] = []
    with Target(served(services.open(None))) as target:
        drill(target, only=["tokens", "good: *claim"], starting=lambda *told: heard.append(told))
    assert heard == [("tokens", 1, 2), ("good: unknown claim", 2, 2)]
