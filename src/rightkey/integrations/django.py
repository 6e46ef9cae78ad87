"""Django: a middleware that lets verified tokens alone come to views, which say what they ask beyond that.

    MIDDLEWARE = ["rightkey.integrations.django.RightKeyMiddleware"]
    RIGHTKEY_ISSUER = "tenant.eu.auth0.com"
    RIGHTKEY_AUDIENCE = "https://api.example.com"

    @require("read:x")
    async def read(request): return JsonResponse({"for": request.token.subject})

Settings of Django's count over environment variables of the same name. Three are no variables:
`RIGHTKEY_VERIFIER`, a verifier that there is; `RIGHTKEY_BEARER`, where requests carry tokens; and
`RIGHTKEY_OPTIONAL`, whether views that ask for nothing take requests without a token.

The middleware alone verifies, and waits as threads or tasks do. Decorators look at what it found: they may
stand on views of both kinds, and hold no loop up.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache, wraps
from typing import Any, ParamSpec

from asgiref.sync import async_to_sync, iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.core.signals import setting_changed
from django.http import HttpRequest, HttpResponse, JsonResponse

from rightkey.errors import RightkeyError
from rightkey.integrations.asking import (
    OPTIONAL,
    PUBLIC,
    Asks,
    asks_of,
    marked,
    require_granted,
    requirement_of,
)
from rightkey.integrations.bearer import BEARER, Bearer
from rightkey.integrations.building import chosen, environ_of
from rightkey.integrations.wsgi import raw_token
from rightkey.requirements import Requirement, required
from rightkey.verdict.verified import Verified
from rightkey.verifier.environment import PREFIX
from rightkey.verifier.tasks import AsyncVerifier
from rightkey.verifier.threads import Verifier

_P = ParamSpec("_P")

_VERIFIER, _BEARER, _OPTIONAL = "RIGHTKEY_VERIFIER", "RIGHTKEY_BEARER", "RIGHTKEY_OPTIONAL"


class RightKeyMiddleware:
    """A middleware for threads and tasks. Requests that no view answers, such as for a path that there is
    not, go on: it guards views, and comes before each.

    Raises:
        Misconfigured: a setting is wrong.
    """

    sync_capable = async_capable = True
    process_view: Callable[..., Any]

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)
            verify_async()
            self.process_view = self._judged_async
        else:
            verify()
            self.process_view = self._judged

    def __call__(self, request: HttpRequest) -> Any:
        """The response, or what is to be awaited for it."""
        request.token = None
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """What is answered where a view raises an error of ours, such as by `request.token.require(...)`."""
        if not isinstance(error, RightkeyError):
            return None
        return _refused(error, request.resolver_match.func)

    def _judged(self, request: HttpRequest, view: Any, args: Any, named: Any) -> HttpResponse | None:
        try:
            raw = _raw(request, view)
            request.token = None if raw is None else verify()(raw)
        except RightkeyError as error:
            return _refused(error, view)
        return None

    async def _judged_async(
        self, request: HttpRequest, view: Any, args: Any, named: Any
    ) -> HttpResponse | None:
        try:
            raw = _raw(request, view)
            request.token = None if raw is None else await verify_async()(raw)
        except RightkeyError as error:
            return _refused(error, view)
        return None


def require(*asked: str | Requirement) -> Callable[[Callable[_P, Any]], Callable[_P, Any]]:
    """Have a view take requests alone whose token grants all of this. For methods, by `method_decorator`.

    Raises:
        Misconfigured: something else than a string or a requirement.
    """
    requirement = required(asked)
    return lambda view: _asking(view, requirement)


def optional(view: Callable[_P, Any]) -> Callable[_P, Any]:
    """Have a view take requests without a token, too; a bad one is refused all the same."""
    return _asking(view, OPTIONAL)


def public(view: Callable[_P, Any]) -> Callable[_P, Any]:
    """Have a view take any request, and no token be looked for."""
    return _asking(view, PUBLIC)


@cache
def verifier() -> Any:
    """The Verifier that settings say, or what `RIGHTKEY_VERIFIER` is. `verifier().prepare()` has its keys
    fetched before serving. Raises Misconfigured."""
    return _chosen(Verifier)


@cache
def verify() -> Callable[[str], Verified]:
    """How threads verify: an AsyncVerifier by a loop of its own."""
    waiting = verifier().verify
    return async_to_sync(waiting) if iscoroutinefunction(waiting) else waiting


@cache
def verify_async() -> Callable[[str], Awaitable[Verified]]:
    """How tasks verify: a Verifier in a thread."""
    waiting = _chosen(AsyncVerifier).verify
    return waiting if iscoroutinefunction(waiting) else sync_to_async(waiting, thread_sensitive=False)


def bearer() -> Bearer:
    """Where requests carry their tokens, and what challenges say."""
    return getattr(settings, _BEARER, BEARER)


def _chosen(face: type[Verifier] | type[AsyncVerifier]) -> Any:
    own = (_VERIFIER, _BEARER, _OPTIONAL)
    names = [name for name in dir(settings) if name.startswith(PREFIX) and name not in own]
    environ = environ_of({name: getattr(settings, name) for name in names})
    return chosen(face, None, getattr(settings, _VERIFIER, None), {}, environ)


def _changed(*, setting: str, **_: Any) -> None:
    """A test overrides a setting, or is over."""
    if setting.startswith(PREFIX):
        for built in (verifier, verify, verify_async):
            built.cache_clear()


setting_changed.connect(_changed)


def _asking(view: Callable[_P, Any], asks: Asks) -> Callable[_P, Any]:
    """A view that says what it asks: another one, for this one may be in use elsewhere."""

    @wraps(view)
    def asking(*args: _P.args, **named: _P.kwargs) -> Any:
        request: Any = args[0]
        require_granted(request.token, asks)
        return view(*args, **named)

    if iscoroutinefunction(view):
        markcoroutinefunction(asking)
    return marked(asking, asks)


def _raw(request: HttpRequest, view: Any) -> str | None:
    asks = asks_of(view) or (OPTIONAL if getattr(settings, _OPTIONAL, False) else None)
    return None if asks == PUBLIC else raw_token(bearer(), request.META, optional=asks == OPTIONAL)


def _refused(error: RightkeyError, view: Any) -> HttpResponse:
    refusal = bearer().refusal(error, requirement_of(view))
    return JsonResponse(refusal.body, status=refusal.status, headers=refusal.headers)
