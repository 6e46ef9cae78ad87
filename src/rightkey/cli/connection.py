"""How an issuer is reached: which authorities to trust for TLS, and how long to wait."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from rightkey.cli.errors import BadUse
from rightkey.cli.files import contents
from rightkey.freshness.settings import Freshness
from rightkey.issuer.providers import PROVIDERS
from rightkey.transport.default import DefaultTransport


@dataclass(frozen=True, slots=True)
class Connection:
    """`--ca-file`, `--timeout` and `--plain-http`."""

    ca_file: str | None
    timeout: float | None
    plain_http: tuple[str, ...] = ()

    def transport(self) -> DefaultTransport:
        """Raises BadUse where the file holds no certificate, which is not the issuer's fault."""
        if self.ca_file is not None:
            contents(self.ca_file)
            try:
                ssl.create_default_context(cafile=self.ca_file)
            except (OSError, ValueError):
                raise BadUse(f"{self.ca_file}: no PEM certificate in it") from None
        return DefaultTransport(ca_file=self.ca_file, plain_http=self.plain_http)

    def freshness(self) -> Freshness:
        """One request may take nine tenths of the wait: it times out first, and its error says at what."""
        if self.timeout is None:
            return Freshness()
        one = 0.9 * self.timeout
        return Freshness(wait=self.timeout, timeout=one, connect_timeout=one)


def provider_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--provider`."""
    return click.option(
        "--provider",
        type=click.Choice(["auto", "none", *PROVIDERS]),
        default="auto",
        metavar="NAME",
        callback=lambda _context, _option, name: None if name == "none" else name,
        help="The vendor of the issuer: auto, none, or a name such as entra-b2c for a custom domain.",
    )(command)


def metadata_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--metadata-url`."""
    return click.option(
        "--metadata-url",
        metavar="URL",
        help="Where the issuer's metadata are, if not at the issuer.",
    )(command)


def connection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--ca-file`, `--timeout` and `--plain-http`."""
    for option in (
        click.option(
            "--plain-http",
            multiple=True,
            metavar="HOST",
            help="Ask this host by http: anyone on the way can replace its keys.  [repeatable]",
        ),
        click.option(
            "--timeout",
            type=click.FloatRange(min=0.1, max=600),
            metavar="SECONDS",
            help="Longest wait for the issuer in all.  [default: 8]",
        ),
        click.option(
            "--ca-file",
            metavar="FILE",
            help="PEM file of the authorities to trust for TLS, instead of the system's.",
        ),
    ):
        command = option(command)
    return command
