"""A websocket that carries its token as a subprotocol (RFC 6455, section 4): the application does not see it,
and the answer names `bearer`, without which a browser ends the connection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from rightkey.integrations.bearer import Bearer
from rightkey.integrations.carriers import SUBPROTOCOLS, offered

_Scope: TypeAlias = MutableMapping[str, Any]
_Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def name_of(bearer: Bearer) -> str | None:
    """The subprotocol before the token, where tokens may be carried so."""
    return next((one.name for one in bearer.places if one.place == "subprotocol"), None)


def hidden(bearer: Bearer, scope: _Scope) -> str | None:
    """Take the token out of what the application sees of a websocket's handshake.

    Returns:
        The subprotocol to answer with; None where the handshake is not of this kind.
    """
    name = name_of(bearer)
    if name is None or scope["type"] != "websocket":
        return None
    headers = [*scope["headers"]]
    values = [value.decode("latin-1") for key, value in headers if _is_ours(key)]
    kept = offered(name, ",".join(values))
    scope["headers"] = [(key, value) for key, value in headers if not _is_ours(key)]
    if kept:
        scope["headers"].append((SUBPROTOCOLS.encode(), ", ".join(kept).encode("latin-1")))
    scope["subprotocols"] = kept
    return name if name in kept else None


def answering(send: _Send, name: str | None) -> _Send:
    """Sends for the application; where it accepts without a subprotocol, this one is chosen."""
    if name is None:
        return send

    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "websocket.accept" and message.get("subprotocol") is None:
            message = {**message, "subprotocol": name}
        await send(message)

    return sent


def accepting(bearer: Bearer, websocket: Any) -> None:
    """Have a websocket of Starlette's name the subprotocol where it is accepted without one.

    Its scope stays as it is: several dependencies of a route may each look for the token.
    """
    name = name_of(bearer)
    if name is None or name not in websocket.scope.get("subprotocols", ()):
        return
    accept = websocket.accept

    async def accepted(subprotocol: str | None = None, headers: Any = None) -> None:
        await accept(name if subprotocol is None else subprotocol, headers)

    websocket.accept = accepted


def _is_ours(key: bytes) -> bool:
    return key.lower() == SUBPROTOCOLS.encode()
