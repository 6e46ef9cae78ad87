"""The page of `rightkey inspect` in Chromium: what it shows, what it never does, and how it is used."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from rightkey.localissuer import LocalIssuer, SigningKey, mint
from rightkey.localissuer.answers import Answer, Request
from rightkey.localissuer.keys.signing import Form
from rightkey.localissuer.wire.server import Server

pytestmark = pytest.mark.slow
pytest.importorskip("playwright.sync_api")

PATIENCE = 120_000
"""Milliseconds for what takes some tens."""
MARKUP = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where the page is."""
    command = [sys.executable, "-W", "error", "-m", "rightkey", "inspect", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
        process.terminate()


@pytest.fixture
def page(browser: Any, url: str) -> Iterator[Any]:
    """The page, about which the browser has nothing to complain, and which asks its own server alone."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page, complaints, asked = context.new_page(), list[str](), set[str]()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.add(request.url))
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        yield page
        assert complaints == []
        assert page.title() == "rightkey inspect"
        assert page.url == url
        assert {one for one in asked if not one.startswith((url, "data:"))} == set()
        assert [one for one in asked if "eyJ" in one] == []


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256", dress="auth0") as issuer:
        yield issuer


def field(page: Any, name: str) -> Any:
    return page.locator(f"#{name}")


def host_of(issuer: LocalIssuer) -> str:
    return issuer.address.origin.partition("://")[2]


def requests(issuer: LocalIssuer) -> int:
    return sum(issuer.requests.counts.values())


def paste(page: Any, token: str) -> None:
    field(page, "token").fill(token)
    page.get_by_role("status").filter(has_text="Read, and not verified.").wait_for()


def test_a_token_is_explained(page: Any, issuer: LocalIssuer) -> None:
    """What it says with its meaning, and, once the button is pressed, its path, key and certificate."""
    paste(page, f"Authorization: Bearer {issuer.token(sub='alice', count=2**60 + 1)}")
    claims = page.get_by_role("region", name="Claims")
    assert "whom it is about" in claims.inner_text()
    assert str(2**60 + 1) in claims.inner_text()
    assert "in 59 min" in page.get_by_role("region", name="Validity").inner_text()
    assert (field(page, "issuer").input_value(), field(page, "audience").input_value()) == (
        issuer.url,
        issuer.audience,
    )
    assert requests(issuer) == 0
    page.get_by_role("button", name=f"Ask {host_of(issuer)}", exact=True).click()
    page.get_by_role("status").filter(has_text="Valid.").wait_for()
    steps = page.get_by_role("region", name="Verdict").inner_text()
    assert all(name in steps for name in ("token", "metadata", "signature", "certificate"))
    signer = page.get_by_role("region", name="The key that signed it").inner_text()
    assert issuer.current.kid in signer
    assert "self-issued" in signer
    assert issuer.current.kid in page.get_by_role("region", name="The issuer’s keys").inner_text()


def test_the_lines_to_copy_accept_it(page: Any, issuer: LocalIssuer) -> None:
    """As they are on the clipboard."""
    token = issuer.token(sub="alice")
    paste(page, token)
    page.get_by_role("button", name="Copy the command").click()
    page.get_by_text("Copied.").wait_for()
    line = (
        page.evaluate("navigator.clipboard.readText()").partition(" <")[0].replace("rightkey", "-m rightkey")
    )
    done = subprocess.run(
        ["bash", "-c", f'"$0" {line}', sys.executable],
        input=token,
        text=True,
        capture_output=True,
        check=True,
    )
    assert "valid" in done.stdout
    page.get_by_role("button", name="Copy the Python").click()
    page.wait_for_function("async () => (await navigator.clipboard.readText()).startsWith('import')")
    names = {"raw": token}
    exec(page.evaluate("navigator.clipboard.readText()"), names)
    assert names["token"].subject == "alice"  # type: ignore[attr-defined]


def test_a_rejected_token_says_why(page: Any, issuer: LocalIssuer) -> None:
    """Claim by claim; and what was shown goes when the question changes."""
    paste(page, issuer.token(sub="alice", exp=1))
    page.get_by_role("button", name="Ask").click()
    page.get_by_role("status").filter(has_text="Not valid").wait_for()
    verdict = page.get_by_role("region", name="Verdict")
    assert "exp: expired" in verdict.inner_text()
    assert "1970-01-01T00:00:01Z" in verdict.inner_text()
    field(page, "audience").fill("another")
    verdict.wait_for(state="hidden")


def test_keys_are_shown_without_a_token(page: Any, issuer: LocalIssuer) -> None:
    """An issuer by itself is located."""
    field(page, "issuer").fill(issuer.url)
    page.get_by_role("button", name=f"Ask {host_of(issuer)}", exact=True).click()
    page.get_by_role("status").filter(has_text="usable keys").wait_for()
    assert issuer.current.kid in page.get_by_role("region", name="The issuer’s keys").inner_text()


def test_an_issuer_that_is_none_says_so(page: Any) -> None:
    """And cannot be asked."""
    field(page, "issuer").fill("http://issuer.example")
    page.get_by_role("alert").filter(has_text="plain http").wait_for()
    button = page.get_by_role("button", name="No issuer to ask")
    assert button.get_attribute("aria-disabled") == "true"


def test_markup_is_text_wherever_it_stands(page: Any) -> None:
    """In each field of a token. A turn of direction is shown, and turns nothing."""
    header = {"alg": "RS256", "kid": MARKUP, "typ": MARKUP, MARKUP: {MARKUP: [MARKUP]}}
    claims = {
        "iss": MARKUP,
        "aud": MARKUP,
        "sub": MARKUP + "\u202e",
        "exp": MARKUP,
        MARKUP: [MARKUP],
        "__proto__": 1,
    }
    parts = [json.dumps(part).encode() for part in (header, claims)]
    token = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (*parts, b"x"))
    paste(page, token)
    for name in ("Header", "Claims"):
        assert MARKUP in page.get_by_role("region", name=name).inner_text()
    assert "\\u{202e}" in page.get_by_role("region", name="Claims").inner_text()
    assert page.locator("#answers :is(img, script)").count() == 0
    assert field(page, "issuer").input_value() == MARKUP
    page.get_by_role("alert").wait_for()


def test_markup_of_an_issuer_is_text(page: Any) -> None:
    """In the key id of the key that signed, and of one that is skipped."""
    key = SigningKey.generate("ES256", Form(certificates=False), kid=MARKUP)
    documents: dict[str, Any] = {"/jwks": {"keys": [key.public_jwk(), {"kty": MARKUP, "kid": MARKUP}]}}

    def respond(request: Request) -> Answer:
        return Answer(
            200, {"content-type": "application/json"}, json.dumps(documents.get(request.path)).encode()
        )

    server = Server(respond)
    try:
        url = f"http://127.0.0.1:{server.port}"
        documents["/.well-known/openid-configuration"] = {"issuer": url, "jwks_uri": f"{url}/jwks"}
        paste(page, mint(key, {"iss": url, "aud": MARKUP, "exp": time.time() + 600}))
        page.get_by_role("button", name="Ask").click()
        page.get_by_role("status").filter(has_text="Valid.").wait_for()
    finally:
        server.close()
    for name in ("Verdict", "The key that signed it", "The issuer’s keys", "The same elsewhere"):
        assert MARKUP in page.get_by_role("region", name=name).inner_text().replace("\\'", "'")
    assert page.locator("#answers :is(img, script)").count() == 0


def test_no_issuer_is_asked_before_the_button(page: Any, issuer: LocalIssuer) -> None:
    """Neither for being named in a token, nor for being typed, nor by Enter; one that was named before is not
    asked for another."""
    paste(page, issuer.token(sub="alice"))
    page.get_by_role("button", name=f"Ask {host_of(issuer)}", exact=True).wait_for()
    field(page, "issuer").press("Enter")
    assert page.evaluate("document.activeElement.id") == "ask"
    field(page, "issuer").fill("https://other.invalid")
    page.evaluate("document.getElementById('ask').click()")  # before the button has another name
    page.get_by_role("button", name="Ask other.invalid").wait_for()
    assert requests(issuer) == 0


def test_the_keyboard_is_enough(page: Any, issuer: LocalIssuer) -> None:
    """From the token to the verdict by Tab and Enter, with a focus that can be seen."""
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "token"
    page.keyboard.insert_text(issuer.token(sub="alice"))
    page.get_by_role("button", name=f"Ask {host_of(issuer)}", exact=True).wait_for()
    for _ in range(5):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "ask"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.get_by_role("status").filter(has_text="Valid.").wait_for()


def test_everything_has_a_name(page: Any) -> None:
    """For a screen reader: fields have labels, sections headings, and the page its landmarks."""
    for name in ("A token, as you have it", "A domain or URL", "Audience", "Kind of token"):
        assert page.get_by_label(name).count() == 1
    assert page.locator("header, main").count() == 2
    assert page.get_by_role("form", include_hidden=True).count() == 2
    names = page.locator("section, form").evaluate_all(
        "all => all.map(one => document.getElementById(one.getAttribute('aria-labelledby')).textContent)"
    )
    assert len(set(names)) == 9


def test_clearing_leaves_nothing(page: Any, issuer: LocalIssuer) -> None:
    """Of the token, or of what was filled in from it."""
    paste(page, issuer.token(sub="alice"))
    page.get_by_role("button", name="Clear").click()
    page.get_by_role("button", name="Name an issuer").wait_for()
    assert [field(page, name).input_value() for name in ("token", "issuer", "audience")] == ["", "", ""]
    assert not page.get_by_role("region", name="Claims").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits(browser: Any, url: str, issuer: LocalIssuer, width: int, scheme: str) -> None:
    """Narrow and wide, light and dark, without scrolling sideways, and with text that can be read."""
    with browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        paste(page, issuer.token(sub="alice", long="x" * 300, **{"y" * 200: 1}))
        page.get_by_role("button", name="Ask").click()
        page.get_by_role("status").filter(has_text="Valid.").wait_for()
        box = page.get_by_role("status").bounding_box()
        assert 0 <= box["y"] < 900
        assert page.evaluate("document.documentElement.scrollWidth") == width
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(13, 17, 23)")
