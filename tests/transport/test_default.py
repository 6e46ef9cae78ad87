"""The default transport, against real sockets on loopback: what is asked, and what is handed back."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from tests.scenarios.conftest import settled
from tests.transport.conftest import SLOW, Authority, Serve, failed, get, ok, saying, unused_port

from rightkey.errors import Misconfigured
from rightkey.exchange import Request
from rightkey.transport.credentials import Credentials
from rightkey.transport.default import DefaultTransport
from rightkey.transport.failure import _MEANINGS
from rightkey.transport.guard import GuardedTransport

pytestmark = pytest.mark.usefixtures("no_proxies")

ROOT = Path(__file__).parents[2]


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_document_is_fetched(serve: Serve) -> None:
    """The body comes whole, header names in lower case, doubled headers joined."""
    server = serve(saying(ok(b'{"keys":[]}', "ETag: one", "Vary: A", "vary: B")))
    response = get(server.url)
    assert (response.status, response.body) == (200, b'{"keys":[]}')
    assert response.headers["etag"] == "one"
    assert response.headers["vary"] == "A, B"


def test_a_request_is_plain(serve: Serve) -> None:
    """It asks as it was told to, under its own name, for gzip, and for nothing to be kept open."""
    server = serve(saying(ok()))
    get(server.url, headers={"accept": "application/json", "if-none-match": '"one"', "user-agent": "x"})
    lines = server.head.split("\r\n")
    assert lines[0] == "GET /jwks?a=b HTTP/1.1"
    assert f"Host: 127.0.0.1:{server.port}" in lines
    assert "Accept: application/json" in lines
    assert 'If-None-Match: "one"' in lines
    assert "Accept-Encoding: gzip" in lines
    assert "Connection: close" in lines
    assert [line for line in lines if line.startswith("User-Agent: rightkey")]
    assert len([line for line in lines if line.lower().startswith("user-agent")]) == 1
    assert "Cookie" not in server.head
    assert "Authorization" not in server.head


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (kind, {"user_agent": one})
        for kind in (DefaultTransport, GuardedTransport)
        for one in ("a\nb", "\u2603", 5)
    ]
    + [
        (DefaultTransport, {"credentials": "Bearer x"}),
        (DefaultTransport, {"credentials": {"basic": ("a", "b")}}),
    ],
)
def test_what_no_request_could_be_made_with_is_told_when_it_is_given(
    kind: Any, wrong: dict[str, Any]
) -> None:
    """It would look as if the issuer were not there."""
    with pytest.raises(Misconfigured, match=next(iter(wrong))) as caught:
        kind(**wrong)
    assert "Bearer x" not in str(caught.value)


def test_the_user_agent_can_be_set(serve: Serve) -> None:
    server = serve(saying(ok()))
    get(server.url, DefaultTransport(user_agent="clinic/2"))
    assert "User-Agent: clinic/2\r\n" in server.head


@pytest.mark.parametrize("status", ["404 Not Found", "503 Service Unavailable", "204 No Content"])
def test_any_status_is_an_answer(serve: Serve, status: str) -> None:
    """Whether a status is of use is not for a transport to decide."""
    response = get(serve(saying(ok(b"", "Retry-After: 3", status=status))).url)
    assert (response.status, response.headers["retry-after"]) == (int(status[:3]), "3")


def test_a_304_has_no_body(serve: Serve) -> None:
    """Even where it names the length and the coding that the body would have had."""
    said = b'HTTP/1.1 304 Not Modified\r\nETag: "one"\r\nContent-Length: 9\r\nContent-Encoding: gzip\r\n\r\n'
    response = get(serve(saying(said)).url)
    assert (response.status, response.body, response.headers["etag"]) == (304, b"", '"one"')


def test_a_redirect_is_returned_and_not_followed(serve: Serve) -> None:
    elsewhere = serve(saying(ok()))
    server = serve(saying(ok(b"", f"Location: {elsewhere.url}", status="302 Found")))
    response = get(server.url)
    assert (response.status, response.headers["location"]) == (302, elsewhere.url)
    assert elsewhere.accepted == 0


def test_localhost_is_spoken_to_in_http(serve: Serve) -> None:
    server = serve(saying(ok(b"here")))
    assert get(f"http://localhost:{server.port}").body == b"here"
    assert server.head.startswith("GET / HTTP/1.1")


def test_ipv6_loopback_is_spoken_to_in_http(serve: Serve) -> None:
    try:
        server = serve(saying(ok(b"here")), ipv6=True)
    except OSError:
        pytest.skip("no IPv6 here")
    assert get(f"http://[::1]:{server.port}/").body == b"here"
    assert f"Host: [::1]:{server.port}\r\n" in server.head


def test_transports_of_equal_settings_are_equal() -> None:
    """What one process shares is keyed by it."""
    assert DefaultTransport(ca_file="a") == DefaultTransport(ca_file="a") != DefaultTransport()
    assert len({DefaultTransport(), DefaultTransport(), DefaultTransport(user_agent="x")}) == 2


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="file descriptors cannot be counted")
def test_no_file_descriptor_is_left(serve: Serve, authority: Authority) -> None:
    """50 failures of five kinds, and 10 answers."""
    short = serve(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"))
    slow = serve(SLOW["headers"])
    unknown = serve(saying(ok()), tls=authority.server)
    good = serve(saying(ok()))
    get(good.url)
    before = open_files()
    for _ in range(10):
        failed(short.url)
        failed(slow.url, timeout=0.02)
        failed(unknown.url)
        failed(f"http://127.0.0.1:{unused_port()}/")
        failed(good.url, max_body=1)
        get(good.url)
    settled(lambda: open_files() <= before, "files are left open")  # once the servers have seen all ends


def test_every_reason_is_documented() -> None:
    """Of those that any transport gives; and none that no transport gives."""
    sources = "".join(path.read_text() for path in (ROOT / "src/rightkey/transport").glob("*.py"))
    given = re.findall(r'ExchangeFailed\(\s*"(\w+)"', sources) + [reason for _, reason, _ in _MEANINGS]
    page = (ROOT / "docs/transport.md").read_text().partition("## Why")[2]
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(given)


@pytest.mark.parametrize("kind", [DefaultTransport, Credentials, GuardedTransport])
def test_every_setting_is_documented(kind: type) -> None:
    """In a row of its own."""
    page = (ROOT / "docs/transport.md").read_text()
    assert all(f"| `{setting.name}` |" in page for setting in fields(kind))


def test_what_the_package_names() -> None:
    """Each name is there, loaded when it is used."""
    import rightkey.transport as package

    assert all(getattr(package, name).__name__ == name for name in package.__all__)
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match="Nothing"):
        package.Nothing  # noqa: B018
    program = "import rightkey.transport, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert not {"ssl", "socket", "rightkey.exchange"} & set(loaded.split())


def test_an_authority_is_the_files_or_the_systems() -> None:
    """Not both."""
    with pytest.raises(Misconfigured, match="cannot both be given"):
        DefaultTransport("/a.pem", truststore=True)


@pytest.mark.parametrize("name", ["trust_env", "truststore", "strict_x509"])
@pytest.mark.parametrize("wrong", [None, "false", 0])
def test_what_is_on_or_off_is_true_or_false(name: str, wrong: Any) -> None:
    """A strictness that a configuration does not name must not end as none."""
    with pytest.raises(Misconfigured, match=f"{name} must be True or False"):
        DefaultTransport(**{name: wrong})


@pytest.mark.parametrize("kind", [DefaultTransport, GuardedTransport])
@pytest.mark.parametrize("name", [5, b"clinic", "hunter2\r\nX: y", "hunter2\n", "hunter2\u20ac"])
def test_a_user_agent_is_what_a_header_can_carry(kind: Any, name: Any) -> None:
    """It is told when the transport is made: each fetch would fail, as if the issuer were down."""
    with pytest.raises(Misconfigured, match="user_agent must be a text") as caught:
        kind(user_agent=name)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("given", ["Bearer hunter2", ("me", "hunter2"), {"basic": "hunter2"}, Credentials])
def test_credentials_are_of_their_class(given: Any) -> None:
    """The secret itself is not, and is not told: the transport would show it in its repr."""
    with pytest.raises(Misconfigured, match=f"must be a Credentials, not {type(given).__name__}") as caught:
        DefaultTransport(credentials=given)
    assert "hunter2" not in str(caught.value)


def test_a_post_sends_its_body_and_its_own_credentials(serve: Serve) -> None:
    """With its length; what the transport shows at that origin does not take the place of what it states."""
    server = serve(saying(ok(b"{}")))
    shown = Credentials(f"http://127.0.0.1:{server.port}", basic=("proxy", "pw"), headers={"X-Api-Key": "k"})
    request = Request(
        f"http://127.0.0.1:{server.port}/", {"authorization": "Basic bWU6cHc="}, body=b"token=a"
    )
    assert DefaultTransport(credentials=shown).post(request).status == 200
    head, _, body = server.head.partition("\r\n\r\n")
    assert head.startswith("POST / HTTP/1.1\r\n")
    assert {"Content-Length: 7", "Authorization: Basic bWU6cHc=", "X-Api-Key: k"} <= {*head.split("\r\n")}
    assert head.count("Authorization") == 1
    assert body == "token=a"
    assert "token=a" not in repr(request)
