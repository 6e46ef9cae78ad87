"""Access: what a view asks of a request, as a mark on it, which the middleware in front of it reads. And what
a preflight is.

The decorators `require`, `optional` and `public` are the same in every framework whose middleware verifies;
they differ in where a view finds its request's token.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container
from functools import wraps
from typing import Any, Protocol, TypeAlias, TypeVar, cast

from rightkey.errors import TokenRejected
from rightkey.requirements import AllOf, Requirement, required
from rightkey.verdict.verified import Verified

Access: TypeAlias = AllOf | str
"""What a token must grant; or PUBLIC, or OPTIONAL."""

PUBLIC, OPTIONAL = "public", "optional"
PREFLIGHT = ("origin", "access-control-request-method")
"""The headers of a preflight, in lower case (Fetch, section 3.3)."""
OVERRIDES = ("x-http-method", "x-http-method-override", "x-method-override")
"""Headers by which some applications take another method than the request's. No preflight has one: it names
headers, and sends none of a script's."""
_MARK = "rightkey_access"
_View = TypeVar("_View", bound=Callable[..., Any])


class Decorator(Protocol):
    """Takes a view and returns one of the same type."""

    def __call__(self, view: _View, /) -> _View: ...


class Decorators:
    """The decorators of a framework.

    Args:
        token_of: the token of the request at hand, from the first argument of a view.
    """

    def __init__(self, token_of: Callable[[Any], Verified | None]) -> None:
        self._token_of = token_of

    def require(self, *asked: str | Requirement) -> Decorator:
        """Let a view take only requests whose token grants all of this. On methods of classes too.

        Raises:
            Misconfigured: something else than a string or a requirement.
        """
        requirement = required(asked)

        def decorate(view: _View, /) -> _View:
            return self._marked(view, requirement)

        return decorate

    def optional(self, view: _View) -> _View:
        """Let a view take requests without a token too; a bad token is refused all the same."""
        return self._marked(view, OPTIONAL)

    def public(self, view: _View) -> _View:
        """Let a view take any request; no token is looked for."""
        return self._marked(view, PUBLIC)

    def _marked(self, view: _View, access: Access) -> _View:
        """A view that says what it asks: a new one, since this one may be in use elsewhere."""

        @wraps(view)
        def guarded(*args: Any, **named: Any) -> Any:
            self._require(args[0], access)
            return view(*args, **named)

        @wraps(view)
        async def guarded_async(*args: Any, **named: Any) -> Any:
            self._require(args[0], access)
            return await view(*args, **named)

        waits = inspect.iscoroutinefunction(view)
        return cast("_View", marked(guarded_async if waits else guarded, access))

    def _require(self, first: Any, access: Access) -> None:
        if isinstance(access, AllOf):
            require_granted(self._token_of(first), access)


def marked(view: _View, access: Access) -> _View:
    """The view, with the mark on it."""
    setattr(view, _MARK, access)
    return view


def access_of(view: Any) -> Access | None:
    """The access of a view, if it says so."""
    return getattr(view, _MARK, None)


def requirement_of(view: Any) -> AllOf | None:
    """What a view requires of a token, if anything, so that a client without one learns of it."""
    access = access_of(view)
    return access if isinstance(access, AllOf) else None


def present(token: Verified | None) -> Verified:
    """The token, if there is one. Raises TokenRejected: `token_missing`."""
    if token is None:
        raise TokenRejected("token_missing", "no token was given")
    return token


def require_granted(token: Verified | None, requirement: AllOf) -> None:
    """Require that a token is there and grants this.

    Raises:
        TokenRejected: `token_missing`.
        InsufficientScope: `scope_insufficient`.
    """
    present(token).require(requirement)


def is_preflight(method: str, names: Container[str]) -> bool:
    """Whether a browser asks if it may send a request at all: such a request never carries a token.

    Args:
        method: of the request.
        names: its headers' names, in lower case.
    """
    asks = method == "OPTIONS" and all(name in names for name in PREFLIGHT)
    return asks and not any(name in names for name in OVERRIDES)
