"""Strawberry: which fields a request may ask for, by what its token grants.

    app = RightKeyMiddleware(GraphQL(schema), "tenant.eu.auth0.com", audience="...", optional=True)

    @strawberry.type
    class Query:
        @strawberry.field(permission_classes=require("read:appointments"))
        def appointments(self, info: strawberry.Info) -> str: return token_of(info).subject

The integration of the framework that serves the schema verifies the token, and refuses a bad one with 401.
Here it is found in the context of a request: as `token`, if you put it there, or where the middleware of ASGI
or Django left it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from rightkey.errors import InsufficientScope
from rightkey.integrations.settings import extra
from rightkey.integrations.views import present
from rightkey.requirements import AllOf, Requirement, required
from rightkey.verdict.verified import Verified

with extra("strawberry"):
    import strawberry
    from strawberry.permission import BasePermission


class HasToken(BasePermission):
    """The request has a verified token."""

    message = "no token was given"
    error_extensions = {"code": "token_missing"}  # noqa: RUF012 - it is Strawberry's, and none of a class

    def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        return token_or_none(info) is not None


class Grants(BasePermission):
    """The token of the request grants `requirement`. Made by `require`."""

    requirement: ClassVar[AllOf]

    def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        token = token_or_none(info)
        if token is None:
            return False
        try:
            token.require(self.requirement)
        except InsufficientScope:
            return False
        return True


def require(*asked: str | Requirement) -> list[type[BasePermission]]:
    """The `permission_classes` of a field for which the token must grant all of this; without anything named,
    of one that needs no more than a token.

    The error's `extensions` have a `code`: `token_missing`, or `scope_insufficient` and what is `required`.

    Raises:
        Misconfigured: something else than a string or a requirement.
    """
    requirement = required(asked)
    return [HasToken, _granting(requirement)] if requirement.parts else [HasToken]


def token_of(info: strawberry.Info) -> Verified:
    """The verified token of the request. Raises TokenRejected: `token_missing`, there is none."""
    return present(token_or_none(info))


def token_or_none(info: strawberry.Info) -> Verified | None:
    """The same, but None where the request has none."""
    context = info.context
    request = _member(context, "request")
    request = getattr(request, "consumer", request)  # of Channels, which has the scope of an HTTP request
    scope = getattr(request, "scope", None) or {}
    places = (
        _member(context, "token"),
        (scope.get("state") or {}).get("token"),
        scope.get("auth"),  # Litestar
        getattr(request, "token", None),  # Django
    )
    return next((one for one in places if isinstance(one, Verified)), None)


@cache
def _granting(requirement: AllOf) -> type[Grants]:
    """One class a requirement: Strawberry tells them apart by name."""
    wanted = requirement.parts[0] if len(requirement.parts) == 1 else requirement
    text = str(wanted)
    members = {
        "__doc__": f"The token grants {text}.",
        "__module__": __name__,
        "requirement": requirement,
        "message": f"the token does not grant {text}",
        "error_extensions": {"code": "scope_insufficient", "required": text},
    }
    words = "".join(word.capitalize() for word in re.findall("[A-Za-z0-9]+", text))
    return type(f"Grants{words}", (Grants,), members)


def _member(context: Any, name: str) -> Any:
    return context.get(name) if isinstance(context, Mapping) else getattr(context, name, None)
