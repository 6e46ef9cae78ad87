"""VerifierDenylist: a denied token is refused, remembered or not, in all verifiers that share the list."""

from __future__ import annotations

import asyncio
import inspect
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from tests.stores.conftest import SECRET

import rightkey
from rightkey import Denylist, IssuerUnavailable, Misconfigured, TokenRejected
from rightkey.localissuer import LocalIssuer
from rightkey.stores.denials import LATE
from rightkey.stores.local import DirectoryStore
from rightkey.verdict.denylist import DenialSet
from rightkey.verifier import denylist
from rightkey.verifier.explaining import step_of

KINDS = [rightkey.Verifier, rightkey.AsyncVerifier]
REFUSE, SERVE = Denylist(on_loss="refuse"), Denylist(on_loss="serve")


@pytest.fixture
def issuer(denying_issuer: LocalIssuer) -> LocalIssuer:
    return denying_issuer


def done(outcome: Any) -> Any:
    """What a call came to, in threads or in tasks."""

    async def waited() -> Any:
        return await outcome

    return asyncio.run(waited()) if inspect.isawaitable(outcome) else outcome


def refused(call: Callable[[], Any]) -> str | None:
    with pytest.raises(TokenRejected) as caught:
        done(call())
    assert (caught.value.code, caught.value.status) == ("token_revoked", 401)
    assert "alice" not in str(caught.value)
    assert "session" not in str(caught.value) or caught.value.reason == "session_denied"
    return caught.value.reason


def until(true: Callable[[], bool]) -> bool:
    """Whether it comes about in a minute."""
    end = time.monotonic() + 60
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("remember", [0, 1024])
@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ({"sid": "s1"}, "session_denied"),
        ({"sub": "alice"}, "subject_denied"),
        ({"jti": "j1"}, "token_denied"),
        ({"before": 4e9}, "issuer_denied"),
    ],
)
def test_a_denied_token_is_refused(
    kind: Any, remember: int, named: dict[str, Any], reason: str, issuer: LocalIssuer
) -> None:
    """Also one that is remembered, in every verifier of the process that has a denylist."""
    token = issuer.token(sub="alice", sid="s1", jti="j1")
    how: dict[str, Any] = {"audience": issuer.audience, "remember": remember, "denylist": REFUSE}
    one, other = kind(issuer.url, **how), pickle.loads(pickle.dumps(kind.of(trust_of(issuer), **others(how))))
    for verifier in (one, other):
        assert done(verifier.verify(token)).subject == "alice"
    done(one.deny(**named))
    for verifier in (one, other, one):
        assert refused(lambda verifier=verifier: verifier.verify(token)) == reason
    without = kind(issuer.url, audience=issuer.audience)
    assert done(without.verify(token)).subject == "alice"


def trust_of(issuer: LocalIssuer) -> rightkey.Trust:
    return rightkey.Trust(issuer.url, audience=issuer.audience)


def others(how: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in how.items() if name != "audience"}


@pytest.mark.parametrize("kind", KINDS)
def test_of_several_issuers_one_is_named(kind: Any, issuer: LocalIssuer) -> None:
    """In any spelling; a subject of another issuer is another."""
    with LocalIssuer(algorithm="ES256") as second:
        verifier = kind.of(trust_of(issuer), trust_of(second), denylist=SERVE)
        token, other = issuer.token(sub="alice"), second.token(sub="alice")
        with pytest.raises(Misconfigured, match="issuer="):
            done(verifier.deny(sub="alice"))
        done(verifier.deny(sub="alice", issuer=issuer.url + "/"))
        assert refused(lambda: verifier.verify(token)) == "subject_denied"
        assert done(verifier.verify(other)).subject == "alice"
        single = kind(issuer.url, audience=issuer.audience, denylist=SERVE)
        done(single.deny(sub="alice", issuer=second.url))
        assert refused(lambda: verifier.verify(other)) == "subject_denied"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("named", "other"),
    [
        ("https://appleid.apple.com", "https://account.apple.com"),
        ("https://sts.example.com/adfs", "http://sts.example.com/adfs/services/trust"),
    ],
)
def test_an_issuer_that_has_two_names_is_one(kind: Any, named: str, other: str, issuer: LocalIssuer) -> None:
    """A logout token may come under the other than access tokens do."""
    single = kind(named, audience="api", denylist=REFUSE)
    several = kind.of(rightkey.Trust(named, "api"), trust_of(issuer), denylist=REFUSE)
    for verifier in (single, several):
        assert (
            verifier._verifier_denylist(other)[1]
            == verifier._verifier_denylist(named)[1]
            == single._verifier_denylist(None)[1]
        )
        assert verifier._verifier_denylist(issuer.url)[1] != single._verifier_denylist(None)[1]
        with pytest.raises(Misconfigured, match="issuer must be a string, not int"):
            done(verifier.deny(sid="s", issuer=5))
        with pytest.raises(Misconfigured, match="issuer must not be empty"):
            done(verifier.deny(sid="s", issuer=""))


def test_keys_of_any_issuer_are_denied_by_the_tokens_own(issuer: LocalIssuer) -> None:
    """Its `iss` counts, where the verifier names none."""
    keys = rightkey.locate(issuer.url).keys
    verifier = rightkey.Verifier(rightkey.ANY, audience=issuer.audience, keys=keys, denylist=REFUSE)
    verifier.deny(sid="s1", issuer=issuer.url)
    assert refused(lambda: verifier.verify(issuer.token(sid="s1"))) == "session_denied"
    verifier.deny(sid="s2")
    assert refused(lambda: verifier.verify(issuer.token(sid="s2"))) == "session_denied"


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_denylist_nothing_is_denied(kind: Any, issuer: LocalIssuer) -> None:
    """It is said, and not ignored."""
    with pytest.raises(Misconfigured, match="needs denylist="):
        done(kind(issuer.url, audience=issuer.audience).deny(sid="s"))
    with pytest.raises(Misconfigured, match="must be a Denylist"):
        kind(issuer.url, audience=issuer.audience, denylist="refuse")
    with pytest.raises(Misconfigured, match="must be a Denylist"):
        kind.of(trust_of(issuer), denylist=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_list_says_so(kind: Any, issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """503, so that the caller asks again: the tokens may pass."""
    full = DenialSet(denylist.GUARD, 1)
    monkeypatch.setattr(denylist, "own", lambda: full)
    verifier = kind(issuer.url, audience=issuer.audience, denylist=REFUSE)
    done(verifier.deny(sid="1"))
    with pytest.raises(IssuerUnavailable, match="no room") as caught:
        done(verifier.deny(sid="2"))
    assert caught.value.code == "store_unavailable"


class Other(DirectoryStore):
    """Another process's view of the same directory, that fails when it is told to."""

    lost = False

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    def denied(self, since: Any, /) -> Any:
        if type(self).lost:
            raise OSError
        return super().denied(since)

    def deny(self, record: bytes, until: float, /) -> None:
        if type(self).lost:
            raise OSError
        super().deny(record, until)

    def version(self) -> Any:
        if type(self).lost:
            raise OSError
        return super().version()


@pytest.fixture
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Other]]:
    """Makes processes' views of one directory. Tasks wait for them however busy this machine is."""
    monkeypatch.setattr(denylist, "MAX_WAIT", 60.0)
    Other.lost = False
    yield lambda: Other(str(tmp_path / "store"))
    Other.lost = False


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("run", ["asyncio", "trio"])
def test_a_denial_reaches_the_fleet(
    kind: Any, run: str, issuer: LocalIssuer, stores: Callable[[], Other]
) -> None:
    """By the verifier's store, or one of the denylist's own; who starts later knows it at once."""
    how: dict[str, Any] = {"audience": issuer.audience, "denylist": REFUSE}
    one = kind(issuer.url, store=stores(), store_secret=SECRET, **how)
    own = Denylist(on_loss="refuse", store=stores(), store_secret=SECRET)
    other = kind(issuer.url, audience=issuer.audience, denylist=own)
    token = issuer.token(sub="alice", sid="s1")

    async def verified(verifier: Any) -> str:
        try:
            outcome = verifier.verify(token)
            return str((await outcome if inspect.isawaitable(outcome) else outcome).subject)
        except TokenRejected as error:
            return str(error.reason)

    async def denied() -> None:
        outcome = one.deny(sid="s1")
        if inspect.isawaitable(outcome):
            await outcome

    go = trio.run if run == "trio" else lambda call, *args: asyncio.run(call(*args))
    assert [go(verified, verifier) for verifier in (one, other)] == ["alice"] * 2
    go(denied)
    assert go(verified, one) == "session_denied"
    assert until(lambda: go(verified, other) == "session_denied")
    later = kind(issuer.url, store=stores(), store_secret=SECRET, **how)
    assert go(verified, later) == "session_denied"


@pytest.mark.slow
def test_the_status_tells_how_old_the_list_is(issuer: LocalIssuer, stores: Callable[[], Other]) -> None:
    """And how many are denied; nothing where there is no list."""
    how: dict[str, Any] = {"audience": issuer.audience, "store": stores(), "store_secret": SECRET}
    told = rightkey.Verifier(issuer.url, **how).status().store
    assert told is not None
    assert (told.denied, told.denied_age) == (None, None)
    Other.lost = True
    verifier = rightkey.Verifier(issuer.url, denylist=SERVE, **how | {"store": stores()})
    told = verifier.status().store
    assert told is not None
    assert (told.denied, told.denied_age) == (0, None)
    Other.lost = False
    assert until(lambda: age_of(verifier) is not None)


def age_of(verifier: rightkey.Verifier) -> float | None:
    told = verifier.status().store
    assert told is not None
    return told.denied_age


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("denylist", [REFUSE, SERVE])
def test_a_list_that_was_never_read(
    kind: Any, denylist: Denylist, issuer: LocalIssuer, stores: Callable[[], Other]
) -> None:
    """`on_loss` says what becomes of tokens."""
    Other.lost = True
    verifier = kind(issuer.url, audience=issuer.audience, store=stores(), denylist=denylist)
    token = issuer.token(sub="alice")
    if denylist.serves:
        assert done(verifier.verify(token)).subject == "alice"
    else:
        with pytest.raises(IssuerUnavailable, match="denylist cannot be read") as caught:
            done(verifier.verify(token))
        assert (caught.value.code, caught.value.retry_after) == ("store_unavailable", 1.0)
    Other.lost = False
    assert until(lambda: passes(verifier, token))


def passes(verifier: Any, token: str) -> bool:
    try:
        return bool(done(verifier.verify(token)))
    except IssuerUnavailable:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_lost_store_forgets_nothing(kind: Any, issuer: LocalIssuer, stores: Callable[[], Other]) -> None:
    """What was read is refused, what was denied meanwhile is refused here, and put in when it is back."""
    store, token = stores(), issuer.token(sub="alice", sid="s1")
    verifier = kind(issuer.url, audience=issuer.audience, store=store, denylist=SERVE)
    assert done(verifier.verify(token)).subject == "alice"
    Other.lost = True
    with pytest.raises(IssuerUnavailable, match="did not take it") as caught:
        done(verifier.deny(sid="s1"))
    assert caught.value.code == "store_unavailable"
    shared = verifier._issuer.verifier_denylist._shared
    shared._read_at = -LATE * 1e9
    assert refused(lambda: verifier.verify(token)) == "session_denied"
    Other.lost = False
    later = kind(issuer.url, audience=issuer.audience, store=stores(), denylist=SERVE)
    assert until(lambda: not accepted(later, token))


def accepted(verifier: Any, token: str) -> bool:
    try:
        return bool(done(verifier.verify(token)))
    except TokenRejected:
        return False


@pytest.mark.parametrize("what", ["catch_up_async", "deny_async"])
def test_a_task_waits_for_so_long_and_no_longer(
    what: str, issuer: LocalIssuer, stores: Callable[[], Other], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has no answer by then is late, or was not taken."""
    monkeypatch.setattr(denylist, "MAX_WAIT", 0.0)
    asked = denylist.VerifierDenylist(
        Denylist(on_loss="serve", store=stores(), store_secret=SECRET), None, lambda: 1000.0
    )
    entry, over = asked.denial("i", None, None, sid="s"), threading.Event()
    slow: Any = SimpleNamespace(late=True, deny=lambda _: over.wait(60), catch_up=lambda: over.wait(60))
    asked._shared = slow
    assert entry.until == 1000.0 + 86_400
    if what == "deny_async":
        with pytest.raises(IssuerUnavailable, match="in time"):
            asyncio.run(asked.deny_async(entry))
    else:
        asyncio.run(asked.catch_up_async())
    over.set()


def test_in_memory_nothing_is_late(issuer: LocalIssuer) -> None:
    """There is no store to wait for."""
    asked = denylist.VerifierDenylist(REFUSE, None, None)
    assert not asked.late
    asked.catch_up()
    asked.judge("i", {"sub": "alice"}, 0.0)
    assert not asked.late


def test_a_store_must_keep_one(issuer: LocalIssuer, bare_store: Any) -> None:
    """It is told when the verifier is built."""
    with pytest.raises(Misconfigured, match="keeps no denylist"):
        rightkey.Verifier(issuer.url, audience=issuer.audience, store=bare_store, denylist=REFUSE)


def test_a_logout_token_is_of_a_session_that_has_ended(issuer: LocalIssuer) -> None:
    """A verifier of logout tokens denies, and looks nothing up: it may come twice."""
    verifier = rightkey.Verifier(issuer.url, audience=issuer.audience, profile="logout", denylist=REFUSE)
    verifier.deny(sid="s1")
    assert verifier._issuer.verifier_denylist is None
    assert not verifier._issuer.concludes


def test_the_path_tells_it(issuer: LocalIssuer) -> None:
    """As a last step that failed, after all others."""
    verifier = rightkey.Verifier(issuer.url, audience=issuer.audience, denylist=REFUSE)
    verifier.deny(sid="s1")
    told = verifier.explain(issuer.token(sid="s1"))
    assert (told.steps[-1].step, told.steps[-1].outcome) == ("denylist", "failed")
    assert [step.step for step in told.steps if step.outcome == "failed"] == ["denylist"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_path_tells_a_list_that_cannot_be_read(
    kind: Any, issuer: LocalIssuer, stores: Callable[[], Other]
) -> None:
    """At the same step: there may be no proof in sight. So does a copy of the error."""
    Other.lost = True
    verifier = kind(issuer.url, audience=issuer.audience, store=stores(), denylist=REFUSE)
    told = done(verifier.explain(issuer.token()))
    assert told.error.code == "store_unavailable"
    assert [step.step for step in told.steps if step.outcome == "failed"] == ["denylist"]
    assert step_of(pickle.loads(pickle.dumps(told.error))) == "denylist"


@pytest.mark.slow
def test_who_has_no_denylist_loads_nothing_of_it() -> None:
    """Neither by importing a verifier nor by building and using one, with a store or without."""
    program = """if True:
        import sys, tempfile, rightkey
        from rightkey.localissuer import LocalIssuer
        issuer = LocalIssuer(algorithm="ES256")
        verifier = rightkey.Verifier(issuer.url, audience=issuer.audience, transport=issuer.transport())
        verifier.verify(issuer.token())
        names = ("denylist", "denials", "journal", "aside", "marks", "used")
        print(sorted(name for name in sys.modules if name.startswith("rightkey") and name.endswith(names)))
    """
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
