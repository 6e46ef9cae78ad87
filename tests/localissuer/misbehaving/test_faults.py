"""The local issuer's faults, each looked at from the other end of a real socket."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import socket
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509

from rightkey.localissuer import FAULTS, LocalIssuer, fault

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERY = 0.02
JWKS, DISCOVERY = "/.well-known/jwks.json", "/.well-known/openid-configuration"


@pytest.fixture(scope="module")
def started() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


@pytest.fixture
def issuer(started: LocalIssuer) -> LocalIssuer:
    started.behave()
    started.requests.clear()
    return started


def get(
    issuer: LocalIssuer, path: str = JWKS, timeout: float = 60.0
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(urlsplit(issuer.url).netloc, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def keys(issuer: LocalIssuer) -> list[Any]:
    read: list[Any] = json.loads(get(issuer)[1])["keys"]
    return read


def test_a_fault_is_a_value() -> None:
    """Equal by name and options, shown by them, and refused by name when unknown."""
    assert fault("status", code=429) == fault("status", code=429) != fault("status")
    assert "'code', 429" in repr(fault("status", code=429))
    with pytest.raises(ValueError, match=r"expected one of status, .* got 'unheard-of'"):
        fault("unheard-of")
    with pytest.raises(TypeError):
        fault("hang", seconds=1)


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_planned_by_its_name(name: str) -> None:
    """No fault of the table needs an option."""
    assert fault(name).name == name


def test_status(issuer: LocalIssuer) -> None:
    """Any status with any headers, Retry-After among them."""
    issuer.misbehave("jwks", fault("status", code=429, retry_after=7, headers={"X-RateLimit-Limit": "20"}))
    response, body = get(issuer)
    assert (response.status, response.reason) == (429, "Too Many Requests")
    assert (response.getheader("retry-after"), response.getheader("x-ratelimit-limit")) == ("7", "20")
    assert json.loads(body) == {"error": "misbehaving"}
    issuer.misbehave("jwks", fault("status", code=599))
    assert get(issuer)[0].reason == "Unknown"


@pytest.mark.slow
def test_delay(issuer: LocalIssuer) -> None:
    """Nothing comes before the delay is over; then all of it."""
    issuer.misbehave("jwks", fault("delay", seconds=60))
    with pytest.raises(TimeoutError):
        get(issuer, timeout=0.1)
    assert issuer.requests.wait("jwks", timeout=60)
    issuer.misbehave("jwks", fault("delay", seconds=0.01))
    assert len(keys(issuer)) == 2


@pytest.mark.slow
def test_hang(issuer: LocalIssuer) -> None:
    """The connection is taken, the request read, and nothing comes."""
    issuer.misbehave("jwks", "hang", times=1)
    with pytest.raises(TimeoutError):
        get(issuer, timeout=0.1)
    assert issuer.requests.wait("jwks", timeout=60)
    assert issuer.requests["jwks"] == 1
    assert len(keys(issuer)) == 2


def dripped(client: socket.socket, began: float, came: bytes = b"") -> bytes:
    """Four octets or more: each of them took its time, however many are read at once."""
    while len(came) < 4:
        came += client.recv(100)
    assert time.monotonic() - began > 0.9 * EVERY * len(came)
    return came


def test_drip_headers(issuer: LocalIssuer) -> None:
    """Octet by octet, so that a timeout between two reads never fires."""
    issuer.misbehave("jwks", fault("drip-headers", every=EVERY))
    parts = urlsplit(issuer.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as client:
        began = time.monotonic()
        client.sendall(f"GET {JWKS} HTTP/1.1\r\n\r\n".encode())
        assert dripped(client, began).startswith(b"HTTP")


def test_drip_body(issuer: LocalIssuer) -> None:
    """The headers come at once, the body octet by octet."""
    issuer.misbehave("jwks", fault("drip-body", every=EVERY))
    parts = urlsplit(issuer.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as client:
        began = time.monotonic()
        client.sendall(f"GET {JWKS} HTTP/1.1\r\n\r\n".encode())
        head, end, body = client.recv(4096).partition(b"\r\n\r\n")
        assert (head[:4], end) == (b"HTTP", b"\r\n\r\n")
        assert dripped(client, began, body).startswith(b'{"ke')


@pytest.mark.slow
def test_a_drip_comes_to_its_end(issuer: LocalIssuer) -> None:
    """Who has the patience gets the document."""
    issuer.misbehave("jwks", fault("drip-body", every=0.000_001))
    assert len(keys(issuer)) == 2


def test_reset(issuer: LocalIssuer) -> None:
    """RST after the request, not an orderly end."""
    issuer.misbehave("jwks", "reset")
    with pytest.raises(ConnectionResetError):
        get(issuer)


def test_truncated(issuer: LocalIssuer) -> None:
    """Less comes than Content-Length promised."""
    issuer.misbehave("jwks", "truncated")
    with pytest.raises(http.client.IncompleteRead) as raised:
        get(issuer)
    assert raised.value.expected is not None
    assert raised.value.expected > 0


def test_redirect(issuer: LocalIssuer) -> None:
    """Elsewhere, by any status of that family."""
    issuer.misbehave("discovery", fault("redirect", to="http://169.254.169.254/", code=307))
    response, _ = get(issuer, DISCOVERY)
    assert (response.status, response.getheader("location")) == (307, "http://169.254.169.254/")


def test_html(issuer: LocalIssuer) -> None:
    """A captive portal: all looks well but for the document."""
    issuer.misbehave("jwks", "html")
    response, body = get(issuer)
    assert (response.status, response.getheader("content-type")) == (200, "text/html")
    assert body.startswith(b"<!doctype html>")


def test_wrong_type(issuer: LocalIssuer) -> None:
    """A good document under another type."""
    issuer.misbehave("jwks", fault("wrong-type", content_type="application/octet-stream"))
    assert get(issuer)[0].getheader("content-type") == "application/octet-stream"
    assert len(keys(issuer)) == 2


def test_broken_json(issuer: LocalIssuer) -> None:
    """The document ends in the middle, and Content-Length agrees."""
    issuer.misbehave("jwks", "broken-json")
    with pytest.raises(json.JSONDecodeError):
        json.loads(get(issuer)[1])


@pytest.mark.slow
@pytest.mark.parametrize("size", [3 * 1024 * 1024 + 5, 64 * 1024 * 1024])
def test_gzip_bomb(issuer: LocalIssuer, size: int) -> None:
    """Small on the wire, large after decompression, and a good document at last."""
    issuer.misbehave("jwks", fault("gzip-bomb", size=size))
    response, body = get(issuer)
    assert response.getheader("content-encoding") == "gzip"
    assert len(body) < size // 100
    inflated = gzip.decompress(body)
    assert len(inflated.rstrip().lstrip(b" ")) + size == len(inflated)
    assert len(json.loads(inflated)["keys"]) == 2


def test_huge(issuer: LocalIssuer) -> None:
    """More than a client should read; a good document for one that does."""
    issuer.misbehave("jwks", fault("huge", size=1_000_001))
    response, body = get(issuer)
    assert int(response.getheader("content-length") or 0) == len(body) > 1_000_001
    assert len(json.loads(body)["keys"]) == 2


def test_huge_is_huge_by_default(issuer: LocalIssuer) -> None:
    """64 MiB are promised; a client may hang up without harm."""
    issuer.misbehave("jwks", "huge")
    parts = urlsplit(issuer.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as client:
        client.sendall(f"GET {JWKS} HTTP/1.1\r\n\r\n".encode())
        response = http.client.HTTPResponse(client)
        response.begin()
        assert (response.length or 0) > 64 * 1024 * 1024
        assert response.read(10) == b" " * 10
        response.close()


def test_faults_of_the_set_as_a_whole(issuer: LocalIssuer) -> None:
    """No key at all; a stranger under the current kid ahead of the rest."""
    issuer.misbehave("jwks", "empty-set", times=1)
    issuer.misbehave("jwks", "duplicate-kid", times=1)
    assert keys(issuer) == []
    first, second, _ = keys(issuer)
    assert first["kid"] == second["kid"] == issuer.current.kid
    assert first["x"] != second["x"]


def test_broken_members_leave_the_good_ones(issuer: LocalIssuer) -> None:
    """Null, a string, RSA without e, an unknown kty, then the keys as they should be."""
    issuer.misbehave("jwks", "broken-member")
    null, string, rsa, odd, *good = keys(issuer)
    assert (null, string, odd["kty"]) == (None, "key", "LWE")
    assert "e" not in rsa
    assert [key["kid"] for key in good] == [issuer.current.kid, issuer.next.kid]


def test_private_members(issuer: LocalIssuer) -> None:
    """The current key is given away, the next is not."""
    issuer.misbehave("jwks", "private-members")
    current, following = keys(issuer)
    assert current == issuer.current.private_jwk()
    assert "d" not in following


def test_members_that_say_too_much_or_too_little(issuer: LocalIssuer) -> None:
    """use=enc on every key; no alg on any."""
    issuer.misbehave("jwks", "use-enc", times=1)
    issuer.misbehave("jwks", "no-alg", times=1)
    assert {key["use"] for key in keys(issuer)} == {"enc"}
    assert not any("alg" in key for key in keys(issuer))


def test_keys_to_encrypt_with(issuer: LocalIssuer) -> None:
    """By key_ops alone, so that only those who heed that are told."""
    issuer.misbehave("jwks", "key-ops-encrypt")
    assert all(key["key_ops"] == ["encrypt"] and "use" not in key for key in keys(issuer))


def test_other_alg(issuer: LocalIssuer) -> None:
    """Every key is for an algorithm that it does not sign by, as its owner likes."""
    issuer.misbehave("jwks", "other-alg", times=1)
    issuer.misbehave("jwks", fault("other-alg", alg="ES384"), times=1)
    assert [{key["alg"] for key in keys(issuer)} for _ in range(2)] == [{"RS512"}, {"ES384"}]


def test_bare(issuer: LocalIssuer) -> None:
    """The numbers of the key and its id, and nothing else."""
    issuer.misbehave("jwks", "bare")
    assert all(key.keys() == {"kty", "crv", "x", "y", "kid"} for key in keys(issuer))


def test_broken_certificate(issuer: LocalIssuer) -> None:
    """Base64 as it should be, of what is no certificate; the key beside it is the issuer's."""
    issuer.misbehave("jwks", "broken-certificate")
    key, _ = keys(issuer)
    assert base64.b64decode(key["x5c"][0]) == b"no certificate"
    assert key["x"] == issuer.current.public_jwk()["x"]


def test_other_certificate(issuer: LocalIssuer) -> None:
    """A good certificate and its thumbprint, and the key in it is not the one beside it."""
    issuer.misbehave("jwks", "other-certificate")
    key, _ = keys(issuer)
    own, strange = issuer.current.public_jwk(), issuer.means().stranger
    certificate = x509.load_der_x509_certificate(base64.b64decode(key["x5c"][0]))
    assert certificate.public_key() == strange.private.public_key()
    assert key["x5t"] == strange.public_jwk()["x5t"] != own["x5t"]
    assert (key["x"], key["kid"]) == (own["x"], own["kid"])


def test_wrong_issuer(issuer: LocalIssuer) -> None:
    """The metadata is another issuer's."""
    issuer.misbehave("discovery", "wrong-issuer")
    assert json.loads(get(issuer, DISCOVERY)[1])["issuer"] == "https://elsewhere.example/"


def test_moved_jwks_uri(issuer: LocalIssuer) -> None:
    """The keys are served at the new place too, and counted apart; or the place is anywhere."""
    issuer.misbehave("discovery", "moved-jwks-uri", times=1)
    issuer.misbehave("jwks", fault("status", code=404))
    moved = json.loads(get(issuer, DISCOVERY)[1])["jwks_uri"]
    assert len(json.loads(get(issuer, urlsplit(moved).path)[1])["keys"]) == 2
    assert (issuer.requests["moved"], issuer.requests["jwks"], get(issuer)[0].status) == (1, 0, 404)
    issuer.misbehave("discovery", fault("moved-jwks-uri", to="file:///etc/passwd"))
    assert json.loads(get(issuer, DISCOVERY)[1])["jwks_uri"] == "file:///etc/passwd"
