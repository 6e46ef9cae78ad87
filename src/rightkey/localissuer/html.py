"""How a page of the issuer is put together: its frame, its style, and a policy that allows nothing else.

A page runs no script but the one it states, whose digest is in its policy. Text from a request is escaped by
the page that shows it.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from http import HTTPStatus

from rightkey.localissuer.answers import Answer

_STYLE = (
    ":root{color-scheme:light dark}*{box-sizing:border-box}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:28rem;margin:3rem auto;padding:0 1rem}"
    "h1{font-size:1.6rem}label{display:block;margin:1rem 0}small{opacity:.7}"
    "input,textarea{display:block;width:100%;font:inherit;padding:.4rem .6rem;margin-top:.2rem}"
    "textarea{font-family:ui-monospace,monospace;resize:vertical}"
    "input,textarea,select,button{border:1px solid #888;border-radius:.3rem}"
    "button{font:inherit;padding:.4rem 1.2rem;margin-right:.8rem}"
    "button[value=allow]{background:#1a56c4;border-color:#1a56c4;color:#fff}"
    "[role=alert]{border-left:.25rem solid #d33;padding-left:.8rem}"
)


def page(
    title: str,
    body: str,
    *,
    status: int = HTTPStatus.OK,
    style: str = "",
    script: str = "",
    framed: bool = False,
) -> Answer:
    """A page of HTML.

    Args:
        body: HTML, escaped where it must be.
        style: CSS beside that of every page.
        script: JavaScript that may run.
        framed: other pages may show it in a frame.
    """
    css = _STYLE + style
    policy = [
        "default-src 'none'",
        f"style-src {_digest(css)}",
        "base-uri 'none'",
        *([f"script-src {_digest(script)}"] if script else []),
        *([] if framed else ["frame-ancestors 'none'"]),
    ]
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width">'
        f"<style>{css}</style></head><body>{body}"
        f"{f'<script>{script}</script>' if script else ''}</body></html>"
    )
    headers = {
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-store",
        "content-security-policy": "; ".join(policy),
        # not no-referrer: with it a form of this page is sent with the Origin null (Fetch, section 3.2)
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
    }
    return Answer(status, headers, text.encode("utf-8"))


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"
