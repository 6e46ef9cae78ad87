"""`rightkey issuer COMMAND --at URL`: keys, tokens, faults, requests and the clock of a local issuer."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import quote

import click

from rightkey.cli import layout, output
from rightkey.cli.errors import BadUse
from rightkey.cli.pairs import pairs_of
from rightkey.cli.running import NotThere, Running
from rightkey.cli.times import Time, written
from rightkey.localissuer.clients import Client
from rightkey.localissuer.management import AUTH0, OURS

_ROLES = ("current", "next", "previous", "revoked")


def _managing(command: Callable[..., Any]) -> Callable[..., int]:
    """Give a command `--at`, `--ca-file` and `--json`. It returns the answer, and how to show it."""

    @wraps(command)
    def run(at: str | None, ca_file: str | None, as_json: bool, **given: Any) -> int:
        if at is None:
            raise BadUse("no issuer given", "--at URL, or RIGHTKEY_ISSUER in the environment")
        try:
            said, show = command(Running(at, ca_file), **given)
        except NotThere as error:
            output.words("error", str(error))
            output.words("hint", "rightkey issuer runs one, and prints its URL")
            return 3
        if as_json:
            output.data(said)
        else:
            show(said)
        return 0

    run = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(run)
    run = click.option(
        "--ca-file", metavar="FILE", envvar="RIGHTKEY_CA_FILE", help="The authority of an issuer with --tls."
    )(run)
    return click.option(
        "--at", metavar="URL", envvar="RIGHTKEY_ISSUER", help="The issuer.  [default: $RIGHTKEY_ISSUER]"
    )(run)


@click.command()
@_managing
def keys(issuer: Running) -> Any:
    """List the current, next, previous and revoked keys."""
    return issuer.ask("GET", AUTH0), _show_keys


@click.command()
@click.option("--surprise", is_flag=True, help="Sign with a key that was never published.")
@_managing
def rotate(issuer: Running, surprise: bool) -> Any:
    """Let the next key sign, and publish another next one."""
    return issuer.ask("POST", f"{OURS}/keys/rotate", {"surprise": surprise}), _show_kid


@click.command()
@_managing
def swap(issuer: Running) -> Any:
    """Put another key under the current key's id."""
    return issuer.ask("POST", f"{OURS}/keys/swap"), _show_kid


@click.command()
@click.argument("kid")
@_managing
def revoke(issuer: Running, kid: str) -> Any:
    """Withdraw the previous key KID."""
    return issuer.ask("PUT", f"{AUTH0}/{quote(kid, safe='')}/revoke"), _show_kid


@click.command()
@click.argument("claims", nargs=-1)
@click.option("--attack", metavar="NAME", help="A forged or misused one; `list` names them.")
@_managing
def token(issuer: Running, claims: tuple[str, ...], attack: str | None) -> Any:
    """Mint a token with any CLAIMS, each NAME=VALUE.

    A VALUE that is not JSON is text. A claim that is null is left out.
    """
    if attack == "list":
        return issuer.ask("GET", f"{OURS}/attacks"), lambda said: layout.pairs(said.items())
    body = {"claims": pairs_of(claims)}
    path = "token" if attack is None else f"attacks/{quote(attack, safe='')}"
    return issuer.ask("POST", f"{OURS}/{path}", body), lambda said: layout.line(said["token"])


@click.command()
@click.argument("endpoint", required=False)
@click.argument("fault", required=False)
@click.argument("options", nargs=-1)
@click.option("--times", type=int, metavar="N", help="For N requests.  [default: until behave]")
@click.option("--every", type=int, default=1, metavar="N", help="Only every Nth request.")
@click.option("--ratio", type=float, default=1.0, metavar="R", help="Only this fraction of them.")
@click.option(
    "--seed", type=int, default=0, metavar="N", help="Draws the fraction: the same seed draws the same one."
)
@_managing
def misbehave(
    issuer: Running, endpoint: str | None, fault: str | None, options: tuple[str, ...], **rule: Any
) -> Any:
    """Have ENDPOINT go wrong by FAULT, with OPTIONS.

    Each option is NAME=VALUE. Without arguments, lists what is planned.
    """
    if endpoint is None or fault is None:
        return issuer.ask("GET", f"{OURS}/faults"), _show_planned
    if rule["times"] is None:
        del rule["times"]
    body = {"endpoint": endpoint, "fault": fault, "options": pairs_of(options)} | rule
    return issuer.ask("POST", f"{OURS}/faults", body), _show_planned


@click.command()
@click.argument("endpoint", required=False)
@_managing
def behave(issuer: Running, endpoint: str | None) -> Any:
    """Have ENDPOINT, or all of them, answer correctly again."""
    query = "" if endpoint is None else f"?endpoint={quote(endpoint, safe='')}"
    return issuer.ask("DELETE", f"{OURS}/faults{query}"), _show_planned


@click.command()
@click.option("--last", type=click.IntRange(min=0), default=20, metavar="N", help="How many to show.")
@click.option("--clear", is_flag=True, help="Start again at zero.")
@_managing
def requests(issuer: Running, last: int, clear: bool) -> Any:
    """Show counts by endpoint, and the latest requests."""
    method, query = ("DELETE", "") if clear else ("GET", f"?last={last}")
    return issuer.ask(method, f"{OURS}/requests{query}"), _show_requests


@click.command()
@click.option("--freeze", is_flag=True, help="Stop it.")
@click.option("--freeze-at", type=Time(), metavar="TIME", help="Stop it at TIME: Unix, or ISO 8601.")
@click.option("--advance", type=float, metavar="SECONDS", help="Move it forward.")
@click.option("--skew", type=float, metavar="SECONDS", help="Run ahead of the true time.")
@click.option("--resume", is_flag=True, help="Run at the true time again.")
@_managing
def clock(issuer: Running, **given: Any) -> Any:
    """Show the issuer's clock, or set it."""
    asked = {name: value for name, value in given.items() if value is not None and value is not False}
    if not asked:
        return issuer.ask("GET", f"{OURS}/clock"), _show_clock
    if "freeze_at" in asked:
        asked["freeze"] = asked.pop("freeze_at")
    return issuer.ask("POST", f"{OURS}/clock", asked), _show_clock


@click.command()
@click.argument("client", required=False, metavar="[ID[:SECRET]]")
@click.option(
    "--redirect-uri", multiple=True, metavar="URI", help="Where people are sent back to.  [repeatable]"
)
@_managing
def clients(issuer: Running, client: str | None, redirect_uri: tuple[str, ...]) -> Any:
    """Show the listed clients, or list one.

    A client without a secret is public. Once one is listed, only listed ones are accepted.
    """
    if client is None and not redirect_uri:
        return issuer.ask("GET", f"{OURS}/clients"), _show_clients
    listed = Client.of(client or "")
    if not listed.client_id:
        raise BadUse("no client given", "ID, or ID:SECRET")
    body = {"redirect_uris": redirect_uri} | ({"secret": listed.secret} if listed.secret else {})
    path = f"{OURS}/clients/{quote(listed.client_id, safe='')}"
    return issuer.ask("PUT", path, body), lambda said: layout.line(said["client_id"])


COMMANDS: dict[str, click.Command] = {
    "keys": keys,
    "rotate": rotate,
    "swap": swap,
    "revoke": revoke,
    "token": token,
    "misbehave": misbehave,
    "behave": behave,
    "requests": requests,
    "clock": clock,
    "clients": clients,
}
"""The commands by name."""


def _show_keys(said: list[dict[str, Any]]) -> None:
    rows = [(key["kid"], next(role for role in _ROLES if key[role])) for key in said]
    layout.table(("kid", "role"), rows)


def _show_kid(said: dict[str, Any]) -> None:
    layout.line(said["kid"])


def _show_clients(said: dict[str, Any]) -> None:
    for client_id in said["clients"] or ["any client is accepted, with any secret: none is listed"]:
        layout.line(client_id)


def _show_planned(said: dict[str, Any]) -> None:
    rows = [
        (
            rule["endpoint"],
            " ".join([rule["fault"], *(f"{name}={value}" for name, value in rule["options"].items())]),
            "until behave" if rule["times"] is None else f"{rule['times']} times",
            _share(rule["every"], rule["ratio"]),
        )
        for rule in said["planned"]
    ]
    layout.table(("endpoint", "fault", "for", "of the requests"), rows)


def _share(every: int, ratio: float) -> str:
    """Of which requests a fault is, in words."""
    counted = [] if every == 1 else [f"one in {every}"]
    drawn = [] if ratio == 1 else [f"{ratio:.3g} of {'those' if counted else 'them'}, drawn at random"]
    return ", ".join([*counted, *drawn]) or "all"


def _show_requests(said: dict[str, Any]) -> None:
    layout.pairs(
        [(name, str(count)) for name, count in said["counts"].items()] + [("total", str(said["total"]))]
    )
    layout.table(("method", "path"), [(one["method"], one["path"]) for one in said["requests"]])


def _show_clock(said: dict[str, Any]) -> None:
    state = "stopped" if said["frozen"] else "running"
    layout.pairs([("now", written(said["now"])), ("state", state), ("off by", f"{said['off']} s")])
