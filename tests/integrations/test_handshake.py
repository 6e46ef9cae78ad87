"""Websockets whose token is a subprotocol, as browsers send it: answered with `bearer`, and shown nowhere.

Annotations are not postponed: FastAPI would look for what they name among globals.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest
from aiohttp import web
from fastapi import Depends, FastAPI
from fastapi import WebSocket as FastWebSocket
from litestar import Litestar
from litestar import WebSocket as LitestarWebSocket
from litestar import websocket as litestar_websocket
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import rightkey
from rightkey.integrations import aiohttp, fastapi, litestar
from rightkey.integrations.asgi import RightKeyMiddleware
from rightkey.integrations.bearer import AUTHORIZATION, Bearer, subprotocol
from rightkey.integrations.starlette import RightKeyBackend
from rightkey.jose.base64url import encode
from rightkey.localissuer import LocalIssuer

pytestmark = pytest.mark.slow

BEARER = Bearer([AUTHORIZATION, subprotocol()])
CHOSEN: list[str | None] = [None]
"""The subprotocol that the application itself names."""


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    CHOSEN[0] = None
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


async def told(websocket: WebSocket, subject: str) -> None:
    """Accepts, and says whose token it is and what the application saw."""
    await websocket.accept(CHOSEN[0])
    offered = websocket.scope["subprotocols"]
    await websocket.send_json([subject, offered, websocket.headers.get("sec-websocket-protocol")])
    await websocket.close()


def with_middleware(verifier: rightkey.AsyncVerifier) -> Any:
    async def live(websocket: WebSocket) -> None:
        await told(websocket, websocket.state.token.subject)

    guard = Middleware(RightKeyMiddleware, verifier=verifier, bearer=BEARER)
    return Starlette(routes=[WebSocketRoute("/", live)], middleware=[guard])


def with_backend(verifier: rightkey.AsyncVerifier) -> Any:
    """Which sees a connection and not its answer: the application names `bearer`."""

    async def live(websocket: WebSocket) -> None:
        CHOSEN[0] = CHOSEN[0] or "bearer"
        await told(websocket, websocket.user.identity)

    backend = RightKeyBackend(verifier=verifier, bearer=BEARER)
    guard = Middleware(AuthenticationMiddleware, backend=backend, on_error=backend.on_error)
    return Starlette(routes=[WebSocketRoute("/", live)], middleware=[guard])


def with_litestar(verifier: rightkey.AsyncVerifier) -> Any:
    auth = litestar.RightKey(verifier=verifier, bearer=BEARER)

    @litestar_websocket("/", guards=[auth.require("live")])
    async def live(socket: LitestarWebSocket[Any, Any, Any]) -> None:
        await socket.accept(subprotocols=CHOSEN[0])
        seen = [socket.user, socket.scope["subprotocols"], socket.headers.get("sec-websocket-protocol")]
        await socket.send_json(seen)
        await socket.close()

    return Litestar([live], plugins=[auth])


HIDING = [with_middleware, with_backend, with_litestar]


def with_fastapi(verifier: rightkey.AsyncVerifier) -> Any:
    auth = fastapi.RightKey(verifier=verifier, bearer=BEARER)
    app = FastAPI()

    @app.websocket("/")
    async def live(
        websocket: FastWebSocket,
        token: Annotated[rightkey.Verified, Depends(auth.require("live"))],
        again: Annotated[rightkey.Verified | None, Depends(auth.optional)],
    ) -> None:
        await told(websocket, token.subject or "")

    return app


def with_aiohttp(verifier: rightkey.AsyncVerifier) -> Any:
    async def live(request: web.Request) -> web.StreamResponse:
        names = () if CHOSEN[0] is None else (CHOSEN[0],)
        socket = web.WebSocketResponse(protocols=names)
        await socket.prepare(request)
        named = request.headers.get("sec-websocket-protocol")
        offered = [name.strip() for name in (named or "").split(",")]
        await socket.send_json([request[aiohttp.TOKEN].subject, offered, named])
        await socket.close()
        return socket

    app = web.Application()
    aiohttp.setup(app, verifier=verifier, bearer=BEARER)
    app.router.add_get("/", aiohttp.require("live")(live))
    return app


EVERY = [*HIDING, with_fastapi, with_aiohttp]
Make = Callable[[rightkey.AsyncVerifier], Any]


@pytest.mark.parametrize("make", EVERY)
def test_a_browsers_websocket_comes_in_by_a_subprotocol(
    make: Make, issuer: LocalIssuer, served: Callable[[Any], str], caplog: pytest.LogCaptureFixture
) -> None:
    """It is answered with `bearer`, without which a browser ends the connection; no log has the token."""
    caplog.set_level(logging.DEBUG)
    for name in ("websockets.client", "uvicorn.error", "uvicorn.protocols", "websockets.server"):
        caplog.set_level(logging.INFO, name)  # at DEBUG they log all that goes over the wire
    url = served(make(rightkey.AsyncVerifier(issuer.url, audience=issuer.audience)))
    token = issuer.token(sub="alice", scope="live")
    protocols: Any = ["chat", "bearer", token]
    with connect(url.replace("http", "ws"), subprotocols=protocols, proxy=None, open_timeout=60) as socket:
        assert socket.subprotocol == "bearer"
        seen = socket.recv()
    assert '"alice"' in str(seen)
    assert (token in str(seen)) == (make is with_fastapi)  # several dependencies each look for it there
    assert token not in caplog.text


@pytest.mark.parametrize("make", EVERY)
def test_an_application_may_choose_a_subprotocol_of_its_own(
    make: Make, issuer: LocalIssuer, served: Callable[[Any], str]
) -> None:
    """Beside which the token is carried."""
    CHOSEN[0] = "chat"
    url = served(make(rightkey.AsyncVerifier(issuer.url, audience=issuer.audience)))
    protocols: Any = ["bearer", issuer.token(sub="alice", scope="live"), "chat"]
    with connect(url.replace("http", "ws"), subprotocols=protocols, proxy=None, open_timeout=60) as socket:
        assert socket.subprotocol == "chat"
        assert '"alice"' in str(socket.recv())


@pytest.mark.parametrize("make", [make for make in EVERY if make is not with_backend])
def test_a_websocket_without_subprotocols_is_answered_without(
    make: Make, issuer: LocalIssuer, served: Callable[[Any], str]
) -> None:
    """As a program sends it, with a header."""
    url = served(make(rightkey.AsyncVerifier(issuer.url, audience=issuer.audience)))
    headers = {"authorization": f"Bearer {issuer.token(sub='alice', scope='live')}"}
    with connect(
        url.replace("http", "ws"), additional_headers=headers, proxy=None, open_timeout=60
    ) as socket:
        assert socket.subprotocol is None
        assert '"alice"' in str(socket.recv())


@pytest.mark.parametrize("make", [make for make in EVERY if make is not with_backend])
def test_a_bad_token_is_refused_before_the_connection_is_accepted(
    make: Make, issuer: LocalIssuer, served: Callable[[Any], str]
) -> None:
    """So are several; and the answer names no subprotocol."""
    url = served(make(rightkey.AsyncVerifier(issuer.url, audience=issuer.audience))).replace("http", "ws")
    both: Any = ["bearer", issuer.token(), "bearer", issuer.token()]
    for protocols, status in ((["bearer", issuer.attack("expired")], 401), (both, 400), (["chat"], 401)):
        with (
            pytest.raises(InvalidStatus) as caught,
            connect(url, subprotocols=protocols, proxy=None, open_timeout=60),  # type: ignore[arg-type]
        ):
            pass
        assert caught.value.response.status_code == status
        assert "sec-websocket-protocol" not in caught.value.response.headers


def test_a_websocket_of_litestar_that_lacks_a_scope_is_refused(
    issuer: LocalIssuer, served: Callable[[Any], str]
) -> None:
    """Its guard knows nothing of statuses."""
    url = served(with_litestar(rightkey.AsyncVerifier(issuer.url, audience=issuer.audience)))
    protocols: Any = ["bearer", issuer.token(scope="other")]
    with (
        pytest.raises(InvalidStatus) as caught,
        connect(url.replace("http", "ws"), subprotocols=protocols, proxy=None, open_timeout=60),
    ):
        pass
    assert caught.value.response.status_code == 403


KUBERNETES = "base64url.bearer.authorization.k8s.io."
"""How kubectl and the dashboards of Kubernetes carry a token: in one subprotocol, beside another."""


@pytest.mark.parametrize("make", EVERY)
def test_a_token_may_be_one_subprotocol_as_kubernetes_has_it(
    make: Make, issuer: LocalIssuer, served: Callable[[Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application names the other one; without that, the answer names none, and never the token."""
    monkeypatch.setitem(globals(), "BEARER", Bearer([AUTHORIZATION, subprotocol(KUBERNETES)]))
    CHOSEN[0] = "chat"
    url = served(make(rightkey.AsyncVerifier(issuer.url, audience=issuer.audience))).replace("http", "ws")
    token = KUBERNETES + encode(issuer.token(sub="alice", scope="live").encode())
    protocols: Any = [token, "chat"]
    with connect(url, subprotocols=protocols, proxy=None, open_timeout=60) as socket:
        seen = str(socket.recv())
        assert (socket.subprotocol, '"alice"' in seen) == ("chat", True)
    assert (token in seen) == (make is with_fastapi)
    for rest, status in (("", 400), ("!", 400), (encode(b"a b"), 400), (encode(b"a.b.c"), 401)):
        with (
            pytest.raises(InvalidStatus) as caught,
            connect(url, subprotocols=[KUBERNETES + rest, "chat"], proxy=None, open_timeout=60),  # type: ignore[list-item]
        ):
            pass
        assert caught.value.response.status_code == (403 if make is with_backend else status), rest


@pytest.mark.parametrize("make", [make for make in EVERY if make is not with_backend])
@pytest.mark.parametrize("form", ["pair", "kubernetes"])
def test_no_answer_names_the_token(
    form: str,
    make: Make,
    issuer: LocalIssuer,
    served: Callable[[Any], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not even where the application names what it was offered."""
    token = issuer.token(sub="alice", scope="live")
    if form == "kubernetes":
        monkeypatch.setitem(globals(), "BEARER", Bearer([AUTHORIZATION, subprotocol(KUBERNETES)]))
        token = KUBERNETES + encode(token.encode())
    CHOSEN[0] = token
    url = served(make(rightkey.AsyncVerifier(issuer.url, audience=issuer.audience))).replace("http", "ws")
    protocols: Any = ["bearer", token] if form == "pair" else [token, "chat"]
    with connect(url, subprotocols=protocols, proxy=None, open_timeout=60) as socket:
        assert socket.subprotocol == ("bearer" if form == "pair" else None)
        assert socket.response is not None
        assert token not in str(socket.response.headers)
        assert '"alice"' in str(socket.recv())
