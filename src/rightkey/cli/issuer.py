"""`rightkey issuer`: an issuer on this machine, for tests, until it is stopped."""

from __future__ import annotations

import ipaddress
import json
import re
import shlex
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import click

from rightkey.cli import layout, output
from rightkey.cli.detached import left_running
from rightkey.cli.errors import BadUse
from rightkey.cli.files import contents
from rightkey.cli.managing import COMMANDS
from rightkey.cli.stopping import stop_signal
from rightkey.errors import quoted
from rightkey.localissuer import ALGORITHMS, DRESSES, Client, LocalIssuer, LocalIssuers, RateLimit, Schedule

_SUBJECT = "alice"
_TRUST = ("RIGHTKEY_CA_FILE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
"""Where rightkey, OpenSSL with Python, requests and Node look for further authorities."""


@click.group(invoke_without_command=True, commands=COMMANDS)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Where to listen.  [default: any free]"
)
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="The address to listen on.")
@click.option("--expose", is_flag=True, help="Let other machines in: they can get any token.")
@click.option("--url", metavar="URL", help="Scheme, host and port under which clients reach it.")
@click.option("--tls", is_flag=True, help="Serve https, with a certificate of its own authority.")
@click.option(
    "--dress",
    type=click.Choice(list(DRESSES)),
    default="auth0",
    show_default=True,
    help="The vendor that it looks like.",
)
@click.option(
    "--alg",
    type=click.Choice(list(ALGORITHMS)),
    default="RS256",
    metavar="ALG",
    show_default=True,
    help="The algorithm of its keys.",
)
@click.option("--x5t", type=click.Choice(["hex", "rfc"]), help="How thumbprints are written.")
@click.option("--no-alg", is_flag=True, help="Publish keys without their algorithm.")
@click.option("--audience", metavar="NAME", help="The audience of its tokens.")
@click.option("--client", multiple=True, metavar="ID[:SECRET]", help="Accept this client only.  [repeatable]")
@click.option(
    "--claims", metavar="FILE", help="JSON file with further claims of the tokens that grants bring."
)
@click.option("--state", metavar="FILE", help="Keep keys, clients and refresh tokens in this file.")
@click.option(
    "--rotate-every",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Rotate this often.",
)
@click.option(
    "--overlap",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Withdraw a previous key after this time.  [default: two rotations]",
)
@click.option("--rate-limit", is_flag=True, help="Refuse more than 20 requests a second, as Auth0 does.")
@click.option("--env", is_flag=True, help="Leave it running, and print its environment for `eval`.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
@click.pass_context
def issuer(context: click.Context, /, as_json: bool, env: bool, **given: Any) -> int | None:
    """Run an issuer on this machine, for tests, until it is interrupted.

    It needs no configuration: it listens on a loopback port, makes its keys, and gives any client any token.
    Never for production. The commands below manage a running one.
    """
    if context.invoked_subcommand is not None:
        if as_json:
            context.default_map = {name: {"as_json": True} for name in COMMANDS}
        return None
    require_loopback(given["host"], exposed=given["expose"])
    issuers = _made(given)
    if env:
        return left_running(context)
    try:
        issuers.start()
    except OSError as error:
        why = (error.strerror or "cannot listen").lower()
        raise BadUse(f"{given['host']} port {given['port']}: {why}", "--port 0 takes any free one") from None
    stop = stop_signal()
    try:
        _tell(_facts(issuers), as_json=as_json)
        if given["expose"]:
            output.words("note", "it is exposed: anyone who can reach it can get any token")
        stop.recv(1)
    finally:
        stop.close()
        issuers.close()
    return 0


def require_loopback(host: str, *, exposed: bool) -> None:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback and not exposed:
        raise BadUse(
            f"{host} can be reached from other machines, which can then get any token",
            "--expose allows it",
        )


def _made(given: dict[str, Any]) -> LocalIssuers:
    if given["overlap"] is not None and given["rotate_every"] is None:
        raise BadUse("--overlap needs --rotate-every", "--rotate-every SECONDS sets a schedule")
    try:
        issuers = LocalIssuers(
            host=given["host"],
            port=given["port"],
            tls=given["tls"],
            url=origin_of(given["url"]),
            **_options(given),
        )
        LocalIssuer(state=given["state"])  # fails at once if the file cannot be used
    except (ValueError, OSError) as error:
        raise BadUse(str(error)) from None
    return issuers


def _options(given: dict[str, Any]) -> dict[str, Any]:
    """The options of each issuer."""
    period, overlap = given["rotate_every"], given["overlap"]
    options: dict[str, Any] = {
        "dress": given["dress"],
        "algorithm": given["alg"],
        "x5t": given["x5t"],
        "alg": False if given["no_alg"] else None,
        "audience": given["audience"],
        "clients": [Client.of(text) for text in given["client"]],
        "claims": _claims(given["claims"]),
        "state": given["state"],
        "etag": True,
    }
    if period is not None:
        options["schedule"] = Schedule(period, 2 * period if overlap is None else overlap)
    if given["rate_limit"]:
        options["rate_limit"] = RateLimit()
    return options


def _claims(file: str | None) -> dict[str, Any] | None:
    if file is None:
        return None
    try:
        claims = json.loads(contents(file))
    except ValueError:
        claims = None
    if not isinstance(claims, dict):
        raise BadUse(f"{file}: not a JSON object")
    return claims


def origin_of(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    more = parts.path not in ("", "/") or "@" in parts.netloc or re.search("[?#]", url)
    if parts.scheme not in ("http", "https") or not parts.netloc or more:
        hint = "such as http://issuer.test:8080"
        raise BadUse(f"--url must be scheme, host and port, got {quoted(url)}", hint)
    return f"{parts.scheme}://{parts.netloc}"


def _facts(issuers: LocalIssuers) -> dict[str, Any]:
    one = issuers[""]
    metadata, ca_file = one.urls["discovery"], issuers.ca_file
    trust = ["--cacert", str(ca_file)] if ca_file else []
    return {
        "issuer": one.url,
        "audience": one.audience,
        "metadata_url": metadata,
        "jwks_uri": one.urls["jwks"],
        "curl": shlex.join(["curl", *trust, metadata]),
        "token": one.token(sub=_SUBJECT),
        "page": f"{one.address.origin}/",
        "environment": {
            "RIGHTKEY_ISSUER": one.url,
            "RIGHTKEY_AUDIENCE": one.audience,
            **({name: str(ca_file) for name in _TRUST} if ca_file else {}),
        },
        "ca_file": str(ca_file) if ca_file else None,
    }


def _tell(facts: dict[str, Any], *, as_json: bool) -> None:
    """Print the facts and flush, since a program may wait for them at the other end of a pipe."""
    if as_json:
        output.write(sys.stdout, json.dumps(facts) + "\n")
    else:
        layout.pairs(_lines(facts))
        layout.line()
        # on a terminal they are copied into a shell; a file of variables has no `export`
        export = "export " if sys.stdout.isatty() else ""
        for name, value in facts["environment"].items():
            output.write(sys.stdout, f"{export}{name}={shlex.quote(value)}\n")
    sys.stdout.flush()


def _lines(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("issuer", "audience", "ca_file"):
        if facts[name]:
            yield name.replace("_", " "), facts[name]
    yield "keys", facts["jwks_uri"]
    yield "page", facts["page"]
    yield "try", facts["curl"]
    yield f"token of {_SUBJECT}", facts["token"]
