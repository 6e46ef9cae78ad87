"""How one issuer looks: a dress, with the options that go over it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self, TypedDict

from rightkey.localissuer.documents.dresses import DRESSES, Dress, dress
from rightkey.localissuer.documents.wellknown import Address
from rightkey.localissuer.keys.signing import ALGORITHMS


class Options(TypedDict, total=False):
    """What `LocalIssuer` takes to look as it should. None leaves it to the dress."""

    dress: str | None
    algorithm: str
    certificates: bool | None
    x5t: Literal["hex", "rfc"] | None
    alg: bool | None
    path: str | None
    slash: bool | None
    url: str | None
    rfc8414: bool
    cache_control: str | None
    etag: bool
    typ: str | None


@dataclass(frozen=True, slots=True)
class Look:
    """The dress as the options changed it, and what no dress decides.

    `url` is an identifier that stays, wherever the issuer listens.
    """

    dress: Dress
    algorithm: str = "RS256"
    url: str | None = None
    rfc8414: bool = False
    etag: bool = False
    typ: str = "JWT"

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """The look that `Options` ask for.

        Raises:
            TypeError: an option is unknown.
            ValueError: the dress or the algorithm is unknown.
        """
        _require_known(options)
        given = {name: value for name, value in options.items() if value is not None}
        own = {name: given[name] for name in ("algorithm", "url", "rfc8414", "etag", "typ") if name in given}
        look = cls(_dressed(given), **own)
        if look.algorithm not in ALGORITHMS:
            raise ValueError(f"expected one of {', '.join(ALGORITHMS)}, got {look.algorithm!r}")
        return look

    def address(self, origin: str) -> Address:
        """Where the issuer is, if it listens at this origin."""
        worn = self.dress
        if self.url:
            return Address.of(self.url, worn.suffix)
        return Address(origin, worn.path, worn.slash, worn.suffix)


def _require_known(options: Mapping[str, Any]) -> None:
    for unknown in options.keys() - Options.__annotations__.keys():
        close = difflib.get_close_matches(unknown, Options.__annotations__, 1)
        meant = f"; did you mean {close[0]!r}?" if close else ""
        raise TypeError(f"a local issuer has no option {unknown!r}{meant}")


_AUTH0 = DRESSES["auth0"]
_UNDRESSED = replace(_AUTH0, paths={**_AUTH0.paths, "introspect": "oauth/introspect"}, cache_control=None)
"""Without a dress: Auth0's shape, without its caching of 15 s and with introspection, which Auth0 lacks."""


def _dressed(given: Mapping[str, Any]) -> Dress:
    worn = dress(given["dress"]) if given.get("dress") else _UNDRESSED
    form = {name: given[name] for name in ("certificates", "x5t", "alg") if name in given}
    over = {name: given[name] for name in ("slash", "cache_control") if name in given}
    if "path" in given:
        over["path"] = given["path"].rstrip("/")
    return replace(worn, form=replace(worn.form, **form), **over)
