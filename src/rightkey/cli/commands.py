"""Which commands there are. Each is imported when it is run, and not to be listed."""

from __future__ import annotations

from importlib import import_module

import click

from rightkey.version import __version__

COMMANDS = {
    "locate": "Find an issuer's signing keys.",
    "verify": "Verify a token, and say why not.",
    "decode": "Show what a token says, unverified.",
    "issuer": "Run an issuer on this machine, for tests.",
    "drill": "Try a service: rotations, outages, floods and attacks before it, scored.",
    "demo": "See rotations, an outage, a flood and attacks, on this machine.",
}
"""A command's name, which is that of its module and of the object in it, and what it does."""


class Lazy(click.Group):
    """A group whose commands are modules beside this one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"rightkey.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
@click.pass_context
def rightkey(context: click.Context, as_json: bool) -> None:
    """The right key for every token: find an issuer's signing keys, and verify its tokens.

    \b
    rightkey locate tenant.eu.auth0.com
    rightkey verify --issuer tenant.eu.auth0.com --audience https://api.example.com < token

    Exit codes: 0 valid or done, 1 rejected, 2 usage or configuration, 3 the issuer's fault.
    """
    if as_json:
        context.default_map = {name: {"as_json": True} for name in COMMANDS}
