"""A person signs in with a browser: Chromium, an application with Authlib's client, and `rightkey issuer`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rightkey import AsyncVerifier
from rightkey.localissuer import LocalIssuer

pytestmark = pytest.mark.slow
oauth_client = pytest.importorskip("authlib.integrations.starlette_client")
pytest.importorskip("playwright.sync_api")


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A window without cookies, in which no page breaks its own content security policy."""
    with browser.new_context() as context:
        page, complaints = context.new_page(), list[str]()
        page.on("console", lambda message: complaints.append(message.text))
        page.set_default_timeout(60_000)
        yield page
        assert [text for text in complaints if "Security Policy" in text] == []


@pytest.fixture
def told(command_line_issuer: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """What the issuer says of itself."""
    return command_line_issuer("--dress", "plain", "--alg", "ES256")


def application(told: dict[str, Any]) -> Starlette:
    """Signs people in by code and PKCE, and shows what it got to know."""
    oauth = oauth_client.OAuth()
    oauth.register(
        "issuer",
        client_id="shop",
        client_secret="any",
        server_metadata_url=told["metadata_url"],
        client_kwargs={
            "scope": "openid email",
            "code_challenge_method": "S256",
            "trust_env": False,
            "timeout": 60,
        },
    )
    verifier = AsyncVerifier(told["issuer"], audience=told["audience"])

    async def login(request: Request) -> Response:
        answer: Response = await oauth.issuer.authorize_redirect(request, request.url_for("back"))
        return answer

    async def back(request: Request) -> Response:
        try:
            brought = await oauth.issuer.authorize_access_token(request)
        except oauth_client.OAuthError as error:
            return JSONResponse({"refused": error.error})
        access = await verifier.verify(brought["access_token"])
        asked = await oauth.issuer.userinfo(token=brought)
        return JSONResponse({"id": brought["userinfo"], "api": access.subject, "told": asked})

    return Starlette(
        routes=[Route("/login", login), Route("/back", back)],
        middleware=[Middleware(SessionMiddleware, secret_key="of this test")],
    )


@pytest.fixture
def login(told: dict[str, Any], looped: Callable[[Any], Any]) -> str:
    """Where the application begins."""
    return f"{looped(application(told)).url}/login"


def shown(page: Any) -> dict[str, Any]:
    page.wait_for_url("**/back?*")
    found: dict[str, Any] = json.loads(page.locator("pre").inner_text())
    return found


def test_signing_in_is_one_click(page: Any, login: str) -> None:
    """The proposed user is signed in; application, API and user info know the same person."""
    page.goto(login)
    assert page.title() == "Sign in"
    page.get_by_role("button", name="Sign in").click()
    known = shown(page)
    assert (known["id"]["sub"], known["api"], known["told"]["sub"]) == ("alice", "alice", "alice")
    assert known["id"]["aud"] == "shop"


def test_anybody_with_any_claims(page: Any, login: str) -> None:
    """What is typed comes back in the ID token; what is no JSON is said, and what was typed stays."""
    page.goto(login)
    page.get_by_label("User").fill("zoë <b>")
    page.get_by_label("Further claims").fill("{")
    page.get_by_role("button", name="Sign in").click()
    assert "not a JSON object" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("User").input_value() == "zoë <b>"
    assert page.get_by_label("Further claims").input_value() == "{"
    page.get_by_label("Further claims").fill('{"email": "z@example.com"}')
    page.get_by_label("User").press("Enter")
    known = shown(page)
    assert (known["id"]["sub"], known["id"]["email"]) == ("zoë <b>", "z@example.com")


def test_a_person_may_refuse(page: Any, login: str) -> None:
    """The application is told so."""
    page.goto(login)
    page.get_by_role("button", name="Refuse").click()
    assert shown(page) == {"refused": "access_denied"}


@pytest.mark.parametrize("width", [320, 1280])
def test_pages_fit(page: Any, login: str, width: int) -> None:
    """A telephone as a desk: nothing is cut off, and fields are as wide as the text."""
    page.set_viewport_size({"width": width, "height": 640})
    page.goto(login)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    boxes = [page.locator(name).bounding_box() for name in ("h1", "input:not([type])", "textarea")]
    assert len({(box["x"], box["width"]) for box in boxes}) == 1


def press(page: Any, name: str) -> None:
    """Press a button, and wait for the page that comes of it: what is chosen on this one would be lost."""
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_front_page_fits_and_its_buttons_work(browser: Any, width: int, scheme: str) -> None:
    """Narrow, wide and dark, without a complaint of its policy; a press of a button is done once."""
    with (
        LocalIssuer(algorithm="ES256", dress="keycloak") as issuer,
        browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme) as context,
    ):
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page, complaints = context.new_page(), list[str]()
        page.on("console", lambda message: complaints.append(message.text))
        page.set_default_timeout(60_000)
        page.goto(f"{issuer.address.origin}/")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.get_by_role("button", name="Copy").click()
        page.get_by_text("Copied").wait_for()
        token = page.evaluate("navigator.clipboard.readText()")
        assert token == page.get_by_role("textbox", name="Token").input_value()
        following = issuer.next
        press(page, "Rotate")
        press(page, "Revoke")
        page.get_by_label("Endpoint").select_option("token")
        page.get_by_label("For").select_option("until behave")
        press(page, "reset")
        page.get_by_role("cell", name="until behave").wait_for()
        page.reload()
        assert (issuer.current, len(issuer.keys), len(issuer.revoked)) == (following, 2, 1)
        assert [rule["endpoint"] for rule in issuer.planned] == ["token"]
        colours = page.evaluate("getComputedStyle(document.documentElement).colorScheme")
        assert scheme in colours
        assert [text for text in complaints if "favicon" not in text and "404" not in text] == []
