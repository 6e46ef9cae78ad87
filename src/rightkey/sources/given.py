"""Which source a verifier's keys come from: a set that was handed over, an issuer, a URL, files, or several.

Whatever a fetch or a caller's wait will run is loaded here, when the verifier is built. A thread that
loads a module holds its import lock: a child that is forked meanwhile waits for it for ever. And
an event loop is blocked while it loads one.
"""

from __future__ import annotations

import math
import os
import time
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rightkey.errors import Misconfigured, quoted, without_query
from rightkey.freshness.budget import Draws
from rightkey.freshness.record import Record
from rightkey.freshness.refresh import Place
from rightkey.freshness.settings import Freshness
from rightkey.issuer.mistakes import document_of
from rightkey.issuer.name import Issuer, identity_of, plain_http_hint, url_fault
from rightkey.jose import certificate, pem, x509  # noqa: F401 - loaded for those who come later
from rightkey.jose.keyset import KeySet
from rightkey.policy.trust import ANY, FirstOf, Given, Trust
from rightkey.sources import retry, waiting  # noqa: F401 - as those above
from rightkey.sources.by_kid import ByKid
from rightkey.sources.files import shown
from rightkey.sources.first_of import FirstOfSource
from rightkey.sources.fixed import Fixed
from rightkey.sources.registry import REGISTRY
from rightkey.sources.remote import Remote
from rightkey.sources.source import Means, Source
from rightkey.sources.watched import Watched

if TYPE_CHECKING:
    from rightkey.sources.copies import Copy


def source_of(trust: Trust, means: Means, record: Record) -> Source:
    """The source; one that is fetched is shared by all verifiers that ask for the same.

    Raises Misconfigured.
    """
    return _source(trust.keys, trust, means, record)


def record_of(trust: Trust) -> Record:
    """What is refused of the trust's issuer. It belongs to the issuer, however that is named."""
    identity = identity_in(trust)
    return Record("") if identity is None else REGISTRY.record(identity)


def identity_in(trust: Trust) -> str | None:
    """Which issuer the trust is for. With `ANY` that is the place of the keys; a key set has none."""
    if trust.issuer is not ANY:
        return identity_of(str(trust.issuer))
    return next((identity_of(os.fspath(one)) for one in _places(trust.keys)), None)


def _places(given: Given) -> list[str | os.PathLike[str]]:
    if isinstance(given, FirstOf):
        return [place for one in given.given for place in _places(one)]
    return [given] if isinstance(given, str | os.PathLike) else []


def _source(keys: Given, trust: Trust, means: Means, record: Record) -> Source:
    if isinstance(keys, KeySet):
        return Fixed(keys, record)
    if isinstance(keys, os.PathLike):
        return Watched(Path(keys), means.elapsed, record)
    if isinstance(keys, FirstOf):
        return _in_order(keys, trust, means, record)
    if keys is not None:
        return REGISTRY.remote(record.identity, place_of_keys(keys, means.plain_http), means)
    assert isinstance(trust.issuer, str)  # noqa: S101 - a Trust without keys has an issuer
    issuer = Issuer.parse(trust.issuer, trust.provider, trust.metadata_url, means.plain_http)
    means = replace(means, freshness=_known(means.freshness, trust))
    if issuer.metadata_url is None and issuer.vendor is not None and "{kid}" in (issuer.vendor.keys or ""):
        return REGISTRY.by_kid(record.identity, issuer.name, issuer.vendor.keys or "", means)
    return REGISTRY.remote(record.identity, place_of(issuer), means)


def _in_order(keys: FirstOf, trust: Trust, means: Means, record: Record) -> Source:
    """The sources in order. A copy is none of them: the issuer's own begins with it."""
    from rightkey.sources.copies import copy_in  # few have one

    found = [(one, copy_in(Path(one)) if isinstance(one, os.PathLike) else None) for one in keys.given]
    sources = [(one, _source(one, trust, means, record)) for one, copy in found if copy is None]
    for _, copy in found:
        if copy is not None:
            _begin(copy, sources, record)
    each = tuple(source for _, source in sources)
    return each[0] if len(each) == 1 else FirstOfSource(each)


def _begin(copy: Copy, sources: Iterable[tuple[Any, Source]], record: Record) -> None:
    """Let the source that the copy is of begin with it. Raises Misconfigured: none is."""
    its = [
        source
        for given, source in sources
        if isinstance(source, Remote)
        and (copy.issuer == record.identity if given is None else copy.jwks_uri == given)
    ]
    if not its:
        raise Misconfigured(
            f"{shown(copy.path)}: a copy of the keys of {quoted(copy.issuer)}, which no other source is",
            hint="give it before None, which is the issuer itself: FirstOf(Path(...), None)",
        )
    age = copy.age(time.time())
    for source in its if math.isfinite(age) else ():
        source.begin(copy.keys, age, copy.headers)


def alone(place: Place, means: Means) -> Remote:
    """A source that shares nothing: to look at what is there now, and not at what the process holds."""
    budgets: defaultdict[str, Draws] = defaultdict(Draws)
    return Remote(place, means, Record(place.name), budgets.__getitem__)


def kept_in(source: Source) -> tuple[Remote | Watched, ...]:
    """The sources that are read again: this one, or those that it has in order."""
    if isinstance(source, FirstOfSource):
        return tuple(kept for one in source.sources for kept in kept_in(one))
    if isinstance(source, ByKid):
        return source.remotes
    return (source,) if isinstance(source, Remote | Watched) else ()


def fetches(source: Source) -> bool:
    """Whether any of the keys are fetched over the network."""
    if isinstance(source, FirstOfSource):
        return any(map(fetches, source.sources))
    return isinstance(source, Remote | ByKid)


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


_NO_URL = (
    ("-----BEGIN ", "for PEM give KeySet.from_pem(...)"),
    ("{", "for a key set or a JWK give KeySet.parse(...)"),
    ("", "for a file give a Path: keys=Path(...)"),
)
"""How a text begins that is given for a URL, and what to give."""


def place_of_keys(url: Any, plain_http: Collection[str] = ()) -> Place:
    """Where keys are whose URL was given. Raises Misconfigured."""
    if not isinstance(url, str):
        known = "a KeySet, a URL, a Path or FirstOf(...)"
        raise Misconfigured(f"keys is {known}, not {type(url).__name__}", hint="KeySet.parse(...)")
    if "://" not in url:
        hint = next(hint for begins, hint in _NO_URL if url.lstrip().startswith(begins))
        raise Misconfigured(f"keys {quoted(url)}: not a URL", hint=hint)
    fault = url_fault(url, plain_http)
    if fault:
        hint = plain_http_hint(url, fault) or "the https URL of a key set, or a Path"
        raise Misconfigured(f"keys {quoted(url)}: {fault}", hint=hint)
    found = document_of(url)
    if found is not None and found.what == "metadata":
        raise Misconfigured(
            f"keys {quoted(url)}: this is the URL of an issuer's metadata, not of its keys",
            hint="leave out keys= and name the issuer; if that has another name, give this as metadata_url=",
        )
    return Place(without_query(url), None, url)


def _known(freshness: Freshness, trust: Trust) -> Freshness:
    """The settings, with what is known of the provider where they leave it open."""
    if freshness.grace is not None or trust.vendor is None or not trust.vendor.grace:
        return freshness
    return replace(freshness, grace=trust.vendor.grace)
