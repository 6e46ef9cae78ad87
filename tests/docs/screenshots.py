"""Takes the pictures of pages, in Chromium: python tests/docs/screenshots.py

It writes docs/inspect.png, the page of `rightkey inspect`, and docs/sign-in.png, the local issuer's. Needs
Chromium, and the extra `browser`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import sync_playwright

from rightkey.localissuer import LocalIssuer

DOCS = Path(__file__).parents[2] / "docs"


class Shot(NamedTuple):
    """What is shown, in a window of this size."""

    show: Callable[[Any, LocalIssuer, Path], None]
    width: int
    height: int


def inspect(page: Any, issuer: LocalIssuer, file: Path) -> None:
    """A good token of an issuer on this machine, explained."""
    command = [sys.executable, "-m", "rightkey", "inspect", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        page.goto(json.loads(process.stdout.readline())["url"])
        page.locator("#token").fill(issuer.token(sub="auth0|alice", scope="read:appointments"))
        page.get_by_role("button", name="Ask 127.0.0.1").click()
        page.get_by_role("status").filter(has_text="Valid.").wait_for()
        page.mouse.move(0, 0)
        page.screenshot(path=file)
        process.terminate()


def sign_in(page: Any, issuer: LocalIssuer, file: Path) -> None:
    """Where a browser signs in for a client."""
    asked = "client_id=web&response_type=code&redirect_uri=http://localhost:8000/callback"
    page.goto(f"{issuer.urls['authorize']}?{asked}&scope=openid%20read:appointments")
    page.screenshot(path=file)


SHOTS = {"inspect": Shot(inspect, 1280, 900), "sign-in": Shot(sign_in, 560, 560)}


def main() -> None:
    """Take all of them, each in a window of its own."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with LocalIssuer() as issuer, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        for name, shot in SHOTS.items():
            size = {"width": shot.width, "height": shot.height}
            with browser.new_context(viewport=size, color_scheme="light") as context:
                shot.show(context.new_page(), issuer, DOCS / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
