"""The pages people see: signing in by one click, entering a device's code, and having signed out.

They are plain HTML without a script, and everything from a request is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from rightkey.jose import strictjson
from rightkey.localissuer.html import page

if TYPE_CHECKING:
    from rightkey.localissuer.answers import Answer

SUB, CLAIMS, DECISION, USER_CODE = "login_sub", "login_claims", "decision", "user_code"
"""The fields of the forms, none of which is a parameter of OAuth's authorization request."""

NO_OBJECT = "The further claims are not a JSON object."
_SUBJECT = "alice"  # who signs in by default


class Proposed(NamedTuple):
    """The user that a form proposes, and further claims, as they were typed."""

    sub: str
    claims: str


class Person(NamedTuple):
    """The user who signs in, and further claims of their tokens."""

    sub: str
    claims: dict[str, Any]


def proposed(data: Mapping[str, str], hint: str | None = None) -> Proposed:
    """What a form proposes: what was typed already, if anything was."""
    return Proposed(data.get(SUB) or hint or _SUBJECT, data.get(CLAIMS, "{}"))


def typed(data: Mapping[str, str]) -> Person:
    """The person as typed into a form. ValueError if the further claims are not a JSON object."""
    text = data.get(CLAIMS, "")
    claims = strictjson.read_object(text.encode("utf-8", "surrogatepass")) if text.strip() else {}
    return Person(data.get(SUB) or _SUBJECT, claims)


def sign_in(
    client_id: str, fields: Iterable[tuple[str, str]], proposed: Proposed, problem: str = ""
) -> Answer:
    """Ask who signs in. `fields` are those of the request, which the form sends along."""
    kept = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in fields
    )
    intro = f"<p><strong>{escape(client_id)}</strong> asks you to sign in.</p>"
    return _page("Sign in", intro, kept + _asked(proposed), problem)


def activate(user_code: str, proposed: Proposed, problem: str = "") -> Answer:
    """Ask for the code that a device shows, and who signs in."""
    code = f'<label>Code <input name="{USER_CODE}" value="{escape(user_code)}" required></label>'
    return _page(
        "Connect a device", "<p>Enter the code that the device shows.</p>", code + _asked(proposed), problem
    )


def said(title: str, text: str) -> Answer:
    """A page that says one thing."""
    return _answer(200, title, f"<p>{escape(text)}</p>")


def back_to(uri: str, state: str | None) -> str:
    """The URL to send people back to, with the client's state in the query."""
    if state is None:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode({'state': state})}"


def _asked(proposed: Proposed) -> str:
    return (
        f'<label>User <input name="{SUB}" value="{escape(proposed.sub)}" required></label>'
        f'<label>Further claims, as JSON <textarea name="{CLAIMS}" rows="4" spellcheck="false">'
        f"{escape(proposed.claims)}</textarea></label>"
        f'<button name="{DECISION}" value="allow">Sign in</button>'
        f'<button name="{DECISION}" value="deny" formnovalidate>Refuse</button>'
    )


def _page(title: str, intro: str, fields: str, problem: str) -> Answer:
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    form = f'<form method="post">{fields}</form>'
    return _answer(400 if problem else 200, title, f"{intro}{alert}{form}")


def _answer(status: int, title: str, body: str) -> Answer:
    note = "<p><small>A local issuer for tests: it signs in any user, without a password.</small></p>"
    return page(title, f"<h1>{escape(title)}</h1>{body}{note}", status=status)
