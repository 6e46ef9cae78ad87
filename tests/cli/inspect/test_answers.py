"""What the page's server answers, without a socket."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from rightkey.cli import decode
from rightkey.cli.connection import Connection
from rightkey.cli.inspect.answers import Page
from rightkey.cli.inspect.questions import Question, Questions
from rightkey.localissuer import LocalIssuer
from rightkey.localissuer.answers import Answer, Request
from rightkey.policy.profiles import PROFILES

HOST, SECRET = "127.0.0.1:8080", "s3cret"
ORIGIN = f"http://{HOST}"
PAGE = Page(ORIGIN, SECRET, Questions(Connection(None, None)))
JSON = {"host": HOST, "origin": ORIGIN, "content-type": "application/json"}


def got(target: str, method: str = "GET", **headers: str) -> Answer:
    return PAGE.respond(Request(method, target, {"host": HOST} | headers))


def posted(name: str, body: bytes, headers: Mapping[str, str] = JSON, page: Page = PAGE) -> Answer:
    sent = {"content-length": str(len(body))} | dict(headers)
    return page.respond(Request("POST", f"/{SECRET}/{name}", sent, body))


def said(answer: Answer) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(answer.body)
    return document


@pytest.mark.parametrize(
    ("name", "kind"), [("", "text/html"), ("page.css", "text/css"), ("page.js", "text/javascript")]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_page_is_three_files(name: str, kind: str, method: str) -> None:
    """Which may do nothing but ask their own server, and are kept nowhere."""
    answer = got(f"/{SECRET}/{name}", method)
    assert answer.status == 200
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "data:",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert answer.body


def test_the_page_sets_text_alone() -> None:
    """No markup is made of what comes from outside, and nothing stands inline."""
    script, page = got(f"/{SECRET}/page.js").body.decode(), got(f"/{SECRET}/").body.decode()
    for sink in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "localStorage"):
        assert sink not in script
    assert "style=" not in page
    assert "<script>" not in page
    assert "onclick" not in page


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "localhost:8080", "127.0.0.1", ""])
def test_another_host_is_refused(host: str) -> None:
    """Such as a name that was pointed at this machine (DNS rebinding); also where the secret is known."""
    assert got(f"/{SECRET}/", host=host).status == 403
    assert posted("decode", b"{}", JSON | {"host": host}).status == 403


@pytest.mark.parametrize(
    "target", ["/", "", "/page.js", "/s3cre/", "/s3cret", "/\xff/", "/x/s3cret/", "//s3cret/"]
)
def test_without_the_secret_there_is_nothing(target: str) -> None:
    """Nor with it but without its slash, from which the page's files could not be found."""
    assert got(target).status == 404


@pytest.mark.parametrize("name", ["x", "page.html", "../questions.py", "__init__.py", "decode/"])
def test_other_names_are_not_found(name: str) -> None:
    """However they are asked for."""
    assert got(f"/{SECRET}/{name}").status == 404
    assert posted(name, b"{}").status == 404


def test_the_page_cannot_be_posted_to() -> None:
    """Nor its files."""
    assert posted("", b"{}").status == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"origin": "https://127.0.0.1:8080"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": ""}, 415),
        ({"content-length": "3"}, 413),
        ({"content-length": "70000"}, 413),
        ({"content-length": "x"}, 413),
    ],
)
def test_a_question_is_the_pages_own(headers: dict[str, str], status: int) -> None:
    """Of no other page, in no form that one can send, and whole."""
    answer = posted("decode", b"{}", JSON | headers)
    assert answer.status == status
    assert said(answer)["error"]["code"] == "misconfigured"
    assert "access-control-allow-origin" not in answer.headers


def test_a_question_without_origin_is_refused() -> None:
    """And one that is read, not posted."""
    without = {name: value for name, value in JSON.items() if name != "origin"}
    assert posted("decode", b"{}", without).status == 403
    assert got(f"/{SECRET}/decode", origin=ORIGIN).status == 405


@pytest.mark.parametrize(
    "body", [b"", b"x", b"[]", b"null", b'"token"', b'{"x": ""}', b'{"token": 1}', b"\xff", b"[" * 60000]
)
def test_garbage_is_a_misuse(body: bytes) -> None:
    """Told in the command line's JSON."""
    for name in ("decode", "plan", "verify", "locate"):
        answer = posted(name, body)
        assert (answer.status, said(answer)["error"]["code"]) == (200, "misconfigured")


def test_a_token_is_read_as_the_command_reads_it() -> None:
    """The document is that of `decode --json`; what is pasted along with a token does no harm."""
    with LocalIssuer(algorithm="ES256") as issuer:
        token = issuer.token(sub="alice \U0001f511")
    answer = posted("decode", json.dumps({"token": f" Bearer {token[:40]}\n{token[40:]} "}).encode())
    assert said(answer) == decode.document(token)
    assert said(answer)["claims"]["sub"] == "alice \U0001f511"


def test_no_text_is_no_token() -> None:
    """An error is an answer."""
    assert said(posted("decode", b'{"token": " "}'))["error"]["code"] == "token_missing"


def test_a_defect_quotes_nothing() -> None:
    """Not what it was about, which may be a token."""

    class Broken(Questions):
        def decode(self, asked: Question) -> Mapping[str, Any]:
            raise RuntimeError(asked.token)

    broken = Page(ORIGIN, SECRET, Broken(Connection(None, None)))
    answer = posted("decode", b'{"token": "eyJ"}', page=broken)
    assert said(answer)["error"]["code"] == "defect"
    assert b"eyJ" not in answer.body


def test_the_page_offers_every_kind_of_token() -> None:
    """As `verify --profile` does, in its order."""
    page = got(f"/{SECRET}/").body
    assert re.findall(rb"<option>(.*?)</option>", page) == [name.encode() for name in PROFILES]
