"""An issuer's metadata: what is asked, and what of the answer counts.

OpenID Connect Discovery 1.0, sections 3 and 4; RFC 8414, sections 2 and 3. Two members matter here:
`issuer`, which must be the one asked for, and `jwks_uri`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from rightkey.errors import IssuerMisbehaved, IssuerUnavailable
from rightkey.exchange import Request, Response
from rightkey.issuer.name import Issuer, is_loopback, is_this_machine, url_fault
from rightkey.jose import strictjson


@dataclass(frozen=True, slots=True)
class Metadata:
    """What an issuer says of itself. `document` is all of it.

    `expected` are the values of `iss` that its tokens may have.
    """

    issuer: str
    jwks_uri: str
    expected: tuple[str, ...]
    document: Mapping[str, Any] = field(repr=False, default_factory=dict)


def metadata_requests(issuer: Issuer) -> tuple[Request, ...]:
    """The requests to make, the next one where the one before is answered with 404."""
    return tuple(Request(url, {"accept": "application/json"}) for url in issuer.metadata_urls)


def read_metadata(issuer: Issuer, response: Response) -> Metadata:
    """Judge an answer.

    Raises:
        IssuerUnavailable: `discovery_failed`: any status but 200.
        IssuerMisbehaved: `metadata_invalid`: not a JSON object, or no `jwks_uri` that may be asked;
            `issuer_mismatch`: it is the metadata of another issuer.
    """
    if response.status != 200:
        raise IssuerUnavailable(
            "discovery_failed",
            f"the issuer's metadata could not be fetched: {response.refusal}",
            hint=response.hint
            or ("is it the issuer's name, and not the application's?" if response.status == 404 else None),
            retry_after=response.retry_after,
        )
    try:
        document = strictjson.read_unique(strictjson.without_mark(response.body))
    except strictjson.NotJson as error:
        raise _invalid(str(error)) from None
    stated = document.get("issuer")
    if not isinstance(stated, str):
        raise _invalid("it does not state its issuer")
    expected = _expected(issuer, stated)
    return Metadata(stated, _jwks_uri(issuer, document.get("jwks_uri")), expected, document)


def _expected(issuer: Issuer, stated: str) -> tuple[str, ...]:
    """What `iss` must be; the document must not be another issuer's (Discovery, section 4.3)."""
    expected = issuer.stated(stated)
    if expected is not None:
        return expected
    slash = any(stated.rstrip("/") == one.rstrip("/") for one in issuer.spellings)
    raise IssuerMisbehaved(
        "issuer_mismatch",
        f"the metadata is of issuer {stated[:200]!a}, not of {issuer.name!r}",
        hint=f"only the slash at the end differs: name the issuer {stated[:200]!r}" if slash else None,
    )


def _jwks_uri(issuer: Issuer, uri: Any) -> str:
    if not isinstance(uri, str) or not uri:
        raise _invalid("it has no jwks_uri")
    fault = url_fault(uri, issuer.plain_http)
    if fault is None and is_this_machine(_host(uri)) and not is_loopback(_host(issuer.url)):
        fault = "an issuer on the network cannot have its keys on this machine"
    if fault:
        raise _invalid(f"its jwks_uri cannot be fetched: {fault}")
    return uri


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _invalid(why: str) -> IssuerMisbehaved:
    return IssuerMisbehaved("metadata_invalid", f"the issuer's metadata cannot be used: {why}")
