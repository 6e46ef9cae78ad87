"""Which pages may ask the local issuer: what a browser says of them, and what each of them gets."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from rightkey.exchange import Request as Fetch
from rightkey.localissuer import DRESSES, Client, LocalIssuer, LocalIssuers
from rightkey.localissuer.answers import Request
from rightkey.localissuer.management import ROUTES

FOREIGN = [
    "evil.example",
    "evil.example:{port}",
    "127.0.0.1.evil.example:{port}",
    "localhost.evil.example:{port}",
    "evil.example@127.0.0.1:{port}",
    "127.0.0.1:{port}@evil.example",
    "127.0.0.1:1",
    "127.0.0.1",
    "localhost",
    "127.0.0.2:{port}",
    "0.0.0.0:{port}",
    "10.0.0.1:{port}",
    "2130706433:{port}",
    "127.1:{port}",
    "127.0.0.1:{port},evil.example",
    "[::1]evil.example:{port}",
    "[::ffff:127.0.0.1]:{port}",
    "[::1%25evil]:{port}",
    "[:::1]:{port}",
    "127.0.0.1:{port}/",
    "127.0.0.1:+{port}",
    "",
    " ",
]
OWN = [
    "127.0.0.1:{port}",
    "localhost:{port}",
    "LocalHost:{port}",
    "LOCALHOST:{port}",
    "[::1]:{port}",
    "[0:0:0:0:0:0:0:1]:{port}",
    "  127.0.0.1:{port}  ",
]
MANAGED = [(method, path.format("x")) for method, path in ROUTES]


@pytest.fixture(scope="module")
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(
        algorithm="ES256", clients=[Client("app", None, ("https://app.example:8443/back",))]
    ) as one:
        yield one


@pytest.fixture(scope="module")
def issuers() -> Iterator[LocalIssuers]:
    with LocalIssuers(dress="keycloak", algorithm="ES256") as several:
        yield several


def sent(port: int, *lines: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of what is answered to these very lines."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        octets = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = octets.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    return (
        int(first.split()[1]),
        {line.partition(":")[0].lower(): line.partition(": ")[2] for line in rest},
        body,
    )


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path"), MANAGED)
@pytest.mark.parametrize("host", FOREIGN)
def test_a_page_that_rebinds_its_name_manages_nothing(
    issuer: LocalIssuer, method: str, path: str, host: str
) -> None:
    """On every path, by every spelling: such a page's GET bears no Origin, and its Host is not ours."""
    port = issuer.port
    keys, status = issuer.keys, sent(port, f"{method} {path} HTTP/1.1", f"Host: {host.format(port=port)}")[0]
    assert status == 403
    assert issuer.keys == keys


@pytest.mark.parametrize("host", OWN)
def test_every_name_of_its_own_is_taken(issuer: LocalIssuer, host: str) -> None:
    """Whatever the case, and IPv6 however it is written."""
    port = issuer.port
    line = f"Host: {host.format(port=port)}"
    assert sent(port, "GET /_rightkey HTTP/1.1", line)[0] == 200


@pytest.mark.parametrize("path", ["/_rightkey", "/_rightkey/requests", "/api/v2/keys/signing"])
def test_a_target_in_absolute_form_says_what_it_is_for(issuer: LocalIssuer, path: str) -> None:
    """And Host counts no more (RFC 9112, section 3.2.2)."""
    port = issuer.port
    for scheme in ("http", "HTTP", "https"):
        evil = f"{scheme}://evil.example:{port}{path}"
        assert sent(port, f"GET {evil} HTTP/1.1", f"Host: 127.0.0.1:{port}")[0] == 403
        user = f"{scheme}://127.0.0.1:{port}@evil.example{path}"
        assert sent(port, f"GET {user} HTTP/1.1", f"Host: 127.0.0.1:{port}")[0] == 403
    own = f"http://127.0.0.1:{port}{path}"
    assert sent(port, f"GET {own} HTTP/1.1", "Host: evil.example")[0] == 200
    assert sent(port, f"GET http://127.0.0.1:{port} HTTP/1.1", "Host: x")[0] != 400


@pytest.mark.parametrize(
    "lines",
    [
        ("Host: 127.0.0.1:{port}", "Host: evil.example"),
        ("Host: evil.example", "Host: 127.0.0.1:{port}"),
        ("Host: 127.0.0.1:{port}", "HOST: 127.0.0.1:{port}"),
    ],
)
def test_several_hosts_are_refused(issuer: LocalIssuer, lines: tuple[str, ...]) -> None:
    """For any path (RFC 9112, section 3.2)."""
    port = issuer.port
    for path in ("/_rightkey", "/.well-known/jwks.json", "/"):
        status, _, body = sent(port, f"GET {path} HTTP/1.1", *(line.format(port=port) for line in lines))
        assert (status, json.loads(body)["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_without_a_host_there_are_documents_alone(issuer: LocalIssuer, version: str) -> None:
    """No browser sends such a request; some programs do."""
    assert sent(issuer.port, f"GET /.well-known/jwks.json {version}")[0] == 200
    assert sent(issuer.port, f"GET /_rightkey {version}")[0] == 403
    assert sent(issuer.port, f"GET /authorize {version}")[0] == 403


def test_the_way_out_is_said(issuer: LocalIssuer) -> None:
    """As a developer in a container meets it."""
    body = sent(issuer.port, "GET /_rightkey HTTP/1.1", "Host: issuer:8800")[2]
    assert "--url" in json.loads(body)["error_description"]


@pytest.mark.parametrize("endpoint", ["authorize", "activate", "logout"])
def test_pages_are_for_our_own_names(issuer: LocalIssuer, endpoint: str) -> None:
    """What people see is served under no foreign name either; applications send people here from anywhere."""
    port, path = issuer.port, issuer.urls[endpoint].partition(f":{issuer.port}")[2]
    assert sent(port, f"GET {path} HTTP/1.1", f"Host: evil.example:{port}")[0] == 403
    own = sent(port, f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Origin: https://shop.example")
    assert own[0] != 403
    assert "access-control-allow-origin" not in own[1]


def test_programs_reach_documents_and_tokens_under_any_name(issuer: LocalIssuer) -> None:
    """A container calls this machine as it likes."""
    port = issuer.port
    for endpoint, method in (("jwks", "GET"), ("discovery", "GET"), ("token", "POST")):
        path = issuer.urls[endpoint].partition(f":{port}")[2]
        assert sent(port, f"{method} {path} HTTP/1.1", "Host: issuer:8800")[0] != 403


WELCOME = [
    "http://localhost:3000",
    "https://localhost",
    "http://127.0.0.1:5173",
    "http://127.8.0.1:5173",
    "http://[::1]:5173",
    "http://app.localhost:8080",
    "http://app.test",
    "https://app.example:8443",
]
UNWELCOME = [
    "https://evil.example",
    "https://app.example",
    "http://app.example:8443",
    "https://app.example:8443.evil.example",
    "http://localhost.evil.example",
    "http://nottest",
    "http://10.0.0.1",
    "chrome-extension://abc",
    "null",
    "",
    "http://",
    "localhost:3000",
]
ASKED = ["token", "userinfo", "revoke", "device"]


@pytest.mark.parametrize("origin", WELCOME)
@pytest.mark.parametrize("endpoint", [*ASKED, "jwks", "discovery"])
def test_a_page_of_a_client_reads_answers_by_its_own_name(
    issuer: LocalIssuer, endpoint: str, origin: str
) -> None:
    """With credentials, for which `*` does not do (Fetch, section 3.3.5); also its preflight."""
    path = issuer.urls[endpoint].partition(f":{issuer.port}")[2]
    preflight = {"origin": origin, "access-control-request-headers": "authorization"}
    for method in ("GET" if endpoint in ("jwks", "discovery") else "POST", "OPTIONS"):
        answer = issuer.respond(Request(method, path, preflight))
        assert answer.headers["access-control-allow-origin"] == origin
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert answer.headers["vary"] == "Origin"
    assert answer.headers["access-control-allow-headers"] == "authorization"
    assert answer.status == 204


@pytest.mark.parametrize("origin", UNWELCOME)
def test_other_pages_get_no_token(issuer: LocalIssuer, origin: str) -> None:
    """Not even by rebinding their name: a POST bears its Origin. Public documents stay public."""
    for endpoint in ASKED:
        path = issuer.urls[endpoint].partition(f":{issuer.port}")[2]
        for method in ("POST", "OPTIONS"):
            answer = issuer.respond(Request(method, path, {"origin": origin, "host": "evil.example"}))
            assert answer.status == 403
            assert not [name for name in answer.headers if name.startswith("access-control")]
    for endpoint in ("jwks", "discovery"):
        path = issuer.urls[endpoint].partition(f":{issuer.port}")[2]
        answer = issuer.respond(Request("GET", path, {"origin": origin}))
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


def test_its_own_pages_manage_it(issuer: LocalIssuer) -> None:
    """Under each of its names, and over no other scheme or port."""
    port = issuer.port
    for name in (f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"):
        lines = ("POST /_rightkey/token HTTP/1.1", f"Host: {name}")
        assert sent(port, *lines, f"Origin: http://{name}")[0] == 201
        for other in (f"https://{name}", "http://localhost:1", "http://localhost", "null", "", "x"):
            assert sent(port, *lines, f"Origin: {other}")[0] == 403


@pytest.mark.parametrize("dress", [*DRESSES])
def test_every_issuer_behind_a_port_knows_its_names(dress: str) -> None:
    """Named or not, and whatever its path."""
    with LocalIssuers(dress=dress, algorithm="ES256") as issuers:
        for name in ("", "acme"):
            one = issuers[name]
            port = int(one.address.origin.rpartition(":")[2])
            path = f"{one.address.path}/_rightkey/requests"
            assert sent(port, f"GET {path} HTTP/1.1", f"Host: localhost:{port}")[0] == 200
            assert sent(port, f"GET {path} HTTP/1.1", f"Host: evil.example:{port}")[0] == 403


def test_the_identifier_is_a_name_too() -> None:
    """As `--url` gives it, with the scheme's own port or without."""
    with LocalIssuers(url="https://issuer.test", algorithm="ES256") as issuers:
        port = issuers.port
        for host in ("issuer.test", "Issuer.Test:443", f"127.0.0.1:{port}"):
            assert sent(port, "GET /_rightkey HTTP/1.1", f"Host: {host}")[0] == 200
        for host in ("issuer.test:80", f"issuer.test:{port}", "other.test"):
            assert sent(port, "GET /_rightkey HTTP/1.1", f"Host: {host}")[0] == 403
        own = sent(port, "POST /_rightkey/token HTTP/1.1", "Host: issuer.test", "Origin: https://issuer.test")
        assert own[0] == 201


def test_an_exposed_issuer_goes_by_every_address() -> None:
    """An address has no name that could be pointed elsewhere."""
    with LocalIssuers(host="0.0.0.0", algorithm="ES256") as issuers:
        port = issuers.port
        assert sent(port, "GET /_rightkey HTTP/1.1", f"Host: 10.1.2.3:{port}")[0] == 200
        assert sent(port, "GET /_rightkey HTTP/1.1", f"Host: box:{port}")[0] == 403


def test_over_tls_as_well() -> None:
    """The handshake says nothing about Host."""
    with LocalIssuer(algorithm="ES256", tls=True) as issuer:
        context = ssl.create_default_context(cafile=str(issuer.ca_file))
        for host, status in ((f"localhost:{issuer.port}", b" 200 "), ("evil.example", b" 403 ")):
            with socket.create_connection(("127.0.0.1", issuer.port), timeout=60) as plain:
                client = context.wrap_socket(plain, server_hostname="localhost")
                client.sendall(f"GET /_rightkey HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                assert status in client.recv(100)
                client.close()


def test_in_process_there_is_no_browser() -> None:
    """A transport reaches it by its identifier, started or not."""
    issuer = LocalIssuer(algorithm="ES256", url="https://tenant.example/")
    assert issuer.transport().get(Fetch("https://tenant.example/_rightkey")).status == 200
    asked: dict[str, Any] = {"host": "tenant.example:444"}
    assert issuer.respond(Request("GET", "/_rightkey", asked)).status == 403
    assert issuer.respond(Request("GET", "/_rightkey", {})).status == 200
