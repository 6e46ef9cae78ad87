"""`rightkey mirror`: an issuer's keys, kept fresh, for verifiers that do not refetch by themselves."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace

import click

from rightkey.cli import layout, output
from rightkey.cli.connection import Connection, connection_options, metadata_option, provider_option
from rightkey.cli.gateway import require_extra
from rightkey.gateway.address import Address
from rightkey.gateway.mirror import WELL_KNOWN, Mirror
from rightkey.policy.trust import ANY, Trust
from rightkey.verifier.one import Surroundings, TrustedIssuer
from rightkey.verifier.single import memory_of


@click.command()
@click.argument("issuer")
@click.option(
    "--listen", default="127.0.0.1:9091", show_default=True, metavar="ADDRESS", help="Where to listen."
)
@click.option(
    "--every",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How old keys may be before they are fetched again.",
)
@metadata_option
@provider_option
@connection_options
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
def mirror(
    issuer: str,
    listen: str,
    every: float,
    metadata_url: str | None,
    provider: str | None,
    connection: Connection,
    as_json: bool,
) -> int:
    """Serve the keys of ISSUER at /.well-known/jwks.json, until it is interrupted.

    Through an outage the last good keys are served, with their true Age, for as long as any verifier of
    rightkey would take them.
    """
    require_extra("mirror")
    trust = Trust(issuer, ANY, provider=provider, metadata_url=metadata_url)
    freshness = replace(connection.freshness(), life=every, min_life=every, max_life=every)
    one = TrustedIssuer(trust, memory_of(0), Surroundings(freshness, connection.transport()))
    _serve(issuer, one, Address.of(listen), as_json=as_json)
    return 0


def _serve(issuer: str, one: TrustedIssuer, address: Address, *, as_json: bool) -> None:
    from rightkey.gateway import logs
    from rightkey.gateway.plain import NAMES, Plain
    from rightkey.gateway.protocol import Site
    from rightkey.gateway.worker import loop_factory, serve

    held = Mirror({issuer: one})
    site = Site(Plain(None, {issuer: one}, held, lambda: site.draining).read, NAMES)
    with address.bind() as sock, asyncio.Runner(loop_factory=loop_factory()) as runner:
        url = f"http://{address}{WELL_KNOWN}"
        if as_json:
            output.write(sys.stdout, json.dumps({"jwks_uri": url}) + "\n")
        else:
            layout.pairs([("keys", url)])
        sys.stdout.flush()
        logs.begin()
        runner.run(serve([(sock, site)], held.keep_fresh))
