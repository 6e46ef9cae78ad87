"""Calls: what one call to `verify` may ask beyond the verifier's settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from rightkey.errors import Misconfigured, is_number
from rightkey.policy.trust import requirement_of
from rightkey.verdict.attempt import NO_DEMANDS, Demands
from rightkey.verifier.single import Require

if TYPE_CHECKING:
    from rightkey.policy.presented import Presented


class CallOptions(TypedDict, total=False):
    """The options of `verify` and `explain`.

    require: what the token must grant besides what the verifier requires.
    nonce: what was sent for it; for ID tokens.
    access_token: what came with it and its `at_hash` must fit; for ID tokens.
    max_age: for how many seconds at most its subject may have been logged in (`auth_time`); for ID tokens.
    presented: how the request presents it, and what proves that it may; for tokens bound to their sender.
    """

    require: Require
    nonce: str | None
    access_token: str | None
    max_age: float | None
    presented: Presented | None


def demands_of(options: Mapping[str, Any]) -> Demands:
    """What a call demands. Raises Misconfigured: a requirement that cannot be one, or another type of value.

    Raises TypeError: an option that `verify` does not have.
    """
    presented = options.get("presented")
    if presented is not None:
        if not hasattr(presented, "by_dpop"):  # its class is not loaded where nothing is presented
            raise Misconfigured(
                "presented must be a Presented", hint="rightkey.Presented(scheme, method, ...)"
            )
        if len(options) == 1:  # what bound tokens come with, and nothing else
            return Demands(presented=presented)
    unknown = options.keys() - CallOptions.__annotations__.keys()
    if unknown:
        raise TypeError(f"verify() got an unexpected keyword argument {min(unknown)!r}")
    demands = Demands(**{**options, "require": requirement_of(options.get("require", ()))})
    if demands == NO_DEMANDS:
        return NO_DEMANDS  # the same object, by which the warm path knows it
    _require_sound(demands)
    return demands


def _require_sound(demands: Demands) -> None:
    """A value that cannot be compared must not end as one that passes, as NaN would."""
    for name in ("nonce", "access_token"):
        if not isinstance(getattr(demands, name), str | None):
            raise Misconfigured(f"{name} must be a string")
    age: Any = demands.max_age
    if age is not None and not (is_number(age) and age >= 0):
        raise Misconfigured("max_age must be a number of seconds, 0 or more")
