"""Applications before `rightkey issuer`, in Chromium and unmodified: keycloak-js, oidc-client-ts, and the
quick start of express-openid-connect.

`npm ci --prefix tests/node` brings them.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from rightkey.localissuer import LocalIssuer

pytestmark = pytest.mark.slow
pytest.importorskip("playwright.sync_api")

MODULES = Path(__file__).parent / "node" / "node_modules"
if not (MODULES / "keycloak-js").is_dir():
    pytest.skip("npm ci --prefix tests/node was not run", allow_module_level=True)


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A window without cookies, in which nothing is blocked: neither by CORS nor by a policy."""
    with browser.new_context() as context:
        page, complaints = context.new_page(), list[str]()
        page.on("console", lambda message: complaints.append(message.text))
        page.set_default_timeout(60_000)
        yield page
        assert [text for text in complaints if "policy" in text.lower()] == []


KEYCLOAK = """<!doctype html><title>app</title><pre></pre><button>sign out</button>
<script type="module">
import Keycloak from "/modules/keycloak-js/lib/keycloak.js";
const keycloak = new Keycloak({ url: "%(url)s", realm: "local", clientId: "app" });
const signedIn = await keycloak.init({ messageReceiveTimeout: 60000, ...%(options)s });
const info = signedIn ? await keycloak.loadUserInfo() : null;
const before = keycloak.refreshToken;
const renewed = signedIn && await keycloak.updateToken(-1);
document.querySelector("button").onclick = () => keycloak.logout({ redirectUri: location.origin + "/bye" });
document.querySelector("pre").textContent = JSON.stringify({
  signedIn, renewed, rotated: before !== keycloak.refreshToken, sub: keycloak.subject, info,
  iframe: document.querySelector("iframe[title=keycloak-session-iframe]") !== null,
});
</script>"""

OIDC = """<!doctype html><title>app</title><pre></pre>
<script src="/modules/oidc-client-ts/dist/browser/oidc-client-ts.js"></script>
<script type="module">
const own = location.origin + location.pathname;
const manager = new oidc.UserManager({
  authority: "%(url)s", client_id: "app", redirect_uri: own, scope: "openid offline_access",
  response_mode: "%(mode)s", fetchRequestCredentials: "include", silent_redirect_uri: own,
  loadUserInfo: true,
});
if (window !== window.parent) await manager.signinSilentCallback();
else if (!/[?#]code=|[?#&]state=/.test(location.href)) await manager.signinRedirect();
else {
  const user = await manager.signinCallback();
  const renewed = await manager.signinSilent();
  document.querySelector("pre").textContent = JSON.stringify({
    sub: user.profile.sub, renewed: renewed.access_token !== user.access_token,
  });
}
</script>"""


def application(html: str) -> Starlette:
    """One page, and the modules that it loads."""

    async def show(_: Request) -> Response:
        return HTMLResponse(html)

    async def bye(_: Request) -> Response:
        return HTMLResponse("<!doctype html><title>bye</title>")

    modules = Mount("/modules", StaticFiles(directory=MODULES))
    return Starlette(routes=[Route("/", show), Route("/bye", bye), modules])


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(dress="keycloak", algorithm="RS256") as issuer:
        yield issuer


def told(page: Any) -> dict[str, Any]:
    """What the application shows, once it does."""
    page.wait_for_function("document.querySelector('pre')?.textContent")
    found: dict[str, Any] = page.evaluate("JSON.parse(document.querySelector('pre').textContent)")
    return found


@pytest.mark.parametrize(
    "options",
    [
        '{ onLoad: "login-required" }',
        '{ onLoad: "login-required", checkLoginIframe: false }',
        '{ onLoad: "login-required", responseMode: "query" }',
        '{ onLoad: "login-required", flow: "hybrid", scope: "openid" }',
    ],
)
def test_keycloak_js_signs_in(
    page: Any, issuer: LocalIssuer, looped: Callable[[Any], Any], options: str
) -> None:
    """As it comes: with the code in the fragment, its hidden frames, and requests with credentials."""
    origin = issuer.address.origin
    page.goto(looped(application(KEYCLOAK % {"url": origin, "options": options})).url)
    page.get_by_label("User").fill("zoë")
    page.get_by_role("button", name="Sign in").click()
    found = told(page)
    frames = "checkLoginIframe" not in options
    assert found == {
        "signedIn": True,
        "renewed": True,
        "rotated": True,
        "sub": "zoë",
        "info": {"sub": "zoë"},
        "iframe": frames,
    }
    counts = issuer.requests.counts
    assert (counts.get("cookies", 0) > 0, counts.get("session", 0) > 0) == (frames, frames)
    page.get_by_role("button", name="sign out").click()
    page.wait_for_url("**/bye")


def test_keycloak_js_finds_no_session(page: Any, issuer: LocalIssuer, looped: Callable[[Any], Any]) -> None:
    """There are no sessions: `check-sso` says so at once, and does not wait for a frame."""
    options = '{ onLoad: "check-sso" }'
    page.goto(looped(application(KEYCLOAK % {"url": issuer.address.origin, "options": options})).url)
    found = told(page)
    assert (found["signedIn"], issuer.requests["token"]) == (False, 0)


@pytest.mark.parametrize("mode", ["query", "fragment"])
def test_oidc_client_ts_signs_in(
    page: Any, issuer: LocalIssuer, looped: Callable[[Any], Any], mode: str
) -> None:
    """Reads metadata, exchanges its code, asks for user info, and renews by the refresh token."""
    page.goto(looped(application(OIDC % {"url": issuer.url, "mode": mode})).url)
    page.get_by_role("button", name="Sign in").click()
    assert told(page) == {"sub": "alice", "renewed": True}


@pytest.fixture
def express() -> Iterator[Callable[..., str]]:
    """Runs the quick start until the test is over, and says where."""
    script = MODULES.parent / "express-openid-connect.mjs"
    with ExitStack() as stack:

        def run(*arguments: str) -> str:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            process = stack.enter_context(subprocess.Popen(["node", script, *arguments], text=True, **pipes))
            assert process.stdout is not None
            return f"http://127.0.0.1:{int(process.stdout.readline())}"

        yield run


@pytest.mark.parametrize("types", [(), ("code",), ("code id_token",)])
def test_express_openid_connect_signs_in(
    page: Any, express: Callable[..., str], types: tuple[str, ...]
) -> None:
    """Its default is an ID token that comes by a form; then it signs out."""
    with LocalIssuer(dress="auth0", algorithm="RS256") as issuer:
        url = express(issuer.url, *types)
        page.goto(url)
        page.get_by_label("User").fill("zoë")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{url}/")
        assert json.loads(page.locator("pre").inner_text()) == {"sub": "zoë", "out": False}
        page.goto(f"{url}/logout")
        assert issuer.requests["logout"] == 1
        assert issuer.requests["token"] == len(types)
