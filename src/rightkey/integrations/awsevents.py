"""What an AWS Lambda event says of the HTTP request that it stands for.

    payload              from                              headers that came twice
    1.0                  REST and HTTP APIs, websockets    each, in `multiValueHeaders`
    2.0                  HTTP APIs, function URLs          joined by commas, which are in no token
    a load balancer's    a target group                    each, by its attribute; else the last alone
    TOKEN                a REST API's authorizer           the one header that it names

API Gateway and load balancers write these events; only the values of headers, the query and the path are the
client's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlencode

from rightkey.errors import Misconfigured
from rightkey.integrations.bearer import Bearer
from rightkey.integrations.certificates import Connection
from rightkey.integrations.credential import Sent, escaped
from rightkey.integrations.views import is_preflight

Event: TypeAlias = Mapping[str, Any]


class HTTPEvent(NamedTuple):
    """The request of one event."""

    headers: tuple[tuple[str, str], ...]
    query: str
    sent: Sent

    def __repr__(self) -> str:
        return f"HTTPEvent({self.sent!r})"  # headers and query hold tokens

    @property
    def is_preflight(self) -> bool:
        """Whether a browser asks if it may send a request at all."""
        return is_preflight(self.sent.method, {name.lower() for name, _ in self.headers})


def request_of(event: Event) -> HTTPEvent:
    """The request that a handler is called for. Raises Misconfigured: the event stands for none."""
    event = mapping(event)
    context = mapping(event.get("requestContext"))
    if isinstance(context.get("http"), Mapping):
        return _of_2(event, context)
    if "httpMethod" in event or "elb" in context or context.get("eventType") == "CONNECT":
        return _of_1(event, context)
    raise Misconfigured("the event is not of an API Gateway, a function URL or a load balancer")


def request_to_authorize(event: Event, bearer: Bearer) -> HTTPEvent:
    """The request that an authorizer is asked about. Raises Misconfigured: the event asks about none.

    Args:
        bearer: where tokens are. A TOKEN event has the value of one header, and does not say of which.
    """
    if mapping(event).get("type") == "TOKEN":
        name = bearer.places[0].header_name or "authorization"
        return HTTPEvent(((name, _text(event.get("authorizationToken"))),), "", Sent("", "", Connection("")))
    return request_of(event)


def _of_2(event: Event, context: Event) -> HTTPEvent:
    http = context["http"]
    headers = [*_single(event)]
    cookies = event.get("cookies")
    if isinstance(cookies, list) and cookies:
        headers.append(("cookie", "; ".join(map(_text, cookies))))
    connection = Connection(_text(http.get("sourceIp")), _certificate(context.get("authentication")))
    path = _text(event.get("rawPath")) or _text(http.get("path"))
    sent = Sent(_text(http.get("method")), _spelled(path), connection)
    return HTTPEvent(tuple(headers), _text(event.get("rawQueryString")), sent)


def _of_1(event: Event, context: Event) -> HTTPEvent:
    identity = mapping(context.get("identity"))
    # `path` of the event is without the stage, and without what a domain maps to the API.
    path = _text(context.get("path")) or _text(event.get("path")) or "/"
    method = _text(event.get("httpMethod")) or "GET"  # a websocket's handshake does not say
    connection = Connection(_text(identity.get("sourceIp")), _certificate(identity))
    headers = _several(event, "multiValueHeaders") or [*_single(event)]
    sent = Sent(method, _spelled(path), connection)
    return HTTPEvent(tuple(headers), _query(event, "elb" in context), sent)


def _single(event: Event) -> Iterator[tuple[str, str]]:
    return ((str(name), _text(value)) for name, value in mapping(event.get("headers")).items())


def _several(event: Event, member: str) -> list[tuple[str, str]]:
    each = mapping(event.get(member)).items()
    return [(str(name), _text(one)) for name, values in each if isinstance(values, list) for one in values]


def _query(event: Event, encoded: bool) -> str:
    """What follows the question mark. API Gateway decodes it and a load balancer does not (`encoded`)."""
    single = mapping(event.get("queryStringParameters")).items()
    pairs = _several(event, "multiValueQueryStringParameters") or [(str(n), _text(v)) for n, v in single]
    return (
        "&".join(f"{name}={value}" for name, value in pairs)
        if encoded
        else urlencode(pairs, errors="replace")
    )


def _certificate(place: Any) -> str | None:
    """The client certificate of mutual TLS, as PEM, which API Gateway checks and tells."""
    return _text(mapping(mapping(place).get("clientCert")).get("clientCertPem")) or None


def _spelled(path: str) -> str:
    """API Gateway decodes some of a path: what cannot be in a URL is escaped again, and the rest is left."""
    return escaped(path, "%")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def mapping(value: Any) -> Event:
    """What an event has at a place, if it is a mapping; else an empty one."""
    return value if isinstance(value, Mapping) else {}
