"""The Django middleware and its decorators: views of all kinds, settings, and the override in tests."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.http import HttpResponse, JsonResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from tests.integrations.slow import SlowIssuer, Turns

import rightkey
from rightkey.integrations.bearer import Bearer, cookie
from rightkey.integrations.django import optional, public, require, verifier
from rightkey.localissuer import LocalIssuer

AUDIENCE = "https://api.example.com"
GUARD = "rightkey.integrations.django.RightKeyMiddleware"
EITHER = [rightkey.Verifier, rightkey.AsyncVerifier]


def whose(request: Any) -> JsonResponse:
    return JsonResponse({"subject": request.token and request.token.subject})


async def whose_async(request: Any) -> JsonResponse:
    return whose(request)


@require("a", "b")
def scoped(request: Any) -> JsonResponse:
    return whose(request)


def inner(request: Any) -> HttpResponse:
    request.token.require("inner")
    return HttpResponse()


async def broken(request: Any) -> HttpResponse:
    raise ZeroDivisionError


@method_decorator(require("a"), name="dispatch")
class Threads(View):
    def get(self, request: Any) -> JsonResponse:
        return whose(request)


@method_decorator(require("a"), name="dispatch")
class Tasks(View):
    async def get(self, request: Any) -> JsonResponse:
        return whose(request)


class Methods(View):
    async def get(self, request: Any) -> JsonResponse:
        return whose(request)

    @method_decorator(require("a"))
    async def delete(self, request: Any) -> JsonResponse:
        return whose(request)


@method_decorator(public, name="dispatch")
class Open(View):
    def get(self, request: Any) -> JsonResponse:
        return whose(request)


URLS = (
    path("", whose),
    path("async", whose_async),
    path("public", public(whose)),
    path("public-async", public(whose_async)),
    path("optional", optional(whose)),
    path("required", require()(whose)),
    path("scoped", scoped),
    path("inner", inner),
    path("broken", broken),
    path("threads", Threads.as_view()),
    path("tasks", Tasks.as_view()),
    path("methods", Methods.as_view()),
    path("open", Open.as_view()),
)


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


@pytest.fixture
def service(issuer: LocalIssuer) -> Iterator[None]:
    """Django with the views above, before the issuer."""
    of_issuer = {"RIGHTKEY_ISSUER": issuer.url, "RIGHTKEY_AUDIENCE": AUDIENCE}
    with override_settings(ROOT_URLCONF=URLS, MIDDLEWARE=[GUARD], **of_issuer):
        yield


def get_in_threads(where: str, token: str | None = None, method: str = "get") -> Any:
    client = Client(raise_request_exception=False)
    return getattr(client, method)(where, headers=bearer(token))


def get_in_tasks(where: str, token: str | None = None, method: str = "get") -> Any:
    client = AsyncClient(raise_request_exception=False)
    return asyncio.run(getattr(client, method)(where, headers=bearer(token)))


def bearer(token: str | None) -> dict[str, str]:
    return {} if token is None else {"authorization": f"Bearer {token}"}


Get = Callable[..., Any]


@pytest.fixture(params=[get_in_threads, get_in_tasks])
def get(request: pytest.FixtureRequest, service: None) -> Get:
    """Asks the service as it is under WSGI, and under ASGI."""
    return request.param  # type: ignore[no-any-return]


@pytest.mark.parametrize("where", ["/", "/async", "/threads", "/tasks", "/methods", "/required", "/optional"])
def test_every_kind_of_view_learns_whose_token_it_is(where: str, get: Get, issuer: LocalIssuer) -> None:
    """And is not asked with a bad one."""
    assert get(where, issuer.token(sub="alice", scope="a")).json() == {"subject": "alice"}
    assert get(where, issuer.attack("expired")).status_code == 401


@pytest.mark.parametrize("where", ["/", "/async", "/methods", "/required"])
def test_a_view_that_says_nothing_wants_a_token(where: str, get: Get, issuer: LocalIssuer) -> None:
    """Which is told without an error."""
    answer = get(where)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["code"] == "token_missing"


@pytest.mark.parametrize("where", ["/public", "/public-async", "/open"])
def test_a_public_view_takes_any_request(where: str, get: Get, issuer: LocalIssuer) -> None:
    """And no token is looked for. The same view elsewhere is not public by that."""
    assert get(where).json() == get(where, "bad").json() == {"subject": None}
    assert issuer.requests.total == 0
    assert get("/").status_code == get("/async").status_code == 401


def test_where_a_token_is_optional_a_bad_one_is_still_refused(get: Get, issuer: LocalIssuer) -> None:
    """It does not count as none."""
    assert get("/optional").json() == {"subject": None}
    assert get("/optional", "bad token").status_code == 400


@pytest.mark.parametrize("where", ["/threads", "/tasks"])
def test_what_a_class_asks_is_asked_of_all_its_methods(where: str, get: Get, issuer: LocalIssuer) -> None:
    """And said in advance."""
    assert get(where).headers["www-authenticate"] == 'Bearer scope="a"'
    answer = get(where, issuer.token(scope="b"))
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_insufficient")
    assert answer.headers["www-authenticate"].endswith('scope="a"')


def test_a_method_may_ask_for_itself(get: Get, issuer: LocalIssuer) -> None:
    """As `method_decorator` has it."""
    assert get("/methods", issuer.token(scope="b")).status_code == 200
    assert get("/methods", issuer.token(scope="b"), method="delete").status_code == 403
    assert get("/methods", issuer.token(scope="a"), method="delete").status_code == 200


def test_what_a_view_asks_itself_is_answered_alike(get: Get, issuer: LocalIssuer) -> None:
    """With the scope that is missing; other errors are not for us to answer."""
    answer = get("/inner", issuer.token(scope="b"))
    assert answer.status_code == 403
    assert answer.headers["www-authenticate"].endswith('scope="inner"')
    assert get("/scoped").headers["www-authenticate"] == 'Bearer scope="a b"'
    assert get("/broken", issuer.token()).status_code == 500
    with pytest.raises(rightkey.Misconfigured):
        require(5)  # type: ignore[arg-type]


def test_where_there_is_no_view_there_is_nothing_to_guard(get: Get, issuer: LocalIssuer) -> None:
    """It is 404 for all."""
    assert get("/none").status_code == get("/none", issuer.token()).status_code == 404


def test_tokens_may_be_optional_in_the_whole_project(get: Get, issuer: LocalIssuer) -> None:
    """But for views that ask for one."""
    with override_settings(RIGHTKEY_OPTIONAL=True):
        assert get("/").json() == {"subject": None}
        assert get("/", issuer.attack("expired")).status_code == 401
        assert get("/required").headers["www-authenticate"] == "Bearer"
        assert get("/threads").headers["www-authenticate"] == 'Bearer scope="a"'
        assert get("/optional").status_code == 200


def test_public_outside_of_a_requirement_lets_no_request_in(service: None) -> None:
    """No token was looked for, and one is asked for."""
    with override_settings(ROOT_URLCONF=(path("", public(require("a")(whose))),)):
        assert get_in_threads("/").status_code == 401


def test_a_view_that_asks_is_closed_without_the_middleware(issuer: LocalIssuer) -> None:
    """Nothing was verified, and no request is let in; the error says what is missing."""
    with override_settings(ROOT_URLCONF=URLS, MIDDLEWARE=[]):
        assert get_in_threads("/scoped", issuer.token(scope="a b")).status_code == 500
        with pytest.raises(rightkey.Misconfigured) as caught:
            Client().get("/scoped")
    assert "to MIDDLEWARE" in (caught.value.hint or "")


def threads_only(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda request: get_response(request)


def test_another_middleware_may_know_threads_alone(service: None, issuer: LocalIssuer) -> None:
    """Then Django has ours run in one, too, though the server is asynchronous."""
    for guards in ([GUARD, f"{__name__}.threads_only"], [f"{__name__}.threads_only", GUARD]):
        with override_settings(MIDDLEWARE=guards):
            assert get_in_tasks("/async", issuer.token(sub="alice")).json() == {"subject": "alice"}
            assert get_in_tasks("/async").status_code == 401


def test_settings_count_and_the_environment_where_they_do_not(
    issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As settings have it: texts, numbers and lists."""
    monkeypatch.setenv("RIGHTKEY_ISSUER", issuer.url)
    monkeypatch.setenv("RIGHTKEY_LEEWAY", "five")
    with override_settings(
        ROOT_URLCONF=URLS,
        MIDDLEWARE=[GUARD],
        RIGHTKEY_AUDIENCE=["other", AUDIENCE],
        RIGHTKEY_LEEWAY=0,
        RIGHTKEY_OPTIONAL=False,
    ):
        assert get_in_threads("/", issuer.token(sub="alice")).json() == {"subject": "alice"}
        with override_settings(RIGHTKEY_LEEWAY=900):
            for start in (WSGIHandler, ASGIHandler):
                with pytest.raises(rightkey.Misconfigured, match="RIGHTKEY_LEEWAY"):
                    start()
        with override_settings(RIGHTKEY_OPTIONAL="false"):
            for start in (WSGIHandler, ASGIHandler):
                with pytest.raises(rightkey.Misconfigured, match="RIGHTKEY_OPTIONAL must be True or False"):
                    start()
            assert "RIGHTKEY_OPTIONAL" in str(checks.run_checks(tags=[checks.Tags.security]))


@pytest.mark.parametrize("face", EITHER)
def test_a_test_overrides_the_verifier_in_one_line(face: Any, get: Get) -> None:
    """Between one request and the next, by one of either kind; afterwards all is as before."""
    with LocalIssuer(algorithm="ES256") as mine:
        raw = mine.token(sub="alice")
        with override_settings(
            RIGHTKEY_VERIFIER=face(mine.url, audience=mine.audience, transport=mine.transport())
        ):
            assert get("/", raw).json() == {"subject": "alice"}
        assert get("/", raw).json()["code"] == "issuer_not_trusted"


def test_a_client_that_has_asked_before_sees_the_override(service: None, issuer: LocalIssuer) -> None:
    """Its middleware was built under other settings."""
    client = Client()
    assert client.get("/", headers=bearer(issuer.token())).status_code == 200
    with LocalIssuer(algorithm="ES256") as mine:
        with override_settings(RIGHTKEY_VERIFIER=rightkey.Verifier(mine.url, audience=mine.audience)):
            assert client.get("/", headers=bearer(mine.token())).status_code == 200
        assert client.get("/", headers=bearer(mine.token())).status_code == 401


def test_keys_are_there_before_the_first_request_by_choice(service: None, issuer: LocalIssuer) -> None:
    """Else nothing is asked for before the first token. Threads and tasks share what was fetched."""
    WSGIHandler()
    assert issuer.requests.total == 0
    verifier().prepare()
    assert get_in_threads("/", issuer.token()).status_code == 200
    assert get_in_tasks("/", issuer.token()).status_code == 200
    assert issuer.requests["jwks"] == 1


def test_a_cookie_carries_by_choice(get: Get, issuer: LocalIssuer) -> None:
    """Then the Authorization header is not looked at."""
    raw = issuer.token(sub="alice")
    with override_settings(RIGHTKEY_BEARER=Bearer(cookie("session"), realm="here")):
        assert get("/", raw).headers["www-authenticate"] == 'Bearer realm="here"'
        client = Client()
        client.cookies["session"] = raw
        assert client.get("/").json() == {"subject": "alice"}


def test_paths_may_be_public(get: Get, issuer: LocalIssuer) -> None:
    """For views that cannot be marked; what a view requires is asked all the same."""
    with override_settings(RIGHTKEY_PUBLIC=["/async", "/scoped"]):
        assert get("/async").json() == get("/async", "bad token").json() == {"subject": None}
        assert get("/").status_code == get("/async/").status_code - 3 == 401
        assert get("/scoped").status_code == 401
    assert get("/async").status_code == 401


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"RIGHTKEY_PUBLIC": "/async"}, "public must be a list of paths"),
        ({"RIGHTKEY_BEARER": cookie("session")}, "RIGHTKEY_BEARER must be a Bearer"),
        ({"RIGHTKEY_USER": "nowhere.function"}, "RIGHTKEY_USER cannot be imported"),
        ({"RIGHTKEY_USER": f"{__name__}.AUDIENCE"}, "RIGHTKEY_USER"),
        ({"RIGHTKEY_USER": 5}, "RIGHTKEY_USER must be a function"),
        ({"RIGHTKEY_AUDIENCE": ""}, "RIGHTKEY_AUDIENCE is not set"),
        ({"RIGHTKEY_AUDIENC": "a"}, "RIGHTKEY_AUDIENC"),
        ({"RIGHTKEY_PUBLICS": ["/a"]}, "unknown setting RIGHTKEY_PUBLICS"),
        ({"RIGHTKEY_LEEWAY": 900}, "RIGHTKEY_LEEWAY"),
    ],
)
def test_the_system_check_says_what_is_wrong(service: None, wrong: dict[str, Any], told: str) -> None:
    """Before the first request does: `manage.py check` fails. (Some of Django's own checks are there only
    once a test has loaded what they are for, and then fail by themselves.)"""
    call_command("check", tags=["security"])
    with (
        override_settings(**wrong),
        pytest.raises(SystemCheckError, match=re.escape(told)) as caught,
    ):
        call_command("check", tags=["security"])
    assert "rightkey.E001" in str(caught.value)


@pytest.mark.slow
def test_the_system_check_is_there_for_an_application(tmp_path: Path) -> None:
    """That names the integration in `INSTALLED_APPS`, and imports nothing of it before a request."""
    settings = tmp_path / "its_settings.py"
    settings.write_text(
        "SECRET_KEY = 'x'\nINSTALLED_APPS = ['rightkey.integrations.django']\n"
        f"MIDDLEWARE = [{GUARD!r}]\nRIGHTKEY_ISSUER = 'tenant.example'\n"
    )
    command = [sys.executable, "-m", "django", "check", "--settings", "its_settings"]
    given = {**os.environ, "PYTHONPATH": str(tmp_path)}
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=given)
    assert run.returncode == 1
    assert "(rightkey.E001) RIGHTKEY_AUDIENCE is not set" in run.stderr


class Person:
    """As a user table has them."""

    is_authenticated = True

    def __init__(self, name: str, *, active: bool = True) -> None:
        self.name, self.is_active = name, active


def person(token: rightkey.Verified) -> Person | None:
    """By the token's subject."""
    if token.subject == "stranger":
        return None
    if token.subject == "banned":
        raise rightkey.TokenRejected("claims_rejected", "no such user")
    return Person(token.subject or "", active=token.subject != "gone")


async def person_async(token: rightkey.Verified) -> Person | None:
    return person(token)


def who(request: Any) -> JsonResponse:
    return JsonResponse({"name": getattr(request.user, "name", str(request.user))})


async def who_async(request: Any) -> JsonResponse:
    user = await request.auser()
    return JsonResponse({"name": getattr(user, "name", str(user))})


def signed_in_by_session(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """As AuthenticationMiddleware does."""

    def middleware(request: Any) -> Any:
        request.user = Person("of the session")
        return get_response(request)

    return middleware


@pytest.mark.parametrize("find", [person, person_async, f"{__name__}.person"])
def test_a_user_is_known_by_the_token(find: Any, get: Get, issuer: LocalIssuer) -> None:
    """In views of both kinds, by a function of either kind, whatever a session says."""
    urls = (path("", who), path("async", who_async))
    guards = [f"{__name__}.signed_in_by_session", GUARD]
    with override_settings(ROOT_URLCONF=urls, RIGHTKEY_USER=find, MIDDLEWARE=guards):
        for where in ("/", "/async"):
            assert get(where, issuer.token(sub="alice")).json() == {"name": "alice"}
            assert get(where, issuer.token(sub="stranger")).json() == {"name": "None"}
            assert get(where, issuer.token(sub="gone")).json() == {"name": "None"}
            answer = get(where, issuer.token(sub="banned"))
            assert (answer.status_code, answer.json()["message"]) == (401, "no such user")


def test_without_a_user_a_request_is_anonymous(get: Get, issuer: LocalIssuer) -> None:
    """As Django's own authentication has it, where that is there."""
    theirs = ["django.contrib.auth", "django.contrib.contenttypes"]
    urls = (path("", who), path("async", who_async))
    with override_settings(ROOT_URLCONF=urls, RIGHTKEY_USER=person, INSTALLED_APPS=theirs):
        for where in ("/", "/async"):
            assert get(where, issuer.token(sub="gone")).json() == {"name": "AnonymousUser"}


def test_without_a_user_of_its_own_a_token_signs_no_user_in(get: Get, issuer: LocalIssuer) -> None:
    """What other middlewares say of the user stays."""
    with override_settings(
        ROOT_URLCONF=(path("", who),), MIDDLEWARE=[f"{__name__}.signed_in_by_session", GUARD]
    ):
        assert get("/", issuer.token(sub="alice")).json() == {"name": "of the session"}


@pytest.mark.slow
@pytest.mark.parametrize("given", [None, *EITHER])
def test_nothing_of_ours_holds_the_loop_up(given: Any) -> None:
    """While the keys of a slow issuer are waited for, whichever verifier there is, and behind decorators."""
    turns = Turns()
    with SlowIssuer(turns, more=25, seconds=3.0) as issuer:
        own = {"RIGHTKEY_ISSUER": issuer.url, "RIGHTKEY_AUDIENCE": AUDIENCE}
        if given is not None:
            own = {"RIGHTKEY_VERIFIER": given(issuer.url, audience=AUDIENCE)}
        with override_settings(ROOT_URLCONF=URLS, MIDDLEWARE=[GUARD], **own):
            status = asyncio.run(watched("/tasks", issuer.token(scope="a"), turns))
    assert status == 200
    assert turns.made > 40  # of which each of two answers waited for 25


async def watched(where: str, token: str, turns: Turns) -> int:
    """The status. The turns of 5 ms that the loop makes meanwhile are counted."""
    asking = asyncio.create_task(AsyncClient().get(where, headers=bearer(token)))
    await turns.during(asking, 0.005)
    return (await asking).status_code
