"""Swagger's *Authorize* logs in: Chromium, Swagger UI as it is published, FastAPI's page, `rightkey issuer`.

Annotations are not postponed: FastAPI would look for what they name among globals.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Security

from rightkey import Verified
from rightkey.integrations.fastapi import RightKey

playwright = pytest.importorskip("playwright.sync_api")

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
if CHROMIUM is None:
    pytest.skip("there is no Chromium", allow_module_level=True)
UI = Path(__file__).parents[1] / "node" / "node_modules" / "swagger-ui-dist"
if not UI.exists():
    pytest.skip("Swagger UI is not here: npm ci --prefix tests/node", allow_module_level=True)
pytestmark = pytest.mark.slow


@pytest.fixture
def page() -> Iterator[Any]:
    """A window that finds Swagger UI here, and not where FastAPI's page loads it from."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments, timeout=120_000)
        context = browser.new_context()
        context.route(re.compile("^https:"), lambda route: route.fulfill(path=UI / named(route.request.url)))
        page = context.new_page()
        page.set_default_timeout(60_000)
        yield page
        browser.close()


def named(url: str) -> str:
    """The published file that a page asks for."""
    return url.rpartition("/")[2].replace("favicon.png", "favicon-32x32.png")


def test_authorize_logs_in_and_routes_take_its_token(
    page: Any, command_line_issuer: Callable[..., dict[str, Any]], served: Callable[[Any], str]
) -> None:
    """With PKCE, by a client without a secret; with the scopes that were chosen and no others."""
    told = command_line_issuer("--dress", "plain", "--alg", "ES256")
    auth = RightKey(told["issuer"], audience=told["audience"])
    auth.login("swagger", scopes={"read:x": "see", "write:x": "change"})
    app = FastAPI(lifespan=auth.lifespan)

    @app.get("/read")
    async def read(token: Annotated[Verified, Security(auth, scopes=["read:x"])]) -> Any:
        return {"subject": token.subject}

    @app.get("/write")
    async def write(token: Annotated[Verified, Security(auth, scopes=["write:x"])]) -> Any:
        return {"subject": token.subject}

    page.goto(f"{served(app)}/docs")
    page.locator("button.btn.authorize").click()
    dialog = page.locator(".modal-ux")
    assert dialog.locator("input[data-name=clientId]").input_value() == "swagger"
    dialog.locator("label", has_text="write:x").click()  # all are chosen at first
    with page.expect_popup() as popup:
        dialog.locator("button.authorize").click()
    popup.value.get_by_role("button", name="Sign in").click()
    dialog.get_by_text("Logout").wait_for()
    dialog.locator("button.btn-done").click()
    assert executed(page, "read") == ("200", "alice")
    assert executed(page, "write")[0] == "403"


def executed(page: Any, operation: str) -> tuple[str, str]:
    """Status and what the body tells of the subject, as Swagger UI shows them."""
    block = page.locator(f".opblock:has(span[data-path='/{operation}'])")
    block.locator(".opblock-summary").click()
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    live = block.locator(".live-responses-table .response")
    live.wait_for()
    status = live.locator(".response-col_status").inner_text().split()[0]
    return status, "alice" if "alice" in live.inner_text() else ""
