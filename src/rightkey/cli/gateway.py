"""`rightkey gateway`: answers a proxy whether a request may pass."""

from __future__ import annotations

import os
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from rightkey.cli import layout, output
from rightkey.cli.errors import BadUse
from rightkey.gateway import snippets
from rightkey.gateway.configuration import Configuration, read
from rightkey.gateway.dialect import DIALECTS
from rightkey.gateway.environment import configuration_in, is_told
from rightkey.gateway.routes import Route
from rightkey.policy.trust import Trust


@click.command()
@click.argument("proxy", type=click.Choice(list(DIALECTS)))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def snippet(proxy: str, as_json: bool) -> int:
    """Print the configuration of PROXY, as it is tested.

    Of HAProxy there are two files: its configuration, and the Lua script that it loads.
    """
    texts = snippets.of(proxy)
    if as_json:
        output.data({"proxy": proxy, "files": texts})
        return 0
    for name, text in texts.items():
        if len(texts) > 1:
            output.write(sys.stdout, f"# ---- {name}\n")
        output.write(sys.stdout, text)
    return 0


COMMANDS = {"snippet": snippet}


@click.group(invoke_without_command=True, commands=COMMANDS)
@click.option("--config", metavar="FILE", help="The gateway's configuration, in TOML.")
@click.option("--check", is_flag=True, help="Say what the configuration holds, and end.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def gateway(context: click.Context, config: str | None, check: bool, as_json: bool) -> int | None:
    """Answer a proxy whether a request may pass, until it is interrupted.

    Without --config the environment tells: RIGHTKEY_GATEWAY_PROXY, RIGHTKEY_ISSUER, RIGHTKEY_AUDIENCE and
    others. SIGHUP has the configuration read again, and loses no request. --check reads it and asks no
    issuer. What happens is told on stderr as lines of JSON.
    """
    if context.invoked_subcommand is not None:
        if as_json:
            context.default_map = {name: {"as_json": True} for name in COMMANDS}
        return None
    if config is None and not is_told(os.environ):
        raise BadUse(
            "give --config FILE, or RIGHTKEY_GATEWAY_PROXY, RIGHTKEY_ISSUER and RIGHTKEY_AUDIENCE",
            "docs/gateway.md has a file to begin with",
        )
    reread = partial(configuration_in, os.environ) if config is None else partial(read, Path(config))
    configuration = reread()
    configuration.decision()
    if check:
        _show(facts(configuration), as_json=as_json)
        return 0
    require_extra("gateway")
    from rightkey.gateway import logs
    from rightkey.gateway.server import Server

    server = Server(configuration, reread)
    _show(facts(configuration), as_json=as_json)
    logs.begin()
    server.serve()
    return 0


def require_extra(command: str) -> None:
    """Raises BadUse where what a command needs is not installed."""
    if find_spec("httptools") is None:
        raise BadUse(f"rightkey {command} needs httptools", "pip install 'rightkey[gateway]'")


def facts(configuration: Configuration) -> dict[str, Any]:
    """What a configuration holds, in short."""
    return {
        "proxy": configuration.dialect.name,
        "listen": str(configuration.listen),
        "plain": str(configuration.plain),
        "workers": configuration.workers,
        "peers": [str(network) for network in configuration.peers.networks],
        "issuers": list(configuration.names),
        "identity": [*configuration.identity.names],
        "routes": [
            {
                "host": route.host,
                "path": route.path,
                "methods": sorted(route.methods),
                "needs": _needs(route, configuration.trusts),
            }
            for route in configuration.routes.routes
        ],
    }


def _needs(route: Route, trusts: tuple[Trust, ...]) -> str:
    """What a token must grant here: by the issuer's `require`, and by the route's."""
    if route.public:
        return "nothing"
    asked = {trust.requirement for trust in trusts}
    common = asked.pop() if len(asked) == 1 else None
    required = [one for one in (common, route.require) if one is not None]
    parts = [*dict.fromkeys(str(part) for one in required for part in one.parts)]
    if asked:  # they differ, so it depends on the token
        parts.append("what its issuer's require asks")
    needed = f"a token that grants {' and '.join(parts)}" if parts else "a token"
    return f"{needed}, if one is sent" if route.optional else needed


def _show(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.data(told)
    else:
        listed = {
            name: ", ".join(value) if isinstance(value, list) else str(value)
            for name, value in told.items()
            if name != "routes"
        }
        layout.pairs([(name, value or "none") for name, value in listed.items()])
        layout.line()
        layout.table(
            ("host", "path", "methods", "needs"),
            [
                (row["host"] or "any", row["path"], " ".join(row["methods"]) or "any", row["needs"])
                for row in told["routes"]
            ],
        )
    sys.stdout.flush()
