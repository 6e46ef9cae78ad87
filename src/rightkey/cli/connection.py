"""How an issuer is reached: which authorities to trust for TLS, and how long to wait."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from importlib.util import find_spec
from typing import Any

import click

from rightkey.cli.errors import BadUse
from rightkey.cli.files import contents
from rightkey.freshness.settings import Freshness
from rightkey.issuer.providers import PROVIDERS
from rightkey.transport.default import DefaultTransport
from rightkey.transport.tls import TlsSettings
from rightkey.verifier.variables import PREFIX


@dataclass(frozen=True, slots=True)
class Connection:
    """`--ca-file`, `--truststore`, `--strict-x509`, `--plain-http` and `--timeout`."""

    ca_file: str | None = None
    timeout: float | None = None
    plain_http: tuple[str, ...] = ()
    truststore: bool = False
    strict_x509: bool = True

    @property
    def settings(self) -> Mapping[str, Any]:
        """Of the transport, where they are not those by default."""
        usual = Connection()
        names = ("ca_file", "plain_http", "truststore", "strict_x509")
        return {name: getattr(self, name) for name in names if getattr(self, name) != getattr(usual, name)}

    @property
    def tls(self) -> TlsSettings:
        """What a TLS handshake trusts."""
        return TlsSettings(self.ca_file, self.truststore, self.strict_x509)

    def transport(self) -> DefaultTransport:
        """Raises BadUse where what is to be trusted cannot be read, which is not the issuer's fault."""
        if self.ca_file is not None:
            contents(self.ca_file)
            try:
                ssl.create_default_context(cafile=self.ca_file)
            except (OSError, ValueError):
                raise BadUse(f"{self.ca_file}: no PEM certificate in it") from None
        if self.truststore and find_spec("truststore") is None:
            raise BadUse("--truststore needs a package", "pip install 'rightkey[truststore]'")
        return DefaultTransport(**self.settings)

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
    """Give a command the options of a Connection, which it is called with: `connection`.

    Those that tell what this machine trusts are in the environment too, where a service has them.
    """

    @wraps(command)
    def connected(
        *given: Any,
        ca_file: str | None,
        timeout: float | None,
        plain_http: tuple[str, ...],
        truststore: bool,
        strict_x509: bool,
        **others: Any,
    ) -> Any:
        connection = Connection(ca_file, timeout, plain_http, truststore, strict_x509)
        return command(*given, connection=connection, **others)

    for option in _OPTIONS:
        connected = option(connected)
    return connected


_OPTIONS = (
    click.option(
        "--plain-http",
        multiple=True,
        metavar="HOST",
        envvar=f"{PREFIX}PLAIN_HTTP",
        help="Ask this host by http: anyone on the way can replace its keys.  "
        f"[repeatable; default: ${PREFIX}PLAIN_HTTP]",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0.1, max=600),
        metavar="SECONDS",
        help="Longest wait for the issuer in all.  [default: 8]",
    ),
    click.option(
        "--strict-x509/--no-strict-x509",
        default=True,
        envvar=f"{PREFIX}STRICT_X509",
        help=f"Whether certificates must keep to RFC 5280.  [default: ${PREFIX}STRICT_X509, or they must]",
    ),
    click.option(
        "--truststore/--no-truststore",
        default=False,
        envvar=f"{PREFIX}TRUSTSTORE",
        help=f"Trust the operating system's own authorities.  [default: ${PREFIX}TRUSTSTORE]",
    ),
    click.option(
        "--ca-file",
        metavar="FILE",
        envvar=f"{PREFIX}CA_FILE",
        help="PEM file of the authorities to trust for TLS, instead of the system's.  "
        f"[default: ${PREFIX}CA_FILE]",
    ),
)
