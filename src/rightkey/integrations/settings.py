"""What an integration is built with: which verifier, which public paths, and whose configuration.

Every integration takes these, and they mean the same in each:

    issuer      a domain or URL; without it and `verifier`, environment variables say (`RIGHTKEY_ISSUER` ...)
    verifier    instead: a verifier that there is, or several issuers' (`Verifier.of`); an AsyncVerifier
                where the framework awaits
    bearer      where requests carry their tokens, and what challenges say
    settings    as the verifier's class takes them: `audience`, `require` and others

and raises Misconfigured where one of them is wrong, unknown or missing.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from rightkey.errors import Misconfigured, are_strings, quoted
from rightkey.policy.named import way_out
from rightkey.verifier.variables import PREFIX, VARIABLES

if TYPE_CHECKING:
    from rightkey.events import Listener
    from rightkey.exchange import Transport
    from rightkey.freshness.settings import Freshness
    from rightkey.jose.certificate import Policy
    from rightkey.policy.implied import Implies
    from rightkey.policy.introspection import Introspection
    from rightkey.policy.trust import Anyone, Given
    from rightkey.proof.settings import DPoP
    from rightkey.verdict.denylist import Denylist
    from rightkey.verifier.proving import Origin
    from rightkey.verifier.single import Require, Single

_Single = TypeVar("_Single", bound="Single")
_Given = TypeVar("_Given")


class Settings(TypedDict, total=False):
    """The settings of a verifier, as its class takes them beside the issuer."""

    audience: str | Collection[str] | Anyone
    algorithms: Collection[str]
    leeway: float
    profile: str
    require_exp: bool
    require: Require
    keys: Given
    certificates: Policy
    provider: str | None
    sender: str
    metadata_url: str | None
    freshness: Freshness
    remember: int
    transport: Transport | None
    clock: Callable[[], float] | None
    elapsed: Callable[[], float] | None
    listener: Listener | None
    origin: Origin
    dpop: DPoP | None
    store: Any
    store_secret: Any
    implies: Implies | None
    denylist: Denylist | None
    introspection: Introspection | None


def verifier_from(
    kind: type[_Single],
    issuer: str | None,
    verifier: _Given | None,
    settings: Mapping[str, Any],
    built: Callable[..., Any],
    environ: Mapping[str, str] | None = None,
) -> _Single | _Given:
    """The verifier that was given, one for an issuer, or one from the environment.

    Args:
        kind: Verifier or AsyncVerifier.
        issuer: a domain or URL.
        verifier: one that there is.
        settings: as `kind` takes them.
        built: the integration, whose own parameters a misspelt setting may have meant.
        environ: variables; by default those of the process.

    Raises:
        Misconfigured: a setting is wrong, unknown or missing.
    """
    _require_known(settings, built)
    if verifier is not None:
        if issuer is not None or settings:
            raise Misconfigured("pass either verifier= or an issuer with settings, not both")
        return verifier
    if issuer is None:
        return kind.from_env(environ, **settings)
    return kind(issuer, **settings)


def paths_of(public: Collection[str]) -> frozenset[str]:
    """Paths that need no token.

    Raises:
        Misconfigured: a single string, each of whose characters would count as a path; or a pattern or
            anything else that no request's path is equal to.
    """
    if not are_strings(public):
        raise Misconfigured("public must be a list of paths, not a string", hint='such as ["/health"]')
    for path in public:
        if path and (not path.startswith("/") or re.search(r"[?#*<>{}]", path)):
            raise Misconfigured(
                f"public: {quoted(path)} is not a path as an application routes it",
                hint="it begins with a slash, and is whole: without a pattern, a query or a scheme",
            )
    return frozenset(public)


def environ_of(config: Mapping[str, Any], own: Collection[str] = ()) -> dict[str, str]:
    """Variables of the process, and over them those of a framework's configuration.

    Args:
        config: strings, numbers and lists of strings, by name; names that are not ours are left out.
        own: names of ours in this configuration that are no variables; they are left out as well.

    Raises:
        Misconfigured: a name that is nearly one of `own`.
    """
    ours = {name: value for name, value in config.items() if name.startswith(PREFIX) and name not in own}
    _require_spelled(ours.keys() - {variable.name for variable in VARIABLES}, own)
    return {**os.environ, **{name: _text(value) for name, value in ours.items()}}


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Import a framework; where it is not installed, the error names the extra that brings it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error}; install it with: pip install 'rightkey[{name}]'", name=error.name, path=error.path
        ) from error


def _require_known(settings: Mapping[str, Any], built: Callable[..., Any]) -> None:
    for name in settings.keys() - Settings.__annotations__.keys():
        own = [each for each in inspect.signature(built).parameters if each != "settings"]
        raise Misconfigured(f"unknown setting {name}=", hint=way_out(name, [*own, *Settings.__annotations__]))


def _require_spelled(names: Iterable[str], own: Collection[str]) -> None:
    for name in names:
        near = nearest(name, own, 0.85)
        if near:
            raise Misconfigured(f"unknown setting {name}", hint=f"is it {near}?")


def nearest(name: str, names: Iterable[str], cutoff: float) -> str | None:
    """The name that a misspelt one may have meant. `cutoff`: how alike they must be, from 0 to 1."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, [*names], 1, cutoff)), None)


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(value)
    return "" if value is None else str(value)
