"""One issuer: its address, its keys, the tokens it signs, and what it answers."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

from rightkey.localissuer.attacks import forge
from rightkey.localissuer.clients import Clients
from rightkey.localissuer.clock import Clock
from rightkey.localissuer.dresses import DRESSES
from rightkey.localissuer.dresses import dress as dress_named
from rightkey.localissuer.faults import Fault, fault
from rightkey.localissuer.inprocess import InProcess
from rightkey.localissuer.keyring import KeyRing
from rightkey.localissuer.listener import Listener
from rightkey.localissuer.minting import mint, without_none
from rightkey.localissuer.recorder import Recorded, Requests
from rightkey.localissuer.responding import Responder
from rightkey.localissuer.scene import Scene
from rightkey.localissuer.script import Rule, Script
from rightkey.localissuer.signing import ALGORITHMS, SigningKey
from rightkey.localissuer.state import InFile, InMemory, Kept
from rightkey.localissuer.wellknown import Address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from types import TracebackType

    from rightkey.localissuer.answers import Answer, Asked
    from rightkey.localissuer.clients import Client
    from rightkey.localissuer.keyring import Schedule
    from rightkey.localissuer.personal import Template
    from rightkey.localissuer.ratelimit import RateLimit

_LIFE = 3600  # seconds a token lives


class LocalIssuer:
    """An issuer with the shape of Auth0's, or of others by its dress and options.

    Args:
        dress: whose issuer it looks like, one of `DRESSES`. Auth0's shape without its caching by default.
        algorithm: what its keys sign by, one of `ALGORITHMS`.
        certificates: keys come with a self-signed certificate, and `kid` is its thumbprint.
        x5t: the thumbprint as Auth0 spells it (`hex`) or as RFC 7517 does (`rfc`).
        alg: keys state their algorithm.
        path: the issuer's path, such as `/tenant/v2.0`.
        slash: the issuer identifier ends in a slash, as Auth0's does.
        url: an identifier of one's own, such as `https://tenant.example/`, for use in process or behind
            a proxy; path and slash are then read from it.
        rfc8414: serve `/.well-known/oauth-authorization-server` and its path, and no other metadata.
        clock: Unix time in seconds, for tokens, certificates, schedules and limits.
        delay: seconds before every answer.
        port: where to listen; 0 takes any that is free.
        tls: serve https, by an authority whose certificate is in `ca_file` once it is started.
        schedule: rotate by itself, and withdraw previous keys.
        rate_limit: refuse what comes faster, with 429.
        state: a file that keeps keys, clients and refresh tokens; they are gone with the issuer otherwise.
        clients: who may ask for tokens; anybody where none is given.
        claims: further claims of the tokens that grants bring, as a template or by a function.
        audience: whom tokens are for, unless somebody says otherwise.
        etag: send an `ETag` with documents, and 304 to those who hold them.
        name: tells issuers apart that share a file.

    Raises:
        ValueError: the dress or the algorithm is unknown, or the state is no database.
        OSError: the state cannot be opened.
    """

    def __init__(
        self,
        *,
        dress: str | None = None,
        algorithm: str = "RS256",
        certificates: bool | None = None,
        x5t: Literal["hex", "rfc"] | None = None,
        alg: bool | None = None,
        path: str | None = None,
        slash: bool | None = None,
        url: str | None = None,
        rfc8414: bool = False,
        clock: Callable[[], float] = time.time,
        delay: float = 0.0,
        port: int = 0,
        tls: bool = False,
        schedule: Schedule | None = None,
        rate_limit: RateLimit | None = None,
        state: str | Path | None = None,
        clients: Iterable[Client] = (),
        claims: Template | None = None,
        audience: str | None = None,
        etag: bool = False,
        name: str = "",
    ) -> None:
        if algorithm not in ALGORITHMS:
            raise ValueError(f"expected one of {', '.join(ALGORITHMS)}, got {algorithm!r}")
        self.dress = dress_named(dress) if dress else replace(DRESSES["auth0"], cache_control=None)
        self.audience, self.etag = audience or "https://api.example.com", etag
        self.cache_control = self.dress.cache_control
        self.algorithm, self.delay, self.claims = algorithm, delay, claims
        self.requests, self.clock = Requests(), Clock(clock)
        self._moves, self._listener = url is None, Listener(self.respond, port=port, tls=tls)
        self.address = self._addressed(url, path, slash)
        given = without_none({"certificates": certificates, "x5t": x5t, "alg": alg})
        self._form = replace(self.dress.form, **given)
        self.shelf = InMemory() if state is None else InFile(state, name)
        self.clients = Clients(self.shelf, clients)
        kept = None if state is None else Kept(self.shelf)
        self.ring = KeyRing(
            self._make_key, self._make_stranger, clock=self.clock, schedule=schedule, memory=kept
        )
        self.script = Script()
        self._responder = Responder(self, rfc8414, rate_limit)

    # -- where it is ---------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The issuer identifier. It holds the port once the issuer is started."""
        return self.address.issuer

    @property
    def urls(self) -> dict[str, str]:
        """The URL of each endpoint, by the endpoint's name."""
        return {endpoint: f"{self.address.origin}{path}" for path, endpoint in self._responder.routes.items()}

    @property
    def ca_file(self) -> Path | None:
        """The authority that clients must trust, while https is served."""
        return self._listener.ca_file

    @property
    def port(self) -> int:
        """The port where it listens, whatever its identifier says. RuntimeError before `start`."""
        return self._listener.port

    def start(self) -> Self:
        """Listen on 127.0.0.1, until `close`. OSError where nobody can."""
        self._listener.start()
        if self._moves:
            self.address = replace(self.address, origin=self._listener.origin)
        return self

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
        """A `rightkey.exchange.Transport` to this issuer that needs no socket."""
        return InProcess(self.respond, lambda: self.address.origin)

    def _addressed(self, url: str | None, path: str | None, slash: bool | None) -> Address:
        worn = self.dress
        if url:
            return Address.of(url, worn.suffix)
        own = worn.path if path is None else path.rstrip("/")
        return Address(self._listener.origin, own, worn.slash if slash is None else slash, worn.suffix)

    # -- tokens --------------------------------------------------------------------------------------------

    def token(
        self, /, *, key: SigningKey | None = None, header: Mapping[str, Any] | None = None, **claims: Any
    ) -> str:
        """A token that lives an hour, with these claims besides `iss`, `aud`, `iat` and `exp`.

        Args:
            key: signs in place of the current key.
            header: replaces or adds header parameters.

        A claim or parameter that is None is left out.
        """
        return self.mint(claims, key=key, header=header)

    def mint(
        self,
        claims: Mapping[str, Any],
        *,
        key: SigningKey | None = None,
        header: Mapping[str, Any] | None = None,
    ) -> str:
        """What `token` does, for claims by any name."""
        return mint(key or self.current, self._claims(claims), header=header)

    def attack(self, name: str, /, **claims: Any) -> str:
        """A token that must be refused, one of `ATTACKS`."""
        return forge(name, self.scene(), self._claims(claims))

    def _claims(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        now = int(self.clock())
        own = {"iss": self.url, "aud": self.audience, "iat": now, "exp": now + _LIFE}
        return without_none(own | dict(claims))

    # -- keys ----------------------------------------------------------------------------------------------

    @property
    def keys(self) -> tuple[SigningKey, ...]:
        """What is published: current, next, then previous ones, the latest first."""
        return self.ring.keys

    @property
    def current(self) -> SigningKey:
        """The key that signs."""
        return self.ring.current

    @property
    def next(self) -> SigningKey:
        """The key that will sign after the next rotation, published already."""
        return self.ring.next

    @property
    def revoked(self) -> tuple[SigningKey, ...]:
        """The last three keys that were revoked, the latest first."""
        return self.ring.revoked

    def rotate(self, *, surprise: bool = False) -> SigningKey:
        """Let the next key sign, and publish another next one; the former key stays published.

        With `surprise` a key that nobody has seen signs at once, and next stays next.
        """
        return self.ring.rotate(surprise=surprise)

    def swap(self) -> SigningKey:
        """Put other key material under the current `kid`."""
        return self.ring.swap()

    def revoke(self, kid: str) -> SigningKey:
        """Withdraw a previous key. ValueError for the current or next one, LookupError for an unknown one."""
        return self.ring.revoke(kid)

    def _make_key(self, kid: str | None = None) -> SigningKey:
        name = urlsplit(self.url).hostname or ""
        return SigningKey.generate(self.algorithm, self._form, kid=kid, name=name, now=self.clock())

    def _make_stranger(self, kid: str | None = None) -> SigningKey:
        form = replace(self._form, certificates=True)
        return SigningKey.generate(self.algorithm, form, kid=kid, name="attacker", now=self.clock())

    # -- answers -------------------------------------------------------------------------------------------

    @property
    def recorded(self) -> list[Recorded]:
        """The latest requests, oldest first, each with method, path and headers."""
        return self.requests.recorded

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
            what: one of `FAULTS`, or what `fault` makes of it with options.
            times: for so many requests; for all where it is None.
            every: only each so-manieth request from now: with 3, the third, the sixth ...
            ratio: only so large a part of them, drawn by `seed`: the same seed draws the same requests.

        Counted faults come first, in the order given; a lasting one replaces the lasting one before.

        Raises:
            ValueError: there is no such endpoint or fault, they do not go together, or a number is out of
                range.
        """
        named = fault(what) if isinstance(what, str) else what
        self.script.add(endpoint, Rule(named, times, every, ratio, seed))

    def behave(self, endpoint: str | None = None) -> None:
        """Answer as one should again, at one endpoint or at all."""
        self.script.clear(endpoint)

    @property
    def planned(self) -> list[dict[str, Any]]:
        """The faults to come, in order, as JSON."""
        return self.script.planned()

    def knows(self, path: str) -> bool:
        """Whether something of this issuer lies at a path."""
        return self._responder.knows(path)

    def respond(self, asked: Asked) -> Answer:
        """What this request is answered, faults and all; how it travels is up to whoever sends it."""
        return self._responder.respond(asked)

    def scene(self) -> Scene:
        """What attacks and faults have at hand."""
        now = int(self.clock())
        return Scene(self.url, self.address.base, now, self.current, self.ring.stranger)
