"""How the answer of the authorization endpoint reaches the client: its response mode.

OAuth 2.0 Multiple Response Type Encoding Practices, section 2.1, has `query` and `fragment`; `form_post` is
of OAuth 2.0 Form Post Response Mode.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from http import HTTPStatus
from itertools import permutations
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749 import InvalidRequestError

from rightkey.localissuer.answers import Answer
from rightkey.localissuer.html import page

if TYPE_CHECKING:
    from rightkey.localissuer.grants.request import OAuthRequest

QUERY, FRAGMENT, FORM_POST = MODES = ("query", "fragment", "form_post")
TOKENS = frozenset(
    " ".join(words)
    for kind in ("id_token", "id_token token", "code id_token", "code id_token token")
    for words in permutations(kind.split())
)
"""The response types that bring tokens: sets of words, in any order."""
_SUBMIT = "document.forms[0].submit();"


def default_mode(data: Mapping[str, str]) -> str:
    """Where the request names no mode: a code alone goes into the query, and tokens into the fragment."""
    return FRAGMENT if data.get("response_type") in TOKENS else QUERY


def require_mode(request: OAuthRequest, redirect_uri: str) -> None:
    """Refuse a mode that is unknown, would show tokens to servers and logs, or would run a script here.

    Raises:
        InvalidRequestError: for the client where it can be sent there, and for the person otherwise.
    """
    data: Mapping[str, str] = request.payload.data
    mode = data.get("response_mode", default_mode(data))
    if mode not in MODES:
        known = ", ".join(MODES)
        raise InvalidRequestError(f"response_mode must be one of {known}", redirect_uri=redirect_uri)
    if mode == QUERY and default_mode(data) == FRAGMENT:
        raise InvalidRequestError("tokens cannot be returned in the query", redirect_uri=redirect_uri)
    if mode == FORM_POST and urlsplit(redirect_uri).scheme not in ("http", "https"):
        raise InvalidRequestError("form_post needs a redirect URI of http or https")


def sent_back(request: OAuthRequest, redirect_uri: str, params: Iterable[tuple[str, Any]]) -> Answer:
    """The answer that brings these parameters to the client."""
    data: Mapping[str, str] = request.payload.data
    mode = data.get("response_mode")
    if mode not in MODES or (mode == QUERY and default_mode(data) == FRAGMENT):
        mode = default_mode(data)
    pairs = [(name, str(value)) for name, value in params]
    if mode == FORM_POST:
        return _form(redirect_uri, pairs)
    location = add_params_to_uri(redirect_uri, pairs, fragment=mode == FRAGMENT)
    return Answer(HTTPStatus.FOUND, {"location": location, "cache-control": "no-store"})


def _form(redirect_uri: str, pairs: list[tuple[str, str]]) -> Answer:
    fields = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in pairs
    )
    form = (
        f'<form method="post" action="{escape(redirect_uri)}">{fields}<noscript><button>Continue</button>'
        "</noscript></form>"
    )
    return page("Signing in", form, script=_SUBMIT, framed=True)
