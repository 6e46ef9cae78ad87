"""FirstOf: several sources in order; the first whose keys fit decides, and no outage refuses another's."""

from __future__ import annotations

import asyncio
import json
import math
import pickle
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Clock
from tests.scenarios.conftest import settled

import rightkey
from rightkey import FirstOf, KeySet
from rightkey.events import Event, KeysFetched
from rightkey.freshness.status import Status
from rightkey.localissuer import LocalIssuer, SigningKey
from rightkey.localissuer.keys.signing import Form
from rightkey.localissuer.misbehaving.faults import fault
from rightkey.sources.first_of import _TOGETHER


@pytest.fixture
def old() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


@pytest.fixture
def new() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


def url(issuer: LocalIssuer) -> str:
    return issuer.url + ".well-known/jwks.json"


def keys_of(*keys: SigningKey) -> KeySet:
    return KeySet.parse({"keys": [key.public_jwk() for key in keys]})


def stranger(kid: str) -> SigningKey:
    return SigningKey.generate("ES256", Form(certificates=False), kid=kid)


def made(clock: Clock, *given: Any, issuer: str = "any name", **settings: Any) -> rightkey.Verifier:
    return rightkey.Verifier(
        issuer, audience="https://api.example.com", keys=FirstOf(*given), elapsed=clock, **settings
    )


def code(verifier: rightkey.Verifier, issuer: LocalIssuer, key: SigningKey | None = None) -> str | None:
    try:
        verifier.verify(issuer.token(key=key or issuer.current, iss="any name"))
    except rightkey.RightkeyError as error:
        return error.code
    return None


def test_pinned_keys_need_no_request(old: LocalIssuer, clock: Clock) -> None:
    """The other source is asked once a token comes that they do not fit."""
    pinned = stranger("pinned")
    verifier = made(clock, keys_of(pinned), url(old))
    assert code(verifier, old, pinned) is None
    assert old.requests.total == 0
    assert code(verifier, old) is None
    assert (code(verifier, old), code(verifier, old, pinned), old.requests.total) == (None, None, 1)


def test_a_pinned_key_cannot_be_overruled(old: LocalIssuer, clock: Clock) -> None:
    """The first that has a key which fits decides: another of the same name in the second is not tried."""
    verifier = made(clock, keys_of(stranger(old.current.kid)), url(old))
    assert code(verifier, old, old.next) is None
    assert code(verifier, old) == "signature_invalid"
    assert old.requests.total == 1


def test_a_migration_between_two_urls(old: LocalIssuer, new: LocalIssuer, clock: Clock) -> None:
    """Tokens of either are good, and each is asked once."""
    verifier = made(clock, url(old), url(new))
    assert [code(verifier, one) for one in (new, old, new, old)] == [None] * 4
    assert (old.requests.total, new.requests.total) == (1, 1)


@pytest.mark.parametrize("first", [True, False], ids=["first", "second"])
def test_an_outage_of_one_refuses_nothing_of_the_other(
    old: LocalIssuer, new: LocalIssuer, clock: Clock, first: bool
) -> None:
    """Cold or warm. What no keys fit may be the other's: 503, and 401 once that has answered."""
    down, up = (old, new) if first else (new, old)
    down.misbehave("jwks", "status")
    verifier = made(clock, url(old), url(new))
    verifier.prepare()
    assert code(verifier, up) is None
    assert code(verifier, down) == "keys_unavailable"
    assert code(verifier, up, stranger("nobody")) == "keys_unavailable"
    assert verifier.status().last_failure
    down.behave()
    clock.now += 120
    assert code(verifier, down) is None
    assert code(verifier, up, stranger("somebody")) == "key_not_found"


def test_an_outage_of_all_is_one(old: LocalIssuer, new: LocalIssuer, clock: Clock) -> None:
    """503, with what is wrong from `prepare` and `refresh`."""
    for issuer in (old, new):
        issuer.misbehave("jwks", "status")
    verifier = made(clock, url(old), url(new))
    assert code(verifier, old) == "keys_unavailable"
    for call in (verifier.prepare, verifier.refresh):
        with pytest.raises(rightkey.IssuerUnavailable):
            call()
    explained = verifier.explain(old.token(iss="any name"))
    failed = [step for step in explained.steps if step.outcome == "failed"]
    assert [step.step for step in failed] == ["keys"]


def test_one_budget_for_all_that_an_issuer_is_found_by(
    old: LocalIssuer, new: LocalIssuer, clock: Clock
) -> None:
    """A flood of unknown key ids asks all of them together as often as it would ask one."""
    verifier = made(clock, url(old), url(new))
    verifier.prepare()
    told = {code(verifier, old, stranger(f"unknown-{n}")) for n in range(12)}
    assert told == {"key_not_found"}
    assert old.requests["jwks"] + new.requests["jwks"] == 2 + 2


def test_a_rotation_is_found_where_it_happens(old: LocalIssuer, new: LocalIssuer, clock: Clock) -> None:
    """The others are asked before it, in order; a key of the same name is asked for where it decided."""
    verifier = made(clock, url(old), url(new))
    verifier.prepare()
    new.rotate()
    new.rotate()
    assert code(verifier, new) is None
    asked = old.requests["jwks"]
    forged = stranger(new.current.kid)
    assert code(verifier, new, forged) == "signature_invalid"
    assert old.requests["jwks"] == asked


def test_a_key_that_one_skips_another_may_have(old: LocalIssuer, clock: Clock) -> None:
    """A source that knows it and skips it is not asked anew; where all skip it, none is."""
    kid = old.current.kid
    skipping = KeySet.parse({"keys": [{"kty": "oct", "kid": kid, "k": "AAAA"}]})
    assert code(made(clock, skipping, url(old)), old) is None
    assert code(made(clock, skipping, skipping), old) == "key_not_found"


def test_the_issuers_own_keys_may_be_among_them(old: LocalIssuer, clock: Clock) -> None:
    """As None: then the issuer must be one that can be found, and its metadata says how it is spelled."""
    pinned = stranger("pinned")
    for given in ((keys_of(pinned), None), (FirstOf(keys_of(pinned), None),)):
        verifier = made(clock, *given, issuer=old.url)
        assert verifier.verify(old.token()).issuer == old.url
        assert verifier.verify(old.token(key=pinned)).key.kid == "pinned"
        with pytest.raises(rightkey.TokenRejected, match="not trusted"):
            verifier.verify(old.token(iss="any name"))
    for issuer in ("any name", rightkey.ANY):
        with pytest.raises(rightkey.Misconfigured):
            made(clock, keys_of(pinned), None, issuer=issuer)  # type: ignore[arg-type]


def test_what_is_told_of_them(old: LocalIssuer, tmp_path: Path, clock: Clock) -> None:
    """Where the keys came from, which source decided, and the bounds of all together."""
    path = tmp_path / "keys.json"
    pinned, filed = stranger("pinned"), stranger("filed")
    path.write_text(json.dumps({"keys": [filed.public_jwk()]}))
    told: list[Event] = []
    verifier = made(clock, keys_of(pinned), path, url(old), listener=told.append)
    assert verifier.status().ready
    verifier.prepare()
    verifier.refresh()
    steps = {step.step: step for step in verifier.explain(old.token(iss="any name")).steps}
    assert steps["metadata"].detail == f"keys handed over, then in {path}, then at {url(old)}"
    assert steps["metadata"].data["requests"][-1] == {"url": url(old), "answer": "200"}
    assert f"in {path}: 1 usable, 0 skipped, 0 s old; at {url(old)}: 2 usable" in steps["keys"].detail
    assert f"fits, of the keys at {url(old)}, 3 passed over" in steps["key"].detail
    status = verifier.status()
    assert (status.keys, status.stale_for, status.draws, status.last_failure) == (4, math.inf, 2, None)
    assert status.revoked_key_bound is not None
    assert status.revoked_key_bound > 600
    settled(lambda: any(isinstance(event, KeysFetched) for event in told), "no fetch was told")
    failed = verifier.explain(old.token(key=stranger("nobody"), iss="any name"))
    assert [step.step for step in failed.steps if step.outcome == "failed"] == ["key"]


def test_distrust_reaches_every_source(old: LocalIssuer) -> None:
    """And for what was passed in beside it: distrust belongs to the issuer, however its keys are found."""
    pinned = stranger("pinned")
    verifier = rightkey.Verifier("any name", audience=old.audience, keys=FirstOf(keys_of(pinned), url(old)))
    assert code(verifier, old) is None
    verifier.distrust(old.current.kid or "")
    assert code(verifier, old) == "key_not_found"
    assert code(verifier, old, pinned) is None
    verifier.distrust("pinned")
    assert code(verifier, old, pinned) == "key_not_found"


def test_one_that_refuses_to_wait_does_not_speak_for_the_rest(
    old: LocalIssuer, new: LocalIssuer, clock: Clock
) -> None:
    """Too many threads wait for the first: the second is asked all the same. Of neither it is 401,
    unconfirmed."""
    few = rightkey.Freshness(waiting_threads=1)
    verifier = made(clock, url(old), url(new), freshness=few)
    verifier.prepare()
    new.rotate()
    new.rotate()
    first = verifier._issuer.kept[0]
    old.misbehave("jwks", fault("delay", seconds=1))
    job = first.refetch()
    assert job is not None
    job.waiters.add(object())
    assert code(verifier, new) is None
    assert code(verifier, old, stranger("unknown")) == "key_not_found"


def test_in_a_loop_too(old: LocalIssuer, new: LocalIssuer, clock: Clock) -> None:
    """The same, with tasks."""
    verifier = rightkey.AsyncVerifier(
        "any name", audience=old.audience, keys=FirstOf(url(old), url(new)), elapsed=clock
    )

    async def use() -> None:
        await verifier.prepare()
        for issuer in (old, new):
            verified = await verifier.verify(issuer.token(iss="any name"))
            assert verified.key.kid == issuer.current.kid

    asyncio.run(use())


@pytest.mark.parametrize("build", [FirstOf, lambda: made(Clock(), 5), lambda: made(Clock(), "keys.json")])
def test_what_is_no_source(build: Callable[[], object]) -> None:
    """Is told when it is built."""
    with pytest.raises(rightkey.Misconfigured):
        build()


def test_it_pickles_with_its_verifier(old: LocalIssuer) -> None:
    """By what was given."""
    verifier = rightkey.Verifier(
        "any name", audience=old.audience, keys=FirstOf(keys_of(old.current), "https://a.example/k")
    )
    copy = pickle.loads(pickle.dumps(verifier))
    assert code(copy, old) is None
    assert repr(FirstOf("https://a.example/k", None)) == "FirstOf('https://a.example/k', None)"


def test_the_status_of_several_has_all_that_one_has(tmp_path: Path) -> None:
    """The store, too, which they share."""
    assert [*_TOGETHER] == [field.name for field in fields(Status)]
    keys = FirstOf("https://a.example/jwks", None)
    verifier = rightkey.Verifier("a.example", audience="api", keys=keys, store=f"file://{tmp_path}/store")
    assert verifier.status().store is not None
