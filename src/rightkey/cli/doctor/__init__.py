"""`rightkey doctor`: what a verifier would stumble over at an issuer, with the way out."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import click

from rightkey.cli import layout, output
from rightkey.cli import token as tokens
from rightkey.cli.connection import Connection, connection_options, metadata_option, provider_option
from rightkey.cli.doctor.examiner import Examiner, with_network
from rightkey.cli.doctor.findings import Examination, Exchange, Finding
from rightkey.cli.doctor.judging import findings
from rightkey.cli.progress import busy
from rightkey.issuer.name import Issuer
from rightkey.policy.trust import ANY
from rightkey.verifier.explaining import Explanation
from rightkey.verifier.threads import Verifier

STYLES = {"error": "red bold", "warning": "yellow", "note": "dim"}


@click.command()
@click.argument("issuer")
@click.option("--token", metavar="TOKEN", help="Verify this token too; - reads it from stdin.")
@click.option("--audience", multiple=True, metavar="NAME", help="The audience of the token.  [repeatable]")
@metadata_option
@provider_option
@connection_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def doctor(
    issuer: str,
    token: str | None,
    audience: tuple[str, ...],
    metadata_url: str | None,
    provider: str | None,
    connection: Connection,
    as_json: bool,
) -> int:
    """Say what a verifier would stumble over at ISSUER, a domain or URL.

    Ends with 1 where a finding is an error, with 3 where the issuer cannot be reached, else with 0.
    """
    parsed = Issuer.parse(issuer, provider, metadata_url, plain_http=connection.plain_http)
    raw = None if token is None else tokens.read(token)
    with busy(f"examining {issuer}"):
        transport, seconds = connection.transport(), min(4.0, connection.timeout or 4.0)
        seen = with_network(Examiner(transport, seconds).examine(parsed), connection.tls, seconds)
        if raw is not None:
            told = _explained(raw, parsed, audience, provider, connection)
            claims = told.verified.claims if told.verified else {}
            seen = replace(seen, token_error=told.error, token_claims=claims)
    found = findings(seen)
    if as_json:
        output.data(_document(seen, found))
    else:
        _show(seen, found)
    if not seen.reached:
        return 3
    return 1 if any(one.severity == "error" for one in found) else 0


def _explained(
    raw: str | bytes, issuer: Issuer, audience: tuple[str, ...], provider: str | None, connection: Connection
) -> Explanation:
    verifier = Verifier(
        issuer.name,
        audience=audience or ANY,
        provider=provider,
        metadata_url=issuer.metadata_url,
        transport=connection.transport(),
        freshness=connection.freshness(),
    )
    return verifier.explain(raw)


def _document(seen: Examination, found: tuple[Finding, ...]) -> dict[str, Any]:
    return {
        "issuer": seen.issuer.name,
        "reached": seen.reached,
        "findings": [asdict(one) for one in found],
        "steps": [
            {"step": one.step, "url": one.url, "answer": one.answer, "seconds": round(one.seconds, 3)}
            for one in seen.exchanges
        ],
        "keys": len(seen.usable),
        "skipped": len(seen.usable.skipped),
    }


def _show(seen: Examination, found: tuple[Finding, ...]) -> None:
    layout.pairs([(_took(one), f"{one.url} -> {one.answer}") for one in seen.exchanges])
    layout.line()
    for one in found:
        layout.line(f"{one.severity}: {one.message}", STYLES[one.severity])
        about = [("way out", one.hint)] if one.hint else []
        layout.pairs([*about, ("rule", f"{one.check}, {one.reference}")], indent=2)
    if found:
        layout.line()
    layout.line(_summary(found), "bold")


def _took(one: Exchange) -> str:
    return f"{1000 * one.seconds:.0f} ms"


def _summary(found: tuple[Finding, ...]) -> str:
    counts = [
        layout.counted(sum(one.severity == severity for one in found), severity)
        for severity in ("error", "warning", "note")
    ]
    return ", ".join(counts)
