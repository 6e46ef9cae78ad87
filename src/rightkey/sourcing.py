"""Which source a verifier's keys come from: a set that was handed over, an issuer, or a URL.

Whatever a fetch or a caller's wait will run is loaded here, by whoever builds the verifier. A thread that
loads a module holds its import lock: whoever forks meanwhile leaves its child waiting for it for ever. And
a loop that loads one stands still.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rightkey import chain, pursuit  # noqa: F401 - loaded for those who come later
from rightkey.errors import Misconfigured
from rightkey.exchange import Transport
from rightkey.freshness import Freshness
from rightkey.issuer import Issuer
from rightkey.keyset import KeySet
from rightkey.refresh import Place
from rightkey.registry import REGISTRY
from rightkey.sources.fixed import Fixed
from rightkey.sources.remote import Remote


def source_of(
    issuer: Any,
    keys: KeySet | str | None,
    transport: Transport | None,
    freshness: Freshness,
    elapsed: Callable[[], float] | None,
) -> Fixed | Remote:
    """The source; one that is fetched is shared with whoever asks for the same. Raises Misconfigured."""
    if isinstance(keys, KeySet):
        return Fixed(keys)
    return REGISTRY.remote(place_of(issuer, keys), transport or _default(), freshness, elapsed)


def place_of(issuer: Any, url: Any = None) -> Place:
    """Where keys are: an issuer's metadata knows, or a URL was given. Raises Misconfigured."""
    if url is None:
        return Place(issuer, Issuer.parse(issuer))
    if not isinstance(url, str):
        raise Misconfigured(f"keys is a KeySet or a URL, not {type(url).__name__}", hint="KeySet.parse(...)")
    Issuer.parse(url.partition("?")[0])  # held to the same rules, but for its query
    return Place(url, None, url)


def _default() -> Transport:
    # Here: an HTTP client takes as long to load as all the rest, and who brings a transport has one.
    from rightkey.transport.default import DefaultTransport

    return DefaultTransport()
