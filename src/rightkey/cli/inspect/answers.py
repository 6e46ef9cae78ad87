"""Which requests the page's server answers, and how: a function of the request, without a socket.

Any page in a browser can send requests to a port of this machine. So the Host header must be our own, which
it is not after DNS rebinding; each path begins with a secret that only the printed URL has; and a question
must be JSON, with an Origin of our own, which no script can forge.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from importlib.resources import files
from secrets import compare_digest
from typing import Any

import orjson

from rightkey.cli.errors import described
from rightkey.cli.inspect.questions import Question, Questions
from rightkey.localissuer.answers import Answer, Request

_FILES = {
    "": ("page.html", "text/html; charset=utf-8"),
    "page.css": ("page.css", "text/css; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
}
"""What may be read, by the last part of its path."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_JSON = "application/json"


class Page:
    """The page, its files, and what it asks.

    Args:
        origin: scheme, host and port at which it is served.
        secret: what each path begins with.
        questions: answers them.
    """

    def __init__(self, origin: str, secret: str, questions: Questions) -> None:
        self._origin, self._secret, self._answers = origin, secret, questions.answers

    def respond(self, request: Request) -> Answer:
        """The answer to one request."""
        if request.headers.get("host") != self._origin.partition("://")[2]:
            return _refused(HTTPStatus.FORBIDDEN, "the Host header must name this page")
        secret, slash, name = request.path.removeprefix("/").partition("/")
        if not slash or not compare_digest(secret.encode("latin-1", "replace"), self._secret.encode()):
            return _refused(HTTPStatus.NOT_FOUND, "open the URL that rightkey inspect printed")
        if name in _FILES and request.method in ("GET", "HEAD"):
            return _file(*_FILES[name])
        if name not in self._answers:
            return _refused(HTTPStatus.NOT_FOUND, "there is nothing here")
        return self._forbidden(request) or self._answered(name, request.body)

    def _forbidden(self, request: Request) -> Answer | None:
        """The refusal of a question that is not the page's own, or is not whole."""
        headers = request.headers
        if request.method != "POST":
            return _refused(HTTPStatus.METHOD_NOT_ALLOWED, "a question is a POST")
        if headers.get("origin") != self._origin:
            return _refused(HTTPStatus.FORBIDDEN, "a page of another origin cannot ask here")
        if headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
            return _refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"a question is {_JSON}")
        if headers.get("content-length") != str(len(request.body)):  # what is over the bound was not read
            return _refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "this is too long to be a token")
        return None

    def _answered(self, name: str, body: bytes) -> Answer:
        """The answer to a question. An error is one too, in the words of the command line."""
        try:
            return _document(HTTPStatus.OK, self._answers[name](Question.of(_read(body))))
        except Exception as error:  # noqa: BLE001 - a traceback may quote a token, so none is printed
            return _document(HTTPStatus.OK, {"error": described(error)[1]})


def _read(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except ValueError:
        return None


def _file(name: str, kind: str) -> Answer:
    content = files("rightkey.cli.inspect").joinpath(name).read_bytes()
    return Answer(HTTPStatus.OK, _HEADERS | {"content-type": kind}, content)


def _refused(status: int, why: str) -> Answer:
    return _document(status, {"error": {"code": "misconfigured", "message": why, "hint": None}})


def _document(status: int, document: Mapping[str, Any]) -> Answer:
    return Answer(status, _HEADERS | {"content-type": _JSON}, json.dumps(document).encode("ascii"))
