"""`rightkey decode`: what a token says, with nothing checked."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import click

from rightkey.cli import layout, output
from rightkey.cli import token as tokens
from rightkey.cli.errors import as_json_document as error_as_json
from rightkey.cli.errors import tell
from rightkey.cli.times import CLAIMS, distance, written
from rightkey.errors import TokenRejected
from rightkey.jose import base64url, strictjson
from rightkey.jose.algorithms import SAFE
from rightkey.jose.jws import malformed, require_allowed
from rightkey.jose.jws import read as read_strictly

Said = tuple[dict[str, Any], dict[str, Any]]


@click.command()
@click.argument("token", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def decode(token: str | None, as_json: bool) -> int:
    """Show the header and claims of TOKEN, unverified.

    Without TOKEN, or with -, reads stdin. White space, quotes, a leading "Authorization:" and "Bearer " are
    left out. Reads what it can, also of tokens that verify would refuse.
    """
    raw = tokens.read(token)
    if as_json:
        said = document(raw, token)
        output.data(said)
        return 1 if "error" in said else 0
    try:
        header, claims = _said(raw, token)
    except TokenRejected as error:
        return tell(error)
    refused = _refused(raw)
    output.words("unverified", "none of this was checked")
    _show(header, claims)
    if refused:
        output.words("note", f"verify would refuse it: {refused}")
    return 0


def document(raw: str | bytes, given: str | None = None) -> dict[str, Any]:
    """What a token says, as JSON.

    Args:
        given: the argument of the command line, where it was one.
    """
    try:
        header, claims = _said(raw, given)
    except TokenRejected as error:
        return {"verified": False, "error": error_as_json(error)}
    refused = _refused(raw)
    why = refused and {"code": refused.code, "message": str(refused)}
    return {"verified": False, "header": header, "claims": claims, "refused": why}


def value(name: str, what: Any, now: float) -> str:
    """A claim's value for people: text as it is, times with their date, all else as JSON."""
    if name in CLAIMS and type(what) in (int, float):
        return f"{what}  {written(what)}, {distance(what, now)}"
    return what if isinstance(what, str) else json.dumps(what, ensure_ascii=False)


def _said(raw: str | bytes, given: str | None) -> Said:
    """Read leniently. Raises TokenRejected."""
    try:
        return _read(raw)
    except TokenRejected as error:
        error.hint = tokens.hint(raw, given) or error.hint
        raise


def _read(raw: str | bytes) -> Said:
    try:
        segments = (raw.encode("ascii") if isinstance(raw, str) else raw).split(b".")
        first, second, _ = segments
        return _object(first), _object(second)
    except ValueError:
        read_strictly(raw)  # its error says what is wrong
        raise malformed("its payload is not a JSON object") from None


def _object(segment: bytes) -> dict[str, Any]:
    return strictjson.read_object(base64url.decode(segment))


def _refused(raw: str | bytes) -> TokenRejected | None:
    """Why no key could verify this token; None where one might."""
    try:
        require_allowed(read_strictly(raw).header, SAFE)
    except TokenRejected as error:
        return error
    return None


def _show(*parts: Mapping[str, Any]) -> None:
    now = time.time()
    for title, part in zip(("header", "claims"), parts, strict=True):
        layout.line(title, "bold")
        layout.pairs([(name, value(name, what, now)) for name, what in part.items()], indent=2)
