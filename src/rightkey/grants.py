"""Where in a token its scopes, permissions, roles and groups are, and how they are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias


class ClaimPath(NamedTuple):
    """Where names of a kind are found: the claim at the end of `path`, a string or an array of strings.

    In a provider's row `{audience}` in a path stands for each audience that is expected, without a slash at
    its end.
    """

    path: tuple[str, ...]
    keys: bool = False
    """Whether it is an object whose keys are the names."""
    implied: Mapping[str, frozenset[str]] | None = None
    """What each name grants besides itself, such as the narrower scopes that a broad one implies."""

    def filled(self, audiences: Iterable[str]) -> list[ClaimPath]:
        """The path once for each audience where it has a hole for one; itself where it has none."""
        if not any(_HOLE in name for name in self.path):
            return [self]
        return [
            self._replace(path=tuple(name.replace(_HOLE, audience.rstrip("/")) for name in self.path))
            for audience in sorted(audiences)
        ]


ClaimPaths: TypeAlias = Mapping[str, tuple[ClaimPath, ...]]

GRANTS: ClaimPaths = {
    "scope": (ClaimPath(("scope",)), ClaimPath(("scp",))),
    "permission": (ClaimPath(("permissions",)),),
    "role": (ClaimPath(("roles",)), ClaimPath(("role",))),
    "group": (ClaimPath(("groups",)),),
}
"""Kind of grant -> where it is found at every provider: RFC 8693's `scope`, `scp` of Okta and Entra, Auth0's
`permissions`, RFC 9068's `roles` and `groups`."""

_SPLIT = frozenset((("scope",), ("scp",)))
"""The claims that are lists with spaces between (RFC 8693, section 4.2). Any other string is one name."""
_ABSENT = object()
_HOLE = "{audience}"


class Granted:
    """What a token's claims grant, each kind read once, however many names of it are asked for.

    Args:
        claims: the token's.
        places: where names of each kind are found.
    """

    __slots__ = ("_names", "_places", "claims")

    def __init__(self, claims: Mapping[str, Any], places: ClaimPaths = GRANTS) -> None:
        self.claims, self._places = claims, places
        self._names: dict[str, frozenset[str]] = {}

    def names(self, kind: str) -> frozenset[str]:
        """The names of a kind."""
        names = self._names.get(kind)
        if names is None:
            names = self._names[kind] = granted(self.claims, kind, self._places)
        return names


def granted(claims: Mapping[str, Any], kind: str, places: ClaimPaths = GRANTS) -> frozenset[str]:
    """The names of a kind that the claims grant.

    `scope` and `scp` given as a string are split at spaces (RFC 8693, section 4.2); any other string is one.
    What a name implies is granted with it.
    """
    found: set[str] = set()
    for place in places[kind]:
        value = at(claims, place.path)
        if isinstance(value, str):
            found.update(value.split(" ") if place.path in _SPLIT else (value,))
        else:
            found.update(_strings(value) if not place.keys else value if isinstance(value, dict) else ())
        if place.implied is not None:
            found.update(*[place.implied.get(name, ()) for name in found])
    return frozenset(found - {""})


def ungranted_hint(claims: Mapping[str, Any], missing: str) -> str | None:
    """What to do about a token that does not grant what is `missing`, where its claims are odd."""
    # Entra says so in either way; the latter is of OpenID Connect Core 1.0, section 5.6.2.
    overflowing = claims.get("hasgroups") is True or at(claims, ("_claim_names", "groups")) is not _ABSENT
    if "group(" in missing and overflowing:
        return (
            "its groups are more than the issuer puts into a token: have it send application roles, or only "
            "the groups that are assigned to the application"
        )
    scopes = (claims.get(path[0]) for path in _SPLIT)
    if any(isinstance(one, str) and "," in one and " " not in one for one in scopes):
        return "its scopes have commas between them: a list of scopes has spaces (RFC 6749, section 3.3)"
    return None


def at(claims: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """What stands at the end of a path of names; a value that equals nothing where it leads nowhere."""
    value: Any = claims.get(path[0], _ABSENT)
    for name in path[1:]:
        value = value.get(name, _ABSENT) if isinstance(value, dict) else _ABSENT
    return value


def items(value: Any) -> list[Any]:
    """The members of an array; none of anything else."""
    return value if isinstance(value, list) else []


def _strings(value: Any) -> list[str]:
    return [one for one in items(value) if isinstance(one, str)]
