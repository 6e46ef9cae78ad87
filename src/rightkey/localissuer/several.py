"""Several issuers in one process: each is named by the first segment of its path, and made on first use.

    with LocalIssuers(dress="okta") as issuers:
        token = issuers["acme"].token(sub="alice")

A request for `/acme/oauth2/default/.well-known/openid-configuration` makes the same issuer.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from rightkey.localissuer.answers import Answer, Request
from rightkey.localissuer.documents.dresses import dress as dress_named
from rightkey.localissuer.documents.wellknown import Address
from rightkey.localissuer.local import LocalIssuer
from rightkey.localissuer.management import manages
from rightkey.localissuer.wire.listener import Listener

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_MOST = 1000  # issuers: any client that reaches the port can make them


class LocalIssuers:
    """Any number of issuers behind one port. The one without a name is there from the start.

    Args:
        host: the address of this machine to listen on.
        port: where to listen; 0 takes any free port.
        tls: serve https, with a certificate of an authority made for it.
        url: scheme, host and port under which clients reach it, if they differ from where it listens.
        dress: whose issuers they look like.
        options: what `LocalIssuer` takes, for each of them.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: bool = False,
        url: str | None = None,
        dress: str = "auth0",
        **options: Any,
    ) -> None:
        self._dress, self._name, self._options = dress_named(dress), dress, options
        self._origin = url.rstrip("/") if url else None
        names = (urlsplit(url).hostname or "",) if url else ()
        self._listener = Listener(self.respond, host, port, tls=tls, names=names)
        self._making = threading.Lock()
        self._made: dict[str, LocalIssuer] = {}

    @property
    def ca_file(self) -> Path | None:
        """The authority that clients must trust, while https is served."""
        return self._listener.ca_file

    @property
    def port(self) -> int:
        """The port it listens on. RuntimeError before `start`."""
        return self._listener.port

    def start(self) -> Self:
        """Listen, until `close`. OSError if the port is taken."""
        self._listener.start()
        return self

    def close(self) -> None:
        """Stop listening, and drop the issuers, whose URLs may differ after another start."""
        self._listener.close()
        with self._making:
            self._made.clear()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getitem__(self, name: str) -> LocalIssuer:
        """The issuer of this name, `""` for the one without. ValueError for an invalid name."""
        if name and not _NAME.fullmatch(name):
            raise ValueError(f"expected a name of letters, digits, _ and -, got {name!r}")
        with self._making:
            return self._made.setdefault(name, self._made.get(name) or self._make(name))

    def respond(self, request: Request) -> Answer:
        """The answer to a request, by the issuer that its path belongs to."""
        return self._whose(request.path).respond(request)

    def _whose(self, path: str) -> LocalIssuer:
        unnamed = self[""]
        if unnamed.knows(path):
            return unnamed
        for name in _names(path):
            if name in self._made:
                return self[name]
            if len(self._made) < _MOST and self._leads(name, path):
                return self[name]
        return unnamed

    def _leads(self, name: str, path: str) -> bool:
        """Whether an issuer of this name would serve a path. None is made."""
        address = Address.of(self._url(name), self._dress.suffix)
        routes = address.routes(self._options.get("rfc8414", False), self._dress)
        return path in routes or manages(address.path, path)

    def _make(self, name: str) -> LocalIssuer:
        issuer = LocalIssuer(url=self._url(name), dress=self._name, name=name, **self._options)
        issuer.listens_by(self._listener)
        return issuer

    def _url(self, name: str) -> str:
        path = self._dress.named.format(name=name) if name else self._dress.path
        return f"{self._origin or self._listener.origin}{path}{'/' if self._dress.slash else ''}"


def _names(path: str) -> list[str]:
    """Names of issuers that a path may belong to.

    RFC 8414 (section 3.1) puts its well-known path before the issuer's own.
    """
    segments = path.split("/")[1:]
    first = segments[2:3] if segments[0] == ".well-known" else segments[:1]
    return [name for name in first if _NAME.fullmatch(name)]
