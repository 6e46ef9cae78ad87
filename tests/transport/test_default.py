"""The default transport, against real sockets on loopback that behave well, badly, slowly or not at all."""

from __future__ import annotations

import gzip
import os
import re
import select
import socket
import ssl
import time
import tracemalloc
import zlib
from contextlib import ExitStack, suppress
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rightkey.exchange import ExchangeFailed, Request, Response
from rightkey.transport.address import read_address
from rightkey.transport.connection import Timed, _bound, _first_connected, look_up_loopback
from rightkey.transport.credentials import Credentials
from rightkey.transport.deadline import Deadline
from rightkey.transport.default import DefaultTransport
from rightkey.transport.failure import _MEANINGS
from rightkey.transport.guard import GuardedTransport
from rightkey.transport.proxy import proxy_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Answer = Callable[[socket.socket], None]
    Authority = Any  # of conftest.py, like the servers that `serve` starts
    Serve = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("no_proxies")

HOST = "issuer.example"
PASSWORD = "s3cr3t"


def saying(*pieces: bytes, every: float = 0) -> Answer:
    """Sends the pieces, `every` seconds one."""

    def answer(sock: socket.socket) -> None:
        for piece in pieces:
            sock.sendall(piece)
            time.sleep(every)

    return answer


def dripping(start: bytes, drop: bytes) -> Answer:
    """Sends the start, and then a drop every 20 ms for as long as anybody listens."""

    def answer(sock: socket.socket) -> None:
        sock.sendall(start)
        for _ in range(200 if drop else 0):
            time.sleep(0.02)
            sock.sendall(drop)
        while sock.recv(65536):
            pass

    return answer


def ok(body: bytes = b"{}", *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def chunked(*chunks: bytes) -> bytes:
    coded = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + coded


def get(url: str, transport: DefaultTransport | None = None, **settings: object) -> Response:
    request = Request(url, **{"timeout": 4.0, **settings})  # type: ignore[arg-type]
    return (transport or DefaultTransport()).get(request)


def failed(url: str, transport: DefaultTransport | None = None, **settings: object) -> ExchangeFailed:
    with pytest.raises(ExchangeFailed) as caught:
        get(url, transport, **settings)
    said = str(caught.value)
    assert said[:1] == said[:1].lower()
    assert not said.endswith(".")
    assert PASSWORD not in said + "".join(map(repr, below(caught.value)))
    return caught.value


def below(error: BaseException) -> Iterator[BaseException]:
    """What an error is chained to: a traceback in a log shows that as well."""
    while deeper := error.__cause__ or error.__context__:
        yield deeper
        error = deeper


# -- what is asked, and what is handed back ----------------------------------------------------------


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


# -- bodies ------------------------------------------------------------------------------------------


def test_gzip_is_decompressed(serve: Serve) -> None:
    body = b'{"keys":[]}' * 1000
    assert get(serve(saying(ok(gzip.compress(body), "Content-Encoding: gzip"))).url).body == body


def test_chunks_are_joined(serve: Serve) -> None:
    assert get(serve(saying(chunked(b"one ", b"two", b""))).url).body == b"one two"


def test_a_body_may_end_with_its_connection(serve: Serve) -> None:
    assert get(serve(saying(b"HTTP/1.0 200 OK\r\n\r\nall")).url).body == b"all"


def test_the_bound_is_inclusive(serve: Serve) -> None:
    server = serve(saying(ok(b"12345")))
    assert get(server.url, max_body=5).body == b"12345"
    error = failed(server.url, max_body=4)
    assert (error.reason, "4 bytes" in str(error)) == ("too_large", True)


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_64_mib_are_not_read(serve: Serve, framing: str) -> None:
    """Reading stops at the bound, however the body is framed."""
    head = {
        "length": b"Content-Length: 67108864\r\n",
        "chunked": b"Transfer-Encoding: chunked\r\n",
        "close": b"",
    }[framing]
    block = b"x" * 65536
    piece = b"10000\r\n" + block + b"\r\n" if framing == "chunked" else block
    sent = []

    def answer(sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        for _ in range(1024):
            sock.sendall(piece)
            sent.append(1)

    server = serve(answer)
    assert failed(server.url).reason == "too_large"
    assert server.saw_close.wait(3)
    assert len(sent) < 512


@pytest.mark.parametrize("coded", [gzip.compress, lambda body: chunked_gzip(body)])
def test_a_bomb_never_expands_beyond_the_bound(serve: Serve, coded: Callable[[bytes], bytes]) -> None:
    """64 MiB in 64 KiB cost the bound and a chunk of memory."""
    packed = coded(bytes(64 * 1024 * 1024))
    framed = packed if packed.startswith(b"HTTP") else ok(packed, "Content-Encoding: gzip")
    server = serve(saying(framed))
    get_once = serve(saying(ok()))
    get(get_once.url)  # what is loaded at the first fetch is not the bomb's
    tracemalloc.start()
    try:
        assert failed(server.url).reason == "too_large"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * 1024 * 1024


def chunked_gzip(body: bytes) -> bytes:
    whole = chunked(gzip.compress(body), b"")
    return whole.replace(b"\r\n\r\n", b"\r\nContent-Encoding: x-gzip\r\n\r\n", 1)


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (ok(gzip.compress(b"{}")[:-9], "Content-Encoding: gzip"), "ends before its end"),
        (ok(gzip.compress(b"{}") + b"more", "Content-Encoding: gzip"), "goes on"),
        (ok(gzip.compress(b"{}") + b"x", "Content-Encoding: gzip"), "goes on"),
        (ok(b"{}", "Content-Encoding: gzip"), "not gzip"),
        (ok(zlib.compress(b"{}"), "Content-Encoding: deflate"), "not asked for"),
        (ok(b"{}", "Content-Encoding: br"), "not asked for"),
        (ok(gzip.compress(gzip.compress(b"{}")), "Content-Encoding: gzip, gzip"), "not asked for"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "not whole (IncompleteRead)"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", "InvalidHeader"),
        (chunked(b"short"), "ProtocolError"),
        (chunked(b"short")[:-3], "not whole (IncompleteRead)"),
        (chunked() + b"zz\r\n{}\r\n", "not whole (InvalidChunkLength)"),
        (b"HTTP/1.1 200 OK\r\n" + b"".join(b"H%d: x\r\n" % i for i in range(101)) + b"\r\n", "proper http"),
        (b"HTTP/1.1 200 OK\r\nLong: " + b"x" * 70000 + b"\r\n\r\n", "LineTooLong"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "BadStatusLine"),
    ],
)
def test_what_is_not_whole_and_proper_is_refused(serve: Serve, said: bytes, word: str) -> None:
    """A body is never silently shorter than what was sent, nor what it was not said to be."""
    error = failed(serve(saying(said)).url)
    assert (error.reason, word in str(error)) == ("protocol", True), error


def test_a_chunk_after_the_end_of_gzip_is_refused(serve: Serve) -> None:
    said = chunked(gzip.compress(b"{}"), b"more", b"")
    said = said.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n", 1)
    assert failed(serve(saying(said, every=0.05)).url).reason == "protocol"


# -- the deadline ------------------------------------------------------------------------------------

SLOW: dict[str, Answer] = {
    "nothing at all": dripping(b"", b""),
    "status": dripping(b"HTTP/1.1 2", b"0"),
    "headers": dripping(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    "one header": dripping(b"HTTP/1.1 200 OK\r\nA: ", b"b"),
    "continue": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" "),
    "body without a length": dripping(b"HTTP/1.1 200 OK\r\n\r\n", b" "),
    "chunks": dripping(chunked(), b"1\r\n \r\n"),
    "a chunk's size": dripping(chunked(), b"0"),
    "trailers": dripping(chunked() + b"0\r\n", b"A: b\r\n"),
}


@pytest.mark.parametrize("slow", SLOW)
def test_everything_ends_at_the_deadline(serve: Serve, slow: str) -> None:
    """Whatever is slow, and however little comes at a time: one bound, and the socket is closed."""
    server = serve(SLOW[slow])
    begun = time.monotonic()
    error = failed(server.url, timeout=0.3)
    assert 0.2 < time.monotonic() - begun < 2
    assert (error.reason, "0.3 s" in str(error), "127.0.0.1" in str(error)) == ("timeout", True, True)
    assert server.saw_close.wait(3)


def test_a_dripped_body_ends_at_the_deadline_over_tls(serve: Serve, authority: Authority) -> None:
    server = serve(SLOW["body"], tls=authority.server)
    begun = time.monotonic()
    assert failed(server.url, DefaultTransport(authority.file), timeout=0.4).reason == "timeout"
    assert time.monotonic() - begun < 2
    assert server.saw_close.wait(3)


@pytest.mark.parametrize("drop", [b"", b"\x00"])
def test_a_handshake_ends_at_the_deadline(serve: Serve, drop: bytes) -> None:
    """A record of 16 KiB, dripped byte by byte, and one that never comes."""
    server = serve(dripping(b"\x16\x03\x03\x40\x00", drop), greedy=False)
    begun = time.monotonic()
    assert failed(f"https://localhost:{server.port}/", timeout=0.3).reason == "timeout"
    assert time.monotonic() - begun < 2
    assert server.saw_close.wait(3)


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that answers no SYN: its queue is full."""
    with socket.socket() as listener, ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_connecting_has_its_own_bound(silent: int) -> None:
    begun = time.monotonic()
    error = failed(f"http://127.0.0.1:{silent}/", connect_timeout=0.2)
    assert time.monotonic() - begun < 2
    assert (error.reason, str(error)) == ("timeout", "no connection with 127.0.0.1 within 0.2 s")


def test_the_deadline_bounds_connecting_too(silent: int) -> None:
    assert "within 0.2 s" in str(failed(f"http://127.0.0.1:{silent}/", connect_timeout=9.0, timeout=0.2))


def test_a_silent_address_leaves_time_for_the_next(serve: Serve, silent: int) -> None:
    """A host whose IPv6 leads nowhere is reached by IPv4, within the same bound."""
    server = serve(saying(ok()), greedy=False)
    kind = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
    found = [(*kind, ("127.0.0.1", silent)), (*kind, ("127.0.0.1", server.port))]
    soon = Deadline.after(0.6)
    with _first_connected(found, soon, _bound(Timed, soon)) as sock:
        assert sock.getpeername()[1] == server.port


def test_a_late_name_is_noticed_at_once() -> None:
    """A look-up cannot be cut short; nothing is begun once it has outlasted the bound."""
    late = Deadline(1.0, time.monotonic() - 1)
    with pytest.raises(TimeoutError):
        _first_connected([(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 9))], late, Timed)


# -- connections that fail ---------------------------------------------------------------------------


def unused_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_a_refused_connection() -> None:
    error = failed(f"http://127.0.0.1:{unused_port()}/")
    assert (error.reason, "127.0.0.1 refused" in str(error)) == ("refused", True)


def test_an_unreachable_address() -> None:
    """The broadcast address: no TCP connection leads there."""
    assert failed("https://255.255.255.255/").reason == "unreachable"


@pytest.mark.parametrize("host", ["name.invalid", "a" * 64 + ".example"])
def test_a_name_that_is_none(host: str) -> None:
    error = failed(f"https://{host}/")
    assert (error.reason, host in str(error)) == ("dns", True)


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])
def test_a_reset(serve: Serve, begin: bytes) -> None:
    """Before the answer, or in the middle of its body."""

    def answer(sock: socket.socket) -> None:
        sock.sendall(begin)
        time.sleep(0.05)
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # closing sends RST
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        sock.close()

    assert failed(serve(answer).url).reason == "reset"


def test_a_connection_closed_without_an_answer(serve: Serve) -> None:
    assert failed(serve(saying()).url).reason == "reset"


def test_a_header_that_cannot_be_sent_is_not_quoted(serve: Serve) -> None:
    """Nothing but ExchangeFailed leaves, and its message repeats no value."""
    error = failed(serve(saying(ok())).url, headers={"Accept": "unsent\r\nX: y"})
    assert (error.reason, "ValueError" in str(error), "unsent" in str(error)) == ("protocol", True, False)


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
    for server in (short, slow, unknown, good):
        server.settle()
    assert open_files() <= before


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


# -- what may be fetched -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1:{port}/",
        "gopher://127.0.0.1:{port}/",
        "data:application/json,{}",
        "http://issuer.example:{port}/",
        "http://127.0.0.1.example:{port}/",
        "http://0.0.0.0:{port}/",
        "http://2130706433:{port}/",
        "http://localhost.:{port}/",
        "http://user:s3cr3t@127.0.0.1:{port}/",
        "http://s3cr3t@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}/ HTTP/1.1\r\nX: y",
        "http://127.0.0.1:{port}/\tx",
        "http://127.0.0.1:{port}\\@issuer.example/",
        " http://127.0.0.1:{port}/",
        "http://127.0.0.1:{port}/é",
        "http://127.0.0.1:99999/",
        "https://[::1%25lo]/",
        "https:///jwks",
        "http:127.0.0.1",
        "127.0.0.1:{port}",
        "",
    ],
)
def test_other_addresses_are_refused_without_a_socket(serve: Serve, url: str) -> None:
    server = serve(saying(ok()))
    error = failed(url.format(port=server.port) if "{port}" in url else url)
    assert error.reason == "address"
    assert server.accepted == 0


def test_what_an_address_holds() -> None:
    address = read_address("https://issuer.example")
    assert (address.host, address.port, address.target, address.loopback) == (HOST, 443, "/", False)
    address = read_address("http://[::1]:0/a?b")
    assert (address.host, address.port, address.target, address.loopback) == ("::1", 0, "/a?b", True)


def test_a_localhost_that_leads_elsewhere_is_refused() -> None:
    """Whatever a hosts file says, plain http does not leave this machine."""
    with pytest.raises(ExchangeFailed, match="leads elsewhere") as caught:
        look_up_loopback("192.0.2.1", 80)
    assert caught.value.reason == "address"


# -- certificates ------------------------------------------------------------------------------------


def test_a_private_authority_is_trusted_by_its_file(serve: Serve, authority: Authority) -> None:
    server = serve(saying(ok(b"secret")), tls=authority.server)
    assert get(server.url, DefaultTransport(authority.file)).body == b"secret"


def test_an_unknown_authority_is_refused(serve: Serve, authority: Authority) -> None:
    """And nothing is sent to it."""
    server = serve(saying(ok()), tls=authority.server)
    error = failed(server.url)
    assert (error.reason, "use a ca file" in str(error)) == ("tls", True)
    assert server.heads == []


def test_a_certificate_for_another_host_is_refused(serve: Serve, authority: Authority) -> None:
    server = serve(saying(ok()), tls=authority.server)
    error = failed(f"https://localhost:{server.port}/", DefaultTransport(authority.file))
    assert (error.reason, "not valid for 'localhost'" in str(error)) == ("tls", True)
    assert "ca file" not in str(error)


def test_a_server_without_tls(serve: Serve) -> None:
    server = serve(saying(ok()), greedy=False)
    error = failed(server.url.replace("http:", "https:"))
    assert (error.reason, "wrong version number" in str(error)) == ("tls", True)


def test_an_authority_file_that_cannot_be_read(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for file in (empty, tmp_path / "none.pem"):
        error = failed("https://127.0.0.1:1/", DefaultTransport(str(file)))
        assert (error.reason, str(file) in str(error)) == ("tls", True)


# -- proxies -----------------------------------------------------------------------------------------


def tunnelling(port: int) -> Answer:
    """A proxy that knows one place: whatever is asked for, it leads to the port."""

    def answer(sock: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", port)) as onward:
            sock.sendall(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
            pump(sock, onward)

    return answer


def pump(one: socket.socket, other: socket.socket) -> None:
    """Copy both ways until either ends, on one thread: TLS must not be read and written at once."""
    with suppress(OSError):
        while True:
            held = [end for end in (one, other) if isinstance(end, ssl.SSLSocket) and end.pending()]
            for source in held or select.select([one, other], [], [], 30)[0]:
                piece = source.recv(65536)
                if not piece:
                    return
                (other if source is one else one).sendall(piece)


def test_a_proxy_is_asked_for_a_tunnel(
    serve: Serve, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sees a host and a port and its own credentials; the document stays between us and the issuer."""
    server = serve(saying(ok(b"through")), tls=authority.server)
    proxy = serve(tunnelling(server.port))
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{PASSWORD}%40@127.0.0.1:{proxy.port}")
    assert get(f"https://{HOST}/keys", DefaultTransport(authority.file)).body == b"through"
    assert proxy.head.startswith(f"CONNECT {HOST}:443 HTTP/1.")
    assert "Proxy-Authorization: Basic dXNlcjpzM2NyM3RA\r\n" in proxy.head
    assert server.head.startswith("GET /keys HTTP/1.1")
    assert f"Host: {HOST}\r\n" in server.head
    assert "Proxy-Authorization" not in server.head


def test_a_proxy_may_speak_tls_itself(
    serve: Serve, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(saying(ok(b"through")), tls=authority.server)
    proxy = serve(tunnelling(server.port), tls=authority.server)
    monkeypatch.setenv("ALL_PROXY", f"https://127.0.0.1:{proxy.port}")
    assert get(f"https://{HOST}/", DefaultTransport(authority.file)).body == b"through"


def test_the_certificate_is_verified_through_a_proxy(
    serve: Serve, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(saying(ok()), tls=authority.server)
    proxy = serve(tunnelling(server.port))
    monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{proxy.port}")
    assert failed(f"https://{HOST}/").reason == "tls"
    assert failed("https://other.example/", DefaultTransport(authority.file)).reason == "tls"
    assert server.heads == []


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407: check the user name"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "answered CONNECT with 502"),
        (b"nonsense\r\n\r\n", "gave no connection (BadStatusLine)"),
        (b"", "gave no connection (RemoteDisconnected)"),
    ],
)
def test_a_proxy_that_opens_no_tunnel(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, said: bytes, word: str
) -> None:
    proxy = serve(saying(said))
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{PASSWORD}@127.0.0.1:{proxy.port}")
    error = failed(f"https://{HOST}/")
    assert (error.reason, word in str(error)) == ("proxy", True), error
    assert f"127.0.0.1:{proxy.port}" in str(error)


def test_a_proxy_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{PASSWORD}@127.0.0.1:{unused_port()}")
    error = failed(f"https://{HOST}/")
    assert (error.reason, "refused" in str(error)) == ("proxy", True)


@pytest.mark.parametrize("over_tls", [False, True])
def test_a_tunnel_ends_at_the_deadline(
    serve: Serve, authority: Authority, monkeypatch: pytest.MonkeyPatch, over_tls: bool
) -> None:
    proxy = serve(SLOW["headers"], tls=authority.server if over_tls else None)
    monkeypatch.setenv("HTTPS_PROXY", f"http{'s' * over_tls}://127.0.0.1:{proxy.port}")
    begun = time.monotonic()
    assert failed(f"https://{HOST}/", DefaultTransport(authority.file), timeout=0.4).reason == "timeout"
    assert time.monotonic() - begun < 2
    assert proxy.saw_close.wait(3)


def test_what_goes_on_in_a_tunnel_ends_at_the_deadline(
    serve: Serve, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS inside of TLS has the same one bound."""
    server = serve(SLOW["body"], tls=authority.server)
    proxy = serve(tunnelling(server.port), tls=authority.server)
    monkeypatch.setenv("HTTPS_PROXY", f"https://127.0.0.1:{proxy.port}")
    begun = time.monotonic()
    assert failed(f"https://{HOST}/", DefaultTransport(authority.file), timeout=0.5).reason == "timeout"
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}/", "http://localhost:{}/"])
def test_loopback_is_never_proxied(serve: Serve, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    server, proxy = serve(saying(ok(b"here"))), serve(saying(ok(b"proxied")))
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    assert get(url.format(server.port)).body == b"here"
    assert proxy.accepted == 0


def test_which_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY before ALL_PROXY, none for what NO_PROXY names, and none for loopback."""
    address = read_address(f"https://{HOST}/")
    assert proxy_for(address) is None
    monkeypatch.setenv("ALL_PROXY", "http://all.example:1")
    assert str(proxy_for(address)) == "all.example:1"
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{PASSWORD}@https.example")
    assert str(proxy_for(address)) == "https.example:80"
    assert PASSWORD not in repr(proxy_for(address))
    assert proxy_for(read_address("https://127.0.0.2/")) is None
    for names in ("example", ".example", f"other, {HOST}", f"{HOST}:443", "*"):
        monkeypatch.setenv("NO_PROXY", names)
        assert proxy_for(address) is None


@pytest.mark.parametrize(
    ("url", "networks", "direct"),
    [
        ("https://10.1.2.3/", "10.0.0.0/8", True),
        ("https://10.1.2.3:6443/", "example, 10.9.9.9/8 ", True),
        ("https://10.1.2.3/", "10.1.2.3", True),
        ("https://[fd00::1]/", "10.0.0.0/8,fd00::/8", True),
        ("https://11.1.2.3/", "10.0.0.0/8", False),
        ("https://11.1.2.3/", "::/0", False),
        ("https://11.1.2.3/", "11.0.0.0/33, /, ,11.0.0.0/x", False),
        ("https://10.example/", "10.0.0.0/8", False),
    ],
)
def test_no_proxy_may_name_networks(
    monkeypatch: pytest.MonkeyPatch, url: str, networks: str, direct: bool
) -> None:
    """For hosts that are addresses: a name is not looked up to learn whether it is in one."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:1")
    monkeypatch.setenv("NO_PROXY", networks)
    assert (proxy_for(read_address(url)) is None) is direct


def test_an_address_in_no_proxy_is_reached_directly(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """And any other goes through the proxy: it is the one that is asked."""
    proxy = serve(saying(b"HTTP/1.1 502 Bad Gateway\r\n\r\n"))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("NO_PROXY", "255.0.0.0/8")
    assert failed("https://255.255.255.255/").reason == "unreachable"
    assert proxy.accepted == 0
    assert failed("https://254.255.255.255/").reason == "proxy"
    assert proxy.accepted == 1


def test_the_environment_can_be_left_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{unused_port()}")
    assert failed("https://name.invalid/", DefaultTransport(trust_env=False)).reason == "dns"


@pytest.mark.parametrize(
    "setting",
    [
        f"socks5://user:{PASSWORD}@127.0.0.1:1",
        f"http://user:{PASSWORD}@host:{PASSWORD}",
        "http://",
        "http://[x",
    ],
)
def test_a_proxy_setting_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    """No part of it is repeated: not in the message, nor in what it is chained to."""
    monkeypatch.setenv("HTTPS_PROXY", setting)
    error = failed(f"https://{HOST}/")
    assert error.reason == "proxy"
    assert error.__cause__ is None
    assert error.__context__ is None


# -- what is documented ------------------------------------------------------------------------------

ROOT = Path(__file__).parents[2]


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
