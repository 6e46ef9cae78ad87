"""Named: a setting that is unknown or missing is told by its name, with the way out."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from rightkey.errors import Misconfigured

_P = ParamSpec("_P")
_T = TypeVar("_T")


def by_name(init: Callable[_P, None]) -> Callable[_P, None]:
    """An initialiser that raises Misconfigured, not TypeError, for a setting that is unknown or missing."""

    @functools.wraps(init)
    def named(*args: _P.args, **settings: _P.kwargs) -> None:
        try:
            init(*args, **settings)
        except TypeError as error:
            raise _misnamed(init, args[1:], settings) or error from None

    return named


def settings_by_name(kind: type[_T]) -> type[_T]:
    """A class whose initialiser does that."""
    kind.__init__ = by_name(kind.__init__)  # type: ignore[method-assign]
    return kind


def _misnamed(
    init: Callable[..., None], given: tuple[object, ...], settings: dict[str, object]
) -> Misconfigured | None:
    known = list(inspect.signature(init).parameters.values())[1:]
    names = [one.name for one in known if one.kind is not one.VAR_POSITIONAL]
    for name in settings:
        if name not in names:
            from difflib import get_close_matches

            near = get_close_matches(name, names)
            hint = f"did you mean {near[0]}=?" if near else f"known settings: {', '.join(names)}"
            return Misconfigured(f"unknown setting {name}=", hint=hint)
    for one in known[len(given) :]:
        if one.default is one.empty and one.kind is not one.VAR_POSITIONAL and one.name not in settings:
            return Misconfigured(f"{one.name} is missing", hint=_HINTS.get(one.name))
    return None


_HINTS = {
    "issuer": "the issuer's domain or URL; rightkey.ANY, with keys=, to accept every issuer",
    "audience": "the API's identifier at the issuer; rightkey.ANY to accept tokens meant for any audience",
}
