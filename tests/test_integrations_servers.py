"""Examples under the servers that people run: forked workers, other loops, real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import httpx
import pytest

from rightkey.localissuer import LocalIssuer

WORKERS = 2
GUNICORN = f"gunicorn --workers {WORKERS} --threads 4 --bind 127.0.0.1:{{port}} --no-control-socket"
SERVERS = {
    "wsgi, gunicorn": ("wsgi_app", f"{GUNICORN} wsgi_app:app"),
    "wsgi, gunicorn, loaded before the fork": ("wsgi_app", f"{GUNICORN} --preload wsgi_app:app"),
    "django, gunicorn": ("django_app", f"{GUNICORN} django_app:wsgi"),
    "drf, gunicorn": ("drf_app", f"{GUNICORN} drf_app:app"),
    "django, uvicorn": ("django_app", "uvicorn --port {port} django_app:asgi"),
    "django, granian": ("django_app", "granian --interface asginl --port {port} django_app:asgi"),
    "aiohttp, gunicorn": (
        "aiohttp_app",
        f"{GUNICORN} --worker-class aiohttp.GunicornWebWorker aiohttp_app:app",
    ),
    "asgi, hypercorn": ("starlette_app", "hypercorn --bind 127.0.0.1:{port} starlette_app:app"),
    "asgi, granian": ("starlette_app", "granian --interface asgi --port {port} starlette_app:app"),
}


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


@pytest.mark.parametrize("server", SERVERS)
def test_a_rotation_refuses_no_valid_token(
    server: str, issuer: LocalIssuer, launched: Callable[..., str]
) -> None:
    """Whichever worker takes it, before, meanwhile and after; and a bad one never comes in."""
    url = launched(SERVERS[server][0], issuer.url, SERVERS[server][1])

    async def load() -> None:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:

            async def ask(number: int) -> int:
                headers = {"authorization": f"Bearer {issuer.token(jti=str(number))}", "connection": "close"}
                answer = await client.get("/me", headers=headers)
                assert answer.status_code == 200, answer.text
                return answer.status_code

            for surprise in (None, False, True):
                if surprise is not None:
                    issuer.rotate(surprise=surprise)
                assert await asyncio.gather(*map(ask, range(24))) == [200] * 24
            bad = await client.get("/me", headers={"authorization": f"Bearer {issuer.attack('expired')}"})
            none = await client.get("/me")
            assert (bad.status_code, none.status_code) == (401, 401)
            assert none.headers["www-authenticate"] == "Bearer"

    asyncio.run(load())
    assert issuer.requests["jwks"] <= WORKERS * 3
