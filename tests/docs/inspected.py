"""Takes the picture of the page of `rightkey inspect`: python tests/docs/inspected.py docs/inspect.png

Needs Chromium, and the extra `browser`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from rightkey.localissuer import LocalIssuer

SIZE = {"width": 1280, "height": 900}


def main(file: Path) -> None:
    """Take it, of a good token of an issuer on this machine."""
    command = [sys.executable, "-m", "rightkey", "inspect", "--json"]
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with (
        LocalIssuer() as issuer,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
        sync_playwright() as driver,
    ):
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        with browser.new_context(viewport=SIZE, color_scheme="light") as context:
            take(context.new_page(), url, issuer, file)
        browser.close()
        process.terminate()


def take(page: Any, url: str, issuer: LocalIssuer, file: Path) -> None:
    """What a window shows of the page."""
    page.goto(url)
    page.locator("#token").fill(issuer.token(sub="auth0|alice", scope="read:appointments"))
    page.get_by_role("button", name="Ask 127.0.0.1").click()
    page.get_by_role("status").filter(has_text="Valid.").wait_for()
    page.mouse.move(0, 0)
    page.screenshot(path=file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
