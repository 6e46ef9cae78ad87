"""Which source a verifier's keys come from: a set that was handed over, an issuer, a URL, files, or several.

Whatever a fetch or a caller's wait will run is loaded here, by whoever builds the verifier. A thread that
loads a module holds its import lock: whoever forks meanwhile leaves its child waiting for it for ever. And
a loop that loads one stands still.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rightkey.errors import Misconfigured
from rightkey.exchange import Transport
from rightkey.freshness.refresh import Place
from rightkey.freshness.settings import Freshness
from rightkey.issuer.name import Issuer, document_of, quoted, url_fault
from rightkey.issuer.vendor import Vendor
from rightkey.jose import pem  # noqa: F401 - as those above
from rightkey.jose import x509 as chain  # noqa: F401 - loaded for those who come later
from rightkey.jose.keyset import KeySet
from rightkey.policy.trust import FirstOf, Given, Trust
from rightkey.sources import retry as retry
from rightkey.sources.by_kid import ByKid
from rightkey.sources.elapsed import SYSTEM
from rightkey.sources.first_of import InOrder
from rightkey.sources.fixed import Fixed
from rightkey.sources.registry import REGISTRY
from rightkey.sources.remote import Remote
from rightkey.sources.source import Source
from rightkey.sources.watched import Watched


def source_of(
    trust: Trust,
    transport: Transport | None,
    freshness: Freshness,
    elapsed: Callable[[], float] | None,
) -> Source:
    """The source; one that is fetched is shared with whoever asks for the same. Raises Misconfigured."""
    return _source(trust.keys, trust, transport, freshness, elapsed)


def _source(
    keys: Given,
    trust: Trust,
    transport: Transport | None,
    freshness: Freshness,
    elapsed: Callable[[], float] | None,
) -> Source:
    if isinstance(keys, KeySet):
        return Fixed(keys)
    if isinstance(keys, os.PathLike):
        return Watched(Path(keys), elapsed or SYSTEM)
    if isinstance(keys, FirstOf):
        return InOrder(tuple(_source(one, trust, transport, freshness, elapsed) for one in keys.given))
    if keys is None:
        assert isinstance(trust.issuer, str)  # noqa: S101 - a Trust without keys has an issuer
        issuer = Issuer.parse(trust.issuer, trust.provider, trust.metadata_url)
        freshness = _known(freshness, trust)
        if issuer.vendor is not None and "{kid}" in (issuer.vendor.keys or ""):
            return _by_kid(issuer.name, issuer.vendor, transport or _default(), freshness, elapsed)
        place = place_of(issuer)
    else:
        place = place_of_keys(keys)
    return REGISTRY.remote(place, transport or _default(), freshness, elapsed)


def _by_kid(
    name: str,
    vendor: Vendor,
    transport: Transport,
    freshness: Freshness,
    elapsed: Callable[[], float] | None,
) -> ByKid:
    form = vendor.keys or ""

    def remote(kid: str) -> Remote:
        place = Place(name, None, form.replace("{kid}", kid), kid)
        return REGISTRY.remote(place, transport, freshness, elapsed)

    return ByKid(name, remote, freshness, elapsed or SYSTEM)


def kept_in(source: Source) -> tuple[Remote | Watched, ...]:
    """The sources that are read anew: this one, or those that it has in order."""
    if isinstance(source, InOrder):
        return tuple(kept for one in source.sources for kept in kept_in(one))
    if isinstance(source, ByKid):
        return source.remotes
    return (source,) if isinstance(source, Remote | Watched) else ()


def place_of(issuer: Issuer) -> Place:
    """Where an issuer's keys are: its metadata say it, unless it is known to have none.

    Raises Misconfigured where there is no such place.
    """
    if issuer.metadata_url is not None:
        return Place(issuer.name, issuer)
    if issuer.vendor is not None and "{kid}" in (issuer.vendor.keys or ""):
        raise Misconfigured(f"{issuer.name} publishes its keys one by one: there is no set of them to find")
    if issuer.vendor is not None and issuer.vendor.keys is not None:
        return Place(issuer.name, None, issuer.vendor.keys)
    return Place(issuer.name, issuer)


def place_of_keys(url: Any) -> Place:
    """Where keys are whose URL was given. Raises Misconfigured."""
    if not isinstance(url, str):
        known = "a KeySet, a URL, a Path or FirstOf(...)"
        raise Misconfigured(f"keys is {known}, not {type(url).__name__}", hint="KeySet.parse(...)")
    if "://" not in url:
        raise Misconfigured(f"keys {quoted(url)}: not a URL", hint="for a file give a Path: keys=Path(...)")
    fault = url_fault(url)
    if fault:
        raise Misconfigured(f"keys {quoted(url)}: {fault}", hint="the https URL of a key set, or a Path")
    if (document_of(url) or ("", ""))[0] == "metadata":
        raise Misconfigured(
            f"keys {quoted(url)}: this is the URL of an issuer's metadata, not of its keys",
            hint="leave out keys= and name the issuer; if that has another name, give this as metadata_url=",
        )
    return Place(url, None, url)


def _known(freshness: Freshness, trust: Trust) -> Freshness:
    """The settings, with what is known of the provider where they leave it open."""
    if freshness.grace is not None or trust.vendor is None or not trust.vendor.grace:
        return freshness
    return replace(freshness, grace=trust.vendor.grace)


def _default() -> Transport:
    # Here: an HTTP client takes as long to load as all the rest, and who brings a transport has one.
    from rightkey.transport.default import DefaultTransport

    return DefaultTransport()
