"""Credentials: shown to one origin as their file holds them now, to no other, and in no message."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import rightkey
from rightkey.errors import Misconfigured
from rightkey.exchange import ExchangeFailed, Request
from rightkey.transport.address import read_address
from rightkey.transport.credentials import Credentials
from rightkey.transport.default import DefaultTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Serve = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("no_proxies")

SECRET = "eyJhbGciOiJSUzI1NiJ9.e30.c2VjcmV0"


def saying(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> Callable[[socket.socket], None]:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return lambda sock: sock.sendall("\r\n".join(lines).encode() + body)


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(SECRET + "\n")
    return file


def below(error: BaseException) -> Iterator[BaseException]:
    """An error, and what it is chained to: a traceback in a log shows that as well."""
    deeper: BaseException | None = error
    while deeper is not None:
        yield deeper
        deeper = deeper.__cause__ or deeper.__context__


def test_the_token_is_shown_to_its_origin(serve: Serve, token_file: Path) -> None:
    server = serve(saying())
    credentials = Credentials(f"http://127.0.0.1:{server.port}", str(token_file))
    DefaultTransport(credentials=credentials).get(Request(server.url))
    assert f"Authorization: Bearer {SECRET}\r\n" in server.head


def test_the_token_is_read_again_for_each_fetch(serve: Serve, token_file: Path) -> None:
    """Kubernetes, as others, rotates it long before it expires."""
    server = serve(saying())
    transport = DefaultTransport(credentials=Credentials(f"http://127.0.0.1:{server.port}", str(token_file)))
    for token in ("first", "second+/=="):
        token_file.write_text(token)
        transport.get(Request(server.url))
        assert f"Authorization: Bearer {token}\r\n" in server.head


@pytest.mark.parametrize("elsewhere", ["another host", "another port", "another scheme"])
def test_the_token_goes_nowhere_else(serve: Serve, token_file: Path, elsewhere: str) -> None:
    """Scheme, host and port must all be the origin's."""
    server = serve(saying())
    origin = {
        "another host": f"http://127.0.0.2:{server.port}",
        "another port": f"http://127.0.0.1:{server.port - 1}",
        "another scheme": f"https://127.0.0.1:{server.port}",
    }[elsewhere]
    transport = DefaultTransport(credentials=Credentials(origin, str(token_file)))
    assert transport.get(Request(server.url)).status == 200
    assert "authorization" not in server.head.lower()


def test_a_redirect_takes_no_token_along(serve: Serve, token_file: Path) -> None:
    """It is not followed at all."""
    target = serve(saying())
    server = serve(saying(b"", "307 Temporary Redirect", f"Location: {target.url}"))
    credentials = Credentials(f"http://127.0.0.1:{server.port}", str(token_file))
    assert DefaultTransport(credentials=credentials).get(Request(server.url)).status == 307
    assert target.accepted == 0


def test_a_jwks_uri_elsewhere_is_asked_without(serve: Serve, token_file: Path) -> None:
    """The metadata is the origin's, and what it points to is not."""
    keys = serve(saying(b'{"keys":[]}'))
    metadata: dict[str, str] = {}
    server = serve(lambda sock: saying(json.dumps(metadata).encode())(sock))
    issuer = f"http://127.0.0.1:{server.port}"
    metadata |= {"issuer": issuer, "jwks_uri": keys.url}
    transport = DefaultTransport(credentials=Credentials(issuer, str(token_file)))
    with pytest.raises(rightkey.IssuerMisbehaved, match="it is empty"):
        rightkey.locate(issuer, transport=transport)
    assert f"Bearer {SECRET}" in server.head
    assert keys.head.startswith("GET /jwks")
    assert "authorization" not in keys.head.lower()


def test_the_authority_is_the_origins_alone(serve: Serve, authority: Any, token_file: Path) -> None:
    """Elsewhere the transport's own holds, and a server that only this one vouches for is a stranger."""
    server, other = (serve(saying(), tls=authority.server) for _ in range(2))
    credentials = Credentials(f"https://127.0.0.1:{server.port}", str(token_file), authority.file)
    transport = DefaultTransport(credentials=credentials)
    assert transport.get(Request(server.url)).status == 200
    assert f"Bearer {SECRET}" in server.head
    with pytest.raises(ExchangeFailed) as caught:
        transport.get(Request(other.url))
    assert caught.value.reason == "tls"
    assert other.heads == []


def test_the_authority_may_be_all_there_is(serve: Serve, authority: Any) -> None:
    """And where it is not given, the transport's own vouches for the origin too."""
    server = serve(saying(), tls=authority.server)
    origin = f"https://127.0.0.1:{server.port}"
    for transport in (
        DefaultTransport(credentials=Credentials(origin, ca_file=authority.file)),
        DefaultTransport(authority.file, credentials=Credentials(origin)),
    ):
        assert transport.get(Request(server.url)).status == 200
        assert "authorization" not in server.head.lower()


def test_a_token_is_not_shown_to_a_stranger(serve: Serve, authority: Any, token_file: Path) -> None:
    """Where no trusted authority vouches for the origin, the handshake fails before anything is said."""
    server = serve(saying(), tls=authority.server)
    transport = DefaultTransport(credentials=Credentials(f"https://127.0.0.1:{server.port}", str(token_file)))
    with pytest.raises(ExchangeFailed) as caught:
        transport.get(Request(server.url))
    assert (caught.value.reason, server.heads) == ("tls", [])


@pytest.mark.parametrize(
    "held",
    [
        b"",
        b" \n",
        SECRET.encode() + b"\r\nX-Admin: yes",
        SECRET.encode() + b" and more",
        SECRET.encode() + b"\0",
        SECRET.encode() + "é".encode(),
        SECRET.encode() + b"\xff\xfe",
        b'{"token":"' + SECRET.encode() + b'"}',
    ],
)
def test_a_file_that_holds_something_else(serve: Serve, token_file: Path, held: bytes) -> None:
    """Is our own fault; nothing is sent, and nothing of it is told."""
    server = serve(saying())
    token_file.write_bytes(held)
    transport = DefaultTransport(credentials=Credentials(f"http://127.0.0.1:{server.port}", str(token_file)))
    with pytest.raises(ExchangeFailed, match=r"our own bearer token: .* holds none") as caught:
        transport.get(Request(server.url))
    assert (caught.value.reason, server.accepted) == ("credentials", 0)
    assert SECRET not in "".join(f"{one}{one!r}{one.args}" for one in below(caught.value))


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_file_that_cannot_be_read(serve: Serve, tmp_path: Path, name: str) -> None:
    """A verifier says so: 503, since the token may be good, with the file and whose fault it is."""
    server = serve(saying())
    issuer = f"http://127.0.0.1:{server.port}"
    transport = DefaultTransport(credentials=Credentials(issuer, f"{tmp_path}/{name}"))
    with pytest.raises(rightkey.IssuerUnavailable, match="cannot read our own bearer token from") as caught:
        rightkey.locate(issuer, transport=transport)
    assert f"{tmp_path}/{name}" in str(caught.value)
    assert isinstance(caught.value.__cause__, ExchangeFailed)
    assert (caught.value.__cause__.reason, server.accepted) == ("credentials", 0)


def test_what_fails_later_tells_nothing(serve: Serve, token_file: Path) -> None:
    """A server that answers nonsense, or breaks off, after it saw the token."""
    for answer in (saying(b"", "401 Unauthorized"), lambda sock: sock.sendall(SECRET.encode() + b"\r\n\r\n")):
        server = serve(answer)
        issuer = f"http://127.0.0.1:{server.port}"
        transport = DefaultTransport(credentials=Credentials(issuer, str(token_file)))
        with pytest.raises(rightkey.IssuerUnavailable) as caught:
            rightkey.locate(issuer, transport=transport)
        assert SECRET in server.head
        assert SECRET not in "".join(f"{one}{one!r}" for one in [caught.value, caught.value.__cause__])


def test_no_repr_holds_the_token(token_file: Path) -> None:
    """It names the file; and a route, for which the token was read, tells no headers."""
    transport = DefaultTransport(credentials=Credentials("https://api.example", str(token_file)))
    route = transport._route(read_address("https://api.example/keys"))
    assert SECRET in route.headers["Authorization"]
    assert SECRET not in repr(route)
    assert str(token_file) in repr(transport)


def test_transports_of_equal_credentials_are_equal() -> None:
    """What one process shares is keyed by it: by the file, and not by what it holds."""
    one, same, other = (
        DefaultTransport(credentials=Credentials("https://api.example", name)) for name in ("a", "a", "b")
    )
    assert one == same != other
    assert len({one, same, other}) == 2


@pytest.mark.parametrize(
    ("origin", "word"),
    [
        ("api.example", "only https"),
        ("http://api.example", "loopback only"),
        ("https://api.example/keys", "a path or a query"),
        ("https://api.example?a=b", "a path or a query"),
        (f"https://user:{SECRET}@api.example", "user name or password"),
        ("", "not an origin"),
        (b"https://api.example", "not bytes"),
    ],
)
def test_what_is_not_an_origin(origin: Any, word: str) -> None:
    with pytest.raises(Misconfigured, match=word) as caught:
        Credentials(origin)
    assert SECRET not in str(caught.value)


def test_a_password_and_headers_are_shown_to_their_origin(serve: Serve) -> None:
    """And to no other."""
    server, other = serve(saying()), serve(saying())
    credentials = Credentials(
        f"http://127.0.0.1:{server.port}", basic=("me", "hünter:2"), headers={"X-Api-Key": SECRET}
    )
    transport = DefaultTransport(credentials=credentials)
    assert transport.get(Request(server.url)).status == transport.get(Request(other.url)).status == 200
    assert "Authorization: Basic bWU6aMO8bnRlcjoy\r\n" in server.head
    assert f"X-Api-Key: {SECRET}\r\n" in server.head
    assert "authorization" not in other.head.lower()
    assert SECRET not in other.head
    assert SECRET not in repr(transport)
    assert "nter:2" not in repr(transport)


def test_equal_headers_are_equal_credentials() -> None:
    """However they were given: what one process shares is found by a hash."""
    made = [
        Credentials("https://a.example", headers=headers)
        for headers in ({"B": "2", "A": "1"}, [("A", "1"), ("B", "2")], {"A": "1"})
    ]
    assert made[0] == made[1] != made[2]
    assert len(set(made)) == 2


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"basic": SECRET}, "basic must be"),
        ({"basic": (SECRET,)}, "basic must be"),
        ({"basic": (f"{SECRET}:", "a")}, "basic must be"),
        ({"basic": ("a", 7)}, "basic must be"),
        ({"basic": ("a", SECRET), "token_file": "/a"}, "two values of one header"),
        ({"key_file": "/a"}, "needs certificate_file"),
        ({"headers": {"A": f"{SECRET}\r\nB: c"}}, "headers must be"),
        ({"headers": {"A": 7}}, "headers must be"),
        ({"headers": {7: SECRET}}, "headers must be"),
        ({"headers": SECRET}, "headers must be"),
        ({"headers": 7}, "headers must be"),
        ({"headers": {"host": SECRET}}, "headers cannot set"),
    ],
)
def test_credentials_that_cannot_be_shown(settings: Any, word: str) -> None:
    """Are refused when they are made, and not quoted."""
    with pytest.raises(Misconfigured, match=word) as caught:
        Credentials("https://a.example", **settings)
    assert SECRET not in f"{caught.value}{caught.value!r}"
    assert caught.value.__cause__ is None
