"""A credential: the token of a request, and what the request brings to prove that it may use it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any, NamedTuple
from urllib.parse import quote

from rightkey.errors import TokenRejected
from rightkey.integrations.bearer import Bearer
from rightkey.integrations.certificates import Connection
from rightkey.policy.presented import Presented
from rightkey.verdict.verified import Verified

_PLAIN = "/:@!$&'()*+,;=~"
"""What clients leave as it is in a path (RFC 3986, section 3.3), beside what Python's `quote` does."""
KEY = "rightkey.presented"
"""By which frameworks keep what a request presents."""
NONCE = "DPoP-Nonce"


class Credential(NamedTuple):
    """A token as it was sent. `presented` is None for a bearer token, which brings nothing more."""

    raw: str
    presented: Presented | None = None

    def __repr__(self) -> str:
        return f"Credential({self.scheme!r})"  # the rest is a token

    @property
    def scheme(self) -> str:
        """Under which it came."""
        return "DPoP" if self.presented is not None and self.presented.by_dpop else "Bearer"

    @property
    def nonce(self) -> str | None:
        """The one for `DPoP-Nonce` of the answer, whatever that is; None where the client needs no other."""
        return None if self.presented is None else self.presented.nonce

    def verified(self, verify: Callable[..., Verified]) -> Verified:
        """The token, verified. Raises as `verify`; the error knows under which scheme it came."""
        try:
            return verify(self.raw) if self.presented is None else verify(self.raw, presented=self.presented)
        except TokenRejected as error:
            error.scheme = self.scheme
            raise

    async def verified_async(self, verify: Callable[..., Awaitable[Verified]]) -> Verified:
        """Like `verified`, in tasks."""
        try:
            if self.presented is None:
                return await verify(self.raw)
            return await verify(self.raw, presented=self.presented)
        except TokenRejected as error:
            error.scheme = self.scheme
            raise


def escaped(path: str, also: str = "", encoding: str = "utf-8") -> str:
    """A decoded path as its client will have written it. What no client can have written, such as half of a
    surrogate pair, becomes `%3F`: no proof is for that.

    Args:
        also: what is left as it is, too.
        encoding: by which it was decoded.
    """
    return quote(path, _PLAIN + also, encoding, errors="replace")


class Sent(NamedTuple):
    """How a request came."""

    method: str
    path: str
    """As its client sent it: that by which an application routes may have lost `%2F`."""
    connection: Connection

    def __repr__(self) -> str:
        return f"Sent({self.method!r})"  # a query may hold a token


def carried(
    bearer: Bearer,
    headers: Collection[tuple[str, str]],
    query: str,
    sent: Callable[[], Sent],
    request: MutableMapping[Any, Any],
    *,
    optional: bool,
    key: Any = KEY,
) -> Credential | None:
    """The token that a request carries, with its proof; None where it has none and needs none.

    Args:
        bearer: where it may be.
        headers: the request's, which may be looked at more than once; those of `bearer.header_names` suffice.
        query: what follows the question mark of its URL.
        sent: tells how it came.
        request: where the framework keeps what belongs to the request.
        optional: whether it needs none.
        key: by which that is kept.

    Raises:
        TokenRejected: `token_missing`, `request_malformed`.
    """
    raw = bearer.token_or_none(headers, query) if optional else bearer.token(headers, query)
    if raw is None:
        return None
    proofs, source = bearer.proofs(headers), bearer.certificate
    if proofs is None and source is None:
        return Credential(raw)
    method, path, connection = sent()
    certificate = None if source is None else source.read(headers, connection)
    if proofs is None and certificate is None:
        return Credential(raw)
    scheme = "Bearer" if proofs is None else "DPoP"
    presented = Presented(scheme, method, _below(path), proofs or (), certificate)
    return Credential(raw, _kept(request, key, presented))


def renewed(request: Mapping[Any, Any], key: Any = KEY) -> str | None:
    """The nonce for the header `DPoP-Nonce` of an answer, where the client should be told another."""
    presented = request.get(key)
    return None if presented is None else presented.nonce


def _below(target: str) -> str:
    """What of a request's target is its path and query: an absolute one (RFC 9112, section 3.2.2) names a
    host that its client chose, and a proof for another API would be for that."""
    return re.sub(r"(?i)^https?://[^/?#]*", "", target)


def _kept(request: MutableMapping[Any, Any], key: Any, presented: Presented) -> Presented:
    """What a request presents, as the one object that stands for it: a route may have its token verified
    twice, such as by a middleware and a dependency, and a proof passes once.
    """
    before = request.setdefault(key, presented)
    if before != presented:
        request[key] = before = presented
    return before  # type: ignore[no-any-return]
