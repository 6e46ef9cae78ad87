"""What a view asks: a mark on it, which the middleware in front of it reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from rightkey.errors import TokenRejected
from rightkey.requirements import AllOf
from rightkey.verdict.verified import Verified

Asks: TypeAlias = AllOf | str
"""What a token must grant; or PUBLIC, or OPTIONAL."""

PUBLIC, OPTIONAL = "public", "optional"
_MARK = "rightkey_asks"
_View = TypeVar("_View", bound=Callable[..., Any])


def marked(view: _View, asks: Asks) -> _View:
    """The view, with the mark on it."""
    setattr(view, _MARK, asks)
    return view


def asks_of(view: Any) -> Asks | None:
    """What a view asks, if it says so."""
    return getattr(view, _MARK, None)


def requirement_of(view: Any) -> AllOf | None:
    """What a view asks of a token, if anything: a client without one learns of it."""
    asks = asks_of(view)
    return asks if isinstance(asks, AllOf) else None


def present(token: Verified | None) -> Verified:
    """The token, if there is one. Raises TokenRejected: `token_missing`."""
    if token is None:
        raise TokenRejected("token_missing", "no token was given")
    return token


def require_granted(token: Verified | None, asks: Asks) -> None:
    """Have a token grant what is asked of it.

    Raises:
        TokenRejected: `token_missing`: there is none, and something is asked of it.
        InsufficientScope: `scope_insufficient`.
    """
    if isinstance(asks, AllOf):
        present(token).require(asks)
