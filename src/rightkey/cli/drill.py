"""`rightkey drill`: how a service of any language stands up to its issuer's bad days, and to forgers."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from rightkey.cli import card, output
from rightkey.cli.errors import BadUse
from rightkey.cli.issuer import origin_of, require_loopback
from rightkey.cli.pairs import pairs_of
from rightkey.drill import Row, Scorecard, Target, Tokens
from rightkey.drill import drill as played
from rightkey.drill.badge import badge
from rightkey.drill.compare import verdicts
from rightkey.drill.junit import junit
from rightkey.drill.service import WAIT, environment
from rightkey.drill.stage import COOLDOWN
from rightkey.drill.stopping import Interrupted, Stop
from rightkey.localissuer import ALGORITHMS, DRESSES, LocalIssuer

_SECONDS = click.FloatRange(min=0, min_open=True)
_FILE = click.Path(path_type=Path)


Command = TypeVar("Command", bound=Callable[..., Any])


def _options(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Many options at once, in the order in which --help shows them."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_SERVICE = _options(
    click.option("--life", type=_SECONDS, metavar="SECONDS", help="For how long the service caches keys."),
    click.option(
        "--cooldown",
        type=click.FloatRange(min=0),
        default=COOLDOWN,
        metavar="SECONDS",
        show_default=True,
        help="For how long it may put off a second look for an unknown key.",
    ),
    click.option(
        "--workers", type=click.IntRange(min=1), default=1, metavar="N", help="Processes that serve."
    ),
    click.option("--restart", metavar="COMMAND", help="Restarts a service that is started elsewhere."),
    click.option(
        "--wait",
        type=_SECONDS,
        default=WAIT,
        metavar="SECONDS",
        show_default=True,
        help="Until the service must answer.",
    ),
)
_REQUEST = _options(
    click.option("--method", metavar="METHOD", help="How TARGET is asked.  [default: GET, POST with --data]"),
    click.option(
        "--carrier",
        default="Authorization: Bearer {token}",
        metavar="HEADER",
        show_default=True,
        help="The header that carries the token.",
    ),
    click.option(
        "--header", "headers", multiple=True, metavar="HEADER", help="A further header.  [repeatable]"
    ),
    click.option("--data", metavar="TEXT", help="The body of each request."),
    click.option(
        "--accepted",
        metavar="TEXT",
        help="What the body has if the token was accepted, where a refusal is a 2xx as well.",
    ),
    click.option("--ca-file", metavar="FILE", help="PEM file of the authorities to trust for TARGET."),
)
_ISSUER = _options(
    click.option("--dress", type=click.Choice(list(DRESSES)), help="Whose issuer and tokens it looks like."),
    click.option(
        "--alg",
        "algorithm",
        type=click.Choice(list(ALGORITHMS)),
        default="RS256",
        metavar="ALG",
        show_default=True,
        help="What it signs by.",
    ),
    click.option("--audience", metavar="NAME", help="The audience of tokens."),
    click.option(
        "--claim",
        "claims",
        multiple=True,
        metavar="NAME=VALUE",
        help="A claim of each token: JSON if it is, text if not.  [repeatable]",
    ),
    click.option("--typ", metavar="TYPE", help="The typ of each token, such as at+jwt."),
    click.option(
        "--port",
        type=click.IntRange(0, 65535),
        default=0,
        help="Where the issuer listens.  [default: any free]",
    ),
    click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="The address it listens on."),
    click.option("--expose", is_flag=True, help="Let other machines in: they can have any token they like."),
    click.option("--url", metavar="URL", help="Scheme, host and port by which the service reaches it."),
    click.option("--tls", is_flag=True, help="Have the issuer serve https, by an authority made for it."),
)
_CARD = _options(
    click.option(
        "--only", multiple=True, metavar="NAME", help="Play these: a name or 'attack:*'.  [repeatable]"
    ),
    click.option("--skip", multiple=True, metavar="NAME", help="Leave these out, likewise.  [repeatable]"),
    click.option("--list", "listed", is_flag=True, help="List the exercises, and play none."),
    click.option("--strict", is_flag=True, help="Let advice, and refusals by an error, count as well."),
    click.option("--baseline", metavar="FILE", help="An earlier card: fail only on what got worse."),
    click.option("--junit", type=_FILE, metavar="FILE", help="Write JUnit's XML, too."),
    click.option("--badge", "badge_file", type=_FILE, metavar="FILE", help="Write a badge as SVG, too."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
)


@click.command()
@click.argument("target", required=False)
@click.argument("command", nargs=-1)
@_SERVICE
@_REQUEST
@_ISSUER
@_CARD
def drill(target: str | None, command: tuple[str, ...], listed: bool, as_json: bool, **given: Any) -> int:
    """Play rotations, outages, floods and attacks before the service that answers at TARGET, and score it.

    TARGET is a URL that wants a token. With a COMMAND the drill starts the service itself, anew for each
    exercise that wants that; {issuer}, {audience}, {jwks_uri} and {ca_file} in it are replaced, and
    RIGHTKEY_ISSUER and RIGHTKEY_AUDIENCE are in its environment. Without one, start it when the issuer's
    address is shown.

    \b
    rightkey drill http://127.0.0.1:8000/me --life 2 -- uvicorn --port 8000 app:app
    rightkey drill diff before.json after.json

    Ends with 0 where nothing failed that a standard demands, with 1 where something did, and with 2 where
    there is no service to score.
    """
    if listed:
        return card.show_all(as_json=as_json)
    if target == "diff":
        return card.differences(command, as_json=as_json, strict=given["strict"])
    if target is None:
        raise BadUse("expected the URL of a service", "rightkey drill TARGET [-- COMMAND...]")
    require_loopback(given["host"], exposed=given["expose"])
    card.require_writable(given["junit"], given["badge_file"])
    with Stop() as stop:
        try:
            scored = _scored(target, command, given, stop, as_json=as_json)
            with stop.held():
                _report(scored, given, as_json=as_json)
        except Interrupted as interrupted:
            return interrupted.code
    return stop.code or (2 if scored.stopped else 0 if scored.passed else 1)


def _scored(
    url: str, command: tuple[str, ...], given: dict[str, Any], stop: Stop, *, as_json: bool
) -> Scorecard:
    progress = card.Progress()

    def listener(row: Row) -> None:
        progress.ends()
        if not as_json:
            card.show(row)

    try:
        asked = {
            name: given[name] for name in ("method", "carrier", "headers", "data", "accepted", "ca_file")
        }
        with Target(url, **asked) as target:
            return played(
                target,
                command=command,
                restart=shlex.split(given["restart"] or ""),
                make_issuer=lambda: LocalIssuer(**_issuer(given)),
                tokens=Tokens(given["dress"], given["typ"], pairs_of(given["claims"])),
                baseline=verdicts(card.card_in(given["baseline"])) if given["baseline"] else None,
                announce=(lambda _: None) if command or given["restart"] else _announce,
                starting=progress.starts,
                listener=listener,
                stop=stop,
                **{name: given[name] for name in _PLAYED},
            )
    except (ValueError, OSError) as error:
        raise BadUse(str(error), "rightkey drill --list shows the exercises") from None
    finally:
        progress.ends()


_PLAYED = ("life", "cooldown", "workers", "wait", "only", "skip", "strict")


def _issuer(given: dict[str, Any]) -> dict[str, Any]:
    options = {name: given[name] for name in ("port", "host", "tls", "dress", "algorithm", "audience")}
    origin = origin_of(given["url"])
    if origin is None:
        return options
    dress = DRESSES[given["dress"] or "auth0"]
    return options | {"url": f"{origin}{dress.path}{'/' if dress.slash else ''}"}


_HINTS = {
    "a good token was": "does it trust the drill's issuer, and its audience? is TARGET its URL?",
    "another process answers": "end that, or leave out the command to drill what answers",
    "no answer at": "is TARGET the URL that it serves? --wait SECONDS gives it longer",
    "the service ended with 0": "a command has to stay in the foreground; --restart is for one that does not",
}
"""The way out, by what the reason has in it, where the service's own words do not say it."""


def _hint(reason: str) -> str | None:
    return next((hint for words, hint in _HINTS.items() if words in reason), None)


def _announce(issuer: LocalIssuer) -> None:
    """On stderr: what the service is to be started with is no result."""
    told = {**environment(issuer), "jwks_uri": issuer.urls["jwks"]}
    lines = [f"{name}={shlex.quote(value)}" for name, value in told.items()]
    output.words(
        "note", "the issuer is there; now start the service with these, and the drill begins", *lines
    )


def _report(scored: Scorecard, given: dict[str, Any], *, as_json: bool) -> None:
    """The card in every form that was asked for, whether the drill came to its end or not."""
    if as_json:
        output.data(scored.document())
    else:
        card.summarize(scored)
    if scored.stopped is not None:
        what, _, more = scored.stopped.partition("\n")
        output.words("error", what, *more.splitlines())
        if hint := _hint(what):
            output.words("hint", hint)
    if given["junit"] is not None:
        card.write(given["junit"], junit(scored))
    if given["badge_file"] is not None:
        card.write(given["badge_file"], badge(scored).encode())
