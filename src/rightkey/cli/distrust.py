"""`rightkey distrust`: have a whole fleet refuse a key, within a second and for good."""

from __future__ import annotations

import click

from rightkey.cli import output
from rightkey.cli.errors import BadUse
from rightkey.issuer.identity import identity_of
from rightkey.sources.fleets import fleet_of
from rightkey.verifier.environment import read_secret


@click.command()
@click.argument("issuer")
@click.argument("key")
@click.option(
    "--store",
    metavar="URL",
    envvar="RIGHTKEY_STORE",
    required=True,
    help="Where the fleet shares what it knows.  [default: $RIGHTKEY_STORE]",
)
@click.option(
    "--store-secret-file",
    metavar="FILE",
    envvar="RIGHTKEY_STORE_SECRET_FILE",
    help="The file with the fleet's secret.  [default: $RIGHTKEY_STORE_SECRET_FILE]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def distrust(issuer: str, key: str, store: str, store_secret_file: str | None, as_json: bool) -> int:
    """Have all services of a fleet refuse every token of ISSUER by KEY, a key id or a thumbprint.

    They refuse it within a second, and for the life of each process; the store keeps it for those to come.
    ISSUER is named as the services name it.
    """
    fleet = fleet_of(store, None if store_secret_file is None else read_secret(store_secret_file))
    assert fleet is not None  # noqa: S101 - a store was named
    if not fleet.seal.writes:
        raise BadUse("the public key alone cannot distrust", "--store-secret-file FILE with the private one")
    if not fleet.distrust(identity_of(issuer), key):
        raise BadUse(
            f"{fleet.store.name} did not take it: nothing is distrusted", "does it run, and has it room?"
        )
    if as_json:
        output.data({"issuer": identity_of(issuer), "key": key, "store": fleet.store.name})
    else:
        output.words("distrusted", f"{key} of {identity_of(issuer)}")
    return 0
