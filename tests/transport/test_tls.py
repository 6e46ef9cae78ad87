"""Which certificates are believed, and how octets are encrypted."""

from __future__ import annotations

import os
import socket
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import cast

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.transport.conftest import Authority, Serve, failed, get, ok, saying

from rightkey.exchange import ExchangeFailed
from rightkey.transport.allowance import Allowance
from rightkey.transport.answer import Incoming
from rightkey.transport.credentials import Credentials
from rightkey.transport.deadline import Deadline
from rightkey.transport.default import DefaultTransport
from rightkey.transport.tls import _CONTEXTS, Encrypted, TlsSettings, context_for
from rightkey.transport.wire import Wire

pytestmark = pytest.mark.usefixtures("no_proxies")


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


# -- contexts ----------------------------------------------------------------------------------------


def test_a_context_serves_more_than_one_fetch(authority: Authority) -> None:
    """It takes 15 ms to build: metadata and keys share one."""
    assert context_for(TlsSettings(authority.file)) is context_for(TlsSettings(authority.file))
    assert context_for(TlsSettings(authority.file)) is not context_for(TlsSettings())
    made = ssl.create_default_context()
    assert context_for(TlsSettings(context=made)) is made


def test_a_file_that_has_changed_is_read_again(
    authority_for: Callable[..., Authority], tmp_path: Path
) -> None:
    """At once, where its time, size or place on the disk tell it."""
    file = tmp_path / "ca.pem"
    file.write_bytes(Path(authority_for("a.example").file).read_bytes())
    before = context_for(TlsSettings(str(file)))
    replacement = tmp_path / "new.pem"
    replacement.write_bytes(Path(authority_for("a.example").file).read_bytes())
    replacement.replace(file)
    after = context_for(TlsSettings(str(file)))
    assert after is not before
    assert after.get_ca_certs() != before.get_ca_certs()


def test_only_some_contexts_are_kept(authority: Authority, tmp_path: Path) -> None:
    """However many authorities a process names."""
    for number in range(40):
        file = tmp_path / f"{number}.pem"
        file.write_bytes(Path(authority.file).read_bytes())
        context_for(TlsSettings(str(file)))
    assert len(_CONTEXTS) <= 32


def test_the_environment_is_looked_up_at_each_fetch(
    serve: Serve, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`SSL_CERT_FILE` counts from when it is set, and one that is not there is told."""
    server = serve(saying(ok()), tls=authority.server)
    transport = DefaultTransport()
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    assert failed(server.url, transport).reason == "tls"
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    assert get(server.url, transport).status == 200
    (tmp_path / "der.pem").write_bytes(ssl.PEM_cert_to_DER_cert(Path(authority.file).read_text()))
    for name in ("none.pem", "der.pem", ""):
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / name))
        assert "the file that SSL_CERT_FILE names" in str(failed(server.url, transport))
        assert get(server.url, DefaultTransport(authority.file)).status == 200


def test_a_machine_that_trusts_no_authority_is_told_of(
    serve: Serve, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As an image without ca-certificates. Of a directory with anything in it that cannot be told."""
    server = serve(saying(ok()), tls=authority.server)
    monkeypatch.setenv("SSL_CERT_FILE", "")
    monkeypatch.setenv("SSL_CERT_DIR", os.pathsep.join([str(tmp_path / "a"), str(tmp_path / "b")]))
    assert "install ca-certificates" in str(failed(server.url))
    (tmp_path / "b").mkdir()
    assert "install ca-certificates" in str(failed(server.url))
    (tmp_path / "b" / "01234567.0").touch()
    monkeypatch.setenv("SSL_CERT_DIR", os.environ["SSL_CERT_DIR"] + os.pathsep)  # so that no context is kept
    assert "certificate refused" in str(failed(server.url))


def test_the_store_of_the_system_is_asked_for_by_name(
    serve: Serve, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Linux truststore reads what OpenSSL reads; the host's name is still checked."""
    pytest.importorskip("truststore")
    server = serve(saying(ok()), tls=authority.server)
    transport = DefaultTransport(truststore=True)
    assert failed(server.url, transport).reason == "tls"
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    assert get(server.url, transport).status == 200
    assert failed(f"https://localhost:{server.port}/", transport).reason == "tls"


def test_truststore_must_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the message says how."""
    monkeypatch.setitem(sys.modules, "truststore", None)
    _CONTEXTS.clear()
    assert "rightkey[truststore]" in str(failed("https://127.0.0.1:1/", DefaultTransport(truststore=True)))


def test_strictness_is_relaxed_by_name(authority: Authority) -> None:
    """What Python asks for stays on, unless it is turned off."""
    usual = ssl.create_default_context().verify_flags & ssl.VERIFY_X509_STRICT
    strict, relaxed = (
        context_for(TlsSettings(authority.file)),
        context_for(TlsSettings(authority.file, strict_x509=False)),
    )
    assert strict.verify_flags & ssl.VERIFY_X509_STRICT == usual
    assert not relaxed.verify_flags & ssl.VERIFY_X509_STRICT
    assert relaxed.verify_mode is ssl.CERT_REQUIRED
    assert relaxed.check_hostname


# -- octets ------------------------------------------------------------------------------------------


class Peer:
    """Stands for a socket whose other end speaks TLS, and then sends one octet a record for ever."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.shaken, self.given = False, 0

    def sendall(self, octets: bytes) -> None:
        self.incoming.write(octets)
        if not self.shaken:
            with suppress(ssl.SSLWantReadError):
                self.tls.do_handshake()
                self.shaken = True

    def recv(self, size: int) -> bytes:
        while self.shaken and self.outgoing.pending < size:
            self.tls.write(b" ")
        octets = self.outgoing.read(size)
        self.given += len(octets)
        return octets

    def settimeout(self, seconds: float) -> None:
        assert seconds > 0


def test_octets_around_records_count(authority: Authority) -> None:
    """A record of one octet has more than twenty around it: 64 KiB of these, and it is over."""
    peer, allowance = Peer(authority.server), Allowance(1 << 20)
    wire = Wire(cast("socket.socket", peer), Deadline.after(60), allowance)
    stream = Encrypted.within(wire, context_for(TlsSettings(authority.file)), "127.0.0.1")
    incoming = Incoming(stream, allowance)
    with pytest.raises(ExchangeFailed, match="64 KiB outside"):
        list(iter(lambda: incoming.body(1 << 16), b""))
    assert peer.given < 80 * 1024


def test_an_end_without_a_farewell_is_an_end(serve: Serve, authority: Authority) -> None:
    """Many servers close the connection without closing TLS; a body without a length ends there."""
    said = b"HTTP/1.0 200 OK\r\n\r\nall"
    server = serve(saying(said), tls=authority.server)
    assert get(server.url, DefaultTransport(authority.file)).body == b"all"


def test_a_handshake_that_is_broken_off(serve: Serve) -> None:
    """Is told as TLS, or as a reset."""
    server = serve(saying(b"\x16\x03\x03"), greedy=False)
    assert failed(f"https://127.0.0.1:{server.port}/").reason in ("tls", "reset")


# -- client certificates -----------------------------------------------------------------------------


@pytest.fixture
def asking(authority_for: Callable[..., Authority]) -> Authority:
    """An authority whose server asks for a certificate of its own clients."""
    made = authority_for("127.0.0.1", "issuer.example")
    made.server.verify_mode = ssl.CERT_REQUIRED
    made.server.load_verify_locations(made.file)
    return made


def test_a_client_certificate_is_shown_to_its_origin(serve: Serve, asking: Authority) -> None:
    """Its key may be in the same file; and without one the message says what to give."""
    server = serve(saying(ok()), tls=asking.server)
    origin = f"https://127.0.0.1:{server.port}"
    own = str(Path(asking.file).with_name("server.pem"))
    shown = Credentials(origin, certificate_file=own)
    assert get(server.url, DefaultTransport(asking.file, credentials=shown)).status == 200
    both = Credentials(origin, ca_file=asking.file, certificate_file=own, key_file=own)
    assert get(server.url, DefaultTransport(credentials=both)).status == 200
    for credentials in (None, Credentials("https://127.0.0.1:1", certificate_file=own)):
        error = failed(server.url, DefaultTransport(asking.file, credentials=credentials))
        assert (error.reason, "certificate_file" in str(error)) == ("tls", True), error


@pytest.mark.parametrize("holds", [b"", b"nothing", None])
def test_a_client_certificate_that_cannot_be_used(tmp_path: Path, holds: bytes | None) -> None:
    """Is our fault, and is told so before anything is dialled."""
    file = tmp_path / "own.pem"
    if holds is not None:
        file.write_bytes(holds)
    credentials = Credentials("https://127.0.0.1:1", certificate_file=str(file))
    error = failed("https://127.0.0.1:1/", DefaultTransport(credentials=credentials))
    assert (error.reason, str(file) in str(error)) == ("credentials", True)


def test_a_private_key_with_a_password_is_refused(tmp_path: Path) -> None:
    """The terminal is not asked for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    file = tmp_path / "key.pem"
    locked = serialization.BestAvailableEncryption(b"hunter2")
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked))
    credentials = Credentials("https://127.0.0.1:1", certificate_file=str(file))
    error = failed("https://127.0.0.1:1/", DefaultTransport(credentials=credentials))
    assert (error.reason, "without a password" in str(error)) == ("credentials", True)
