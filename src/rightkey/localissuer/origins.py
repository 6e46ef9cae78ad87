"""Which pages in a browser may ask an issuer, and read its answers.

Any page can make a browser send a request to a port of this machine. Two headers that no script can forge
tell where it comes from. `Host` is the name that the page asked for: a page that points its own name at
127.0.0.1 (DNS rebinding) still asks for that name. `Origin` is the page's own name, and is sent with every
request across origins and with every POST. Programs send no `Origin`.

    what is asked for            Host         Origin
    management, the front page   our own      none, or our own
    pages people see             our own      any: applications send people here
    token, user info, ...        any          none, our own, local, or a client's; it reads the answer
    metadata, keys               any          any; every page reads the answer
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from rightkey.localissuer.answers import Answer, Request, oauth_error
from rightkey.localissuer.documents.wellknown import FRAMED
from rightkey.localissuer.wire.names import is_local, origin_of

if TYPE_CHECKING:
    from rightkey.localissuer.issuer import Issuer
    from rightkey.localissuer.wire.names import Name

PAGES = frozenset({"authorize", "activate", "logout"}) | FRAMED
"""Endpoints where people see a page, and are sent to from anywhere."""
PUBLIC = frozenset({"discovery", "jwks", "moved", "attacker-jwks", "attacker-certificate"})
"""Documents that are for everyone."""
_FOREIGN_HOST = "the Host header must name this issuer; rightkey issuer --url sets another name"
_FOREIGN_ORIGIN = "a page of another origin cannot manage this issuer"
_UNKNOWN_ORIGIN = "a page of this origin cannot ask here: list a client with a redirect URI of this origin"


def refused(issuer: Issuer, request: Request) -> Answer | None:
    """The refusal of a request to manage the issuer, or None."""
    return misdirected(issuer, request) or _foreign(issuer, request)


def misdirected(issuer: Issuer, request: Request) -> Answer | None:
    """The refusal of a request for another host, or None. No browser leaves out the host."""
    host = request.headers.get("host")
    if host is None or issuer.names.own_host(host):
        return None
    return oauth_error(HTTPStatus.FORBIDDEN, "forbidden", why=_FOREIGN_HOST)


def unwelcome(issuer: Issuer, endpoint: str, request: Request) -> Answer | None:
    """The refusal of a request for an endpoint, or None."""
    if endpoint in PAGES:
        return misdirected(issuer, request)
    if endpoint in PUBLIC or endpoint == "other" or _welcome(issuer, request):
        return None
    return oauth_error(HTTPStatus.FORBIDDEN, "forbidden", why=_UNKNOWN_ORIGIN)


def shared(issuer: Issuer, endpoint: str, request: Request, answer: Answer) -> Answer:
    """The same answer, with the headers by which a page may read it (Fetch, section 3.3).

    A page that sends credentials reads it only if the answer names the page's own origin.
    """
    origin = request.headers.get("origin")
    if origin is None or endpoint in PAGES | {"other"}:
        return answer
    if _welcome(issuer, request):
        allowed = {"access-control-allow-origin": origin, "access-control-allow-credentials": "true"}
    elif endpoint in PUBLIC:
        allowed = {"access-control-allow-origin": "*"}
    else:
        return answer
    if request.method == "OPTIONS":
        allowed["access-control-max-age"] = "600"
        allowed["access-control-allow-methods"] = "GET, POST"
        allowed["access-control-allow-headers"] = request.headers.get("access-control-request-headers", "")
    return replace(answer, headers=dict(answer.headers) | allowed | {"vary": "Origin"})


def _foreign(issuer: Issuer, request: Request) -> Answer | None:
    origin = request.headers.get("origin")
    if origin is None or issuer.names.own_origin(origin):
        return None
    return oauth_error(HTTPStatus.FORBIDDEN, "forbidden", why=_FOREIGN_ORIGIN)


def _welcome(issuer: Issuer, request: Request) -> bool:
    """Whether no page asks, or one of our own, of this machine, or of a client."""
    origin = request.headers.get("origin")
    if origin is None or issuer.names.own_origin(origin):
        return True
    named = origin_of(origin)
    return named is not None and (is_local(named[1].host) or named in _of_clients(issuer))


def _of_clients(issuer: Issuer) -> set[tuple[str, Name] | None]:
    """The origins to which people may be sent back."""
    return {origin_of(uri) for uri in issuer.clients.redirect_uris()}
