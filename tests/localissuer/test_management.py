"""Managing a local issuer over HTTP."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jwt
import pytest

from rightkey.localissuer import ATTACKS, FAULTS, LocalIssuer
from rightkey.localissuer.answers import Request
from rightkey.localissuer.management import ROUTES
from rightkey.localissuer.tokens.opaque import OPAQUE, digest

NOW = 1_900_000_000.0


@pytest.fixture
def issuer() -> LocalIssuer:
    return LocalIssuer(algorithm="ES256", clock=lambda: NOW)


def ask(issuer: LocalIssuer, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    octets = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    answer = issuer.respond(Request(method, path, headers, octets))
    return answer.status, json.loads(answer.body)


def roles(keys: list[dict[str, Any]]) -> list[str]:
    return [role for key in keys for role in ("current", "next", "previous", "revoked") if key[role]]


def test_keys_as_auth0_has_them(issuer: LocalIssuer) -> None:
    """List, rotate, revoke; each key in exactly one role, with its certificate."""
    path = "/api/v2/keys/signing"
    first = issuer.current.kid
    assert ask(issuer, "POST", f"{path}/rotate")[0] == 201
    status, keys = ask(issuer, "GET", path)
    assert (status, roles(keys)) == (200, ["current", "next", "previous"])
    assert keys[2]["kid"] == first
    assert keys[0]["current_since"] == "2030-03-17T17:46:40+00:00"
    assert keys[0]["cert"].startswith("-----BEGIN CERTIFICATE-----")
    assert keys[0]["fingerprint"].replace(":", "") == keys[0]["thumbprint"]
    status, gone = ask(issuer, "PUT", f"{path}/{first}/revoke")
    assert (status, gone["kid"]) == (201, first)
    assert roles(ask(issuer, "GET", path)[1]) == ["current", "next", "revoked"]


def test_what_is_in_use_is_not_revoked(issuer: LocalIssuer) -> None:
    """Nor what is not there; the words say why."""
    for key in (issuer.current, issuer.next):
        status, said = ask(issuer, "PUT", f"/api/v2/keys/signing/{key.kid}/revoke")
        assert (status, said["error"]) == (400, "invalid_request")
        assert "rotate first" in said["error_description"]
    assert ask(issuer, "PUT", "/api/v2/keys/signing/unheard/revoke")[0] == 404


def test_the_last_three_revoked_are_listed(issuer: LocalIssuer) -> None:
    """And key ids with a slash in them can be named."""
    worn = LocalIssuer(dress="cognito", algorithm="ES256")
    kids = [worn.rotate() and worn.keys[2].kid for _ in range(4)]
    for kid in kids:
        path = f"/local-1_Local0000/api/v2/keys/signing/{kid.replace('/', '%2F')}/revoke"
        assert ask(worn, "PUT", path)[0] == 201
    keys = ask(worn, "GET", "/local-1_Local0000/_rightkey/keys")[1]
    assert [key["kid"] for key in keys if key["revoked"]] == kids[:0:-1]
    assert "cert" not in keys[0]


def test_rotations_of_other_kinds(issuer: LocalIssuer) -> None:
    """By surprise, and another key under the same name."""
    known = {key.kid for key in issuer.keys}
    assert ask(issuer, "POST", "/_rightkey/keys/rotate", {"surprise": True})[1]["kid"] not in known
    kid = issuer.current.kid
    before = issuer.current
    assert ask(issuer, "POST", "/_rightkey/keys/swap")[1]["kid"] == kid
    assert issuer.current is not before


def test_any_token_can_be_had(issuer: LocalIssuer) -> None:
    """Any claims, those with the names of arguments too; any header; any key there is or was."""
    claims = {"sub": "a", "key": 1, "header": 2, "claims": 3, "self": 4, "exp": None}
    body = {"claims": claims, "header": {"typ": "at+jwt"}, "kid": issuer.next.kid}
    status, said = ask(issuer, "POST", "/_rightkey/token", body)
    assert status == 201
    minted = jwt.decode(said["token"], options={"verify_signature": False})
    assert minted.items() >= {"sub": "a", "key": 1, "header": 2, "claims": 3, "self": 4}.items()
    assert "exp" not in minted
    assert jwt.get_unverified_header(said["token"])["kid"] == issuer.next.kid
    assert ask(issuer, "POST", "/_rightkey/token")[0] == 201
    assert ask(issuer, "POST", "/_rightkey/token", {"kid": "unheard"})[0] == 404


def test_an_opaque_token_can_be_had(issuer: LocalIssuer) -> None:
    """With claims of any name, which introspection tells."""
    status, said = ask(issuer, "POST", "/_rightkey/opaque", {"claims": {"sub": "alice", "self": 4}})
    assert status == 201
    kept = issuer.shelf.get(OPAQUE, digest(said["token"]))
    assert kept is not None
    assert kept.items() >= {"sub": "alice", "self": 4, "aud": issuer.audience}.items()


def test_every_attack_can_be_had(issuer: LocalIssuer) -> None:
    """By name, with why it must be refused."""
    assert ask(issuer, "GET", "/_rightkey/attacks")[1].keys() == ATTACKS.keys()
    for name in ATTACKS:
        status, said = ask(issuer, "POST", f"/_rightkey/attacks/{name}", {"claims": {"name": "x"}})
        assert (status, said["why"]) == (201, ATTACKS[name].why)
    assert ask(issuer, "POST", "/_rightkey/attacks/unheard")[0] == 404


def test_every_fault_can_be_planned(issuer: LocalIssuer) -> None:
    """With its options, at those endpoints that can have it."""
    for name in FAULTS:
        endpoint = "discovery" if name in ("wrong-issuer", "moved-jwks-uri") else "jwks"
        assert ask(issuer, "POST", "/_rightkey/faults", {"endpoint": endpoint, "fault": name})[0] == 201
    body = {"endpoint": "token", "fault": "status", "options": {"code": 429, "retry_after": 3}}
    rule = {"times": 2, "every": 3, "ratio": 0.5, "seed": 4}
    planned = ask(issuer, "POST", "/_rightkey/faults", body | rule)[1]["planned"]
    assert body | rule in planned
    assert ask(issuer, "DELETE", "/_rightkey/faults?endpoint=token")[1]["planned"] != planned
    assert ask(issuer, "DELETE", "/_rightkey/faults") == (200, {"planned": []})
    assert ask(issuer, "GET", "/_rightkey/faults") == (200, {"planned": []})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"endpoint": "jwks"},
        {"endpoint": "unheard", "fault": "hang"},
        {"endpoint": "jwks", "fault": "unheard"},
        {"endpoint": "discovery", "fault": "empty-set"},
        {"endpoint": "jwks", "fault": "delay", "options": {"seconds": "long"}},
        {"endpoint": "jwks", "fault": "delay", "options": {"minutes": 1}},
        {"endpoint": "jwks", "fault": "hang", "times": 0},
        {"endpoint": "jwks", "fault": "hang", "times": True},
        {"endpoint": "jwks", "fault": "hang", "time": 1},
        b"[]",
        b"{",
    ],
)
def test_a_plan_that_cannot_be_is_refused(issuer: LocalIssuer, body: Any) -> None:
    """At once, in words, and not when the endpoint is asked."""
    status, said = ask(issuer, "POST", "/_rightkey/faults", body)
    assert (status, said["error"]) == (400, "invalid_request")
    assert said["error_description"]
    assert issuer.planned == []


def test_requests_are_told_without_credentials(issuer: LocalIssuer) -> None:
    """Counts by endpoint, and the latest; managing is not counted."""
    ask(issuer, "GET", "/.well-known/jwks.json", None, authorization="Bearer secret", cookie="s=1")
    ask(issuer, "GET", "/nothing")
    said = ask(issuer, "GET", "/_rightkey/requests")[1]
    assert (said["counts"], said["total"]) == ({"jwks": 1, "other": 1}, 2)
    first = {"method": "GET", "path": "/.well-known/jwks.json"}
    assert said["requests"][0] == first | {"headers": {"authorization": "Bearer ...", "cookie": "..."}}
    assert len(ask(issuer, "GET", "/_rightkey/requests?last=1")[1]["requests"]) == 1
    assert ask(issuer, "GET", "/_rightkey/requests?last=0")[1]["requests"] == []
    assert ask(issuer, "GET", "/_rightkey/requests?last=x")[0] == 400
    assert ask(issuer, "DELETE", "/_rightkey/requests")[1]["total"] == 0


def test_the_clock_can_be_set(issuer: LocalIssuer) -> None:
    """Tokens follow it."""
    path = "/_rightkey/clock"
    assert ask(issuer, "GET", path)[1] == {"now": NOW, "frozen": False, "off": 0.0}
    assert ask(issuer, "POST", path, {"advance": 60})[1]["off"] == 60
    assert ask(issuer, "POST", path, {"freeze": True})[1]["frozen"] is True
    assert ask(issuer, "POST", path, {"freeze": 1000})[1]["now"] == 1000
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    assert claims["iat"] == 1000
    assert ask(issuer, "POST", path, {"skew": -30.5})[1] == {"now": NOW - 30.5, "frozen": False, "off": -30.5}
    assert ask(issuer, "POST", path, {"freeze": False})[1]["off"] == 0
    assert ask(issuer, "POST", path, {"resume": True})[1]["off"] == 0
    for wrong in ({}, {"advance": 1, "skew": 1}, {"advance": "1"}, {"stop": 1}, {"freeze": 1e300}):
        assert ask(issuer, "POST", path, wrong)[0] == 400


def test_clients_can_be_listed(issuer: LocalIssuer) -> None:
    """From then on only listed ones are accepted. A secret is not shown again."""
    body = {"secret": "s", "redirect_uris": ["http://127.0.0.1:9/"]}
    told = ask(issuer, "PUT", "/_rightkey/clients/web", body)
    assert told == (201, {"client_id": "web", "redirect_uris": ["http://127.0.0.1:9/"]})
    assert ask(issuer, "GET", "/_rightkey/clients")[1] == {"clients": ["web"]}
    assert issuer.clients.find("other") is None


def test_the_overview_says_where_things_are(issuer: LocalIssuer) -> None:
    """With or without a slash at its end."""
    status, said = ask(issuer, "GET", "/_rightkey/")
    assert (status, said) == ask(issuer, "GET", "/_rightkey")
    assert (said["issuer"], said["jwks_uri"]) == (issuer.url, issuer.urls["jwks"])


def test_pages_of_other_origins_may_not(issuer: LocalIssuer) -> None:
    """A browser tells whose page asks; neither a stranger's nor one without an origin manages an issuer."""
    for origin in ("https://evil.example", "null", "http://127.0.0.1.evil.example"):
        status, said = ask(issuer, "POST", "/_rightkey/token", origin=origin)
        assert (status, said["error"]) == (403, "forbidden")
    assert ask(issuer, "POST", "/_rightkey/token", origin="http://127.0.0.1")[0] == 201


def test_other_paths_and_methods(issuer: LocalIssuer) -> None:
    """404 for what is not here, 405 with what is allowed."""
    assert ask(issuer, "GET", "/_rightkey/nothing")[0] == 404
    assert ask(issuer, "GET", "/_rightkeys")[0] == 404
    answer = issuer.respond(Request("PATCH", "/_rightkey/faults", {}))
    assert (answer.status, answer.headers["allow"]) == (405, "GET, POST, DELETE")


def test_every_way_is_documented() -> None:
    """In the table of the local issuer's page."""
    page = (Path(__file__).parents[2] / "docs" / "local-issuer.md").read_text(encoding="utf-8")
    documented = {
        re.sub(r"\{\w+\}", "{}", one) for one in re.findall(r"^\| `([A-Z]+ /\S+?)`", page, re.MULTILINE)
    }
    assert documented == {f"{method} {path}" for method, path in ROUTES}
