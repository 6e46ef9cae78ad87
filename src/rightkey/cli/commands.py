"""Which commands there are, in groups. A command's module is imported when it runs, not when it is listed."""

from __future__ import annotations

from importlib import import_module

import click

from rightkey.version import __version__

GROUPS = {
    "Keys and tokens": {
        "locate": "Find an issuer's signing keys.",
        "verify": "Verify a token, and say why not.",
        "decode": "Show what a token says, unverified.",
        "inspect": "Explain a token on a page of this machine.",
    },
    "Issuers in production": {
        "doctor": "Say what a verifier would stumble over.",
        "watch": "Show what changes, and keep the history of its keys.",
        "distrust": "Have a fleet refuse a key, within a second.",
        "deny": "Have a fleet refuse a session, a subject or a token.",
    },
    "In front of services": {
        "gateway": "Answer a proxy whether a request may pass.",
        "mirror": "Serve an issuer's keys to verifiers that do not refetch.",
    },
    "Tests and drills": {
        "issuer": "Run an issuer on this machine, for tests.",
        "drill": "Score a service under rotations, outages, floods and attacks.",
        "demo": "See rotations, an outage, a flood and attacks, on this machine.",
    },
    "Shell": {
        "completion": "Print the completion script of a shell.",
        "help": "Show the help of a command.",
    },
}
"""Groups of commands. A command's name is that of its module, and of the object in it."""
COMMANDS = {name: about for group in GROUPS.values() for name, about in group.items()}
_MODULES = {"help": "completion"}


class Lazy(click.Group):
    """A group whose commands are modules beside this one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"rightkey.cli.{_MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = getattr(module, f"{cmd_name}_" if cmd_name == "help" else cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS))
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), about) for name, about in commands.items()])


EXIT_CODES = (
    "Exit codes: 0 valid or done, 1 rejected or findings, 2 usage or configuration, 3 the issuer's fault, "
    "70 a defect of rightkey, 130 interrupted."
)


@click.command(cls=Lazy, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, errors included.")
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
@click.pass_context
def rightkey(context: click.Context, as_json: bool) -> None:
    """The right key for every token: find an issuer's signing keys, and verify its tokens.

    \b
    rightkey locate tenant.eu.auth0.com
    rightkey verify --issuer tenant.eu.auth0.com --audience my-api < token
    """
    if as_json:
        context.default_map = {name: {"as_json": True} for name in COMMANDS}
