"""Tokens that are bound to a key, in every integration, over real HTTP: DPoP (RFC 9449, section 7).

Annotations are not postponed: FastAPI would look for what they name among globals.
"""

import re
import time
from collections.abc import Callable
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Security
from tests.integrations.test_integrations import (
    AUDIENCE,
    EVERY,
    OWN_REFUSALS,
    body,
    issuer,
    unconfigured,
    with_aiohttp,
    with_backend,
    with_fastapi,
    with_flask,
    with_litestar,
    with_middleware,
    with_wsgi,
)

from rightkey import DPoP, Verified
from rightkey.integrations import asgi, fastapi, wsgi
from rightkey.integrations.asgi import RightKeyMiddleware
from rightkey.localissuer import LocalIssuer, Sender
from rightkey.proof.nonces import nonce_at

pytestmark = pytest.mark.slow
__all__ = ["issuer", "unconfigured"]

ORIGIN = "https://api.example.com"
URL = f"{ORIGIN}/any"
Make = Callable[..., Any]
CALLER = Sender()


def ask(url: str, *headers: tuple[str, str], path: str = "/any") -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=60) as client:
        return client.get(url + path, headers=[*headers])


def shown(token: str, proof: str | None = None, *more: tuple[str, str]) -> list[tuple[str, str]]:
    proofs = [] if proof is None else [("dpop", proof)]
    return [("authorization", f"DPoP {token}"), *proofs, *more]


def challenged(answer: httpx.Response) -> dict[str, dict[str, str]]:
    """Each scheme of the challenges, with its parameters: a word without a value is a scheme."""
    told: dict[str, dict[str, str]] = {}
    for word, value in re.findall(r'(\w+)(="[^"]*")?', answer.headers["www-authenticate"]):
        if value:
            told[next(reversed(told))][word] = value[2:-1]
        else:
            told[word] = {}
    return told


@pytest.fixture
def bound(issuer: LocalIssuer) -> str:
    """A token that is bound to the caller's key."""
    return issuer.token(sub="alice", cnf=CALLER.cnf)


@pytest.mark.parametrize("make", EVERY)
def test_a_bound_token_comes_in_with_its_proof_once(
    make: Make, issuer: LocalIssuer, bound: str, served: Make
) -> None:
    """By the API's own name, which the request does not say; and by another proof again."""
    url = served(make(issuer.url, origin=ORIGIN))
    proof = CALLER.proof("GET", URL, bound)
    first = ask(url, *shown(bound, proof))
    assert (first.status_code, first.json()) == (200, {"subject": "alice"})
    again = ask(url, *shown(bound, proof))
    assert again.status_code == 401
    assert challenged(again)["DPoP"]["error"] == "invalid_dpop_proof"
    assert body(again)["code"] == "proof_rejected"
    assert (
        ask(url, *shown(bound, CALLER.proof("GET", f"{URL}?a=b", bound)), path="/any?a=b").status_code == 200
    )


@pytest.mark.parametrize("make", EVERY)
def test_a_bound_token_is_no_bearer_token(make: Make, issuer: LocalIssuer, bound: str, served: Make) -> None:
    """Also with a good proof beside it (section 7.2); a bearer token is none that is bound."""
    url = served(make(issuer.url, origin=ORIGIN))
    proof = CALLER.proof("GET", URL, bound)
    as_bearer = ask(url, ("authorization", f"Bearer {bound}"), ("dpop", proof))
    assert as_bearer.status_code == 401
    told = challenged(as_bearer)
    assert (told["Bearer"]["error"], "error" in told["DPoP"]) == ("invalid_token", False)
    assert "ES256" in told["DPoP"]["algs"].split()
    free = issuer.token(sub="bob")
    as_bound = ask(url, *shown(free, CALLER.proof("GET", URL, free)))
    assert as_bound.status_code == 401
    told = challenged(as_bound)
    assert (told["DPoP"]["error"], "error" in told["Bearer"]) == ("invalid_token", False)
    assert ask(url, ("authorization", f"Bearer {free}")).status_code == 200


@pytest.mark.parametrize("make", EVERY)
def test_a_bad_proof_is_401(make: Make, issuer: LocalIssuer, bound: str, served: Make) -> None:
    """None, two, for another URL, whatever the request calls its host, by another key, for another token."""
    url = served(make(issuer.url, origin=ORIGIN))
    evil = CALLER.proof("GET", "https://evil.example/any", bound)
    wrong = [
        shown(bound),
        shown(bound, CALLER.proof("GET", URL, bound), ("dpop", CALLER.proof("GET", URL, bound))),
        shown(bound, CALLER.proof("POST", URL, bound)),
        shown(bound, CALLER.proof("GET", f"{ORIGIN}/scoped", bound)),
        shown(bound, evil, ("host", "evil.example")),
        shown(bound, evil, ("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "https")),
        shown(bound, evil, ("forwarded", "host=evil.example;proto=https")),
        shown(bound, CALLER.proof("GET", f"{url}/any", bound)),
        shown(bound, Sender().proof("GET", URL, bound)),
        shown(bound, CALLER.proof("GET", URL, issuer.token(cnf=CALLER.cnf, sub="bob"))),
        shown(bound, "a.b"),
    ]
    for headers in wrong:
        answer = ask(url, *headers)
        assert (answer.status_code, body(answer)["code"]) == (401, "proof_rejected"), headers
        assert challenged(answer)["DPoP"]["error"] in ("invalid_token", "invalid_dpop_proof")
        assert bound not in answer.text


@pytest.mark.parametrize("make", EVERY)
def test_the_path_is_as_the_client_sent_it(make: Make, issuer: LocalIssuer, bound: str, served: Make) -> None:
    """In any spelling of it; below the path at which a proxy shows the API."""
    url = served(make(issuer.url, origin=f"{ORIGIN}/v1/"))
    for sent, claimed in (("/any", "/any"), ("/an%79", "/any"), ("/any", "/%61ny"), ("/any?x=/y", "/any")):
        proof = CALLER.proof("GET", f"{ORIGIN}/v1{claimed}", bound)
        assert ask(url, *shown(bound, proof), path=sent).status_code == 200, sent


@pytest.mark.parametrize("make", OWN_REFUSALS)
def test_without_a_token_both_schemes_are_told(make: Make, issuer: LocalIssuer, served: Make) -> None:
    """With the algorithms that proofs may have (section 7.2), and no error."""
    answer = ask(served(make(issuer.url, origin=ORIGIN)))
    told = challenged(answer)
    assert (answer.status_code, list(told), told["Bearer"]) == (401, ["Bearer", "DPoP"], {})
    assert list(told["DPoP"]) == ["algs"]


@pytest.mark.parametrize("make", OWN_REFUSALS)
def test_what_must_be_bound_is_asked_for_so(make: Make, issuer: LocalIssuer, served: Make) -> None:
    """By `sender="bound"`: a bearer token is refused, and not asked for."""
    url = served(make(issuer.url, origin=ORIGIN, sender="bound"))
    for headers in ([], [("authorization", f"Bearer {issuer.token()}")]):
        answer = ask(url, *headers)
        assert (answer.status_code, list(challenged(answer))) == (401, ["DPoP"])


@pytest.mark.parametrize("make", EVERY)
def test_without_an_origin_no_proof_counts(make: Make, issuer: LocalIssuer, bound: str, served: Make) -> None:
    """And none is asked for: what a request says of its host is a stranger's word."""
    url = served(make(issuer.url))
    answer = ask(url, *shown(bound, CALLER.proof("GET", f"{url}/any", bound)))
    assert (answer.status_code, list(challenged(answer))) == (401, ["Bearer"])
    assert "origin=" in body(answer)["hint"]


@pytest.mark.parametrize("make", [with_fastapi, with_middleware, with_wsgi])
def test_a_nonce_is_given_and_asked_for(make: Make, issuer: LocalIssuer, bound: str, served: Make) -> None:
    """Sections 8 and 9: the answer has the nonce, and by it the next request comes in."""
    url = served(make(issuer.url, origin=ORIGIN, dpop=DPoP(nonce_secret=bytes(32))))
    answer = ask(url, *shown(bound, CALLER.proof("GET", URL, bound)))
    assert (answer.status_code, challenged(answer)["DPoP"]["error"]) == (401, "use_dpop_nonce")
    nonce = answer.headers["dpop-nonce"]
    assert ask(url, *shown(bound, CALLER.proof("GET", URL, bound, nonce=nonce))).status_code == 200


@pytest.mark.parametrize(
    ("make", "around"),
    [
        (with_middleware, None),
        (with_wsgi, None),
        (with_flask, None),
        (with_aiohttp, None),
        (with_fastapi, asgi.Nonces),
        (with_backend, asgi.Nonces),
        (with_litestar, asgi.Nonces),
    ],
)
def test_the_next_nonce_comes_with_a_good_answer(
    make: Make, around: Any, issuer: LocalIssuer, bound: str, served: Make
) -> None:
    """In time (section 8.2); not where that of the proof has just been given, nor without nonces."""
    secret = bytes(32)
    app = make(issuer.url, origin=ORIGIN, dpop=DPoP(nonce_secret=secret))
    url = served(app if around is None else around(app))
    new, old = (nonce_at(secret, time.time() - age) for age in (5, 90))
    first = ask(url, *shown(bound, CALLER.proof("GET", URL, bound, nonce=new)))
    assert (first.status_code, "dpop-nonce" in first.headers) == (200, False)
    answer = ask(url, *shown(bound, CALLER.proof("GET", URL, bound, nonce=old)))
    assert answer.status_code == 200
    (told,) = answer.headers.get_list("dpop-nonce")
    assert told not in (new, old)
    assert ask(url, *shown(bound, CALLER.proof("GET", URL, bound, nonce=told))).status_code == 200
    assert "dpop-nonce" not in ask(url, ("authorization", f"Bearer {issuer.token(sub='bob')}")).headers


def test_a_nonce_is_told_once(issuer: LocalIssuer, bound: str, served: Make) -> None:
    """Also where two of ours look at one answer, of an application or of a mounted one."""
    secret = bytes(32)
    how: dict[str, Any] = {"origin": ORIGIN, "dpop": DPoP(nonce_secret=secret)}
    for app in (
        asgi.Nonces(with_middleware(issuer.url, **how)),
        wsgi.Nonces(with_wsgi(issuer.url, **how)),
        wsgi.Nonces(with_flask(issuer.url, **how)),
    ):
        proof = CALLER.proof("GET", URL, bound, nonce=nonce_at(secret, time.time() - 90))
        answer = ask(served(app), *shown(bound, proof))
        assert (answer.status_code, len(answer.headers.get_list("dpop-nonce"))) == (200, 1)


@pytest.mark.parametrize("path", ["/any", "/twice"])
def test_one_request_may_be_verified_several_times(issuer: LocalIssuer, served: Make, path: str) -> None:
    """By a middleware and two dependencies, with other scopes: its proof is no replay of itself."""
    app, auth = FastAPI(), fastapi.RightKey(issuer.url, audience=AUDIENCE, origin=ORIGIN)

    @app.get("/any")
    async def once(token: Annotated[Verified, Security(auth, scopes=["a"])]) -> Any:
        return token.subject

    @app.get("/twice")
    async def twice(
        token: Annotated[Verified, Security(auth, scopes=["a"])],
        other: Annotated[Verified, Depends(auth.optional)],
    ) -> Any:
        return [token.subject, other.subject]

    url = served(RightKeyMiddleware(app, issuer.url, audience=AUDIENCE, origin=ORIGIN))
    token = issuer.token(scope="a b", cnf=CALLER.cnf)
    headers = shown(token, CALLER.proof("GET", ORIGIN + path, token))
    assert [ask(url, *headers, path=path).status_code for _ in range(2)] == [200, 401]


def test_too_little_is_told_in_both_challenges(issuer: LocalIssuer, served: Make) -> None:
    """Where a route asks for more, it is not known under which scheme the token came."""
    url = served(with_fastapi(issuer.url, origin=ORIGIN))
    token = issuer.token(scope="other", cnf=CALLER.cnf)
    answer = ask(url, *shown(token, CALLER.proof("GET", f"{ORIGIN}/scoped", token)), path="/scoped")
    assert answer.status_code == 403
    assert {told["error"] for told in challenged(answer).values()} == {"insufficient_scope"}
