"""The page at an issuer's root: what it is, its requests, a token to copy, and buttons to manage it.

It needs no script but for copying. A button posts a form to the page itself, which acts and shows the page
anew (by a redirect, so that reloading does nothing twice).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from rightkey.jose import strictjson
from rightkey.localissuer.answers import Answer, Request, oauth_error
from rightkey.localissuer.documents.wellknown import ENDPOINTS
from rightkey.localissuer.html import page
from rightkey.localissuer.misbehaving.faults import FAULTS, fault
from rightkey.localissuer.origins import refused

if TYPE_CHECKING:
    from rightkey.localissuer.issuer import Issuer

    Form = dict[str, str]

_LAST = 20  # requests shown
_TIMES = {"1": "once", "3": "3 times", "": "until behave"}
_STYLE = (
    "body{max-width:60rem;margin:2rem auto}h2{font-size:1.15rem;margin:2rem 0 .6rem}"
    "p,dl{margin:.6rem 0}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dd{margin:0}"
    "dt{opacity:.7}dd,.long{overflow-wrap:anywhere}code,textarea,td{font:.875rem/1.5 ui-monospace,monospace}"
    "table{border-collapse:collapse;width:100%}th{text-align:left;font-size:.8rem;opacity:.7;font-weight:400}"
    "td,th{padding:.25rem .8rem .25rem 0;vertical-align:baseline;border-bottom:1px solid #8884}"
    "form{margin:0}.row{display:flex;flex-wrap:wrap;gap:.5rem;align-items:end;margin:.6rem 0}"
    ".row label{margin:0;flex:1 1 10rem}.row .few{flex:0 1 9rem}"
    "button,select{padding:.35rem .8rem;margin:0;font:inherit;font-size:.9rem}"
    "select{width:100%;margin-top:.2rem}#token{field-sizing:content}"
    "button{cursor:pointer}a{color:inherit}"
    "@media(max-width:30rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.4rem}}"
)
_COPY = (
    'document.querySelector("#copy").onclick=event=>{'
    'const text=document.querySelector("#token");text.select();'
    'navigator.clipboard.writeText(text.value).then(()=>{event.target.textContent="Copied"})};'
)


def front(issuer: Issuer, request: Request) -> Answer:
    """The page, or what came of one of its buttons."""
    if refusal := refused(issuer, request):
        return refusal
    if request.method in ("GET", "HEAD"):
        return _shown(issuer, dict(parse_qsl(request.target.partition("?")[2])))
    if request.method != "POST":
        allowed = {"allow": "GET, HEAD, POST"}
        return oauth_error(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", allowed)
    form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    try:
        _ACTIONS[form.get("do", "")](issuer, form)
    except (LookupError, ValueError, TypeError) as error:
        return _shown(issuer, {}, f"Not done: {error}")
    return Answer(HTTPStatus.SEE_OTHER, {"location": request.path, "cache-control": "no-store"})


# -- what buttons do ---------------------------------------------------------------------------------------


def _misbehave(issuer: Issuer, form: Form) -> None:
    times = int(form["times"]) if form.get("times") else None
    issuer.script.plan(form.get("endpoint", ""), fault(form.get("fault", "")), times=times)


def _revoke(issuer: Issuer, form: Form) -> None:
    issuer.revoke(form.get("kid", ""))


_ACTIONS: dict[str, Callable[[Issuer, Form], object]] = {
    "rotate": lambda issuer, _: issuer.rotate(),
    "surprise": lambda issuer, _: issuer.rotate(surprise=True),
    "swap": lambda issuer, _: issuer.swap(),
    "revoke": _revoke,
    "misbehave": _misbehave,
    "behave": lambda issuer, _: issuer.script.clear(),
    "forget": lambda issuer, _: issuer.requests.clear(),
}
"""What each button does, by its name."""


# -- what is shown -----------------------------------------------------------------------------------------


def _shown(issuer: Issuer, query: Form, problem: str = "") -> Answer:
    token, wrong = _token(issuer, query)
    problem = problem or wrong
    parts = [
        "<h1>Local issuer</h1>",
        f'<p role="alert">{escape(problem)}</p>' if problem else "",
        _facts(issuer),
        *("<h2>A token</h2>", token),
        *("<h2>Keys</h2>", _keys(issuer)),
        *("<h2>Faults</h2>", _faults(issuer)),
        *("<h2>Requests</h2>", _requests(issuer)),
        "<p><small>For tests only: anyone who can reach this issuer can get any token.</small></p>",
    ]
    status = HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK
    return page("Local issuer", "".join(parts), status=status, style=_STYLE, script=_COPY)


def _facts(issuer: Issuer) -> str:
    listed = issuer.clients.names()
    facts = {
        "issuer": f"<code>{escape(issuer.url)}</code>",
        "audience": f"<code>{escape(issuer.audience)}</code>",
        "algorithm": f"<code>{escape(issuer.algorithm)}</code>",
        "metadata": _link(issuer.urls["discovery"]),
        "keys": _link(issuer.urls["jwks"]),
        "clients": escape(", ".join(listed)) if listed else "any, with any secret: none is listed",
        "time": escape(_time(issuer.clock())) + (", stopped" if issuer.clock.state()["frozen"] else ""),
    }
    return f"<dl>{''.join(f'<dt>{name}</dt><dd>{value}</dd>' for name, value in facts.items())}</dl>"


def _token(issuer: Issuer, query: Form) -> tuple[str, str]:
    sub, text, problem = query.get("sub", "alice"), query.get("claims", "{}"), ""
    claims: dict[str, object] = {}
    try:
        claims = strictjson.read_object(text.encode("utf-8", "surrogatepass"))
        token = issuer.mint({"sub": sub} | claims)
    except (ValueError, TypeError):
        problem, token = "The further claims are not a JSON object.", issuer.mint({"sub": sub})
    html = (
        '<form class="row" method="get">'
        f'<label class="few">User <input name="sub" value="{escape(sub)}"></label>'
        "<label>Further claims, as JSON "
        f'<input name="claims" value="{escape(text)}" spellcheck="false"></label>'
        "<button>Make</button></form>"
        f'<textarea id="token" aria-label="Token" rows="5" readonly>{escape(token)}</textarea>'
        '<div class="row"><button type="button" id="copy">Copy</button></div>'
    )
    return html, problem


def _keys(issuer: Issuer) -> str:
    ring = issuer.ring.state  # once: a schedule may rotate in between
    roles = ["current", "next", *["previous"] * (len(ring.keys) - 2)]
    listed = [*zip(ring.keys, roles, strict=True), *((key, "revoked") for key in ring.revoked)]
    rows = [
        (_long(key.kid), role, _button("Revoke", "revoke", kid=key.kid) if role == "previous" else "")
        for key, role in listed
    ]
    buttons = (("Rotate", "rotate"), ("Rotate by surprise", "surprise"), ("Swap", "swap"))
    row = "".join(_button(label, do) for label, do in buttons)
    return f'{_table(("kid", "role", ""), rows)}<div class="row">{row}</div>'


def _faults(issuer: Issuer) -> str:
    planned = [
        (
            rule["endpoint"],
            escape(rule["fault"]),
            "until behave" if rule["times"] is None else f"{rule['times']} times",
        )
        for rule in issuer.script.planned()
    ]
    known = [name for name in ENDPOINTS if name in issuer.urls]
    endpoints = "".join(f"<option{' selected' if name == 'jwks' else ''}>{name}</option>" for name in known)
    times = "".join(f'<option value="{value}">{text}</option>' for value, text in _TIMES.items())
    buttons = "".join(f'<button name="fault" value="{name}">{name}</button>' for name in FAULTS)
    return (
        f"{_table(('endpoint', 'fault', 'for'), planned) if planned else '<p>None is planned.</p>'}"
        f'<form method="post"><input type="hidden" name="do" value="misbehave"><div class="row">'
        f'<label class="few">Endpoint <select name="endpoint">{endpoints}</select></label>'
        f'<label class="few">For <select name="times">{times}</select></label></div>'
        f'<div class="row">{buttons}</div></form><div class="row">{_button("Behave", "behave")}</div>'
    )


def _requests(issuer: Issuer) -> str:
    counts = ", ".join(f"{name} {count}" for name, count in issuer.requests.counts.items())
    rows = [(escape(one.method), _long(one.path)) for one in reversed(issuer.requests.recorded[-_LAST:])]
    if not rows:
        return "<p>None yet.</p>"
    forget = f'<div class="row">{_button("Forget", "forget")}</div>'
    return f"<p>{escape(counts)}</p>{_table(('method', 'path, the latest first'), rows)}{forget}"


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are HTML already."""
    head = "".join(f"<th>{name}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _long(text: str) -> str:
    """Text that may break anywhere, so that a narrow window shows it whole."""
    return f'<span class="long">{escape(text)}</span>'


def _button(label: str, do: str, **fields: str) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">'
        for name, value in {"do": do, **fields}.items()
    )
    return f'<form method="post">{hidden}<button>{label}</button></form>'


def _link(url: str) -> str:
    return f'<a href="{escape(url)}"><code>{escape(url)}</code></a>'


def _time(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
