"""How the issuer serves https: a new authority, and a certificate signed by it."""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_LIFE = timedelta(days=30)
_HOSTS = ("127.0.0.1", "::1", "localhost")


class Authority:
    """A certificate authority for this machine's loopback names, and for other names given.

    It has no name constraints and is valid for thirty days: trust its file in tests only. Its private key is
    dropped as soon as it has signed.
    """

    def __init__(self, hosts: tuple[str, ...] = ()) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("rightkey local issuer")
        own = ec.generate_private_key(ec.SECP256R1())
        names = [_general(host) for host in dict.fromkeys((*_HOSTS, *hosts))]
        self._folder = tempfile.TemporaryDirectory(prefix="rightkey-")
        self.file = Path(self._folder.name, "ca.pem")
        """The authority's certificate in PEM: what clients must trust. It is gone once this is closed."""
        self.file.write_bytes(_certified(key.public_key(), name, name, key).public_bytes(Encoding.PEM))
        leaf = _certified(own.public_key(), _name("localhost"), name, key, names)
        self.context = self._server_context(own, leaf)

    def close(self) -> None:
        """Remove the file. Closing twice is harmless."""
        self._folder.cleanup()

    def _server_context(self, key: ec.EllipticCurvePrivateKey, leaf: x509.Certificate) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        file = Path(self._folder.name, "server.pem")  # ssl reads keys from files only
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(private + leaf.public_bytes(Encoding.PEM))
        context.load_cert_chain(file)
        file.unlink()
        return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _certified(
    public: ec.EllipticCurvePublicKey,
    subject: x509.Name,
    issuer: x509.Name,
    by: ec.EllipticCurvePrivateKey,
    names: list[x509.GeneralName] | None = None,
) -> x509.Certificate:
    """A certificate that strict clients accept; without names it is an authority's."""
    authority, now = names is None, datetime.now(UTC)
    usage = x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key())
    builder = (
        x509.CertificateBuilder(issuer, subject, public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _LIFE)
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(identifier, critical=False)
    )
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(by, hashes.SHA256())
