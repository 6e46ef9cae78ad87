"""What PyJWT's clients of key sets stand on here: its key sets, its errors, and its `fetch_data`.

The clients themselves are in `rightkey.pyjwt`.
"""

from __future__ import annotations

import functools
import inspect
import json
import threading
import weakref
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from rightkey.errors import IssuerFault, IssuerMisbehaved, IssuerUnavailable, Misconfigured, TokenRejected
from rightkey.exchange import ExchangeFailed, Request, Response, Transport, plain_http_of
from rightkey.freshness.refresh import NoSigningKey
from rightkey.integrations.settings import extra
from rightkey.issuer.jwks import jwks_request
from rightkey.jose import strictjson
from rightkey.jose.key import shown
from rightkey.transport.default import DefaultTransport
from rightkey.transport.tls import TlsSettings
from rightkey.verifier.lookup import Lookup, Steps
from rightkey.verifier.single import Single

with extra("pyjwt"):
    import jwt
    from jwt.exceptions import PyJWKClientConnectionError, PyJWKClientError

if TYPE_CHECKING:
    import ssl

    from rightkey.jose.keyset import KeySet
    from rightkey.transport.address import Address
    from rightkey.transport.connection import Route

NO_KEYS = "The JWKS endpoint did not contain any signing keys"
NOT_JSON = "The JWKS endpoint did not return a JSON object that is a key set"
_P = ParamSpec("_P")
_Found = TypeVar("_Found")


class Client(Protocol):
    """What counts of a client."""

    uri: str
    headers: Any
    timeout: float
    ssl_context: ssl.SSLContext | None
    cooldown_duration: float
    jwk_set_cache: Any

    def fetch_data(self) -> Any: ...


class KeysUnavailable(IssuerUnavailable, PyJWKClientConnectionError):
    """The endpoint could not be asked: 503, with `retry_after`."""


class KeysUnusable(IssuerUnavailable, PyJWKClientError):
    """The endpoint answered with something that is no key set, and no keys are held: 503."""


class KeyNotFound(TokenRejected, PyJWKClientError):
    """No key of the set has this key id: 401."""


class ClientMisconfigured(Misconfigured, PyJWKClientError):
    """An argument is wrong."""


def unavailable(why: object, retry_after: float | None, hint: str | None = None) -> KeysUnavailable:
    """The error where the endpoint could not be asked."""
    message = f'Fail to fetch data from the url, err: "{why}"'
    return KeysUnavailable("keys_unavailable", message, hint=hint, retry_after=retry_after)


def told(steps: Callable[_P, Steps[_Found]]) -> Callable[_P, Steps[_Found]]:
    """A look-up that raises what PyJWT's users catch, and what ours do: its sentence first, then why."""

    @functools.wraps(steps)
    def telling(*args: _P.args, **kwargs: _P.kwargs) -> Steps[_Found]:
        try:
            return (yield from steps(*args, **kwargs))
        except IssuerFault as error:
            raise _as_theirs(error) from error

    return telling


def _as_theirs(error: IssuerFault) -> IssuerUnavailable:
    retry_after = getattr(error, "retry_after", None)
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, IssuerMisbehaved | ExchangeFailed):
        cause = cause.__cause__
    if isinstance(cause, IssuerMisbehaved):
        sentence = NO_KEYS if isinstance(cause, NoSigningKey) else NOT_JSON
        message = f"{sentence}: {cause}"
        return KeysUnusable("keys_unavailable", message, hint=error.hint, retry_after=retry_after)
    return unavailable(cause or error, retry_after, error.hint)


class KeptSet(jwt.PyJWKSet):
    """A key set as PyJWT has it, made of one of ours. `owner` is the client that made it."""

    def __init__(self, keys: KeySet, owner: object) -> None:
        self.keys = []  # theirs raises where none is left
        for key in keys:
            with suppress(jwt.PyJWTError):  # an algorithm that PyJWT does not know
                self.keys.append(jwt.PyJWK(dict(key.jwk)))
        self.owner = owner
        self.by_kid = by_kid(self)


class Sets:
    """The key sets of one client, and its `jwk_set_cache`, which always has the one that counts.

    What others put there counts until it expires; where they took it out, it is fetched again.
    """

    def __init__(self, client: Client, verifier: Single, *, threads: bool) -> None:
        self._client = weakref.proxy(client)
        self._source = verifier._issuer.source
        self._lookup = Lookup(verifier._issuer, threads=threads)
        self._made: tuple[KeySet, KeptSet] | None = None

    def at_hand(self, kid: object) -> jwt.PyJWK | None:
        """The key with this key id in the set that is held, if all is as it was at the last look-up."""
        made, cache = self._made, self._client.jwk_set_cache
        if made is None or cache is None or not isinstance(kid, str):
            return None
        current = self._source.held().keys is made[0] and cache.get() is made[1]
        return made[1].by_kid.get(kid) if current else None

    @told
    def jwk_set(self, refresh: bool) -> Steps[jwt.PyJWKSet]:
        """The whole set."""
        given = None if refresh else self._given()
        if given is not None:
            return given
        return self._as_theirs((yield from self._current(refresh)))

    @told
    def document(self) -> Steps[dict[str, Any]]:
        """The set as PyJWT reads it, fetched now."""
        keys = yield from self._lookup.refetched()
        self._as_theirs(keys)
        return {"keys": [key.jwk for key in keys]}

    @told
    def key(self, kid: Any) -> Steps[jwt.PyJWK]:
        """The key with this key id."""
        named = shown(kid) if isinstance(kid, str) else "no key id"
        missing = KeyNotFound("key_not_found", f"Unable to find a signing key that matches: {named}")
        if not isinstance(kid, str):
            raise missing
        find = partial(self._find, kid=kid)
        if (
            self._client.jwk_set_cache is None
        ):  # as PyJWT does: one request, and one more for what is not there
            for _ in range(2):
                if (key := find((yield from self._current()))) is not None:
                    return key
            raise missing
        given = self._given()
        if given is not None and (key := by_kid(given).get(kid)) is not None:
            return key
        if self._is_cleared or not self._client.cooldown_duration:
            yield from self._current()
        return (yield from self._lookup.key(kid, find, missing))

    def _current(self, refresh: bool = False) -> Steps[KeySet]:
        """Our set, fetched now where that is wanted, or where none may be kept."""
        if refresh or self._client.jwk_set_cache is None or self._is_cleared:
            return self._lookup.refetched()
        return self._lookup.keys()

    def _find(self, keys: KeySet, kid: str) -> jwt.PyJWK | None:
        return self._as_theirs(keys).by_kid.get(kid)

    def _as_theirs(self, keys: KeySet) -> KeptSet:
        """The same set for PyJWT: made once, and put where its users look."""
        made = self._made
        if made is None or made[0] is not keys:
            made = self._made = keys, KeptSet(keys, self)
        cache = self._client.jwk_set_cache
        if cache is not None and cache.get() is not made[1]:
            cache.put(made[1])
        return made[1]

    def _given(self) -> jwt.PyJWKSet | None:
        """What others have put into the cache, and is not expired."""
        cache = self._client.jwk_set_cache
        kept = None if cache is None else cache.get()
        return None if kept is None or getattr(kept, "owner", None) is self else kept

    @property
    def _is_cleared(self) -> bool:
        cache = self._client.jwk_set_cache
        return cache is not None and self._made is not None and cache.jwk_set_with_timestamp is None


def signing(keys: jwt.PyJWKSet) -> list[jwt.PyJWK]:
    """The signing keys of a set that have a key id. Raises KeysUnusable where there are none."""
    found = _usable(keys)
    if not found:
        raise KeysUnusable("keys_unavailable", NO_KEYS)
    return found


def by_kid(keys: jwt.PyJWKSet) -> dict[str, jwt.PyJWK]:
    """The same by key id; of several with one, the first."""
    return {str(key.key_id): key for key in reversed(_usable(keys))}


def _usable(keys: jwt.PyJWKSet) -> list[jwt.PyJWK]:
    return [key for key in keys.keys if key.key_id and key.public_key_use in (None, "sig")]


class ClientTransport:
    """The transport of one client: its headers, its `ssl_context`, and its `fetch_data` if that is not ours.

    Args:
        client: whose.
        own: `fetch_data` as it is here; any other is asked.
        given: what fetches; None for `DefaultTransport`.
    """

    def __init__(self, client: Client, own: Any, given: Transport | None) -> None:
        self._client, self._own, self._given = weakref.ref(client), own, given
        self._here = threading.local()

    @property
    def plain_http(self) -> tuple[str, ...]:
        """As of the transport that was given."""
        return () if self._given is None else plain_http_of(self._given)

    @property
    def is_busy(self) -> bool:
        """Whether this thread is fetching for a refresh."""
        return getattr(self._here, "request", None) is not None

    def get(self, request: Request, /) -> Response:
        client = self._client()
        if client is None:
            raise ExchangeFailed("gone", "the client is no longer there")
        if not self.is_overridden(client):
            return self._fetched(client, request)
        self._here.request = request
        try:
            data = client.fetch_data()
            if inspect.iscoroutine(data):
                data = _run(data)
            return Response(200, {}, json.dumps(data).encode())
        except Exception as error:
            if isinstance(error.__cause__, ExchangeFailed):  # as `document` raises it
                raise error.__cause__ from None
            own = isinstance(error, PyJWKClientError)  # whose words are to be read
            told = str(error) if own else f"fetch_data raised {type(error).__name__}"
            raise ExchangeFailed("fetch_data", told) from error
        finally:
            self._here.request = None

    def is_overridden(self, client: Client) -> bool:
        """Whether `fetch_data` is another's, by a subclass or on the object itself."""
        return getattr(client.fetch_data, "__func__", None) is not self._own

    def document(self, client: Client) -> dict[str, Any]:
        """The document at the client's URL, fetched on this thread.

        Raises:
            KeysUnavailable, KeysUnusable: there is none.
        """
        usual = jwks_request(client.uri, forced=True)
        bounded = replace(usual, timeout=client.timeout or usual.timeout)
        request = getattr(self._here, "request", None) or bounded
        try:
            response = self._fetched(client, request)
            if response.status != 200:
                failed = ExchangeFailed(f"http_{response.status}", response.refusal)
                failed.retry_after = response.retry_after
                raise failed
        except ExchangeFailed as error:
            raise unavailable(error, error.retry_after) from error
        try:
            document = strictjson.read_members(strictjson.without_mark(response.body))
        except strictjson.NotJson as error:
            raise KeysUnusable("keys_unavailable", f"{NOT_JSON}: {error}") from error
        return strictjson.unmarked(document)  # a member that no reader could use would not be JSON

    def _fetched(self, client: Client, request: Request) -> Response:
        headers = {str(name).lower(): str(value) for name, value in (client.headers or {}).items()}
        # Without our `Accept`: what a server has answered PyJWT it answers here.
        ours = {name: value for name, value in request.headers.items() if name != "accept"}
        request = replace(request, headers=ours | headers)
        given = self._given or _Default(user_agent=headers.get("user-agent"), context=client.ssl_context)
        return given.get(request)


@dataclass(frozen=True)
class _Default(DefaultTransport):
    """The default one, in a context that was made elsewhere."""

    context: ssl.SSLContext | None = None

    def _route(self, address: Address) -> Route:
        route = DefaultTransport._route(self, address)
        return route if self.context is None else replace(route, tls=TlsSettings(context=self.context))


def _run(fetching: Coroutine[Any, Any, Any]) -> Any:
    import asyncio  # here, since a service of threads need not have it

    return asyncio.run(fetching)
