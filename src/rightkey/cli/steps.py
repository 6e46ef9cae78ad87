"""How the steps of a verification are shown: a mark and a sentence each, and details below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.text import Text

from rightkey.cli import layout
from rightkey.cli.output import plain
from rightkey.verifier.explaining import Step


def show(steps: Iterable[Step]) -> None:
    """Show each step."""
    layout.triples((layout.mark(step.outcome), step.step, _told(step)) for step in steps)


def _told(step: Step) -> Text:
    text = Text(plain(step.detail), "bold" if step.outcome == "failed" else "")
    if step.outcome == "skipped":
        text.stylize("dim")
    for more in _found(step.data):
        text.append(f"\n{plain(more)}", "dim")
    return text


def _found(data: Mapping[str, Any]) -> Iterator[str]:
    """The details of a step: requests made, keys skipped, keys passed over."""
    for asked in data.get("requests", ()):
        yield f"GET {asked['url']} -> {asked['answer']}"
    for one in data.get("skipped", ()):
        yield f"skipped {_kid(one)}: {one['detail']}"
    for one in data.get("passed_over", ()):
        yield f"passed over {_kid(one)}: {one['reason']}"
    certificate = data.get("certificate")
    if certificate:
        yield f"x5t#S256 {certificate['x5t#S256']}, signed with {certificate['signature_hash'] or 'no hash'}"


def _kid(one: Mapping[str, Any]) -> str:
    return "a key without kid" if one["kid"] is None else repr(one["kid"])
