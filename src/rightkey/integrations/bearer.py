"""Bearer tokens in HTTP: where a request carries its token, and how one is refused.

RFC 6750, sections 2 and 3; RFC 9728 for the metadata of a protected resource. What is refused, and how:

    token_missing        401    a challenge without error: nothing was wrong yet
    request_malformed    400    invalid_request: several tokens, or what is none
    TokenRejected        401    invalid_token
    InsufficientScope    403    insufficient_scope, and which scopes
    IssuerFault          503    Retry-After, and no challenge: another token would not help
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from rightkey.errors import (
    CODES,
    InsufficientScope,
    IssuerFault,
    IssuerUnavailable,
    Misconfigured,
    RequestMalformed,
    RightkeyError,
    TokenRejected,
)
from rightkey.issuer.name import url_fault
from rightkey.requirements import AllOf, Grant, Requirement

Headers: TypeAlias = Iterable[tuple[str, str]]
"""Names and values as they came, in order; a name that came twice is there twice."""

WELL_KNOWN = "/.well-known/oauth-protected-resource"
RETRY_AFTER = 1
"""Seconds, where an error does not say."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """One place of a request that may carry a token. Made by `header`, `cookie` and `query`."""

    place: str
    name: str

    def __post_init__(self) -> None:
        if not re.fullmatch(_NAME, self.name):
            raise Misconfigured(
                f"a {self.place} that carries a token has a name, of letters, digits, - and _"
            )

    def carried(self, headers: Headers, query: str) -> list[str]:
        """The credentials found there, as they came."""
        return _READERS[self.place](self.name, headers, query)


def header(name: str) -> Carrier:
    """A header that holds the token and nothing else, such as `X-Forwarded-Access-Token`."""
    return Carrier("header", name)


def cookie(name: str) -> Carrier:
    """A cookie. A browser sends it along with whatever other sites ask for: guard against that."""
    return Carrier("cookie", name)


def query(name: str = "access_token") -> Carrier:
    """A parameter of the URL, which ends up in logs and histories (RFC 6750, section 2.3)."""
    return Carrier("query", name)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What to answer: a status, headers, and a body to be sent as JSON."""

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, str]

    @property
    def content(self) -> bytes:
        """The body, as JSON."""
        return json.dumps(self.body).encode()


READY = Refusal(200, {}, {"code": "ready", "message": "tokens can be verified"})
"""What a health check is answered with where nothing is refused."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """How an API takes bearer tokens, and refuses them.

    Args:
        carriers: where a request may carry its token; of several only one may. By default the
            `Authorization` header, with the scheme `Bearer`.
        realm: what challenges call this API.
        resource_metadata: the URL of its RFC 9728 metadata, for challenges.

    Raises:
        Misconfigured: no carrier, or what a header cannot hold.
    """

    carriers: Carrier | Collection[Carrier] = field(default_factory=lambda: (AUTHORIZATION,))
    realm: str | None = None
    resource_metadata: str | None = None

    def __post_init__(self) -> None:
        if not self.places or not all(isinstance(one, Carrier) for one in self.places):
            raise Misconfigured(
                "a token is carried by a Carrier or several", hint='such as cookie("session")'
            )
        if self.realm is not None and not re.fullmatch(_QUOTABLE, self.realm):
            raise Misconfigured("a realm is printable ASCII, without double quotes and backslashes")
        fault = None if self.resource_metadata is None else url_fault(self.resource_metadata)
        if fault or '"' in (self.resource_metadata or ""):
            raise Misconfigured(f"resource_metadata {self.resource_metadata!r}: {fault or 'a quote in it'}")

    @property
    def places(self) -> tuple[Carrier, ...]:
        """The carriers, in order."""
        return (self.carriers,) if isinstance(self.carriers, Carrier) else tuple(self.carriers)

    def token(self, headers: Headers, query: str = "") -> str:
        """The token that a request carries.

        Args:
            headers: the request's.
            query: what stands behind the question mark.

        Raises:
            TokenRejected: `token_missing`.
            RequestMalformed: `request_malformed`: several credentials, or one that is no token.
        """
        found = self.token_or_none(headers, query)
        if found is None:
            raise TokenRejected("token_missing", "no token was given", hint=self._wanted)
        return found

    def token_or_none(self, headers: Headers, query: str = "") -> str | None:
        """As `token`, for who lets requests without one in."""
        headers = [*headers]
        found = [value for carrier in self.places for value in carrier.carried(headers, query)]
        if len(found) > 1:
            raise RequestMalformed(
                "request_malformed", "the request carries several credentials", hint="send one token, once"
            )
        if found and not re.fullmatch(_TOKEN, found[0]):
            raise RequestMalformed(
                "request_malformed", "the credential is not one bearer token", hint=self._wanted
            )
        return found[0] if found else None

    def refusal(self, error: RightkeyError, require: Requirement | None = None) -> Refusal:
        """What to answer for an error. What is the issuer's fault or ours is told in general words alone.

        Args:
            error: whichever.
            require: what the route asks, so that a client without a token learns which scopes to ask for.
        """
        status = error.status or 500
        if isinstance(error, TokenRejected):
            body = _told(error.code, str(error), error.hint)
            return Refusal(status, {"WWW-Authenticate": self._challenge(error, require)}, body)
        if not isinstance(error, IssuerFault):
            return Refusal(status, {}, _told(error.code, "the service is not set up as it should be", None))
        body = _told(error.code, CODES[error.code], "try again later, with the same token")
        after = error.retry_after if isinstance(error, IssuerUnavailable) else None
        return Refusal(503, {"Retry-After": str(max(RETRY_AFTER, math.ceil(after or 0)))}, body)

    @property
    def _wanted(self) -> str:
        return f"send {' or '.join(_WANTED[one.place].format(one.name) for one in self.places)}"

    def _challenge(self, error: TokenRejected, require: Requirement | None) -> str:
        """RFC 6750, section 3; RFC 9728, section 5.1."""
        missing = error.code == "token_missing"
        scopes = required_scopes(error) if isinstance(error, InsufficientScope) else scopes_of(require)
        parameters = {
            "realm": self.realm,
            "error": None if missing else _ERRORS[error.status or 401],
            "error_description": None if missing else re.sub(_UNQUOTABLE, "?", str(error)),
            "scope": " ".join(scopes),
            "resource_metadata": self.resource_metadata,
        }
        told = ", ".join(f'{name}="{value}"' for name, value in parameters.items() if value)
        return f"Bearer {told}".rstrip()


@dataclass(frozen=True, slots=True)
class ProtectedResource:
    """An API as OAuth clients find it (RFC 9728).

    Args:
        resource: its identifier, an https URL; usually the audience of its tokens.
        authorization_servers: the issuers whose tokens it takes, as URLs.
        scopes: those it knows.
        name: for people.

    Raises:
        Misconfigured: an identifier that is no URL, or has a query in it.
    """

    resource: str
    authorization_servers: Collection[str] = ()
    scopes: Collection[str] = ()
    name: str | None = None

    def __post_init__(self) -> None:
        fault = url_fault(self.resource) or ("it has a query" if "?" in self.resource else None)
        if fault:
            raise Misconfigured(
                f"resource {self.resource!r}: {fault}", hint="such as https://api.example.com"
            )

    @property
    def path(self) -> str:
        """Where its metadata are served, from the root of its host (section 3.1)."""
        return WELL_KNOWN + urlsplit(self.resource).path.rstrip("/")

    @property
    def url(self) -> str:
        """The address of its metadata, for `resource_metadata`."""
        parts = urlsplit(self.resource)
        return f"{parts.scheme}://{parts.netloc}{self.path}"

    @property
    def document(self) -> dict[str, Any]:
        """The metadata (section 2)."""
        members = {
            "resource": self.resource,
            "authorization_servers": [*self.authorization_servers],
            "scopes_supported": [*self.scopes],
            "bearer_methods_supported": ["header"],
            "resource_name": self.name,
        }
        return {name: value for name, value in members.items() if value}


def scopes_of(requirement: Requirement | None) -> tuple[str, ...]:
    """The scopes that a requirement asks for whatever else holds: of a choice, none is."""
    if isinstance(requirement, AllOf):
        each = (scope for part in requirement.parts for scope in scopes_of(part))
        return tuple(dict.fromkeys(each))
    if isinstance(requirement, Grant) and requirement.kind == "scope":
        return (requirement.name,) if re.fullmatch(_SCOPE, requirement.name) else ()
    return ()


def required_scopes(error: InsufficientScope) -> tuple[str, ...]:
    """The scopes that this error says are required."""
    return scopes_of(error.requirement)


def _told(code: str, message: str, hint: str | None) -> dict[str, str]:
    return {"code": code, "message": message} | ({"hint": hint} if hint else {})


def _in_authorization(name: str, headers: Headers, query: str) -> list[str]:
    """Another scheme alone is nothing of ours; beside a bearer token it is a second credential."""
    values = _in_header(name, headers, query)
    schemes = [value.partition(" ")[0].lower() for value in values]
    if "bearer" not in schemes:
        return []
    return [re.sub(_SCHEME, "", value) for value in values]


def _in_header(name: str, headers: Headers, query: str) -> list[str]:
    return [value.strip(" \t") for key, value in headers if key.lower() == name.lower()]


def _in_cookie(name: str, headers: Headers, query: str) -> list[str]:
    cookies = ";".join(_in_header("cookie", headers, query))
    pairs = (pair.partition("=") for pair in cookies.split(";"))
    return [value.strip() for key, _, value in pairs if key.strip() == name]


def _in_query(name: str, headers: Headers, query: str) -> list[str]:
    return [value for key, value in parse_qsl(query, keep_blank_values=True) if key == name]


_NAME = r"[A-Za-z0-9_.-]+"
_TOKEN = r"[A-Za-z0-9._~+/-]+=*"  # noqa: S105 - RFC 6750, section 2.1: b64token
_SCHEME = r"^(?i:bearer)(?: +|$)"
_SCOPE = r"[!#-\[\]-~]+"  # RFC 6749, section 3.3: scope-token
_QUOTABLE = r"[ !#-\[\]-~]+"
_UNQUOTABLE = r"[^ !#-\[\]-~]"  # RFC 6750, section 3: what error_description may not have in it
_ERRORS = {400: "invalid_request", 401: "invalid_token", 403: "insufficient_scope"}
_WANTED = {
    "authorization": "the header Authorization: Bearer, and the token",
    "header": "the token in the header {}",
    "cookie": "the token in the cookie {}",
    "query": "the token as the parameter {}",
}
_READERS: dict[str, Callable[[str, Headers, str], list[str]]] = {
    "authorization": _in_authorization,
    "header": _in_header,
    "cookie": _in_cookie,
    "query": _in_query,
}
AUTHORIZATION: Carrier = Carrier("authorization", "authorization")
"""The `Authorization` header, with the scheme `Bearer`."""
BEARER = Bearer()
"""What integrations take and refuse tokens by, unless they are told otherwise."""
