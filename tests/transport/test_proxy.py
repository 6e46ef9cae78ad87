"""Which proxy a request goes through."""

from __future__ import annotations

import pytest
from tests.transport.conftest import HOST, PASSWORD, Serve, failed, get, ok, saying, unused_port

from rightkey.transport.address import read_address
from rightkey.transport.default import DefaultTransport
from rightkey.transport.proxy import proxy_for

pytestmark = pytest.mark.usefixtures("no_proxies")


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
        ("https://[fd00::1]/", "[fd00::1]", True),
        ("https://[fd00::1]:8443/", "[fd00::1]:8443", True),
        ("https://[fd00::1]/", "[fd00::]/8", True),
        ("https://[fd00::1]/", "[fd00::1]:8443", False),
        ("https://[fd00::443]/", "fd00::443", True),
        ("https://[fd00::]/", "fd00::443", False),
    ],
)
def test_no_proxy_may_name_networks(
    monkeypatch: pytest.MonkeyPatch, url: str, networks: str, direct: bool
) -> None:
    """For hosts that are addresses: a name is not looked up to learn whether it is in one."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:1")
    monkeypatch.setenv("NO_PROXY", networks)
    assert (proxy_for(read_address(url)) is None) is direct


@pytest.mark.parametrize(
    ("names", "direct"),
    [
        ("*.corp.example", True),
        ("other,*.corp.example:443", True),
        ("other, *", True),
        ("other id.corp.example", True),
        ("id.corp.example.", True),
        (".corp.example.", True),
        ("ID.Corp.Example", True),
        ("*.corp.example:8443", False),
        ("orp.example", False),
        ("*.other, ., ,*.", False),
    ],
)
def test_no_proxy_may_name_hosts_as_other_tools_do(
    monkeypatch: pytest.MonkeyPatch, names: str, direct: bool
) -> None:
    """A variable is written for curl, for Go and for a browser at once."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:1")
    monkeypatch.setenv("NO_PROXY", names)
    assert (proxy_for(read_address("https://id.corp.example/")) is None) is direct


def test_a_proxy_may_be_an_ipv6_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a network that has no other."""
    monkeypatch.setenv("HTTPS_PROXY", "http://[fd00::1]:3128")
    proxy = proxy_for(read_address("https://id.example/"))
    assert proxy is not None
    assert (proxy.host, proxy.port, str(proxy)) == ("fd00::1", 3128, "[fd00::1]:3128")


@pytest.mark.parametrize("host", ["sk-proxy-eu-1.corp.example", f"proxy-{'0a' * 16}.internal"])
def test_a_proxy_whose_name_looks_like_what_services_make_is_one(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """What may be a secret is not quoted, but a name like it is no reason to have no proxy."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://{host}:3128")
    proxy = proxy_for(read_address("https://id.example/"))
    assert proxy is not None
    assert proxy.host == host


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
        f"http://user:{PASSWORD}@[::1",
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


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "SOCKS"])
def test_socks_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """With both ways out, since a developer's shell sets it for everything."""
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://user:{PASSWORD}@127.0.0.1:1")
    error = failed(f"https://{HOST}/")
    said = str(error)
    assert error.reason == "proxy"
    assert all(word in said for word in ("socks is not supported", "NO_PROXY", "trust_env=False"))
    assert error.__cause__ is None
    assert error.__context__ is None


def test_plain_http_is_not_proxied(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy sees nothing but a request for a tunnel."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://proxy.example:1")
    assert proxy_for(read_address("http://keycloak/", ["keycloak"])) is None
