"""What a proxy is answered: status, headers and words, for each that can come of a request."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import pytest
from tests.gateway.conftest import fields_of

import rightkey
from rightkey import AsyncVerifier
from rightkey.exchange import ExchangeFailed, Request, Response
from rightkey.gateway.decision import MAX_REMEMBERED_LENGTH, Answer, Decision, Question, TokenCase, refused
from rightkey.gateway.dialect import DIALECTS
from rightkey.gateway.identity import Identity
from rightkey.gateway.routes import Route, Routes
from rightkey.integrations.bearer import Bearer, cookie
from rightkey.integrations.carriers import AUTHORIZATION, query
from rightkey.localissuer import LocalIssuer, Sender
from rightkey.localissuer.tokens.opaque import OPAQUE, digest
from rightkey.proof.nonces import nonce_at
from rightkey.requirements import required

ISSUER = LocalIssuer(algorithm="ES256")
VERIFIER = AsyncVerifier(ISSUER.url, audience=ISSUER.audience, transport=ISSUER.transport())
IDENTITY = Identity({"X-Auth-Subject": "sub", "X-Auth-Scopes": "scope"})
ROUTES = Routes(
    [
        Route("/public", public=True),
        Route("/maybe", optional=True),
        Route("/orders", require=required("read:orders")),
        Route("/any"),
    ]
)
BEARER = Bearer((AUTHORIZATION, cookie("session"), query("token")), realm="api")


def decision(verifier: Any = None, dialect: str = "envoy") -> Decision:
    return Decision(DIALECTS[dialect], ROUTES, verifier or VERIFIER, BEARER, IDENTITY, remember=8)


@pytest.fixture(scope="module", autouse=True)
def held() -> None:
    """Its keys are there: nothing below waits for any."""
    asyncio.run(VERIFIER.prepare())


def decided(path: str, token: str | None = None, by: Decision | None = None, **fields: list[str]) -> Answer:
    sent = {"host": ["api.example.com"], **fields}
    if token is not None:
        sent["authorization"] = [f"Bearer {token}"]
    answer = answer_of(by or decision(), path, sent)
    assert isinstance(answer, Answer), "it waits for nothing"
    return answer


def answer_of(by: Decision, path: str, sent: dict[str, list[str]]) -> Answer | Awaitable[Answer]:
    case = by.read(Question("GET", path, sent))
    return case if isinstance(case, Answer) else case()


def test_what_passes_is_200_with_all_of_the_identity() -> None:
    """And without a body: 204 is no pass for Envoy. Nothing may keep it."""
    token = ISSUER.token(sub="alice", scope="read:orders")
    answer = decided("/orders", token)
    assert (answer.status, answer.code) == (200, "ok")
    assert answer.octets() == (
        b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 0\r\n"
        b"X-Auth-Subject: alice\r\nX-Auth-Scopes: read:orders\r\n\r\n"
    )


def test_where_there_is_no_token_the_identity_is_empty() -> None:
    """On public routes, where none is looked for, and on optional ones."""
    for path, token in (("/public", None), ("/public", "bad"), ("/maybe", None)):
        answer = decided(path, token)
        assert (answer.status, answer.code) == (200, "public")
        empty = {"Cache-Control": "no-store", "X-Auth-Subject": "", "X-Auth-Scopes": ""}
        assert fields_of(answer) == empty
    assert decided("/maybe", "bad").status == 401
    assert decided("/maybe", ISSUER.token(sub="bob")).code == "ok"


@pytest.mark.parametrize(
    ("path", "token", "status", "code", "challenge"),
    [
        ("/orders", None, 401, "token_missing", 'Bearer realm="api", scope="read:orders"'),
        ("/any", None, 401, "token_missing", 'Bearer realm="api"'),
        ("/any", "a.b", 401, "token_malformed", 'Bearer realm="api", error="invalid_token"'),
        (
            "/orders",
            ISSUER.token(scope="x"),
            403,
            "scope_insufficient",
            'Bearer realm="api", error="insufficient_s',
        ),
        ("/any", "two tokens", 400, "request_malformed", 'Bearer realm="api", error="invalid_request"'),
        ("/other", ISSUER.token(), 403, "route_unknown", None),
        ("/any/../orders", ISSUER.token(), 403, "path_refused", None),
    ],
)
def test_what_is_refused_says_why(
    path: str, token: str | None, status: int, code: str, challenge: str | None
) -> None:
    """With a challenge where another token would help, and its status for proxies that make another of it."""
    answer = decided(path, token)
    fields = fields_of(answer)
    assert (answer.status, answer.code, fields["X-Auth-Status"]) == (status, code, str(status))
    assert json.loads(answer.body)["code"] == code
    assert fields["Cache-Control"] == "no-store"
    assert fields.get("WWW-Authenticate", "").startswith(challenge or "")
    assert ("WWW-Authenticate" in fields) is (challenge is not None)
    assert not any(name in fields for name in ("X-Auth-Subject", "X-Auth-Scopes"))


def test_a_proxy_that_says_nothing_is_told() -> None:
    """It is configured wrongly, which is no fault of the token."""
    answer = decided("/any", ISSUER.token(), decision(dialect="nginx"))
    assert (answer.status, answer.code) == (500, "request_unsaid")
    assert b"x-original-method must stand in the request once" in answer.body


def test_tokens_are_taken_where_they_are_configured_to_be() -> None:
    """In a cookie or in the client's query, too; two are one too many."""
    token = ISSUER.token(sub="alice")
    assert decided("/any", cookie=[f"a=b; session={token}"]).code == "ok"
    assert decided(f"/any?a=b&token={token}").code == "ok"
    assert decided("/any", token, cookie=[f"session={token}"]).code == "request_malformed"
    assert decided("/any", authorization=[f"Bearer {token}, Bearer {token}"]).code == "request_malformed"
    assert decision().names == {"host", "authorization", "cookie", "dpop"}


def test_a_proof_is_for_the_request_of_the_client() -> None:
    """Its method and URI, as the proxy says them; once, and for no other."""
    caller = Sender()
    token = ISSUER.token(sub="alice", cnf=caller.cnf)
    means = {
        "audience": ISSUER.audience,
        "transport": ISSUER.transport(),
        "origin": "https://api.example.com",
    }
    verifier = AsyncVerifier(ISSUER.url, **means)  # type: ignore[arg-type]
    asyncio.run(verifier.prepare())
    bearer = BEARER.beside(verifier)
    by = Decision(DIALECTS["envoy"], ROUTES, verifier, bearer, IDENTITY)
    proof = caller.proof("GET", "https://api.example.com/any", token)
    fields = {"authorization": [f"DPoP {token}"], "dpop": [proof]}
    assert decided("/orders", by=by, **fields).code == "proof_rejected"
    assert decided("/any?a=b", by=by, **fields).code == "ok"
    again = decided("/any", by=by, **fields)
    assert again.code == "proof_rejected"
    assert "DPoP" in fields_of(again)["WWW-Authenticate"]
    assert decided("/any", token, by=by).code == "proof_rejected"
    lacking = caller.proof("GET", "https://api.example.com/orders", token)
    assert decided("/orders", by=by, **fields | {"dpop": [lacking]}).code == "scope_insufficient"


def test_the_next_nonce_comes_with_the_identity() -> None:
    """Where that of the proof will soon end, and with what is refused too."""
    caller, secret = Sender(), bytes(32)
    token = ISSUER.token(sub="alice", cnf=caller.cnf)
    means: dict[str, Any] = {"audience": ISSUER.audience, "transport": ISSUER.transport()}
    rules = rightkey.DPoP(nonce_secret=secret)
    verifier = AsyncVerifier(ISSUER.url, origin="https://api.example.com", dpop=rules, **means)
    asyncio.run(verifier.prepare())
    by = Decision(DIALECTS["envoy"], ROUTES, verifier, BEARER.beside(verifier), IDENTITY)

    def answered(age: float, path: str = "/any") -> tuple[str, int]:
        nonce = nonce_at(secret, time.time() - age)
        proof = caller.proof("GET", f"https://api.example.com{path}", token, nonce=nonce)
        answer = decided(path, by=by, authorization=[f"DPoP {token}"], dpop=[proof])
        return answer.code, [*fields_of(answer)].count("DPoP-Nonce")

    found = [answered(5), answered(90), answered(200), answered(90, "/orders"), answered(5, "/orders")]
    lacking = "scope_insufficient"
    assert found == [("ok", 0), ("ok", 1), ("proof_rejected", 1), (lacking, 1), (lacking, 0)]


def test_an_issuer_that_is_gone_is_503_after_a_wait() -> None:
    """Nothing blocks meanwhile: what waits is awaited."""

    awaited = threading.Event()

    class Gone:
        """Says so once it is waited for."""

        def get(self, request: Request, /) -> Response:
            awaited.wait(60)
            raise ExchangeFailed("refused", "no answer")

    verifier = AsyncVerifier("https://gone.example", audience="a", transport=Gone())

    async def main() -> Answer:
        answer = answer_of(decision(verifier), "/any", {"host": ["a"], "authorization": [f"Bearer {token}"]})
        assert isinstance(answer, Awaitable)
        awaited.set()
        return await answer

    token = ISSUER.token(iss="https://gone.example", aud="a")
    answer = asyncio.run(main())
    assert (answer.status, answer.code) == (503, "keys_unavailable")
    assert int(fields_of(answer)["Retry-After"]) >= 1


def test_an_answer_may_close_and_have_no_body() -> None:
    """HEAD is told how long the body were; HTTP/1.0 is served, and its connection closed."""
    answer = refused(403, "code", "words", ("Name", "value"))
    whole, bare = answer.octets(close=True), answer.octets(close=True, bodiless=True)
    assert whole.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert whole == bare + answer.body
    assert f"Content-Length: {len(answer.body)}\r\nConnection: close\r\n\r\n".encode() in bare
    assert b"Name: value\r\n" in bare


@pytest.mark.parametrize("credential", ["two tokens", "", " ", "a,b", "\u00e4.b.c", "Bearer x"])
def test_a_credential_that_is_no_token_is_told_so(credential: str) -> None:
    """Where the header is all that is looked at, too, and its form only once it is refused."""
    usual = Decision(DIALECTS["envoy"], ROUTES, VERIFIER, Bearer(realm="api"), IDENTITY)
    answer = decided("/any", credential, usual)
    assert (answer.status, answer.code) == (400, "request_malformed")
    assert "invalid_request" in fields_of(answer)["WWW-Authenticate"]
    assert decided("/any", ISSUER.token(sub="bob"), usual).code == "ok"


def test_two_headers_of_which_each_is_usual_are_two_credentials() -> None:
    """A good token first, or last."""
    usual = Decision(DIALECTS["envoy"], ROUTES, VERIFIER, Bearer(), IDENTITY)
    good = f"Bearer {ISSUER.token()}"
    for values in ([good, "Bearer x"], ["Bearer x", good], [good, good]):
        assert decided("/any", None, usual, authorization=values).code == "request_malformed"


def test_opaque_tokens_pass_by_their_issuers_answer() -> None:
    """With the identity that it tells. An outage of its issuer is 503."""
    asked = rightkey.Introspection("gateway", "secret", life=0, refused=0)
    verifier = AsyncVerifier(
        ISSUER.url, audience=ISSUER.audience, transport=ISSUER.transport(), introspection=asked
    )

    async def status(token: str) -> tuple[int, str | None]:
        sent = {"host": ["api.example.com"], "authorization": [f"Bearer {token}"]}
        answer: Any = answer_of(decision(verifier), "/any", sent)
        answer = answer if isinstance(answer, Answer) else await answer
        return answer.status, fields_of(answer).get("X-Auth-Subject")

    async def main() -> None:
        await verifier.prepare()
        token = ISSUER.opaque(sub="alice")
        assert await status(token) == (200, "alice")
        ISSUER.revoke_token(token)
        assert (await status(token))[0] == 401
        ISSUER.misbehave("introspect", "status", times=1)
        assert (await status(ISSUER.opaque()))[0] == 503

    asyncio.run(main())


def read(by: Decision, token: str, path: str = "/any") -> TokenCase:
    case = by.read(Question("GET", path, {"host": ["a"], "authorization": [f"Bearer {token}"]}))
    assert isinstance(case, TokenCase)
    return case


def test_a_request_that_was_read_is_judged_each_time() -> None:
    """By the time and the keys of that moment. One that is refused is not worth keeping any more."""
    issuer, now = LocalIssuer(algorithm="ES256"), time.time()
    verifier = AsyncVerifier(
        issuer.url, audience=issuer.audience, transport=issuer.transport(), clock=lambda: now
    )
    asyncio.run(verifier.prepare())
    case, other = (read(decision(verifier), issuer.token(exp=int(now) + 60)) for _ in range(2))
    for one in (case, other):
        assert not one.lasts
        passed = one()
        assert isinstance(passed, Answer)
        assert (passed.code, one(), one.lasts) == ("ok", passed, True)
    now += 61
    assert case().code == "claims_rejected"  # type: ignore[union-attr]
    assert not case.lasts
    now -= 61
    assert case().code == "ok"  # type: ignore[union-attr]
    verifier.distrust(issuer.current.kid)
    assert [one().code for one in (case, other)] == ["key_not_found"] * 2  # type: ignore[union-attr]
    assert not case.lasts
    assert not other.lasts


def test_a_token_that_passed_by_a_rule_is_known_by_that_rule_alone() -> None:
    """Wherever else the request differs; and nothing is known of it where nothing may be remembered."""
    by, token = decision(), ISSUER.token(sub="alice")
    case = read(by, token, "/any?a")
    assert read(by, token, "/any?b") is not case
    assert case().code == "ok"  # type: ignore[union-attr]
    assert read(by, token, "/any?c") is case
    lacking = read(by, token, "/orders")
    assert lacking is not case
    assert lacking().code == "scope_insufficient"  # type: ignore[union-attr]
    assert read(by, token, "/orders") is not lacking
    assert read(by, ISSUER.token(sub="bob")) is not case
    long = ISSUER.token(more="x" * MAX_REMEMBERED_LENGTH)
    assert read(by, long)().code == "ok"  # type: ignore[union-attr]
    assert len(by.passed) == 1
    forgetful = replace(by, remember=0)
    assert read(forgetful, token)().code == "ok"  # type: ignore[union-attr]
    assert len(forgetful.passed) == 0


def test_what_a_route_requires_is_not_forgotten() -> None:
    """A token that lacks it is refused each time."""
    case = read(decision(), ISSUER.token(scope="other"), "/orders")
    assert [case().code for _ in range(3)] == ["scope_insufficient"] * 3  # type: ignore[union-attr]
    assert not case.lasts


def test_a_request_with_a_proof_is_not_worth_keeping() -> None:
    """The proof counts for that request alone."""
    caller = Sender()
    token = ISSUER.token(cnf=caller.cnf)
    means: dict[str, Any] = {"audience": ISSUER.audience, "transport": ISSUER.transport()}
    verifier = AsyncVerifier(ISSUER.url, origin="https://api.example.com", **means)
    asyncio.run(verifier.prepare())
    by = replace(decision(verifier), bearer=BEARER.beside(verifier))
    proof = caller.proof("GET", "https://api.example.com/any", token)
    sent = {"host": ["a"], "authorization": [f"DPoP {token}"], "dpop": [proof]}
    case = by.read(Question("GET", "/any", sent))
    assert isinstance(case, TokenCase)
    assert case().code == "ok"  # type: ignore[union-attr]
    assert not case.lasts
    assert len(by.passed) == 0


def test_what_the_issuer_says_of_an_opaque_token_is_told_as_it_says_it_now() -> None:
    """The request is kept as read, and the answer is made anew."""
    issuer = LocalIssuer(algorithm="ES256")
    asked = rightkey.Introspection("gateway", "secret", life=0, refused=0)
    means: dict[str, Any] = {"audience": issuer.audience, "transport": issuer.transport()}
    verifier = AsyncVerifier(issuer.url, introspection=asked, **means)

    async def subject(case: TokenCase) -> str:
        answer = case()
        return fields_of(answer if isinstance(answer, Answer) else await answer)["X-Auth-Subject"]

    async def main() -> None:
        await verifier.prepare()
        token = issuer.opaque(sub="alice")
        case = read(decision(verifier), token)
        assert await subject(case) == "alice"
        assert case.lasts
        issuer.shelf.put(OPAQUE, digest(token), issuer._claims({"sub": "bob"}))
        assert await subject(case) == "bob"

    asyncio.run(main())


def test_what_is_no_token_is_not_asked_about() -> None:
    """An issuer that is asked about opaque tokens is sent none that no client could have from it."""
    asked = rightkey.Introspection("gateway", "secret", life=0, refused=0)
    verifier = AsyncVerifier(
        ISSUER.url, audience=ISSUER.audience, transport=ISSUER.transport(), introspection=asked
    )
    usual = Decision(DIALECTS["envoy"], ROUTES, verifier, Bearer(), IDENTITY)
    before = ISSUER.requests["introspect"]
    asyncio.run(verifier.prepare())
    for credential in ("two tokens", "a,b", "\u00e4", "a\tb"):
        assert decided("/any", credential, usual).code == "request_malformed"
    assert ISSUER.requests["introspect"] == before
