"""Opaque tokens, by servers and frameworks of others: Authlib's RFC 7662 in Flask, and FastMCP's server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import flask
import httpx
import pytest
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import import_key
from tests.jose.test_signing import KEYS, pem
from werkzeug.serving import make_server

from rightkey import Introspection, KeySet, Verifier
from rightkey.errors import IssuerUnavailable, RightkeyError
from rightkey.integrations import fastmcp
from rightkey.localissuer import Client, LocalIssuer

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

AUDIENCE = "https://api.example.com"
METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt"]
SECRET = "s%e+c r:t"


class AuthlibsClient:
    """What Authlib asks of a client."""

    client_id = "a:b"

    def get_client_id(self) -> str:
        return self.client_id

    def check_client_secret(self, secret: str) -> bool:
        return secret == SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return True


class Assertion(JWTBearerClientAssertion):
    CLIENT_AUTH_METHOD = "private_key_jwt"
    used: set[str]

    def get_audiences(self) -> list[str]:
        return ["https://as.example"]

    def validate_jti(self, claims: Any, jti: str) -> bool:
        first = jti not in self.used
        self.used.add(jti)
        return first

    def resolve_client_public_key(self, client: Any) -> Any:
        public = KEYS["RS256"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return import_key(public, "RSA")


class Endpoint(IntrospectionEndpoint):
    CLIENT_AUTH_METHODS = METHODS

    def check_permission(self, token: Any, client: Any, request: Any) -> bool:
        return True

    def query_token(self, token_string: str, token_type_hint: str | None) -> Any:
        assert token_type_hint == "access_token"
        return Token() if token_string == "mF_9.B5f-4.1JqM" else None

    def introspect_token(self, token: Any) -> dict[str, Any]:
        return {"active": True, "aud": AUDIENCE, "exp": 9_999_999_999, "sub": "alice", "scope": "read"}


class Token:
    def is_expired(self) -> bool:
        return False

    def is_revoked(self) -> bool:
        return False


@contextmanager
def authlibs() -> Iterator[tuple[str, list[int]]]:
    """The URL of Authlib's endpoint in Flask on loopback, and the statuses of its answers."""
    app = flask.Flask("as")
    server = AuthorizationServer(app, query_client=lambda name: AuthlibsClient() if name == "a:b" else None)
    assertion = Assertion()
    assertion.used = set()
    server.register_client_auth_method("private_key_jwt", assertion)
    server.register_endpoint(Endpoint)
    statuses: list[int] = []

    @app.post("/introspect")
    def introspect() -> Any:
        answer = server.create_endpoint_response("introspection")
        statuses.append(answer.status_code)
        return answer

    listening = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.port}/introspect", statuses
    finally:
        listening.shutdown()
        thread.join(60)
        listening.server_close()


def by(url: str, **settings: Any) -> Verifier:
    asked = Introspection("a:b", **{"secret": SECRET, "endpoint": url, "life": 0, "refused": 0} | settings)
    return Verifier("https://as.example", audience=AUDIENCE, keys=KeySet(()), introspection=asked)


def refused(verifier: Verifier, raw: str) -> RightkeyError:
    with pytest.raises(RightkeyError) as caught:
        verifier.verify(raw)
    return caught.value


@pytest.mark.parametrize("method", METHODS)
def test_authlibs_endpoint_knows_us_by_each_method(method: str) -> None:
    """Also by an id and a secret that must be encoded, and by fresh assertions."""
    secret = pem(KEYS["RS256"]) if method == "private_key_jwt" else SECRET
    with authlibs() as (url, statuses):
        verifier = by(url, auth_method=method, secret=secret)
        for _ in range(3):
            assert verifier.verify("mF_9.B5f-4.1JqM").subject == "alice"
        assert refused(verifier, "2YotnFZFEjr1zCsicMWpAA").code == "token_inactive"
        assert statuses == [200] * 4


def test_authlibs_endpoint_refuses_another_secret() -> None:
    """Which is our own fault: 503, and no token's."""
    with authlibs() as (url, statuses):
        error = refused(by(url, secret="another"), "mF_9.B5f-4.1JqM")
        assert isinstance(error, IssuerUnavailable)
        assert "our own credentials were refused" in str(error)
        assert statuses == [401]
    assert refused(by(url), "mF_9.B5f-4.1JqM").code == "introspection_failed"


def test_the_local_issuer_knows_its_clients_alone() -> None:
    """By their secret, over a socket."""
    client = Client("a:b", SECRET)
    with LocalIssuer(algorithm="ES256", clients=[client]) as issuer:
        token = issuer.opaque(sub="alice")
        for secret, outcome in ((SECRET, "alice"), ("another", "introspection_failed")):
            verifier = Verifier(
                issuer.url, audience=issuer.audience, introspection=Introspection("a:b", secret)
            )
            if secret == SECRET:
                assert verifier.verify(token).subject == outcome
            else:
                assert refused(verifier, token).code == outcome


def ask(url: str, token: str) -> httpx.Response:
    headers = {"accept": "application/json, text/event-stream", "authorization": f"Bearer {token}"}
    with httpx.Client(trust_env=False, timeout=60) as client:
        return client.post(url, json={"jsonrpc": "2.0", "id": 1, "method": "ping"}, headers=headers)


def test_fastmcp_takes_opaque_tokens(served: Callable[[Any], str]) -> None:
    """Accepted, refused, revoked; and in an outage 503, where FastMCP's own verifier signs people out."""
    from fastmcp import FastMCP

    with LocalIssuer(algorithm="ES256") as issuer:
        checks = fastmcp.RightKeyVerifier(
            issuer.url,
            required_scopes=["read"],
            audience=AUDIENCE,
            introspection=Introspection("us", "secret", life=0, refused=0),
        )
        server = FastMCP("test", auth=checks)
        url = served(fastmcp.with_outages(server.http_app(stateless_http=True))) + "/mcp"
        token = issuer.opaque(sub="alice", scope="read", client_id="shop")
        assert ask(url, token).status_code == 200
        assert ask(url, issuer.token(sub="bob", scope="read")).status_code == 200
        assert ask(url, issuer.opaque(sub="alice")).status_code == 403
        assert ask(url, "2YotnFZFEjr1zCsicMWpAA").status_code == 401
        issuer.revoke_token(token)
        assert ask(url, token).status_code == 401
        issuer.misbehave("introspect", "status", times=1)
        answer = ask(url, issuer.opaque(sub="alice", scope="read"))
        assert (answer.status_code, answer.json()["code"]) == (503, "introspection_failed")
        assert int(answer.headers["retry-after"]) >= 1
