"""The issuer that listens on this machine: it answers, is asked, and misbehaves when told to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, Unpack
from urllib.parse import urlsplit

from rightkey.localissuer.clock import system
from rightkey.localissuer.documents.look import Look, Options
from rightkey.localissuer.issuer import Issuer
from rightkey.localissuer.responding import Responder
from rightkey.localissuer.wire.inprocess import InProcess
from rightkey.localissuer.wire.listener import Listener
from rightkey.localissuer.wire.names import Names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import TracebackType

    from rightkey.localissuer.answers import Answer, Request
    from rightkey.localissuer.clients import Client
    from rightkey.localissuer.keys.ring import Schedule
    from rightkey.localissuer.misbehaving.faults import Fault
    from rightkey.localissuer.misbehaving.ratelimit import RateLimit
    from rightkey.localissuer.misbehaving.recorder import Recorded
    from rightkey.localissuer.tokens.personal import Template


class LocalIssuer(Issuer):
    """An issuer with the shape of Auth0's, or of another vendor's by its dress and options.

    Args:
        dress: whose issuer it looks like, one of `DRESSES`. By default Auth0's shape without its caching.
        algorithm: what its keys sign with, one of `ALGORITHMS`; RS256 by default.
        certificates: keys come with a self-signed certificate.
        x5t: the thumbprint as Auth0 spells it (`hex`) or as RFC 7517 does (`rfc`).
        alg: keys state their algorithm.
        path: the issuer's path, such as `/tenant/v2.0`.
        slash: the issuer identifier ends in a slash, as Auth0's does.
        url: a fixed identifier, such as `https://tenant.example/`, for use in process or behind a proxy;
            path and slash are then read from it.
        rfc8414: serve metadata at `/.well-known/oauth-authorization-server` before the path, and only there.
        cache_control: what documents are served with; an empty string sends none.
        etag: send an `ETag` with documents, and answer 304 to clients that hold them.
        clock: Unix time in seconds, for tokens, certificates, schedules and limits.
        delay: seconds before every answer.
        typ: the `typ` of its tokens, such as `at+jwt` (RFC 9068).
        host: the address of this machine to listen on.
        port: where to listen; 0 takes any free port.
        tls: serve https. Once started, the authority that signed its certificate is in `ca_file`.
        schedule: rotate, and withdraw previous keys, as time passes.
        rate_limit: answer requests beyond this rate with 429.
        state: a file that keeps keys, clients and refresh tokens; without it they are lost on exit.
        clients: the clients that may ask for tokens; any client may where none is given.
        claims: further claims of the tokens that grants bring, as a template or by a function.
        audience: the audience of tokens unless the request names one.
        name: tells issuers apart that share a file.

    Raises:
        TypeError: an option is unknown.
        ValueError: the dress or the algorithm is unknown, or the state is not a database.
        OSError: the state cannot be opened.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = system,
        delay: float = 0.0,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: bool = False,
        schedule: Schedule | None = None,
        rate_limit: RateLimit | None = None,
        state: str | Path | None = None,
        clients: Iterable[Client] = (),
        claims: Template | None = None,
        audience: str | None = None,
        name: str = "",
        **look: Unpack[Options],
    ) -> None:
        names = tuple(filter(None, [urlsplit(look.get("url") or "").hostname]))
        self._listener = Listener(self.respond, host, port, tls=tls, names=names)
        super().__init__(
            Look.of(look),
            self._listener.origin,
            clock=clock,
            schedule=schedule,
            state=state,
            clients=clients,
            claims=claims,
            audience=audience,
            delay=delay,
            name=name,
        )
        self.listens_by(self._listener)
        self._responder = Responder(self, rate_limit)

    # -- listening -----------------------------------------------------------------------------------------

    @property
    def ca_file(self) -> Path | None:
        """The authority that clients must trust, while https is served."""
        return self._listener.ca_file

    @property
    def port(self) -> int:
        """The port it listens on, whatever its identifier says. RuntimeError before `start`."""
        return self._listener.port

    def start(self) -> Self:
        """Listen, until `close`. OSError if the port is taken."""
        self._listener.start()
        if self.look.url is None:
            self.address = replace(self.address, origin=self._listener.origin)
        return self

    def listens_by(self, listener: Listener) -> None:
        """Answer to the names under which a listener can be reached."""
        self.names = Names(lambda: self.address.origin, listener.owns, tls=listener.tls)

    def close(self) -> None:
        """Stop listening, and end every exchange under way. Closing twice is harmless."""
        self._listener.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def transport(self) -> InProcess:
        """A `rightkey.transport.Transport` to this issuer that needs no socket."""
        return InProcess(self.respond, lambda: self.address.origin)

    # -- answering -----------------------------------------------------------------------------------------

    @property
    def recorded(self) -> list[Recorded]:
        """The latest requests, oldest first, each with method, path and headers."""
        return self.requests.recorded

    def knows(self, path: str) -> bool:
        """Whether this issuer serves a path."""
        return self._responder.knows(path)

    def respond(self, request: Request) -> Answer:
        """The answer to a request, faults included. Sending it is up to the caller."""
        return self._responder.respond(request)

    # -- misbehaving ---------------------------------------------------------------------------------------

    def misbehave(
        self,
        endpoint: str,
        what: str | Fault,
        *,
        times: int | None = None,
        every: int = 1,
        ratio: float = 1.0,
        seed: int = 0,
    ) -> None:
        """Have an endpoint, such as `discovery`, `jwks` or `token`, go wrong.

        Args:
            what: one of `FAULTS`, or the result of `fault` with options.
            times: for that many requests; for all of them where it is None.
            every: only every Nth request from now on: with 3, the third, the sixth, ...
            ratio: only this fraction of them, drawn by `seed`: the same seed draws the same requests.

        Counted faults come first, in the order given; a lasting one replaces the lasting one before it.

        Raises:
            ValueError: the endpoint or fault is unknown, they do not fit each other, or a number is out of
                range.
        """
        self.script.plan(endpoint, what, times=times, every=every, ratio=ratio, seed=seed)

    def behave(self, endpoint: str | None = None) -> None:
        """Answer correctly again, at one endpoint or at all."""
        self.script.clear(endpoint)

    @property
    def planned(self) -> list[dict[str, Any]]:
        """The faults to come, in order, as JSON."""
        return self.script.planned()
