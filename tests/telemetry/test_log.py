"""Log: events as lines of the logger `rightkey`, one a second of a kind."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.conftest import Clock

from rightkey import events
from rightkey.events import (
    EntryRejected,
    Event,
    FetchFailed,
    KeyLeaked,
    KeysFetched,
    KeysRotated,
    RefetchRefused,
    ServedStale,
    StoreBack,
    StoreLost,
    TokensRefused,
)
from rightkey.telemetry import log
from rightkey.telemetry.log import FORMS, Log

ISSUER = "https://tenant.example/"
REFUSED = TokensRefused(
    ISSUER,
    "claims_rejected",
    401,
    "claims are not as required: aud mismatch",
    1,
    "k1",
    ("aud",),
    ("api",),
    (ISSUER,),
)


class Kept(logging.Handler):
    """Keeps records, and lines as a plain formatter writes them."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def lines(self) -> list[str]:
        return [f"{record.levelname} {record.getMessage()}" for record in self.records]


@pytest.fixture
def kept(clock: Clock) -> Iterator[Kept]:
    """A logger of its own at DEBUG, written to by the log under test."""
    handler, logger = Kept(), logging.getLogger("tests.telemetry")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


@pytest.fixture
def written(kept: Kept, clock: Clock) -> Log:
    return Log(logging.getLogger("tests.telemetry"), clock)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            REFUSED,
            "INFO token refused: code=claims_rejected issuer=https://tenant.example/ kid=k1 claims=aud"
            " expected_audience=api expected_issuer=https://tenant.example/"
            ": claims are not as required: aud mismatch",
        ),
        (
            TokensRefused(ISSUER, "keys_unavailable", 503, "no answer", 1),
            "WARNING token not judged: code=keys_unavailable issuer=https://tenant.example/: no answer",
        ),
        (
            FetchFailed(ISSUER, "keys_unavailable", "status 503", True, 1.5, "http_503", 0.012),
            "WARNING keys could not be fetched: issuer=https://tenant.example/ code=keys_unavailable"
            " reason=http_503 forced=True seconds=0.012 retry_after=1.5: status 503",
        ),
        (
            TokensRefused(ISSUER, "token_malformed", 401, "not a token", hint="was it cut off?"),
            "INFO token refused: code=token_malformed issuer=https://tenant.example/: not a token"
            "; hint: was it cut off?",
        ),
        (
            ServedStale(ISSUER, 3599.6),
            "WARNING keys past their life serve on: issuer=https://tenant.example/ left=3600",
        ),
        (
            RefetchRefused(ISSUER, 10.0, 713_000),
            "WARNING no request left for tokens that no key fits: issuer=https://tenant.example/ wait=10"
            " tokens=713000",
        ),
        (
            KeysRotated(ISSUER, ("b", "c"), ("a",)),
            "INFO keys rotated: issuer=https://tenant.example/ added=b,c removed=a",
        ),
        (
            KeyLeaked(ISSUER, "a", "thumb"),
            "ERROR the issuer published a private key, which is refused: issuer=https://tenant.example/ kid=a"
            " thumbprint=thumb",
        ),
        (
            StoreLost("", "redis://cache:6379/0", "TimeoutError"),
            "WARNING the fleet's store gives no answer: store=redis://cache:6379/0 reason=TimeoutError",
        ),
        (
            StoreBack("", "redis://cache:6379/0", 12.0),
            "INFO the fleet's store answers again: store=redis://cache:6379/0 seconds=12",
        ),
        (
            EntryRejected(ISSUER, "redis://cache:6379/0", "seal"),
            "ERROR what the fleet's store holds was not used: issuer=https://tenant.example/"
            " store=redis://cache:6379/0 reason=seal",
        ),
        (
            KeysFetched(ISSUER, 2, 0, False, "sha256:00", "200", 0.02),
            "DEBUG keys fetched: issuer=https://tenant.example/ keys=2 skipped=0 status=200 seconds=0.02"
            " key_set=sha256:00",
        ),
        (
            KeysFetched(ISSUER, 2, 0, False, "sha256:00", "200", 0.02, failures=7),
            "INFO keys fetched again: issuer=https://tenant.example/ keys=2 skipped=0 status=200 seconds=0.02"
            " key_set=sha256:00 failures=7",
        ),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_an_event_is_one_line(event: Event, line: str, written: Log, kept: Kept) -> None:
    """Words, then `name=value`, then the message where there is one."""
    written(event)
    assert kept.lines == [line]


@pytest.mark.parametrize("kind", get_args(Event), ids=lambda kind: kind.__name__)
def test_every_event_has_a_form(kind: type[Event]) -> None:
    """And shows fields that it has."""
    assert set(FORMS[kind].shown) <= {field.name for field in fields(kind)}


def test_fields_are_in_the_record(written: Log, kept: Kept) -> None:
    """By `extra`, so that what writes JSON need not take the line apart."""
    written(REFUSED)
    (record,) = kept.records
    assert {name: value for name, value in vars(record).items() if name.startswith("rightkey_")} == {
        "rightkey_event": "TokensRefused",
        "rightkey_issuer": ISSUER,
        "rightkey_code": "claims_rejected",
        "rightkey_status": 401,
        "rightkey_message": "claims are not as required: aud mismatch",
        "rightkey_tokens": 1,
        "rightkey_kid": "k1",
        "rightkey_claims": ["aud"],
        "rightkey_audience": ["api"],
        "rightkey_issuers": [ISSUER],
        "rightkey_hint": "",
    }
    json.dumps(vars(record)["rightkey_claims"])


def test_a_flood_is_one_line_a_second(written: Log, kept: Kept, clock: Clock) -> None:
    """With how many it stands for, whatever issuers and keys the tokens name."""
    for number in range(10_000):
        clock.now = number / 1000
        written(
            TokensRefused(f"https://{number % 100}.example/", "key_not_found", 401, "m", kid=f"k{number}")
        )
    assert len(kept.lines) == 10
    assert sum(record.rightkey_tokens for record in kept.records) == 9_001  # type: ignore[attr-defined]
    assert "tokens=1000" in kept.lines[-1]


def test_events_that_stand_for_many_are_added_up(written: Log, kept: Kept, clock: Clock) -> None:
    """As they come from several verifiers, each limited by itself."""
    for now, tokens in ((0.0, 1), (0.2, 500), (0.9, 40), (1.1, 7)):
        clock.now = now
        written(TokensRefused(ISSUER, "key_not_found", 401, "m", tokens))
    assert [record.rightkey_tokens for record in kept.records] == [1, 547]  # type: ignore[attr-defined]


def test_a_flood_hides_neither_other_codes_nor_other_events(written: Log, kept: Kept) -> None:
    """Nor does one issuer's outage hide another's."""
    for _ in range(100):
        written(TokensRefused(ISSUER, "key_not_found", 401, "m"))
    written(REFUSED)
    for issuer in ("https://a.example/", "https://b.example/", "https://a.example/"):
        written(FetchFailed(issuer, "keys_unavailable", "m", False, 1.0))
    written(KeyLeaked(ISSUER, "a", "1"))
    written(KeyLeaked(ISSUER, "b", "2"))
    assert [line.split(":")[0] for line in kept.lines] == [
        *["INFO token refused"] * 2,
        *["WARNING keys could not be fetched"] * 2,
        *["ERROR the issuer published a private key, which is refused"] * 2,
    ]


@pytest.mark.parametrize(
    "nasty",
    [
        "a\nCRITICAL forged",
        "a\r\nb",
        "\x1b[2J",
        "a\u2028b",
        "\u202egpj",
        "a\x00",
        "a\x85b",
        "'\" x=1",
        "\ud800",
        "k" * 9000,
    ],
)
def test_nothing_that_others_chose_writes_a_line_of_its_own(nasty: str, written: Log, kept: Kept) -> None:
    """Not by line breaks, control characters or text that runs backwards; and it can be read."""
    written(TokensRefused(nasty, "key_not_found", 401, f"no key {nasty}", kid=nasty, claims=(nasty,)))
    written(KeyLeaked(nasty, nasty, nasty))
    written(KeysRotated(nasty, (nasty,) * 1000, (nasty,)))
    stream = io.StringIO()
    plain = logging.StreamHandler(stream)
    plain.setFormatter(logging.Formatter("%(message)s %(rightkey_issuer)s"))
    for record in kept.records:
        plain.handle(record)
    lines = stream.getvalue()
    assert len(lines.splitlines()) == 3
    assert all(one.isprintable() for one in lines.replace("\n", ""))
    assert len(lines) < 20_000
    lines.encode()


def test_a_value_with_a_space_or_a_sign_is_quoted(written: Log, kept: Kept) -> None:
    """So that `kid="a kid=b"` cannot pass for two fields."""
    written(TokensRefused(ISSUER, "key_not_found", 401, "m", kid='a" issuer=b'))
    assert 'kid="a\\" issuer=b"' in kept.lines[0]


def test_what_is_not_logged_costs_nothing_and_is_not_counted(written: Log, kept: Kept) -> None:
    """A level that is off is asked for first."""
    logging.getLogger("tests.telemetry").setLevel(logging.ERROR)
    written(REFUSED)
    logging.getLogger("tests.telemetry").setLevel(logging.DEBUG)
    written(REFUSED)
    assert len(kept.lines) == 1


PROGRAM = """
import logging, threading, rightkey
from rightkey.localissuer import LocalIssuer
{configured}
with LocalIssuer(algorithm="ES256") as issuer:
    verifier = rightkey.Verifier(issuer.url, audience=issuer.audience)
    for token in (issuer.token(aud="other"), issuer.token()):
        try:
            verifier.verify(token)
        except rightkey.TokenRejected:
            pass
    issuer.rotate(surprise=True)
    verifier.verify(issuer.token())
    issuer.misbehave("jwks", "status")
    try:
        verifier.refresh()
    except rightkey.IssuerFault:
        pass
    for thread in threading.enumerate():  # events are told once no caller waits any more
        thread.name == "rightkey" and thread.join()
"""


def ran(configured: str) -> str:
    program = PROGRAM.format(configured=configured)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return done.stderr


@pytest.mark.slow
def test_it_is_silent_until_logging_is_configured() -> None:
    """As a library is: no word on stderr, of warnings either."""
    assert ran("") == ""


@pytest.mark.slow
def test_it_is_there_without_any_set_up() -> None:
    """A service that configures logging sees refusals, rotations and outages."""
    lines = ran('logging.basicConfig(level="INFO", format="%(levelname)s %(name)s %(message)s")').splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "INFO rightkey token refused",
        "INFO rightkey keys rotated",
        "WARNING rightkey keys could not be fetched",
    ]


def page(name: str) -> str:
    return (Path(__file__).parents[2] / "docs" / name).read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_dictionary_of_the_page_shows_it() -> None:
    """Also where it is read after rightkey, as Django and uvicorn do."""
    (dictionary,) = re.findall(r"^LOGGING = \{\n.*?^\}\n", page("logging.md"), re.DOTALL | re.MULTILINE)
    lines = ran(f"{dictionary}import logging.config; logging.config.dictConfig(LOGGING)").splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "token refused",
        "keys rotated",
        "keys could not be fetched",
    ]


def test_the_page_says_what_to_do_at_each_line() -> None:
    """Its level and its words, what it means and what to do: it is searched for as it was logged."""
    rows = re.findall(r"^\| ([A-Z]+) \| `(.+?)` \| .+ \| .+ \|$", page("logging.md"), re.MULTILINE)
    written = {(logging.getLevelName(form.level), form.words) for form in FORMS.values()}
    written |= {("WARNING", "token not judged"), ("INFO", "keys fetched again")}
    assert written - {("INFO", "token refused")} == set(rows)
    assert "Look for `token refused`" in page("logging.md")


def test_the_page_says_what_to_do_for_each_reason() -> None:
    """Of a failed fetch: those of the exchange, and those of an answer that is of no use."""
    advised = page("logging.md").partition("## Why keys could not be fetched")[2].partition("## ")[0]
    reasons = page("transport.md").partition("## Why a fetch failed")[2]
    named = set(re.findall(r"^\| `(\w+)` \|", reasons, re.MULTILINE))
    assert len(named) > 8
    named |= {"metadata_invalid", "issuer_mismatch", "keyset_invalid"}
    assert named <= set(re.findall(r"`(\w+)`", advised))


def test_it_is_subscribed_once() -> None:
    """By however many verifiers."""
    before = events.SUBSCRIBERS.listeners
    log.begin()
    log.begin()
    assert [one for one in events.SUBSCRIBERS.listeners if one is log.LOG] == [log.LOG]
    assert len(events.SUBSCRIBERS.listeners) - len(before) in (0, 1)


def test_no_line_holds_a_token_or_a_claim(issued: Any) -> None:
    """Not in the record either: every field of every line, of every attack there is."""
    issuer, verifier, records = issued
    secrets = []
    for attack in sorted(__import__("rightkey.localissuer", fromlist=["ATTACKS"]).ATTACKS):
        token = issuer.attack(attack, sub="alice-secret-subject")
        secrets += [part for part in str(token).split(".") if len(part) > 20]
        with pytest.raises(Exception):  # noqa: B017 - whatever it is
            verifier.verify(token)
    text = "\n".join(repr(vars(record)) + record.getMessage() for record in records.records)
    assert records.records
    assert "alice-secret-subject" not in text
    assert not [one for one in secrets if one in text]


@pytest.fixture
def issued(clock: Clock, kept: Kept) -> Iterator[Any]:
    """An issuer, a verifier, and what is logged of it without a limit."""
    from rightkey import Verifier
    from rightkey.localissuer import LocalIssuer

    moving = Clock()

    def elapsed() -> float:
        moving.now += 2.0
        return moving.now

    with LocalIssuer(algorithm="ES256") as issuer:
        listener = Log(logging.getLogger("tests.telemetry"), elapsed)
        yield issuer, Verifier(issuer.url, audience=issuer.audience, listener=listener), kept
