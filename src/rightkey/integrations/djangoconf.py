"""What Django's settings say: which verifier, where tokens are, which paths are public, who the user is.

Settings count over environment variables of the same name. Five are not variables:

    RIGHTKEY_VERIFIER   a verifier that there is, instead of one by settings
    RIGHTKEY_BEARER     where requests carry tokens, and what challenges say
    RIGHTKEY_OPTIONAL   whether views that ask for nothing take requests without a token
    RIGHTKEY_PUBLIC     paths that need no token, each exactly as Django routes it (`request.path_info`)
    RIGHTKEY_USER       a function, or its dotted path: the user of a verified token, or None

A system check (`manage.py check`) says which of them is wrong. It is there once a module of the project, or
`INSTALLED_APPS`, names `rightkey.integrations.django`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

from rightkey.errors import Misconfigured, RightkeyError, flag
from rightkey.integrations.bearer import BEARER, Bearer, Refusal
from rightkey.integrations.credential import Credential
from rightkey.integrations.settings import environ_of, extra, paths_of, verifier_from
from rightkey.integrations.wsgi import credential_of
from rightkey.requirements import Requirement
from rightkey.verdict.verified import Verified
from rightkey.verifier.tasks import AsyncVerifier
from rightkey.verifier.threads import Verifier
from rightkey.verifier.variables import PREFIX

with extra("django"):
    from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
    from django.conf import settings
    from django.core import checks
    from django.core.signals import setting_changed
    from django.utils.module_loading import import_string

OWN = tuple(f"{PREFIX}{name}" for name in ("VERIFIER", "BEARER", "OPTIONAL", "PUBLIC", "USER"))


@cache
def verifier() -> Any:
    """The Verifier by the settings, or `RIGHTKEY_VERIFIER`. `verifier().prepare()` fetches its keys before
    serving. Raises Misconfigured."""
    return _verifier_of(Verifier)


@cache
def verify() -> Callable[..., Verified]:
    """How threads verify: an AsyncVerifier by a loop of its own."""
    waiting = verifier().verify
    return async_to_sync(waiting) if iscoroutinefunction(waiting) else waiting


@cache
def verify_async() -> Callable[..., Awaitable[Verified]]:
    """How tasks verify: a Verifier in a thread."""
    waiting = _verifier_of(AsyncVerifier).verify
    return waiting if iscoroutinefunction(waiting) else sync_to_async(waiting, thread_sensitive=False)


def bearer() -> Bearer:
    """Where requests carry their tokens, and what challenges say. Raises Misconfigured."""
    given = getattr(settings, "RIGHTKEY_BEARER", BEARER)
    if not isinstance(given, Bearer):
        raise Misconfigured("RIGHTKEY_BEARER must be a Bearer", hint='such as Bearer(cookie("session"))')
    return given


def credential(request: Any, *, optional: bool) -> Credential | None:
    """The token that a request carries, with its proof. Raises as `rightkey.integrations.wsgi` has it."""
    environ, scope = request.META, getattr(request, "scope", {})
    if scope.get("raw_path"):  # which Django does not hand on, behind an ASGI server
        environ.setdefault("RAW_URI", scope["raw_path"].decode("latin-1"))
    return credential_of(bearer(), environ, optional=optional)


def refusal_of(error: RightkeyError, require: Requirement | None = None) -> Refusal:
    """What to answer for an error, to a request that required this."""
    return bearer().beside(verifier()).refusal(error, require)


@cache
def public_paths() -> frozenset[str]:
    """Paths that need no token. Raises Misconfigured."""
    return paths_of(getattr(settings, "RIGHTKEY_PUBLIC", ()))


def optional_everywhere() -> bool:
    """Whether views that ask for nothing take requests without a token. Raises Misconfigured."""
    return flag("RIGHTKEY_OPTIONAL", getattr(settings, "RIGHTKEY_OPTIONAL", False))


@cache
def user_of() -> Callable[[Verified], Any] | None:
    """The function that knows the user of a token, if there is one. Raises Misconfigured."""
    given = getattr(settings, "RIGHTKEY_USER", None)
    try:
        found = import_string(given) if isinstance(given, str) else given
    except ImportError as error:
        raise Misconfigured(f"RIGHTKEY_USER cannot be imported: {error}") from error
    if found is not None and not callable(found):
        raise Misconfigured("RIGHTKEY_USER must be a function or its dotted path")
    return found


def check_settings(**_: Any) -> list[Any]:
    """Django's system check: whether the settings make a verifier."""
    found = []
    for what in (verifier, bearer, public_paths, optional_everywhere, user_of):
        try:
            what()
        except Misconfigured as error:
            found.append(checks.Error(str(error), hint=error.hint, id="rightkey.E001"))
    return found


def _verifier_of(kind: type[Verifier] | type[AsyncVerifier]) -> Any:
    named = {name: getattr(settings, name) for name in dir(settings) if name.startswith(PREFIX)}
    given = getattr(settings, "RIGHTKEY_VERIFIER", None)
    return verifier_from(kind, None, given, {}, _verifier_of, environ_of(named, OWN))


def _changed(*, setting: str, **_: Any) -> None:
    """A test overrides a setting, or is over."""
    if setting.startswith(PREFIX):
        for built in (verifier, verify, verify_async, public_paths, user_of):
            built.cache_clear()


setting_changed.connect(_changed)
checks.register(check_settings, checks.Tags.security)
