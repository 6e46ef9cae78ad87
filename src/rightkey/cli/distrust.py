"""`rightkey distrust`: have a whole fleet refuse a key, within a second and for good."""

from __future__ import annotations

import click

from rightkey.cli import output
from rightkey.cli.errors import BadUse
from rightkey.cli.fleet import issuer_named, of_a_fleet, writing
from rightkey.freshness.distrust import key_name


@click.command()
@click.argument("issuer")
@click.argument("key")
@of_a_fleet
def distrust(issuer: str, key: str, store: str, store_secret_file: str | None, as_json: bool) -> int:
    """Have all services of a fleet refuse every token of ISSUER by KEY, a key id or a thumbprint.

    They refuse it within a second, and for the life of each process; the store keeps it for those to come.
    ISSUER is named as the services name it.
    """
    identity, name = issuer_named(issuer), key_name(key)
    fleet = writing(store, store_secret_file, "distrust")
    if not fleet.distrust(identity, name):
        raise BadUse(
            f"{fleet.store.name} did not take it: nothing is distrusted", "does it run, and has it room?"
        )
    if as_json:
        output.data({"issuer": identity, "key": name, "store": fleet.store.name})
    else:
        output.words("distrusted", f"{name} of {identity}")
    return 0
