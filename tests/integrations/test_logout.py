"""Back-channel logout: what a logout token names is denied, or its provider learns that it was not."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

import rightkey
from rightkey import Denylist, Misconfigured
from rightkey.integrations.logout import AsgiLogout, WsgiLogout
from rightkey.integrations.receiving import MAX_BODY
from rightkey.localissuer import LocalIssuer
from rightkey.policy.profiles import LOGOUT_EVENT
from rightkey.verdict.denylist import MAX_DENIED
from rightkey.verifier import denylist

CLIENT, FORM = "my-client", "application/x-www-form-urlencoded"
DENYLIST = Denylist(on_loss="refuse")


class Told(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    body: Any


@pytest.fixture
def issuer(denying_issuer: LocalIssuer) -> LocalIssuer:
    return denying_issuer


@pytest.fixture(params=["asgi", "wsgi"])
def endpoint(request: pytest.FixtureRequest, issuer: LocalIssuer) -> Callable[..., Callable[..., Told]]:
    """Makes an endpoint, and what posts to it."""

    def made(store: Any = None, **options: Any) -> Callable[..., Told]:
        kind = rightkey.Verifier if request.param == "wsgi" else rightkey.AsyncVerifier
        how: dict[str, Any] = {"profile": "logout", "store": store, "denylist": DENYLIST}
        how |= {name: options.pop(name) for name in ("clock", "require_exp") if name in options}
        verifier: Any = kind(issuer.url, audience=CLIENT, **how)
        if request.param == "wsgi":
            return lambda *args, **more: by_wsgi(WsgiLogout(verifier, **options), *args, **more)
        return lambda *args, **more: asyncio.run(by_asgi(AsgiLogout(verifier, **options), *args, **more))

    return made


def form(*tokens: str, **others: str) -> bytes:
    return urlencode([*others.items(), *[("logout_token", token) for token in tokens]]).encode()


def by_wsgi(app: Any, body: bytes, kind: str = FORM, method: str = "POST", **environ: Any) -> Told:
    seen: list[Any] = []
    given = {"REQUEST_METHOD": method, "CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(body))}
    given |= {"wsgi.input": io.BytesIO(body)} | environ
    whole = b"".join(app(given, lambda *args: seen.extend(args)))
    return told(int(seen[0][:3]), dict(seen[1]), whole)


async def by_asgi(app: Any, body: bytes, kind: str = FORM, method: str = "POST") -> Told:
    parts = [body[at : at + 1000] for at in range(0, len(body), 1000)] or [b""]
    messages = [{"type": "http.request", "body": part, "more_body": part is not parts[-1]} for part in parts]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"Content-Type", kind.encode())]
    await app({"type": "http", "method": method, "headers": headers}, receive, send)
    start, end = sent
    got = {name.decode().title(): value.decode() for name, value in start["headers"]}
    return told(start["status"], got, end["body"])


def told(status: int, headers: dict[str, str], body: bytes) -> Told:
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Length"] == str(len(body))
    return Told(status, headers, json.loads(body) if body else None)


def access(issuer: LocalIssuer, **claims: Any) -> str | None:
    """Why an access token of this issuer is refused; None where it passes."""
    verifier = rightkey.Verifier(issuer.url, audience=issuer.audience, denylist=DENYLIST)
    try:
        verifier.verify(issuer.token(**claims))
    except rightkey.TokenRejected as error:
        return error.reason
    return None


def test_a_session_ends(endpoint: Any, issuer: LocalIssuer) -> None:
    """And no other of the same subject; whatever else is in the form."""
    post = endpoint()
    token = issuer.logout_token(aud=CLIENT, sub="alice", sid="s1")
    assert access(issuer, sub="alice", sid="s1") is None
    assert post(form(token, another="x"), f"{FORM}; charset=utf-8").status == 200
    assert access(issuer, sub="alice", sid="s1") == "session_denied"
    assert access(issuer, sub="alice", sid="s2") is None


def test_a_subject_is_logged_out_everywhere(endpoint: Any, issuer: LocalIssuer) -> None:
    """Where the token names no session; a token of a later login passes."""
    now = int(issuer.clock())
    assert endpoint()(form(issuer.logout_token(aud=CLIENT, sub="alice", iat=now))).status == 200
    assert access(issuer, sub="alice", sid="s1", iat=now - 5) == "subject_denied"
    assert access(issuer, sub="alice", sid="s2", iat=now + 5) is None
    assert access(issuer, sub="bob", iat=now - 5) is None


def test_a_subject_may_be_denied_for_its_session(endpoint: Any, issuer: LocalIssuer) -> None:
    """Where access tokens have no `sid`; a token that names a session alone counts as it does."""
    post, now = endpoint(by="subject"), int(issuer.clock())
    assert post(form(issuer.logout_token(aud=CLIENT, sub="alice", sid="s1", iat=now))).status == 200
    assert post(form(issuer.logout_token(aud=CLIENT, sid="s9"))).status == 200
    assert access(issuer, sub="alice", iat=now - 5) == "subject_denied"
    assert access(issuer, sub="bob", sid="s9") == "session_denied"


def test_a_token_counts_once(endpoint: Any, issuer: LocalIssuer) -> None:
    """By its `jti`; another one for the same session is as good."""
    post, token = endpoint(), issuer.logout_token(aud=CLIENT, sid="s1")
    assert [post(form(token)).status for _ in range(3)] == [200, 400, 400]
    assert "used before" in post(form(token)).body["error_description"]
    assert post(form(issuer.logout_token(aud=CLIENT, sid="s1"))).status == 200


def test_a_token_without_an_end_counts_once(endpoint: Any, issuer: LocalIssuer) -> None:
    """Where the verifier takes it: some providers send none."""
    post, token = endpoint(require_exp=False), issuer.logout_token(aud=CLIENT, sid="s1", exp=None)
    assert [post(form(token)).status for _ in range(2)] == [200, 400]


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"exp": 1},
        {"nonce": "n"},
        {"events": None},
        {"events": {LOGOUT_EVENT: True}},
        {"sid": None},
        {"sid": ""},
        {"jti": 5},
        {"jti": None},
        {"iss": "https://other.example"},
        {"header": {"typ": "at+jwt"}},
        {"header": {"alg": "none"}},
        {"iat": None},
    ],
)
def test_what_is_no_logout_token_denies_nothing(
    claims: dict[str, Any], endpoint: Any, issuer: LocalIssuer
) -> None:
    """400, with what is wrong, and nothing of what it says."""
    token = issuer.logout_token(**{"aud": CLIENT, "sid": "s1"} | claims)
    refused = endpoint()(form(token))
    assert refused.status == 400
    assert refused.body["error"] == "invalid_request"
    assert "s1" not in refused.body["error_description"]
    assert access(issuer, sid="s1") is None


@pytest.mark.parametrize("ahead", [301, 86_400, 1e12])
def test_a_time_to_come_denies_no_later_login(ahead: float, endpoint: Any, issuer: LocalIssuer) -> None:
    """Such as one in milliseconds: its subject could not log in again for a day."""
    now = issuer.clock()
    post = endpoint(clock=lambda: now)
    refused = post(form(issuer.logout_token(aud=CLIENT, sub="alice", iat=now + ahead)))
    assert (refused.status, "in the future" in refused.body["error_description"]) == (400, True)
    assert access(issuer, sub="alice") is None
    assert post(form(issuer.logout_token(aud=CLIENT, sub="alice", iat=now + 299))).status == 200


def test_the_time_is_the_verifiers(endpoint: Any, issuer: LocalIssuer) -> None:
    """By its own clock a token is made, and used once."""
    later = issuer.clock() + 86_400
    post, claims = endpoint(clock=lambda: later), {"aud": CLIENT, "iat": later, "exp": later + 60}
    token = issuer.logout_token(**claims, sub="alice")
    assert [post(form(token)).status for _ in range(2)] == [200, 400]


def test_a_time_without_end_denies_nothing(endpoint: Any, issuer: LocalIssuer) -> None:
    """A number that JSON can hold and a double cannot."""
    from rightkey.localissuer.tokens.minting import compact, header_of

    claims = issuer._claims({**json.loads(json.dumps({"aud": CLIENT, "sub": "a", "jti": "j"}))})
    claims["events"], claims["iat"] = {LOGOUT_EVENT: {}}, 0
    payload = json.dumps(claims).replace('"iat": 0', '"iat": 1e999').encode()
    key = issuer.current
    refused = endpoint()(form(compact(header_of(key, {"typ": "logout+jwt"}), payload, key.sign)))
    assert refused.status == 400


def test_a_request_has_one_token_in_a_form(endpoint: Any, issuer: LocalIssuer) -> None:
    """By POST, of a reasonable size."""
    post, token = endpoint(), issuer.logout_token(aud=CLIENT, sid="s1")
    bodies = [b"", b"logout_token=", form(token, token), b"\xff", b"a=1&" * 40, form("x" * 5000)]
    assert {post(body).status for body in bodies} == {400}
    assert post(json.dumps({"logout_token": token}).encode(), "application/json").status == 400
    assert post(form(token), "").status == 400
    assert post(b"x" * (MAX_BODY + 1)).status == 413
    got = post(form(token), method="GET")
    assert (got.status, got.headers["Allow"]) == (405, "POST")
    assert access(issuer, sid="s1") is None


def test_an_outage_is_told(endpoint: Any, issuer: LocalIssuer) -> None:
    """503: the provider may send the same token again, and then it counts."""
    post, token = endpoint(), issuer.logout_token(aud=CLIENT, sid="s1")
    issuer.misbehave("discovery", "html")
    told = post(form(token))
    assert (told.status, told.body["error"]) == (503, "keys_unavailable")
    assert int(told.headers["Retry-After"]) >= 1


def test_a_lost_store_is_told(endpoint: Any, issuer: LocalIssuer, tmp_path: Path) -> None:
    """The same; and the token is not used up."""
    post, token = endpoint(store=tmp_path / "store"), issuer.logout_token(aud=CLIENT, sid="s1")
    (tmp_path / "store" / "denied").mkdir()
    told = post(form(token))
    assert (told.status, told.body["error"]) == (503, "store_unavailable")
    (tmp_path / "store" / "denied").rmdir()
    end = time.monotonic() + 60
    while (status := post(form(token)).status) == 503 and time.monotonic() < end:
        time.sleep(0.01)
    assert status == 200
    assert post(form(token)).status == 400


def test_a_full_list_is_told(endpoint: Any, issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not answered as if the session had ended."""
    monkeypatch.setattr(denylist.own(), "_most", 0)
    assert MAX_DENIED > 0
    assert endpoint()(form(issuer.logout_token(aud=CLIENT, sid="s1"))).status == 503


def test_a_body_may_come_without_its_length(issuer: LocalIssuer) -> None:
    """Where the server says where it ends; otherwise there is none."""
    verifier = rightkey.Verifier(issuer.url, audience=CLIENT, profile="logout", denylist=DENYLIST)
    app = WsgiLogout(verifier)
    body = form(issuer.logout_token(aud=CLIENT, sid="s1"))
    ended = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    assert by_wsgi(app, body, CONTENT_LENGTH="").status == 400
    assert by_wsgi(app, body, CONTENT_LENGTH="-5").status == 413
    assert by_wsgi(app, b"x" * (MAX_BODY + 1), **ended).status == 413
    assert by_wsgi(app, body, **ended).status == 200


def test_of_several_issuers_each_denies_its_own(issuer: LocalIssuer) -> None:
    """A provider logs no user out of another's."""
    with LocalIssuer(algorithm="ES256") as second:
        trusts = [rightkey.Trust(one.url, audience=CLIENT, profile="logout") for one in (issuer, second)]
        app = WsgiLogout(rightkey.Verifier.of(*trusts, denylist=DENYLIST))
        assert by_wsgi(app, form(second.logout_token(aud=CLIENT, sid="s1"))).status == 200
        assert access(issuer, sid="s1") is None
        assert access(second, sid="s1") == "session_denied"


def test_a_token_says_whose_it_is(issuer: LocalIssuer) -> None:
    """Also where the verifier takes any issuer's: what is denied is denied of one."""
    keys = rightkey.locate(issuer.url).keys
    how: dict[str, Any] = {"audience": CLIENT, "keys": keys, "denylist": DENYLIST}
    verifier = rightkey.Verifier(rightkey.ANY, profile="logout", **how)
    app = WsgiLogout(verifier)
    assert by_wsgi(app, form(issuer.logout_token(aud=CLIENT, sid="s1", iss=None))).status == 400
    assert by_wsgi(app, form(issuer.logout_token(aud=CLIENT, sid="s1"))).status == 200
    assert access(issuer, sid="s1") == "session_denied"


def test_a_wrong_verifier_is_told_at_once(issuer: LocalIssuer) -> None:
    """Of another profile, without a denylist, or for tasks where threads are."""
    how: dict[str, Any] = {"audience": CLIENT, "denylist": DENYLIST}
    with pytest.raises(Misconfigured, match="logout tokens"):
        WsgiLogout(rightkey.Verifier(issuer.url, **how))
    with pytest.raises(Misconfigured, match="needs denylist"):
        WsgiLogout(rightkey.Verifier(issuer.url, audience=CLIENT, profile="logout"))
    with pytest.raises(Misconfigured, match=r"AsgiLogout needs a rightkey\.AsyncVerifier"):
        AsgiLogout(rightkey.Verifier(issuer.url, profile="logout", **how))
    with pytest.raises(Misconfigured, match=r"WsgiLogout needs a rightkey\.Verifier"):
        WsgiLogout(rightkey.AsyncVerifier(issuer.url, profile="logout", **how))
    with pytest.raises(Misconfigured, match="by must be"):
        WsgiLogout(rightkey.Verifier(issuer.url, profile="logout", **how), by="sid")  # type: ignore[arg-type]


def test_the_wait_is_told_in_whole_seconds_that_suffice(issuer: LocalIssuer) -> None:
    """Rounded up: a provider that comes back too early is sent away again."""
    receiver = WsgiLogout(rightkey.Verifier(issuer.url, audience=CLIENT, profile="logout", denylist=DENYLIST))

    def verify(raw: str) -> None:
        raise rightkey.IssuerUnavailable("keys_unavailable", "", retry_after=1.4)

    receiver._verifier = SimpleNamespace(verify=verify)
    assert receiver.answer("application/x-www-form-urlencoded", form("x")).headers["Retry-After"] == "2"
