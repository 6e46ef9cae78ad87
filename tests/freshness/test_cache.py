"""Cache: the rules of section 3 of the design, played with time as an argument."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rightkey import Freshness, IssuerUnavailable, KeySet
from rightkey.errors import IssuerFault, IssuerMisbehaved
from rightkey.events import (
    Event,
    FetchFailed,
    KeyLeaked,
    KeysFetched,
    KeysMissing,
    KeysRotated,
    RefetchRefused,
    ServedStale,
)
from rightkey.freshness.budget import Draws
from rightkey.freshness.cache import Cache, Serve
from rightkey.freshness.record import Record
from rightkey.freshness.refetch import RefetchDecision
from rightkey.freshness.refresh import NoSigningKey, Refreshed
from rightkey.freshness.status import Status
from rightkey.issuer.discovery import Metadata
from rightkey.jose.jws import Header, key_not_found, signature_invalid
from rightkey.localissuer.keys.signing import Form, SigningKey
from rightkey.verdict.held import NOTHING, NeedsNewer, Outlook, fault_of

A, B, C = (SigningKey.generate("ES256", Form(certificates=False), kid=kid) for kid in "abc")
DOWN = IssuerUnavailable("keys_unavailable", "status 503")
MOMENTS = iter(range(1, 10**9))
URL = "https://issuer.example/keys"


def stated(issuer: str, uri: str) -> Metadata:
    return Metadata(issuer, uri, (issuer,))


def keys_of(*keys: SigningKey, private: Iterable[SigningKey] = ()) -> KeySet:
    members = [key.private_jwk() if key in private else key.public_jwk() for key in keys]
    return KeySet.parse({"keys": members}, published=True)


def need(
    kid: str | None = "new",
    reason: Any = "nothing_fits",
    tried: Iterable[SigningKey] = (),
    x5t: str | None = None,
) -> NeedsNewer:
    header = Header("ES256", kid, None, None, x5t, None, "", {})
    errors = {"nothing_fits": key_not_found(header), "signature": signature_invalid(header)}
    return NeedsNewer(reason, header, errors.get(reason), tuple(keys_of(*tried)))


class Played:
    """A Cache whose refreshes come to what the test says, at the time that the test says."""

    def __init__(self, freshness: Freshness | None = None) -> None:
        self.record = Record("https://issuer.example")
        budgets: defaultdict[str, Draws] = defaultdict(Draws)
        self.cache = Cache("issuer.example", freshness or Freshness(), self.record, budgets.__getitem__)
        self.now = 1000.0

    def good(self, *keys: SigningKey, forced: bool = False, **more: Any) -> list[Event]:
        headers: Mapping[str, str] = more.pop("headers", {})
        keyset: KeySet | None = keys_of(*keys, private=more.pop("private", ())) if keys else None
        refreshed = Refreshed(self.now, moment=next(MOMENTS), keys=keyset, headers=headers, url=URL, **more)
        return self.cache.take(refreshed, self.now, 1.0, forced=forced)

    def bad(self, failure: IssuerFault = DOWN, *, forced: bool = False) -> list[Event]:
        refreshed = Refreshed(self.now, moment=next(MOMENTS), failure=failure)
        return self.cache.take(refreshed, self.now, 1.0, forced=forced)

    def read_metadata(self, uri: str = URL) -> None:
        self.cache.metadata, self.cache.metadata_began = stated("https://issuer.example", uri), self.now

    def serve(self, *, waited: bool = False) -> Serve:
        return self.cache.serve(self.now, waited=waited)

    def ask(self, asked: NeedsNewer | None = None) -> RefetchDecision:
        return self.cache.ask(self.now, asked or need())

    def barren(self, asked: NeedsNewer) -> None:
        """A forced refetch for this token, which brings nothing new."""
        assert self.ask(asked) is RefetchDecision.REFETCH
        self.good(A, forced=True)
        self.cache.settle(self.now, asked)

    @property
    def interval(self) -> float:
        """Seconds from one draw to the next, at the slowest of its accounts."""
        return max(account.interval(self.cache.freshness) for account in self.cache._accounts)

    @property
    def status(self) -> Status:
        return self.cache.status(self.now)

    @property
    def kids(self) -> list[str | None]:
        keys = self.cache.held.keys
        return [] if keys is None else [key.kid for key in keys]


@pytest.fixture
def cold() -> Played:
    return Played()


@pytest.fixture
def warm() -> Played:
    """Holds key A since now; 600 s fresh, refreshed ahead from 540 s, 3,600 s stale."""
    played = Played()
    played.good(A)
    return played


# -- serving: rules 1, 2 and 6


def test_without_keys_a_caller_waits_and_while_backing_off_is_refused(cold: Played) -> None:
    """503 at once; the one after the backoff waits again."""
    assert cold.serve() is Serve.WAIT
    cold.bad()
    assert cold.serve() is Serve.REFUSE
    assert cold.serve(waited=True) is Serve.REFUSE
    cold.now += 1
    assert cold.serve() is Serve.WAIT


def test_a_set_is_refreshed_ahead_in_the_last_fifth_and_nobody_waits(warm: Played) -> None:
    """Up to its end."""
    warm.now += 539.9
    assert warm.serve() is Serve.HELD
    warm.now += 0.2
    assert warm.serve() is Serve.HELD_AND_REFRESH
    warm.now += 59.8
    assert warm.serve() is Serve.HELD_AND_REFRESH


def test_past_its_life_all_wait_for_one_attempt_and_then_nobody(warm: Played) -> None:
    """If it fails the held set serves on, and what follows runs detached."""
    warm.now += 600
    assert warm.serve() is Serve.WAIT
    assert warm.serve() is Serve.WAIT  # a caller that comes while the attempt is under way
    assert warm.serve(waited=True) is Serve.HELD_AND_REFRESH  # a caller that has waited for nothing
    warm.bad()
    assert warm.serve() is Serve.HELD
    warm.now += 1
    assert warm.serve() is Serve.HELD_AND_REFRESH


def test_a_failure_ahead_of_the_end_is_not_the_one_that_is_waited_for(warm: Played) -> None:
    """An idle service may hold what was revoked long ago."""
    warm.now += 550
    warm.bad()
    warm.now += 60
    assert warm.serve() is Serve.WAIT


def test_a_set_is_gone_at_the_end_of_its_bound(warm: Played) -> None:
    """Whatever failed meanwhile: WAIT, or REFUSE while backing off."""
    warm.now += 4199
    warm.bad()
    assert warm.serve() is Serve.HELD
    warm.now += 1
    assert warm.serve() is Serve.WAIT
    warm.bad()
    assert warm.serve() is Serve.REFUSE
    assert warm.serve(waited=True) is Serve.REFUSE
    assert warm.status.keys == 0
    assert not warm.status.ready


@pytest.mark.parametrize("failure", [DOWN, NoSigningKey(keys_of())], ids=["503", "empty"])
def test_no_failure_removes_a_good_key(warm: Played, failure: IssuerFault) -> None:
    """Nor renews it: the set carries its own times."""
    snapshot = warm.cache.snapshot
    assert snapshot is not None
    warm.now += 700
    events = warm.bad(failure)
    assert warm.kids == ["a"]
    assert warm.cache.snapshot is not None
    assert warm.cache.snapshot.stale_until == snapshot.stale_until
    assert events == [
        FetchFailed("issuer.example", failure.code, str(failure), False, 1.0),
        ServedStale("issuer.example", 3500.0),
    ]


def test_stale_is_told_only_within_the_bound(warm: Played) -> None:
    """A failure while the set is fresh, or gone, is a failure and nothing else."""
    warm.now += 100
    assert [type(event) for event in warm.bad()] == [FetchFailed]
    warm.now += 9000
    assert [type(event) for event in warm.bad()] == [FetchFailed]


def test_a_good_answer_replaces(warm: Played) -> None:
    """A key missing from it is gone."""
    assert warm.good(B, C) == [
        KeysFetched("issuer.example", 2, 0, False),
        KeysRotated("issuer.example", ("b", "c"), ("a",)),
    ]
    assert warm.kids == ["b", "c"]


def test_a_key_without_kid_is_told_by_its_thumbprint(warm: Played) -> None:
    """Something must name it."""
    nameless = {name: value for name, value in B.public_jwk().items() if name != "kid"}
    keys = KeySet.parse({"keys": [nameless]}, published=True)
    refreshed = Refreshed(warm.now, moment=next(MOMENTS), keys=keys, url=URL)
    _, rotated = warm.cache.take(refreshed, warm.now, 0.0, forced=False)
    assert isinstance(rotated, KeysRotated)
    assert rotated.added == (keys.keys[0].thumbprint,)


def test_a_304_renews_and_may_leave_out_what_has_not_changed(cold: Played) -> None:
    """Validators and `Cache-Control` stay as they were; what it says anew counts."""
    cold.good(
        A, headers={"etag": '"1"', "last-modified": "then", "cache-control": "max-age=900, must-revalidate"}
    )
    held = cold.cache.held
    cold.now += 890
    cold.good(headers={})
    status = cold.status
    assert (status.fresh_for, status.stale_for) == (900, 1500)
    assert cold.cache.held is held  # what remembers by it need not look again
    plan = cold.cache.plan(cold.now)
    assert (plan.url, plan.etag, plan.modified) == (URL, '"1"', "then")
    cold.good(headers={"etag": '"2"', "cache-control": "max-age=1200"})
    assert cold.cache.plan(cold.now).etag == '"2"'
    assert cold.status.fresh_for == 1200


def test_a_condition_is_no_reason_to_lose_the_keys(cold: Played) -> None:
    """A server may fail at the condition, or keep its validator while its keys change: after a failure, and
    where a token needs newer keys, the whole document is asked for."""
    cold.good(A, headers={"etag": '"1"', "last-modified": "then"})
    forced = cold.cache.plan(cold.now, forced=True)
    assert (forced.url, forced.etag, forced.modified) == (URL, None, None)
    cold.bad()
    plan = cold.cache.plan(cold.now)
    assert (plan.url, plan.etag, plan.modified) == (URL, None, None)
    cold.good(A, headers={"etag": '"2"'})
    assert cold.cache.plan(cold.now).etag == '"2"'


def test_the_same_keys_again_are_the_same_object(warm: Played) -> None:
    """In another order, too; nothing has rotated."""
    warm.good(A, B)
    held = warm.cache.held
    assert [type(event) for event in warm.good(A, B)] == [KeysFetched]
    assert warm.cache.held is held
    assert [type(event) for event in warm.good(B, A)] == [KeysFetched]


def test_the_same_keys_with_something_else_new_are_judged_anew(warm: Played) -> None:
    """Such as what was skipped: a set is the same by its keys, and not in all it says."""
    keys = KeySet.parse({"keys": [A.public_jwk(), {"kty": "oct", "kid": "s", "k": "x"}]}, published=True)
    refreshed = Refreshed(warm.now, moment=next(MOMENTS), keys=keys, url=URL)
    assert warm.cache.take(refreshed, warm.now, 0.0, forced=False) == [
        KeysFetched("issuer.example", 1, 1, False)
    ]
    assert warm.cache.held.keys is not None
    assert [one.reason for one in warm.cache.held.keys.skipped] == ["symmetric"]


def test_an_older_answer_never_overwrites_a_newer(warm: Played) -> None:
    """By when their requests began."""
    older = Refreshed(warm.now - 1, moment=next(MOMENTS), keys=keys_of(B), url=URL)
    assert warm.cache.take(older, warm.now, 0.0, forced=False) == []
    assert warm.kids == ["a"]


def test_readers_never_see_new_times_with_old_keys() -> None:
    """Readers take the times first, and the keys after; so they are written the other way round."""
    seen: list[tuple[bool, bool]] = []

    class Watched(Cache):
        def __setattr__(self, name: str, value: Any) -> None:
            object.__setattr__(self, name, value)
            if name in ("snapshot", "held") and hasattr(self, "_record"):
                fresh = self.snapshot is not None and self.snapshot.began == 5000.0
                seen.append((fresh, [key.kid for key in self.held.keys or ()] == ["b"]))

    cache = Watched("issuer.example", Freshness(), Record("i"), lambda url: Draws())
    cache.take(Refreshed(0.0, moment=1, keys=keys_of(A), url=URL), 0.0, 0.0, forced=False)
    cache.take(Refreshed(5000.0, moment=2, keys=keys_of(B), url=URL), 5000.0, 0.0, forced=False)
    assert (True, True) in seen
    assert (True, False) not in seen


# -- asking: rules 3, 4 and 5


def test_a_rotation_right_after_a_cold_start_is_found(warm: Played) -> None:
    """A scheduled refresh draws nothing."""
    for _ in range(5):
        warm.good(A)
    assert warm.status.draws == 2
    assert [warm.ask(need(kid)) for kid in "xyz"] == [
        RefetchDecision.REFETCH,
        RefetchDecision.REFETCH,
        RefetchDecision.SPENT,
    ]
    assert warm.cache.refused(warm.now) == [RefetchRefused("issuer.example", 10.0)]
    warm.now += 10
    assert warm.ask(need("z")) is RefetchDecision.REFETCH


def test_a_flood_of_refusals_is_one_event_a_pause(warm: Played) -> None:
    """With how many there were: an event each would be a log as fast as the attacker sends."""
    warm.good(A)
    for kid in "xy":
        warm.ask(need(kid))
    assert warm.cache.refused(warm.now) == [RefetchRefused("issuer.example", 10.0)]
    assert [warm.cache.refused(warm.now + 9.9) for _ in range(1000)] == [[]] * 1000
    assert warm.cache.refused(warm.now + 10) == [RefetchRefused("issuer.example", 0.0, 1001)]


def test_refusals_are_told_once_a_second_at_most(warm: Played) -> None:
    """Also where there is no wait: a draw is left, and it is kept for another token."""
    assert warm.ask(need("x")) is RefetchDecision.REFETCH
    assert warm.cache.refused(warm.now) == [RefetchRefused("issuer.example", 0.0)]
    assert warm.cache.refused(warm.now + 0.9) == []
    assert warm.cache.refused(warm.now + 1) == [RefetchRefused("issuer.example", 0.0, 2)]


def test_a_failed_signature_never_takes_the_last_draw(warm: Played) -> None:
    """It is kept for a header that was never seen."""
    forged = need("a", "signature", [A])
    assert [warm.ask(forged), warm.ask(forged)] == [RefetchDecision.REFETCH, RefetchDecision.SPENT]
    assert warm.ask(need()) is RefetchDecision.REFETCH


def test_a_header_remembered_as_fitting_nothing_never_takes_the_last_draw(warm: Played) -> None:
    """It had its chance."""
    warm.barren(need("gone"))
    warm.now += 10
    assert warm.status.draws == 2
    assert warm.ask(need("other")) is RefetchDecision.REFETCH
    assert warm.ask(need("gone")) is RefetchDecision.SPENT
    assert warm.ask(need("never seen")) is RefetchDecision.REFETCH


def test_a_settled_question_rests_for_longer_and_longer(warm: Played) -> None:
    """10 s, then 20 s each time; another header is another question."""
    for pause in (10, 20, 20, 20):
        warm.now += 60  # so that there are draws
        warm.barren(need())
        warm.now += pause - 0.1
        assert warm.ask() is RefetchDecision.SETTLED
        warm.now += 0.2
    assert warm.ask(need("another")) is RefetchDecision.REFETCH


@pytest.mark.parametrize("forced", [True, False], ids=["forced", "scheduled"])
def test_a_change_of_the_set_opens_every_question_and_ends_the_slowness(warm: Played, forced: bool) -> None:
    """Whichever refresh brought it."""
    for kid in ("x", "y", "z"):
        warm.now += 60
        warm.barren(need(kid))
    assert warm.ask(need("z")) is RefetchDecision.SETTLED
    assert warm.interval == 20
    warm.good(B, forced=forced)
    assert warm.interval == 10
    warm.now += 20
    assert warm.ask(need("z")) is RefetchDecision.REFETCH


def test_a_forged_signature_is_one_question_however_it_is_dressed(warm: Played) -> None:
    """A (kid, key) pair confirmed current is not asked about again because a stranger changed `x5t`."""
    warm.barren(need("a", "signature", [A], x5t="1"))
    assert warm.ask(need("a", "signature", [A], x5t="2")) is RefetchDecision.SETTLED
    assert warm.ask(need("a", "signature", [B])) is not RefetchDecision.SETTLED
    assert warm.ask(need("a", x5t="2")) is RefetchDecision.REFETCH


def test_a_kid_may_be_anything(warm: Played) -> None:
    """Lone surrogates, a megabyte, or absent."""
    for kid in ("\ud800", "k" * 1_000_000, None):
        warm.cache.settle(warm.now, need(kid))
        assert warm.ask(need(kid)) is RefetchDecision.SETTLED


def test_forced_and_scheduled_back_off_apart(warm: Played) -> None:
    """A flood that fails does not stop the refresh ahead, nor the other way round; success ends both."""
    warm.now += 550
    warm.bad(forced=True)
    assert warm.ask() is RefetchDecision.BACKING_OFF
    assert warm.serve() is Serve.HELD_AND_REFRESH
    warm.bad()
    assert warm.serve() is Serve.HELD
    warm.now += 1
    assert warm.ask() is RefetchDecision.REFETCH
    warm.bad(IssuerUnavailable("keys_unavailable", "429", retry_after=3000), forced=True)
    warm.bad(NoSigningKey(keys_of()))
    assert (warm.status.forced_backoff, warm.status.next_attempt_in) == (300, 2)
    warm.good(A)
    assert (warm.status.forced_backoff, warm.status.next_attempt_in) == (0, 0)


def test_an_unconfirmed_refusal_says_when_to_come_again(warm: Played) -> None:
    """A valid token that is told 401 while the budget is spent learns that nothing was confirmed, and the
    seconds until the issuer may be asked for it; one that an answer has settled is told neither."""
    warm.barren(need())
    came = warm.cache.last_answer
    spent = warm.cache.outlook(warm.now, need(), came)
    assert (spent.confirmed, spent.unavailable) == (False, None)
    assert spent.retry_after >= 1
    warm.now += 10_000
    assert warm.cache.outlook(warm.now, need(), came) == Outlook(confirmed=False, retry_after=1.0)
    assert warm.cache.outlook(warm.now, need(), came - 1) == Outlook()


def test_whose_fault(warm: Played) -> None:
    """401 where it was settled or the latest attempt succeeded, 503 where no request could be made; a bad
    signature is a bad signature."""

    def code(asked: NeedsNewer, *, confirmed: bool = False) -> str:
        came = warm.cache.last_answer - 1 if confirmed else warm.cache.last_answer
        return fault_of(asked, warm.cache.outlook(warm.now, asked, came)).code

    assert code(need()) == "key_not_found"
    warm.bad(forced=True)
    assert code(need()) == "keys_unavailable"
    assert code(need(), confirmed=True) == "key_not_found"
    assert code(need("a", "signature", [A])) == "signature_invalid"
    assert code(need(reason="no_keys")) == "keys_unavailable"


def test_without_keys_no_answer_has_settled_a_token(cold: Played) -> None:
    """Nor one that came since, of which nothing may be used any more: 503, with the time to come again."""
    asked = need(reason="no_keys")
    for came in (0, cold.cache.last_answer - 1):
        outlook = cold.cache.outlook(cold.now, asked, came)
        assert outlook.confirmed is False
        assert outlook.unavailable is not None
        assert outlook.unavailable.retry_after == 1.0
        assert fault_of(asked, outlook) is outlook.unavailable
    cold.good(A)
    cold.now += 10_000
    outlook = cold.cache.outlook(cold.now, asked, cold.cache.last_answer - 1)
    assert (outlook.confirmed, outlook.unavailable is None) == (False, False)


def test_no_answer_has_come_before_the_first(cold: Played) -> None:
    """A token that comes to a cold cache is unconfirmed, whatever the count says."""
    assert cold.cache.outlook(cold.now, need(), 0).confirmed is False
    assert cold.cache.held == NOTHING
    assert cold.cache.last_answer < next(MOMENTS)


def test_the_time_to_come_again_is_that_of_the_tokens_own_question(warm: Played) -> None:
    """The refill for the last draw or for the one before it, the pause of what is settled, or the backoff."""

    def after(asked: NeedsNewer) -> float:
        return warm.cache.outlook(warm.now, asked, warm.cache.last_answer).retry_after

    forged = need("a", "signature", [A])
    assert warm.ask(need("x")) is RefetchDecision.REFETCH
    assert after(need("y")) == 1.0
    assert after(forged) == pytest.approx(10.0)
    assert warm.ask(need("y")) is RefetchDecision.REFETCH
    assert after(need("z")) == pytest.approx(10.0)
    assert after(forged) == pytest.approx(20.0)
    warm.now += 100
    warm.cache.settle(warm.now, need("z"))
    assert after(need("z")) == pytest.approx(10.0)
    warm.cache.settle(warm.now + 10, need("z"))
    assert after(need("z")) == pytest.approx(30.0)
    assert after(need("other")) == 1.0
    warm.bad(IssuerUnavailable("keys_unavailable", "429", retry_after=120.0), forced=True)
    assert after(need("other")) == pytest.approx(120.0)
    assert warm.cache.unavailable(warm.now).retry_after == pytest.approx(120.0)


def test_a_settled_question_does_not_read_the_metadata_again(warm: Played) -> None:
    """Another one may: each is asked once."""
    warm.read_metadata()
    warm.now += 601
    for asked in (need("x"), need("y")):
        warm.barren(asked)
        warm.now += 5
    warm.now += 4
    assert not warm.cache.ask_metadata(warm.now, need("y"))
    assert warm.cache.ask_metadata(warm.now, need("z"))


def test_unavailable_gives_a_hint_of_what_failed(cold: Played) -> None:
    """Or, where there is none, that the token may be good; and the message ends where nothing failed."""
    error = cold.cache.unavailable(cold.now)
    assert str(error) == "the keys of issuer 'issuer.example' are not available"
    assert "try again later" in str(error.hint)
    cold.bad()
    assert "try again later" in str(cold.cache.unavailable(cold.now).hint)
    cold.bad(IssuerUnavailable("keys_unavailable", "refused", hint="is the proxy set?"))
    assert cold.cache.unavailable(cold.now).hint == "is the proxy set?"
    cold.bad(IssuerMisbehaved("keyset_invalid", "holds no signing key"))
    assert "rightkey doctor" in str(cold.cache.unavailable(cold.now).hint)


def test_what_an_attempt_took_and_came_to_is_told(cold: Played) -> None:
    """For metrics: the status, the seconds, and how many attempts had failed before, of either kind."""
    seen = (("https://issuer.example/keys", "503"),)
    refreshed = Refreshed(cold.now, failure=DOWN, requests=seen, seconds=0.5)
    for forced in (False, True):
        failed = cold.cache.take(refreshed, cold.now, 1.0, forced=forced)[0]
        assert isinstance(failed, FetchFailed)
        assert (failed.reason, failed.seconds) == (refreshed.reason, 0.5)
        assert failed.reason
    fetched = cold.good(A, requests=(("https://issuer.example/keys", "200"),), seconds=0.25)[0]
    assert isinstance(fetched, KeysFetched)
    assert (fetched.status, fetched.seconds, fetched.failures) == ("200", 0.25, 2)


def test_stale_is_told_from_the_first_moment_of_it_and_no_longer_at_its_end(warm: Played) -> None:
    """At the end of its life it serves on; at the end of its bound it serves no more."""
    snapshot = warm.cache.snapshot
    assert snapshot is not None
    for moment, told in ((snapshot.fresh_until, True), (snapshot.stale_until, False)):
        warm.now = moment
        assert (ServedStale in [type(event) for event in warm.bad()]) is told


def test_a_failed_refresh_publishes_metadata_that_it_read(warm: Played) -> None:
    """The values of `iss` that pass are of the latest metadata, also where the keys then failed."""
    read = Refreshed(
        warm.now,
        moment=next(MOMENTS),
        metadata=stated("https://issuer.example", URL),
        metadata_began=warm.now,
        failure=DOWN,
    )
    warm.cache.take(read, warm.now, 1.0, forced=False)
    assert warm.cache.held.expected == ("https://issuer.example",)


def test_an_overtaken_answer_publishes_metadata_that_it_read(warm: Played) -> None:
    """Its keys are old news; what it read of the issuer is not."""
    read = Refreshed(
        warm.now - 1,
        moment=next(MOMENTS),
        metadata=stated("https://issuer.example", URL),
        metadata_began=warm.now,
        keys=keys_of(B),
        url=URL,
    )
    assert warm.cache.take(read, warm.now, 1.0, forced=False) == []
    assert warm.cache.held.expected == ("https://issuer.example",)
    assert warm.kids == ["a"]


def test_a_plan_is_not_forced_unless_a_token_asked(warm: Played) -> None:
    """A forced one goes past caches on the way."""
    assert not warm.cache.plan(warm.now).forced
    assert warm.cache.plan(warm.now, forced=True).forced


def test_unavailable_says_when_and_why(cold: Played) -> None:
    """`retry_after` is a second at least, and as long as the backoff; the cause is chained."""
    assert cold.cache.unavailable(cold.now).retry_after == 1.0
    assert cold.cache.unavailable(cold.now).__cause__ is None
    failure = IssuerUnavailable("keys_unavailable", "status 429", retry_after=42)
    cold.bad(failure)
    error = cold.cache.unavailable(cold.now)
    assert (error.code, error.retry_after, error.__cause__) == ("keys_unavailable", 42, failure)
    assert "status 429" in str(error)


# -- metadata


def test_metadata_is_fresh_for_an_hour_and_serves_for_a_day_more(warm: Played) -> None:
    """Then it is asked for, with what is held to fall back on; then with nothing."""
    assert warm.cache.plan(warm.now).fallback is None
    warm.read_metadata()
    held = warm.cache.metadata
    warm.now += 3599
    assert (warm.cache.plan(warm.now).metadata, warm.cache.plan(warm.now, metadata=True).metadata) == (
        held,
        None,
    )
    warm.now += 1
    plan = warm.cache.plan(warm.now, forced=True)
    assert (plan.metadata, plan.fallback, plan.forced) == (None, held, True)
    warm.now += 86400
    assert warm.cache.plan(warm.now).fallback is None


def test_metadata_that_was_read_is_kept_though_the_keys_failed(cold: Played) -> None:
    """And names the issuer's spelling once there are keys."""
    metadata = stated("https://issuer.example/", URL)
    refreshed = Refreshed(cold.now, metadata=metadata, metadata_began=cold.now, failure=DOWN)
    cold.cache.take(refreshed, cold.now, 0.0, forced=False)
    assert cold.cache.plan(cold.now).metadata is metadata
    cold.good(A)
    assert cold.cache.held.expected == ("https://issuer.example/",)


def test_metadata_over_ten_minutes_old_is_read_again_after_a_barren_refetch(warm: Played) -> None:
    """By a draw of its own, once for each asking."""
    warm.read_metadata()
    warm.now += 601
    asked = need()
    assert warm.ask(asked) is RefetchDecision.REFETCH
    warm.good(A, forced=True)
    assert warm.cache.ask_metadata(warm.now, asked)
    warm.cache.settle(warm.now, asked)
    assert warm.status.draws == 0
    warm.now += 9.9
    assert not warm.cache.ask_metadata(warm.now, asked)


def test_metadata_is_not_read_again_without_need(warm: Played) -> None:
    """Not where there is none or a young one, nor where the keys brought something new, nor while backing
    off; and never by a bad signature with the last draw."""
    asked = need()
    warm.barren(need("x"))
    assert not warm.cache.ask_metadata(warm.now, asked)
    warm.read_metadata()
    warm.now += 600
    assert not warm.cache.ask_metadata(warm.now, asked)
    warm.now += 1
    warm.barren(need("y"))
    assert not warm.cache.ask_metadata(warm.now, need("a", "signature", [A]))
    warm.bad(forced=True)
    assert not warm.cache.ask_metadata(warm.now, asked)
    warm.good(B)
    assert not warm.cache.ask_metadata(warm.now, asked)
    warm.barren(asked)  # brings A again, which is new
    assert not warm.cache.ask_metadata(warm.now, need("z"))


# -- leaks and distrust: rule 7


def test_a_leaked_key_is_refused_for_good(warm: Played) -> None:
    """Also when it is published clean again, and after any number of rotations."""
    warm.good(A, B)
    assert warm.good(A, B, private=[A])[0] == KeyLeaked("issuer.example", "a", keys_of(A).keys[0].thumbprint)
    for _ in range(3):
        warm.now += 600
        events = warm.good(A, B)
        assert not [event for event in events if isinstance(event, KeyLeaked)]
        assert warm.kids == ["b"]
        warm.good(B)
    warm.good(A, B)
    assert warm.cache.held.keys is not None
    assert [one.reason for one in warm.cache.held.keys.skipped] == ["private_key_published"]


def test_a_leaked_key_is_refused_though_the_leaking_set_holds_no_other(warm: Played) -> None:
    """The answer replaces nothing, and the held key is refused all the same."""
    events = warm.bad(NoSigningKey(keys_of(A, private=[A])))
    assert [type(event) for event in events] == [KeyLeaked, FetchFailed]
    assert warm.kids == []
    assert warm.serve() is Serve.HELD  # 401, not 503: the issuer has spoken
    assert warm.status.keys == 0


def test_a_leak_in_an_answer_that_was_overtaken_counts(warm: Played) -> None:
    """A leak is a leak."""
    older = Refreshed(warm.now - 1, moment=next(MOMENTS), keys=keys_of(A, B, private=[A]), url=URL)
    assert [type(event) for event in warm.cache.take(older, warm.now, 0.0, forced=False)] == [KeyLeaked]
    assert warm.kids == []


@pytest.mark.parametrize("name", ["a", keys_of(A).keys[0].thumbprint], ids=["kid", "thumbprint"])
def test_distrust_is_at_once_and_stays(warm: Played, name: str) -> None:
    """By key id or thumbprint."""
    warm.good(A, B)
    warm.record.distrust(name)
    assert warm.kids == ["b"]
    warm.good(C, A)
    assert warm.kids == ["c"]
    assert warm.cache.held.keys is not None
    assert [one.reason for one in warm.cache.held.keys.skipped] == ["distrusted"]


def test_distrust_before_there_are_keys(cold: Played) -> None:
    """Counts from the first answer on."""
    cold.record.distrust("a")
    cold.good(A, B)
    assert cold.kids == ["b"]


# -- status, and forgetting


def test_status_of_a_set_that_is_held(warm: Played) -> None:
    """Ages, what is left, and how late a revocation may come into effect."""
    warm.read_metadata()
    warm.ask()
    warm.now += 5
    assert warm.status == Status(
        issuer="issuer.example",
        keys=1,
        age=5,
        fresh_for=595,
        stale_for=4195,
        refresh_in=535,
        next_attempt_in=0,
        draws=1,
        next_draw_in=0,
        forced_backoff=0,
        metadata_age=5,
        revoked_key_bound=4195,
        moved_key_bound=89995 + 7200,
        last_failure=None,
    )
    assert warm.status.ready


def test_status_without_keys(cold: Played) -> None:
    """Nothing to say but what failed, and when it is tried again."""
    cold.bad()
    status = cold.status
    assert (status.keys, status.age, status.fresh_for, status.stale_for, status.refresh_in) == (
        0,
        *[None] * 4,
    )
    assert (status.revoked_key_bound, status.moved_key_bound, status.metadata_age) == (None, None, None)
    assert (status.last_failure, status.next_attempt_in, status.ready) == ("status 503", 1, False)


def test_what_may_be_forgotten(warm: Played) -> None:
    """Not a backoff: the issuer would be asked earlier than it may be. A leak belongs to the issuer's
    record."""

    def forgettable() -> bool:
        return warm.cache.may_be_forgotten(warm.now)

    assert forgettable()
    for forced in (True, False):
        warm.bad(forced=forced)
        assert not forgettable()
        warm.good(A)
    assert forgettable()
    assert warm.record.may_be_forgotten()
    warm.good(A, B, private=[B])
    assert not warm.record.may_be_forgotten()


def test_a_draw_that_came_to_nothing_is_given_back(warm: Played) -> None:
    """No thread could be started; and no more than there were are ever given back."""
    warm.ask()
    warm.cache.not_asked()
    warm.cache.not_asked()
    assert warm.status.draws == 2


def test_forked_workers_refresh_at_moments_of_their_own(cold: Played) -> None:
    """Within the last fifth still; without keys there is nothing to spread."""
    cold.cache.spread(0.0)
    cold.good(A)
    assert cold.status.refresh_in == pytest.approx(540)
    cold.cache.spread(0.0)
    assert cold.status.refresh_in == pytest.approx(480)
    assert cold.status.fresh_for == 600


# -- a week in milliseconds


def test_a_week_of_one_request_every_ten_minutes(cold: Played) -> None:
    """A quiet service asks about once in ten minutes, always ahead, and never waits but at its start."""
    waits = refreshes = 0
    for _ in range(7 * 24 * 60):
        cold.now += 60
        serve = cold.serve()
        waits += serve is Serve.WAIT
        if serve is not Serve.HELD:
            refreshes += 1
            cold.good(A)
    assert waits == 1
    assert 7 * 24 * 6 <= refreshes <= 7 * 24 * 60 / 9 + 1


class Week(RuleBasedStateMachine):
    """Whatever an issuer and strangers do, the promises hold."""

    def __init__(self) -> None:
        super().__init__()
        self.played = Played()
        self.answered: float | None = None
        self.published: tuple[SigningKey, ...] = ()
        self.leaked: set[SigningKey] = set()
        self.forced: list[float] = []

    @rule(quarters=st.one_of(st.integers(0, 120), st.integers(0, 20_000)))
    def time_passes(self, quarters: int) -> None:
        self.played.now += quarters / 4  # which a float holds exactly

    @rule(keys=st.lists(st.sampled_from([A, B, C]), min_size=1, unique_by=id), leak=st.integers(0, 20))
    def a_refresh_succeeds(self, keys: list[SigningKey], leak: int) -> None:
        private = keys[:1] if leak == 0 and len(keys) > 1 else []
        self.played.good(*keys, private=private)
        self.leaked.update(private)
        self.answered, self.published = self.played.now, tuple(keys)

    @rule(forced=st.booleans(), retry_after=st.one_of(st.none(), st.integers(0, 9999)))
    def a_refresh_fails(self, forced: bool, retry_after: int | None) -> None:
        self.played.bad(IssuerUnavailable("keys_unavailable", "x", retry_after=retry_after), forced=forced)

    @rule(kid=st.sampled_from(["x", "y", "z"]), signature=st.booleans(), fails=st.booleans())
    def a_token_asks(self, kid: str, signature: bool, fails: bool) -> None:
        asked = need(kid, "signature" if signature else "nothing_fits")
        if self.published and self.played.ask(asked) is RefetchDecision.REFETCH:
            self.forced.append(self.played.now)
            if fails:
                self.played.bad(forced=True)
            else:
                self.played.good(*self.published, forced=True)
                self.answered = self.played.now
                self.played.cache.settle(self.played.now, asked)

    @invariant()
    def nothing_is_served_past_its_bound_nor_lost_within_it(self) -> None:
        within = self.answered is not None and self.played.now < self.answered + 600 + 3600
        for waited in (True, False):
            serve = self.played.serve(waited=waited)
            assert within or serve in (Serve.WAIT, Serve.REFUSE)
            assert not within or serve is not Serve.REFUSE
        if within:
            assert self.played.serve(waited=True) in (Serve.HELD, Serve.HELD_AND_REFRESH)
            expected = {key.kid for key in self.published if key not in self.leaked}
            assert set(self.played.kids) == expected

    @invariant()
    def the_budget_holds_in_every_window(self) -> None:
        for i, begin in enumerate(self.forced):
            for count, end in enumerate(self.forced[i:], 1):
                assert count <= 2 + (end - begin) / 10 + 1e-6

    @invariant()
    def the_status_can_be_told(self) -> None:
        status = self.played.status
        assert 0 <= status.draws <= 2
        assert status.next_attempt_in <= 300
        assert status.revoked_key_bound is None or 0 < status.revoked_key_bound <= 4200


Week.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_whatever_happens_the_promises_hold = pytest.mark.slow(Week.TestCase)


@pytest.mark.slow
def test_a_random_year() -> None:
    """Three thousand random steps, about a year: never lost within the bound, never served past it."""
    chance, played, answered = random.Random(7), Played(), None
    for _ in range(3000):
        played.now += chance.expovariate(1 / 10_000)
        if played.serve() in (Serve.WAIT, Serve.HELD_AND_REFRESH):
            if chance.random() < 0.5:
                played.good(chance.choice((A, B)))
                answered = played.now
            else:
                played.bad()
        within = answered is not None and played.now < answered + 4200
        assert (played.serve(waited=True) in (Serve.HELD, Serve.HELD_AND_REFRESH)) == within


# -- a grace for what is missing ---------------------------------------------------------------------------


@pytest.fixture
def lenient() -> Played:
    """Holds A and B, with a grace of 300 s; its next answer lacks A."""
    played = Played(Freshness(grace=300.0))
    played.good(A, B)
    played.now += 100
    return played


def test_a_missing_key_is_gone_at_once_without_a_grace(warm: Played) -> None:
    warm.good(B)
    assert warm.kids == ["b"]


def test_a_missing_key_serves_on_until_the_next_answer_lacks_it_too(lenient: Played) -> None:
    """Which is asked for halfway through the grace; the event tells it."""
    events = lenient.good(B)
    assert KeysMissing("issuer.example", ("a",), 300.0) in events
    assert lenient.kids == ["b", "a"]
    lenient.now += 149.9
    assert lenient.serve() is Serve.HELD
    lenient.now += 0.2
    assert lenient.serve() is Serve.HELD_AND_REFRESH
    assert KeysMissing("issuer.example", ("a",), 300.0) not in lenient.good(B)
    assert lenient.kids == ["b"]


def test_an_unchanged_answer_is_a_second_one(lenient: Played) -> None:
    """304: it still lacks the key."""
    lenient.good(B)
    lenient.good()
    assert lenient.kids == ["b"]


def test_a_key_that_returns_has_been_there_all_along(lenient: Played) -> None:
    """And may be missing once more, with a grace of its own."""
    for _ in range(3):
        lenient.good(B)
        assert lenient.kids == ["b", "a"]
        lenient.good(A, B)
        assert lenient.kids == ["a", "b"]


def test_nothing_lingers_past_the_grace_though_nobody_answers(lenient: Played) -> None:
    lenient.good(B)
    lenient.now += 150
    lenient.bad()
    lenient.now += 149.9
    lenient.serve()
    assert lenient.kids == ["b", "a"]
    lenient.now += 0.2
    lenient.serve()
    assert lenient.kids == ["b"]


def test_a_swap_is_not_missing(lenient: Played) -> None:
    """The kid is there, with another key: the old one is replaced at once."""
    swapped = SigningKey.generate("ES256", Form(certificates=False), kid="a")
    lenient.good(swapped, B)
    assert lenient.cache.held.keys is not None
    assert len(lenient.cache.held.keys) == 2


def test_a_leaked_or_distrusted_key_has_no_grace(lenient: Played) -> None:
    """And no event says that it serves on."""
    lenient.record.distrust("b")
    events = lenient.good(C, A, private=[A])
    assert lenient.kids == ["c"]
    assert not [event for event in events if isinstance(event, KeysMissing)]
    lenient.good(B, C)
    lenient.good(A, C)
    assert lenient.kids == ["c"]


@pytest.mark.parametrize("said", [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"alg": "RSA-OAEP"}])
def test_a_key_that_an_answer_says_is_for_something_else_is_not_missing(
    lenient: Played, said: dict[str, Any]
) -> None:
    """The issuer has spoken of it: that is no front end that lags behind."""
    keys = KeySet.parse({"keys": [A.public_jwk() | said, B.public_jwk()]}, published=True)
    refreshed = Refreshed(lenient.now, moment=next(MOMENTS), keys=keys, url=URL)
    events = lenient.cache.take(refreshed, lenient.now, 1.0, forced=False)
    assert lenient.kids == ["b"]
    assert not [event for event in events if isinstance(event, KeysMissing)]


def test_a_grace_brings_nothing_back_that_was_past_its_bound(lenient: Played) -> None:
    """A service that idled for two days may hold what was revoked yesterday."""
    gone_at = lenient.now - 100 + 600 + 3600
    lenient.now = gone_at - 1
    lenient.good(B)
    assert lenient.kids == ["b", "a"]  # within the bound on revoked keys, which has the grace in it
    idle = Played(Freshness(grace=300.0))
    idle.good(A, B)
    idle.now += 4200
    idle.good(B)
    assert idle.kids == ["b"]


def test_the_bound_on_revoked_keys_has_the_grace_in_it(warm: Played, lenient: Played) -> None:
    """It is the price."""
    plain, with_grace = warm.status, lenient.status
    assert plain.revoked_key_bound == plain.stale_for
    assert with_grace.revoked_key_bound == with_grace.stale_for + 300
    lenient.read_metadata()
    moved = lenient.status.moved_key_bound
    warm.now = lenient.now
    warm.read_metadata()
    assert moved == warm.status.moved_key_bound + 300


def test_a_forked_worker_takes_its_second_look_in_time(lenient: Played) -> None:
    """Whatever moment it draws for refreshing."""
    lenient.good(B)
    before = lenient.cache.snapshot
    lenient.cache.spread(0.0)
    assert lenient.cache.snapshot == before


def test_at_the_end_of_the_grace_nothing_lingers(lenient: Played) -> None:
    """On the second itself; what was skipped is told meanwhile and afterwards."""
    symmetric = {"kty": "oct", "kid": "s", "k": "x"}
    keys = KeySet.parse({"keys": [B.public_jwk(), symmetric]}, published=True)
    lenient.cache.take(
        Refreshed(lenient.now, moment=next(MOMENTS), keys=keys, url=URL), lenient.now, 1.0, forced=False
    )
    for moment, kids in ((0.0, ["b", "a"]), (300.0, ["b"])):
        lenient.now += moment
        lenient.serve()
        assert lenient.kids == kids
        assert lenient.cache.held.keys is not None
        assert [one.kid for one in lenient.cache.held.keys.skipped] == ["s"]
    snapshot = lenient.cache.snapshot
    assert snapshot is not None
    assert snapshot.lingering == ()


def test_budgets_are_the_issuers_and_the_places() -> None:
    """By the issuer's identity, however it is named, and by the URL of its keys."""
    budgets: defaultdict[str, Draws] = defaultdict(Draws)
    cache = Cache("named otherwise", Freshness(), Record("https://i.example"), budgets.__getitem__, URL)
    assert cache.ask(0.0, need()) is RefetchDecision.REFETCH
    assert {name: draws.spent for name, draws in budgets.items()} == {"https://i.example": 1.0, URL: 1.0}


# -- a fleet that shares a store


def test_a_spent_fleet_leaves_this_process_no_draw(warm: Played) -> None:
    """It is no failure: what is held serves on, and a token is told when there may be newer keys."""
    assert warm.ask() is RefetchDecision.REFETCH
    spent = Refreshed(warm.now, moment=next(MOMENTS), spent_for=15.0)
    assert warm.cache.take(spent, warm.now, 1.0, forced=True) == []
    assert warm.serve() is Serve.HELD
    assert warm.ask() is RefetchDecision.SPENT
    outlook = warm.cache.outlook(warm.now, need(), next(MOMENTS))
    assert outlook.unavailable is None
    assert outlook.retry_after == pytest.approx(15.0)
    warm.now += 15.0
    assert warm.ask() is RefetchDecision.REFETCH


def test_an_answer_of_another_process_costs_no_draw(warm: Played) -> None:
    """The one who asked has drawn, for all."""
    for _ in range(5):
        assert warm.ask() is RefetchDecision.REFETCH
        shared = Refreshed(warm.now, moment=0, keys=keys_of(A, B), url=URL, shared=True)
        warm.cache.take(shared, warm.now, 1.0, forced=True)
    assert warm.kids == ["a", "b"]


def test_an_answer_of_unknown_beginning_settles_nothing(warm: Played) -> None:
    """A token that came before it may ask for one more."""
    came = warm.cache.last_answer
    warm.cache.take(
        Refreshed(warm.now, moment=0, keys=keys_of(A), url=URL, shared=True), warm.now, 1.0, forced=True
    )
    assert warm.cache.last_answer == came


def test_a_plan_says_what_a_fleets_budget_is_asked_for(warm: Played) -> None:
    """The last draw is kept for what may be a rotation, in a fleet as in a process."""
    assert warm.cache.least_of(need()) == 1.0
    assert warm.cache.least_of(need("a", "signature", (A,))) == 2.0
    plan = warm.cache.plan(warm.now, forced=True, least=2.0)
    assert (plan.least, plan.every) == (2.0, 10.0)


def test_an_older_bundle_replaces_nothing() -> None:
    """It is a failure, as an answer that cannot be read is; past the bound the numbers begin anew."""

    def bundle(played: Played, number: int, *keys: SigningKey) -> list[Event]:
        told = replace(keys_of(*keys), sequence=number)
        refreshed = Refreshed(played.now, moment=next(MOMENTS), keys=told, url=URL)
        return played.cache.take(refreshed, played.now, 1.0, forced=False)

    played = Played()
    bundle(played, 5, A, B)
    played.now += 60
    [failed] = bundle(played, 4, A)
    assert isinstance(failed, FetchFailed)
    assert failed.code == "keyset_invalid"
    assert played.kids == ["a", "b"]
    played.now += 60
    bundle(played, 6, B)
    assert (played.kids, played.status.last_failure) == (["b"], None)
    played.now += 3 * 3600
    bundle(played, 1, C)
    assert played.kids == ["c"]
