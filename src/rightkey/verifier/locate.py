"""locate: from a domain or URL to the signing keys, once, with all that was found on the way."""

from __future__ import annotations

from dataclasses import dataclass, field

from rightkey.errors import without_query
from rightkey.exchange import Transport, plain_http_of
from rightkey.freshness.settings import Freshness
from rightkey.freshness.status import Status
from rightkey.issuer.discovery import Metadata
from rightkey.issuer.name import AUTO, Issuer
from rightkey.jose.keyset import KeySet
from rightkey.jose.skipped import Skipped
from rightkey.sources.elapsed import SYSTEM
from rightkey.sources.given import alone, place_of
from rightkey.sources.jobs import JOBS
from rightkey.sources.remote import Remote
from rightkey.sources.source import Means
from rightkey.sources.waiting import wait_async


@dataclass(frozen=True, slots=True)
class Provider:
    """An issuer, located."""

    issuer: str
    metadata: Metadata | None
    metadata_url: str | None = field(repr=False)
    jwks_uri: str = field(repr=False)
    keys: KeySet
    status: Status
    provider: str | None
    """Whose it is, by its URL: a name of `rightkey.issuer.providers`."""

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What of the key set cannot be used, and why."""
        return self.keys.skipped


def locate(
    issuer: str,
    *,
    provider: str | None = AUTO,
    metadata_url: str | None = None,
    transport: Transport | None = None,
    freshness: Freshness = Freshness(),  # noqa: B008
) -> Provider:
    """Find an issuer's signing keys, now and for this call only.

    Args:
        issuer: a domain (`tenant.eu.auth0.com`) or the issuer's URL.
        provider: whose it is: `auto` recognises it, a name says it (`rightkey.issuer.providers`), None
            keeps to the standards alone.
        metadata_url: where its metadata are, if not at the issuer.
        transport: what fetches; `DefaultTransport()` by default.
        freshness: whose timeouts count.

    Raises:
        IssuerUnavailable: `discovery_failed`, `keys_unavailable`: no answer.
        IssuerMisbehaved: `issuer_mismatch`, `metadata_invalid`, `keyset_invalid`: an answer that cannot be
            accepted; an empty key set is one.
        Misconfigured: not an issuer.
    """
    parsed = Issuer.parse(issuer, provider, metadata_url, _plain_http(transport))
    remote = _remote(parsed, transport, freshness)
    job = remote.refetch()
    if job is not None:
        JOBS.wait(job, remote.wait)
    return _provider(parsed, remote)


async def locate_async(
    issuer: str,
    *,
    provider: str | None = AUTO,
    metadata_url: str | None = None,
    transport: Transport | None = None,
    freshness: Freshness = Freshness(),  # noqa: B008
) -> Provider:
    """`locate`, in a task of asyncio or trio."""
    parsed = Issuer.parse(issuer, provider, metadata_url, _plain_http(transport))
    remote = _remote(parsed, transport, freshness)
    job = remote.refetch()
    if job is not None:
        await wait_async(job, remote.wait)
    return _provider(parsed, remote)


def _plain_http(transport: Transport | None) -> tuple[str, ...]:
    return () if transport is None else plain_http_of(transport)


def _remote(issuer: Issuer, transport: Transport | None, freshness: Freshness) -> Remote:
    return alone(place_of(issuer), Means(transport, freshness, SYSTEM))


def _provider(issuer: Issuer, remote: Remote) -> Provider:
    located = remote.located()
    located.require_keys(fresh=True)
    assert located.keys is not None  # noqa: S101 - the line before saw to it
    assert located.jwks_uri is not None  # noqa: S101
    keys_at = without_query(located.jwks_uri)  # requests are told of without a query, which may be a secret
    asked = [url for url, answer in located.requests if answer == "200" and url != keys_at]
    return Provider(
        issuer=located.issuer or remote.place.name,
        metadata=remote.metadata,
        metadata_url=(issuer.metadata_url or asked[0]) if asked else None,
        jwks_uri=located.jwks_uri,
        keys=located.keys,
        status=remote.status(),
        provider=issuer.vendor.name if issuer.vendor else None,
    )
