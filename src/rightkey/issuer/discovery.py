"""An issuer's metadata: what is asked, and what of the answer counts.

OpenID Connect Discovery 1.0, sections 3 and 4; RFC 8414, sections 2 and 3. Two members matter here:
`issuer`, which must be the one asked for, and `jwks_uri`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from rightkey.errors import IssuerMisbehaved, IssuerUnavailable, quoted
from rightkey.exchange import Request, Response
from rightkey.issuer.name import Issuer, reaches_this_machine, url_fault
from rightkey.issuer.spelling import near_hint
from rightkey.jose import strictjson

MAX_IN_METADATA = (5000, 2500)
"""Commas, and arrays and objects, in an issuer's metadata, those inside of strings left out. They are kept as
long as the issuer is known, and 512 KiB of empty objects took 12 MiB. Real ones have a few hundred."""
_LATER = (408, 425, 429)
_NOT_THERE = (
    "is it the issuer's name, and not the application's? metadata elsewhere are named by metadata_url="
)
_NOT_AT_THAT_URL = "metadata_url= is the whole URL, such as https://host/.well-known/openid-configuration"
_LOOKS_LIKE: tuple[tuple[str, str, str], ...] = (
    ("keys", "it is a key set", "give the URL of a key set as keys=, not as metadata_url="),
    (
        "authorization_servers",
        "it is the metadata of a resource (RFC 9728)",
        "name one of its authorization_servers as the issuer",
    ),
    ("public_key", "it is a page about the issuer", "its metadata are at /.well-known/openid-configuration"),
    ("error", "it is an error", "is it the issuer's name, and not the application's?"),
)
"""What answers in place of metadata: a member that tells it, what it is, and what to do."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What an issuer says of itself. `document` is all of it.

    `expected` are the values of `iss` that its tokens may have.
    """

    issuer: str
    jwks_uri: str = field(repr=False)
    expected: tuple[str, ...]
    document: Mapping[str, Any] = field(repr=False, default_factory=dict)


def metadata_requests(issuer: Issuer) -> tuple[Request, ...]:
    """The requests to make, the next one where `is_elsewhere` says so of the answer before."""
    return tuple(Request(url, {"accept": "application/json, */*;q=0.1"}) for url in issuer.metadata_urls)


def is_elsewhere(status: int) -> bool:
    """Whether metadata may be at the next place, by the answer of this one.

    After a redirect or a refusal, as clients of MCP go on; not after one that says to come back later.
    """
    return 300 <= status < 500 and status not in _LATER


def read_metadata(issuer: Issuer, *answers: Response) -> Metadata:
    """Judge the last answer; where it is a refusal, tell of the one that says most.

    Raises:
        IssuerUnavailable: `discovery_failed`: any status but 200.
        IssuerMisbehaved: `metadata_invalid`: not a JSON object, or no `jwks_uri` that may be asked;
            `issuer_mismatch`: it is the metadata of another issuer.
    """
    response = answers[-1]
    if response.status != 200:
        refusals = [one for one in answers if one.status != 404] if response.status == 404 else []
        raise _refused(issuer, *refusals[:1] or (response,))
    try:
        document = strictjson.read_document(strictjson.without_mark(response.body), MAX_IN_METADATA)
    except strictjson.NotJson as error:
        raise _invalid(str(error), response.hint) from None
    stated = document.get("issuer")
    if not isinstance(stated, str):
        looks = ((what, hint) for name, what, hint in _LOOKS_LIKE if name in document)
        raise _invalid(*next(looks, ("it does not state its issuer", None)))
    expected = _expected(issuer, stated)
    return Metadata(stated, endpoint_of(issuer, document), expected, document)


def _refused(issuer: Issuer, response: Response) -> IssuerUnavailable:
    hint = response.hint
    if response.status == 404:
        hint = _NOT_THERE if issuer.metadata_url is None else _NOT_AT_THAT_URL
    if 300 <= response.status < 400 and response.status != 304:
        hint = (
            "redirects are not followed: name the issuer as it names itself, or its metadata by metadata_url="
        )
    return IssuerUnavailable(
        "discovery_failed",
        f"the issuer's metadata could not be fetched: {response.refusal}",
        hint=hint,
        retry_after=response.retry_after,
    )


def _expected(issuer: Issuer, stated: str) -> tuple[str, ...]:
    """What `iss` must be; the document must not be another issuer's (Discovery, section 4.3)."""
    expected = issuer.iss_for(stated)
    if expected is not None:
        return expected
    near = (near_hint(one, [stated], "name the issuer", scheme=False) for one in issuer.spellings)
    raise IssuerMisbehaved(
        "issuer_mismatch",
        f"the metadata is of issuer {stated[:200]!a}, not of {quoted(issuer.name)}",
        hint=next(filter(None, near), None)
        or f"if tokens have that iss, name that issuer, and metadata_url={quoted(issuer.metadata_urls[0])}",
    )


def endpoint_of(issuer: Issuer, document: Mapping[str, Any], name: str = "jwks_uri") -> str:
    """A URL that its metadata name and that may be asked.

    Args:
        document: the metadata.
        name: of the member, such as `introspection_endpoint` (RFC 8414, section 2).

    Raises:
        IssuerMisbehaved: `metadata_invalid`: there is none, or it may not be asked.
    """
    uri = document.get(name)
    if not isinstance(uri, str) or not uri:
        raise _invalid(f"it has no {name}")
    fault = url_fault(uri, issuer.plain_http)
    if fault is None and _is_here(uri) and not _is_here(issuer.metadata_urls[0]):
        fault = "an issuer on the network cannot have its keys on this machine"
    if fault:
        raise _invalid(f"its {name} cannot be fetched: {fault}")
    return uri


def _is_here(url: str) -> bool:
    return reaches_this_machine(urlsplit(url).hostname or "")


def _invalid(why: str, hint: str | None = None) -> IssuerMisbehaved:
    return IssuerMisbehaved("metadata_invalid", f"the issuer's metadata cannot be used: {why}", hint=hint)
