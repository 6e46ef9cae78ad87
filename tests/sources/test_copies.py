"""Copies of an issuer's keys: they serve as its answer of that age would, and are gone with its next one."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Clock

import rightkey
from rightkey import FirstOf, Freshness, KeySet, Verifier
from rightkey.exchange import Request, Response
from rightkey.localissuer import LocalIssuer
from rightkey.sources.copies import Copy, copy_in, document_of
from rightkey.stores.local import DirectoryStore

HOUR = 3600.0


class Gate:
    """A transport whose answers wait until it is open."""

    def __init__(self, issuer: LocalIssuer) -> None:
        self.open = threading.Event()
        self._inner = issuer.transport()

    def get(self, request: Request) -> Response:
        assert self.open.wait(60)
        return self._inner.get(request)


@pytest.fixture
def clock() -> Clock:
    return Clock(1_000_000.0)


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


def saved(issuer: LocalIssuer, path: Path, age: float = 0.0, /, **members: Any) -> Path:
    """A copy of what the issuer publishes now, written so many seconds ago."""
    found = rightkey.locate(issuer.url)
    document = document_of(found.keys, issuer.url, found.jwks_uri, found.status, time.time() - age)
    path.write_text(json.dumps(document | members), encoding="utf-8")
    issuer.requests.clear()
    return path


def made(issuer: LocalIssuer, clock: Clock, *keys: Any, **settings: Any) -> Verifier:
    settings.setdefault("freshness", Freshness())
    return Verifier(issuer.url, audience=issuer.audience, keys=FirstOf(*keys), elapsed=clock, **settings)


def revoke(issuer: LocalIssuer) -> None:
    """Withdraw the key that has signed so far."""
    kid = issuer.current.kid
    issuer.rotate()
    issuer.revoke(kid)


def fetched(verifier: Verifier, issuer: LocalIssuer) -> None:
    """Wait for what runs detached: a refresh that is asked for joins it."""
    verifier.refresh()
    issuer.requests.clear()


def test_a_copy_is_a_key_set_that_any_tool_reads(issuer: LocalIssuer, tmp_path: Path) -> None:
    """Public halves alone, and beside them of whom, from where, since when and for how long."""
    began = time.time()
    path = saved(issuer, tmp_path / "keys.json")
    document = json.loads(path.read_text(encoding="utf-8"))
    assert KeySet.parse(document).identities == rightkey.locate(issuer.url).keys.identities
    assert {"d", "priv"}.isdisjoint(name for key in document["keys"] for name in key)
    copy = copy_in(path)
    assert isinstance(copy, Copy)
    assert (copy.issuer, copy.jwks_uri) == (issuer.url.rstrip("/"), f"{issuer.url}.well-known/jwks.json")
    assert 0 <= copy.age(time.time()) <= time.time() - began + 1  # it has whole seconds
    assert copy.headers["cache-control"].startswith("max-age=")


def test_a_copy_serves_without_a_request_while_it_is_fresh(
    issuer: LocalIssuer, clock: Clock, tmp_path: Path
) -> None:
    """As the issuer's answer would; a key that is not in it is asked for."""
    verifier = made(issuer, clock, saved(issuer, tmp_path / "keys.json"), None)
    assert verifier.verify(issuer.token(sub="alice")).subject == "alice"
    assert issuer.requests.total == 0
    issuer.rotate(surprise=True)
    assert verifier.verify(issuer.token(sub="bob")).subject == "bob"
    assert issuer.requests["jwks"] == 1


def test_an_older_copy_serves_while_the_issuer_is_asked(
    issuer: LocalIssuer, clock: Clock, tmp_path: Path
) -> None:
    """No caller waits: neither the first, nor those who come meanwhile. Then the issuer's answer counts."""
    gate = Gate(issuer)
    verifier = made(issuer, clock, saved(issuer, tmp_path / "keys.json", 0.5 * HOUR), None, transport=gate)
    raw = issuer.token(sub="alice")
    for _ in range(3):
        assert verifier.verify(raw).subject == "alice"
    assert (verifier.status().age or 0) >= 0.5 * HOUR  # nothing has been answered
    gate.open.set()
    fetched(verifier, issuer)
    assert verifier.verify(raw).subject == "alice"
    assert (verifier.status().age, issuer.requests.total) == (0.0, 0)


def test_a_revoked_key_is_gone_with_the_issuers_first_answer(
    issuer: LocalIssuer, clock: Clock, tmp_path: Path
) -> None:
    """Nothing of a copy lingers, whatever grace an issuer's own keys have."""
    path = saved(issuer, tmp_path / "keys.json", HOUR)
    raw = issuer.token(sub="mallory")
    revoke(issuer)
    verifier = made(issuer, clock, path, None, freshness=Freshness(grace=300.0))
    assert verifier.verify(raw).subject == "mallory"
    fetched(verifier, issuer)
    with pytest.raises(rightkey.TokenRejected) as raised:
        verifier.verify(raw)
    assert raised.value.code == "key_not_found"


def test_a_revoked_key_never_outlives_the_stated_bound(
    issuer: LocalIssuer, clock: Clock, tmp_path: Path
) -> None:
    """Not in an outage either: the copy's own age counts, and not that of the process."""
    path = saved(issuer, tmp_path / "keys.json", HOUR)
    raw = issuer.token(sub="mallory", exp=time.time() + 10 * HOUR)
    issuer.misbehave("jwks", "html")
    verifier = made(issuer, clock, path, None)
    bound = verifier.status().revoked_key_bound
    assert bound is not None
    assert 0 < bound <= HOUR
    assert verifier.verify(raw).subject == "mallory"
    clock.now += bound - 1
    assert verifier.verify(raw).subject == "mallory"
    clock.now += 2
    with pytest.raises(rightkey.IssuerUnavailable):
        verifier.verify(raw)


@pytest.mark.parametrize("age", [3 * HOUR, 400 * 24 * HOUR, -HOUR], ids=["old", "a year", "of the future"])
def test_what_is_too_old_or_of_the_future_is_not_used(
    age: float, issuer: LocalIssuer, clock: Clock, tmp_path: Path
) -> None:
    """The issuer is asked first, as without it; and where it cannot be, nothing serves."""
    path = saved(issuer, tmp_path / "keys.json", age)
    raw = issuer.token(sub="mallory")
    revoke(issuer)
    with pytest.raises(rightkey.TokenRejected):
        made(issuer, clock, path, None).verify(raw)
    assert issuer.requests["jwks"] >= 1


def test_how_old_it_may_be_is_a_setting_and_the_issuer_may_shorten_it(
    issuer: LocalIssuer, clock: Clock, tmp_path: Path
) -> None:
    """`stale_if_error` lengthens; what the issuer said of its answer shortens."""
    day = 24 * HOUR
    path = saved(issuer, tmp_path / "keys.json", 6 * day, cache_control="max-age=600")
    week = Freshness(stale_if_error=7 * day)
    issuer.misbehave("jwks", "html")
    raw = issuer.token(sub="alice", exp=time.time() + 10 * HOUR)
    assert made(issuer, clock, path, None, freshness=week).verify(raw).subject == "alice"
    saved_again = json.loads(path.read_text(encoding="utf-8")) | {
        "cache_control": "max-age=60, must-revalidate"
    }
    path.write_text(json.dumps(saved_again | {"located_at": time.time() - HOUR}), encoding="utf-8")
    with pytest.raises(rightkey.IssuerUnavailable):
        made(issuer, Clock(), path, None).verify(raw)


def test_a_store_comes_after_the_copy_and_before_the_issuer(issuer: LocalIssuer, tmp_path: Path) -> None:
    """What another process has brought is taken, and the issuer is not asked again."""
    store = DirectoryStore(tmp_path / "store")
    path = saved(issuer, tmp_path / "keys.json", HOUR)
    other = Verifier(issuer.url, audience=issuer.audience, store=store)
    other.prepare()
    issuer.requests.clear()
    verifier = made(issuer, Clock(), path, None, store=store)
    assert verifier.verify(issuer.token(sub="alice")).subject == "alice"
    assert issuer.requests.total == 0


def test_a_copy_stands_before_the_url_that_it_is_of(
    issuer: LocalIssuer, clock: Clock, tmp_path: Path
) -> None:
    """And before nothing else: a file of keys would hold them for ever."""
    path = saved(issuer, tmp_path / "keys.json")
    url = f"{issuer.url}.well-known/jwks.json"
    assert made(issuer, clock, path, url).verify(issuer.token(sub="alice")).subject == "alice"
    assert issuer.requests.total == 0
    for others in ((), (f"{issuer.url}other.json",), (KeySet(()),)):
        with pytest.raises(rightkey.Misconfigured, match="a copy of the keys of"):
            made(issuer, clock, path, *others)
    with LocalIssuer() as another, pytest.raises(rightkey.Misconfigured, match="a copy of the keys of"):
        made(another, clock, path, None)


def test_keys_of_ones_own_stay_what_they_are(issuer: LocalIssuer, clock: Clock, tmp_path: Path) -> None:
    """Pinned, in order; so is a copy that stands alone, for a tool that reads no more than keys."""
    path = saved(issuer, tmp_path / "keys.json", 300 * HOUR)
    pinned = tmp_path / "pinned.json"
    keys = json.loads(path.read_text(encoding="utf-8"))["keys"]
    pinned.write_text(json.dumps({"keys": keys}), encoding="utf-8")
    raw = issuer.token(sub="alice")
    assert made(issuer, clock, pinned, None).verify(raw).subject == "alice"
    assert made(issuer, clock, pinned, path, None).verify(raw).subject == "alice"
    assert Verifier(issuer.url, audience=issuer.audience, keys=path).verify(raw).subject == "alice"
    assert issuer.requests.total == 0


def test_a_copy_is_not_begun_with_where_the_issuer_has_been_asked(
    issuer: LocalIssuer, tmp_path: Path
) -> None:
    """By another verifier of the process: what that holds is newer."""
    clock = Clock()
    path = saved(issuer, tmp_path / "keys.json", HOUR)
    raw = issuer.token(sub="mallory")
    revoke(issuer)
    Verifier(issuer.url, audience=issuer.audience, elapsed=clock).prepare()
    with pytest.raises(rightkey.TokenRejected):
        made(issuer, clock, path, None).verify(raw)


def test_a_distrusted_key_is_refused_in_a_copy_too(issuer: LocalIssuer, clock: Clock, tmp_path: Path) -> None:
    """It belongs to the issuer's record."""
    path = saved(issuer, tmp_path / "keys.json")
    verifier = made(issuer, clock, path, None)
    raw = issuer.token(sub="mallory")
    verifier.distrust(issuer.current.kid)
    with pytest.raises(rightkey.TokenRejected):
        verifier.verify(raw)
    with pytest.raises(rightkey.TokenRejected):
        made(issuer, Clock(), path, None).verify(raw)


@pytest.mark.parametrize(
    "broken",
    [
        {"located_at": "yesterday"},
        {"located_at": True},
        {"located_at": None},
        {"issuer": 5},
        {"jwks_uri": None},
        {"cache_control": ["max-age=1"]},
    ],
)
def test_a_broken_copy_is_refused_when_it_is_given(
    broken: dict[str, Any], issuer: LocalIssuer, clock: Clock, tmp_path: Path
) -> None:
    """It says that it is one: it must not be taken for keys of one's own."""
    path = saved(issuer, tmp_path / "keys.json", **broken)
    with pytest.raises(rightkey.Misconfigured, match="not a copy") as raised:
        made(issuer, clock, path, None)
    assert "locate" in (raised.value.hint or "")


@pytest.mark.parametrize("content", [b"", b'{"located_at"', b"{}", b'{"keys": [], "located_at": 5}', b"\xff"])
def test_a_file_without_keys_is_told_as_any_other(
    content: bytes, issuer: LocalIssuer, clock: Clock, tmp_path: Path
) -> None:
    """By the reader of files."""
    path = tmp_path / "keys.json"
    path.write_bytes(content)
    assert copy_in(path) is None
    for unreadable in (tmp_path / "none.json", Path("a\0b")):
        assert copy_in(unreadable) is None
    with pytest.raises(rightkey.Misconfigured, match=r"keys\.json"):
        made(issuer, clock, path, None)


def test_a_clock_that_is_a_little_ahead_makes_no_copy_unusable() -> None:
    """But one that is of the future would never be too old."""
    copy = Copy(Path("k"), KeySet(()), "i", "u", 1000.0, {})
    assert [copy.age(now) for now in (1100.0, 999.0, 701.0, 699.0)] == [100.0, 0.0, 0.0, math.inf]
