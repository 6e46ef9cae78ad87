"""Routes: which rule counts for a request, by host, path and method. The first that matches decides.

A path is judged as services read it, and they differ in that: some take `%2F` for a slash, drop `;x` from a
segment, or resolve `..` after they decode. So a path is refused where such a reading could lead to another
rule:

    anywhere             a segment `.` or `..`, also encoded, an empty segment, `\\`, `#`, octets beyond
                         ASCII, and overlong forms: a lax decoder of UTF-8 takes `%C0%AE` for `.`
    where rules decide   `%2F`, `%5C`, `%25`, `;` and control characters (a pattern's `$` stands before a line
                         end, too: Starlette takes `/orders%0A` for `/orders`), in as many segments as the
                         longest path of a rule names

To some services `/Orders` is `/orders` (Express, ASP.NET), and to some of Windows `/orders.` is: a path that
differs in that alone from a rule's is refused, where a later and wider rule would let it in.
Behind the `*` of that path the last are left alone: `/projects/*` takes `/projects/group%2Fname`.
A method is judged so, too: where rules name methods, one in lower case is refused. To some services `post`
is no `POST`, and to others it is (Django, Symfony). So is a host: where rules name hosts, `x@a.example` is
refused, which `urlsplit` takes for `a.example`, and Starlette for no host.
A rule's path takes one slash more at the end, `GET` takes `HEAD`, and `/orders/*` takes `/orders` too: so do
most services.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from rightkey.errors import Misconfigured, quoted
from rightkey.gateway.dialect import OriginalRequest
from rightkey.requirements import AllOf

MAX_REMEMBERED = 4096
"""Requests whose rule is remembered, by method, host and path."""
MAX_REMEMBERED_LENGTH = 256
"""Characters of a method, host and path whose rule is remembered: a stranger chooses them."""
MAX_DECODED = 4
"""How often a path may be encoded, one in the other, before it is refused for that."""


class NoRoute(Exception):
    """A request that no rule lets in. `code` is `route_unknown`, `path_refused`, `method_refused` or
    `host_refused`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Route:
    """What requests need that come to some hosts, paths and methods.

    Args:
        path: `/` and segments; `*` as the last takes everything below, and `/*` everything.
        host: a name, or `*.` and a name for all below it; None for any.
        methods: in upper case; none for any.
        require: what the token must grant.
        public: no token is looked for.
        optional: a request without a token passes; a bad token does not.

    Raises:
        Misconfigured: any of them is not as described.
    """

    path: str = "/*"
    host: str | None = None
    methods: frozenset[str] = frozenset()
    require: AllOf | None = None
    public: bool = False
    optional: bool = False
    segments: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """The names in its path, without the `*`."""
    folded: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """The same, as services know them that tell no upper case from lower."""
    below: bool = field(init=False, repr=False, compare=False)
    """Whether it takes everything below."""

    def __post_init__(self) -> None:
        if not re.fullmatch(_PATH, self.path) or any(map(_climbs, self.path.split("/"))):
            hint = "such as /orders or /orders/*: letters, digits and -._~!$&'()+,:@= in segments"
            raise Misconfigured(f"path {quoted(self.path)} must be segments after slashes", hint=hint)
        if self.host is not None and not re.fullmatch(_HOST, self.host):
            raise Misconfigured(
                f"host {quoted(self.host)} must be a name in lower case", hint="such as api.example.com"
            )
        if not all(re.fullmatch("[A-Z]+", method) for method in self.methods):
            raise Misconfigured("methods must be names in upper case", hint='such as ["GET", "POST"]')
        if self.public and (self.optional or self.require is not None):
            raise Misconfigured("a public route cannot be optional, and requires nothing")
        segments = tuple(self.path.strip("/").split("/")) if self.path != "/" else ()
        below = segments[-1:] == ("*",)
        object.__setattr__(self, "segments", segments[:-1] if below else segments)
        object.__setattr__(self, "below", below)
        object.__setattr__(self, "folded", _folded(self.segments))

    def takes(self, method: str, host: str, segments: tuple[str, ...], *, folded: bool = False) -> bool:
        """Whether it is for this request, whose host is in lower case and whose segments are decoded.

        Args:
            folded: whether the segments are, and are compared so.
        """
        return (
            (not self.methods or method in self.methods or (method == "HEAD" and "GET" in self.methods))
            and _takes_host(self.host, host)
            and self._takes_path(segments, self.folded if folded else self.segments)
        )

    def hides(self, later: Route) -> bool:
        """Whether nothing is left for a later one."""
        return (
            (not self.methods or bool(later.methods and later.methods <= self.methods))
            and (self.host is None or (later.host is not None and _takes_host(self.host, later.host)))
            and (self.below or not later.below)
            and self._takes_path(later.segments, self.segments)
        )

    def _takes_path(self, segments: tuple[str, ...], own: tuple[str, ...]) -> bool:
        return (segments[: len(own)] if self.below else segments) == own


class Routes:
    """All rules, in order.

    Raises:
        Misconfigured: there is none, or one that an earlier one leaves nothing for.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        if not routes:
            raise Misconfigured("there must be one route or more", hint='path = "/*" takes every request')
        for place, route in enumerate(routes):
            first = next((n for n, earlier in enumerate(routes[:place], 1) if earlier.hides(route)), None)
            if first is not None:
                raise Misconfigured(
                    f"route {place + 1} can match nothing: route {first} takes all of it",
                    hint="the first route that matches decides: put the narrower one before the wider",
                )
        self.routes = tuple(routes)
        self._names_methods = any(route.methods for route in routes)
        self._names_hosts = any(route.host for route in routes)
        # One more where nothing below is taken: a service may take `/orders/;x` for `/orders`.
        self._deciding = max(len(route.segments) + (not route.below) for route in routes)
        self._remembered: Callable[[str, str, str], Route] = lru_cache(MAX_REMEMBERED)(self._found)

    def find(self, original: OriginalRequest) -> Route:
        """The rule for a request.

        Raises:
            NoRoute: `path_refused`, `method_refused`, `host_refused` or `route_unknown`.
        """
        path = original.uri.partition("?")[0]
        parts = original.method, original.host, path
        short = sum(map(len, parts)) <= MAX_REMEMBERED_LENGTH
        return (self._remembered if short else self._found)(*parts)

    def _found(self, method: str, host: str, path: str) -> Route:
        segments = segments_of(path, self._deciding)
        if self._names_methods and method != method.upper():
            raise NoRoute("method_refused", "the method is refused: it is not in capitals")
        if self._names_hosts and not re.fullmatch(_AUTHORITY, host):
            raise NoRoute("host_refused", "the host is refused: it is no name or address, with a port")
        name = host_of(host)
        folded, nearly = _folded(segments), 0
        for route in self.routes:
            if route.takes(method, name, segments):
                if nearly > len(route.segments):
                    raise _refused("a service may take it for the path of another route")
                return route
            if route.takes(method, name, folded, folded=True):
                nearly = max(nearly, len(route.segments))
        raise NoRoute("route_unknown", "no route is configured for this host, path and method")


def segments_of(path: str, deciding: int) -> tuple[str, ...]:
    """The decoded segments of a path, without an empty one at its end.

    Args:
        deciding: how many of them decide which rule counts.

    Raises:
        NoRoute: `path_refused`.
    """
    if _plain(path):  # which has nothing to refuse or decode: to look for that takes seven times as long
        return tuple(path.strip("/").split("/"))
    if not re.fullmatch(_WRITTEN, path):
        raise _refused("it is not written as RFC 3986 has a path")
    raw = path[1:].split("/")
    if raw[-1] == "":
        raw.pop()
    if "" in raw:
        raise _refused("it has an empty segment")
    if any(map(_climbs, raw)):
        raise _refused("it has a segment . or .., a NUL, or an overlong form of a character")
    if any(re.search(_AMBIGUOUS, segment) for segment in raw[:deciding]):
        raise _refused("it has %2F, %5C, %25, ; or a control character where routes decide")
    return tuple(unquote_to_bytes(segment).decode("utf-8", "surrogateescape") for segment in raw)


def host_of(host: str) -> str:
    """A host as routes name it: without its port and the dot at its end, in lower case."""
    name = host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]
    return name.lower().removesuffix(".")


def _climbs(segment: str) -> bool:
    """Whether a service that decodes it, however often, could take it for `..`, or for several segments of
    which one is."""
    if "%" not in segment and "." not in segment:
        return False
    text = segment.encode()
    for _ in range(MAX_DECODED):
        decoded = unquote_to_bytes(text)
        if decoded == text:
            break
        text = decoded
    else:
        return True
    if b"\0" in text or re.search(_OVERLONG, text):
        return True
    parts = re.split(rb"[/\\]", text)
    return any(part.partition(b";")[0].strip() in (b".", b"..") for part in parts)


def _takes_host(own: str | None, host: str) -> bool:
    if own is None or own == host:
        return True
    return own.startswith("*.") and host.endswith(own[1:]) and host != own[1:]


def _folded(segments: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(segment.rstrip(". ").casefold() for segment in segments)


def _refused(why: str) -> NoRoute:
    return NoRoute("path_refused", f"the path is refused: {why}")


_PATH = r"/(?:[A-Za-z0-9._~!$&'()+,:@=-]+/)*(?:[A-Za-z0-9._~!$&'()+,:@=-]+/?|\*)?"
_HOST = r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]"
_AUTHORITY = r"(?:[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])?(?::[0-9]*)?"
"""RFC 9110, section 7.2; without a name in HTTP/1.0."""
_WRITTEN = r"/(?:[A-Za-z0-9._~!$&'()*+,;:@=/|^{}\"<>`\[\]-]|%[0-9A-Fa-f]{2})*"
"""RFC 3986, section 3.3, and the characters beyond it that browsers leave as they are."""
_plain = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?").fullmatch
_OVERLONG = rb"[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f]|\xf0[\x80-\x8f]"  # RFC 3629, section 4
_AMBIGUOUS = r"(?i);|%(?:2f|5c|25|3b|[01][0-9a-f]|7f)"
