"""Which clients an issuer knows, and what each may do (RFC 6749, section 2)."""

from __future__ import annotations

import hmac
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rightkey.localissuer.answers import Document
    from rightkey.localissuer.state import Shelf

_DANGEROUS = {"", "javascript", "data", "vbscript"}


@dataclass(frozen=True, slots=True)
class Client:
    """One client, with what it may do.

    Args:
        client_id: its id.
        secret: what it authenticates with; None makes it a public client, which has none.
        redirect_uris: where people may be sent back to, compared exactly; empty means anywhere.
        any_secret: any secret is accepted, and so is none.
    """

    client_id: str
    secret: str | None = None
    redirect_uris: tuple[str, ...] = ()
    any_secret: bool = False

    @classmethod
    def of(cls, text: str) -> Client:
        """A client written as `id` or `id:secret`."""
        client_id, _, secret = text.partition(":")
        return cls(client_id, secret or None)

    # what Authlib asks of a client, by its names

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        return self.redirect_uris[0] if self.redirect_uris else None

    def get_allowed_scope(self, scope: str | None) -> str:
        return scope or ""

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether people may be sent there: nowhere a browser would run it as a script."""
        if self.redirect_uris:
            return redirect_uri in self.redirect_uris
        if not (redirect_uri.isascii() and redirect_uri.isprintable()) or " " in redirect_uri:
            return False
        try:
            parts = urlsplit(redirect_uri)
        except ValueError:
            return False
        return parts.scheme not in _DANGEROUS and not parts.fragment

    def check_client_secret(self, client_secret: str) -> bool:
        if self.any_secret:
            return True
        return self.secret is not None and hmac.compare_digest(self.secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """A client with a secret must show it; a public one has none to show."""
        return self.any_secret or (method == "none") == (self.secret is None)

    def check_response_type(self, response_type: str) -> bool:
        return True

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type != "client_credentials" or self.any_secret or self.secret is not None


class Clients:
    """The listed clients. While none is listed, any client is accepted, with any secret."""

    def __init__(self, shelf: Shelf, listed: Iterable[Client] = ()) -> None:
        self._shelf = shelf
        for client in listed:
            self.add(client)

    def add(self, client: Client) -> None:
        """List a client, replacing one of the same id."""
        self._shelf.put("client", client.client_id, asdict(client))

    def find(self, client_id: str) -> Client | None:
        """The client with this id, or None."""
        listed = self._shelf.all("client")
        if not listed:
            return Client(client_id, any_secret=True)
        found = listed.get(client_id)
        return None if found is None else _read(found)

    def redirect_uris(self) -> list[str]:
        """Where the listed clients' people may be sent back to."""
        return [uri for found in self._shelf.all("client").values() for uri in found["redirect_uris"]]

    def names(self) -> list[str]:
        """The ids of the listed clients."""
        return list(self._shelf.all("client"))


def _read(found: Document) -> Client:
    members: dict[str, Any] = found | {"redirect_uris": tuple(found["redirect_uris"])}
    return Client(**members)
