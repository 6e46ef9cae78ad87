"""What a key history says of a token's key at a time, as a step of `verify --explain`."""

from __future__ import annotations

from rightkey.cli.times import written
from rightkey.cli.watch.history import History, Span, names
from rightkey.errors import TokenRejected
from rightkey.jose.jws import read
from rightkey.jose.key import shown
from rightkey.verifier.explaining import Step


def history_step(history: History, raw: str | bytes, at: float) -> Step:
    """The step `history`: whether the key that a token names was published at a time."""
    try:
        kid = read(raw).header.kid
    except TokenRejected:
        return Step("history", "skipped", "not reached")
    spans = names(history.spans, kid)
    data = {"kid": kid, "published": [{"from": one.since, "until": one.until} for one in spans]}
    if not history.known_at(at):
        return Step("history", "note", f"the issuer was not watched at {written(at)}", data)
    if not spans:
        return Step("history", "failed", f"key {shown(kid)} was never published", data)
    found = next((one for one in spans if one.covers(at)), None)
    if found is None:
        told = "; ".join(map(_told, spans))
        return Step("history", "failed", f"key {shown(kid)} was not published then: {told}", data)
    return Step("history", "ok", f"key {shown(kid)} was published {_told(found)}", data)


def _told(span: Span) -> str:
    until = "until now" if span.until is None else f"until {written(span.until)}"
    leaked = "" if span.leaked is None else f", leaked {written(span.leaked)}"
    return f"from {written(span.since)} {until}{leaked}"
