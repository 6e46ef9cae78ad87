"""Named: the error for a setting that is unknown or missing has its name, and the way out."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection
from typing import ParamSpec, TypeVar

from rightkey.errors import Misconfigured

_P = ParamSpec("_P")
_T = TypeVar("_T")


def by_name(init: Callable[_P, None]) -> Callable[_P, None]:
    """An initialiser that raises Misconfigured, not TypeError, for a setting that is unknown or missing."""

    @functools.wraps(init)
    def named(*args: _P.args, **settings: _P.kwargs) -> None:
        try:
            init(*args, **settings)
        except TypeError as error:
            raise _misnamed(init, args[1:], settings) or error from None

    return named


def settings_by_name(kind: type[_T]) -> type[_T]:
    """A class whose initialiser does that."""
    kind.__init__ = by_name(kind.__init__)  # type: ignore[method-assign]
    return kind


def _misnamed(
    init: Callable[..., None], given: tuple[object, ...], settings: dict[str, object]
) -> Misconfigured | None:
    """Which setting is unknown or missing; None where the TypeError is about something else."""
    known = list(inspect.signature(init).parameters.values())[1:]
    names = [one.name for one in known if one.kind is not one.VAR_POSITIONAL]
    for name in settings:
        if name not in names:
            return Misconfigured(f"unknown setting {name}=", hint=way_out(name, names))
    for one in known[len(given) :]:
        if one.default is one.empty and one.kind is not one.VAR_POSITIONAL and one.name not in settings:
            return Misconfigured(f"{one.name} is missing", hint=_HINTS.get(one.name))
    return None


def way_out(name: str, names: Collection[str]) -> str:
    """Where the setting is that was meant by a name which is not one of `names`."""
    place = place_of(name)
    if place is not None and place.partition("=")[0] in names:
        return f"it is a setting of another object: {place}"
    meant = _OTHER_WORDS.get(name)
    if meant is None or meant.partition("=")[0] not in names:
        from difflib import get_close_matches

        near = get_close_matches(name, names)
        meant = f"{near[0]}=" if near else None
    return f"did you mean {meant}?" if meant else f"known settings: {', '.join(names)}"


def place_of(name: str) -> str | None:
    """Where a setting of another object than a verifier is given; None where it is none of one."""
    place = next((place for place, inside in _ELSEWHERE.items() if name in inside), None)
    return None if place is None else f"{place}({name}=...)"


_ELSEWHERE = {
    "freshness=rightkey.Freshness": (
        *("life", "min_life", "max_life", "stale_if_error", "min_stale", "metadata_life", "metadata_stale"),
        *("metadata_recheck", "connect_timeout", "timeout", "max_body", "wait", "waiting_threads", "jobs"),
        *("draws", "draw_every", "grace"),
    ),
    "transport=rightkey.DefaultTransport": (
        *("ca_file", "user_agent", "trust_env", "credentials", "plain_http", "truststore", "strict_x509"),
    ),
}
"""Settings that are not a verifier's own, by where they are given. A test holds them to their classes."""
_OTHER_WORDS = {
    **dict.fromkeys(("jwks", "jwks_uri", "jwks_url", "jwk_set", "key", "public_key"), "keys="),
    **dict.fromkeys(("aud", "audiences", "client_id"), "audience="),
    **dict.fromkeys(("iss", "issuers", "domain", "authority", "issuer_url", "tenant"), "issuer="),
    **dict.fromkeys(("alg", "algs", "allowed_algorithms"), "algorithms="),
    **dict.fromkeys(("clock_skew", "clock_tolerance", "skew"), "leeway="),
    **dict.fromkeys(
        ("cache_ttl", "lifespan", "cache_max_age", "ttl"), "freshness=rightkey.Freshness(life=...)"
    ),
    **dict.fromkeys(("scope", "scopes", "required_scopes"), "require="),
    **dict.fromkeys(("discovery_url", "well_known_url", "openid_configuration"), "metadata_url="),
    **dict.fromkeys(("verify", "ssl_context", "session"), "transport="),
    **dict.fromkeys(("redis", "cache"), "store="),
}
"""What other libraries call our settings."""
_HINTS = {
    "issuer": "the issuer's domain or URL; rightkey.ANY, with keys=, to accept every issuer",
    "audience": "the API's identifier at the issuer; rightkey.ANY to accept tokens meant for any audience",
}
