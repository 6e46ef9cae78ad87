"""Where the local issuer listens, and its https."""

from __future__ import annotations

import http.client
import socket
import ssl
import urllib.request
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

import rightkey
from rightkey.localissuer import LocalIssuer
from rightkey.localissuer.answers import Answer, Request
from rightkey.localissuer.wire.listener import Listener
from rightkey.transport.default import DefaultTransport


def hello(_: Request) -> Answer:
    return Answer(200, {}, b"hello")


def test_https_by_an_authority_of_its_own(no_proxies: None) -> None:
    """Who trusts the file verifies, by any loopback name; who does not, refuses. At the end it is gone."""
    with LocalIssuer(algorithm="ES256", tls=True) as issuer:
        assert issuer.url.startswith("https://127.0.0.1:")
        assert issuer.ca_file is not None
        file = issuer.ca_file
        verifier = rightkey.Verifier(
            issuer.url, audience=issuer.audience, transport=DefaultTransport(ca_file=str(file))
        )
        assert verifier.verify(issuer.token(sub="alice")).subject == "alice"
        context = ssl.create_default_context(cafile=file)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        url = issuer.urls["jwks"].replace("127.0.0.1", "localhost")
        with urllib.request.urlopen(url, timeout=60, context=context) as response:
            assert response.status == 200
        with pytest.raises(OSError, match="certificate verify failed"):
            urllib.request.urlopen(issuer.urls["jwks"], timeout=60)
    assert not file.parent.exists()
    assert issuer.ca_file is None


def test_faults_are_felt_over_https(no_proxies: None) -> None:
    """A reset, a body cut short, and one that comes whole."""
    with LocalIssuer(algorithm="ES256", tls=True) as issuer:
        context = ssl.create_default_context(cafile=issuer.ca_file)
        for fault in ("reset", "truncated"):
            issuer.misbehave("jwks", fault, times=1)
        for _ in range(2):
            with pytest.raises((OSError, http.client.IncompleteRead)):
                urllib.request.urlopen(issuer.urls["jwks"], timeout=60, context=context).read()
        with urllib.request.urlopen(issuer.urls["jwks"], timeout=60, context=context) as response:
            assert response.read().startswith(b'{"keys":')


def test_plain_http_on_an_https_port_does_no_harm() -> None:
    """Nor does a client that connects and says nothing; closing waits for neither."""
    listener = Listener(hello, tls=True)
    listener.start()
    where = urlsplit(listener.origin)
    with socket.create_connection((where.hostname, where.port)) as silent:
        with socket.create_connection((where.hostname, where.port), timeout=60) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with suppress(ConnectionResetError):
                assert b"hello" not in plain.recv(1024)
        listener.close()
        listener.close()
        silent.settimeout(60)
        assert silent.recv(1) == b""


@pytest.mark.parametrize(
    ("host", "origin"),
    [("0.0.0.0", "http://127.0.0.1"), ("::", "http://[::1]"), ("localhost", "http://localhost")],
)
def test_a_host_is_named_as_clients_write_it(host: str, origin: str) -> None:
    """Without a port until it is known."""
    assert Listener(hello, host).origin == origin


def test_ipv6() -> None:
    """The loopback address in brackets."""
    listener = Listener(hello, "::1")
    try:
        listener.start()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with urllib.request.urlopen(listener.origin, timeout=60) as response:
        assert response.read() == b"hello"
    listener.close()


def test_a_port_that_is_taken(free_port: int) -> None:
    """The port is taken: no authority is left behind, and a later start may succeed."""
    port = free_port
    with LocalIssuer(algorithm="ES256", port=port):
        second = Listener(hello, port=port, tls=True)
        with pytest.raises(OSError, match="in use"):
            second.start()
        assert second.ca_file is None
        assert LocalIssuer(algorithm="ES256", port=port).url == "http://127.0.0.1/"
    with LocalIssuer(algorithm="ES256", port=port) as again:
        assert urlsplit(again.url).port == port


def test_the_port_is_known_under_whatever_name_and_only_while_it_listens() -> None:
    """Who stands behind a proxy has to tell the proxy."""
    issuer = LocalIssuer(url="https://tenant.example/")
    with pytest.raises(RuntimeError):
        _ = issuer.port
    with issuer, socket.create_connection(("127.0.0.1", issuer.port)):
        assert issuer.url == "https://tenant.example/"
