"""Django REST framework: an authentication class, and permissions that ask for what a token grants.

    REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": ["rightkey.integrations.drf.RightKeyAuthentication"],
        "EXCEPTION_HANDLER": "rightkey.integrations.drf.exception_handler",
    }

    class Appointments(APIView):
        permission_classes = [Requires("read:x")]

Settings are those of `rightkey.integrations.django`, whose middleware is not needed here.
"""

from __future__ import annotations

from typing import Any

from rest_framework import views
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from rightkey.errors import RightkeyError, TokenRejected
from rightkey.integrations.asking import require_granted
from rightkey.integrations.bearer import Refusal
from rightkey.integrations.django import bearer, verify
from rightkey.integrations.wsgi import raw_token
from rightkey.requirements import Requirement, required
from rightkey.verdict.verified import Verified


class TokenUser:
    """Whom a token speaks of, without a row in a database. `token` is all of it."""

    is_authenticated = is_active = True
    is_anonymous = is_staff = is_superuser = False

    def __init__(self, token: Verified) -> None:
        self.token = token

    @property
    def pk(self) -> str:
        """The token's subject; throttles tell users apart by it."""
        return self.token.subject or ""

    @property
    def username(self) -> str:
        """The token's subject."""
        return self.pk

    def __str__(self) -> str:
        return self.pk


class Refused(APIException):
    """What is answered instead of a view's answer, in REST framework's terms."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(dict(refusal.body), refusal.body["code"])
        self.status_code = refusal.status
        headers = refusal.headers
        self.auth_header = headers.get("WWW-Authenticate")
        self.wait = int(headers["Retry-After"]) if "Retry-After" in headers else None


class RightKeyAuthentication(BaseAuthentication):
    """`request.auth` is the verified token, `request.user` whom it speaks of.

    A request without a token is left to other authentication classes, and to permissions; a bad one is
    refused.
    """

    def authenticate(self, request: Request) -> tuple[TokenUser, Verified] | None:
        """User and token; None where there is no token. Raises Refused."""
        try:
            raw = raw_token(bearer(), request.META, optional=True)
            token = None if raw is None else verify()(raw)
        except RightkeyError as error:
            raise Refused(bearer().refusal(error)) from error
        return None if token is None else (TokenUser(token), token)

    def authenticate_header(self, request: Request) -> str:
        """The challenge where a permission wants somebody and there is no token: 401, and not 403."""
        missing = TokenRejected("token_missing", "no token was given")
        return bearer().refusal(missing).headers["WWW-Authenticate"]


def Requires(*asked: str | Requirement) -> type[BasePermission]:  # noqa: N802 - it makes a class
    """A permission for who has a token that grants all of this.

    It refuses by itself, with a challenge that says what is missing, which REST framework's own refusal has
    no place for. So alternatives are `Requires(any_of(...))`; after `|` it may stand, before it not.

    Raises:
        Misconfigured: something else than a string or a requirement.
    """
    requirement = required(asked)

    class Required(BasePermission):
        def has_permission(self, request: Request, view: Any) -> bool:
            token = request.auth if isinstance(request.auth, Verified) else None
            try:
                require_granted(token, requirement)
            except RightkeyError as error:
                raise Refused(bearer().refusal(error, requirement)) from error
            return True

    return Required


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's own, for errors of ours too, such as by `request.auth.require(...)` in a view."""
    if isinstance(error, RightkeyError):
        error = Refused(bearer().refusal(error))
    return views.exception_handler(error, context)
