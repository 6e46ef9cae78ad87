"""Django REST framework: an authentication class, and permissions that ask for what a token grants.

    REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": ["rightkey.integrations.drf.RightKeyAuthentication"],
        "EXCEPTION_HANDLER": "rightkey.integrations.drf.exception_handler",
    }

    class Appointments(APIView):
        permission_classes = [Requires("read:x")]

Settings are those of `rightkey.integrations.djangoconf`, whose middleware is not needed here. Where
drf-spectacular is in use, its document shows how requests carry their tokens.
"""

from __future__ import annotations

import sys
from typing import Any

from rightkey.errors import RightkeyError, TokenRejected
from rightkey.integrations.bearer import Refusal, user_key
from rightkey.integrations.djangoconf import credential, refusal_of, user_of, verifier, verify
from rightkey.integrations.settings import extra
from rightkey.integrations.views import require_granted
from rightkey.integrations.wsgi import is_cors_preflight
from rightkey.requirements import Requirement, required
from rightkey.verdict.verified import Verified
from rightkey.verifier.several import Several

with extra("drf"):
    from asgiref.sync import async_to_sync, iscoroutinefunction
    from rest_framework import views
    from rest_framework.authentication import BaseAuthentication
    from rest_framework.exceptions import APIException
    from rest_framework.permissions import BasePermission
    from rest_framework.request import Request
    from rest_framework.response import Response


class TokenUser:
    """The subject of a token, without a row in a database. `token` is all of it. `several`: whether the
    verifier has several issuers, of which two may have the same subject."""

    is_authenticated = is_active = True
    is_anonymous = is_staff = is_superuser = False

    def __init__(self, token: Verified, several: bool = False) -> None:
        self.token, self._several = token, several

    @property
    def pk(self) -> str:
        """What throttles tell users apart by: the token's subject, with several issuers behind the issuer
        and a `#`."""
        return user_key(self.token, self._several)

    @property
    def username(self) -> str:
        """The token's subject."""
        return self.token.subject or ""

    def __str__(self) -> str:
        return self.username


class Refused(APIException):
    """The answer instead of a view's, in REST framework's terms."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(dict(refusal.body), refusal.body["code"])
        self.status_code = refusal.status
        headers = refusal.headers
        self.auth_header = headers.get("WWW-Authenticate")
        self.wait = int(headers["Retry-After"]) if "Retry-After" in headers else None


class RightKeyAuthentication(BaseAuthentication):
    """`request.auth` is the verified token; `request.user` is the user that `RIGHTKEY_USER` knows for it, or
    without that setting a TokenUser.

    A request without a token is left to other authentication classes and to permissions; a bad token is
    refused.
    """

    def __init__(self) -> None:
        if "drf_spectacular.extensions" in sys.modules:  # and it wants to know the scheme of this one
            import rightkey.integrations.spectacular  # noqa: F401

    def authenticate(self, request: Request) -> tuple[Any, Verified] | None:
        """User and token; None where there is no token. Raises Refused."""
        try:
            found = credential(request, optional=True)
            token = None if found is None else found.verified(verify())
            return None if token is None else (_user_of(token), token)
        except RightkeyError as error:
            raise Refused(refusal_of(error)) from error

    def authenticate_header(self, request: Request) -> str:
        """The challenge where a permission refuses a request without a token: 401, and not 403."""
        missing = TokenRejected("token_missing", "no token was given")
        return refusal_of(missing).headers["WWW-Authenticate"]


def Requires(*asked: str | Requirement) -> type[BasePermission]:  # noqa: N802 - it makes a class
    """A permission class: the token must grant all of these.

    It refuses by itself, with a challenge that says what is missing: REST framework's own refusal cannot. So
    alternatives are `Requires(any_of(...))`; it may stand after `|`, but not before. CORS preflights pass
    where REST framework itself answers them.

    Raises:
        Misconfigured: something else than a string or a requirement.
    """
    requirement = required(asked)

    class Required(BasePermission):
        def has_permission(self, request: Request, view: Any) -> bool:
            if (
                is_cors_preflight(request.META)
                and getattr(type(view), "options", None) is views.APIView.options
            ):
                return True
            token = request.auth if isinstance(request.auth, Verified) else None
            try:
                require_granted(token, requirement)
            except RightkeyError as error:
                raise Refused(refusal_of(error, requirement)) from error
            return True

    return Required


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's own handler, for errors of ours too, such as by `request.auth.require(...)`."""
    if isinstance(error, RightkeyError):
        error = Refused(refusal_of(error))
    return views.exception_handler(error, context)


def _user_of(token: Verified) -> Any:
    """None, or the anonymous user, is not signed in, whatever the token says."""
    find = user_of()
    if find is None:
        return TokenUser(token, isinstance(verifier(), Several))
    user = (async_to_sync(find) if iscoroutinefunction(find) else find)(token)
    return user if getattr(user, "is_active", True) else None
