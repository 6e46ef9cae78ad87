"""PyJWKClient and AsyncPyJWKClient: PyJWT's client of a key set, over keys that are kept fresh here.

    from rightkey.pyjwt import PyJWKClient    # instead of: from jwt import PyJWKClient

It is PyJWT's class by its arguments, attributes, methods, keys (`jwt.PyJWK`) and exceptions. Keys are kept
fresh as for any verifier: a key that is held never waits for a request, held keys outlast an outage, and
made-up key ids draw from a budget.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from rightkey.errors import Misconfigured, quoted
from rightkey.exchange import Transport
from rightkey.freshness.settings import Freshness
from rightkey.integrations.pyjwt import ClientMisconfigured, ClientTransport, Sets, signing
from rightkey.integrations.settings import extra
from rightkey.policy.trust import ANY
from rightkey.verifier.lookup import awaited, waited
from rightkey.verifier.tasks import AsyncVerifier
from rightkey.verifier.threads import Verifier

with extra("pyjwt"):
    import jwt
    from jwt.api_jwt import decode_complete

if TYPE_CHECKING:
    import ssl

    from rightkey.events import Listener

__all__ = ["AsyncPyJWKClient", "PyJWKClient"]

LOG = logging.getLogger("rightkey")
SHORTEST = 1.0
"""Seconds from one draw of the budget to the next at the least, whatever `cooldown_duration` says."""


class _Client:
    """A client of the key set at a URL.

    Args:
        uri: where the key set is.
        cache_keys: taken and ignored: keys that are kept without end outlive their revocation. A key that is
            held is found without a request in any case.
        max_cached_keys: ignored as well.
        cache_jwk_set: whether keys are kept; False makes a request for each look-up.
        lifespan: for how many seconds a set is kept, whatever its answer says.
        headers: sent with each request. What is changed in them later counts.
        timeout: seconds for one request, from the look-up of the name to the last octet.
        ssl_context: whose certificates are believed, instead of the system's.
        cooldown_duration: seconds after which a key id that is not known may cause one request more, once
            two were made; 1 at least.
        transport: what fetches, instead of `DefaultTransport`; `ssl_context` is then not looked at.
        elapsed: seconds that never go back, for freshness; the system's clocks by default.
        listener: is called with each event (`rightkey.events`).

    Raises:
        jwt.PyJWKClientError: an argument is wrong; it is a `Misconfigured` as well.
    """

    uri: str
    headers: dict[str, Any]
    timeout: float
    ssl_context: ssl.SSLContext | None
    cooldown_duration: float
    jwk_set_cache: Any
    verifier: Any
    """The verifier whose keys these are, for `status()`, `refresh()` and `distrust(...)`."""
    _kind: type[Verifier | AsyncVerifier]
    _client_transport: ClientTransport | None
    _sets: Sets

    def __init__(
        self,
        uri: str,
        cache_keys: bool = False,
        max_cached_keys: int = 16,
        cache_jwk_set: bool = True,
        lifespan: float = 300,
        headers: dict[str, Any] | None = None,
        timeout: float = 30,
        ssl_context: ssl.SSLContext | None = None,
        cooldown_duration: float = 30,
        *,
        transport: Transport | None = None,
        elapsed: Callable[[], float] | None = None,
        listener: Listener | None = None,
    ) -> None:
        # Its own checks of its arguments, and its own attributes; it makes no request.
        given = (cache_jwk_set, lifespan, headers, timeout, ssl_context, cooldown_duration)
        vars(self).update(vars(jwt.PyJWKClient(uri, False, max_cached_keys, *given)))
        if cache_keys:
            LOG.warning("PyJWKClient: cache_keys is ignored: keys kept without end outlive their revocation")
        self._client_transport = ClientTransport(self, _Client.fetch_data, transport)
        try:
            freshness = _freshness(lifespan, timeout, cooldown_duration)
            self.verifier = self._kind(
                ANY,
                audience=ANY,
                keys=uri,
                freshness=freshness,
                transport=self._client_transport,
                elapsed=elapsed,
                listener=listener,
            )
        except Misconfigured as error:
            raise ClientMisconfigured(str(error), hint=error.hint) from error
        self._sets = Sets(self, self.verifier, threads=self._kind is Verifier)

    @classmethod
    def of(cls, verifier: Verifier | AsyncVerifier) -> Self:
        """A client with the keys of a verifier of one issuer: what is fetched, the budget and distrust are
        shared. `fetch_data` of a subclass is not what fetches.

        Raises:
            Misconfigured: the verifier is for several issuers, or its keys were passed in.
        """
        one = getattr(verifier, "_one", None)  # None of a verifier of several
        if one is None or not one.fetches:
            raise Misconfigured("PyJWKClient.of() needs a verifier of one issuer, whose keys are fetched")
        uri = one.source.located().jwks_uri or str(one.trust.issuer)
        client = cls.__new__(cls)
        vars(client).update(vars(jwt.PyJWKClient(uri if "://" in uri else f"https://{uri}")))
        client.verifier, client._client_transport = verifier, None
        client._sets = Sets(client, verifier, threads=cls._kind is Verifier)
        return client

    def fetch_data(self) -> Any:
        """Fetch the key set now, and keep it; this blocks the thread.

        A subclass may override it, to filter or to sign requests: it is then what fetches, on a thread of its
        own, for whichever kind of client; a coroutine runs there in a loop of its own. What it gets by
        `super().fetch_data()` is the document as it came.

        Raises:
            jwt.PyJWKClientConnectionError: there was no answer, or none of status 200.
            jwt.PyJWKClientError: the answer is no key set.
        """
        transport = self._client_transport
        if transport is not None and (transport.is_busy or transport.is_overridden(self)):
            return transport.document(self)
        return waited(self._sets.document())

    @staticmethod
    def match_kid(signing_keys: list[jwt.PyJWK], kid: str) -> jwt.PyJWK | None:
        """The first of these keys with this key id."""
        return next((key for key in signing_keys if key.key_id == kid), None)


class PyJWKClient(_Client, jwt.PyJWKClient):
    __doc__ = _Client.__doc__
    _kind = Verifier

    def get_jwk_set(self, refresh: bool = False) -> jwt.PyJWKSet:
        """The key set. `refresh` has it fetched now, whatever is held.

        Raises:
            jwt.PyJWKClientConnectionError: there is no answer, and no held keys that would do.
            jwt.PyJWKClientError: the answer is no key set.
        """
        return waited(self._sets.jwk_set(refresh))

    def get_signing_keys(self, refresh: bool = False) -> list[jwt.PyJWK]:
        """The signing keys that have a key id. Raises as `get_jwk_set`."""
        return signing(self.get_jwk_set(refresh))

    def get_signing_key(self, kid: str) -> jwt.PyJWK:
        """The signing key with this key id. One that is not known has the keys fetched once more, within the
        budget.

        Raises:
            jwt.PyJWKClientConnectionError: 503 (`status`): the keys could not be asked for; `retry_after`
                says when to try again.
            jwt.PyJWKClientError: there is no such key.
        """
        key = self._sets.at_hand(kid)
        return waited(self._sets.key(kid)) if key is None else key

    def get_signing_key_from_jwt(self, token: str | bytes) -> jwt.PyJWK:
        """The signing key that a token names. Nothing of the token is verified.

        Raises:
            jwt.DecodeError: it is no JWT. Otherwise as `get_signing_key`.
        """
        return self.get_signing_key(_kid_of(token))


class AsyncPyJWKClient(_Client):
    __doc__ = _Client.__doc__
    _kind = AsyncVerifier

    async def get_jwk_set(self, refresh: bool = False) -> jwt.PyJWKSet:
        """The key set. `refresh` has it fetched now, whatever is held. Raises as `PyJWKClient` does."""
        return await awaited(self._sets.jwk_set(refresh))

    async def get_signing_keys(self, refresh: bool = False) -> list[jwt.PyJWK]:
        """The signing keys that have a key id. Raises as `get_jwk_set`."""
        return signing(await self.get_jwk_set(refresh))

    async def get_signing_key(self, kid: str) -> jwt.PyJWK:
        """The signing key with this key id; the loop runs on meanwhile. Raises as `PyJWKClient` does."""
        key = self._sets.at_hand(kid)
        return await awaited(self._sets.key(kid)) if key is None else key

    async def get_signing_key_from_jwt(self, token: str | bytes) -> jwt.PyJWK:
        """The signing key that a token names. Nothing of the token is verified. Raises as `PyJWKClient`."""
        return await self.get_signing_key(_kid_of(token))


def _freshness(lifespan: float, timeout: float | None, cooldown_duration: float) -> Freshness:
    """How fresh keys are kept by the numbers that PyJWT's client takes. Raises Misconfigured."""
    usual = Freshness()
    timeout = usual.timeout if timeout is None else timeout  # to urllib, without any end
    if not isinstance(timeout, int | float):
        raise Misconfigured(f"timeout is a number of seconds, not {quoted(timeout)}")
    return Freshness(
        life=lifespan,
        min_life=lifespan,
        max_life=lifespan,
        timeout=timeout,
        connect_timeout=min(usual.connect_timeout, timeout),
        wait=max(usual.wait, timeout),
        draw_every=max(SHORTEST, cooldown_duration),
    )


def _kid_of(token: str | bytes) -> Any:
    """The key id that a token's header names. Raises jwt.DecodeError."""
    try:
        return decode_complete(token, options={"verify_signature": False})["header"].get("kid")
    except UnicodeEncodeError:  # half of a surrogate pair, as in a header that a server could not decode
        raise jwt.DecodeError("Invalid token: it has characters outside ASCII") from None
