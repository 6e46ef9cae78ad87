"""Under gevent and eventlet, which replace sockets, threads and `ssl`, before they are used or after.

Each in a process of its own: a patch cannot be taken back.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.conftest import a_free_port

from rightkey.localissuer import LocalIssuer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Issuer = Callable[[bool], LocalIssuer]
    Launch = Callable[..., str]

pytestmark = pytest.mark.slow

PATCH = {
    "gevent": "from gevent import monkey; monkey.patch_all()",
    "eventlet": "import eventlet; eventlet.monkey_patch()",
}
LOADED = "import rightkey, sys; from rightkey.transport import DefaultTransport, Request, ExchangeFailed"
FETCHED = "assert DefaultTransport().get(Request(sys.argv[1], {}, 60.0, 60.0)).status == 200"
PROGRAM = f"""
import threading
{LOADED}
silent, url = int(sys.argv[2]), sys.argv[1]
get, got, request = DefaultTransport().get, [], Request(url, {{}}, 60.0, 60.0)
threads = [threading.Thread(target=lambda: got.append(get(request).status)) for _ in range(20)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert got == [200] * 20, got
try:
    get(Request(f"http://127.0.0.1:{{silent}}/", timeout=0.3))
except ExchangeFailed as error:
    print(error.reason)
"""
ORDERS = {
    "before": lambda patch: (patch, PROGRAM),
    "after it is loaded": lambda patch: (LOADED, patch, PROGRAM),
    "after it has fetched": lambda patch: (LOADED, FETCHED, patch, PROGRAM),
}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """A local issuer, over https or not."""
    with ExitStack() as stack:
        yield lambda tls: stack.enter_context(LocalIssuer(algorithm="ES256", tls=tls))


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def environment(issuer: LocalIssuer) -> dict[str, str]:
    """This process's, without proxies, and with the issuer's authority."""
    own = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    own["EVENTLET_NO_GREENDNS"] = "yes"  # its look-ups load trio, which cannot be loaded under eventlet
    return own | ({"SSL_CERT_FILE": issuer.ca_file} if issuer.url.startswith("https") else {})


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("library", PATCH)
def test_documents_are_fetched(issuer: Issuer, silent: int, library: str, order: str, tls: bool) -> None:
    """By twenty green threads at once; and a server that says nothing is given up at the deadline."""
    pytest.importorskip("greenlet", reason="neither gevent nor eventlet is here")
    served = issuer(tls)
    program = "\n".join(ORDERS[order](PATCH[library]))
    url = served.url.rstrip("/") + "/.well-known/openid-configuration"
    run = subprocess.run(
        [sys.executable, "-c", program, url, str(silent)],
        env=environment(served),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (run.returncode, run.stdout.strip()) == (0, "timeout"), run.stderr


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Serves the example of Flask by gunicorn until the test is over, and says where."""
    with ExitStack() as stack:

        def start(issuer: LocalIssuer, *options: str) -> str:
            source = Path(__file__).parents[2] / "examples/flask_app.py"
            text = source.read_text(encoding="utf-8").replace('"tenant.eu.auth0.com"', repr(issuer.url))
            (tmp_path / "flask_app.py").write_text(text, encoding="utf-8")
            where = f"127.0.0.1:{a_free_port()}"
            log = stack.enter_context((tmp_path / "log").open("w", encoding="utf-8"))
            command = [sys.executable, "-m", "gunicorn", "--bind", where, "--no-control-socket", *options]
            process = subprocess.Popen(
                [*command, "flask_app:app"], cwd=tmp_path, env=environment(issuer), stdout=log, stderr=log
            )
            stack.callback(ended, process)
            until = time.monotonic() + 120
            while not reachable(where):
                assert time.monotonic() < until, (tmp_path / "log").read_text(encoding="utf-8")
                assert process.poll() is None, (tmp_path / "log").read_text(encoding="utf-8")
            return f"http://{where}"

        yield start


def ended(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def reachable(where: str) -> bool:
    with socket.socket() as sock:
        sock.settimeout(0.1)
        host, _, port = where.partition(":")
        if sock.connect_ex((host, int(port))) == 0:
            return True
    time.sleep(0.05)
    return False


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("preload", [(), ("--preload",)], ids=["patched early", "patched late"])
def test_gunicorn_with_gevent(issuer: Issuer, launch: Launch, preload: tuple[str, ...], tls: bool) -> None:
    """The first tokens, before any key is held, a rotation, and a token that is refused."""
    pytest.importorskip("greenlet", reason="gevent is not here")
    served = issuer(tls)
    url = launch(served, "--worker-class", "gevent", *preload)
    with httpx.Client(trust_env=False, timeout=60) as client:

        def ask(token: str) -> int:
            return client.get(f"{url}/me", headers={"authorization": f"Bearer {token}"}).status_code

        assert [ask(served.token(sub="alice", jti=str(number))) for number in range(5)] == [200] * 5
        served.rotate(surprise=True)
        assert ask(served.token(sub="alice")) == 200
        assert ask(served.token(sub="alice")[:-8]) == 401


SHARED = """
import sys, time, rightkey
from rightkey.sources.fleets import fleet_of
denylist = rightkey.Denylist(on_loss="refuse")
settings = {"audience": "api", "keys": rightkey.KeySet(()), "store": sys.argv[1], "denylist": denylist}
verifier, fleet = rightkey.Verifier("https://issuer.example", **settings), fleet_of(sys.argv[1])
"""
WATCHING = """
print("begun", flush=True)
sys.stdin.readline()
until = time.monotonic() + 60
while fleet.status().denied != 1 and time.monotonic() < until: time.sleep(0.05)
print(fleet.status().denied)
"""


@pytest.mark.parametrize("when", ["patched early", "patched late"])
@pytest.mark.parametrize("library", PATCH)
def test_what_the_fleet_denies_is_read_on(tmp_path: Path, library: str, when: str) -> None:
    """Also where threads are patched after the thread that reads it has begun: it must not end unseen."""
    pytest.importorskip("greenlet", reason="neither gevent nor eventlet is here")
    parts = [SHARED, "time.sleep(1)"]
    parts.insert(0 if when == "patched early" else 2, PATCH[library])
    command, store = [sys.executable, "-c"], f"file://{tmp_path}/store"
    with subprocess.Popen(
        [*command, "\n".join([*parts, WATCHING]), store],
        env={**os.environ, "EVENTLET_NO_GREENDNS": "yes"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as watching:
        assert watching.stdout is not None
        assert watching.stdout.readline() == "begun\n"
        subprocess.run([*command, f"{SHARED}verifier.deny(jti='j')", store], check=True, timeout=120)
        assert watching.communicate("go\n", timeout=120)[0] == "1\n"
