"""The fleet that a command speaks to: its store, and its secret."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

from rightkey.cli.errors import BadUse
from rightkey.issuer.identity import identity_of
from rightkey.issuer.mistakes import fault_of
from rightkey.sources.fleets import Member, fleet_of
from rightkey.verifier.variables import read_secret


def of_a_fleet(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--store`, `--store-secret-file` and `--json`."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
        click.option(
            "--store-secret-file",
            metavar="FILE",
            envvar="RIGHTKEY_STORE_SECRET_FILE",
            help="The file with the fleet's secret.  [default: $RIGHTKEY_STORE_SECRET_FILE]",
        ),
        click.option(
            "--store",
            metavar="URL",
            envvar="RIGHTKEY_STORE",
            required=True,
            help="Where the fleet shares what it knows.  [default: $RIGHTKEY_STORE]",
        ),
    ):
        command = option(command)
    return command


def issuer_named(name: str) -> str:
    """The identity of an issuer. Raises BadUse: it names none, and nothing would be refused."""
    fault, hint = ("it is empty", None) if not name else fault_of(name) or (None, None)
    if fault is not None and (name.strip() != name or not re.search(r"\s", name)):  # a name may have words
        raise BadUse(f"ISSUER does not name an issuer: {fault}", hint)
    return identity_of(name)


def writing(store: str, store_secret_file: str | None, what: str) -> Member:
    """The fleet. Raises BadUse where it may only be read; `what` it cannot do then."""
    fleet = fleet_of(store, None if store_secret_file is None else read_secret(store_secret_file))
    assert fleet is not None  # noqa: S101 - a store was named
    if not fleet.seal.writes:
        raise BadUse(f"the public key alone cannot {what}", "--store-secret-file FILE with the private one")
    return fleet
