"""Dialect: where each proxy says what its client asked for, and nothing else is believed.

A client may send `X-Forwarded-Uri` and `X-Original-URI` both. Each proxy replaces some of such headers and
hands on the others as they came, so that which one counts must be configured: it cannot be told by looking.

    nginx      X-Original-Method, -URI and -Host, which our configuration sets; haproxy the same, by our Lua
    caddy      X-Forwarded-Method, -Uri and -Host, which the proxy sets itself; traefik the same
    envoy      the request line and Host: the client's own request, without its body
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from rightkey.errors import Misconfigured, quoted
from rightkey.integrations.settings import nearest


class Unsaid(Exception):
    """The proxy did not say what its client asked for, or said it twice. It must be configured otherwise."""


class OriginalRequest(NamedTuple):
    """What a client asked a service for: its method, its URI as it was written, and the service's host."""

    method: str
    uri: str
    host: str

    def __repr__(self) -> str:
        return f"OriginalRequest({self.method!r}, {self.host!r})"  # a query may hold a token


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one proxy puts it. Names of headers are in lower case; without them the request line says it."""

    name: str
    method: str | None = None
    uri: str | None = None
    host: str = "host"

    @property
    def names(self) -> frozenset[str]:
        """The headers that it looks at."""
        return frozenset(name for name in (self.method, self.uri, self.host) if name is not None)

    def original(self, method: str, target: str, fields: Mapping[str, list[str]]) -> OriginalRequest:
        """What the client asked for.

        Args:
            method, target: of the request that the proxy sent.
            fields: its headers, by names in lower case; others than `names` may be missing.

        Raises:
            Unsaid: a header is missing or stands there twice.
        """
        try:
            (host,) = fields[self.host]
            if self.method is not None:
                (method,) = fields[self.method]
            if self.uri is not None:
                (target,) = fields[self.uri]
        except (KeyError, ValueError):
            raise self._unsaid(fields) from None
        return OriginalRequest(method, target, host)

    def _unsaid(self, fields: Mapping[str, list[str]]) -> Unsaid:
        counts = {name: len(fields.get(name, ())) for name in (self.method, self.uri, self.host) if name}
        name = next(name for name, count in counts.items() if count != 1)
        return Unsaid(f"{name} must stand in the request once, and does {counts[name]} times")


_ORIGINAL = ("x-original-method", "x-original-uri", "x-original-host")
_FORWARDED = ("x-forwarded-method", "x-forwarded-uri", "x-forwarded-host")
DIALECTS = {
    dialect.name: dialect
    for dialect in (
        Dialect("nginx", *_ORIGINAL),
        Dialect("caddy", *_FORWARDED),
        Dialect("traefik", *_FORWARDED),
        Dialect("envoy"),
        Dialect("haproxy", *_ORIGINAL),
    )
}
"""The proxies that are served, by name."""


def dialect_of(name: object) -> Dialect:
    """The dialect of a proxy. Raises Misconfigured where that is not one of those served."""
    dialect = DIALECTS.get(name) if isinstance(name, str) else None
    if dialect is None:
        near = nearest(name, DIALECTS, 0.6) if isinstance(name, str) else None
        hint = f"did you mean {near}?" if near else f"one of {', '.join(DIALECTS)}"
        raise Misconfigured(f"proxy {quoted(name)} is not known", hint=hint)
    return dialect
