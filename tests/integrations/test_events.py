"""Security events: what CAEP says is denied, or the transmitter learns that it was not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.integrations.test_logout import Told, access, by_asgi, by_wsgi

import rightkey
from rightkey import Denylist
from rightkey.integrations.events import AsgiEvents, WsgiEvents
from rightkey.localissuer import LocalIssuer

RECEIVER, TYPE = "https://receiver.example", "application/secevent+jwt"
CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
REVOKED, CHANGED = CAEP + "session-revoked", CAEP + "credential-change"

OTHERS = {"format": "iss_sub", "iss": "https://other.example", "sub": "alice"}


@pytest.fixture
def issuer(denying_issuer: LocalIssuer) -> LocalIssuer:
    return denying_issuer


@pytest.fixture(params=["asgi", "wsgi"])
def post(request: pytest.FixtureRequest, issuer: LocalIssuer) -> Callable[..., Told]:
    """Posts an event."""
    kind: Any = rightkey.Verifier if request.param == "wsgi" else rightkey.AsyncVerifier
    how: dict[str, Any] = {"profile": "event", "require_exp": False, "denylist": Denylist(on_loss="refuse")}
    verifier = kind(issuer.url, audience=RECEIVER, **how)
    if request.param == "wsgi":
        return lambda token, kind=TYPE: by_wsgi(WsgiEvents(verifier), token.encode(), kind)
    return lambda token, kind=TYPE: asyncio.run(by_asgi(AsgiEvents(verifier), token.encode(), kind))


def event(issuer: LocalIssuer, name: str = REVOKED, told: Any = None, **claims: Any) -> str:
    """One about alice."""
    header = claims.pop("header", {"typ": "secevent+jwt"})
    own = {"aud": RECEIVER, "exp": None, "jti": "1", "sub_id": user(issuer), "events": {name: told or {}}}
    return issuer.token(header=header, **own | claims)


def user(issuer: LocalIssuer, **changed: Any) -> dict[str, Any]:
    return {"format": "iss_sub", "iss": issuer.url + "/", "sub": "alice"} | changed


def test_a_session_is_revoked(post: Any, issuer: LocalIssuer) -> None:
    """That of a complex subject, and no other. The same event again is taken again."""
    session = {"format": "opaque", "id": "s1"}
    token = event(issuer, sub_id={"format": "complex", "session": session, "user": user(issuer)})
    assert [post(token).status for _ in range(2)] == [202, 202]
    assert access(issuer, sub="alice", sid="s1") == "session_denied"
    assert access(issuer, sub="alice", sid="s2") is None


@pytest.mark.parametrize("name", [REVOKED, CHANGED])
@pytest.mark.parametrize("form", ["iss_sub", "complex", "odd"])
def test_a_user_is_denied_until_then(name: str, form: str, post: Any, issuer: LocalIssuer) -> None:
    """By the time of the event; a later login passes."""
    now, subject = int(issuer.clock()), user(issuer)
    session = {} if form == "complex" else {"session": {"format": "uri", "uri": "x:y"}}
    subject = subject if form == "iss_sub" else {"format": "complex", "user": subject, **session}
    token = event(issuer, name, {"event_timestamp": now - 60}, sub_id=subject)
    assert post(token).status == 202
    assert access(issuer, sub="alice", iat=now - 61) == "subject_denied"
    assert access(issuer, sub="alice", iat=now - 59) is None
    assert access(issuer, sub="bob", iat=now - 61) is None


def test_milliseconds_deny_nobody_for_ever(post: Any, issuer: LocalIssuer) -> None:
    """As early drafts wrote them: the event's own time counts."""
    now = int(issuer.clock())
    assert post(event(issuer, told={"event_timestamp": now * 1000}, iat=now)).status == 202
    assert access(issuer, sub="alice", iat=now) == "subject_denied"
    assert access(issuer, sub="alice", iat=now + 1) is None


def test_a_time_to_come_denies_no_later_login(post: Any, issuer: LocalIssuer) -> None:
    """Nor does a provider that writes `iat` in milliseconds lock its users out."""
    now = int(issuer.clock())
    refused = post(event(issuer, iat=now * 1000))
    assert (refused.status, refused.body["err"]) == (400, "invalid_request")
    assert access(issuer, sub="alice", iat=now) is None


def test_other_events_are_taken_and_deny_nothing(post: Any, issuer: LocalIssuer) -> None:
    """Such as a verification of the stream."""
    verification = "https://schemas.openid.net/secevent/ssf/event-type/verification"
    assert post(event(issuer, verification, {"state": "x"}, sub_id=None)).status == 202
    assert post(event(issuer, CAEP + "assurance-level-change")).status == 202
    assert access(issuer, sub="alice") is None


@pytest.mark.parametrize(
    ("claims", "err"),
    [
        ({"sub_id": None}, "invalid_request"),
        ({"sub_id": {"format": "email", "email": "alice@example.com"}}, "invalid_request"),
        ({"sub_id": {"format": "complex"}}, "invalid_request"),
        (
            {"sub_id": {"format": "iss_sub", "iss": "https://other.example", "sub": "alice"}},
            "invalid_request",
        ),
        ({"sub_id": {"format": "iss_sub", "iss": 5, "sub": "alice"}}, "invalid_request"),
        ({"sub_id": {"format": "iss_sub", "sub": ""}}, "invalid_request"),
        ({"told": {"event_timestamp": "now"}}, "invalid_request"),
        ({"events": {}}, "invalid_request"),
        ({"events": {REVOKED: 5}}, "invalid_request"),
        ({"events": None}, "invalid_request"),
        ({"exp": 4_000_000_000}, "invalid_request"),
        ({"sub": "alice"}, "invalid_request"),
        ({"jti": None}, "invalid_request"),
        ({"header": {}}, "invalid_request"),
        ({"aud": "https://other.example"}, "invalid_audience"),
        ({"iss": "https://other.example"}, "invalid_issuer"),
        ({"header": {"typ": "secevent+jwt", "alg": "none"}}, "invalid_key"),
        ({"header": {"typ": "secevent+jwt", "kid": "unknown"}}, "invalid_key"),
    ],
)
def test_what_is_no_event_of_ours_denies_nothing(
    claims: dict[str, Any], err: str, post: Any, issuer: LocalIssuer
) -> None:
    """RFC 8935, sections 2.3 and 2.4: a code, and words in a language that is named; nothing of the event."""
    refused = post(event(issuer, **claims))
    assert (refused.status, refused.body["err"]) == (400, err)
    assert refused.headers["Content-Language"] == "en"
    assert "alice" not in json.dumps(refused.body)
    assert access(issuer, sub="alice") is None


def test_an_event_has_its_own_content_type(post: Any, issuer: LocalIssuer) -> None:
    """And nothing else is in the body."""
    assert post(event(issuer), "application/jwt").status == 400
    assert post("").status == 400
    assert post("\xff").status == 400
    assert post(event(issuer) + "\r\n").status == 202


def test_an_outage_is_told(post: Any, issuer: LocalIssuer) -> None:
    """The transmitter sends it again."""
    issuer.misbehave("discovery", "html")
    assert post(event(issuer)).status == 503


def test_an_event_is_no_token_of_another_kind(issuer: LocalIssuer) -> None:
    """Nor the other way round."""
    verifier = rightkey.Verifier(issuer.url, audience=RECEIVER, require_exp=False)
    with pytest.raises(rightkey.TokenRejected):
        verifier.verify(event(issuer))
