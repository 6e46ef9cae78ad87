"""Further claims of the tokens that grants bring, by a template or by a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a token is made for. `sub` is the client id where no person signed in."""

    kind: Literal["access", "id"]
    grant_type: str
    client_id: str
    sub: str
    scope: str
    audience: str


Template = Mapping[str, Any] | Callable[[Occasion], Mapping[str, Any]]
"""Claims in which `{client_id}`, `{sub}` and other names of an occasion are replaced, or a function."""


def personal(template: Template | None, occasion: Occasion) -> dict[str, Any]:
    """The claims for one occasion."""
    if template is None:
        return {}
    if callable(template):
        return dict(template(occasion))
    names = {f"{{{name}}}": value for name, value in asdict(occasion).items()}
    return {claim: _filled(value, names) for claim, value in template.items()}


def _filled(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace(name, text)
        return value
    if isinstance(value, Mapping):
        return {member: _filled(one, names) for member, one in value.items()}
    return [_filled(one, names) for one in value] if isinstance(value, list) else value
