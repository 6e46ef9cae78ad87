"""REST framework's authentication and permissions, by tokens."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client, override_settings
from django.urls import path
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission, IsAdminUser, IsAuthenticated
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView

import rightkey
from rightkey import any_of, role
from rightkey.integrations.bearer import Bearer, cookie
from rightkey.integrations.drf import Requires, RightKeyAuthentication, exception_handler
from rightkey.localissuer import LocalIssuer

AUDIENCE = "https://api.example.com"


class Allowed(BasePermission):
    """For a header that a test sets."""

    def has_permission(self, request: Any, view: Any) -> bool:
        return "X-Allowed" in request.headers


class Somebody(BaseAuthentication):
    """Another way to be known than by a token."""

    def authenticate(self, request: Any) -> tuple[str, None] | None:
        return ("somebody", None) if "X-Allowed" in request.headers else None


class Whose(APIView):
    authentication_classes = (RightKeyAuthentication, Somebody)
    permission_classes: Any = (IsAuthenticated,)

    def get(self, request: Any) -> Response:
        return Response({"user": str(request.user), "scopes": sorted(request.auth.scopes)})

    def get_exception_handler(self) -> Any:
        return exception_handler


class Inner(Whose):
    def get(self, request: Any) -> Response:
        request.auth.require("inner")
        return Response()


class Broken(Whose):
    def get(self, request: Any) -> Response:
        raise ZeroDivisionError


class Throttle(UserRateThrottle):
    rate = "1/day"


def asking(*permissions: Any) -> Any:
    return Whose.as_view(permission_classes=permissions)


URLS = (
    path("", Whose.as_view()),
    path("anybody", asking()),
    path("scoped", asking(Requires("a", "b"))),
    path("either", asking(Requires(any_of("a", role("owner"))))),
    path("both", asking(IsAuthenticated & Requires("a"))),
    path("allowed", asking(Allowed | Requires("a"))),
    path("admin", asking(IsAdminUser)),
    path("inner", Inner.as_view()),
    path("broken", Broken.as_view()),
    path("throttled", Whose.as_view(throttle_classes=[Throttle])),
)


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        of_issuer = {"RIGHTKEY_ISSUER": issuer.url, "RIGHTKEY_AUDIENCE": AUDIENCE}
        with override_settings(ROOT_URLCONF=URLS, MIDDLEWARE=[], **of_issuer):
            yield issuer


def get(where: str, token: str | None = None, **headers: str) -> Any:
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    return Client(raise_request_exception=False).get(where, headers=headers)


def test_user_and_auth_are_the_tokens(issuer: LocalIssuer) -> None:
    """And the user has no special rights."""
    answer = get("/", issuer.token(sub="alice", scope="b a"))
    assert answer.json() == {"user": "alice", "scopes": ["a", "b"]}
    assert get("/admin", issuer.token(sub="alice")).status_code == 403
    request = APIRequestFactory().get("/", headers={"authorization": f"Bearer {issuer.token(sub='alice')}"})
    user, token = RightKeyAuthentication().authenticate(request)  # type: ignore[misc]
    assert (user.username, user.token, user.is_authenticated, user.is_anonymous) == (
        "alice",
        token,
        True,
        False,
    )


def test_no_token_is_401_with_a_challenge_by_every_permission(issuer: LocalIssuer) -> None:
    """REST framework in words of its own, ours with what to ask for."""
    answer = get("/")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    answer = get("/scoped")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer scope="a b"')
    assert answer.json()["code"] == "token_missing"
    with override_settings(RIGHTKEY_BEARER=Bearer(realm="here")):
        assert get("/").headers["www-authenticate"] == 'Bearer realm="here"'


def test_a_bad_token_is_refused_whatever_permissions_say(issuer: LocalIssuer) -> None:
    """As nowhere a bad one passes for none."""
    answer = get("/anybody", issuer.attack("expired"))
    assert (answer.status_code, answer.json()["code"]) == (401, "claims_rejected")
    assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
    answer = get("/anybody", "two tokens")
    assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed")


def test_too_little_is_403_with_the_scope(issuer: LocalIssuer) -> None:
    """And requirements combine, ours by ours and permissions by `&`."""
    answer = get("/scoped", issuer.token(scope="a"))
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_insufficient")
    assert answer.headers["www-authenticate"].endswith('scope="a b"')
    assert get("/scoped", issuer.token(scope="b a")).status_code == 200
    assert get("/either", issuer.token(roles=["owner"])).status_code == 200
    assert get("/either", issuer.token(scope="b")).status_code == 403
    assert get("/both", issuer.token(scope="a")).status_code == 200
    assert get("/both", issuer.token(scope="b")).status_code == 403
    with pytest.raises(rightkey.Misconfigured):
        Requires(5)  # type: ignore[arg-type]


def test_after_another_permission_ours_is_a_choice(issuer: LocalIssuer) -> None:
    """Who passes by the first is not asked."""
    token = issuer.token(scope="b")
    assert get("/allowed", token, **{"X-Allowed": "yes"}).status_code == 200
    assert get("/allowed", token).status_code == 403


def test_who_is_known_by_something_else_has_no_token(issuer: LocalIssuer) -> None:
    """What is asked of tokens is asked of them."""
    assert get("/scoped", **{"X-Allowed": "yes"}).status_code == 401


def test_an_outage_is_503_without_a_challenge(issuer: LocalIssuer) -> None:
    """REST framework is told when to come back."""
    issuer.misbehave("discovery", "html")
    answer = get("/", issuer.token())
    assert (answer.status_code, answer.json()["code"]) == (503, "keys_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert "www-authenticate" not in answer.headers


def test_what_a_view_asks_itself_is_answered_alike(issuer: LocalIssuer) -> None:
    """By the exception handler; other errors are not for us to answer."""
    answer = get("/inner", issuer.token())
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_insufficient")
    assert answer.headers["www-authenticate"].endswith('scope="inner"')
    assert get("/broken", issuer.token()).status_code == 500


def test_users_are_throttled_each(issuer: LocalIssuer) -> None:
    """By their subject."""
    statuses = [get("/throttled", issuer.token(sub=name)).status_code for name in ("alice", "bob", "alice")]
    assert statuses == [200, 200, 429]


def test_users_of_several_issuers_are_told_apart(issuer: LocalIssuer) -> None:
    """Two issuers may have the same subject (RFC 7519, section 4.1.2): neither uses up what the other may."""
    with LocalIssuer(algorithm="ES256") as other:
        both = (rightkey.Trust(one.url, audience=AUDIENCE) for one in (issuer, other))
        with override_settings(RIGHTKEY_VERIFIER=rightkey.Verifier.of(*both)):
            statuses = [
                get("/throttled", one.token(sub="carol")).status_code for one in (issuer, other, issuer)
            ]
            assert get("/", other.token(sub="carol")).json()["user"] == "carol"
            raw = other.token(sub="carol")
            request = APIRequestFactory().get("/", headers={"authorization": f"Bearer {raw}"})
            user, token = RightKeyAuthentication().authenticate(request)  # type: ignore[misc]
    assert statuses == [200, 200, 429]
    assert (user.pk, user.username, token.iss_sub) == (f"{other.url}#carol", "carol", (other.url, "carol"))


def test_a_test_overrides_the_verifier_in_one_line(issuer: LocalIssuer) -> None:
    """As with Django's views."""
    with LocalIssuer(algorithm="ES256") as mine:
        verifier = rightkey.Verifier(mine.url, audience=mine.audience, transport=mine.transport())
        with override_settings(RIGHTKEY_VERIFIER=verifier):
            assert get("/", mine.token()).status_code == 200
        assert get("/", mine.token()).status_code == 401


def user_of(token: rightkey.Verified) -> Any:
    """As a user table has them."""
    if token.subject == "stranger":
        return None
    return SimpleNamespace(is_authenticated=True, is_active=token.subject != "gone", name=token.subject)


async def user_of_async(token: rightkey.Verified) -> Any:
    return user_of(token)


class Named(Whose):
    def get(self, request: Any) -> Response:
        return Response({"name": request.user.name})


@pytest.mark.parametrize("find", [user_of, user_of_async])
def test_a_user_is_known_by_the_token(find: Any, issuer: LocalIssuer) -> None:
    """Of those that are not, none is signed in, though their tokens are good."""
    with override_settings(RIGHTKEY_USER=find, ROOT_URLCONF=(path("", Named.as_view()),)):
        assert get("/", issuer.token(sub="alice")).json() == {"name": "alice"}
        assert get("/", issuer.token(sub="stranger")).status_code == 403
        assert get("/", issuer.token(sub="gone")).status_code == 403


def test_a_refusal_says_what_to_do(issuer: LocalIssuer) -> None:
    """As in all other integrations."""
    for answer in (get("/", "two tokens"), get("/scoped")):
        assert answer.json()["hint"] == "send the header Authorization: Bearer <token>"


def test_openapi_shows_where_a_token_is(issuer: LocalIssuer) -> None:
    """Where drf-spectacular makes the document, and nothing of it was configured for us."""
    from drf_spectacular.generators import SchemaGenerator
    from drf_spectacular.openapi import AutoSchema

    class Shown(Whose):
        schema = AutoSchema()

    for bearer, scheme in (
        (Bearer(), {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}),
        (Bearer(cookie("session")), {"type": "apiKey", "in": "cookie", "name": "session"}),
    ):
        views = [path("shown", Shown.as_view(authentication_classes=[Mine]))]
        with override_settings(RIGHTKEY_BEARER=bearer):
            document = SchemaGenerator(patterns=views).get_schema(request=None, public=True)
        assert document["components"]["securitySchemes"] == {"rightkey": scheme}
        assert document["paths"]["/shown"]["get"]["security"] == [{"rightkey": []}]


class Mine(RightKeyAuthentication):
    """A project's own, made from ours."""
