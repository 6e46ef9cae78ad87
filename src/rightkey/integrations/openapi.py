"""Refusals in an OpenAPI document: the statuses that guarded operations may answer with, and bodies."""

from __future__ import annotations

from typing import Any

_BODY = {
    "type": "object",
    "title": "Refusal",
    "required": ["code", "message"],
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "hint": {"type": "string"}},
}
_CHALLENGE = {"WWW-Authenticate": "the challenge (RFC 6750, section 3)"}
_REFUSALS = {
    400: ("The request carries several tokens, or something that is not a token", _CHALLENGE),
    401: ("The token is missing, or it was refused", _CHALLENGE),
    403: ("The token does not grant enough", _CHALLENGE),
    503: ("The issuer cannot be reached: try again later", {"Retry-After": "in seconds"}),
}


def responses(within: str | None = None) -> dict[int, dict[str, Any]]:
    """The responses by status, as OpenAPI's Response Objects (section 4.8.17).

    Args:
        within: the member of the body that holds the refusal; by default the body is the refusal.
    """
    body = (
        _BODY if within is None else {"type": "object", "required": [within], "properties": {within: _BODY}}
    )
    return {
        status: {
            "description": description,
            "headers": {
                name: {"description": about, "schema": {"type": "string"}} for name, about in headers.items()
            },
            "content": {"application/json": {"schema": body}},
        }
        for status, (description, headers) in _REFUSALS.items()
    }
