"""A key history as a value: what it keeps, what it refuses to read, what it exports."""

from __future__ import annotations

import json

import pytest

from rightkey.cli.watch.history import Broken, History
from rightkey.jose.keyset import KeySet
from rightkey.localissuer import SigningKey

ISSUER = "https://issuer.example/"
ONE, TWO = (SigningKey.generate("ES256").public_jwk() for _ in range(2))


def keys(*jwks: dict[str, object]) -> KeySet:
    return KeySet.parse({"keys": list(jwks)})


def grown() -> History:
    """ONE from 100 to 300, TWO from 200; watched from 100 to 400."""
    history = History.began(ISSUER, 100).seen(keys(ONE), 100, None)
    history = history.seen(keys(ONE, TWO), 200, 100).seen(keys(TWO), 300, 200)
    return history.with_line(400, "paused")


def text(history: History) -> str:
    return "".join(f"{line.text()}\n" for line in history.lines)


def test_it_reads_what_it_wrote() -> None:
    """Line by line; a head that is one line behind is that of a process that ended in between."""
    history = grown()
    assert History.read(text(history), history.head + "\n") == history
    behind = History(history.lines[:-1]).head
    assert History.read(text(history), behind) == history


def test_which_key_was_published_when() -> None:
    """From when it was first seen to when it was first missing; what is seen again adds nothing."""
    history = grown()
    assert [(one.key.kid, one.since, one.until) for one in history.spans] == [
        (ONE["kid"], 100, 300),
        (TWO["kid"], 200, None),
    ]
    assert history.seen(keys(TWO), 350, 300) == history
    assert [key.kid for key in history.keys_at(250)] == [ONE["kid"], TWO["kid"]]
    assert [key.kid for key in history.keys_at(300)] == [TWO["kid"]]
    assert [history.known_at(at) for at in (99, 100, 399, 400)] == [False, True, True, False]


def test_another_key_under_the_same_kid() -> None:
    """Is one withdrawn and one published."""
    other = TWO | {"kid": ONE["kid"]}
    history = History.began(ISSUER, 1).seen(keys(ONE), 1, None).seen(keys(other), 2, 1)
    assert [(one.until, one.key.thumbprint != other["x"]) for one in history.spans] == [
        (2, True),
        (None, True),
    ]


@pytest.mark.parametrize("number", range(5))
def test_a_changed_line_is_refused(number: int) -> None:
    """By the number of the line behind it, which names its hash; the last by the head."""
    history = grown()
    lines = text(history).splitlines()
    lines[number] = lines[number].replace('"at":', '"at":1', 1)
    with pytest.raises(Broken) as caught:
        History.read("\n".join(lines) + "\n", history.head)
    assert caught.value.line == number + 2


@pytest.mark.parametrize("number", range(4))
def test_a_missing_or_moved_line_is_refused(number: int) -> None:
    """At the place where it was."""
    history = grown()
    lines = text(history).splitlines()
    moved = lines.copy()
    moved[number], moved[number + 1] = moved[number + 1], moved[number]
    for broken in (lines[:number] + lines[number + 1 :], moved):
        with pytest.raises(Broken) as caught:
            History.read("\n".join(broken) + "\n", history.head)
        assert caught.value.line == number + 1


@pytest.mark.parametrize("left", range(1, 5))
def test_a_cut_history_is_refused(left: int) -> None:
    """Whole lines that are gone from the end are noticed by the head; half a line by itself."""
    history = grown()
    whole = text(history)
    cut = "".join(f"{line}\n" for line in whole.splitlines()[:left])
    with pytest.raises(Broken, match="lines are missing"):
        History.read(cut, history.head)
    for octets in (whole[:-1], whole[:-20], ""):
        with pytest.raises(Broken, match="cut off"):
            History.read(octets, history.head)
    with pytest.raises(Broken, match="head of the history is missing"):
        History.read(whole, None)


@pytest.mark.parametrize(
    "line",
    ["", "[]", "null", "{}", '{"a":1}', '{"at":"x","event":"began","number":0,"previous":"0"}', "\ud83d"],
)
def test_what_is_no_line_is_refused(line: str) -> None:
    """Without a stray exception."""
    with pytest.raises(Broken):
        History.read(f"{line}\n", "0 0")


def test_the_export_has_the_form_of_openid_federation() -> None:
    """`iss`, `iat` and the withdrawn keys, each with `iat` and `exp`, and `revoked` where it leaked."""
    history = grown().seen(keys(ONE, TWO), 500, 400)
    leaked = history.spans[1].key
    history = history.with_line(600, "leaked", kid=leaked.kid, thumbprint=leaked.thumbprint)
    exported = history.seen(keys(ONE), 600, 500).exported(700)
    assert (exported["iss"], exported["iat"]) == (ISSUER, 700)
    first, second = exported["keys"]
    assert (first["kid"], first["iat"], first["exp"], "revoked" in first) == (ONE["kid"], 100, 300, False)
    assert second["revoked"] == {"revoked_at": 600, "reason": "compromised"}
    assert "d" not in json.dumps([sorted(key) for key in exported["keys"]]).split('"')


def test_time_does_not_run_back() -> None:
    """A clock that is set back moves no line before the one above it."""
    assert grown().with_line(5, "resumed").lines[-1].at == 400
