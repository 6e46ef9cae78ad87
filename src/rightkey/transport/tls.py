"""How octets are encrypted, and which certificates are believed.

OpenSSL works on memory here, and not on a socket: so every octet of every record was counted and timed by the
wire, and no class of `ssl` is subclassed that gevent or eventlet replace.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from rightkey.exchange import ExchangeFailed
from rightkey.transport.filename import named
from rightkey.transport.wire import SIZE

if TYPE_CHECKING:
    from rightkey.transport.wire import Stream

_Done = TypeVar("_Done")

_KEPT = 60.0
"""Seconds for which a context serves: it takes 15 ms to build, with the certificates of some systems."""
_MOST = 32
"""Contexts to keep at most."""
_ENVIRONMENT = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""What OpenSSL itself reads, where no `ca_file` is given."""


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """What a TLS handshake trusts, and what it shows of itself.

    Args:
        ca_file: the PEM file of the authorities to trust; those of OpenSSL if None.
        truststore: whether to trust what the operating system does, by the package `truststore`.
        strict_x509: whether certificates must keep to RFC 5280 where Python asks for that (3.13 and newer).
        certificate_file: the PEM file of the client certificate, with its chain.
        key_file: the PEM file of its private key; in `certificate_file` if None.
        context: instead of all of these, a context that was made elsewhere.
    """

    ca_file: str | None = None
    truststore: bool = False
    strict_x509: bool = True
    certificate_file: str | None = None
    key_file: str | None = None
    context: ssl.SSLContext | None = None


SYSTEM = TlsSettings()
"""What OpenSSL itself trusts."""

_CONTEXTS: dict[tuple[object, ...], tuple[float, ssl.SSLContext]] = {}


def context_for(tls: TlsSettings) -> ssl.SSLContext:
    """The context by these settings, for a minute the same, unless one of its files has changed.

    Raises:
        ExchangeFailed: `tls` or `credentials`; a file cannot be read, or truststore is not installed.
    """
    if tls.context is not None:
        return tls.context
    key = (tls, *_stamps(tls))
    now = time.monotonic()
    until, context = _CONTEXTS.get(key, (0.0, None))
    if context is None or now >= until:
        context = _built(tls)
        if len(_CONTEXTS) >= _MOST:
            _CONTEXTS.clear()
        _CONTEXTS[key] = (now + _KEPT, context)
    return context


def _stamps(tls: TlsSettings) -> list[object]:
    """What changes when the files do: the environment's too, and each is looked up now."""
    named = [os.environ.get(name) for name in _ENVIRONMENT]
    files = (tls.ca_file, tls.certificate_file, tls.key_file, *named)
    # gevent and eventlet replace the class: a context of the one before is not for what comes after.
    return [*named, ssl.SSLContext, *(_stamp(file) for file in files if file)]


def _stamp(file: str) -> tuple[int, ...] | None:
    try:
        found = os.stat(file)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _built(tls: TlsSettings) -> ssl.SSLContext:
    context = _of_truststore() if tls.truststore else _of_openssl(tls.ca_file)
    if not tls.strict_x509:
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if tls.certificate_file is not None:
        _show_certificate(context, tls.certificate_file, tls.key_file)
    return context


def _of_openssl(ca_file: str | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError):
        raise ExchangeFailed("tls", f"no certificates can be read from {named('ca_file', ca_file)}") from None
    if ca_file is None and not context.cert_store_stats()["x509"]:
        _require_authorities()
    return context


def _require_authorities() -> None:
    """Raises ExchangeFailed where OpenSSL has read no file of authorities, and no directory has one that it
    may look up later: it would trust none, and lay that to each server's certificate."""
    file, directories = map(os.environ.get, _ENVIRONMENT)
    if file:
        raise ExchangeFailed("tls", "no certificates can be read from the file that SSL_CERT_FILE names")
    directories = directories or ssl.get_default_verify_paths().openssl_capath
    if not any(map(_holds_files, directories.split(os.pathsep))):
        raise ExchangeFailed(
            "tls", "this machine trusts no authority: install ca-certificates, or name a file by ca_file"
        )


def _holds_files(directory: str) -> bool:
    try:
        return bool(os.listdir(directory))
    except OSError:
        return False


def _of_truststore() -> ssl.SSLContext:
    try:
        import truststore
    except ModuleNotFoundError as error:
        raise ExchangeFailed(
            "tls", "truststore=True needs a package: pip install 'rightkey[truststore]'"
        ) from error
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _show_certificate(context: ssl.SSLContext, certificate_file: str, key_file: str | None) -> None:
    try:
        # Without a password OpenSSL would ask the terminal for one.
        context.load_cert_chain(certificate_file, key_file, password="")
    except (OSError, ValueError):
        raise ExchangeFailed(
            "credentials",
            f"the client certificate in {named('certificate_file', certificate_file)} cannot be used: it and "
            "its private key, there or in key_file, must be in pem form and without a password",
        ) from None


@dataclass(slots=True)
class Encrypted:
    """TLS inside of a stream, which may be TLS itself."""

    outer: Stream
    _tls: ssl.SSLObject
    _incoming: ssl.MemoryBIO
    _outgoing: ssl.MemoryBIO

    @classmethod
    def within(cls, outer: Stream, context: ssl.SSLContext, host: str) -> Encrypted:
        """After the handshake; the certificate is one for the host. Raises as sockets and `ssl` do."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname=host)
        inner = cls(outer, tls, incoming, outgoing)
        inner._run(tls.do_handshake)
        return inner

    def read(self) -> bytes:
        """The next octets; none where the other end has closed, whether or not it said so within TLS."""
        try:
            return self._run(lambda: self._tls.read(SIZE))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def write(self, octets: bytes, /) -> None:
        self._run(lambda: self._tls.write(octets))

    def close(self) -> None:
        self.outer.close()

    def _run(self, step: Callable[[], _Done]) -> _Done:
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                self._send()
                self._receive()
                continue
            except ssl.SSLError:
                with suppress(OSError):
                    self._send()  # the alert that says why
                raise
            self._send()
            return done

    def _send(self) -> None:
        if octets := self._outgoing.read():
            self.outer.write(octets)

    def _receive(self) -> None:
        octets = self.outer.read()
        if octets:
            self._incoming.write(octets)
        else:
            self._incoming.write_eof()
