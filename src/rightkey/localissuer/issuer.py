"""One issuer as its answers need it: name, keys, tokens, clients, clock, and what is planned to go wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rightkey.localissuer.clients import Clients
from rightkey.localissuer.clock import Clock, system
from rightkey.localissuer.keys.kept import Kept
from rightkey.localissuer.keys.keyring import KeyRing
from rightkey.localissuer.keys.signing import SigningKey
from rightkey.localissuer.misbehaving.recorder import Requests
from rightkey.localissuer.misbehaving.script import Script
from rightkey.localissuer.state import InFile, InMemory
from rightkey.localissuer.tokens.attacks import forge
from rightkey.localissuer.tokens.means import Means
from rightkey.localissuer.tokens.minting import logout_claims, mint, without_none
from rightkey.localissuer.tokens.opaque import OPAQUE, digest, issued
from rightkey.localissuer.wire.names import Names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from rightkey.localissuer.clients import Client
    from rightkey.localissuer.documents.dresses import Dress
    from rightkey.localissuer.documents.look import Look
    from rightkey.localissuer.documents.wellknown import Address
    from rightkey.localissuer.keys.ring import Schedule
    from rightkey.localissuer.state import Shelf
    from rightkey.localissuer.tokens.personal import Template

AUDIENCE = "https://api.example.com"
LIFE = 3600  # seconds a token lives


class Issuer:
    """What an issuer knows and signs. How it is reached is up to what is built on it.

    Args:
        look: how its documents, paths and keys look.
        origin: scheme, host and port, where `look` has no URL.
    """

    audience: str
    """The audience of tokens, unless a request names another."""
    algorithm: str
    """The algorithm of its keys."""
    dress: Dress
    """Its vendor's look, with the options over it."""
    address: Address
    """The parts of its identifier."""
    clock: Clock
    """Its time, which can be moved."""
    clients: Clients
    """The clients that may ask for tokens."""
    ring: KeyRing
    """Its keys, and how they change."""
    requests: Requests
    """How many requests came, and the latest ones."""
    script: Script
    """The faults to come."""
    names: Names
    """The names under which pages may manage it."""
    claims: Template | None
    """Further claims of the tokens that grants bring."""
    cache_control: str | None
    """What documents are served with from now on."""
    etag: bool
    """Whether documents have an `ETag` from now on."""
    typ: str
    """The `typ` of its access tokens, for keys made from now on."""
    delay: float
    """Seconds before every answer from now on."""
    shelf: Shelf
    """Where clients and grants are kept."""

    def __init__(
        self,
        look: Look,
        origin: str,
        *,
        clock: Callable[[], float] = system,
        schedule: Schedule | None = None,
        state: str | Path | None = None,
        clients: Iterable[Client] = (),
        claims: Template | None = None,
        audience: str | None = None,
        delay: float = 0.0,
        name: str = "",
    ) -> None:
        self.name, self.look, self.dress, self.algorithm = name, look, look.dress, look.algorithm
        self.cache_control, self.etag, self.typ = look.dress.cache_control, look.etag, look.typ
        self.audience, self.claims, self.delay = audience or AUDIENCE, claims, delay
        self.address = look.address(origin)
        self.clock = Clock(clock)
        self.shelf = InMemory() if state is None else InFile(state, name)
        self.clients = Clients(self.shelf, clients)
        kept = None if state is None else Kept(self.shelf)
        self.ring = KeyRing(
            self._make_key, self._make_stranger, clock=self.clock, schedule=schedule, kept=kept
        )
        self.requests, self.script = Requests(), Script()
        self.names = Names(lambda: self.address.origin, lambda _: False)

    # -- its name ------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The issuer identifier. It holds the port once the issuer is started."""
        return self.address.issuer

    @property
    def urls(self) -> dict[str, str]:
        """The URL of each endpoint, by the endpoint's name."""
        return {endpoint: f"{self.address.origin}{path}" for path, endpoint in self.routes.items()}

    @property
    def routes(self) -> dict[str, str]:
        """The endpoint at each path."""
        return self.address.routes(self.look.rfc8414, self.dress)

    @property
    def fronts(self) -> frozenset[str]:
        """The paths of the page that shows the issuer: its own, and the root where it has no name."""
        own = self.address.path
        return frozenset({f"{own}/", *([own] if own else []), *([] if self.name else ["/"])})

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
        """Like `token`, for claims of any name."""
        return mint(key or self.current, self._claims(claims), header=header)

    def opaque(self, /, **claims: Any) -> str:
        """An opaque token with the claims that `token` would have: introspection tells them (RFC 7662)."""
        return issued(self.shelf, self._claims(claims))

    def revoke_token(self, token: str) -> None:
        """Have introspection say from now on that an opaque token is not active."""
        self.shelf.drop(OPAQUE, digest(token))

    def logout_token(self, /, *, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """A logout token, such as with `sid` or `sub` (OpenID Connect Back-Channel Logout 1.0, section 2.4).

        It lives for two minutes, with a `jti` of its own, for the audience of tokens unless `aud` is given.
        """
        own = logout_claims(int(self.clock()))
        return self.mint(own | claims, header={"typ": "logout+jwt"} | dict(header or {}))

    def attack(self, name: str, /, **claims: Any) -> str:
        """A token that must be refused, one of `ATTACKS`."""
        return forge(name, self.means(), self._claims(claims))

    def means(self) -> Means:
        """What attacks and faults can use."""
        now = int(self.clock())
        return Means(self.url, self.address.base, now, self.current, self.ring.stranger)

    def _claims(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        now = int(self.clock())
        own = {"iss": self.url, "aud": self.audience, "iat": now, "exp": now + LIFE}
        return without_none(own | dict(claims))

    # -- keys ----------------------------------------------------------------------------------------------

    @property
    def keys(self) -> tuple[SigningKey, ...]:
        """The published keys: current, next, then previous ones, the latest first."""
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
        """The last three revoked keys, the latest first."""
        return self.ring.revoked

    def rotate(self, *, surprise: bool = False) -> SigningKey:
        """Let the next key sign, and publish another next one; the former key stays published.

        With `surprise` an unpublished key signs at once, and next stays next.
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
        form, now = self.dress.form, self.clock()
        return SigningKey.generate(self.algorithm, form, kid=kid, name=name, now=now, typ=self.typ)

    def _make_stranger(self, kid: str | None = None) -> SigningKey:
        form = replace(self.dress.form, certificates=True)
        now = self.clock()
        return SigningKey.generate(self.algorithm, form, kid=kid, name="attacker", now=now, typ=self.typ)
