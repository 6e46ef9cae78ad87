"""What one origin is shown, and no other: a bearer token, and the authority that vouches for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rightkey.errors import Misconfigured
from rightkey.exchange import ExchangeFailed
from rightkey.issuer.name import url_fault
from rightkey.transport.address import read_address

if TYPE_CHECKING:
    from rightkey.transport.address import Address

_BEARER = rb"[A-Za-z0-9._~+/-]+=*"  # RFC 6750, section 2.1; no line end, so no header can be smuggled in


@dataclass(frozen=True, slots=True)
class Credentials:
    """A bearer token, a certificate authority, or both, for exactly one scheme, host and port.

    Wherever else an issuer's metadata or a redirect points, neither is used.

    Args:
        origin: `https://host` or `https://host:port`; http for loopback only.
        token_file: a file with a bearer token (RFC 6750, section 2.1). It is read again for each fetch, since
            whoever wrote it may rotate it.
        ca_file: a PEM file with the certificates to trust for this origin *instead of* the transport's.

    Raises:
        Misconfigured: not an origin.
    """

    origin: str
    token_file: str | None = None
    ca_file: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.origin, str):
            raise Misconfigured(f"an origin is a URL, not {type(self.origin).__name__}")
        fault = url_fault(self.origin)
        if fault is None and read_address(self.origin).target != "/":
            fault = "it has a path or a query"
        if fault:  # which may be a password: nothing of it is quoted
            raise Misconfigured(f"not an origin: {fault}", hint="give scheme, host and port alone")

    def are_for(self, address: Address) -> bool:
        """Whether an address is of the origin; `https://host` is `https://host:443` (RFC 6454, section 4)."""
        own = read_address(self.origin)
        return (own.scheme, own.host, own.port) == (address.scheme, address.host, address.port)

    def headers(self) -> dict[str, str]:
        """What the origin is shown. Raises as `read_token`."""
        return {"Authorization": f"Bearer {read_token(self.token_file)}"} if self.token_file else {}


def read_token(file: str) -> str:
    """The bearer token that a file holds now.

    Raises:
        ExchangeFailed: `credentials`; the file cannot be read, or holds something else.
    """
    try:
        token = Path(file).read_bytes().strip()
    except (OSError, ValueError) as error:
        raise _ours(f"the bearer token cannot be read from {file} ({type(error).__name__})") from error
    if not re.fullmatch(_BEARER, token):
        raise _ours(f"{file} holds no bearer token (RFC 6750, section 2.1)")
    return token.decode("ascii")


def _ours(why: str) -> ExchangeFailed:
    return ExchangeFailed("credentials", f"the fault is on this side: {why}")
