"""The local issuer's page at its root."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest

from rightkey.localissuer import DRESSES, FAULTS, Client, LocalIssuer, LocalIssuers
from rightkey.localissuer.answers import Answer, Request


@pytest.fixture
def issuer() -> LocalIssuer:
    return LocalIssuer(algorithm="ES256")


def asked(issuer: LocalIssuer, path: str = "/", method: str = "GET", **headers: str) -> Answer:
    return issuer.respond(Request(method, path, headers))


def pressed(issuer: LocalIssuer, do: str, origin: str = "http://127.0.0.1", **fields: str) -> Answer:
    """The answer to a button, as a browser sends its form."""
    body = urlencode({"do": do, **fields}).encode()
    return issuer.respond(Request("POST", "/", {"host": "127.0.0.1", "origin": origin}, body))


def text(answer: Answer) -> str:
    return answer.body.decode()


def test_it_shows_the_issuer(issuer: LocalIssuer) -> None:
    """Its name, keys, clients, faults and latest requests, and it is not a request itself."""
    issuer.rotate()
    issuer.clients.add(Client("sh<op>"))
    issuer.misbehave("jwks", "hang", times=2)
    issuer.respond(Request("GET", "/x?<script>alert(1)</script>", {}))
    answer = asked(issuer)
    assert answer.status == 200
    shown = text(answer)
    assert all(unescape(one) in unescape(shown) for one in (issuer.url, issuer.audience, "sh<op>", "2 times"))
    assert all(key.kid in shown for key in issuer.keys)
    assert all(f'name="fault" value="{name}"' in shown for name in FAULTS)
    assert "<script>alert" not in shown
    assert "sh<op>" not in shown
    assert issuer.requests.counts == {"other": 1}


def test_its_token_is_good(issuer: LocalIssuer) -> None:
    """For the user and the claims that are asked for."""
    path = "/?" + urlencode({"sub": "zoë", "claims": '{"roles": ["a"]}'})
    (token,) = re.findall(r'<textarea id="token"[^>]*>([^<]*)<', text(asked(issuer, path)))
    key = jwt.PyJWK(issuer.current.public_jwk())
    claims = jwt.decode(token, key, algorithms=["ES256"], audience=issuer.audience, issuer=issuer.url)
    assert (claims["sub"], claims["roles"]) == ("zoë", ["a"])
    for wrong in ("{", "[]", "1"):
        answer = asked(issuer, "/?" + urlencode({"claims": wrong}))
        assert answer.status == 400
        assert "not a JSON object" in text(answer)


@pytest.mark.parametrize("dress", [*DRESSES])
def test_it_lies_at_the_root_and_at_the_issuers_own_path(dress: str) -> None:
    """Of a named issuer at its own path alone."""
    with LocalIssuers(dress=dress, algorithm="ES256") as issuers:
        for name in ("", "acme"):
            path = issuers[name].address.path
            for at in {f"{path}/", path or "/"}:
                answer = issuers.respond(Request("GET", at, {}))
                assert f"<code>{issuers[name].url}</code>" in text(answer)
        assert f"<code>{issuers[''].url}</code>" in text(issuers.respond(Request("GET", "/", {})))


def test_buttons_for_keys(issuer: LocalIssuer) -> None:
    """Each does it once, and reloading the page does nothing."""
    first, second = issuer.keys
    answer = pressed(issuer, "rotate")
    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert issuer.current is second
    pressed(issuer, "surprise")
    assert issuer.current not in (first, second)
    kid = issuer.current.kid
    before = issuer.current
    pressed(issuer, "swap")
    assert issuer.current.kid == kid
    assert issuer.current is not before
    assert pressed(issuer, "revoke", kid=first.kid).status == 303
    assert [key.kid for key in issuer.revoked] == [first.kid]


@pytest.mark.parametrize("name", [*FAULTS])
def test_a_button_for_each_fault(issuer: LocalIssuer, name: str) -> None:
    """At an endpoint, for a number of times or until it behaves."""
    endpoint = "discovery" if name in ("wrong-issuer", "moved-jwks-uri") else "jwks"
    for times, planned in (("1", 1), ("", None)):
        assert pressed(issuer, "misbehave", fault=name, endpoint=endpoint, times=times).status == 303
        assert [(rule["fault"], rule["times"]) for rule in issuer.planned] == [(name, planned)]
        pressed(issuer, "behave")
        assert issuer.planned == []


def test_requests_can_be_forgotten(issuer: LocalIssuer) -> None:
    """So that a test begins at zero."""
    issuer.respond(Request("GET", "/x", {}))
    assert "other 1" in text(asked(issuer))
    pressed(issuer, "forget")
    assert "None yet" in text(asked(issuer))


@pytest.mark.parametrize(
    ("do", "fields"),
    [
        ("", {}),
        ("unknown", {}),
        ("revoke", {"kid": "unknown"}),
        ("revoke", {}),
        ("misbehave", {}),
        ("misbehave", {"fault": "empty-set", "endpoint": "token"}),
        ("misbehave", {"fault": "hang", "endpoint": "<b>"}),
        ("misbehave", {"fault": "hang", "endpoint": "jwks", "times": "x"}),
        ("misbehave", {"fault": "hang", "endpoint": "jwks", "times": "-1"}),
    ],
)
def test_what_cannot_be_done_is_said(issuer: LocalIssuer, do: str, fields: dict[str, str]) -> None:
    """On the page, and nothing is done."""
    keys = issuer.keys
    answer = pressed(issuer, do, **fields)
    assert answer.status == 400
    assert 'role="alert"' in text(answer)
    assert "<b>" not in text(answer)
    assert (issuer.keys, issuer.planned) == (keys, [])


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    "headers", [{"host": "evil.example"}, {"origin": "https://evil.example"}, {"origin": "null"}]
)
def test_it_is_for_its_own_pages(issuer: LocalIssuer, method: str, headers: dict[str, Any]) -> None:
    """A stranger's page neither reads it nor presses its buttons."""
    keys = issuer.keys
    answer = issuer.respond(Request(method, "/", {"host": "127.0.0.1"} | headers, b"do=rotate"))
    assert answer.status == 403
    assert issuer.keys == keys


def test_its_policy_allows_its_own_script_alone(issuer: LocalIssuer) -> None:
    """No other script, style or frame; and no other method."""
    policy = asked(issuer).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    answer = asked(issuer, method="PUT")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, POST")
