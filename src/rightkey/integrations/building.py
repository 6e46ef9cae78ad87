"""What an integration is built with: which verifier, which public paths, and whose configuration."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from rightkey.errors import Misconfigured
from rightkey.verifier.environment import PREFIX
from rightkey.verifier.single import Single

_Single = TypeVar("_Single", bound=Single)
_Given = TypeVar("_Given")


def chosen(
    face: type[_Single],
    issuer: str | None,
    verifier: _Given | None,
    settings: Mapping[str, Any],
    environ: Mapping[str, str] | None = None,
) -> _Single | _Given:
    """The verifier that was given, one of an issuer, or what the environment says.

    Args:
        face: Verifier or AsyncVerifier.
        issuer: a domain or URL.
        verifier: one that there is.
        settings: as `face` takes them.
        environ: variables; by default those of the process.

    Raises:
        Misconfigured: a setting is wrong.
    """
    if verifier is not None:
        if issuer is not None or settings:
            raise Misconfigured("a verifier has its settings already: give it, or an issuer and settings")
        return verifier
    if issuer is None:
        return face.from_env(environ, **settings)
    return face(issuer, **settings)


def paths_of(public: Collection[str]) -> frozenset[str]:
    """Paths that need no token. Raises Misconfigured: a single text, whose letters would count as paths."""
    if isinstance(public, str):
        raise Misconfigured("public is several paths, not one", hint=f"[{public!r}]")
    return frozenset(public)


def environ_of(config: Mapping[str, Any]) -> dict[str, str]:
    """Variables of the process, and over them those of a framework's configuration.

    Args:
        config: texts, numbers and lists of texts, by name; other names than ours are left out.
    """
    ours = {name: _text(value) for name, value in config.items() if name.startswith(PREFIX)}
    return {**os.environ, **ours}


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(value)
    return "" if value is None else str(value)
