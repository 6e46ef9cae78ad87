"""Proving: a bound token passes with a proof, once, in threads and tasks, remembered or not."""

from __future__ import annotations

import asyncio
import inspect
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import rightkey
from rightkey import DPoP, IssuerUnavailable, Misconfigured, Presented, TokenRejected
from rightkey.localissuer import LocalIssuer, Sender
from rightkey.policy.confirmation import thumbprint
from rightkey.proof.nonces import nonce_at
from rightkey.verifier.explaining import STEPS

ORIGIN = "https://api.example.com"
CALLER = Sender()
KINDS = [rightkey.Verifier, rightkey.AsyncVerifier]


@pytest.fixture(scope="module")
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


@pytest.fixture
def bound(issuer: LocalIssuer) -> str:
    return issuer.token(sub="alice", cnf=CALLER.cnf)


def done(outcome: Any) -> Any:
    """What a call came to, in threads or in tasks."""

    async def waited() -> Any:
        return await outcome

    return asyncio.run(waited()) if inspect.isawaitable(outcome) else outcome


def request(token: str, method: str = "GET", path: str = "/a", **claims: Any) -> Presented:
    return Presented("DPoP", method, path, [CALLER.proof(method, ORIGIN + path, token, **claims)])


def refused(call: Callable[[], Any]) -> TokenRejected:
    with pytest.raises(TokenRejected) as caught:
        done(call())
    assert caught.value.code == "proof_rejected"
    return caught.value


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("remember", [0, 1024])
def test_a_proof_is_judged_at_every_use(kind: Any, remember: int, issuer: LocalIssuer, bound: str) -> None:
    """Also where the token is remembered, and whether it came with a proof first or without one."""
    verifier = kind(issuer.url, audience=issuer.audience, origin=ORIGIN, remember=remember)
    assert refused(lambda: verifier.verify(bound)).reason == "proof_missing"
    for _ in range(2):
        assert done(verifier.verify(bound, presented=request(bound))).subject == "alice"
        assert refused(lambda: verifier.verify(bound)).reason == "proof_missing"
        wrong = Presented("DPoP", "POST", "/a", request(bound).proofs)
        assert (
            refused(lambda wrong=wrong: verifier.verify(bound, presented=wrong)).reason == "method_mismatch"
        )


@pytest.mark.parametrize("kind", KINDS)
def test_a_proof_passes_once(kind: Any, issuer: LocalIssuer, bound: str) -> None:
    """In all verifiers of the process, however they were built; the request itself may be judged again."""
    first, second = (kind(issuer.url, audience=issuer.audience, origin=ORIGIN) for _ in range(2))
    shown = request(bound)
    for verifier in (first, second, first):
        assert done(verifier.verify(bound, presented=shown)).subject == "alice"
    again = Presented("DPoP", "GET", "/a", shown.proofs)
    for verifier in (first, second):
        assert (
            refused(lambda verifier=verifier: verifier.verify(bound, presented=again)).reason
            == "proof_replayed"
        )


def test_of_many_threads_one_comes_in(issuer: LocalIssuer, bound: str) -> None:
    """Of 64 that use one proof at once, each in a request of its own."""
    verifier = rightkey.Verifier(issuer.url, audience=issuer.audience, origin=ORIGIN)
    proofs = request(bound).proofs

    def use(_: int) -> str | None:
        try:
            verifier.verify(bound, presented=Presented("DPoP", "GET", "/a", proofs))
        except TokenRejected as error:
            return error.reason
        return None

    with ThreadPoolExecutor(64) as pool:
        outcomes = [*pool.map(use, range(64))]
    assert sorted(outcomes, key=str) == [None, *["proof_replayed"] * 63]


def test_what_is_refused_uses_up_nothing(issuer: LocalIssuer, bound: str) -> None:
    """A proof is recorded last: after the token, what it must grant, and the proof itself."""
    verifier = rightkey.Verifier(issuer.url, audience=issuer.audience, origin=ORIGIN)
    proofs = request(bound).proofs
    with pytest.raises(rightkey.InsufficientScope):
        verifier.verify(bound, require="admin", presented=Presented("DPoP", "GET", "/a", proofs))
    refused(lambda: verifier.verify(bound, presented=Presented("DPoP", "PUT", "/a", proofs)))
    assert verifier.verify(bound, presented=Presented("DPoP", "GET", "/a", proofs)).subject == "alice"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_bound_does_not_come_by_dpop(kind: Any, issuer: LocalIssuer) -> None:
    """Remembered as a bearer token or not."""
    verifier, free = kind(issuer.url, audience=issuer.audience, origin=ORIGIN), issuer.token()
    for _ in range(2):
        assert (
            refused(lambda: verifier.verify(free, presented=request(free))).reason == "confirmation_missing"
        )
        assert done(verifier.verify(free, presented=Presented())).key.kid


@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_is_judged_at_every_use(kind: Any, issuer: LocalIssuer) -> None:
    """RFC 8705, section 3: the one of the connection, and no other."""
    verifier = kind(issuer.url, audience=issuer.audience)
    token = issuer.token(sub="alice", cnf={"x5t#S256": thumbprint(b"mine")})
    for _ in range(2):
        assert done(verifier.verify(token, presented=Presented(certificate=b"mine"))).subject == "alice"
        other = Presented(certificate=b"another")
        assert (
            refused(lambda other=other: verifier.verify(token, presented=other)).reason
            == "certificate_mismatch"
        )
        assert refused(lambda: verifier.verify(token)).reason == "proof_missing"


def test_by_possession_a_proof_still_counts(issuer: LocalIssuer, bound: str) -> None:
    """`sender="bearer"` takes a bearer token for one, and judges a proof that comes all the same."""
    verifier = rightkey.Verifier(issuer.url, audience=issuer.audience, origin=ORIGIN, sender="bearer")
    assert verifier.verify(bound).subject == "alice"
    wrong = Presented("DPoP", "GET", "/b", request(bound).proofs)
    assert refused(lambda: verifier.verify(bound, presented=wrong)).reason == "url_mismatch"


def test_without_an_origin_the_whole_url_is_yours_to_tell(issuer: LocalIssuer, bound: str) -> None:
    """In code that knows it; a path alone is not enough."""
    verifier = rightkey.Verifier(issuer.url, audience=issuer.audience)
    proofs = request(bound).proofs
    assert refused(lambda: verifier.verify(bound, presented=request(bound))).reason == "origin_unknown"
    shown = Presented("DPoP", "GET", f"{ORIGIN}/a?b", proofs)
    assert verifier.verify(bound, presented=shown).subject == "alice"
    assert verifier.schemes == {"Bearer": ()}


class Told:
    """Remembers nothing, and answers as it is told."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, list[float]()

    def first(self, mark: bytes, until: float) -> Any:
        self.asked.append(until)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def later(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


@pytest.mark.parametrize("kind", KINDS)
def test_what_remembers_may_be_yours(kind: Any, issuer: LocalIssuer, bound: str) -> None:
    """It decides; a failure of it is 503, and lets nothing in."""
    how = {"audience": issuer.audience, "origin": ORIGIN}
    verifier = kind(issuer.url, dpop=DPoP(seen=(seen := Told(True))), **how)
    assert done(verifier.verify(bound, presented=request(bound, iat=(made := int(CALLER._clock())))))
    assert seen.asked == [made + 300]
    verifier = kind(issuer.url, dpop=DPoP(seen=Told(False)), **how)
    assert refused(lambda: verifier.verify(bound, presented=request(bound))).reason == "proof_replayed"
    verifier = kind(issuer.url, dpop=DPoP(seen=Told(OSError("secret place"))), **how)
    with pytest.raises(IssuerUnavailable) as caught:
        done(verifier.verify(bound, presented=request(bound)))
    assert (caught.value.code, caught.value.status) == ("store_unavailable", 503)
    assert "secret" not in str(caught.value)
    told = done(verifier.explain(bound, presented=request(bound)))
    assert [step.step for step in told.steps if step.outcome == "failed"] == ["proof"]


def test_a_task_waits_for_what_remembers(issuer: LocalIssuer, bound: str) -> None:
    """A thread cannot, and lets nothing in."""
    how: dict[str, Any] = {"audience": issuer.audience, "origin": ORIGIN}

    def verify(kind: Any, answer: Any) -> Any:
        return done(
            kind(issuer.url, dpop=DPoP(seen=Told(answer)), **how).verify(bound, presented=request(bound))
        )

    assert verify(rightkey.AsyncVerifier, later(True)).subject == "alice"
    with pytest.raises(TokenRejected):
        verify(rightkey.AsyncVerifier, later(False))
    for kind, answer in (
        (rightkey.AsyncVerifier, later(OSError())),
        (rightkey.Verifier, late := later(True)),
    ):
        with pytest.raises(IssuerUnavailable, match="remembers"):
            verify(kind, answer)
    late.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_nonce_is_told_with_the_error(kind: Any, issuer: LocalIssuer, bound: str) -> None:
    """And a proof that has it passes."""
    verifier = kind(issuer.url, audience=issuer.audience, origin=ORIGIN, dpop=DPoP(nonce_secret=bytes(32)))
    error = refused(lambda: verifier.verify(bound, presented=request(bound)))
    assert error.reason == "nonce_needed"
    assert done(verifier.verify(bound, presented=request(bound, nonce=error.nonce))).subject == "alice"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("age", "told"), [(0, False), (59, False), (60, True), (119, True)])
def test_the_next_nonce_is_told_before_one_ends(
    kind: Any, age: int, told: bool, issuer: LocalIssuer, bound: str
) -> None:
    """In the second half of its life (RFC 9449, section 8.2): a busy client is never refused. It is good."""
    now, secret = int(issuer.clock()), bytes(32)
    how: dict[str, Any] = {"audience": issuer.audience, "origin": ORIGIN, "clock": lambda: float(now)}
    verifier = kind(issuer.url, dpop=DPoP(nonce_secret=secret), **how)
    presented = request(bound, nonce=nonce_at(secret, now - age), iat=now)
    done(verifier.verify(bound, presented=presented))
    assert presented.nonce == (nonce_at(secret, now) if told else None)
    plain = request(bound, iat=now)
    done(kind(issuer.url, **how).verify(bound, presented=plain))
    assert plain.nonce is None


@pytest.mark.parametrize("kind", KINDS)
def test_several_issuers_have_one_origin(kind: Any, issuer: LocalIssuer, bound: str) -> None:
    """It is the API's; whether tokens must be bound is each issuer's. And both are pickled."""
    trusts = [rightkey.Trust(issuer.url, audience=issuer.audience, sender="bound")]
    verifier = pickle.loads(pickle.dumps(kind.of(*trusts, origin=ORIGIN, dpop=DPoP(algorithms=["ES256"]))))
    assert verifier.schemes == {"DPoP": ("ES256",)}
    assert done(verifier.verify(bound, presented=request(bound))).subject == "alice"
    other = rightkey.Trust("https://issuer.example", audience="a", keys=rightkey.KeySet(()))
    assert list(kind.of(*trusts, other, origin=ORIGIN).schemes) == ["Bearer", "DPoP"]
    assert list(kind.of(lambda _: None, origin=ORIGIN).schemes) == ["Bearer", "DPoP"]
    assert kind.of(*trusts).schemes == {"Bearer": ()}


@pytest.mark.parametrize("kind", KINDS)
def test_the_path_is_told_with_its_proof(kind: Any, issuer: LocalIssuer, bound: str) -> None:
    """As its last step, where there is one; and that it was missing, with the claims."""
    verifier = kind(issuer.url, audience=issuer.audience, origin=ORIGIN)
    good = done(verifier.explain(bound, presented=request(bound)))
    assert (good.steps[-1].step, good.steps[-1].outcome) == ("proof", "ok")
    late = done(verifier.explain(bound, presented=Presented("DPoP", "PUT", "/a", request(bound).proofs)))
    assert [step.step for step in late.steps] == [*STEPS, "proof"]
    assert (late.steps[-1].outcome, late.steps[-1].data["failures"][0]["claim"]) == ("failed", "htm")
    early = done(verifier.explain(bound))
    assert [step.step for step in early.steps if step.outcome == "failed"] == ["claims"]
    assert early.error is not None


@pytest.mark.parametrize(
    "wrong", [{"origin": "api.example.com"}, {"origin": 5}, {"dpop": {}}, {"dpop": True}, {"origin": ""}]
)
def test_a_wrong_setting_is_told_at_once(wrong: dict[str, Any]) -> None:
    """When the verifier is built."""
    with pytest.raises(Misconfigured, match=r"origin|dpop"):
        rightkey.Verifier("issuer.example", audience="api", **wrong)


def test_an_origin_may_come_from_the_environment(issuer: LocalIssuer, bound: str) -> None:
    """One, or several."""
    environ = {"RIGHTKEY_ISSUER": issuer.url, "RIGHTKEY_AUDIENCE": issuer.audience}
    verifier = rightkey.Verifier.from_env(environ | {"RIGHTKEY_ORIGIN": f"https://b.example {ORIGIN}"})
    assert verifier.verify(bound, presented=request(bound)).subject == "alice"
    with pytest.raises(Misconfigured, match="RIGHTKEY_ORIGIN: origin"):
        rightkey.Verifier.from_env(environ | {"RIGHTKEY_ORIGIN": "api"})


@pytest.mark.slow
def test_who_is_shown_no_proof_loads_nothing_for_it() -> None:
    """Neither by importing a verifier nor by building and using one."""
    program = """if True:
        import sys, rightkey
        from rightkey.localissuer import LocalIssuer
        issuer = LocalIssuer(algorithm="ES256")
        verifier = rightkey.Verifier(issuer.url, audience=issuer.audience, transport=issuer.transport())
        loaded = {name for name in sys.modules if name.startswith("rightkey.proof")}
        verifier.verify(issuer.token())
        print({name for name in sys.modules if name.startswith("rightkey.proof")} - loaded, sorted(loaded))
    """
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "set() []\n"
