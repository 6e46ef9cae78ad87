"""How an HTTP request is read as a request of OAuth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request

from rightkey.jose import strictjson

if TYPE_CHECKING:
    from rightkey.localissuer.answers import Request


class Payload(OAuth2Payload):
    """The parameters of a request."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.pairs = list(pairs)

    @cached_property
    def data(self) -> dict[str, str]:
        return dict(self.pairs)

    @cached_property
    def datalist(self) -> defaultdict[str, list[str]]:
        found = defaultdict(list)
        for name, value in self.pairs:
            found[name].append(value)
        return found


class OAuthRequest(OAuth2Request):
    """A request as Authlib reads it. Parameters come from the body of a POST, and from the query otherwise.

    A body may be JSON, as at Auth0.
    """

    def __init__(self, asked: Request) -> None:
        # Authlib wants https or loopback, under whatever name this machine was reached
        super().__init__(
            asked.method,
            f"http://127.0.0.1{asked.target}",
            headers={name.title(): value for name, value in asked.headers.items()},
        )
        posted = asked.method == "POST"
        self.payload = Payload(_body(asked) if posted else _decoded(asked.target.partition("?")[2]))

    @property
    def audience(self) -> str | None:
        """The audience asked for: by Auth0's parameter, or by RFC 8707's."""
        data: dict[str, str] = self.payload.data
        return data.get("audience") or data.get("resource")

    @property
    def form(self) -> dict[str, str]:
        found: dict[str, str] = self.payload.data
        return found


def _body(asked: Request) -> list[tuple[str, str]]:
    if "json" not in asked.headers.get("content-type", ""):
        return _decoded(asked.body.decode("utf-8", "replace"))
    try:
        members = strictjson.read_object(asked.body)
    except ValueError:
        return []
    return [(name, value) for name, value in members.items() if isinstance(value, str)]


def _decoded(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True, errors="replace")
