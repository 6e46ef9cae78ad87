"""Django: a middleware that lets only verified tokens reach views, which say what they ask beyond that.

    MIDDLEWARE = ["rightkey.integrations.django.RightKeyMiddleware"]
    RIGHTKEY_ISSUER = "tenant.eu.auth0.com"
    RIGHTKEY_AUDIENCE = "https://api.example.com"

    @require("read:x")
    async def read(request): return JsonResponse({"for": request.token.subject})

All settings are in `rightkey.integrations.djangoconf`. Only the middleware verifies, and it waits as threads
or tasks do. Decorators look at what it found: they fit views of both kinds, and operations of Ninja, and
never hold up a loop.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from inspect import unwrap
from typing import Any, TypeVar

from rightkey.errors import Misconfigured, RightkeyError
from rightkey.integrations.credential import Credential
from rightkey.integrations.djangoconf import (
    credential,
    optional_everywhere,
    public_paths,
    refusal_of,
    user_of,
    verifier,
    verify,
    verify_async,
)
from rightkey.integrations.settings import extra
from rightkey.integrations.views import OPTIONAL, PUBLIC, Access, Decorators, access_of, requirement_of
from rightkey.integrations.wsgi import is_cors_preflight
from rightkey.verdict.verified import Verified

with extra("django"):
    from asgiref.sync import async_to_sync, iscoroutinefunction, markcoroutinefunction, sync_to_async
    from django.apps import apps
    from django.http import HttpRequest, HttpResponse, JsonResponse

__all__ = ["RightKeyMiddleware", "optional", "public", "require", "verifier"]

_View = TypeVar("_View", bound=Callable[..., Any])


class RightKeyMiddleware:
    """A middleware for threads and tasks. It guards views, and runs just before each: requests that no view
    answers, such as for a path that does not exist, go on. A CORS preflight is answered in the view's place.

    Raises:
        Misconfigured: a setting is wrong.
    """

    sync_capable = async_capable = True
    process_view: Callable[..., Any]

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        public_paths()
        optional_everywhere()
        user_of()
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)
            verify_async()
            self.process_view = self._judged_async
        else:
            verify()
            self.process_view = self._judged

    def __call__(self, request: HttpRequest) -> Any:
        """The response, or an awaitable of it."""
        request.token = None
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The answer where a view raises an error of ours, such as by `request.token.require(...)`."""
        if not isinstance(error, RightkeyError):
            return None
        return refused(error, marked_view(request, request.resolver_match.func))

    def _judged(self, request: HttpRequest, view: Any, args: Any, named: Any) -> HttpResponse | None:
        view = marked_view(request, view)
        try:
            found = _found(request, view)
            if isinstance(found, Credential):
                known_as(request, found.verified(verify()))
        except RightkeyError as error:
            return refused(error, view)
        return found if isinstance(found, HttpResponse) else None

    async def _judged_async(
        self, request: HttpRequest, view: Any, args: Any, named: Any
    ) -> HttpResponse | None:
        view = marked_view(request, view)
        try:
            found = _found(request, view)
            if isinstance(found, Credential):
                await known_as_async(request, await found.verified_async(verify_async()))
        except RightkeyError as error:
            return refused(error, view)
        return found if isinstance(found, HttpResponse) else None


def marked_view(request: HttpRequest, view: Any) -> Any:
    """What has the mark of a request's access: the view, or of Ninja's views the operation for the method."""
    if getattr(view, "__module__", None) != "ninja.operation":
        return view
    operation = operation_of(request, view)
    return view if operation is None else operation.view_func


def operation_of(request: HttpRequest, view: Any) -> Any:
    """Of a view of Ninja's, the operation for the request's method; None where there is none."""
    operations = _path_view(view).operations
    return next((one for one in operations if request.method in one.methods), None)


def access_at(request: HttpRequest, view: Any) -> Access | None:
    """What is asked of a request: by the view's mark, or the settings."""
    if request.path_info in public_paths():
        return PUBLIC
    return access_of(view) or (OPTIONAL if optional_everywhere() else None)


def known_as(request: HttpRequest, token: Verified) -> None:
    """The request's token and, where `RIGHTKEY_USER` knows one, its user."""
    request.token = token
    find = user_of()
    if find is not None:
        _sign_in(request, (async_to_sync(find) if iscoroutinefunction(find) else find)(token))


async def known_as_async(request: HttpRequest, token: Verified) -> None:
    """As `known_as`; a function for threads runs in Django's own, where its database connections are."""
    request.token = token
    find = user_of()
    if find is not None:
        _sign_in(request, await (find if iscoroutinefunction(find) else sync_to_async(find))(token))


def refused(error: RightkeyError, view: Any) -> HttpResponse:
    """The answer to a request for this view."""
    refusal = refusal_of(error, requirement_of(view))
    return JsonResponse(refusal.body, status=refusal.status, headers=refusal.headers)


def public(view: _View) -> _View:
    """Let a view take any request; no token is looked for."""
    opened = _DECORATORS.public(view)
    callbacks = [*getattr(view, _OF_NINJA, ()), _unguard]
    setattr(opened, _OF_NINJA, callbacks)  # Ninja calls each with the operation
    return opened


def _token_of(request: Any) -> Verified | None:
    try:
        token: Verified | None = request.token
    except AttributeError:
        raise Misconfigured(
            "the view asks for a token, and nothing verifies it",
            hint="add rightkey.integrations.django.RightKeyMiddleware to MIDDLEWARE",
        ) from None
    return token


_DECORATORS = Decorators(_token_of)
require, optional = _DECORATORS.require, _DECORATORS.optional
_OF_NINJA = "_ninja_contribute_to_operation"


def _found(request: HttpRequest, view: Any) -> Credential | HttpResponse | None:
    """The token that a request carries; None where it needs none; the answer to a CORS preflight, which never
    reaches a view that may take any method for the same."""
    access = access_at(request, view)
    if access == PUBLIC:
        return None
    if is_cors_preflight(request.META):
        return HttpResponse(headers={"Allow": "OPTIONS"})
    return credential(request, optional=access == OPTIONAL)


def _sign_in(request: HttpRequest, user: Any) -> None:
    """As Django's own AuthenticationMiddleware has it. Without an active user the request is anonymous,
    whatever a session says."""
    if user is None or not getattr(user, "is_active", True):
        user = _anonymous()

    async def auser() -> Any:
        return user

    request.user, request.auser = user, auser


def _anonymous() -> Any:
    if not apps.is_installed("django.contrib.auth"):
        return None
    from django.contrib.auth.models import AnonymousUser

    return AnonymousUser()


@cache
def _path_view(view: Any) -> Any:
    """What a view of Ninja's stands for: its views are closures, or methods of it."""
    inside = unwrap(view)
    cells = dict(zip(inside.__code__.co_freevars, inside.__closure__ or (), strict=True))
    return inside.__self__ if hasattr(inside, "__self__") else cells["self"].cell_contents


def _unguard(operation: Any) -> None:
    """An operation of Ninja's without authentication, as by `auth=None`."""
    operation.auth_param, operation.auth_callbacks = None, []
