"""Bound tokens behind nginx: it ends TLS, shows the API below a path, and passes certificates on."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.conftest import a_free_port, answers, ended

from rightkey.integrations.asgi import RightKeyMiddleware
from rightkey.integrations.bearer import Bearer
from rightkey.integrations.certificates import from_header
from rightkey.localissuer import LocalIssuer, Sender
from rightkey.localissuer.keys.selfsigned import self_signed
from rightkey.policy.confirmation import thumbprint

pytestmark = pytest.mark.slow
if shutil.which("nginx") is None:
    pytest.skip("there is no nginx", allow_module_level=True)

CONFIGURATION = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {server}; ssl_certificate_key {server}; ssl_verify_client optional_no_ca;
    location /v1/ {{
      proxy_pass {app}/;
      proxy_set_header X-Client-Cert $ssl_client_escaped_cert;
    }}
  }}
}}
"""
ORIGIN = "https://api.example.com/v1"


@pytest.fixture
def behind(authority: Any, served: Callable[[Any], str], tmp_path: Path) -> Iterator[Callable[[Any], str]]:
    """Starts nginx before an application, and says where."""
    started: list[subprocess.Popen[bytes]] = []

    def start(app: Any) -> str:
        port, file = a_free_port(), tmp_path / "nginx.conf"
        server = Path(authority.file).with_name("server.pem")
        file.write_text(CONFIGURATION.format(folder=tmp_path, port=port, server=server, app=served(app)))
        started.append(subprocess.Popen(["nginx", "-p", tmp_path, "-c", file], stderr=subprocess.DEVNULL))
        until = time.monotonic() + 60
        while not answers(port) and time.monotonic() < until:
            time.sleep(0.02)
        return f"https://127.0.0.1:{port}/v1"

    yield start
    for process in started:
        ended(process)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, bytes]:
    """A client's own, as a file with its key, and as DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    der = self_signed(key, "client", time.time())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path / "client.pem"
    file.write_text(private.decode() + ssl.DER_cert_to_PEM_cert(der))
    return str(file), der


async def answering(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"yes"})


def test_bound_tokens_come_in(
    behind: Callable[[Any], str], authority: Any, certificate: tuple[str, bytes]
) -> None:
    """To a key, to a certificate, and to both; by the public URL, and with no one else's certificate."""
    file, der = certificate
    sender = Sender()
    with LocalIssuer(algorithm="ES256") as issuer:
        bearer = Bearer(certificate=from_header("X-Client-Cert", form="nginx", proxies=["127.0.0.1"]))
        how: dict[str, Any] = {"audience": issuer.audience, "origin": ORIGIN, "bearer": bearer}
        url = behind(RightKeyMiddleware(answering, issuer.url, **how))
        bare, mine = ssl.create_default_context(cafile=authority.file), ssl.create_default_context()
        mine.load_verify_locations(authority.file)
        mine.load_cert_chain(file)
        x5t = {"x5t#S256": thumbprint(der)}

        def ask(context: ssl.SSLContext, headers: dict[str, str], path: str = "/a/b?c=d") -> int:
            with httpx.Client(trust_env=False, verify=context, timeout=60) as client:
                return client.get(url + path, headers=headers).status_code

        keyed, both = issuer.token(cnf=sender.cnf), issuer.token(cnf={**sender.cnf, **x5t})
        certified = {"authorization": f"Bearer {issuer.token(cnf=x5t)}"}
        proved = sender.headers("GET", f"{ORIGIN}/a/b", keyed)
        assert [ask(bare, proved), ask(bare, proved)] == [200, 401]
        assert ask(bare, sender.headers("GET", f"{url}/a/b", keyed)) == 401
        assert [ask(mine, certified), ask(bare, certified)] == [200, 401]
        forged = certified | {"X-Client-Cert": "forged"}
        assert [ask(mine, forged), ask(bare, forged)] == [200, 401]
        for context, status in ((mine, 200), (bare, 401)):
            assert ask(context, sender.headers("GET", f"{ORIGIN}/a/b", both)) == status
