"""What one origin is shown, and no other: tokens, passwords, certificates; and whom to believe there."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rightkey.errors import Misconfigured
from rightkey.exchange import ExchangeFailed
from rightkey.issuer.name import url_fault
from rightkey.policy.named import settings_by_name
from rightkey.transport.address import read_address
from rightkey.transport.filename import named, require_names
from rightkey.transport.request import written

if TYPE_CHECKING:
    from rightkey.transport.address import Address

_BEARER = rb"[A-Za-z0-9._~+/-]+=*"  # RFC 6750, section 2.1; no line end, so no header can be smuggled in
_OURS = frozenset({"host", "connection", "accept-encoding", "content-length", "transfer-encoding"})


@settings_by_name
@dataclass(frozen=True, slots=True)
class Credentials:
    """What to show to exactly one scheme, host and port, and whom to believe there.

    Wherever else an issuer's metadata or a redirect points, none of it is used.

    Args:
        origin: `https://host` or `https://host:port`; http for loopback only.
        token_file: a file with a bearer token (RFC 6750, section 2.1). It is read again for each fetch, since
            it may be rotated.
        ca_file: a PEM file with the certificates to trust for this origin *instead of* the transport's.
        basic: a user name and a password (RFC 7617), as a pair.
        headers: header fields, such as `{"X-Api-Key": "..."}`.
        certificate_file: a PEM file with the client certificate and its chain. Like the two others it may be
            replaced while the service runs.
        key_file: a PEM file with the private key of that certificate; None where `certificate_file` has it.

    Raises:
        Misconfigured: not an origin, not the name of a file, both `basic` and `token_file`, or a header that
            cannot be sent. No value is quoted.
    """

    origin: str
    token_file: str | None = None
    ca_file: str | None = None
    basic: tuple[str, str] | None = field(default=None, repr=False)
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = field(default=(), repr=False)
    certificate_file: str | None = None
    key_file: str | None = None

    def __post_init__(self) -> None:
        _require_origin(self.origin)
        require_names(
            token_file=self.token_file,
            ca_file=self.ca_file,
            certificate_file=self.certificate_file,
            key_file=self.key_file,
        )
        if self.key_file is not None and self.certificate_file is None:
            raise Misconfigured("key_file needs certificate_file: a key is shown with its certificate only")
        if self.basic is not None and self.token_file is not None:
            raise Misconfigured("basic and token_file are two values of one header: give one of them")
        object.__setattr__(self, "basic", _pair(self.basic))
        # As a tuple, since what one process shares is found by the transport's hash.
        object.__setattr__(self, "headers", _fields(self.headers))

    def are_for(self, address: Address) -> bool:
        """Whether an address has this origin; `https://host` is `https://host:443` (RFC 6454, section 4)."""
        own = read_address(self.origin)
        return (own.scheme, own.host, own.port) == (address.scheme, address.host, address.port)

    def shown(self) -> dict[str, str]:
        """The header fields that the origin is shown. Raises as `read_token`."""
        shown = dict(self.headers)
        if self.token_file is not None:
            shown["Authorization"] = f"Bearer {read_token(self.token_file)}"
        if self.basic is not None:
            shown["Authorization"] = f"Basic {b64encode(':'.join(self.basic).encode()).decode('ascii')}"
        return shown


def read_token(file: str) -> str:
    """The bearer token that a file holds now.

    Raises:
        ExchangeFailed: `credentials`; the file cannot be read, or holds something else.
    """
    name = named("token_file", file)
    try:
        token = Path(file).read_bytes().strip()
    except (OSError, ValueError) as error:
        raise ExchangeFailed(
            "credentials", f"cannot read our own bearer token from {name} ({type(error).__name__})"
        ) from None
    if not re.fullmatch(_BEARER, token):
        raise ExchangeFailed(
            "credentials", f"cannot use our own bearer token: {name} holds none (RFC 6750, section 2.1)"
        )
    return token.decode("ascii")


def _require_origin(origin: Any) -> None:
    if not isinstance(origin, str):
        raise Misconfigured(f"an origin must be a URL, not {type(origin).__name__}")
    fault = url_fault(origin)
    if fault is None and read_address(origin).target != "/":
        fault = "it has a path or a query"
    if fault:  # which may be a password: nothing of it is quoted
        raise Misconfigured(f"not an origin: {fault}", hint="give scheme, host and port alone")


def _pair(basic: Any) -> tuple[str, str] | None:
    if basic is None:
        return None
    pair = tuple(basic) if isinstance(basic, Sequence) and not isinstance(basic, str) else ()
    if len(pair) != 2 or not all(isinstance(one, str) for one in pair) or ":" in pair[0]:
        raise Misconfigured("basic must be a user name without a colon, and a password (RFC 7617, section 2)")
    return pair


def _fields(headers: Any) -> tuple[tuple[str, str], ...]:
    try:
        fields = tuple(sorted(dict(headers).items()))
        written("GET", "/", dict(fields))
    except (TypeError, ValueError):
        raise Misconfigured("headers must be names and values that a request can carry") from None
    if any(name.lower() in _OURS for name, _ in fields):
        raise Misconfigured(f"headers cannot set {', '.join(sorted(_OURS))}: those are the transport's own")
    return fields
