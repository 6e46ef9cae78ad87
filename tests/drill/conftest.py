"""Services for the drill: some run in this process, others are started by it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from starlette.concurrency import run_in_threadpool

import rightkey
from rightkey import Freshness, Introspection
from rightkey.drill import Row, Scorecard, Target, Tokens, drill
from rightkey.drill import rotations as rotating
from rightkey.drill import stage as staged
from rightkey.integrations.asgi import RightKeyMiddleware
from rightkey.localissuer import LocalIssuer

LIFE = 0.5
SHORT = Freshness(life=LIFE, min_life=LIFE, max_life=LIFE)
AUDIENCE = "https://api.example.com"
Make = Callable[[LocalIssuer], Any]


async def welcome(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"welcome"})


class Later:
    """An application that is chosen once its issuer is there."""

    def __init__(self, make: Make) -> None:
        self._make, self._app = make, welcome

    def before(self, issuer: LocalIssuer) -> None:
        self._app = self._make(issuer)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self._app(scope, receive, send)


def good(issuer: LocalIssuer, **how: Any) -> Any:
    return RightKeyMiddleware(welcome, issuer.url, audience=AUDIENCE, freshness=SHORT, **how)


class Knowing:
    """A service that knows its own URL, which is known once it is asked."""

    def __init__(self, make: Callable[[str], Any]) -> None:
        self._make, self._app = make, None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._app = self._app or self._make(f"http://127.0.0.1:{scope['server'][1]}")
        await self._app(scope, receive, send)


def proving(issuer: LocalIssuer, **how: Any) -> Any:
    """Takes tokens that are bound by DPoP, and opaque ones, too."""
    how |= {"audience": AUDIENCE, "freshness": SHORT, "introspection": Introspection("api", "secret")}
    return Knowing(lambda origin: RightKeyMiddleware(welcome, issuer.url, origin=origin, **how))


class Careless:
    """A service by a function of its token: accepted, refused, or as broken as what it raises."""

    def __init__(self, verify: Callable[[str], Any], refusals: tuple[type[Exception], ...] = ()) -> None:
        self._verify, self._refusals = verify, refusals

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        token = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1").partition(" ")[2]
        status = await self._status(token)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def _status(self, token: str) -> int:
        try:
            await run_in_threadpool(self._verify, token)
        except self._refusals:
            return 401
        except Exception:  # noqa: BLE001 - as frameworks do
            return 500
        return 200


def trusting(issuer: LocalIssuer) -> Any:
    """Reads tokens, and checks no signature."""
    options = {"verify_signature": False, "verify_exp": True, "verify_aud": True}
    return Careless(lambda token: jwt.decode(token, options=options, audience=AUDIENCE), (jwt.PyJWTError,))


def crashing(issuer: LocalIssuer) -> Any:
    """Checks what it should, and minds no exception."""
    return Careless(rightkey.Verifier(issuer.url, audience=AUDIENCE).verify)


def forgetful(issuer: LocalIssuer) -> Any:
    """Fetches the keys for every token."""

    def verify(token: str) -> None:
        client = jwt.PyJWKClient(issuer.urls["jwks"], cache_jwk_set=False)
        key = client.get_signing_key_from_jwt(token)
        jwt.decode(token, key, algorithms=["ES256"], audience=AUDIENCE, issuer=issuer.url)

    return Careless(verify, (jwt.PyJWTError,))


def stubborn(issuer: LocalIssuer) -> Any:
    """Has fetched the keys once and for all."""
    keys = rightkey.locate(issuer.url).keys
    verifier = rightkey.Verifier(issuer.url, audience=AUDIENCE, keys=keys)
    return Careless(verifier.verify, (rightkey.TokenRejected,))


def open_to_all(issuer: LocalIssuer) -> Any:
    return Careless(lambda _: None)


@pytest.fixture
def services() -> SimpleNamespace:
    """Makers of services, by what is wrong with them."""
    return SimpleNamespace(
        good=good,
        proving=proving,
        trusting=trusting,
        crashing=crashing,
        forgetful=forgetful,
        stubborn=stubborn,
        open=open_to_all,
    )


Score = Callable[..., Scorecard]


@pytest.fixture
def carded(served: Callable[[Any], str], monkeypatch: pytest.MonkeyPatch) -> Score:
    """The card of a service that is there and is not started anew.

    `cooldown` and `wait` are bounds on what a good service does sooner; they are short where it never comes.
    """
    monkeypatch.setattr("rightkey.drill.target.PATIENCE", 60.0)
    monkeypatch.setattr(staged, "_SPARE", 0.5)
    monkeypatch.setattr(rotating, "_UNKNOWN_LIFE", 0.5)

    def score(
        make: Make,
        *only: str,
        life: float | None = LIFE,
        cooldown: float = 30,
        wait: float = 30,
        tokens: Tokens | None = None,
        dress: str | None = None,
        algorithm: str = "ES256",
        **options: Any,
    ) -> Scorecard:
        app = Later(make)
        with Target(served(app), **options) as target:
            return drill(
                target,
                make_issuer=lambda: LocalIssuer(algorithm=algorithm, dress=dress),
                announce=app.before,
                tokens=tokens,
                life=life,
                cooldown=cooldown,
                wait=wait,
                only=only,
            )

    return score


@pytest.fixture
def scored(carded: Score) -> Callable[..., dict[str, Row]]:
    """Its rows by name."""
    return lambda *given, **options: {row.name: row for row in carded(*given, **options).rows}


COMMAND = """
import sys
import uvicorn
from rightkey import Freshness
from rightkey.integrations.asgi import RightKeyMiddleware

async def welcome(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"welcome"})

seconds = float(sys.argv[4]) if sys.argv[4:] else 1.0
life = Freshness(life=seconds, min_life=seconds, max_life=seconds)
app = RightKeyMiddleware(welcome, sys.argv[2], audience=sys.argv[3], freshness=life)
uvicorn.run(app, port=int(sys.argv[1]), log_level="critical", lifespan="off")
"""


@pytest.fixture
def service(tmp_path: Path, free_port: int) -> list[str]:
    """The URL and the command of a service of rightkey. One word more says how long it keeps keys."""
    file = tmp_path / "service.py"
    file.write_text(COMMAND)
    url = f"http://127.0.0.1:{free_port}/"
    return [url, sys.executable, str(file), str(free_port), "{issuer}", "{audience}"]


BROKEN = '''
"""A service that breaks in one way: python broken.py PORT HOW JWKS_URI AUDIENCE"""
import http.server, json, os, signal, sys, time, urllib.request
import jwt

port, how, jwks_uri, audience = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
def tell(*words):
    with open(os.environ["PIDS"], "a") as file:
        print(*words, file=file)

tell("pid", os.getpid())
seen = []
ODD = {
    "banner": b"SSH-2.0-OpenSSH_9.2\\r\\n",
    "no-status": b"HTTP/1.1 abc\\r\\n\\r\\n",
    "many-headers": b"HTTP/1.1 200 OK\\r\\n" + b"a: b\\r\\n" * 5000 + b"\\r\\n",
    "long-header": b"HTTP/1.1 200 OK\\r\\na: " + b"x" * 100000 + b"\\r\\n\\r\\n",
    "bad-chunk": b"HTTP/1.1 401 No\\r\\ntransfer-encoding: chunked\\r\\n\\r\\nzz\\r\\n",
}

def fetched():
    with urllib.request.urlopen(jwks_uri, timeout=5) as answer:
        document = json.load(answer)
    if how == "picky" and not all("alg" in key for key in document["keys"]):
        raise ValueError("a key without alg")
    return jwt.PyJWKSet.from_dict(document)

if how == "ends":
    sys.exit("no setting")
if how == "never-listens":
    tell("there")
    time.sleep(600)
if how == "noisy":
    for _ in range(64):
        os.write(1, b"x" * 2**20)
if how == "daemon":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork():
        time.sleep(600)
    os.setsid()
    tell("pid", os.getpid())
if how == "left" and os.fork():
    os._exit(0)
if how == "left":
    os.setsid()
    tell("pid", os.getpid())
if how == "stays":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
keys = fetched() if how == "picky" else None

class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        token = self.headers.get("authorization", "").partition(" ")[2]
        good = self.good(token)
        if how == "hangs":
            time.sleep(600)
        if how == "slow":
            time.sleep(0.3)
        if how == "dies" and token and not good:
            print("I am gone", flush=True)
            os._exit(3)
        if how == "hangs-on-bad" and token and not good:
            time.sleep(600)
        seen.append(token)
        if how == "closes" or (how == "drops" and len(seen) % 2 == 0):
            return self.connection.close()
        if how in ODD:
            return self.wfile.write(ODD[how])
        if how == "redirects":
            self.send_response(302)
            self.send_header("location", "https://elsewhere.example/sign-in")
            return self.end_headers()
        if how == "refuses":
            good = False
        self.send_response(200 if good else 401)
        if not good:
            self.send_header("WWW-Authenticate", 'Bearer error="invalid_token"')
        self.end_headers()
        if how == "huge":
            for _ in range(4096):
                self.wfile.write(b" " * 65536)
        if how == "drips":
            for _ in range(10000):
                self.wfile.write(b" ")
                time.sleep(0.1)
        self.wfile.write(b"" if how == "empty" else b"the reason is here " + token.encode()[:2000])

    def good(self, token):
        try:
            known = keys or fetched()
            kid = jwt.get_unverified_header(token)["kid"]
            jwt.decode(token, known[kid], algorithms=["ES256"], audience=audience)
        except Exception:
            return False
        return True

server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
tell("there")
server.serve_forever()
'''


class Broken:
    """Starts of a broken service, and what it leaves behind."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port, self._file, self._pids = port, folder / "broken.py", folder / "pids"
        self._file.write_text(BROKEN)
        self._pids.touch()
        self.environment = {"PIDS": str(self._pids)}
        self.url = f"http://127.0.0.1:{port}/me"

    def command(self, how: str) -> list[str]:
        return [
            sys.executable,
            "-W",
            "ignore",
            str(self._file),
            str(self.port),
            how,
            "{jwks_uri}",
            "{audience}",
        ]

    @property
    def pids(self) -> list[int]:
        """The processes that were started."""
        lines = self._pids.read_text().splitlines()
        return [int(line.split()[1]) for line in lines if line.startswith("pid ")]

    def left(self) -> list[int]:
        """Those that still run."""
        return [pid for pid in self.pids if _runs(pid)]


def _runs(pid: int) -> bool:
    """A daemon that has ended waits for the machine's first process to take note: it runs no more."""
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.fixture
def broken(tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broken]:
    """A service that breaks in whatever way it is asked to."""
    found = Broken(tmp_path, free_port)
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    yield found
    for pid in found.left():
        os.kill(pid, 9)
