"""Where an issuer listens: an address of this machine, with TLS or without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rightkey.localissuer.wire.names import Name, is_address
from rightkey.localissuer.wire.server import Respond, Server
from rightkey.localissuer.wire.tls import Authority

if TYPE_CHECKING:
    from pathlib import Path

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - how they are called, not bound

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Listener:
    """A server that can be started and closed repeatedly.

    Args:
        respond: gives the answer to a request.
        host: an address of this machine.
        port: where to listen; 0 takes any free port.
        tls: serve https, with a certificate of an authority made for it.
        names: further hosts that the certificate is for.
    """

    def __init__(
        self,
        respond: Respond,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        tls: bool = False,
        names: tuple[str, ...] = (),
    ) -> None:
        self._respond, self._host, self._port = respond, host, port
        self.tls, self._names = tls, names
        self._server: Server | None = None
        self._authority: Authority | None = None

    @property
    def origin(self) -> str:
        """Scheme, host and port, as clients on this machine write them; without a port until started."""
        host = _ANY.get(self._host, self._host)
        shown = f"[{host}]" if ":" in host else host
        port = "" if self._server is None else f":{self._server.port}"
        return f"{'https' if self.tls else 'http'}://{shown}{port}"

    @property
    def port(self) -> int:
        """The port it listens on. RuntimeError before `start`."""
        if self._server is None:
            raise RuntimeError("the issuer has not been started")
        return self._server.port

    def owns(self, name: Name) -> bool:
        """Whether it listens under a name. Listening on any address, it has every address for a name."""
        if self._server is None or name.port != self._server.port:
            return False
        return name.host in (*_LOOPBACK, self._host.lower()) or (self._host in _ANY and is_address(name.host))

    @property
    def ca_file(self) -> Path | None:
        """The authority that clients must trust, while https is served."""
        return self._authority.file if self._authority else None

    def start(self) -> None:
        """Listen, until `close`. Starting twice is harmless. OSError if the port is taken."""
        if self._server is not None:
            return
        if self.tls:
            self._authority = Authority((self._host, *self._names))
        context = self._authority.context if self._authority else None
        try:
            self._server = Server(self._respond, self._host, self._port, context)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Stop listening, and end every exchange under way. Closing twice is harmless."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        authority, self._authority = self._authority, None
        if authority is not None:
            authority.close()
