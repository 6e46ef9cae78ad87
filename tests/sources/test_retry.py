"""Retry: one caller's way to newer keys, whose patience may end before the job does."""

from __future__ import annotations

from typing import Any

import pytest

import rightkey
from rightkey.freshness.record import Record
from rightkey.freshness.refresh import Place
from rightkey.grants import GRANTS
from rightkey.jose.jws import read
from rightkey.jose.keyset import KeySet
from rightkey.localissuer import mint
from rightkey.localissuer.keys.signing import Form, SigningKey
from rightkey.sources.fixed import Fixed
from rightkey.sources.given import alone
from rightkey.sources.jobs import Job, Past
from rightkey.sources.retry import Retry
from rightkey.sources.source import Means
from rightkey.verdict.held import Held, NeedsNewer, Outlook, fault_of
from rightkey.verdict.verified import Verified

SIGNER = SigningKey.generate("ES256", Form(certificates=False), kid="k")
KEYS, HEADER = KeySet.parse({"keys": [SIGNER.public_jwk()]}), read(mint(SIGNER, {})).header
REFUSED = rightkey.TokenRejected("signature_invalid", "no")
NEED = NeedsNewer("nothing_fits", HEADER, REFUSED)


class Endless(Fixed):
    """A source whose newer keys never come."""

    job: Job

    def newer(self, need: NeedsNewer, moment: int, waiter: object | None) -> Job | Outlook:
        def nothing(*_: object) -> None:
            return None

        self.job = Job("k", float("inf"), nothing, nothing, nothing, nothing, Past(), unproven=True)
        self.job.waiters.add(waiter)
        return self.job

    def unanswered(self, need: NeedsNewer, moment: int) -> Outlook:
        unavailable = rightkey.IssuerUnavailable("keys_unavailable", "no answer in time")
        return Outlook(confirmed=False, unavailable=unavailable)


def none() -> Record:
    return Record("https://issuer.example")


def test_a_caller_that_leaves_first_is_told_that_there_was_no_answer() -> None:
    """And no longer counts among those that wait."""

    def judge(held: Held, before: NeedsNewer | None) -> Verified:
        raise AssertionError("judged by the same keys again")

    source = Endless(KeySet(()), none())
    retry = Retry(source, judge, 0, source.held(), NEED, threads=True)
    assert retry.patience == 0
    jobs = iter(retry)
    assert retry in next(jobs).waiters
    with pytest.raises(rightkey.IssuerUnavailable, match="no answer in time"):
        next(jobs)
    assert source.job.waiters == set()


def test_keys_that_came_between_judging_and_asking_count() -> None:
    """Another caller's job may be over just then. What it brought is looked at before anything is final."""
    held = [Held(KeySet(())), Held(KeySet(()), ("newer",))]
    judged: list[Held] = []

    class Overtaken(Fixed):
        """A source whose keys are replaced as it is asked for newer ones, and which is not asked again."""

        def held(self, *, waited: bool = False) -> Held:
            return held[0]

        def newer(self, need: NeedsNewer, moment: int, waiter: object | None) -> Job | Outlook:
            del held[:-1]
            return Outlook()

    def judge(keys: Held, before: NeedsNewer | None) -> NeedsNewer:
        judged.append(keys)
        return NEED

    before, after = held
    with pytest.raises(rightkey.TokenRejected):
        next(iter(Retry(Overtaken(KeySet(()), none()), judge, 0, before, NEED, threads=True)))
    assert judged == [after]


def test_keys_that_came_before_the_retry_are_judged_by_first() -> None:
    """Between the caller's own judgement and its asking: nothing has to be fetched for them."""
    verified, newer = Verified({}, KEYS.keys[0], HEADER, GRANTS), Fixed(KEYS, none())

    def judge(held: Held, before: NeedsNewer | None) -> Verified:
        assert (held, before) == (newer.held(), None)
        return verified

    retry = Retry(newer, judge, 0, Held(KeySet(())), NEED, threads=True)
    assert list(retry) == []
    assert retry.verified is verified


@pytest.mark.parametrize(
    ("reason", "error", "code"),
    [
        ("no_keys", None, "keys_unavailable"),
        ("nothing_fits", REFUSED, "keys_unavailable"),
        ("signature", REFUSED, "signature_invalid"),
    ],
)
def test_what_was_not_answered_is_the_issuers_fault(reason: Any, error: Any, code: str) -> None:
    """But for a bad signature, which stays one."""
    place = Place("https://issuer.example", None, "https://issuer.example/jwks")
    remote = alone(place, Means(None, rightkey.Freshness(), lambda: 0.0))
    need = NeedsNewer(reason, HEADER, error)
    fault: Any = fault_of(need, remote.unanswered(need, 0))
    assert fault.code == code
    assert fault.retry_after >= 1.0


def test_a_look_elsewhere_that_did_not_end_makes_nothing_unavailable() -> None:
    """The keys had settled the token by then: a stranger must not cause a 503 at an issuer that answers."""
    place = Place("https://issuer.example", None, "https://issuer.example/jwks")
    remote = alone(place, Means(None, rightkey.Freshness(), lambda: 0.0))
    remote._cache.last_answer = 2
    assert remote.unanswered(NEED, 1) == Outlook()
    assert not remote.unanswered(NEED, 3).confirmed


def test_a_caller_that_leaves_first_is_served_what_is_past_its_life() -> None:
    """As a caller without any keys is: where several sources stand in order, one may hold the very key."""
    verified = Verified({}, KEYS.keys[0], HEADER, GRANTS)

    class PastLife(Endless):
        """A source that serves its keys to those alone who have waited."""

        def held(self, *, waited: bool = False) -> Held:
            return Held(KEYS) if waited else Held(KeySet(()))

    def judge(held: Held, before: NeedsNewer | None) -> Verified | NeedsNewer:
        return verified if held.keys is KEYS else NEED

    source = PastLife(KeySet(()), none())
    retry = Retry(source, judge, 0, source.held(), NEED, threads=True)
    assert list(retry) == [source.job]
    assert retry.verified is verified
