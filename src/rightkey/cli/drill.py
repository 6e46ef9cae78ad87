"""`rightkey drill`: how a service of any language stands up to its issuer's bad days, and to forgers."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from rightkey.cli import layout, output
from rightkey.cli.errors import BadUse
from rightkey.drill import EXERCISES, NotReady, Row, Scorecard, Target
from rightkey.drill import drill as played
from rightkey.drill.rehearsing import WAIT
from rightkey.drill.service import environment
from rightkey.localissuer import ALGORITHMS, DRESSES, LocalIssuer

_MARKS = {"passed": "ok", "failed": "failed", "skipped": "skipped"}


@click.command()
@click.argument("target")
@click.argument("command", nargs=-1)
@click.option(
    "--life",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="For how long the service caches keys: make that short for the drill.",
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(list(EXERCISES)),
    metavar="NAME",
    help="Play this exercise only.  [repeatable]",
)
@click.option("--workers", type=click.IntRange(min=1), default=1, metavar="N", help="Processes that serve.")
@click.option("--method", default="GET", metavar="METHOD", show_default=True, help="How TARGET is asked.")
@click.option(
    "--carrier",
    default="Authorization: Bearer {token}",
    metavar="HEADER",
    show_default=True,
    help="The header that carries the token.",
)
@click.option("--ca-file", metavar="FILE", help="PEM file of the authorities to trust for TARGET.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Where the issuer listens.  [default: any free]"
)
@click.option("--tls", is_flag=True, help="Have the issuer serve https, by an authority made for it.")
@click.option("--dress", type=click.Choice(list(DRESSES)), help="Whose issuer it looks like.")
@click.option(
    "--alg",
    "algorithm",
    type=click.Choice(list(ALGORITHMS)),
    default="RS256",
    metavar="ALG",
    show_default=True,
    help="What it signs by.",
)
@click.option("--audience", metavar="NAME", help="Whom tokens are for.")
@click.option(
    "--wait",
    type=click.FloatRange(min=0, min_open=True),
    default=WAIT,
    metavar="SECONDS",
    show_default=True,
    help="Until the service must answer.",
)
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write JUnit's XML, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def drill(target: str, command: tuple[str, ...], as_json: bool, junit: Path | None, **given: Any) -> int:
    """Play rotations, outages, floods and attacks before the service that answers at TARGET, and score it.

    TARGET is a URL that wants a token. With a COMMAND the drill starts the service itself, anew for each
    exercise that wants that; {issuer}, {audience} and {jwks_uri} in it are replaced, and RIGHTKEY_ISSUER and
    RIGHTKEY_AUDIENCE are in its environment. Without one, start it when the issuer's address is shown.

    \b
    rightkey drill http://127.0.0.1:8000/me --life 2 -- uvicorn --port 8000 app:app

    Ends with 0 where all that was played passed, with 1 where something failed, and with 2 where there is no
    service to score.
    """
    try:
        with Target(
            target, method=given.pop("method"), carrier=given.pop("carrier"), ca_file=given.pop("ca_file")
        ) as asked:
            card = _card(asked, command, given, as_json=as_json)
    except (ValueError, OSError) as error:
        raise BadUse(str(error)) from None
    except NotReady as error:
        what, _, more = str(error).partition("\n")
        output.words("error", what, *more.splitlines())
        output.words("hint", "does it trust the drill's issuer, and its audience? is TARGET its URL?")
        return 2
    if junit is not None:
        _write(junit, card.junit())
    if as_json:
        output.data(card.document())
    else:
        _sum(card)
    return 0 if card.passed else 1


def _card(target: Target, command: Sequence[str], given: dict[str, Any], *, as_json: bool) -> Scorecard:
    issuer = {name: given.pop(name) for name in ("port", "tls", "dress", "algorithm", "audience")}
    return played(
        target,
        command=command,
        make_issuer=lambda: LocalIssuer(**issuer),
        announce=(lambda _: None) if command else _announce,
        listener=(lambda _: None) if as_json else _show,
        **given,
    )


def _announce(issuer: LocalIssuer) -> None:
    """On stderr: what the service is to be started with is no result."""
    told = {**environment(issuer), "jwks_uri": issuer.urls["jwks"]}
    lines = [f"{name}={shlex.quote(value)}" for name, value in told.items()]
    output.words("note", "the issuer is there; start the service before it, and the drill begins", *lines)


def _show(row: Row) -> None:
    cost = layout.counted(row.requests, "request")
    wait = f", {row.wait:.1f} s waited" if row.wait >= 0.1 else ""
    layout.triples([(layout.mark(_MARKS[row.verdict]), f"{row.name:32}", Text(f"{row.told} ({cost}{wait})"))])


def _sum(card: Scorecard) -> None:
    style = "green bold" if card.passed else "red bold"
    said = ", ".join(f"{card.count(verdict)} {verdict}" for verdict in _MARKS)
    layout.line(f"{said}; {card.seconds:.0f} s", style)


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise BadUse(f"{file}: {(error.strerror or 'cannot be written').lower()}") from None
