"""Frameworks that the documentation names without an integration of their own, by their ASGI or WSGI path."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import rightkey
from rightkey.integrations import wsgi
from rightkey.integrations.asgi import RightKeyMiddleware
from rightkey.integrations.bearer import Bearer, subprotocol
from rightkey.localissuer import LocalIssuer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of what these stand on
]


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


def with_quart(guard: dict[str, Any]) -> Any:
    quart = pytest.importorskip("quart")
    app = quart.Quart("test")

    @app.get("/")
    async def whose() -> Any:
        return quart.request.scope["state"]["token"].subject

    app.asgi_app = RightKeyMiddleware(app.asgi_app, **guard)
    return app


def with_falcon(guard: dict[str, Any]) -> Any:
    asgi = pytest.importorskip("falcon.asgi")

    class Whose:
        async def on_get(self, req: Any, resp: Any) -> None:
            resp.text = req.scope["state"]["token"].subject

    app = asgi.App()
    app.add_route("/", Whose())
    return RightKeyMiddleware(app, **guard)


def with_falcon_in_threads(guard: dict[str, Any]) -> Any:
    falcon = pytest.importorskip("falcon")

    class Whose:
        def on_get(self, req: Any, resp: Any) -> None:
            resp.text = req.env["rightkey.token"].subject

    app = falcon.App()
    app.add_route("/", Whose())
    verifier = guard["verifier"]
    threads = rightkey.Verifier(verifier.status().issuer, audience=rightkey.ANY)
    return wsgi.RightKeyMiddleware(app, verifier=threads)


def with_blacksheep(guard: dict[str, Any]) -> Any:
    blacksheep = pytest.importorskip("blacksheep")
    app = blacksheep.Application(router=blacksheep.Router())  # the usual one is of one application a process

    @app.router.get("/")
    async def whose(request: Any) -> Any:
        return blacksheep.text(request.scope["state"]["token"].subject)

    whose.__annotations__["request"] = blacksheep.Request
    return RightKeyMiddleware(app, **guard)


def with_strawberry(guard: dict[str, Any]) -> Any:
    strawberry = pytest.importorskip("strawberry")
    from strawberry.asgi import GraphQL

    def whose(info: Any) -> str:
        return str(info.context["request"].state.token.subject)

    whose.__annotations__.update(info=strawberry.Info, **{"return": str})
    query = strawberry.type(type("Query", (), {"whose": strawberry.field(whose), "__annotations__": {}}))
    return RightKeyMiddleware(GraphQL(strawberry.Schema(query)), **guard)


EVERY = [with_quart, with_falcon, with_falcon_in_threads, with_blacksheep, with_strawberry]


@pytest.mark.parametrize("make", EVERY)
def test_it_runs_behind_the_middleware(
    make: Callable[[dict[str, Any]], Any], issuer: LocalIssuer, served: Callable[[Any], str]
) -> None:
    """And learns whose token it is."""
    url = served(make({"verifier": rightkey.AsyncVerifier(issuer.url, audience=issuer.audience)}))
    parameters = {"query": "{ whose }"} if make is with_strawberry else {}
    with httpx.Client(trust_env=False, timeout=60) as client:
        headers = {"authorization": f"Bearer {issuer.token(sub='alice')}"}
        answer = client.get(url, headers=headers, params=parameters)
        assert (answer.status_code, "alice" in answer.text) == (200, True)
        assert client.get(url, params=parameters).status_code == 401


def test_channels_runs_behind_the_middleware(issuer: LocalIssuer, served: Callable[[Any], str]) -> None:
    """With the token of a browser's websocket."""
    routing = pytest.importorskip("channels.routing")
    from channels.generic.websocket import WebsocketConsumer

    class Whose(WebsocketConsumer):  # type: ignore[misc]
        def connect(self) -> None:
            self.accept()
            self.send(self.scope["state"]["token"].subject)
            self.close()

    app = RightKeyMiddleware(
        routing.ProtocolTypeRouter({"websocket": Whose.as_asgi()}),
        verifier=rightkey.AsyncVerifier(issuer.url, audience=issuer.audience),
        bearer=Bearer(subprotocol()),
    )
    url = served(app).replace("http", "ws")
    protocols: Any = ["bearer", issuer.token(sub="alice")]
    with connect(url, subprotocols=protocols, proxy=None, open_timeout=60) as socket:
        assert (socket.subprotocol, socket.recv()) == ("bearer", "alice")
    with pytest.raises(InvalidStatus), connect(url, proxy=None, open_timeout=60):
        pass
