"""Each proxy, as its snippet configures it: what its client sees, and what its service is sent."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from tests.conftest import ended
from websockets.sync.client import connect

from rightkey.gateway import snippets
from rightkey.localissuer import LocalIssuer, Sender
from rightkey.proof.nonces import nonce_at

pytestmark = pytest.mark.slow
OWN = Path(sys.executable).parent


class Kind(NamedTuple):
    """A proxy: whose snippet it takes, where its binary is, how it is started, and what is its own."""

    proxy: str
    binary: Path
    command: str
    down: int
    """The status where the gateway is gone."""
    aliases: int = 200
    """The status of a request with a header whose name some services take for another."""
    prefix: bool = True
    """Whether all headers of the prefix are deleted; otherwise those alone that are configured."""
    retry: bool = True
    """Whether a gateway's Retry-After reaches the client."""
    body: bool = True
    """Whether the gateway's words reach the client."""
    nonce: bool = True
    """Whether a nonce reaches the client beside what the service answers."""


KINDS = {
    "nginx": Kind("nginx", Path("/usr/sbin/nginx"), "-c nginx.main -p .", 500, prefix=False, body=False),
    "caddy-2.6": Kind("caddy", Path("/usr/bin/caddy"), "run --config Caddyfile --adapter caddyfile", 502),
    "caddy": Kind("caddy", OWN / "caddy", "run --config Caddyfile --adapter caddyfile", 502),
    "traefik": Kind("traefik", OWN / "traefik", "--configfile traefik.yml", 500, aliases=400, nonce=False),
    "envoy": Kind(
        *("envoy", OWN / "envoy", "-c envoy.yaml --concurrency 1 --disable-hot-restart -l error"),
        down=503,
        aliases=400,
        retry=False,
    ),
    "haproxy": Kind("haproxy", Path("/usr/sbin/haproxy"), "-db -f haproxy.cfg", 503),
}
NAMES = ("subject", "Scopes", "other", "subject-more")
BELIEVED_BY_OTHERS = {
    "X-Original-URI": "/public/a",
    "X-Original-Method": "POST",
    "X-Forwarded-Uri": "/public/a",
    "X-Forwarded-Method": "POST",
    "X-Forwarded-Prefix": "/public",
    "Forwarded": "for=127.0.0.1;host=other",
    "X-Rewrite-URL": "/public/a",
    "X-HTTP-Method-Override": "POST",
    "User-Agent": "kube-probe/1.30",
}
SPELLED = (
    "/public/../orders/1",
    "/public/%2e%2e/orders/1",
    "/public/..%2forders/1",
    "/public/..;/orders/1",
    "//orders/1",
    "/public%2f..%2forders/1",
    "/orders%2f1",
    "/orders;a=b/1",
    "/ORDERS/1",
    "/public/a%2f%2e%2e%2f%2e%2e/orders/1",
    "/public/%252e%252e/orders/1",
    "/public\\..\\orders/1",
    "/public/#/../../orders/1",
    "/public/a?/../../orders/1",
)
NGINX = """
daemon off; pid nginx.pid; error_log stderr; user root;
events {{ }}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f;
    uwsgi_temp_path u; scgi_temp_path s;
    include {folder}/nginx.conf;
}}
"""


@dataclass
class Front:
    """A proxy that runs, before a service and with a gateway."""

    kind: Kind
    url: str
    gateway: Any
    issuer: LocalIssuer

    def send(
        self, method: str = "GET", path: str = "/orders/1", token: str | None = None, **more: Any
    ) -> httpx.Response:
        headers = [*more.pop("headers", [])]
        if token is not None:
            headers.append(("Authorization", f"Bearer {token}"))
        with httpx.Client(trust_env=False, verify=False, timeout=60) as client:
            return client.request(method, f"{self.url}{path}", headers=headers, **more)

    def send_raw(self, path: str) -> tuple[int, bytes]:
        """A path as it is written, which httpx would mend."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=60)
        with closing(connection):
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()

    def token(self, **claims: Any) -> str:
        return self.issuer.token(**{"sub": "alice", "scope": "read:orders"} | claims)


@pytest.fixture
def more() -> str:
    """What the gateway's configuration has besides; a test may say it."""
    return ""


@pytest.fixture(params=KINDS)
def front(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    issuer: LocalIssuer,
    gateway: Callable[..., Any],
    service: str,
    free_ports: Callable[[], int],
    more: str,
) -> Iterator[Front]:
    """Each proxy by its own snippet, which differs from what is printed in its ports alone."""
    kind = KINDS[request.param]
    if not kind.binary.exists():
        pytest.skip(f"there is no {request.param} on this machine")
    own = gateway(kind.proxy, more=more)
    port = free_ports()
    with ExitStack() as stack:
        written(kind.proxy, tmp_path, {":9090": f":{own.listen.rpartition(':')[2]}"} | ports(service, port))
        log = stack.enter_context((tmp_path / "proxy.log").open("w+", encoding="utf-8"))
        process = subprocess.Popen(
            [kind.binary, *kind.command.split()],
            cwd=tmp_path,
            stdout=log,
            stderr=log,
            env=os.environ | {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)},
        )
        stack.callback(ended, process)
        while not answers(port):
            if process.poll() is not None:
                pytest.fail((tmp_path / "proxy.log").read_text(encoding="utf-8"))
            time.sleep(0.05)
        front = Front(kind, f"http://127.0.0.1:{port}", own, issuer)
        while front.send().status_code == 404:  # Traefik listens before it has read its routes
            time.sleep(0.05)
        yield front


def ports(service: str, port: int) -> dict[str, str]:
    """What stands in a snippet, and what takes its place."""
    behind = service.rpartition(":")[2]
    changed = {f":{8000}": f":{behind}", f":{8080}": f":{port}", "listen 8080": f"listen {port}"}
    return changed | {
        f"port_value: {8080}": f"port_value: {port}",
        f"port_value: {8000}": f"port_value: {behind}",
    }


def written(proxy: str, folder: Path, changed: dict[str, str]) -> None:
    gateway = changed[":9090"].lstrip(":")
    changed = changed | {"port_value: 9090": f"port_value: {gateway}"}
    for name, text in snippets.of(proxy).items():
        for before, after in changed.items():
            text = text.replace(before, after)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "nginx.main").write_text(NGINX.format(folder=folder), encoding="utf-8")


def answers(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def sent(response: httpx.Response) -> dict[str, str]:
    """The headers that the service was sent, in lower case."""
    assert response.status_code == 200, (response.status_code, response.text)
    return {name.lower(): value for name, value in response.json()["headers"]}


def test_what_a_client_sees(front: Front) -> None:
    """200, 401 and 403 with their challenges, and never through a gateway that is gone."""
    good = front.send(token=front.token())
    assert (good.status_code, sent(good)["x-auth-subject"]) == (200, "alice")
    assert sent(good)["x-auth-scopes"] == "read:orders"
    missing = front.send()
    assert (missing.status_code, missing.headers["WWW-Authenticate"]) == (401, 'Bearer scope="read:orders"')
    lacking = front.send(token=front.token(scope="other"))
    assert lacking.status_code == 403
    assert 'error="insufficient_scope"' in lacking.headers["WWW-Authenticate"]
    assert ("scope_insufficient" in lacking.text) is front.kind.body
    forged = front.send(token=front.issuer.attack("wrong-key", sub="mallory"))
    assert forged.status_code == 401
    assert 'error="invalid_token"' in forged.headers["WWW-Authenticate"]
    two = front.send(token=front.token(), headers=[("Authorization", f"Bearer {front.token()}")])
    assert two.status_code == 400
    assert front.send(path="/public/a", token="bad").status_code == 200
    assert front.send("POST", "/orders/1").status_code == 401
    front.gateway.kill()
    assert front.send(token=front.token()).status_code == front.kind.down


@pytest.mark.parametrize("front", ["nginx"], indirect=True)
def test_what_the_gateway_does_not_look_at_is_left_out(front: Front) -> None:
    """So that it is asked in the same words, and need not read them again."""
    front.gateway.stop()
    host, port = front.gateway.listen.split(":")
    heads = list[bytes]()

    def told() -> None:
        for _ in range(2):
            with gate.accept()[0] as asked:
                heads.append(asked.recv(65536))
                asked.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    token = front.token()
    with socket.create_server((host, int(port))) as gate:
        thread = threading.Thread(target=told)
        thread.start()
        for number in ("1", "2"):
            differing = ("Accept", "Accept-Encoding", "Accept-Language", "If-None-Match", "If-Modified-Since")
            differing += ("Referer", "Traceparent", "Tracestate", "User-Agent", "X-Request-ID")
            front.send(token=token, headers=[("Cookie", "a=b"), *((name, number) for name in differing)])
        thread.join(60)
    assert heads[0] == heads[1]
    names = {line.partition(b":")[0].lower().decode() for line in heads[0].split(b"\r\n")[1:-2]}
    counting = {"x-original-method", "x-original-uri", "x-original-host"}
    assert names == {"host", "authorization", "cookie", *counting}


NONCES = 'origin = "https://api.example.com"\ndpop = { nonce_secret_file = "nonces" }'


@pytest.mark.parametrize("more", [NONCES])
def test_a_client_of_dpop_is_told_its_nonces(nonces: bytes, front: Front) -> None:
    """With a refusal, and before one ends with what the service answers."""
    caller = Sender()

    def asked(nonce: str | None, **claims: Any) -> httpx.Response:
        token = front.token(cnf=caller.cnf, **claims)
        headers = caller.headers("GET", "https://api.example.com/orders/1", token, nonce=nonce)
        return front.send(headers=[*headers.items()])

    refused = asked(None)
    assert (refused.status_code, "use_dpop_nonce" in refused.headers["www-authenticate"]) == (401, True)
    good = asked(refused.headers["dpop-nonce"])
    assert (good.status_code, "dpop-nonce" in good.headers) == (200, False)
    lacking = asked(nonce_at(nonces, time.time() - 90), scope="other")
    assert (lacking.status_code, asked(lacking.headers["dpop-nonce"]).status_code) == (403, 200)
    late = asked(nonce_at(nonces, time.time() - 90))
    assert (late.status_code, len(late.headers.get_list("dpop-nonce"))) == (200, int(front.kind.nonce))
    if front.kind.nonce:
        assert asked(late.headers["dpop-nonce"]).status_code == 200
    assert "dpop-nonce" not in front.send(token=front.token()).headers
    assert "dpop-nonce" not in front.send(path="/public/a").headers


@pytest.fixture
def nonces(tmp_path: Path) -> bytes:
    """The secret of nonces, in its file before the gateway reads it."""
    secret = b"n" * 40
    (tmp_path / "nonces").write_bytes(secret)
    return secret


def test_an_outage_is_503(front: Front) -> None:
    """Where a token cannot be judged since the issuer is gone, with when to come back."""
    front.issuer.misbehave("jwks", "status")
    front.issuer.rotate(surprise=True)
    response = front.send(token=front.token())
    assert response.status_code == 503
    assert ("Retry-After" in response.headers) is front.kind.retry


def test_no_identity_of_a_client_reaches_the_service(front: Front) -> None:
    """Whatever it calls it, and where there is no claim, neither."""
    anonymous = front.issuer.token(scope="read:orders", sub=None)
    for separator, token in itertools.product("-_.", (None, anonymous)):
        names = NAMES if front.kind.prefix else NAMES[:2]
        marks = [(a, b) for a in (separator, "-") for b in (separator, "-") if separator in (a, b)]
        spoofed = [(f"x{a}auth{b}{name}", "mallory") for a, b in marks for name in names]
        path = "/public/a" if token is None else "/orders/1"
        response = front.send(path=path, token=token, headers=[("X-Auth-Subject", "mallory"), *spoofed])
        if separator == "-" or response.status_code != front.kind.aliases:
            assert "mallory" not in sent(response).values(), separator


def test_no_header_of_a_client_chooses_the_route(front: Front) -> None:
    """By whatever name proxies and services know them."""
    for name, value in BELIEVED_BY_OTHERS.items():
        assert front.send(headers=[(name, value)]).status_code == 401, name
        assert (
            front.send("POST", token=front.token(scope="other"), headers=[(name, value)]).status_code == 200
        )
    assert front.send(path="/orders/1?x=/public/a").status_code == 401


def test_no_spelling_of_a_path_passes_without_a_token(front: Front) -> None:
    """Whatever the proxy or a service makes of it: it is refused, or what reaches the service is public."""
    for path in SPELLED:
        status, body = front.send_raw(path)
        if status == 200:
            assert re.fullmatch(r"/public/[^./%]*(\?.*)?", json.loads(body)["uri"]), path
        else:
            assert status in (301, 307, 308, 400, 401, 403, 404), path


def test_all_that_is_no_plain_get(front: Front) -> None:
    """POST with a body, HEAD, long tokens, `Expect`, a query, and a token that is not the first."""
    posted = front.send("POST", "/", front.token(), content=b"x" * 100_000)
    assert (posted.json()["method"], len(posted.json()["body"])) == ("POST", 100_000)
    chunked = front.send("POST", "/", front.token(), content=iter([b"a" * 10, b"b" * 10]))
    assert len(chunked.json()["body"]) == 20
    waited = front.send("POST", "/", front.token(), content=b"body", headers=[("Expect", "100-continue")])
    assert waited.json()["body"] == "body"
    head = front.send("HEAD", "/orders/1", front.token())
    assert (head.status_code, head.text) == (200, "")
    assert front.send("HEAD", "/orders/1").status_code == 401
    long = front.send(token=front.token(more="x" * 5000))
    assert sent(long)["x-auth-subject"] == "alice"
    asked = front.send(path="/orders/1?a=b&c=%20", token=front.token())
    assert asked.json()["uri"] == "/orders/1?a=b&c=%20"
    assert front.gateway.count("body_refused") == 0


def test_a_websocket_opens_behind_it(front: Front) -> None:
    """Caddy hands `Upgrade` on to the gateway, which answers it like any request."""
    url = front.url.replace("http:", "ws:") + "/talk"
    headers = {"Authorization": f"Bearer {front.token()}"}
    with connect(url, additional_headers=headers, proxy=None, open_timeout=60, close_timeout=60) as socket:
        socket.send("hello")
        assert socket.recv(60) == "hello alice"
    assert front.gateway.count("defect") == front.gateway.count("head_refused") == 0
