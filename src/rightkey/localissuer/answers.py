"""A request, its answer, and how the answer is delivered: values that know no socket."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Header names are lower case; `target` is as it came, query included."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


@dataclass(frozen=True, slots=True)
class Delivery:
    """How an answer is delivered. Times are in seconds.

    `every` is the pause before each octet of the part named by `drip`. `ending` is `whole`, `truncated`
    (half the promised body), `reset` (RST in place of an answer) or `hang` (nothing, until one side closes).
    """

    delay: float = 0.0
    drip: Literal["nothing", "headers", "body"] = "nothing"
    every: float = 0.0
    ending: Literal["whole", "truncated", "reset", "hang"] = "whole"


PROMPT = Delivery()


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `padding` is a number of spaces sent ahead of the body and never held in memory."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    padding: int = 0
    delivery: Delivery = PROMPT

    @property
    def length(self) -> int:
        """The size of the body in octets, as `Content-Length` states it."""
        return self.padding + len(self.body)

    @property
    def sent_headers(self) -> dict[str, str]:
        """All headers that go out. Every connection is used once (RFC 9112, section 9.6)."""
        # on a 304 the length would speak of the body that is not sent, a 204 has none (RFC 9110, section 8.6)
        bodiless = self.status in (HTTPStatus.NOT_MODIFIED, HTTPStatus.NO_CONTENT)
        length = {} if bodiless else {"content-length": str(self.length)}
        return dict(self.headers) | length | {"connection": "close"}


def document_answer(document: Document, cache_control: str | None) -> Answer:
    """A JSON document with status 200."""
    headers = {"content-type": "application/json"}
    if cache_control:
        headers["cache-control"] = cache_control
    return Answer(200, headers, orjson.dumps(document))


def revalidated(answer: Answer, request: Request) -> Answer:
    """The same answer with an `ETag`, or 304 where the client holds it already (RFC 9110, section 13.1.2)."""
    tag = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
    headers = dict(answer.headers) | {"etag": tag}
    held = [known.strip().removeprefix("W/") for known in request.headers.get("if-none-match", "").split(",")]
    if tag in held or "*" in held:
        del headers["content-type"]
        return Answer(304, headers)
    return Answer(answer.status, headers, answer.body)


def oauth_error(
    status: int, error: str, headers: Mapping[str, str] | None = None, why: str | None = None
) -> Answer:
    """An error, as OAuth servers word it (RFC 6749, section 5.2)."""
    body = orjson.dumps({"error": error} if why is None else {"error": error, "error_description": why})
    return Answer(status, {"content-type": "application/json"} | dict(headers or {}), body)
