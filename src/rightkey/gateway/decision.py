"""Decision: what a proxy is answered for one request. Nothing here knows a socket.

    passes                200   the identity headers, all of them; no body (204 is no pass for Envoy)
    TokenRejected         401   a challenge; 403 where the token lacks what the route requires
    request_malformed     400   several tokens, or something that is not one
    NoRoute               403   no route, or a path that services read in different ways
    Unsaid                500   the proxy does not say what its client asked for
    IssuerFault           503   Retry-After

What is refused carries its status in `X-Auth-Status` too: nginx makes 500 of all but 401 and 403. Nothing may
be cached: an answer counts for one method, path and moment.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol

from rightkey.errors import RightkeyError, TokenRejected
from rightkey.gateway.dialect import Dialect, OriginalRequest, Unsaid
from rightkey.gateway.eager import Begun, begun
from rightkey.gateway.identity import STATUS, Identity
from rightkey.gateway.routes import NoRoute, Route, Routes
from rightkey.integrations.bearer import Bearer
from rightkey.integrations.certificates import Connection
from rightkey.integrations.credential import NONCE, Credential, Sent, carried
from rightkey.policy.presented import Presented
from rightkey.verdict.recent import Recent
from rightkey.verdict.verified import Verified

MAX_REMEMBERED_LENGTH = 8192
"""Characters of a token, the answer to which is kept."""


class Verifying(Protocol):
    """What is needed of AsyncVerifier and AsyncVerifiers."""

    async def verify(self, raw: str | bytes, /, **asks: Any) -> Verified: ...


class Question(NamedTuple):
    """A request of a proxy. Of its headers those that count, by names in lower case, with all values."""

    method: str
    target: str
    fields: Mapping[str, list[str]]

    def __repr__(self) -> str:
        return f"Question({self.method!r})"  # the rest may hold a token


class Answer(NamedTuple):
    """What the proxy is answered. `code` is `ok`, `public`, or why not."""

    status: int
    code: str
    head: bytes
    """As HTTP/1.1, with the empty line."""
    body: bytes = b""

    def octets(self, *, close: bool = False, bodiless: bool = False) -> bytes:
        """All of it.

        Args:
            close: whether the connection ends with it.
            bodiless: whether HEAD was asked, whose answer has no body.
        """
        head = self.head[:-2] + b"Connection: close\r\n\r\n" if close else self.head
        return head if bodiless or not self.body else head + self.body


class Case(Protocol):
    """A request that was read. It may be answered as often as the same one comes."""

    @property
    def lasts(self) -> bool:
        """Whether it is worth keeping for that."""

    def __call__(self) -> Answer | Awaitable[Answer]:
        """The answer as of now."""


def answered(status: int, code: str, fields: Iterable[tuple[str, str]] = (), body: bytes = b"") -> Answer:
    """An answer with these headers."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in fields])
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
    return Answer(status, code, head.encode("latin-1"), body)


def refused(status: int, code: str, message: str, *fields: tuple[str, str]) -> Answer:
    """A refusal that tells why, as JSON."""
    return _told(status, code, json.dumps({"code": code, "message": message}).encode(), fields)


@dataclass(frozen=True, slots=True)
class Decision:
    """Reads questions, and answers them.

    Args:
        dialect: of the proxy that asks.
        routes: which rule counts for a request.
        verifier: for asyncio.
        bearer: where requests carry their tokens, and what challenges say.
        identity: what the service is told of a token.
        remember: how many answers to tokens that passed are kept, one for each token and rule; 0 for none.
    """

    dialect: Dialect
    routes: Routes
    verifier: Verifying
    bearer: Bearer
    identity: Identity
    remember: int = 0
    passed: Recent[TokenCase] = field(init=False, repr=False, compare=False)
    """Requests that were read, whose answer is kept."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "passed", Recent(self.remember))

    @property
    def names(self) -> frozenset[str]:
        """The headers that count, in lower case."""
        return self.dialect.names | self.bearer.header_names

    def read(self, question: Question) -> Case | Answer:
        """What can be told by the request alone: its rule and its token, or the answer where that needs no
        verdict."""
        try:
            original = self.dialect.original(*question)
            route = self.routes.find(original)
            credential = None if route.public else self._credential(route, original, question.fields)
        except NoRoute as error:
            return refused(403, error.code, error.message)
        except Unsaid as error:
            return refused(500, "request_unsaid", str(error))
        except RightkeyError as error:
            return self.refusal(error, route)
        if credential is None:
            return _passes("public", self.identity.empty)
        known = None if credential.presented is not None else self.passed.get(_place(route, credential))
        return known or TokenCase(self, route, credential)

    def _credential(
        self, route: Route, original: OriginalRequest, fields: Mapping[str, list[str]]
    ) -> Credential | None:
        raw = self.bearer.usual(fields.get("authorization", ()))
        if raw is not None:  # how it is written is looked at where it is refused: verified ones are tokens
            return Credential(raw)
        headers = [(name, value) for name in self.bearer.header_names for value in fields.get(name, ())]
        path, _, query = original.uri.partition("?")
        sent = partial(Sent, original.method, path, _UNKNOWN)
        return carried(self.bearer, headers, query, sent, {}, optional=route.optional)

    def refusal(self, error: RightkeyError, route: Route, credential: Credential | None = None) -> Answer:
        """The answer to an error."""
        if credential is not None and isinstance(error, TokenRejected):
            error.scheme = credential.scheme
            error = self.bearer.not_a_token(credential.raw) or error
        refusal = self.bearer.refusal(error, route.require)
        nonce = None if credential is None else credential.nonce
        headers = refusal.headers if nonce is None else {**refusal.headers, NONCE: nonce}
        return _told(refusal.status, error.code, refusal.content, (*headers.items(),))


class TokenCase:
    """A request with a token, whose verdict is asked for each time. What is answered where it passes is made
    once: a JWT says the same whenever it is read. Of an opaque token its issuer may say something else.

    Args:
        decision: by whose settings.
        route: which rule counts.
        credential: the token, and what proves that its sender may use it.
    """

    __slots__ = ("_credential", "_decision", "_passes", "_route")

    def __init__(self, decision: Decision, route: Route, credential: Credential) -> None:
        self._decision, self._route, self._credential = decision, route, credential
        self._passes: Answer | None = None

    @property
    def lasts(self) -> bool:
        """Only once its token has passed, and without a proof: that counts for one request."""
        return self._passes is not None

    def __call__(self) -> Answer | Awaitable[Answer]:
        """The answer as of now; something to await only where keys must be waited for."""
        raw, presented = self._credential
        verify = self._decision.verifier.verify
        try:
            token = begun(verify(raw) if presented is None else verify(raw, presented=presented))
            if isinstance(token, Begun):
                return self._later(token)
            return self._passed(token)
        except RightkeyError as error:
            return self._refusal(error)

    async def _later(self, token: Begun[Verified]) -> Answer:
        try:
            return self._passed(await token)
        except RightkeyError as error:
            return self._refusal(error)

    def _passed(self, token: Verified) -> Answer:
        """Raises InsufficientScope."""
        if self._passes is not None and token.key is not None:
            return self._passes
        if self._route.require is not None:
            token.require(self._route.require)
        identity, presented = self._decision.identity.lines(token.claims), self._credential.presented
        if presented is not None:
            return _passes("ok", identity + _renewed(presented))
        self._passes = passes = _passes("ok", identity)
        if self._decision.remember and len(self._credential.raw) <= MAX_REMEMBERED_LENGTH:
            self._decision.passed.put(_place(self._route, self._credential), self)
        return passes

    def _refusal(self, error: RightkeyError) -> Answer:
        self._passes = None
        return self._decision.refusal(error, self._route, self._credential)


def _place(route: Route, credential: Credential) -> tuple[str, int]:
    return credential.raw, id(route)  # a rule lives as long as the decision, and to hash it takes long


def _renewed(presented: Presented) -> bytes:
    """The nonce for the client's next proof, where it should have another."""
    return b"" if presented.nonce is None else f"{NONCE}: {presented.nonce}\r\n".encode()


def _passes(code: str, lines: bytes) -> Answer:
    return Answer(200, code, b"%b%b\r\n" % (_PASSES, lines))


def _told(status: int, code: str, body: bytes, fields: tuple[tuple[str, str], ...]) -> Answer:
    told = ((STATUS, str(status)), ("Content-Type", "application/json"))
    return answered(status, code, (*_FRESH, *told, *fields), body)


_FRESH: tuple[tuple[str, str], ...] = (("Cache-Control", "no-store"),)
_PASSES = answered(200, "ok", _FRESH).head.removesuffix(b"\r\n")
_UNKNOWN = Connection(None)
"""What the client's TLS was is the proxy's to know."""
