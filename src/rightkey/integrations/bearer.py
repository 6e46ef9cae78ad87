"""Tokens in HTTP: which token a request carries, and how one is refused.

RFC 6750, section 3; RFC 9449, section 7. What is refused, and how:

    token_missing        401    a challenge without error: nothing was wrong yet
    request_malformed    400    invalid_request: several tokens, or something that is not a token
    TokenRejected        401    invalid_token, invalid_dpop_proof, use_dpop_nonce with DPoP-Nonce
    InsufficientScope    403    insufficient_scope, and which scopes
    IssuerFault          503    Retry-After, and no challenge: another token would not help
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from rightkey.errors import (
    CODES,
    InsufficientScope,
    IssuerFault,
    IssuerUnavailable,
    Misconfigured,
    RequestMalformed,
    RightkeyError,
    TokenRejected,
    quoted,
)
from rightkey.integrations import challenges
from rightkey.integrations.carriers import (
    AUTHORIZATION,
    PROOF,
    Carrier,
    Headers,
    cookie,
    header,
    is_token,
    proofs_in,
    query,
    subprotocol,
    usual_token,
)
from rightkey.integrations.certificates import CertificateSource
from rightkey.integrations.challenges import Scheme
from rightkey.integrations.resource import WELL_KNOWN, ProtectedResource
from rightkey.issuer.name import url_fault
from rightkey.requirements import AllOf, Grant, Requirement
from rightkey.telemetry.verdicts import tell_not_granted
from rightkey.verdict.verified import Verified

__all__ = [
    "AUTHORIZATION",
    "BEARER",
    "READY",
    "WELL_KNOWN",
    "Bearer",
    "Carrier",
    "Headers",
    "ProtectedResource",
    "Refusal",
    "cookie",
    "header",
    "query",
    "required_scopes",
    "scopes_of",
    "subprotocol",
]

RETRY_AFTER = 1
"""Seconds, where an error does not say."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What to answer: a status, headers, and a body to be sent as JSON."""

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, str]

    @property
    def content(self) -> bytes:
        """The body, as JSON."""
        return json.dumps(dict(self.body)).encode()


READY = Refusal(
    200, MappingProxyType({}), MappingProxyType({"code": "ready", "message": "tokens can be verified"})
)
"""The answer to a health check where nothing is refused."""


def user_key(token: Verified, several: bool) -> str:
    """What a framework tells users apart by: the subject, and in front of it its issuer, where a verifier has
    several: `https://issuer.example#alice`. Empty where a token has no subject."""
    issuer, subject = token.iss_sub
    if not several or not subject:
        return subject or ""
    named = (issuer or "").replace("%", "%25").replace("#", "%23")  # so that no two pairs have one key
    return f"{named}#{subject}"


@dataclass(frozen=True, slots=True)
class Bearer:
    """How an API takes tokens, and refuses them.

    Args:
        carriers: where a request may carry its token; of several only one may. By default the
            `Authorization` header, with the scheme `Bearer`, or `DPoP` for tokens that are bound to a key.
        realm: the name of this API in challenges.
        resource_metadata: the URL of its RFC 9728 metadata, for challenges.
        certificate: where a request's client certificate is, for tokens that are bound to one; made by
            `from_header` and `from_tls` of `rightkey.integrations.certificates`.

    Raises:
        Misconfigured: no carrier, two subprotocols, or something that a header cannot hold.
    """

    carriers: Carrier | Collection[Carrier] = AUTHORIZATION
    realm: str | None = None
    resource_metadata: str | None = None
    certificate: CertificateSource | None = None
    places: tuple[Carrier, ...] = field(init=False, repr=False, compare=False)
    """The carriers, in order."""
    header_names: frozenset[str] = field(init=False, repr=False, compare=False)
    """The headers that they look at, in lower case: no other need be read."""
    header_octets: frozenset[bytes] = field(init=False, repr=False, compare=False)
    """The same as ASGI has them, whose names are in lower case too: no other need be decoded."""
    schemes: tuple[Scheme, ...] = field(init=False, repr=False, compare=False, default=(challenges.BEARER,))
    """Those of the challenges; see `beside`."""

    def __post_init__(self) -> None:
        given: Any = self.carriers
        places = (
            (given,) if isinstance(given, Carrier) else tuple(given) if isinstance(given, Iterable) else ()
        )
        if not places or not all(isinstance(one, Carrier) for one in places):
            raise Misconfigured(
                "carriers must be a Carrier or several of them", hint='such as cookie("session")'
            )
        if sum(one.place == "subprotocol" for one in places) > 1:
            # Applications are shown a handshake without its token, which is looked for behind one name.
            raise Misconfigured("only one of the carriers can be a subprotocol")
        names = frozenset(one.header_name for one in places if one.header_name is not None)
        names |= {PROOF} if AUTHORIZATION in places else set()
        source = self.certificate
        if source is not None and not isinstance(source, CertificateSource):
            raise Misconfigured("certificate must be made by from_header() or from_tls()")
        if source is not None and source.header is not None:
            names |= {source.header}
        object.__setattr__(self, "places", places)
        object.__setattr__(self, "header_names", names)
        object.__setattr__(self, "header_octets", frozenset(name.encode() for name in names))
        realm: Any = self.realm
        if realm is not None and not (isinstance(realm, str) and re.fullmatch(_QUOTABLE, realm)):
            raise Misconfigured("realm must be printable ASCII without double quotes and backslashes")
        fault = None if self.resource_metadata is None else url_fault(self.resource_metadata)
        if fault or '"' in (self.resource_metadata or ""):
            raise Misconfigured(
                f"resource_metadata {quoted(self.resource_metadata)}: {fault or 'it has a double quote'}"
            )

    def usual(self, authorization: Sequence[str]) -> str | None:
        """The credential of a request, where its `Authorization` headers can be told to be all that it
        presents; None where all of it must be looked at. It need not be a token: see `not_a_token`.

        Args:
            authorization: their values.
        """
        alone = self.certificate is None and self.places == _USUAL
        return usual_token(authorization) if alone else None

    def not_a_token(self, credential: str) -> RequestMalformed | None:
        """`request_malformed`, where a credential is not written as a token. What was verified is."""
        if is_token(credential):
            return None
        return RequestMalformed(
            "request_malformed", "the credential is not one bearer token", hint=self._wanted
        )

    def token(self, headers: Headers, query: str = "") -> str:
        """The token that a request carries.

        Args:
            headers: the request's; those of `header_names` suffice.
            query: what follows the question mark of its URL.

        Raises:
            TokenRejected: `token_missing`.
            RequestMalformed: `request_malformed`: several credentials, or one that is not a token.
        """
        found = self.token_or_none(headers, query)
        if found is None:
            raise TokenRejected("token_missing", "no token was given", hint=self._wanted)
        return found

    def token_or_none(self, headers: Headers, query: str = "") -> str | None:
        """Like `token`, but returns None if the request carries none."""
        if len(self.places) == 1:
            found = self.places[0].carried(headers, query)
        else:
            headers = [*headers]
            found = [value for carrier in self.places for value in carrier.carried(headers, query)]
        if not found:
            return None
        if len(found) > 1:
            raise RequestMalformed(
                "request_malformed", "the request carries several credentials", hint="send one token, once"
            )
        malformed = self.not_a_token(found[0])
        if malformed is not None:
            raise malformed
        return found[0]

    def proofs(self, headers: Headers) -> tuple[str, ...] | None:
        """The DPoP proofs beside the token of a request; None where it did not come under that scheme."""
        return proofs_in(headers) if AUTHORIZATION in self.places else None

    def beside(self, verifier: Any) -> Bearer:
        """The same, with challenges of all schemes under which this verifier takes tokens.

        Args:
            verifier: one of ours, whose `schemes` tell; of any other, bearer tokens are taken.
        """
        taken: Mapping[str, tuple[str, ...]] = getattr(verifier, "schemes", {})
        if not taken or AUTHORIZATION not in self.places:
            return self
        if self.certificate is not None:
            taken = {"Bearer": (), **taken}  # under which tokens come that are bound to a certificate
        other = replace(self)
        object.__setattr__(other, "schemes", tuple(Scheme(*one) for one in taken.items()))
        return other

    def refusal(self, error: RightkeyError, require: Requirement | None = None) -> Refusal:
        """What to answer for an error. What failed at the issuer or here is told in general words only.

        Args:
            error: any error of rightkey.
            require: what the route requires, so that a client without a token learns which scopes to ask for.
        """
        tell_not_granted(error)
        status = error.status or 500
        if isinstance(error, TokenRejected):
            hint = self._wanted if error.code == "token_missing" else error.hint
            headers = {"WWW-Authenticate": self._challenge(error, require)}
            headers |= {"DPoP-Nonce": error.nonce} if error.nonce is not None else {}
            return Refusal(status, headers, _told(error.code, str(error), hint))
        if not isinstance(error, IssuerFault):
            return Refusal(status, {}, _told(error.code, "the service is not configured correctly", None))
        body = _told(error.code, CODES[error.code], "try again later, with the same token")
        after = error.retry_after if isinstance(error, IssuerUnavailable) else None
        return Refusal(503, {"Retry-After": str(max(RETRY_AFTER, math.ceil(after or 0)))}, body)

    @property
    def _wanted(self) -> str:
        return f"send {', or '.join(one.wanted for one in self.places)}"

    def _challenge(self, error: TokenRejected, require: Requirement | None) -> str:
        scopes = required_scopes(error) if isinstance(error, InsufficientScope) else scopes_of(require)
        told = {"scope": " ".join(scopes), "resource_metadata": self.resource_metadata}
        return challenges.challenges(error, self.schemes, self.realm, told)


def bearer_of(given: Any) -> Bearer:
    """The `bearer` of an integration. Raises Misconfigured: it is none."""
    if not isinstance(given, Bearer):
        raise Misconfigured("bearer must be a Bearer", hint="rightkey.integrations.bearer.Bearer(...)")
    return given


def scopes_of(requirement: Requirement | None) -> tuple[str, ...]:
    """The scopes that a requirement always needs: of a choice, none is."""
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


_SCOPE = r"[!#-\[\]-~]+"  # RFC 6749, section 3.3: scope-token
_QUOTABLE = r"[ !#-\[\]-~]+"
_USUAL = (AUTHORIZATION,)
BEARER = Bearer()
"""How integrations take and refuse tokens by default."""
