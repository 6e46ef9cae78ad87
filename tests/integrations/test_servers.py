"""Examples under the servers that people run: forked workers, other loops, real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import httpx
import pytest
from tests.conftest import launching

import rightkey
from rightkey.localissuer import LocalIssuer

pytestmark = pytest.mark.slow

WORKERS = 2
GUNICORN = f"gunicorn --workers {WORKERS} --threads 4 --bind 127.0.0.1:{{port}} --no-control-socket"
SERVERS = {
    "wsgi, gunicorn": ("wsgi_app", f"{GUNICORN} wsgi_app:app"),
    "wsgi, gunicorn, loaded before the fork": ("wsgi_app", f"{GUNICORN} --preload wsgi_app:app"),
    "django, gunicorn": ("django_app", f"{GUNICORN} django_app:wsgi"),
    "django, uvicorn": ("django_app", "uvicorn --port {port} django_app:asgi"),
    "django, granian": ("django_app", "granian --interface asginl --port {port} django_app:asgi"),
    "drf, gunicorn": ("drf_app", f"{GUNICORN} drf_app:app"),
    "ninja, gunicorn": ("ninja_app", f"{GUNICORN} ninja_app:app"),
    "litestar, uvicorn": ("litestar_app", "uvicorn --port {port} litestar_app:app"),
    "aiohttp, gunicorn": (
        "aiohttp_app",
        f"{GUNICORN} --worker-class aiohttp.GunicornWebWorker aiohttp_app:app",
    ),
    "flask, gunicorn": ("flask_app", f"{GUNICORN} flask_app:app"),
    "asgi, hypercorn": ("starlette_app", "hypercorn --bind 127.0.0.1:{port} starlette_app:app"),
    "asgi, granian": ("starlette_app", "granian --interface asgi --port {port} starlette_app:app"),
}
SCOPED = [name for name in SERVERS if not name.startswith(("wsgi", "asgi"))]
"""Those whose example has a route that asks for a scope."""

Launched = Callable[..., str]


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


@pytest.fixture(scope="module")
def standing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LocalIssuer, str]]:
    """An issuer of its own, and where its service is: one for all that is asked while both are well."""
    example, command = SERVERS[request.param]
    folder = tmp_path_factory.mktemp("server")
    with LocalIssuer(algorithm="ES256") as issuer, launching(folder) as launch:
        yield issuer, launch(example, issuer.url, command)


def get(url: str, *tokens: str) -> httpx.Response:
    headers = [("authorization", f"Bearer {token}") for token in tokens]
    with httpx.Client(trust_env=False, timeout=60) as client:
        return client.get(url, headers=headers)


@pytest.mark.parametrize("standing", SERVERS, indirect=True)
def test_a_rotation_refuses_no_valid_token(standing: tuple[LocalIssuer, str]) -> None:
    """Whichever worker takes it: before, meanwhile and after."""
    issuer, url = standing

    async def load() -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:

            async def ask(number: int) -> None:
                # A connection each, so that the kernel hands them to all workers.
                headers = {"authorization": f"Bearer {issuer.token(jti=str(number))}", "connection": "close"}
                answer = await client.get(f"{url}/me", headers=headers)
                assert answer.status_code == 200, answer.text

            for surprise in (None, False, True):
                if surprise is not None:
                    issuer.rotate(surprise=surprise)
                await asyncio.gather(*map(ask, range(24)))

    asyncio.run(load())
    assert issuer.requests["jwks"] <= WORKERS * (1 + rightkey.Freshness().draws)


@pytest.mark.parametrize("standing", SERVERS, indirect=True)
def test_what_is_refused_is_refused_by_every_server(standing: tuple[LocalIssuer, str]) -> None:
    """With status and headers as they are: several tokens too, which some servers join and some do not."""
    issuer, url = standing[0], f"{standing[1]}/me"
    none, bad, two = get(url), get(url, issuer.attack("expired")), get(url, issuer.token(), issuer.token())
    assert (none.status_code, none.headers["www-authenticate"]) == (401, "Bearer")
    assert (bad.status_code, bad.json()["code"]) == (401, "claims_rejected")
    assert (two.status_code, two.json()["code"]) == (400, "request_malformed")


def test_no_header_makes_a_path_public(issuer: LocalIssuer, launched: Launched) -> None:
    """gunicorn, asked from this machine, takes `SCRIPT_NAME` from a header, and moves the path by it."""
    url = launched("wsgi_app", issuer.url, f"{GUNICORN} wsgi_app:app")
    with httpx.Client(trust_env=False, timeout=60) as client:
        assert client.get(f"{url}/ready").status_code == 200
        for where, mounted in (("/ready", "/ready"), ("/ready/me", "/ready"), ("/ready", "/re")):
            answer = client.get(url + where, headers={"SCRIPT_NAME": mounted})
            assert answer.status_code >= 400, (where, mounted)


@pytest.mark.parametrize("standing", SCOPED, indirect=True)
def test_a_scope_is_asked_for(standing: tuple[LocalIssuer, str]) -> None:
    """The challenge names it."""
    issuer, url = standing[0], f"{standing[1]}/appointments"
    assert get(url, issuer.token(scope="read:appointments")).status_code == 200
    little = get(url, issuer.token())
    assert little.status_code == 403
    assert little.headers["www-authenticate"].endswith('scope="read:appointments"')
    assert get(url).headers["www-authenticate"] == 'Bearer scope="read:appointments"'


@pytest.mark.parametrize("server", SERVERS)
def test_an_outage_is_503_without_a_challenge(server: str, issuer: LocalIssuer, launched: Launched) -> None:
    """Of every worker; and nothing holds an answer up for longer than a caller waits."""
    issuer.misbehave("discovery", "html")
    url = launched(SERVERS[server][0], issuer.url, SERVERS[server][1]) + "/me"
    for _ in range(4):
        answer = get(url, issuer.token())
        assert (answer.status_code, answer.json()["code"]) == (503, "keys_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert "www-authenticate" not in answer.headers
