"""The FastAPI dependency: scopes, requirements, documentation, websockets, and its override in tests.

Annotations are not postponed: FastAPI would look for what they name among globals.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Security, WebSocket
from fastapi.security import OAuth2AuthorizationCodeBearer, OpenIdConnect
from fastapi.testclient import TestClient
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import rightkey
from rightkey import Verified, any_of, role
from rightkey.exchange import Request, Response
from rightkey.integrations.bearer import Bearer, ProtectedResource, cookie, header, query
from rightkey.integrations.fastapi import RightKey
from rightkey.integrations.login import Login
from rightkey.localissuer import LocalIssuer

AUDIENCE = "https://api.example.com"
EXAMPLE = Path(__file__).parents[2] / "examples" / "fastapi_app.py"


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def app_with(auth: RightKey) -> FastAPI:
    app = FastAPI(lifespan=auth.lifespan)

    @app.get("/optional")
    async def optional(token: Annotated[Verified | None, Depends(auth.optional)]) -> Any:
        return token and token.subject

    @app.get("/admin")
    async def admin(token: Annotated[Verified, Depends(auth.require(any_of("admin", role("owner"))))]) -> Any:
        return token.subject

    @app.get("/scoped")
    async def scoped(token: Annotated[Verified, Security(auth, scopes=["a", "b"])]) -> Any:
        return token.subject

    @app.get("/both", dependencies=[Depends(auth.require("a", role("owner")))])
    async def both() -> Any:
        return "both"

    @app.get("/inner")
    def inner(token: Annotated[Verified, Depends(auth)]) -> Any:
        token.require("inner")
        return token.subject

    @app.websocket("/socket")
    async def socket(websocket: WebSocket, token: Annotated[Verified, Security(auth, scopes=["a"])]) -> None:
        await websocket.accept()
        await websocket.send_text(token.subject or "")
        await websocket.close()

    return app


@pytest.fixture
def auth(issuer: LocalIssuer) -> RightKey:
    return RightKey(issuer.url, audience=AUDIENCE)


def test_the_example_runs(issuer: LocalIssuer, served: Callable[[Any], str]) -> None:
    """As it stands, but for the issuer's name."""
    names: dict[str, Any] = {}
    exec(EXAMPLE.read_text(encoding="utf-8").replace('"tenant.eu.auth0.com"', repr(issuer.url)), names)
    with httpx.Client(base_url=served(names["app"]), trust_env=False, verify=False, timeout=60) as client:
        client.headers = bearer(issuer.token(sub="alice", scope="read:appointments"))
        assert client.get("/me").json() == {"subject": "alice"}
        assert client.get("/appointments").json() == ["read:appointments"]
        assert client.delete("/appointments").status_code == 403
        assert (
            client.delete("/appointments", headers=bearer(issuer.token(roles=["owner"]))).status_code == 200
        )


def test_no_token_is_told_which_scopes_to_ask_for(auth: RightKey) -> None:
    """All that the route asks, where that is scopes."""
    with TestClient(app_with(auth)) as client:
        assert client.get("/scoped").headers["www-authenticate"] == 'Bearer scope="a b"'
        assert client.get("/admin").headers["www-authenticate"] == "Bearer"


def test_requirements_are_more_than_scopes(auth: RightKey, issuer: LocalIssuer) -> None:
    """And what is missing is told in their words."""
    with TestClient(app_with(auth)) as client:
        assert client.get("/admin", headers=bearer(issuer.token(sub="a", roles=["owner"]))).json() == "a"
        answer = client.get("/admin", headers=bearer(issuer.token()))
        assert answer.status_code == 403
        assert answer.json()["detail"]["message"] == "the token does not grant any_of(admin, role(owner))"
        assert client.get("/both", headers=bearer(issuer.token(scope="a"))).status_code == 403
        assert client.get("/both", headers=bearer(issuer.token(scope="a", roles=["owner"]))).json() == "both"
    with pytest.raises(rightkey.Misconfigured):
        auth.require(5)  # type: ignore[arg-type]


@dataclass
class Claims:
    sub: str
    tenant: int


def test_claims_come_as_a_type(auth: RightKey, issuer: LocalIssuer) -> None:
    """With the route's scopes; what does not fit is 401."""
    app = FastAPI()

    @app.get("/typed")
    async def typed(claims: Annotated[Claims, Security(auth.typed(Claims), scopes=["a"])]) -> Any:
        return claims.tenant + 1

    client = TestClient(app)
    assert client.get("/typed", headers=bearer(issuer.token(sub="a", scope="a", tenant=1))).json() == 2
    assert client.get("/typed", headers=bearer(issuer.token(sub="a", tenant=1))).status_code == 403
    answer = client.get("/typed", headers=bearer(issuer.token(sub="a", scope="a")))
    assert answer.status_code == 401
    assert "tenant missing" in answer.headers["www-authenticate"]
    assert app.openapi()["paths"]["/typed"]["get"]["security"] == [{"bearer": ["a"]}]


def test_where_a_token_is_optional_a_bad_one_is_still_refused(auth: RightKey, issuer: LocalIssuer) -> None:
    """None is none."""
    with TestClient(app_with(auth)) as client:
        assert client.get("/optional").json() is None
        assert client.get("/optional", headers=bearer(issuer.token(sub="alice"))).json() == "alice"
        assert client.get("/optional", headers=bearer(issuer.attack("expired"))).status_code == 401


def test_what_a_route_asks_itself_is_answered_alike(auth: RightKey, issuer: LocalIssuer) -> None:
    """With the handler; what is no error of ours is none of its business."""
    app = app_with(auth)
    app.add_exception_handler(rightkey.RightkeyError, auth.handler)
    with TestClient(app) as client:
        answer = client.get("/inner", headers=bearer(issuer.token()))
        assert (answer.status_code, answer.json()["detail"]["code"]) == (403, "scope_insufficient")
        assert answer.headers["www-authenticate"].endswith('scope="inner"')


def test_the_handler_is_for_our_errors(auth: RightKey) -> None:
    """Others go on."""
    import asyncio

    connection = HTTPConnection({"type": "http", "headers": []})
    with pytest.raises(ZeroDivisionError):
        asyncio.run(auth.handler(connection, ZeroDivisionError()))


def test_a_test_overrides_it_in_one_line(issuer: LocalIssuer) -> None:
    """By another, before an issuer of the test's own: what routes ask is asked all the same."""
    production = RightKey("tenant.example", audience="https://api.example.com")
    app = app_with(production)
    app.dependency_overrides[production] = RightKey(
        issuer.url, audience=AUDIENCE, transport=issuer.transport()
    )
    client = TestClient(app)  # without its lifespan, which asks the production issuer
    assert client.get("/scoped", headers=bearer(issuer.token(sub="alice", scope="a b"))).json() == "alice"
    assert client.get("/scoped", headers=bearer(issuer.token(scope="a"))).status_code == 403
    assert client.get("/admin", headers=bearer(issuer.token(sub="bob", scope="admin"))).json() == "bob"
    assert client.get("/admin", headers=bearer(issuer.token())).status_code == 403


def schemes(auth: RightKey) -> Any:
    return app_with(auth).openapi()["components"]["securitySchemes"]


def test_the_documentation_shows_how_to_authorize(issuer: LocalIssuer) -> None:
    """A token to paste by default; whichever scheme of FastAPI's by choice."""
    plain = RightKey(issuer.url, audience=AUDIENCE)
    assert schemes(plain) == {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    paths = app_with(plain).openapi()["paths"]
    assert paths["/scoped"]["get"]["security"] == [{"bearer": ["a", "b"]}]
    assert paths["/admin"]["get"]["security"] == paths["/optional"]["get"]["security"] == [{"bearer": []}]
    code = OAuth2AuthorizationCodeBearer(
        f"{issuer.url}authorize", f"{issuer.url}oauth/token", scopes={"a": "A"}
    )
    shown = schemes(RightKey(issuer.url, audience=AUDIENCE, scheme=code))["OAuth2AuthorizationCodeBearer"]
    assert shown["flows"]["authorizationCode"]["authorizationUrl"] == f"{issuer.url}authorize"
    connected = OpenIdConnect(openIdConnectUrl=f"{issuer.url}.well-known/openid-configuration")
    assert schemes(RightKey(issuer.url, audience=AUDIENCE, scheme=connected))["OpenIdConnect"]["type"] == (
        "openIdConnect"
    )


@pytest.mark.parametrize(
    ("carrier", "place"), [(cookie("session"), "cookie"), (header("X-Token"), "header"), (query(), "query")]
)
def test_another_carrier_is_another_scheme(issuer: LocalIssuer, carrier: Any, place: str) -> None:
    """So that the documentation sends tokens where they are looked for."""
    (scheme,) = schemes(RightKey(issuer.url, audience=AUDIENCE, bearer=Bearer(carrier))).values()
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", place, carrier.name)


def test_a_websocket_is_accepted_or_answered(
    auth: RightKey, issuer: LocalIssuer, served: Callable[[Any], str]
) -> None:
    """Before it is accepted, with status and challenge."""
    url = served(app_with(auth)).replace("http", "ws") + "/socket"
    good = bearer(issuer.token(sub="alice", scope="a"))
    with connect(url, additional_headers=good, proxy=None, open_timeout=60) as socket:
        assert socket.recv() == "alice"
    poor = bearer(issuer.token(sub="alice"))
    with (
        pytest.raises(InvalidStatus) as caught,
        connect(url, additional_headers=poor, proxy=None, open_timeout=60),
    ):
        pass
    assert caught.value.response.status_code == 403
    assert 'scope="a"' in caught.value.response.headers["www-authenticate"]


def test_a_websocket_is_closed_where_the_server_cannot_answer(auth: RightKey) -> None:
    """With 1008, and our code as the reason."""

    class Old:
        """A server that knows no answer but acceptance and closing."""

        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.app({**scope, "extensions": None}, receive, send)

    with (
        TestClient(Old(app_with(auth))) as client,
        pytest.raises(WebSocketDisconnect) as caught,
        client.websocket_connect("/socket"),
    ):
        pass
    assert (caught.value.code, caught.value.reason) == (1008, "token_missing")


def test_the_start_fails_or_warns(issuer: LocalIssuer) -> None:
    """By choice."""
    issuer.misbehave("discovery", "html")
    with TestClient(app_with(RightKey(issuer.url, audience=AUDIENCE))):
        pass
    strict = RightKey(issuer.url, audience=AUDIENCE, require_issuer=True)
    with pytest.raises(rightkey.IssuerMisbehaved), TestClient(app_with(strict)):
        pass


def test_a_protected_resource_is_found_by_its_challenge(issuer: LocalIssuer) -> None:
    """RFC 9728: a client that is refused learns where the metadata are, and there who issues tokens."""
    api = ProtectedResource("https://testserver/api", [issuer.url], ["a", "b"])
    auth = RightKey(issuer.url, audience=AUDIENCE, bearer=Bearer(resource_metadata=api.url))
    app = app_with(auth)
    app.get(api.path)(lambda: api.document)
    client = TestClient(app)
    challenge = client.get("/scoped").headers["www-authenticate"]
    assert challenge.endswith(f'resource_metadata="{api.url}"')
    assert client.get(api.url).json()["authorization_servers"] == [issuer.url]


def test_the_refusals_are_in_the_document(issuer: LocalIssuer) -> None:
    """With the headers and the body that they have."""
    auth = RightKey(issuer.url, audience=AUDIENCE)
    app = FastAPI(responses=auth.responses)
    app.get("/", dependencies=[Depends(auth)])(lambda: None)
    document = app.openapi()
    told = document["paths"]["/"]["get"]["responses"]
    assert {"200", "400", "401", "403", "503"} <= told.keys()
    assert told["503"]["headers"].keys() == {"Retry-After"}
    body = told["401"]["content"]["application/json"]["schema"]["properties"]["detail"]
    answer = TestClient(app).get("/")
    assert set(body["required"]) <= answer.json()["detail"].keys() <= body["properties"].keys()


def test_the_documentation_logs_in_by_the_issuers_metadata(issuer: LocalIssuer) -> None:
    """By code and PKCE; until the metadata are read, it takes a token."""
    auth = RightKey(issuer.url, audience=AUDIENCE, transport=issuer.transport())
    auth.login("swagger", scopes={"read:x": "see"})
    app = FastAPI(lifespan=auth.lifespan, swagger_ui_init_oauth={"appName": "mine"})
    app.get("/", dependencies=[Security(auth, scopes=["read:x"])])(lambda: None)
    app.get("/optional", dependencies=[Depends(auth.optional)])(lambda: None)
    assert app.openapi()["components"]["securitySchemes"]["bearer"]["type"] == "http"
    with TestClient(app):
        shown = app.openapi()["components"]["securitySchemes"]
    assert shown.keys() == {"bearer"}
    assert shown["bearer"]["flows"] == {
        "authorizationCode": {
            "authorizationUrl": issuer.urls["authorize"],
            "tokenUrl": issuer.urls["token"],
            "scopes": {"read:x": "see"},
        }
    }
    assert app.swagger_ui_init_oauth == {
        "appName": "mine",
        "clientId": "swagger",
        "usePkceWithAuthorizationCodeGrant": True,
        "scopes": "read:x",
        "additionalQueryStringParams": {"audience": AUDIENCE},
    }


def test_a_documentation_that_cannot_log_in_takes_a_token(
    issuer: LocalIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    """And the service starts, unless it requires the issuer."""
    for required in (False, True):
        auth = RightKey(
            keys=rightkey.KeySet(()), issuer=issuer.url, audience=AUDIENCE, require_issuer=required
        )
        auth.login("swagger", scopes=["read:x"], parameters={})
        app = FastAPI(lifespan=auth.lifespan)
        app.get("/", dependencies=[Depends(auth)])(lambda: None)
        issuer.misbehave("discovery", "html")
        if required:
            with pytest.raises(rightkey.RightkeyError), TestClient(app):
                pass
            return
        with TestClient(app):
            assert app.openapi()["components"]["securitySchemes"]["bearer"]["type"] == "http"
        assert "the documentation cannot log in" in caplog.text


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint"])
@pytest.mark.parametrize("value", [None, 5, "javascript:alert(1)", "http://elsewhere.example/"])
def test_a_browser_is_sent_nowhere_else(name: str, value: Any) -> None:
    """Than to a URL of https, whatever the metadata say."""
    issuer = LocalIssuer(algorithm="ES256")
    document = {**json.loads(issuer.transport().get(Request(issuer.urls["discovery"])).body), name: value}

    class Changed:
        def get(self, request: Request) -> Response:
            answer = issuer.transport().get(request)
            if request.url == issuer.urls["discovery"]:
                return replace(answer, body=json.dumps(document).encode())
            return answer

    with pytest.raises(rightkey.IssuerMisbehaved, match=f"no {name}"):
        asyncio.run(Login("swagger", issuer.url, transport=Changed()).flow())


def test_several_issuers_have_none_to_log_in_at(issuer: LocalIssuer) -> None:
    """But the one that is named."""
    several = RightKey(verifier=rightkey.AsyncVerifier.of(rightkey.Trust(issuer.url, audience=AUDIENCE)))
    with pytest.raises(rightkey.Misconfigured, match="the issuer to log in at"):
        several.login("swagger")
    several.login("swagger", issuer=issuer.url)
    one = RightKey(verifier=rightkey.AsyncVerifier(issuer.url, audience=AUDIENCE))
    one.login("swagger")
    app = FastAPI(lifespan=one.lifespan)
    with TestClient(app):
        assert app.swagger_ui_init_oauth is not None
