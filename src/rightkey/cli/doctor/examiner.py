"""Examiner: what the doctor asks of an issuer, and records: each document once, the key set twice."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from rightkey.cli.doctor.findings import Examination, Exchange, members_of
from rightkey.errors import without_query
from rightkey.exchange import ExchangeFailed, Request, Transport
from rightkey.issuer.discovery import metadata_requests
from rightkey.issuer.jwks import jwks_request
from rightkey.issuer.name import Issuer, is_loopback, url_fault
from rightkey.sources.given import place_of
from rightkey.transport.tls import TlsSettings, context_for

_FAMILIES = {socket.AF_INET: "IPv4", socket.AF_INET6: "IPv6"}


@dataclass
class Examiner:
    """One examination in the making.

    Args:
        transport: what fetches.
        timeout: seconds for one exchange.
        clock: the wall clock, as a Unix time.
        elapsed: seconds that never go back.
    """

    transport: Transport
    timeout: float = 4.0
    clock: Callable[[], float] = lambda: time.time()
    elapsed: Callable[[], float] = lambda: time.monotonic()
    exchanges: list[Exchange] = field(default_factory=list)

    def examine(self, issuer: Issuer) -> Examination:
        """Ask for all that a verifier would, and a little more. Never raises for what an issuer does."""
        place = place_of(issuer)
        if place.url is None:
            for step, request in zip(("openid", "oauth"), metadata_requests(issuer), strict=False):
                self._ask(step, request)
        url = place.url or self._jwks_uri(issuer)
        if url is not None:
            keys = self._ask("keys", jwks_request(url))
            etag = keys.response.headers.get("etag") if keys.response else None
            if etag is not None:
                self._ask("keys again", jwks_request(url, etag=etag))
        return Examination(issuer, tuple(self.exchanges))

    def _jwks_uri(self, issuer: Issuer) -> str | None:
        """Where keys are, also by metadata that a verifier would refuse for another reason."""
        for one in self.exchanges:
            uri = members_of(one).get("jwks_uri") if one.good else None
            if isinstance(uri, str) and url_fault(uri, issuer.plain_http) is None:
                parts = urlsplit(uri)
                plain = parts.scheme == "http" and urlsplit(issuer.url).scheme != "http"
                return None if plain and parts.hostname not in issuer.plain_http else uri
        return None

    def _ask(self, step: str, request: Request) -> Exchange:
        request = replace(request, timeout=self.timeout, connect_timeout=min(2.0, self.timeout))
        began, start = self.clock(), self.elapsed()
        answer = Exchange(step, without_query(request.url), began, 0.0)
        try:
            answer = replace(answer, response=self.transport.get(request))
        except ExchangeFailed as error:
            answer = replace(answer, failure=error.reason, message=str(error))
        answer = replace(answer, seconds=self.elapsed() - start)
        self.exchanges.append(answer)
        return answer


def with_network(seen: Examination, tls: TlsSettings, timeout: float) -> Examination:
    """The examination, with the addresses of the host first asked and the end of its TLS certificate."""
    parts = urlsplit(seen.exchanges[0].url)  # a metadata URL, where the issuer is not where its name says
    host, port = parts.hostname or "", parts.port or 443
    until = tls_until(host, port, tls, timeout) if parts.scheme == "https" else None
    return replace(seen, families=() if is_loopback(host) else families(host), tls_until=until)


def families(host: str) -> tuple[str, ...]:
    """Which kinds of address a host has."""
    with suppress(OSError, UnicodeError):
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return tuple(sorted({_FAMILIES[kind] for kind, *_ in found if kind in _FAMILIES}))
    return ()


def tls_until(host: str, port: int, tls: TlsSettings, timeout: float) -> float | None:
    """When a host's TLS certificate ends, as a Unix time; None where it cannot be told from here."""
    with suppress(OSError, ValueError, ExchangeFailed):  # the exchanges have said why it does not answer
        context = context_for(tls)
        with (
            socket.create_connection((host, port), timeout) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            certificate = secure.getpeercert() or {}
            return float(ssl.cert_time_to_seconds(str(certificate["notAfter"])))
    return None
