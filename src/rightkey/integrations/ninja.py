"""Django Ninja: an authentication class that knows verified tokens, and is in the API's OpenAPI document.

    api = NinjaAPI(auth=RightKey())

    @api.get("/x")
    @require("read:x")
    def read(request): return {"for": request.auth.subject}

Settings are those of `rightkey.integrations.djangoconf`. The middleware is not needed here; with it in place,
operations need no authentication class. `@require`, `@optional` and `@public` stand below Ninja's decorator.
"""

from __future__ import annotations

from typing import Any

from rightkey.errors import RightkeyError
from rightkey.integrations.credential import Credential
from rightkey.integrations.django import (
    access_at,
    known_as,
    known_as_async,
    marked_view,
    operation_of,
    optional,
    public,
    refused,
    require,
)
from rightkey.integrations.djangoconf import bearer, credential, verify, verify_async
from rightkey.integrations.settings import extra
from rightkey.integrations.views import OPTIONAL, PUBLIC
from rightkey.verdict.verified import Verified

with extra("ninja"):
    from django.http import HttpRequest, HttpResponse
    from ninja.security.base import AuthBase

__all__ = ["NO_TOKEN", "RightKey", "optional", "public", "require"]


class _NoToken:
    """Ninja takes what is false for a refusal."""

    def __repr__(self) -> str:
        return "NO_TOKEN"


NO_TOKEN = _NoToken()
"""`request.auth` under `@optional` where the request carries no token; `request.token` is None."""


class RightKey(AuthBase):
    """`request.auth` and `request.token` are the verified token, and `RIGHTKEY_USER` knows `request.user`.

    Errors of rightkey are answered, with their challenge, in operations too. Async operations wait as tasks.

    Raises:
        Misconfigured: a setting is wrong.
    """

    def __init__(self) -> None:
        for name, value in bearer().places[0].scheme.items():
            setattr(self, f"openapi_{name}", value)
        super().__init__()
        self.is_async = True  # whether it is shows at the call

    def __call__(self, request: HttpRequest) -> Any:
        """The verified token, or an awaitable of it in an async operation. Raises RightkeyError."""
        operation = operation_of(request, request.resolver_match.func)
        operation.api.add_exception_handler(RightkeyError, _answered)
        access = access_at(request, operation.view_func)
        request.token = None
        if access == PUBLIC:
            return _awaited(NO_TOKEN) if operation.is_async else NO_TOKEN
        found = credential(request, optional=access == OPTIONAL)
        if operation.is_async:
            return _awaited(NO_TOKEN) if found is None else _known_async(request, found)
        return NO_TOKEN if found is None else _known(request, found)


def _known(request: HttpRequest, found: Credential) -> Verified:
    known_as(request, found.verified(verify()))
    return request.token  # type: ignore[no-any-return]


async def _known_async(request: HttpRequest, found: Credential) -> Verified:
    await known_as_async(request, await found.verified_async(verify_async()))
    return request.token  # type: ignore[no-any-return]


async def _awaited(value: Any) -> Any:
    return value


def _answered(request: HttpRequest, error: Any) -> HttpResponse:
    return refused(error, marked_view(request, request.resolver_match.func))
