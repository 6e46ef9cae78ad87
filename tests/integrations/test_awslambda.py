"""AWS Lambda: the events of AWS's documentation, in every form, and what is answered to each."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.integrations.awsevents import (
    ALB,
    ALB_SEVERAL,
    FUNCTION_URL,
    HTTP_1,
    HTTP_2,
    REST,
    TOKEN,
    WEBSOCKET,
)

import rightkey
from rightkey import DPoP, Verified, Verifier
from rightkey.integrations.awsevents import request_of
from rightkey.integrations.awslambda import authorizer, context_of, protected
from rightkey.integrations.bearer import Bearer, cookie, header, query
from rightkey.integrations.certificates import from_tls
from rightkey.localissuer import LocalIssuer, Sender
from rightkey.proof.nonces import nonce_at

EXAMPLE = Path(__file__).parents[2] / "examples" / "lambda_app.py"
API = "arn:aws:execute-api:us-east-1:123456789012:abcdef123"
STAGE = f"{API}/test/*"
AUDIENCE = "https://api.example.com"
PROXIES = {"1.0 of HTTP": HTTP_1, "1.0 of REST": REST, "2.0": HTTP_2, "url": FUNCTION_URL}
BALANCERS = {"alb": ALB, "alb, several": ALB_SEVERAL}
HANDLED = PROXIES | BALANCERS


@pytest.fixture(scope="module")
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256", audience=AUDIENCE) as issuer:
        yield issuer


@pytest.fixture
def verifier(issuer: LocalIssuer) -> Verifier:
    return Verifier(issuer.url, audience=AUDIENCE)


def event_of(form: Mapping[str, Any], *headers: tuple[str, str]) -> dict[str, Any]:
    """The event, with these headers as its form tells them."""
    event: dict[str, Any] = copy.deepcopy(dict(form))
    for name, value in headers:
        if event.get("version") == "2.0":
            before = event["headers"].get(name.lower())
            event["headers"][name.lower()] = f"{before},{value}" if before else value
            continue
        if event.get("headers") is not None:
            event["headers"][name] = value
        if event.get("multiValueHeaders") is not None:
            event["multiValueHeaders"].setdefault(name, []).append(value)
    return event


def asked(form: Mapping[str, Any], *headers: tuple[str, str], newer: bool = False) -> dict[str, Any]:
    """A REQUEST event of an authorizer, which has what a handler's has, and the name of the method."""
    name = "routeArn" if newer else "methodArn"
    return event_of(form, *headers) | {"type": "REQUEST", name: f"{API}/test/GET/request"}


def bearing(raw: str) -> tuple[str, str]:
    return "Authorization", f"Bearer {raw}"


def whose(event: Mapping[str, Any], context: Any, token: Verified | None) -> dict[str, Any]:
    return {"statusCode": 200, "body": "none" if token is None else token.subject}


def headers_of(answer: Mapping[str, Any]) -> dict[str, str]:
    several = answer.get("multiValueHeaders")
    found = answer["headers"] if several is None else {name: value for name, [value] in several.items()}
    return {name.lower(): value for name, value in found.items()}


# -- an authorizer


def test_a_token_event_is_answered_by_a_policy_for_the_stage(issuer: LocalIssuer, verifier: Verifier) -> None:
    """It is kept for the token, and the next route is answered by it as well."""
    raw = issuer.token(sub="alice", scope="write read", groups=["a"])
    assert authorizer(verifier=verifier)(TOKEN | {"authorizationToken": f"Bearer {raw}"}, None) == {
        "principalId": "alice",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": [STAGE]}],
        },
        "context": {"sub": "alice", "iss": issuer.url, "scope": "read write"},
    }


def test_a_token_event_has_the_value_of_whichever_header_is_configured(
    issuer: LocalIssuer, verifier: Verifier
) -> None:
    """As the API's `identitySource` names it: with a scheme, alone, or in a cookie; a header is looked at
    even where the carrier that comes first is the query."""
    raw = issuer.token(sub="alice")
    for bearer, value in (
        (Bearer(header("X-Token")), raw),
        (Bearer(cookie("session")), f"a=b; session={raw}"),
        (Bearer([query(), cookie("session")]), ""),
    ):
        authorize = authorizer(verifier=verifier, bearer=bearer)
        if value:
            assert authorize(TOKEN | {"authorizationToken": value})["principalId"] == "alice"
        else:
            with pytest.raises(Exception, match=r"^Unauthorized$"):
                authorize(TOKEN | {"authorizationToken": raw})


@pytest.mark.parametrize("form", [REST, HTTP_1, WEBSOCKET], ids=["rest", "http", "websocket"])
def test_a_request_of_payload_1_is_answered_by_a_policy(
    form: Mapping[str, Any], issuer: LocalIssuer, verifier: Verifier
) -> None:
    """Even one without a subject, whose principal must not be empty."""
    authorize = authorizer(verifier=verifier)
    answer = authorize(asked(form, bearing(issuer.token(sub="alice"))), None)
    assert (answer["principalId"], answer["policyDocument"]["Statement"][0]["Resource"]) == ("alice", [STAGE])
    assert authorize(asked(form, bearing(issuer.token(sub=None))))["principalId"] == "none"


def test_payload_2_is_answered_simply_or_by_a_policy(issuer: LocalIssuer, verifier: Verifier) -> None:
    """As the API is set, which the event does not say."""
    event = asked(HTTP_2, bearing(issuer.token(sub="alice", scope="read")), newer=True)
    told = {"sub": "alice", "iss": issuer.url, "scope": "read"}
    assert authorizer(verifier=verifier)(event) == {"isAuthorized": True, "context": told}
    policy = authorizer(verifier=verifier, simple=False)(event)
    assert policy["policyDocument"]["Statement"] == [
        {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": [STAGE]}
    ]


BAD = {
    "none": (),
    "garbage": (("Authorization", "Bearer not a token"),),
    "another scheme": (("Authorization", "Basic YTpi"),),
    "no JWT": (("Authorization", "Bearer abc"),),
}


@pytest.mark.parametrize("bad", [*BAD, "expired", "twice", "twice in two spellings"])
def test_a_bad_token_is_refused_in_the_words_of_each_api(
    bad: str, issuer: LocalIssuer, verifier: Verifier
) -> None:
    """401 where a message makes it so, 403 elsewhere; and no word of the token."""
    raw = issuer.token(sub="alice")
    headers = BAD.get(bad, (bearing(issuer.attack("expired")),))
    if bad.startswith("twice"):
        headers = (
            bearing(raw),
            ("authorization" if "spellings" in bad else "Authorization", f"Bearer {raw}"),
        )
    authorize = authorizer(verifier=verifier)
    for form in (REST, HTTP_1, WEBSOCKET):
        with pytest.raises(Exception, match=r"^Unauthorized$") as raised:
            authorize(asked(form, *headers))
        assert type(raised.value) is Exception
        assert raw not in str(raised.value.__cause__)
    answer = authorize(asked(HTTP_2, *headers, newer=True))
    assert (answer["isAuthorized"], [*answer["context"]]) == (False, ["code"])
    policy = authorizer(verifier=verifier, simple=False)(asked(HTTP_2, *headers, newer=True))
    assert policy["policyDocument"]["Statement"][0]["Effect"] == "Deny"
    assert raw not in json.dumps([answer, policy])


def test_a_token_that_grants_too_little_is_denied(issuer: LocalIssuer, verifier: Verifier) -> None:
    """403, by a policy: whether the verifier requires it or the authorizer does."""
    raw, needs = issuer.token(sub="alice", scope="read"), "write"
    own = Verifier(issuer.url, audience=AUDIENCE, require=needs)
    for authorize in (authorizer(verifier=verifier, require=needs), authorizer(verifier=own)):
        answer = authorize(TOKEN | {"authorizationToken": f"Bearer {raw}"})
        assert answer["policyDocument"]["Statement"] == [
            {"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": [STAGE]}
        ]
        assert answer["context"] == {"code": "scope_insufficient"}
    assert (
        authorizer(issuer.url, audience=AUDIENCE, require="read")(
            TOKEN | {"authorizationToken": f"Bearer {raw}"}
        )["principalId"]
        == "alice"
    )


@pytest.mark.slow
def test_an_outage_is_raised_and_never_a_deny_which_would_be_kept() -> None:
    """API Gateway answers 500, and asks again for the next request."""
    with LocalIssuer(algorithm="ES256") as issuer:
        raw = issuer.token(sub="alice")
        issuer.misbehave("jwks", "html")
        authorize = authorizer(issuer.url, audience=issuer.audience)
        for event in (
            TOKEN | {"authorizationToken": f"Bearer {raw}"},
            asked(REST, bearing(raw)),
            asked(HTTP_2, bearing(raw), newer=True),
        ):
            with pytest.raises(rightkey.IssuerUnavailable, match="keys"):
                authorize(event)


def test_what_could_not_be_confirmed_is_not_kept_as_a_deny(issuer: LocalIssuer) -> None:
    """The budget is spent: another key may be there a moment later."""
    verifier = Verifier(issuer.url, audience=AUDIENCE, elapsed=lambda: 1000.0)
    authorize = authorizer(verifier=verifier)
    stranger = LocalIssuer(algorithm="ES256", url=issuer.url, audience=AUDIENCE)
    told = []
    for number in range(4):
        raw = stranger.token(sub="mallory", header={"kid": f"unknown-{number}"})
        try:
            told.append(authorize(asked(HTTP_2, bearing(raw), newer=True))["context"]["code"])
        except rightkey.TokenRejected as error:
            told.append(f"raised, {error.confirmed}")
    assert "raised, False" in told
    assert set(told) <= {"key_not_found", "raised, False"}


def test_the_context_is_ones_own_and_holds_scalars_only(issuer: LocalIssuer, verifier: Verifier) -> None:
    """API Gateway answers 500 for others, without a word."""
    event = TOKEN | {"authorizationToken": f"Bearer {issuer.token(sub='alice', admin=True, level=3)}"}

    def told(**context: Any) -> Any:
        return authorizer(verifier=verifier, context=lambda token: context)(event)["context"]

    assert told(admin=True, level=3, share=0.5, name="a") == {
        "admin": True,
        "level": 3,
        "share": 0.5,
        "name": "a",
    }
    for wrong in (["a"], {"a": 1}, None, float("nan"), b"a"):
        with pytest.raises(rightkey.Misconfigured, match="context 'it' must be"):
            told(it=wrong)
    assert told(level=10**400) == {"level": 10**400}
    nothing: Any = None
    with pytest.raises(rightkey.Misconfigured, match="must return a mapping"):
        authorizer(verifier=verifier, context=lambda token: nothing)(event)
    assert context_of(verifier.verify(issuer.token(sub=None))) == {"iss": issuer.url}


ORIGIN = "https://api.example.com"


def test_a_bound_token_is_taken_with_its_proof_where_no_answer_is_kept(issuer: LocalIssuer) -> None:
    """Its policy is for the one route. Where answers are kept it is refused: the next proof would be seen by
    no verifier."""
    caller = Sender()
    raw = issuer.token(sub="alice", cnf=caller.cnf)
    verifier = Verifier(issuer.url, audience=AUDIENCE, origin=ORIGIN, dpop=DPoP())

    def event() -> dict[str, Any]:
        proof = caller.proof("GET", f"{ORIGIN}/test/request", raw)
        return asked(REST, ("Authorization", f"DPoP {raw}"), ("DPoP", proof))

    answer = authorizer(verifier=verifier, cached=False)(event())
    assert answer["policyDocument"]["Statement"][0]["Resource"] == [f"{API}/test/GET/request"]
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorizer(verifier=verifier)(event())
    two = event()
    two["multiValueHeaders"]["dpop"] = two["multiValueHeaders"]["DPoP"]
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorizer(verifier=verifier, cached=False)(two)


@pytest.mark.parametrize("sender", ["checked", "bearer"])
@pytest.mark.parametrize("cached", [True, False])
def test_under_dpop_no_token_comes_without_a_proof(sender: str, cached: bool, issuer: LocalIssuer) -> None:
    """Whether an answer is kept or not, and whatever `sender` says: not an unbound one either."""
    verifier = Verifier(issuer.url, audience=AUDIENCE, origin=ORIGIN, sender=sender)
    for raw in (issuer.token(), issuer.token(cnf=Sender().cnf)):
        with pytest.raises(Exception, match=r"^Unauthorized$"):
            authorizer(verifier=verifier, cached=cached)(asked(REST, ("Authorization", f"DPoP {raw}")))


@pytest.mark.parametrize("form", ["rest", "http"])
def test_nonces_are_in_the_context_for_the_api_to_make_headers_of(form: str, issuer: LocalIssuer) -> None:
    """The next one where it is let in or lacks a scope; the first in a Deny: `Unauthorized` holds none."""
    caller, secret, newer = Sender(), bytes(32), form == "http"
    raw = issuer.token(sub="alice", scope="read", cnf=caller.cnf)
    verifier = Verifier(issuer.url, audience=AUDIENCE, origin=ORIGIN, dpop=DPoP(nonce_secret=secret))

    def answered(nonce: str | None, **how: Any) -> tuple[bool, Any]:
        method, path = ("POST", "/my/path") if newer else ("GET", "/test/request")
        proof = caller.proof(method, ORIGIN + path, raw, nonce=nonce)
        headers = ("Authorization", f"DPoP {raw}"), ("DPoP", proof)
        event = asked(HTTP_2 if newer else REST, *headers, newer=newer)
        answer = authorizer(verifier=verifier, cached=False, **how)(event)
        statement = {} if newer else answer["policyDocument"]["Statement"][0]
        return answer.get("isAuthorized", statement.get("Effect") == "Allow"), answer["context"]

    new, old = (nonce_at(secret, time.time() - age) for age in (5, 90))
    assert answered(new) == (True, {"sub": "alice", "iss": issuer.url, "scope": "read"})
    let_in, told = answered(old)
    assert (let_in, answered(told.pop("dpopNonce"))[0], told["sub"]) == (True, True, "alice")
    let_in, told = answered(None)
    assert (let_in, answered(told.pop("dpopNonce"))[0], told) == (False, True, {"code": "proof_rejected"})
    let_in, told = answered(old, require="write")
    assert (let_in, "dpopNonce" in told, told["code"]) == (False, True, "scope_insufficient")


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"type": "TOKEN", "authorizationToken": "Bearer a"},
        {"type": "TOKEN", "methodArn": "arn", "authorizationToken": "Bearer a"},
        {"type": "TOKEN", "methodArn": 5, "authorizationToken": "Bearer a"},
        {"type": "REQUEST", "methodArn": f"{API}/test/GET/"},
        {"type": "REQUEST", "methodArn": f"{API}/test/GET/", "requestContext": {}},
        {"type": "REQUEST", "methodArn": f"{API}/test/GET/", "requestContext": "no"},
        {"version": "2.0", "type": "REQUEST", "methodArn": f"{API}/test/GET/"},
        {"Records": []},
        *(None, [], "a", 5),
    ],
)
def test_another_event_is_a_mistake_of_whoever_put_it_there(event: Any, verifier: Verifier) -> None:
    """500, and a log that says so."""
    with pytest.raises(rightkey.Misconfigured, match="the event is not"):
        authorizer(verifier=verifier)(event)
    typeless = {name: event[name] for name in event if name != "type"} if type(event) is dict else event
    with pytest.raises(rightkey.Misconfigured, match="the event is not"):
        protected(verifier=verifier)(whose)(typeless)


# -- a handler


@pytest.mark.parametrize("form", HANDLED)
def test_a_handler_gets_the_token_and_others_an_answer(
    form: str, issuer: LocalIssuer, verifier: Verifier
) -> None:
    """With a challenge, in the form that the sender of the event reads."""
    handler = protected(verifier=verifier, require="read")(whose)
    raw = issuer.token(sub="alice", scope="read")
    assert handler(event_of(HANDLED[form], bearing(raw)), None)["body"] == "alice"

    for headers, status, error in (
        ((), 401, 'Bearer scope="read"'),
        ((bearing("abc"),), 401, "invalid_token"),
        ((bearing("a b"),), 400, "invalid_request"),
        ((bearing(issuer.token(sub="alice")),), 403, "insufficient_scope"),
    ):
        answer = handler(event_of(HANDLED[form], *headers), None)
        told = headers_of(answer)
        assert (answer["statusCode"], answer["isBase64Encoded"]) == (status, False)
        assert error in told["www-authenticate"]
        assert (told["content-type"], "code" in json.loads(answer["body"])) == ("application/json", True)
        assert ("statusDescription" in answer) == (form in BALANCERS)
        assert ("multiValueHeaders" in answer) == ("multiValueHeaders" in HANDLED[form])
    assert raw not in json.dumps(answer)


@pytest.mark.parametrize("form", sorted(HANDLED.keys() - {"alb"}))
def test_two_tokens_are_refused(form: str, issuer: LocalIssuer, verifier: Verifier) -> None:
    """However the event tells them. A load balancer tells the last alone unless it is set to tell each."""
    handler = protected(verifier=verifier)(whose)
    raw = issuer.token(sub="alice")
    for spelling in ("Authorization", "authorization", "AUTHORIZATION"):
        answer = handler(event_of(HANDLED[form], bearing(raw), (spelling, f"Bearer {raw}")))
        assert answer["statusCode"] == 400


@pytest.mark.parametrize("form", HANDLED)
def test_tokens_are_found_wherever_they_may_be(form: str, issuer: LocalIssuer, verifier: Verifier) -> None:
    """Payload 2.0 has cookies apart; only API Gateway's 1.0 decodes the query."""
    raw = issuer.token(sub="alice")
    handler = protected(verifier=verifier, bearer=Bearer([cookie("session"), query("t"), header("X-Token")]))(
        whose
    )
    event = event_of(HANDLED[form])
    if "cookies" in event:
        in_cookie = event | {"cookies": ["a=b", f"session={raw}"]}
    else:
        in_cookie = event_of(HANDLED[form], ("Cookie", f"a=b; session={raw}"))
    if event.get("version") == "2.0":
        in_query: dict[str, Any] = event | {"rawQueryString": f"x=1&t={raw}"}
        both: dict[str, Any] = event | {"rawQueryString": f"t={raw}&t={raw}"}
    elif event.get("multiValueQueryStringParameters") is not None:
        in_query = event | {"multiValueQueryStringParameters": {"x": ["1", "2"], "t": [raw]}}
        both = event | {"multiValueQueryStringParameters": {"t": [raw, raw]}}
    else:
        in_query = both = event | {"queryStringParameters": {"x": "1", "t": raw}}
    in_header = event_of(HANDLED[form], ("x-token", raw))
    assert [handler(each)["body"] for each in (in_cookie, in_query, in_header)] == ["alice"] * 3
    assert handler(both)["statusCode"] == (200 if both is in_query else 400)


@pytest.mark.slow
def test_an_outage_is_503(issuer: LocalIssuer) -> None:
    """With Retry-After, and without a challenge."""
    with LocalIssuer(algorithm="ES256") as broken:
        raw = broken.token(sub="alice")
        broken.misbehave("jwks", "html")
        handler = protected(broken.url, audience=broken.audience)(whose)
        answer = handler(event_of(HTTP_2, bearing(raw)))
    assert (answer["statusCode"], "www-authenticate" in headers_of(answer)) == (503, False)
    assert int(headers_of(answer)["retry-after"]) >= 1


def test_a_handler_may_require_more_and_mistakes_are_not_hidden(
    issuer: LocalIssuer, verifier: Verifier
) -> None:
    """What it asks of its token is answered as what the decorator asks; a wrong setting is raised."""

    @protected(verifier=verifier)
    def handler(event: Mapping[str, Any], context: Any, token: Verified) -> str:
        """What it does."""
        token.require("write" if event["rawPath"] == "/my/path" else 5)  # type: ignore[arg-type]
        return "done"

    event = event_of(HTTP_2, bearing(issuer.token(sub="alice")))
    answer = handler(event, None)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (403, "scope_insufficient")
    with pytest.raises(rightkey.Misconfigured):
        handler(event | {"rawPath": "/other"}, None)
    assert (handler.__name__, handler.__doc__) == ("handler", "What it does.")


def test_a_token_may_be_optional_and_a_bad_one_is_still_refused(
    issuer: LocalIssuer, verifier: Verifier
) -> None:
    """It does not count as none."""
    handler = protected(verifier=verifier, optional=True)(whose)
    assert handler(event_of(HTTP_2))["body"] == "none"
    assert handler(event_of(HTTP_2, bearing(issuer.token(sub="alice"))))["body"] == "alice"
    assert handler(event_of(HTTP_2, bearing(issuer.attack("expired"))))["statusCode"] == 401


@pytest.mark.parametrize("form", HANDLED)
def test_a_preflight_is_answered_in_the_handlers_place(form: str, verifier: Verifier) -> None:
    """Empty, for what adds its headers around it; where a token is optional the handler is called."""
    headers = ("Origin", "https://app.example"), ("Access-Control-Request-Method", "GET")
    event = event_of(HANDLED[form], *headers)
    if event.get("version") == "2.0":
        event["requestContext"]["http"]["method"] = "OPTIONS"
    else:
        event["httpMethod"] = "OPTIONS"
    answer = protected(verifier=verifier)(whose)(event)
    assert (answer["statusCode"], answer["body"], headers_of(answer)) == (200, "", {})
    assert protected(verifier=verifier, optional=True)(whose)(event)["body"] == "none"


@pytest.mark.parametrize("form", ["1.0 of REST", "2.0", "url", "alb"])
def test_a_bound_token_comes_in_with_its_proof_once(form: str, issuer: LocalIssuer) -> None:
    """By the method and the path that its client knows, stage and all."""
    caller = Sender()
    raw = issuer.token(sub="alice", cnf=caller.cnf)
    verifier = Verifier(issuer.url, audience=AUDIENCE, origin=ORIGIN, dpop=DPoP())
    handler = protected(verifier=verifier)(whose)
    path = {"1.0 of REST": "/test/request", "2.0": "/my/path", "url": "/my/path", "alb": "/lambda"}[form]
    method = "POST" if form in ("2.0", "url") else "GET"
    proof = caller.proof(method, ORIGIN + path, raw)
    event = event_of(HANDLED[form], ("authorization", f"DPoP {raw}"), ("dpop", proof))
    assert handler(event)["body"] == "alice"
    for refused in (event, event_of(HANDLED[form], bearing(raw))):
        answer = handler(refused)
        assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (401, "proof_rejected")
        assert "DPoP " in headers_of(answer)["www-authenticate"]


@pytest.mark.parametrize("form", HANDLED)
def test_the_next_nonce_comes_with_any_answer(form: str, issuer: LocalIssuer) -> None:
    """As the sender of the event reads headers, beside those of the handler; where there is a status."""
    caller, secret = Sender(), bytes(32)
    raw = issuer.token(sub="alice", cnf=caller.cnf)
    verifier = Verifier(issuer.url, audience=AUDIENCE, origin=ORIGIN, dpop=DPoP(nonce_secret=secret))
    sent = request_of(HANDLED[form]).sent
    one, each = {"headers": {"X-Own": "1"}}, {"multiValueHeaders": {"X-Own": ["1"]}}
    has = {"headers": {"dpop-nonce": "own"}}

    def answered(answer: Any, age: float = 90, **how: Any) -> Any:
        nonce = nonce_at(secret, time.time() - age)
        proof = caller.proof(sent.method, ORIGIN + sent.path, raw, nonce=nonce)
        event = event_of(HANDLED[form], ("authorization", f"DPoP {raw}"), ("dpop", proof))
        return protected(verifier=verifier, **how)(lambda *_: answer)(event)

    plain = {"statusCode": 200, "body": ""}
    assert answered(plain, age=5) == plain
    assert "dpop-nonce" in headers_of(answered(plain))
    assert plain == {"statusCode": 200, "body": ""}
    for own in (one, each):
        assert headers_of(answered({**plain, **own})).keys() == {"x-own", "dpop-nonce"}
    for untouched in (plain | has, "text", {"text": 1}):
        assert answered(untouched) == untouched
    lacking = answered(plain, require="write")
    assert (lacking["statusCode"], "dpop-nonce" in headers_of(lacking)) == (403, True)
    late = headers_of(answered(plain, age=200))
    assert "use_dpop_nonce" in late["www-authenticate"]
    assert "dpop-nonce" in late


def test_a_path_that_api_gateway_has_decoded_is_written_again(issuer: LocalIssuer) -> None:
    """Letters beyond ASCII and blanks; what is escaped in the event stays so."""
    caller = Sender()
    raw = issuer.token(sub="alice", cnf=caller.cnf)
    verifier = Verifier(issuer.url, audience=AUDIENCE, origin=ORIGIN, dpop=DPoP())
    for path in ("/straße und", "/stra%C3%9Fe%20und"):
        proof = caller.proof("POST", f"{ORIGIN}/stra%C3%9Fe%20und", raw)
        event = event_of(HTTP_2, ("authorization", f"DPoP {raw}"), ("dpop", proof)) | {"rawPath": path}
        assert protected(verifier=verifier)(whose)(event)["body"] == "alice"


@pytest.mark.parametrize("form", ["2.0", "1.0 of REST"])
def test_the_client_certificate_is_the_one_that_api_gateway_tells(form: str, issuer: LocalIssuer) -> None:
    """A token that is bound to it passes, and is refused with another, or without one."""
    pem = certificate_of(issuer)
    mark = base64.urlsafe_b64encode(hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest())
    raw = issuer.token(sub="alice", cnf={"x5t#S256": mark.decode().rstrip("=")})
    handler = protected(issuer.url, audience=AUDIENCE, bearer=Bearer(certificate=from_tls()))(whose)

    def answered(shown: str | None) -> int:
        event = event_of(HANDLED[form], bearing(raw))
        context = event["requestContext"]
        place = context.setdefault("authentication", {}) if form == "2.0" else context["identity"]
        place["clientCert"] = None if shown is None else {"clientCertPem": shown}
        status: int = handler(event)["statusCode"]
        return status

    assert [answered(pem), answered(None), answered(""), answered("no PEM")] == [200, 401, 401, 400]


def certificate_of(issuer: LocalIssuer) -> str:
    [x5c] = issuer.current.public_jwk()["x5c"]
    return f"-----BEGIN CERTIFICATE-----\n{x5c}\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    "holes", [{"headers": None, "multiValueHeaders": None}, {"headers": {}}, {"cookies": []}]
)
@pytest.mark.parametrize("form", HANDLED)
def test_an_event_with_holes_carries_no_token(form: str, holes: dict[str, Any], verifier: Verifier) -> None:
    """As the console's test button sends it."""
    event = event_of(HANDLED[form]) | holes | {"queryStringParameters": None}
    assert protected(verifier=verifier)(whose)(event)["statusCode"] == 401


@pytest.mark.parametrize("context", [{}, {"requestContext": None}, {"requestContext": "no"}])
def test_an_event_without_a_context_is_answered(context: dict[str, Any], verifier: Verifier) -> None:
    """As local tools make them: refused, and a preflight too."""
    handler = protected(verifier=verifier)(whose)
    assert handler({"httpMethod": "GET"} | context)["statusCode"] == 401
    asks = {"headers": {"origin": "a", "access-control-request-method": "GET"}}
    assert handler({"httpMethod": "OPTIONS"} | asks | context)["statusCode"] == 200


@pytest.mark.parametrize("form", HANDLED)
def test_half_a_surrogate_pair_is_no_failure(form: str, issuer: LocalIssuer) -> None:
    """JSON can hold one, and UTF-8 cannot: in the path, of which proofs are, and in the query."""
    keys = {"origin": AUDIENCE, "bearer": Bearer([query("a"), Bearer().places[0]])}
    handler = protected(issuer.url, audience=AUDIENCE, **keys)(whose)
    sender = Sender()
    token = issuer.token(cnf=sender.cnf)
    event = event_of(HANDLED[form], ("Authorization", f"DPoP {token}"), ("DPoP", "a.b.c"))
    event["requestContext"].get("http", {})["path"] = event["requestContext"]["path"] = "/\ud800"
    event |= {"path": "/\ud800", "rawPath": "/\ud800", "rawQueryString": "\ud800=\ud800"}
    event |= {"queryStringParameters": {"\ud800": "\ud800"}, "multiValueQueryStringParameters": None}
    assert handler(event)["statusCode"] == 401


LATTICE = {
    "version": "2.0",
    "path": "/",
    "method": "GET",
    "headers": {"authorization": ["Bearer abc"]},
    "requestContext": {"serviceArn": "arn:aws:vpc-lattice:r:1:service/s", "identity": {"sourceVpcArn": "a"}},
}


@pytest.mark.parametrize("event", [LATTICE, {"requestContext": {"eventType": "MESSAGE", "identity": {}}}])
def test_an_event_of_another_form_is_not_read_by_halves(event: dict[str, Any], verifier: Verifier) -> None:
    """A lattice's, or a websocket's message."""
    with pytest.raises(rightkey.Misconfigured, match="the event is not"):
        protected(verifier=verifier, optional=True)(whose)(event)


@pytest.mark.parametrize(
    "garbage", [5, "a", ["a"], [["a"]], {"a": 5}, {"a": [5, None]}, {5: ["a"]}, True, 1.5]
)
@pytest.mark.parametrize("form", HANDLED)
def test_garbage_in_an_event_is_no_token(form: str, garbage: Any, verifier: Verifier) -> None:
    """Wherever it stands, nothing but an answer comes of it."""
    handler = protected(verifier=verifier)(whose)
    for member in HANDLED[form].keys() - {"requestContext", "httpMethod", "version"}:
        assert handler(event_of(HANDLED[form]) | {member: garbage})["statusCode"] == 401
    for member in HANDLED[form]["requestContext"].keys() - {"http", "elb"}:
        event = event_of(HANDLED[form])
        event["requestContext"][member] = garbage
        assert handler(event)["statusCode"] == 401


@pytest.mark.parametrize("name", ["cached", "simple"])
@pytest.mark.parametrize("wrong", [None, "false", 0])
def test_what_is_on_or_off_is_true_or_false(name: str, wrong: Any, verifier: Verifier) -> None:
    """Without its variable, `cached=None` would keep one answer, and one proof, for all requests."""
    with pytest.raises(rightkey.Misconfigured, match=f"{name} must be True or False"):
        authorizer(verifier=verifier, **{name: wrong})


def test_settings_are_as_in_every_integration(issuer: LocalIssuer, verifier: Verifier) -> None:
    """Wrong ones are refused when it is built; variables say where nothing else does."""
    for build in (authorizer, protected):
        with pytest.raises(rightkey.Misconfigured, match="not both"):
            build(issuer.url, verifier=verifier)
        with pytest.raises(rightkey.Misconfigured) as raised:
            build(issuer.url, audience=AUDIENCE, bearr=Bearer())  # type: ignore[call-arg]
        assert raised.value.hint == "did you mean bearer=?"
        with pytest.raises(rightkey.Misconfigured, match="RIGHTKEY_ISSUER"):
            build()


@pytest.mark.slow
def test_no_framework_and_no_local_issuer_is_loaded() -> None:
    """A cold start pays for each module."""
    unwanted = "[name for name in sys.modules if 'localissuer' in name or name == 'urllib3']"
    code = f"import sys, rightkey.integrations.awslambda; print({unwanted})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_example_runs(issuer: LocalIssuer) -> None:
    """One verifier behind both of its handlers."""
    source = EXAMPLE.read_text(encoding="utf-8").replace('"tenant.eu.auth0.com"', repr(issuer.url))
    names: dict[str, Any] = {}
    exec(compile(source, str(EXAMPLE), "exec"), names)
    raw = issuer.token(sub="alice")
    assert json.loads(names["handler"](event_of(HTTP_2, bearing(raw)), None)["body"]) == {"subject": "alice"}
    assert names["authorize"](TOKEN | {"authorizationToken": f"Bearer {raw}"}, None)["principalId"] == "alice"
