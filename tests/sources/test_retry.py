"""Retry: one caller's way to newer keys, whose patience may end before the job does."""

from __future__ import annotations

from typing import Any

import pytest

import rightkey
from rightkey.freshness.refresh import Place
from rightkey.jose.jws import read
from rightkey.jose.keyset import KeySet
from rightkey.localissuer import mint
from rightkey.localissuer.keys.signing import Form, SigningKey
from rightkey.sources.fixed import Fixed
from rightkey.sources.jobs import Job
from rightkey.sources.remote import Remote
from rightkey.sources.retry import Retry
from rightkey.transport.default import DefaultTransport
from rightkey.verdict.held import Held, NeedsNewer
from rightkey.verdict.verified import Verified

SIGNER = SigningKey.generate("ES256", Form(certificates=False), kid="k")
KEYS, HEADER = KeySet.parse({"keys": [SIGNER.public_jwk()]}), read(mint(SIGNER, {})).header
REFUSED = rightkey.TokenRejected("signature_invalid", "no")
NEED = NeedsNewer("nothing_fits", HEADER, REFUSED)


class Endless(Fixed):
    """A source whose newer keys never come."""

    def newer(self, need: NeedsNewer, came: int, waiter: object | None) -> Job | None:
        job = Job("k", float("inf"), lambda: None, lambda: None)
        job.waiters.add(waiter)
        self.jobs.append(job)
        return job

    def verdict(self, need: NeedsNewer, came: int, *, answered: bool) -> Exception:
        return rightkey.IssuerUnavailable("keys_unavailable", f"answered: {answered}")

    jobs: list[Job] = []  # noqa: RUF012 - the slots of a frozen value take no other


def test_a_caller_who_leaves_first_is_told_that_nobody_answered() -> None:
    """And no longer counts among those who wait."""

    def judge(held: Held, before: NeedsNewer | None) -> Verified:
        raise AssertionError("judged by the same keys again")

    source: Any = Endless(KeySet(()))
    retry = Retry(source, judge, 0, source.held(), NEED, threads=True)
    assert retry.patience == 0
    jobs = iter(retry)
    assert retry in next(jobs).waiters
    with pytest.raises(rightkey.IssuerUnavailable, match="answered: False"):
        next(jobs)
    assert source.jobs[-1].waiters == set()


def test_keys_that_came_between_judging_and_asking_count() -> None:
    """Another caller's job may be over just then. What it brought is looked at before anything is final."""
    held = [Held(KeySet(())), Held(KeySet(()), ("newer",))]
    judged: list[Held] = []

    class Overtaken(Fixed):
        """A source whose keys are replaced as it is asked for newer ones, and which is not asked again."""

        def held(self, *, waited: bool = False) -> Held:
            return held[0]

        def newer(self, need: NeedsNewer, came: int, waiter: object | None) -> Job | None:
            del held[:-1]
            return None

    def judge(keys: Held, before: NeedsNewer | None) -> Verified:
        judged.append(keys)
        raise NeedsNewer("nothing_fits", HEADER, REFUSED)

    before, after = held
    with pytest.raises(rightkey.TokenRejected):
        next(iter(Retry(Overtaken(KeySet(())), judge, 0, before, NEED, threads=True)))
    assert judged == [after]


def test_keys_that_came_before_the_pursuit_are_judged_by_first() -> None:
    """Between the caller's own judgement and its asking: nothing has to be fetched for them."""
    verified, newer = Verified({}, KEYS.keys[0], HEADER), Fixed(KEYS)

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
def test_what_nobody_answered_is_the_issuers_fault(reason: Any, error: Any, code: str) -> None:
    """But for a bad signature, which stays one."""
    remote = Remote(
        Place("https://issuer.example", None, "https://issuer.example/jwks"),
        DefaultTransport(),
        rightkey.Freshness(),
        lambda: 0.0,
    )
    told: Any = remote.verdict(NeedsNewer(reason, HEADER, error), 0, answered=False)
    assert told.code == code
