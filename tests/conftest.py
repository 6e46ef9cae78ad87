"""What tests share: keys, made once a session, the making of tokens and key sets out of them, and servers
on loopback with an authority that vouches for them."""

from __future__ import annotations

import datetime
import gc
import inspect
import ipaddress
import json
import os
import re
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rightkey.jose.keyset import KeySet
from rightkey.localissuer.keys.selfsigned import self_signed
from rightkey.localissuer.keys.signing import Form, SigningKey
from rightkey.localissuer.tokens.minting import compact

NOW = 1_800_000_000
"""The time of most tests, as a Unix time in seconds."""


def pytest_configure(config: pytest.Config) -> None:
    """Django has one configuration a process; a test overrides what it needs of it. And where the slow are
    left out, a property is tried with a quarter of the examples."""
    import django
    import hypothesis
    from django.conf import settings

    rest_framework = {"UNAUTHENTICATED_USER": None}
    settings.configure(ALLOWED_HOSTS=["*"], LOGGING_CONFIG=None, REST_FRAMEWORK=rest_framework)
    django.setup()
    quick: dict[str, Any] = {"max_examples": 25} if config.option.markexpr == "not slow" else {}
    # How quick a shared machine is in this hour says nothing of the code.
    patient = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
    hypothesis.settings.register_profile("tests", **patient, **quick)
    hypothesis.settings.load_profile("tests")
    for number in (signal.SIGINT, signal.SIGHUP):
        # A shell has its background jobs ignore these, and what they start with them; a program that is
        # tested must not. A handler is not handed on. (`preexec_fn` forks, and gRPC, once it is in use, now
        # and then aborts a child before it begins.)
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts a framework's server is slow: each takes a tenth of a second to end."""
    for item in items:
        if {"served", "looped"}.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


def pytest_collection() -> None:
    """Loading all frameworks leaves little garbage, and much to look through for it, again and again."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What was loaded is not looked at for garbage again until the end: with all frameworks that takes half a
    second, with the interpreter's lock held."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)  # by default a tenth of the time goes into looking for garbage
    gc.enable()


WHOLLY_SLOW = re.compile(r"^pytestmark = \[?\s*pytest\.mark\.slow\b", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A file that is slow as a whole is not even loaded where the slow are left out: what it imports takes
    seconds."""
    if config.option.markexpr != "not slow" or collection_path.suffix != ".py":
        return None
    return bool(WHOLLY_SLOW.search(collection_path.read_text(encoding="utf-8"))) or None


def pytest_sessionfinish() -> None:
    """Hypothesis asks the collector for referrers."""
    gc.unfreeze()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """What tests forgot has been looked for; an interpreter that ends would look through all modules."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None]:
    """After a test and its fixtures; a fixture of every test would cost more than many a test."""
    try:
        return (yield)
    finally:
        no_fleet_outlives_its_test()
        one_process_a_test()


def no_fleet_outlives_its_test() -> None:
    """Its thread would tell of a store that is gone to the listeners of other tests."""
    fleets = sys.modules.get("rightkey.sources.fleets")
    for member in list(fleets._FLEETS.values()) if fleets else ():
        member._turn = member._thread = None
    if fleets:
        fleets._FLEETS.clear()


def one_process_a_test() -> None:
    """What is refused of an issuer, what was drawn from its budget and what was told a moment ago count for
    the life of a process. Tests that call their issuers alike must not hear of each other."""
    registry = sys.modules.get("rightkey.sources.registry")
    if registry is not None:
        for shelf in (registry.REGISTRY._remotes, registry.REGISTRY._records, registry.REGISTRY._budgets):
            shelf._live.clear()
            shelf._recent.clear()
    if "rightkey.telemetry.verdicts" in sys.modules:
        sys.modules["rightkey.telemetry.verdicts"]._THROTTLE._rows.clear()
    if "rightkey.telemetry.log" in sys.modules:
        sys.modules["rightkey.telemetry.log"].LOG._throttle._rows.clear()


def signing_key(algorithm: str, kid: str = "k", certificates: bool = False) -> SigningKey:
    """A signing key for an algorithm, the same for the same arguments; without a certificate unless asked.

    All algorithms of RSA share one of a key id, with and without a certificate: it takes longer to make than
    most tests take.
    """
    return _made(algorithm, kid, certificates)  # by position: else `cache` tells the same calls apart


@cache
def _made(algorithm: str, kid: str, certificates: bool) -> SigningKey:
    if algorithm != "RS256" and algorithm[:2] in ("RS", "PS"):
        return replace(_made("RS256", kid, certificates), algorithm=algorithm)
    if algorithm == "RS256" and certificates:
        plain = _made("RS256", kid, False)
        certificate = self_signed(plain.private, "local issuer", NOW)
        return replace(plain, form=Form(certificates=True), certificate=certificate)
    return SigningKey.generate(algorithm, Form(certificates=certificates), kid=kid, now=NOW)


@pytest.fixture(scope="session")
def signer() -> Callable[..., SigningKey]:
    """Makes such keys."""
    return signing_key


@pytest.fixture(scope="session")
def keyset() -> Callable[..., KeySet]:
    """The set that publishes these keys, or members written out."""

    def make(*keys: SigningKey | Mapping[str, Any]) -> KeySet:
        members = [key.public_jwk() if isinstance(key, SigningKey) else dict(key) for key in keys]
        return KeySet.parse({"keys": members}, published=True)

    return make


@pytest.fixture(scope="session")
def token() -> Callable[..., str]:
    """A token by a key, of any header and payload: members given as None are left out of the header."""

    def make(key: SigningKey, payload: bytes = b"{}", **header: Any) -> str:
        named = {"alg": key.algorithm, "kid": key.kid} | {
            name.replace("_S256", "#S256"): value for name, value in header.items()
        }
        return compact({n: v for n, v in named.items() if v is not None}, payload, key.sign)

    return make


class Server:
    """A listener on loopback. It reads the head of each request, answers, and waits for the end."""

    def __init__(
        self,
        answer: Callable[[socket.socket], None],
        *,
        tls: ssl.SSLContext | None = None,
        greedy: bool = True,
        ipv6: bool = False,
    ) -> None:
        self.answer, self.tls, self.greedy = answer, tls, greedy
        self.heads: list[bytes] = []
        self.accepted = 0
        self.saw_close = threading.Event()
        family = socket.AF_INET6 if ipv6 else socket.AF_INET
        self.listener = socket.create_server(("::1" if ipv6 else "127.0.0.1", 0), family=family)
        self.port = self.listener.getsockname()[1]
        self.threads: list[threading.Thread] = []
        self._start(self._accept)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/jwks?a=b"

    @property
    def head(self) -> str:
        return self.heads[-1].decode()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        self.threads.append(threading.Thread(target=target, args=args, daemon=True))
        self.threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                self.accepted += 1
                self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        with ExitStack() as stack:
            try:
                self._converse(stack.enter_context(sock), stack)
            except TimeoutError:  # the client holds its connection open
                return
            except OSError:  # it has closed it, at whatever point
                pass
            self.saw_close.set()

    def _converse(self, sock: socket.socket, stack: ExitStack) -> None:
        sock.settimeout(30)
        if self.tls:
            sock = stack.enter_context(self.tls.wrap_socket(sock, server_side=True))
        if self.greedy:
            self.heads.append(read_head(sock))
        self.answer(sock)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass


def read_head(sock: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        piece = sock.recv(65536)
        if not piece:
            break
        head += piece
    return head


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Starts a server with these settings; it is closed when the test is over."""
    with ExitStack() as stack:

        def start(answer: Callable[[socket.socket], None], **settings: Any) -> Server:
            server = Server(answer, **settings)
            stack.callback(server.close)
            return server

        yield start


class Authority:
    """A certificate authority of one test run, and a server that it vouches for."""

    def __init__(self, folder: Path, *names: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
        root = self._certificate(self.name, key.public_key(), key, ca=True)
        self.file = str(folder / "authority.pem")
        Path(self.file).write_bytes(root.public_bytes(serialization.Encoding.PEM))
        self.server = self._server(folder, key, names)

    def _server(
        self, folder: Path, key: ec.EllipticCurvePrivateKey, names: tuple[str, ...]
    ) -> ssl.SSLContext:
        own = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server")])
        leaf = self._certificate(subject, own.public_key(), key, names=names)
        private = own.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = folder / "server.pem"
        file.write_bytes(private + leaf.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _certificate(
        self,
        subject: x509.Name,
        public: ec.EllipticCurvePublicKey,
        key: ec.EllipticCurvePrivateKey,
        *,
        ca: bool = False,
        names: tuple[str, ...] = (),
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        usage = x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))  # all tests together may take hours
            .add_extension(x509.BasicConstraints(ca, None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
            )
        )
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([general_name(name) for name in names]), critical=False
            )
        return builder.sign(key, hashes.SHA256())


def general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@pytest.fixture(scope="session")
def authority_for(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Authority]:
    """An authority that vouches for these hosts; `file` has its certificate, `server` is their TLS."""

    def make(*names: str) -> Authority:
        return Authority(tmp_path_factory.mktemp("authority"), *names)

    return make


@pytest.fixture(scope="session")
def authority(authority_for: Callable[..., Authority]) -> Authority:
    """One for 127.0.0.1 and issuer.example."""
    return authority_for("127.0.0.1", "issuer.example")


@pytest.fixture
def command_line_issuer() -> Iterator[Callable[..., dict[str, Any]]]:
    """Runs `rightkey issuer` with these options until the test is over, and is what it said of itself."""
    with ExitStack() as stack:

        def run(*options: str) -> dict[str, Any]:
            command = [sys.executable, "-W", "error", "-m", "rightkey", "issuer", "--json", *options]
            process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            stack.callback(process.terminate)
            assert process.stdout is not None
            told: dict[str, Any] = json.loads(process.stdout.readline())
            return told

        yield run


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium as the system has it. Its sandbox refuses root, and containers run tests as root."""
    driving = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no Chromium")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with driving.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=arguments, timeout=120_000)
        yield browser
        browser.close()


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever proxies this machine goes through."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


class Looped:
    """A server of an ASGI application on a thread of its own, with its loop."""

    def __init__(self, app: Any, stack: ExitStack) -> None:
        import asyncio

        import uvicorn

        class Server(uvicorn.Server):
            async def main_loop(self) -> None:
                """Look ten times as often whether it is to end."""
                await self.on_tick(0)
                while not self.should_exit:
                    await asyncio.sleep(0.01)

        config = uvicorn.Config(app, port=0, log_config=None, access_log=False, timeout_keep_alive=60)
        self.server, self.loop = Server(config), asyncio.new_event_loop()
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        stack.callback(self._close, thread)
        while not self.server.started and thread.is_alive():
            thread.join(0.01)
        self.started = self.server.started

    def _run(self) -> None:
        with suppress(SystemExit):
            self.loop.run_until_complete(self.server.serve())
        self.loop.close()

    def _close(self, thread: threading.Thread) -> None:
        self.server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"


@pytest.fixture
def looped() -> Iterator[Callable[[Any], Looped]]:
    """Serves an ASGI application by uvicorn until the test is over."""
    with ExitStack() as stack:
        yield lambda app: Looped(app, stack)


@pytest.fixture
def served(looped: Callable[[Any], Looped]) -> Iterator[Callable[[Any], str]]:
    """Serves an application, of ASGI, WSGI or aiohttp, until the test is over, and says where."""
    from aiohttp import web
    from werkzeug.serving import make_server

    with ExitStack() as stack:

        def serve(app: Any) -> str:
            if isinstance(app, web.Application):
                return stack.enter_context(running(app))
            if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(type(app).__call__):
                return looped(app).url
            server = make_server("127.0.0.1", 0, app, threaded=True)
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.port}"

        yield serve


def a_free_port() -> int:
    """Below those that systems give to connections, of which one would soon be taken by some other test.

    What is told of it does not listen yet: a mark, at the same port of UDP, keeps it from other tests, also
    from those of another run on this machine.
    """
    while True:
        place = ("127.0.0.1", 20_000 + secrets.randbelow(12_000))
        with (
            suppress(OSError),
            socket.create_server(place),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mark,
        ):
            mark.bind(place)
            _MARKS.append(mark.detach())  # a descriptor alone, which is open until the process ends
            if len(_MARKS) > 50:
                os.close(_MARKS.pop(0))
            return place[1]


_MARKS = list[int]()


@pytest.fixture
def denying_issuer() -> Iterator[Any]:
    """An issuer, with nothing on this process's denylist before and after."""
    from rightkey.localissuer import LocalIssuer
    from rightkey.verifier import denylist

    denylist.own.cache_clear()
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer
    denylist.own.cache_clear()


class BareStore:
    """A store of a user's that keeps documents alone."""

    name, private = "bare", True

    def __init__(self, path: Path) -> None:
        from rightkey.stores.local import DirectoryStore

        inner = DirectoryStore(str(path))
        for method in ("look", "put", "fail", "version", "records", "add"):
            setattr(self, method, getattr(inner, method))


@pytest.fixture
def bare_store(tmp_path: Path) -> BareStore:
    return BareStore(tmp_path / "store")


@pytest.fixture
def free_port() -> int:
    """Where nothing listens, and a test may."""
    return a_free_port()


@pytest.fixture
def free_ports() -> Callable[[], int]:
    """As many of these as are needed."""
    return a_free_port


@contextmanager
def running(app: Any) -> Iterator[str]:
    """An application of aiohttp on a thread of its own, with its loop; where it is."""
    import asyncio

    from aiohttp import web

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def done(waiting: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(waiting, loop).result(60)

    runner = web.AppRunner(app)
    try:
        done(runner.setup())
        done(web.TCPSite(runner, "127.0.0.1", 0).start())
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        done(runner.cleanup())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()


@contextmanager
def launching(folder: Path) -> Iterator[Callable[..., str]]:
    """Serves an example by a server of its own processes, until all this is over, and says where.

    It is as it stands, but for the issuer's name. `command` is what follows `python -m`, with `{port}`.
    """
    with ExitStack() as stack:

        def launch(example: str, issuer: str, command: str) -> str:
            source = Path(__file__).parents[1] / "examples" / f"{example}.py"
            text = source.read_text(encoding="utf-8").replace('"tenant.eu.auth0.com"', repr(issuer))
            (folder / source.name).write_text(text, encoding="utf-8")
            port = a_free_port()
            words = command.format(port=port).split()
            log = stack.enter_context((folder / "log").open("w+", encoding="utf-8"))
            process = subprocess.Popen([sys.executable, "-m", *words], cwd=folder, stdout=log, stderr=log)
            stack.callback(ended, process)
            while not answers(port):
                if process.poll() is not None:
                    pytest.fail((folder / "log").read_text(encoding="utf-8"))
                time.sleep(0.05)
            return f"http://127.0.0.1:{port}"

        yield launch


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Serves so until the test is over."""
    with launching(tmp_path) as launch:
        yield launch


def answers(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def ended(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture
def no_thread(monkeypatch: pytest.MonkeyPatch) -> Callable[[], AbstractContextManager[None]]:
    """A time in which no thread can be started for a job, as when the interpreter ends."""

    def refuse(self: threading.Thread) -> None:
        if self.name == "rightkey":
            raise RuntimeError("can't start new thread")
        start(self)

    start = threading.Thread.start

    @contextmanager
    def refusing() -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            yield

    return refusing


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line where data that outsiders do not have is not here, and not one for each test."""
    if not (Path(__file__).resolve().parents[2] / "shared" / "vectors").exists():
        terminalreporter.write_line(
            "other people's vectors are not at ../shared/vectors: their tests were skipped"
        )
