"""A websocket that carries its token as a subprotocol (RFC 6455, section 4): the application does not see it,
and the answer names `bearer`, without which a browser ends the connection, and never the token.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple, TypeAlias

from rightkey.integrations.bearer import Bearer
from rightkey.integrations.carriers import SUBPROTOCOLS, offered, withheld

_Scope: TypeAlias = MutableMapping[str, Any]
_Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Answer(NamedTuple):
    """What the answer to a handshake may name."""

    name: str | None
    """The subprotocol to name where the application names none, or the token."""
    tokens: list[str]

    def __repr__(self) -> str:
        return f"Answer({self.name!r})"


def name_of(bearer: Bearer) -> str | None:
    """The subprotocol before the token, where tokens may be carried so."""
    return next((one.name for one in bearer.places if one.place == "subprotocol"), None)


def hidden(bearer: Bearer, scope: _Scope) -> Answer | None:
    """Take the token out of what the application sees of a websocket's handshake.

    Returns:
        What to answer; None where the handshake is not of this kind.
    """
    name = name_of(bearer)
    if name is None or scope["type"] != "websocket":
        return None
    value = _offer(scope)
    kept = offered(name, value)
    scope["headers"] = [(key, value) for key, value in scope["headers"] if not _is_ours(key)]
    if kept:
        scope["headers"].append((SUBPROTOCOLS.encode(), ", ".join(kept).encode("latin-1")))
    scope["subprotocols"] = kept
    return Answer(name if name in kept else None, withheld(name, value))


def answering(send: _Send, answer: Answer | None) -> _Send:
    """Sends for the application; where it accepts without a subprotocol, or with the token, ours is named."""
    if answer is None:
        return send

    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "websocket.accept":
            message = {**message, "subprotocol": _chosen(message.get("subprotocol"), answer)}
        await send(message)

    return sent


def accepting(bearer: Bearer, websocket: Any) -> None:
    """Have a websocket of Starlette's name ours where it is accepted without one, or with the token.

    Its scope stays as it is: several dependencies of a route may each look for the token.
    """
    name = name_of(bearer)
    if name is None:
        return
    value, accept = _offer(websocket.scope), websocket.accept
    answer = Answer(name if name in offered(name, value) else None, withheld(name, value))

    async def accepted(subprotocol: str | None = None, headers: Any = None) -> None:
        await accept(_chosen(subprotocol, answer), headers)

    websocket.accept = accepted


def _chosen(subprotocol: str | None, answer: Answer) -> str | None:
    return answer.name if subprotocol is None or subprotocol in answer.tokens else subprotocol


def _offer(scope: _Scope) -> str:
    return ",".join(value.decode("latin-1") for key, value in scope["headers"] if _is_ours(key))


def _is_ours(key: bytes) -> bool:
    return key.lower() == SUBPROTOCOLS.encode()
