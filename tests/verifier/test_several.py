"""Several issuers behind one verifier: whose token it is decides, and nothing crosses."""

from __future__ import annotations

import asyncio
import base64
import json
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

import rightkey
from rightkey import AsyncVerifier, KeySet, Trust, Verifier
from rightkey.localissuer import LocalIssuer
from rightkey.localissuer.keys.signing import Form, SigningKey
from rightkey.localissuer.tokens.minting import mint
from rightkey.verifier.resolver import MAX_ISSUER, MAX_STRANGERS

NOW = 1_000_000.0
A, B = (SigningKey.generate("ES256", Form(certificates=False), kid="same") for _ in "ab")
ONE, TWO = "https://one.example", "https://two.example/"


def keys_of(key: SigningKey) -> KeySet:
    return KeySet.parse({"keys": [key.public_jwk()]})


def claims(issuer: Any, **more: Any) -> dict[str, Any]:
    return {"iss": issuer, "aud": "api", "exp": NOW + 60} | more


TRUSTS = Trust(ONE, audience="api", keys=keys_of(A)), Trust(TWO, audience=["api", "b"], keys=keys_of(B))


def code(call: Callable[[], Any]) -> str | None:
    try:
        call()
    except rightkey.RightkeyError as error:
        return error.code
    return None


@pytest.fixture(params=["threads", "asyncio", "trio"])
def verify(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """A call to verify by trusts or a resolver, on each face."""

    def run(many: Any, raw: str | bytes, method: str = "verify") -> Any:
        if request.param == "threads":
            return getattr(many, method)(raw)
        if request.param == "trio":
            return trio.run(getattr(many, method), raw)
        return asyncio.run(getattr(many, method)(raw))

    run.face = Verifier if request.param == "threads" else AsyncVerifier  # type: ignore[attr-defined]
    run.loop = request.param  # type: ignore[attr-defined]
    return run


def test_the_issuer_chooses_keys_and_rules(verify: Any) -> None:
    """Each has its own; a key of the one proves nothing of the other, though they have the same kid."""
    many = verify.face.of(*TRUSTS, clock=lambda: NOW)
    for key, issuer, other in ((A, ONE, B), (B, TWO, A)):
        for _ in range(2):
            assert verify(many, mint(key, claims(issuer))).issuer == issuer
        assert code(lambda o=other, i=issuer: verify(many, mint(o, claims(i)))) == "signature_invalid"
    assert code(lambda: verify(many, mint(A, claims(ONE, aud="b")))) == "claims_rejected"
    assert verify(many, mint(B, claims(TWO, aud="b"))).issuer == TWO


@pytest.mark.parametrize(
    "issuer", ["https://three.example", ONE + "/", "", None, 5, [ONE], {"a": ONE}], ids=repr
)
def test_nobody_else_is_trusted(verify: Any, issuer: Any) -> None:
    many = verify.face.of(*TRUSTS, clock=lambda: NOW)
    assert code(lambda: verify(many, mint(A, claims(issuer)))) == "issuer_not_trusted"
    explained = verify(many, mint(A, claims(issuer)), "explain")
    assert explained.error.code == "issuer_not_trusted"
    assert [step.outcome for step in explained.steps][:3] == ["ok", "skipped", "failed"]


@pytest.mark.parametrize("raw", ["", "a", "a.b", "a.b.c", "e30.e30.", "e30.W10.AA", "e30.*.AA", "e30.bm8.AA"])
def test_what_is_no_token_is_none(verify: Any, raw: str) -> None:
    """And is told as one verifier tells it."""
    many = verify.face.of(*TRUSTS)
    alone = Verifier(ONE, audience="api", keys=keys_of(A))
    expected = code(lambda: alone.verify(raw))
    got = code(lambda: verify(many, raw))
    assert got == expected or (expected, got) == ("token_malformed", "issuer_not_trusted")
    assert verify(many, raw, "explain").error.code == got


def test_a_good_token_is_explained(verify: Any) -> None:
    many = verify.face.of(*TRUSTS, clock=lambda: NOW)
    assert verify(many, mint(A, claims(ONE)), "explain").verified.issuer == ONE


def test_an_issuer_of_many_tenants_is_one_among_several(verify: Any) -> None:
    """Its form is filled by the token."""
    entra = "https://login.microsoftonline.com"
    tenant = "3c6f6ef3-4f28-4be9-a1b0-1d7a3c1f2e01"
    common = Trust(f"{entra}/common/v2.0", audience="api", keys=keys_of(B), provider="entra")
    many = verify.face.of(TRUSTS[0], common, clock=lambda: NOW)
    token = claims(f"{entra}/{tenant}/v2.0", tid=tenant)
    assert verify(many, mint(B, token)).claims["tid"] == tenant
    assert code(lambda: verify(many, mint(B, token | {"tid": "x"}))) == "issuer_not_trusted"


@pytest.mark.parametrize(
    "given",
    [
        (),
        ("https://one.example",),
        (TRUSTS[0], lambda issuer: None),
        (TRUSTS[0], Trust(ONE, audience="other", keys=keys_of(A))),
        (Trust("one.example", audience="a"), Trust("https://one.example/", audience="b")),
        (Trust(rightkey.ANY, audience="a", keys=keys_of(A)),),
    ],
    ids=["none", "no trust", "both", "twice", "twice by a domain", "any"],
)
def test_what_cannot_be_meant_is_misconfigured(given: Any) -> None:
    for face in (Verifier, AsyncVerifier):
        with pytest.raises(rightkey.Misconfigured):
            face.of(*given)


def test_a_wrong_setting_is_told_when_it_is_built() -> None:
    """As with one issuer: not with the first token."""
    for face in (Verifier, AsyncVerifier):
        with pytest.raises(rightkey.Misconfigured, match="clock must be a function"):
            face.of(*TRUSTS, clock=5)


# -- a resolver --------------------------------------------------------------------------------------------


class Tenants:
    """A resolver over a dict, which counts and may be down."""

    def __init__(self, **trusts: Trust) -> None:
        self.trusts: dict[str, Any] = {trust.issuer: trust for trust in trusts.values()}
        self.asked: list[str] = []
        self.down = False

    def __call__(self, issuer: str) -> Trust | None:
        self.asked.append(issuer)
        if self.down:
            raise ConnectionError("the database is away")
        return self.trusts.get(issuer)


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def tenants() -> Tenants:
    return Tenants(one=TRUSTS[0], two=TRUSTS[1])


@pytest.fixture
def many(verify: Any, tenants: Tenants, now: list[float]) -> Any:
    """A verifier over the tenants; in asyncio by an async function."""
    settings = {"clock": lambda: NOW, "elapsed": lambda: now[0]}
    if verify.loop != "asyncio":
        return verify.face.of(tenants, **settings)

    async def look_up(issuer: str) -> Trust | None:
        return tenants(issuer)

    return verify.face.of(look_up, **settings)


def test_a_resolver_is_asked_once_for_a_while(many: Any, verify: Any, tenants: Tenants, now: Any) -> None:
    """And then again; what it says then counts from then on."""
    for _ in range(3):
        assert verify(many, mint(A, claims(ONE))).issuer == ONE
        assert verify(many, mint(B, claims(TWO))).issuer == TWO
    assert tenants.asked == [ONE, TWO]
    now[0] = 301.0
    verify(many, mint(A, claims(ONE)))
    assert tenants.asked == [ONE, TWO, ONE]
    tenants.trusts[ONE] = Trust(ONE, audience="other", keys=keys_of(A))
    now[0] = 602.0
    assert code(lambda: verify(many, mint(A, claims(ONE)))) == "claims_rejected"
    del tenants.trusts[ONE]
    now[0] = 903.0
    assert code(lambda: verify(many, mint(A, claims(ONE)))) == "issuer_not_trusted"


def test_a_stranger_is_asked_about_once_a_minute(many: Any, verify: Any, tenants: Tenants, now: Any) -> None:
    """A flood of tokens of one made-up issuer costs the database one question a minute."""
    for _ in range(5):
        assert code(lambda: verify(many, mint(A, claims("https://x.example")))) == "issuer_not_trusted"
    assert len(tenants.asked) == 1
    now[0] = 61.0
    tenants.trusts["https://x.example"] = Trust("https://x.example", audience="api", keys=keys_of(A))
    assert verify(many, mint(A, claims("https://x.example"))).issuer == "https://x.example"


HOSTILE = [None, 5, ["https://a.example"], "", "x y", "https://a@b.example", "https://a.example/\x00", "ftp://a",
           "http://a.example", "https://a.example#x", "https://a.example%00.b", "https://\u0430.example",
           "https://a.example/" + "a" * MAX_ISSUER]  # fmt: skip


@pytest.mark.parametrize("issuer", HOSTILE, ids=lambda issuer: ascii(issuer)[:30])
def test_what_cannot_be_an_issuer_is_not_asked_about(
    many: Any, verify: Any, tenants: Tenants, issuer: Any
) -> None:
    assert code(lambda: verify(many, mint(A, claims(issuer)))) == "issuer_not_trusted"
    assert tenants.asked == []


def test_a_resolver_that_fails_is_an_outage(many: Any, verify: Any, tenants: Tenants, now: Any) -> None:
    """Of the resolver, and not of the token; who was trusted goes on for as long as keys would."""
    verify(many, mint(A, claims(ONE)))
    tenants.down = True
    with pytest.raises(rightkey.IssuerUnavailable, match="ConnectionError") as caught:
        verify(many, mint(B, claims(TWO)))
    assert (caught.value.code, caught.value.retry_after) == ("keys_unavailable", 1.0)
    assert isinstance(caught.value.__cause__, ConnectionError)
    now[0] = 300.0 + 3599.0
    assert verify(many, mint(A, claims(ONE))).issuer == ONE
    now[0] = 300.0 + 3600.0
    assert code(lambda: verify(many, mint(A, claims(ONE)))) == "keys_unavailable"
    tenants.down = False
    assert verify(many, mint(A, claims(ONE))).issuer == ONE


@pytest.mark.parametrize(
    "answer", ["a string", Trust(rightkey.ANY, audience="a", keys=keys_of(A)), 5], ids=repr
)
def test_a_resolver_that_answers_nonsense_is_at_fault(
    many: Any, verify: Any, tenants: Any, answer: Any
) -> None:
    """503, since it is not known."""
    tenants.trusts[ONE] = answer
    assert code(lambda: verify(many, mint(A, claims(ONE)))) == "keys_unavailable"


def test_a_resolver_that_answers_with_another_issuer_trusts_nobody(
    many: Any, verify: Any, tenants: Tenants
) -> None:
    """The trust is judged as ever: it expects the issuer that it names."""
    tenants.trusts[ONE] = TRUSTS[1]
    assert code(lambda: verify(many, mint(B, claims(ONE)))) == "issuer_not_trusted"
    tenants.trusts[ONE] = Trust(ONE, audience="api", keys="ftp://a.example")
    trusted = many._answers._trusted
    trusted.put(ONE, trusted.get(ONE)._replace(until=0.0))
    assert code(lambda: verify(many, mint(A, claims(ONE)))) == "keys_unavailable"


def test_what_is_kept_is_bounded() -> None:
    """Of those trusted and of strangers: the least used are asked about again."""
    asked = []

    def find(issuer: str) -> Trust | None:
        asked.append(issuer)
        return None if "stranger" in issuer else Trust(issuer, audience="api", keys=keys_of(A))

    many = Verifier.of(find, issuers=10, clock=lambda: NOW, elapsed=lambda: 0.0)
    for number in range(50):
        many.verify(mint(A, claims(f"https://{number}.example")))
        many.verify(mint(A, claims("https://0.example")))
    assert asked.count("https://0.example") == 1
    assert len(many._all()) <= 10
    for number in range(2 * MAX_STRANGERS):
        code(lambda n=number: many.verify(mint(A, claims(f"https://stranger{n}.example"))))
    assert len(many._answers._strangers._young) + len(many._answers._strangers._old) <= MAX_STRANGERS


# -- over the network --------------------------------------------------------------------------------------


@pytest.fixture
def issuers() -> Any:
    with LocalIssuer(algorithm="ES256") as one, LocalIssuer(algorithm="ES256") as two:
        yield one, two


def of(face: Any, issuers: Any, **settings: Any) -> Any:
    return face.of(*(Trust(one.url, audience=one.audience) for one in issuers), **settings)


def test_each_issuers_keys_are_fetched_for_its_own_tokens(verify: Any, issuers: Any) -> None:
    """One of which no token comes is not asked."""
    one, two = issuers
    many = of(verify.face, issuers)
    assert verify(many, one.token(sub="alice")).subject == "alice"
    assert (one.requests.total, two.requests.total) == (2, 0)
    assert code(lambda: verify(many, one.token(iss="https://nobody.example"))) == "issuer_not_trusted"
    assert (one.requests.total, two.requests.total) == (2, 0)


def test_swapped_issuers_with_the_same_kid(issuers: Any) -> None:
    """In both orders and at the same time: each token by its own issuer's keys, or not at all."""
    one, two = issuers
    for first, second in ((one, two), (two, one)):
        many = of(Verifier, (first, second))
        good = [each.token(header={"kid": "same"}) for each in issuers]
        crossed = [a.token(iss=b.url, header={"kid": b.current.kid}) for a, b in ((one, two), (two, one))]
        known = [each.token() for each in issuers]
        with ThreadPoolExecutor(8) as pool:
            crossed_codes = [pool.submit(code, partial(many.verify, raw)) for raw in crossed * 8]
            known_codes = [pool.submit(code, partial(many.verify, raw)) for raw in known * 8]
            assert {job.result(60) for job in crossed_codes} == {"signature_invalid"}
            assert {job.result(60) for job in known_codes} == {None}
        assert all(code(partial(many.verify, raw)) == "key_not_found" for raw in good)


def test_all_may_be_prepared_refreshed_and_distrusted(verify: Any, issuers: Any) -> None:
    """And their statuses are told by issuer."""
    one, two = issuers

    def call(method: str, many: Any) -> None:
        verify(type("Bound", (), {method: lambda self, _: getattr(many, method)()})(), "", method)

    many = of(verify.face, issuers)
    call("prepare", many)
    call("prepare", many)
    assert {name: status.ready for name, status in many.status().items()} == {one.url: True, two.url: True}
    assert (one.requests["jwks"], two.requests["jwks"]) == (1, 1)
    call("refresh", many)
    assert (one.requests["jwks"], two.requests["jwks"]) == (2, 2)
    many.distrust(one.current.kid)
    assert code(lambda: verify(many, one.token())) == "key_not_found"
    assert code(lambda: verify(many, two.token())) is None


def test_keys_handed_over_have_nothing_to_prepare(verify: Any) -> None:
    many = verify.face.of(*TRUSTS)
    for method in ("prepare", "refresh"):
        call = type("Bound", (), {method: lambda self, _, m=method: getattr(many, m)()})()
        verify(call, "", method)
    many.distrust("x")
    assert many.status() == {}


def test_it_pickles_and_shows_no_keys() -> None:
    for face in (Verifier, AsyncVerifier):
        again = pickle.loads(pickle.dumps(face.of(*TRUSTS)))
        assert repr(again) == f"{face.__name__}s(2 issuers)"
    assert repr(Verifier.of(lambda issuer: None)) == "Verifiers(a resolver)"
    many = pickle.loads(pickle.dumps(Verifier.of(*TRUSTS, trusted_for=5.0)))
    assert code(lambda: many.verify(mint(A, claims(ONE)))) == "claims_rejected"


# -- what holds for an issuer, however it is named
# -------------------------------------------------------------


def test_distrust_follows_the_issuer_however_it_is_named() -> None:
    """By domain, by URL, and by the URL of its keys; by verifiers that there are, and by those to come."""
    issuer = LocalIssuer(algorithm="ES256", url="https://named.example/")
    how: Any = {"audience": issuer.audience, "transport": issuer.transport()}
    keys = "https://named.example/.well-known/jwks.json"
    kinds = (("named.example", None), ("https://named.example/", None), ("https://named.example/", keys))
    verifiers = [Verifier(name, keys=where, **how) for name, where in kinds]
    raw = issuer.token(sub="alice")
    for verifier in verifiers:
        verifier.verify(raw)
    verifiers[0].distrust(issuer.current.kid or "")
    verifiers.append(Verifier("https://NAMED.example", keys=keys, **how))
    for verifier in verifiers:
        assert code(lambda one=verifier: one.verify(raw)) in ("key_not_found", "issuer_not_trusted")


def test_a_resolver_distrusts_for_issuers_to_come() -> None:
    """A key may be distrusted before the first token of its issuer has come."""
    issuer = LocalIssuer(algorithm="ES256", url="https://later.example/")
    several = Verifier.of(lambda iss: Trust(iss, audience=issuer.audience), transport=issuer.transport())
    several.distrust(issuer.current.kid or "")
    assert code(lambda: several.verify(issuer.token(sub="alice"))) == "key_not_found"


def test_a_leaked_key_is_refused_by_every_verifier_of_its_issuer() -> None:
    """Also by one that has not read the answer that leaked it."""
    issuer = LocalIssuer(algorithm="ES256", url="https://leaking.example/")
    how: Any = {"audience": issuer.audience, "transport": issuer.transport()}
    one, other = Verifier("leaking.example", **how), Verifier("https://leaking.example/", **how)
    raw = issuer.token(sub="alice")
    other.verify(raw)
    issuer.misbehave("jwks", "private-members")
    assert code(lambda: one.verify(raw)) is not None
    assert code(lambda: other.verify(raw)) == "key_not_found"


def test_a_remembered_token_of_several_issuers_is_known_without_being_read() -> None:
    """The memory knows whose it is; it is judged as ever."""
    now = [NOW]
    several = Verifier.of(*TRUSTS, clock=lambda: now[0])
    raw = mint(A, claims(ONE))
    assert several.verify(raw).issuer == several.verify(raw).issuer == ONE
    now[0] += 61
    assert code(lambda: several.verify(raw)) == "claims_rejected"


@pytest.mark.parametrize("found", ["in a list", "by a resolver"])
def test_a_load_balancer_may_be_one_of_several_issuers(found: str) -> None:
    """Its tokens are padded, and say in the header whose they are."""
    arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/api/60dc6c495c0c9188"
    kid = "0d2f4a68-1b3c-4d5e-8f70-91a2b3c4d5e6"
    header = {"alg": "ES256", "kid": kid, "signer": arn, "iss": "https://idp.example", "client": "client"}
    parts = (header | {"exp": int(NOW) + 60}, {"sub": "alice"})
    signed = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()) for part in parts)
    raw = signed + b"." + base64.urlsafe_b64encode(A.sign(signed))
    keys = KeySet.parse({"keys": [A.public_jwk() | {"kid": kid}]})
    trusts = (Trust(arn, audience="client", keys=keys, provider="aws-alb"), *TRUSTS)
    by_name = {trust.issuer: trust for trust in trusts}
    several = Verifier.of(*(trusts if found == "in a list" else (by_name.get,)), clock=lambda: NOW)
    assert several.verify(raw.decode()).subject == "alice"
    assert several.verify(mint(A, claims(ONE))).issuer == ONE
    stranger = raw.replace(signed[:20], b"x")
    assert code(lambda: several.verify(stranger)) in ("token_malformed", "issuer_not_trusted")


@pytest.mark.parametrize("iss", ["https://stranger.example", "https://[broken", "", 5, None])
def test_a_strangers_token_is_not_trusted_whatever_it_says(iss: Any) -> None:
    """And is looked up by hash: it costs the same at five trusts and at five thousand."""
    trusts = [Trust(f"https://t{number}.eu.auth0.com/", audience="api") for number in range(5)]
    several = Verifier.of(*trusts, Trust("https://login.microsoftonline.com/common/v2.0", audience="api"))
    assert code(lambda: several.verify(mint(A, claims(iss)))) == "issuer_not_trusted"


@pytest.mark.parametrize("found", ["handed over", "by a resolver", "in a file"])
def test_distrust_reaches_keys_that_were_passed_in(found: str, tmp_path: Path) -> None:
    """It did nothing there, without a word: neither here nor in other verifiers of that issuer."""
    issuer = LocalIssuer(algorithm="ES256", url=f"https://{found.replace(' ', '-')}.example/")
    file = tmp_path / "keys.json"
    document = {"keys": [issuer.current.public_jwk()]}
    file.write_text(json.dumps(document))
    keys = file if found == "in a file" else rightkey.KeySet.parse(document)
    trust = rightkey.Trust(issuer.url, audience=issuer.audience, keys=keys)
    several = rightkey.Verifier.of((lambda _: trust) if found == "by a resolver" else trust)
    fetching = rightkey.Verifier(issuer.url, audience=issuer.audience, transport=issuer.transport())
    raw = issuer.token(sub="alice")
    for verifier in (several, fetching):
        verifier.verify(raw)
    several.distrust(issuer.current.kid or "")
    for verifier in (several, fetching):
        with pytest.raises(rightkey.TokenRejected) as caught:
            verifier.verify(raw)
        assert caught.value.code == "key_not_found"


@pytest.mark.parametrize("found", ["in a list", "by a resolver"])
@pytest.mark.parametrize("octets", [False, True])
def test_a_trust_domain_may_be_one_of_several_issuers(found: str, octets: bool) -> None:
    """JWT-SVID, section 3: an SVID has no `iss`, and its subject says whose it is."""
    domain = "spiffe://example.org"
    keys = KeySet.parse({"keys": [A.public_jwk()]})
    trusts = (Trust(domain, audience="api", keys=keys), *TRUSTS)
    by_name = {trust.issuer: trust for trust in trusts}
    several = Verifier.of(*(trusts if found == "in a list" else (by_name.get,)), clock=lambda: NOW)

    def raw(subject: Any) -> Any:
        text = mint(A, {"sub": subject, "aud": "api", "exp": NOW + 60})
        return text.encode() if octets else text

    assert several.verify(raw(f"{domain}/service")).subject == f"{domain}/service"
    assert several.verify(mint(A, claims(ONE))).issuer == ONE
    for subject in ("spiffe://example.com/service", domain, "alice", 5, None):
        assert code(lambda subject=subject: several.verify(raw(subject))) == "issuer_not_trusted"
