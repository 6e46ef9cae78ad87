"""The gateway's processes: workers that are killed, replaced, starved and drained, as a proxy sees it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from rightkey.cli import run
from rightkey.gateway.address import BACKLOG
from rightkey.gateway.server import RESTART_SECONDS
from rightkey.localissuer import LocalIssuer, Sender

pytestmark = pytest.mark.slow


def until(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Whether it has come about in that time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


class Load:
    """Clients of a gateway, that ask again and again: each on a connection that it keeps, as a proxy does, or
    on a new one for each request."""

    def __init__(self, gateway: Any, token: Callable[[], str], *, keeps: bool) -> None:
        self.statuses: list[int] = []
        self.broken: list[str] = []
        self._gateway, self._token, self._keeps, self._over = gateway, token, keeps, threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(4)]

    def _ask(self) -> None:
        connection = self._connection()
        while not self._over.is_set():
            try:
                status = self._once(connection)
            except (OSError, http.client.HTTPException) as error:
                self.broken.append(repr(error))
                connection.close()
                continue
            self.statuses.append(status)
            if not self._keeps:
                connection.close()  # http.client opens the next by itself
        connection.close()

    def _once(self, connection: http.client.HTTPConnection) -> int:
        uri = {"x-original-method": "GET", "x-original-uri": "/orders/1", "x-original-host": "a"}
        connection.request("GET", "/", headers=uri | {"authorization": f"Bearer {self._token()}"})
        response = connection.getresponse()
        response.read()
        return response.status

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._gateway.listen, timeout=60)

    def goes_on(self, answers: int) -> bool:
        """Whether so many more come."""
        before = len(self.statuses)
        return until(lambda: len(self.statuses) >= before + answers)

    @contextmanager
    def running(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join(60)


@pytest.fixture
def token(issuer: LocalIssuer) -> Callable[[], str]:
    return lambda: issuer.token(sub="alice", scope="read:orders")


@pytest.mark.parametrize("keeps", [True, False], ids=["kept", "new"])
def test_a_reload_loses_no_request(gateway: Any, token: Any, keeps: bool) -> None:
    """Whatever is on its way, and to whichever worker; and all workers are new."""
    of = gateway("nginx", workers=2)
    before = of.workers()
    load = Load(of, token, keeps=keeps)
    with load.running():
        for _ in range(3):
            done = of.log().count("all workers are new")
            of.process.send_signal(signal.SIGHUP)
            assert until(lambda done=done: of.log().count("all workers are new") > done), of.log()
        assert load.goes_on(100)
    assert load.broken == []
    assert set(load.statuses) == {200}
    assert not before & of.workers() or until(lambda: not before & of.workers())
    assert of.count("ok") >= len(load.statuses)


def test_a_rotation_refuses_no_valid_token(gateway: Any, issuer: LocalIssuer, token: Any) -> None:
    """Announced or not, under load: new keys are waited for, and nothing else waits meanwhile."""
    of = gateway("nginx", workers=2)
    load = Load(of, token, keeps=True)
    with load.running():
        for surprise in (False, True):
            assert load.goes_on(20)
            issuer.rotate(surprise=surprise)
        assert load.goes_on(40)
    assert (set(load.statuses), load.broken) == ({200}, [])


def test_a_configuration_that_is_wrong_changes_nothing(gateway: Any, ask: Any, token: Any) -> None:
    """It is told, and the workers go on; a right one counts from then on."""
    of = gateway("nginx")
    workers, text, alice = of.workers(), of.file.read_text(), token()
    assert [ask(of, "/orders/1", alice).status_code for _ in range(4)] == [200] * 4
    of.file.write_text(text.replace("/public/*", "public"))
    of.process.send_signal(signal.SIGHUP)
    assert until(lambda: "the configuration is not changed: routes: route 1: path" in of.log())
    assert of.workers() == workers
    assert ask(of, "/public/a").status_code == 200
    changed = text.replace("/public/*", "/open/*").replace("workers = 1", "workers = 2")
    of.file.write_text(changed.replace("read:orders", "write:orders"))
    of.process.send_signal(signal.SIGHUP)
    assert until(lambda: "all workers are new" in of.log())
    assert until(lambda: not workers & of.workers())  # one that is told to end may take another connection
    assert (ask(of, "/public/a").status_code, ask(of, "/open/a").status_code) == (401, 200)
    assert [ask(of, "/orders/1", alice).status_code for _ in range(4)] == [403] * 4
    of.file.write_text(text)
    of.process.send_signal(signal.SIGHUP)
    assert until(lambda: of.log().count("all workers are new") == 2)
    assert until(lambda: len(of.workers()) == 1)


def test_a_reload_in_an_outage_keeps_the_workers_that_have_keys(
    gateway: Any, ask: Any, issuer: LocalIssuer, token: Any
) -> None:
    """New ones could not get any; afterwards they can."""
    of = gateway("nginx")
    issuer.misbehave("discovery", "status")
    issuer.misbehave("jwks", "status")
    of.process.send_signal(signal.SIGHUP)
    assert until(lambda: "workers are not replaced" in of.log())
    assert ask(of, "/orders/1", token()).status_code == 200
    issuer.behave()
    of.process.send_signal(signal.SIGHUP)
    assert until(lambda: "all workers are new" in of.log())
    assert ask(of, "/orders/1", token()).status_code == 200


def test_with_a_store_a_reload_in_an_outage_has_keys(
    gateway: Any, ask: Any, issuer: LocalIssuer, token: Any, tmp_path: Path
) -> None:
    """Workers share what the issuer said: it is asked once, and new ones take it from there."""
    of = gateway("nginx", workers=2, more=f'store = "file://{tmp_path}/fleet"\n')
    assert issuer.requests.total == 2
    for what in ("discovery", "jwks"):
        issuer.misbehave(what, "status")
    before = of.workers()
    of.process.send_signal(signal.SIGHUP)
    assert until(lambda: "all workers are new" in of.log()), of.log()
    assert until(lambda: not before & of.workers())
    assert ask(of, "/orders/1", token()).status_code == 200
    assert issuer.requests.total == 2


def test_it_starts_in_an_outage(gateway: Any, ask: Any, issuer: LocalIssuer, token: Any) -> None:
    """Public routes are served, tokens get 503, and it is ready: a restart would bring no keys."""
    issuer.misbehave("discovery", "status")
    of = gateway("nginx")
    assert ask(of, "/public/a").status_code == 200
    refused = ask(of, "/orders/1", token())
    assert (refused.status_code, refused.json()["code"]) == (503, "keys_unavailable")
    assert int(refused.headers["Retry-After"]) >= 1
    assert of.look("/readyz").status_code == 200
    assert of.look("/.well-known/jwks.json").status_code == 503
    issuer.behave()
    assert until(lambda: ask(of, "/orders/1", token()).status_code == 200)


def test_workers_that_are_killed_are_replaced(gateway: Any, ask: Any, token: Any) -> None:
    """All of them; what was counted stays counted."""
    of = gateway("nginx", workers=2)
    assert ask(of, "/orders/1", token()).status_code == 200
    time.sleep(RESTART_SECONDS)
    before = of.workers()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    assert until(lambda: len(of.workers()) == 2 and not before & of.workers())
    assert until(lambda: ask(of, "/orders/1", token()).status_code == 200)
    assert of.count("ok") == 2
    assert "a worker has died" in of.log()


def test_workers_end_where_their_parent_is_killed(gateway: Any) -> None:
    """Otherwise they would hold the port, and answer by a configuration that nothing can change."""
    of = gateway("nginx", workers=2)
    workers = of.workers()
    of.process.kill()
    assert until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


def test_a_worker_that_is_stopped_takes_nothing_from_the_other(gateway: Any, token: Any) -> None:
    """It is starved of time, as by SIGSTOP; connections that it has not accepted are the other's."""
    of = gateway("nginx", workers=2)
    starved = min(of.workers())
    os.kill(starved, signal.SIGSTOP)
    load = Load(of, token, keeps=False)
    try:
        with load.running():
            assert load.goes_on(100)
    finally:
        os.kill(starved, signal.SIGCONT)
    assert (set(load.statuses), load.broken) == ({200}, [])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_drains_and_ends(gateway: Any, ask: Any, token: Any, number: int) -> None:
    """What is open is answered, and then closed; no process stays."""
    of = gateway("nginx", workers=2)
    workers = of.workers()
    host, port = of.listen.split(":")
    asked = b"GET / HTTP/1.1\r\nX-Original-Method: GET\r\nX-Original-Uri: /public/a\r\nX-Original-Host: a\r\n"
    with socket.create_connection((host, int(port)), timeout=60) as kept:
        kept.sendall(asked + b"\r\n")
        assert kept.recv(4096).endswith(b"\r\n\r\n")  # so that it is accepted before the signal comes
        kept.sendall(asked)
        of.process.send_signal(number)
        assert until(lambda: _refuses(host, int(port)))
        kept.sendall(b"\r\n")
        got = b""
        while piece := kept.recv(4096):
            got += piece
    assert got.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Connection: close\r\n" in got
    assert of.process.wait(60) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def _refuses(host: str, port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex((host, port)) != 0


def test_garbage_and_slow_heads_hold_up_no_other(gateway: Any, ask: Any, token: Any) -> None:
    """Hundreds of connections that send nonsense, or a head octet by octet."""
    of = gateway("nginx")
    host, port = of.listen.split(":")
    slow = [socket.create_connection((host, int(port))) for _ in range(300)]
    try:
        for number, sock in enumerate(slow):
            with suppress(OSError):
                sock.sendall((b"GET / HTTP/1.1\r\nA: ", os.urandom(2000), b"\x16\x03\x01")[number % 3])
        assert ask(of, "/orders/1", token()).status_code == 200
        assert until(lambda: of.count("head_refused") >= 100)
    finally:
        for sock in slow:
            sock.close()
    assert ask(of, "/orders/1", token()).status_code == 200


def test_connections_wait_to_be_accepted(gateway: Any) -> None:
    """A crowd comes while a worker is busy: where the line is full, a client tries again a second later."""
    most = min(BACKLOG, int(Path("/proc/sys/net/core/somaxconn").read_text()), 500)
    of = gateway("nginx")
    host, port = of.listen.split(":")
    (worker,) = of.workers()
    os.kill(worker, signal.SIGSTOP)
    with ExitStack() as stack:
        stack.callback(os.kill, worker, signal.SIGCONT)
        for _ in range(most):
            stack.enter_context(socket.create_connection((host, int(port)), timeout=60))


def test_ten_thousand_connections_are_kept(gateway: Any, ask: Any, token: Any) -> None:
    """As many as the limit on open files allows."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = min(10_000, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    kept: list[socket.socket] = []
    try:
        of = gateway("nginx")
        host, port = of.listen.split(":")
        for _ in range(most):
            kept.append(socket.create_connection((host, int(port)), timeout=60))
        asked = b"GET / HTTP/1.1\r\nX-Original-Method: GET\r\nX-Original-Uri: /public/a\r\n"
        asked += b"X-Original-Host: a\r\n\r\n"
        for sock in kept[:: most // 50]:
            sock.sendall(asked)
            assert sock.recv(4096).startswith(b"HTTP/1.1 200 OK")
        assert until(lambda: of.look("/metrics").text.find(f"connections {most}\n") > 0)
        assert ask(of, "/orders/1", token()).status_code == 200
    finally:
        for sock in kept:
            sock.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_it_listens_on_unix_sockets(gateway: Any, tmp_path: Path) -> None:
    """Anyone who may open one is a peer, whatever networks are."""
    path = tmp_path / "gateway.sock"
    gateway("envoy", listen=f"unix:{path}", more='peers = ["10.0.0.0/8"]')
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        sock.sendall(b"GET /public/a HTTP/1.1\r\nHost: a\r\n\r\n")
        assert sock.recv(4096).startswith(b"HTTP/1.1 200 OK")


def test_it_answers_peers_alone(gateway: Any, ask: Any) -> None:
    """Health checks come from anywhere."""
    of = gateway("nginx", more='peers = ["10.0.0.0/8"]')
    refused = ask(of, "/public/a")
    assert (refused.status_code, refused.json()["code"]) == (403, "peer_refused")
    assert of.look("/healthz").status_code == 200
    assert of.count("peer_refused") == 1


def proof_of(issuer: LocalIssuer) -> dict[str, str]:
    """The headers of one request with a bound token."""
    sender = Sender()
    token = issuer.token(sub="alice", cnf=sender.cnf)
    url = "https://api.example.com/me"
    asked = {"x-original-method": "GET", "x-original-uri": "/me", "x-original-host": "api.example.com"}
    return asked | sender.headers("GET", url, token)


def test_a_proof_passes_once_in_all_workers(gateway: Any, issuer: LocalIssuer) -> None:
    """Without a store, by a directory that is gone in the end. Other gateways have theirs beside it."""
    before = set(Path("/dev/shm").glob("rightkey-*"))
    of = gateway("nginx", workers=4, more='origin = "https://api.example.com"')
    for _ in range(3):
        headers, statuses = proof_of(issuer), list[int]()
        for _ in range(16):
            connection = http.client.HTTPConnection(of.listen, timeout=60)
            connection.request("GET", "/", headers=headers)
            statuses.append(connection.getresponse().status)
            connection.close()
        assert sorted(statuses) == [200, *[401] * 15]
    (made,) = set(Path("/dev/shm").glob(f"rightkey-{of.process.pid}-*")) - before
    assert of.stop() == 0
    assert not made.exists()


def test_a_denied_session_is_refused_by_all_workers(
    gateway: Any, issuer: LocalIssuer, tmp_path: Path
) -> None:
    """Within a second of `rightkey deny`, also where its token is remembered."""
    store = f'store = "file://{tmp_path}/fleet"\n[denylist]\non_loss = "refuse"'
    of = gateway("nginx", workers=3, more=store)
    token = issuer.token(sub="alice", sid="s1")
    asked = {"x-original-method": "GET", "x-original-uri": "/me", "x-original-host": "api.example.com"}

    def status() -> int:
        connection = http.client.HTTPConnection(of.listen, timeout=60)
        connection.request("GET", "/", headers=asked | {"authorization": f"Bearer {token}"})
        answer = connection.getresponse().status
        connection.close()
        return answer

    def all_refuse() -> bool:
        """For longer than a look at the list may be away: a worker may not be asked for a while."""
        end, refused = time.monotonic() + 1.2, 0
        while refused < 20 or time.monotonic() < end:
            if status() != 401:
                return False
            refused += 1
        return True

    assert {status() for _ in range(20)} == {200}
    assert run(["deny", issuer.url, "--sid", "s1", "--store", f"file://{tmp_path}/fleet"]) == 0
    assert until(all_refuse)
    assert of.count("token_revoked") >= 20
