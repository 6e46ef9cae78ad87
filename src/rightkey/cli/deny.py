"""`rightkey deny`: have a whole fleet refuse a session, a subject or a token, within a second."""

from __future__ import annotations

import time
from typing import Any

import click

from rightkey.cli import output
from rightkey.cli.errors import BadUse
from rightkey.cli.fleet import issuer_named, of_a_fleet, writing
from rightkey.cli.times import Time, written
from rightkey.verdict.denylist import Denylist, denial


@click.command()
@click.argument("issuer")
@click.option("--sid", metavar="SESSION", help="All tokens of this session.")
@click.option("--sub", metavar="SUBJECT", help="This subject's tokens that were issued until --before.")
@click.option("--jti", metavar="ID", help="The token with this id.")
@click.option("--before", type=Time(), metavar="TIME", help="Tokens issued at TIME or earlier; all, alone.")
@click.option("--until", type=Time(), metavar="TIME", help="Forget it at TIME.  [default: in 24 hours]")
@of_a_fleet
def deny(
    issuer: str,
    sid: str | None,
    sub: str | None,
    jti: str | None,
    before: float | None,
    until: float | None,
    store: str,
    store_secret_file: str | None,
    as_json: bool,
) -> int:
    """Have all services of a fleet refuse tokens of ISSUER that have not ended yet.

    They refuse them within a second, where they have a denylist in the same store. Name one of --sid, --sub
    and --jti; or --before alone, for all tokens that ISSUER has issued until then. A TIME is Unix, or ISO
    8601 in UTC; --before is now by default, for a subject. ISSUER is named as the services name it.
    """
    from rightkey.stores.store import StoreFailed

    identity = issuer_named(issuer)
    fleet = writing(store, store_secret_file, "deny")
    names: dict[Any, Any] = {"sid": sid, "sub": sub, "jti": jti}
    longest = Denylist(on_loss="refuse").longest
    entry = denial(identity, time.time(), longest, names=names, before=before, until=until)
    try:
        fleet.denials().deny(entry)
    except StoreFailed as error:
        raise BadUse(f"nothing is denied: {error}", "does the store run, and has it room?") from None
    if as_json:
        shown = None if entry.before == float("inf") else entry.before
        output.data({"issuer": identity, "before": shown, "until": entry.until, "store": fleet.store.name})
    else:
        output.words("denied", f"tokens of {identity}, until {written(entry.until)}")
    return 0
