"""A real issuer on this machine, for demos and tests: keys, tokens, rotations, faults and attacks at will.

    with LocalIssuer() as issuer:
        token = issuer.token(sub="alice", scope="read:appointments")
        issuer.rotate()
        issuer.misbehave("jwks", "hang", times=2)
        forged = issuer.attack("alg-none")

Never for production: whoever reaches its process can have any token.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

from rightkey.localissuer import selfsigned
from rightkey.localissuer.answers import Answer, Asked, document_answer, refused, revalidated
from rightkey.localissuer.attacks import ATTACKS, Attack, forge
from rightkey.localissuer.faults import FAULTS, Fault, fault
from rightkey.localissuer.inprocess import InProcess
from rightkey.localissuer.keyring import KeyRing
from rightkey.localissuer.minting import mint, without_none
from rightkey.localissuer.recorder import Recorded, Requests
from rightkey.localissuer.scene import Scene
from rightkey.localissuer.script import Script
from rightkey.localissuer.server import Server
from rightkey.localissuer.signing import ALGORITHMS, Form, SigningKey
from rightkey.localissuer.wellknown import Address, key_set, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

__all__ = [
    "ALGORITHMS",
    "ATTACKS",
    "FAULTS",
    "Attack",
    "Fault",
    "LocalIssuer",
    "Recorded",
    "SigningKey",
    "fault",
    "mint",
]

_LIFE = 3600  # seconds a token lives


class LocalIssuer:
    """An issuer with the shape of Auth0's, or of others by its options.

    Args:
        algorithm: what its keys sign by, one of `ALGORITHMS`.
        certificates: keys come with a self-signed certificate, and `kid` is its thumbprint.
        x5t: the thumbprint as Auth0 spells it (`hex`) or as RFC 7517 does (`rfc`).
        alg: keys state their algorithm.
        path: the issuer's path, such as `/tenant/v2.0`.
        slash: the issuer identifier ends in a slash, as Auth0's does.
        url: an identifier of one's own, such as `https://tenant.example/`, for use in process or behind
            a proxy; path and slash are then read from it.
        rfc8414: serve `/.well-known/oauth-authorization-server` and its path, and no other metadata.
        clock: Unix time in seconds, for tokens and certificates.
        delay: seconds before every answer.

    Raises:
        ValueError: the algorithm is not in the table.
    """

    audience = "https://api.example.com"
    cache_control: str | None = None
    etag = False

    def __init__(
        self,
        *,
        algorithm: str = "RS256",
        certificates: bool = True,
        x5t: Literal["hex", "rfc"] = "hex",
        alg: bool = True,
        path: str = "",
        slash: bool = True,
        url: str | None = None,
        rfc8414: bool = False,
        clock: Callable[[], float] = time.time,
        delay: float = 0.0,
    ) -> None:
        if algorithm not in ALGORITHMS:
            raise ValueError(f"expected one of {', '.join(ALGORITHMS)}, got {algorithm!r}")
        self.algorithm, self.delay, self.requests = algorithm, delay, Requests()
        self._clock, self._moves = clock, url is None
        self._address = Address.of(url) if url else Address("http://127.0.0.1", path.rstrip("/"), slash)
        self._routes = self._address.routes(rfc8414)
        self._form = Form(certificates=certificates, x5t=x5t, alg=alg)
        self._ring = KeyRing(self._make_key, self._make_stranger)
        self._script = Script()
        self._server: Server | None = None

    # -- where it is ---------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The issuer identifier. It holds the port once the issuer is started."""
        return self._address.issuer

    @property
    def port(self) -> int:
        """The port of 127.0.0.1 where it listens, whatever its identifier. RuntimeError before `start`."""
        if self._server is None:
            raise RuntimeError("the issuer is not started")
        return self._server.port

    def start(self) -> Self:
        """Listen on a free port of 127.0.0.1, until `close`."""
        if self._server is None:
            self._server = Server(self.respond)
            if self._moves:
                self._address = replace(self._address, origin=f"http://127.0.0.1:{self._server.port}")
        return self

    def close(self) -> None:
        """Stop listening, and end every exchange under way. Closing twice is harmless."""
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def transport(self) -> InProcess:
        """A `rightkey.exchange.Transport` to this issuer that needs no socket."""
        return InProcess(self.respond, lambda: self._address.origin)

    # -- tokens --------------------------------------------------------------------------------------------

    def token(
        self, *, key: SigningKey | None = None, header: Mapping[str, Any] | None = None, **claims: Any
    ) -> str:
        """A token that lives an hour, with these claims besides `iss`, `aud`, `iat` and `exp`.

        Args:
            key: signs in place of the current key.
            header: replaces or adds header parameters.

        A claim or parameter that is None is left out.
        """
        return mint(key or self.current, self._claims(claims), header=header)

    def attack(self, name: str, **claims: Any) -> str:
        """A token that must be refused, one of `ATTACKS`."""
        return forge(name, self._scene(), self._claims(claims))

    def _claims(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        now = int(self._clock())
        own = {"iss": self.url, "aud": self.audience, "iat": now, "exp": now + _LIFE}
        return without_none(own | dict(claims))

    # -- keys ----------------------------------------------------------------------------------------------

    @property
    def keys(self) -> tuple[SigningKey, ...]:
        """What is published: current, next, then previous ones, the latest first."""
        return self._ring.keys

    @property
    def current(self) -> SigningKey:
        """The key that signs."""
        return self._ring.current

    @property
    def next(self) -> SigningKey:
        """The key that will sign after the next rotation, published already."""
        return self._ring.next

    @property
    def revoked(self) -> tuple[SigningKey, ...]:
        """The last three keys that were revoked, the latest first."""
        return self._ring.revoked

    def rotate(self, *, surprise: bool = False) -> SigningKey:
        """Let the next key sign, and publish another next one; the former key stays published.

        With `surprise` a key that nobody has seen signs at once, and next stays next.
        """
        return self._ring.rotate(surprise=surprise)

    def swap(self) -> SigningKey:
        """Put other key material under the current `kid`."""
        return self._ring.swap()

    def revoke(self, kid: str) -> SigningKey:
        """Withdraw a previous key. ValueError for the current or next one, LookupError for an unknown one."""
        return self._ring.revoke(kid)

    def _make_key(self, kid: str | None = None) -> SigningKey:
        name = urlsplit(self.url).hostname or ""
        return SigningKey.generate(self.algorithm, self._form, kid=kid, name=name, now=self._clock())

    def _make_stranger(self, kid: str | None = None) -> SigningKey:
        form = replace(self._form, certificates=True)
        return SigningKey.generate(self.algorithm, form, kid=kid, name="attacker", now=self._clock())

    # -- answers -------------------------------------------------------------------------------------------

    @property
    def recorded(self) -> list[Recorded]:
        """The latest requests, oldest first, each with method, path and headers."""
        return self.requests.recorded

    def misbehave(self, endpoint: str, what: str | Fault, *, times: int | None = None) -> None:
        """Have an endpoint (`discovery`, `jwks`, `moved`) go wrong, for its next `times` requests or for all.

        Counted faults happen first, in the order given; a lasting one replaces the lasting one before.
        """
        self._script.add(endpoint, fault(what) if isinstance(what, str) else what, times)

    def behave(self, endpoint: str | None = None) -> None:
        """Answer as one should again, at one endpoint or at all."""
        self._script.clear(endpoint)

    def respond(self, asked: Asked) -> Answer:
        """What this request is answered, faults and all; how it travels is up to whoever sends it."""
        endpoint = self._routes.get(asked.path, "other")
        self.requests.note(endpoint, asked)
        planned = self._script.take(endpoint)
        answer = planned.dress(self._honest(endpoint, asked, planned))
        delivery = replace(planned.delivery, delay=planned.delivery.delay + self.delay)
        return replace(answer, delivery=delivery)

    def _honest(self, endpoint: str, asked: Asked, planned: Fault) -> Answer:
        if endpoint == "other":
            return refused(404, "not_found")
        if asked.method not in ("GET", "HEAD"):
            return refused(405, "method_not_allowed", {"allow": "GET, HEAD"})
        if endpoint == "attacker-certificate":
            certificate = self._ring.stranger().certificate or b""
            return Answer(
                200, {"content-type": "application/pem-certificate-chain"}, selfsigned.pem(certificate)
            )
        if endpoint == "attacker-jwks":
            return document_answer(key_set([self._ring.stranger()]), None)
        document = (
            metadata(self._address, [self.algorithm]) if endpoint == "discovery" else key_set(self.keys)
        )
        answer = document_answer(planned.rewrite(document, self._scene()), self.cache_control)
        return revalidated(answer, asked) if self.etag else answer

    def _scene(self) -> Scene:
        now = int(self._clock())
        return Scene(self.url, self._address.base, now, self.current, self._ring.stranger)
