"""Credential: a token with its proof, as any framework's request has them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rightkey import Presented, RequestMalformed, TokenRejected, Verifier
from rightkey.integrations import asgi, wsgi
from rightkey.integrations.bearer import BEARER, Bearer, cookie
from rightkey.integrations.certificates import Connection
from rightkey.integrations.credential import Credential, Sent, carried, escaped
from rightkey.localissuer import LocalIssuer, Sender

TOKEN = "a.b.c"


def found(*headers: tuple[str, str], bearer: Bearer = BEARER, optional: bool = False) -> Credential | None:
    return carried(bearer, headers, "", lambda: Sent("PUT", "/a", Connection(None)), {}, optional=optional)


def by_asgi(path: str, **scope: Any) -> Presented | None:
    headers = [(b"authorization", b"DPoP a.b.c"), (b"dpop", b"x"), (b"dpop", b"y")]
    credential = asgi.credential_of(BEARER, {"path": path, "headers": headers, **scope}, optional=False)
    assert credential is not None
    return credential.presented


def by_wsgi(**environ: Any) -> Presented | None:
    headers = {"HTTP_AUTHORIZATION": "DPoP a.b.c", "HTTP_DPOP": "x, y", "REQUEST_METHOD": "GET"}
    credential = wsgi.credential_of(BEARER, headers | environ, optional=False)
    assert credential is not None
    return credential.presented


@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "DPOP", "dPoP "])
def test_a_token_comes_under_dpop(scheme: str) -> None:
    """In any letter case; with all proofs, as they came."""
    credential = found(("Authorization", f"{scheme} {TOKEN}"), ("dpop", "x "), ("a", "b"), ("DPoP", "y"))
    assert credential == Credential(TOKEN, Presented("DPoP", "PUT", "/a", ("x", "y")))


def test_a_bearer_token_brings_nothing_more() -> None:
    """Whatever proof is beside it."""
    assert found(("authorization", f"Bearer {TOKEN}"), ("dpop", "x")) == Credential(TOKEN)
    session = Bearer(cookie("session"))
    assert found(("cookie", f"session={TOKEN}"), ("dpop", "x"), bearer=session) == Credential(TOKEN)


@pytest.mark.parametrize(
    "values",
    [
        ("DPoP a", "Bearer a"),
        ("DPoP a, Bearer a",),
        ("DPoP a", "DPoP a"),
        ("DPoP",),
        ("DPoP a b",),
        ("DPoP a=b",),
    ],
)
def test_one_token_is_one(values: tuple[str, ...]) -> None:
    """Two schemes are two credentials."""
    with pytest.raises(RequestMalformed):
        found(*(("authorization", value) for value in values))


def test_no_token_is_none() -> None:
    """Where none is needed; another scheme is none of ours."""
    assert found(("authorization", "DPoPish a"), ("dpop", "x"), optional=True) is None
    with pytest.raises(TokenRejected):
        found(("dpop", "x"))


@pytest.mark.parametrize(
    ("scope", "method", "url"),
    [
        ({"method": "POST", "raw_path": b"/a%2Fb"}, "POST", "/a%2Fb"),
        ({"method": "POST"}, "POST", "/a/b%20%C3%A9"),
        ({"type": "websocket", "raw_path": b""}, "GET", "/a/b%20%C3%A9"),
        ({"method": "GET", "raw_path": b"https://other.example/a?b"}, "GET", "/a?b"),
    ],
)
def test_asgi_tells_the_path_as_it_was_sent(scope: dict[str, Any], method: str, url: str) -> None:
    """Where the server does; a websocket's handshake is a GET."""
    assert by_asgi("/a/b é", **scope) == Presented("DPoP", method, url, ("x", "y"))


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"RAW_URI": "/a%2Fb?c", "PATH_INFO": "/a/b"}, "/a%2Fb?c"),
        ({"REQUEST_URI": "/a%2Fb?c", "PATH_INFO": "/a/b"}, "/a%2Fb?c"),
        ({"RAW_URI": "HTTPS://user@other.example:8443/a?c"}, "/a?c"),
        ({"REQUEST_URI": "http://other.example"}, ""),
        ({"RAW_URI": "//other.example/a"}, "//other.example/a"),
        ({"SCRIPT_NAME": "/v1", "PATH_INFO": "/a b\xc3\xa9~"}, "/v1/a%20b%C3%A9~"),
        ({}, ""),
    ],
)
def test_wsgi_tells_the_path_as_it_was_sent(environ: dict[str, Any], url: str) -> None:
    """Where the server does; two proofs are one text there, with a comma in it."""
    assert by_wsgi(**environ) == Presented("DPoP", "GET", url, ("x, y",))


@pytest.mark.parametrize("origin", [None, "https://api.example"])
def test_a_request_cannot_name_the_api(origin: str | None) -> None:
    """Its target may be absolute (RFC 9112, section 3.2.2), and gunicorn hands that on: a proof for another
    API, with its URL there, was taken where no origin is set."""
    issuer, sender = LocalIssuer(algorithm="ES256"), Sender()
    verifier = Verifier(issuer.url, audience=issuer.audience, transport=issuer.transport(), origin=origin)
    url, token = "https://other.example/a", issuer.token(cnf=sender.cnf)
    proof = {"HTTP_AUTHORIZATION": f"DPoP {token}", "HTTP_DPOP": sender.proof("GET", url, token)}
    with pytest.raises(TokenRejected) as caught:
        wsgi.verified(verifier, BEARER, {"REQUEST_METHOD": "GET", "RAW_URI": url, **proof})
    assert caught.value.reason == ("url_mismatch" if origin else "origin_unknown")


def test_one_request_presents_one_thing() -> None:
    """However often it is asked; unless something in between has changed it."""
    request: dict[str, Any] = {}

    def presented(proof: str) -> Presented | None:
        headers = [("authorization", "DPoP a"), ("dpop", proof)]
        credential = carried(
            BEARER, headers, "", lambda: Sent("GET", "/", Connection(None)), request, optional=False
        )
        assert credential is not None
        return credential.presented

    first = presented("x")
    assert presented("x") is first
    assert presented("y") is not first


def test_an_error_knows_its_scheme() -> None:
    """In threads and in tasks; and a verifier that takes nothing but tokens is asked for no more."""

    def refuse(raw: str, **asks: Any) -> Any:
        assert asks.keys() <= {"presented"}
        raise TokenRejected("claims_rejected", "no")

    async def refuse_later(raw: str, **asks: Any) -> Any:
        return refuse(raw, **asks)

    for credential, scheme in ((Credential(TOKEN), "Bearer"), (Credential(TOKEN, Presented("dpop")), "DPoP")):
        with pytest.raises(TokenRejected) as caught:
            credential.verified(refuse)
        assert caught.value.scheme == scheme
        with pytest.raises(TokenRejected) as caught:
            asyncio.run(credential.verified_async(refuse_later))
        assert caught.value.scheme == scheme
    assert Credential(TOKEN).verified(lambda raw: raw) == TOKEN  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(
    ("path", "encoding", "expected"),
    [
        ("/a b/~(x)", "utf-8", "/a%20b/~(x)"),
        ("/\u00e4", "utf-8", "/%C3%A4"),
        ("/\u00e4", "latin-1", "/%E4"),
        ("/\ud800", "utf-8", "/%3F"),
        ("/\u20ac", "latin-1", "/%3F"),
    ],
)
def test_a_path_is_escaped_whatever_a_server_made_of_it(path: str, encoding: str, expected: str) -> None:
    """Nothing is raised for what no client can have written, and no proof is for it."""
    assert escaped(path, encoding=encoding) == expected
