"""How a name is spelled, and in what it differs from one that was expected."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit


def lower_host(url: str) -> str:
    """The URL with its host in lower case, and nothing else changed."""
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return scheme + separator + host.lower() + slash + path


_SPELLINGS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("letter case", str.lower),
    ("slash at the end", lambda name: name.rstrip("/")),
    ("white space around it", str.strip),
    ("default port", lambda name: re.sub("^(https?://[^/]*):(443|80)(?=/|$)", r"\1", name)),
    ("scheme in front", lambda name: re.sub("^(https?|api)://", "", name)),
)
"""In what names differ that are meant to be the same, and how both are made equal."""
_SCHEME = "scheme in front"
MAX_NEAR = 2048
"""Characters of a token's `iss` or `aud` that are looked at for a hint: a stranger chooses them."""


def near_hint(got: str, expected: Iterable[str], what: str, *, scheme: bool = True) -> str | None:
    """The way out where a name differs from one that was expected in its spelling alone.

    Args:
        got: the name that does not pass.
        expected: those that do.
        what: how to begin to tell of the one that passes.
        scheme: whether names that differ by `http://`, `https://` or `api://` in front count as near.
    """
    if len(got) > MAX_NEAR:
        return None
    near = ((_difference(got, one), one) for one in expected if one != got)
    found = (
        (difference, one) for difference, one in near if difference and (scheme or difference != _SCHEME)
    )
    return next((f"only the {difference} differs: {what} {one[:200]!r}" for difference, one in found), None)


def key_of(name: str) -> str:
    """Equal for names that `near_hint` may call near: by it one of many is found at the cost of one."""
    for _, equal in _SPELLINGS if len(name) <= MAX_NEAR else ():
        name = equal(name)
    return name


def _difference(got: str, expected: str) -> str | None:
    return next((name for name, equal in _SPELLINGS if equal(got) == equal(expected)), None)


def place_hint(got: str, expected: Iterable[str]) -> str | None:
    """What to do where an issuer differs from a trusted one in its host alone, or in Keycloak's `/auth`.

    No trusted issuer is named: the hint goes to the sender of the token.
    """
    try:
        said, known = urlsplit(got[:MAX_NEAR]), [urlsplit(one) for one in expected]
    except ValueError:
        return None
    realm = _realm(said.path)
    if realm and any(_realm(one.path) == realm and one.netloc == said.netloc for one in known):
        return "only `/auth` before /realms/ differs: Keycloak has none since version 17, unless it is set"
    if said.path.strip("/") and any(one.path == said.path for one in known):
        return "only the host differs: name the issuer as tokens do, and where it is reached by metadata_url="
    return None


def _realm(path: str) -> str | None:
    """The path of a realm of Keycloak, however old that is."""
    bare = path.removeprefix("/auth")
    return bare if bare.startswith("/realms/") else None
