"""Apache's mod_auth_openidc before the local issuer, as Debian has it: it signs people in."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest

from rightkey.localissuer import LocalIssuer

pytestmark = pytest.mark.slow
pytest.importorskip("authlib")
APACHE = shutil.which("apache2") or shutil.which("apache2", path="/usr/sbin")
MODULES = Path("/usr/lib/apache2/modules")
if APACHE is None or not (MODULES / "mod_auth_openidc.so").exists():
    pytest.skip("there is no Apache with mod_auth_openidc", allow_module_level=True)

CONFIGURATION = """
ServerName 127.0.0.1
ServerRoot {root}
PidFile {root}/pid
Listen 127.0.0.1:{port}
ErrorLog {root}/error.log
DocumentRoot {root}/www
Mutex file:{root}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authn_core_module {modules}/mod_authn_core.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule authz_user_module {modules}/mod_authz_user.so
LoadModule auth_openidc_module {modules}/mod_auth_openidc.so
{user}
OIDCProviderMetadataURL {metadata}
OIDCClientID apache
OIDCClientSecret any
OIDCRedirectURI http://127.0.0.1:{port}/secret/back
OIDCCryptoPassphrase a-passphrase-of-this-test
OIDCResponseType "{types}"
OIDCResponseMode {mode}
OIDCPKCEMethod S256
OIDCScope "openid email"
OIDCAuthRequestParams prompt=none&login_hint=alice
OIDCRemoteUserClaim sub
<Location /secret>
  AuthType openid-connect
  Require claim sub:alice
</Location>
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that Apache's user may read. Each run of pytest that begins takes that right from what is above
    `tmp_path`."""
    with tempfile.TemporaryDirectory(prefix="rightkey-apache-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(
    params=[
        ("code", "query"),
        ("code", "form_post"),
        ("id_token", "form_post"),
        ("code id_token", "form_post"),
    ]
)
def apache(request: pytest.FixtureRequest, folder: Path, free_port: int) -> Iterator[tuple[str, LocalIssuer]]:
    """An Apache that protects a page, and its issuer."""
    types, mode = request.param
    (folder / "www" / "secret").mkdir(parents=True)
    (folder / "www" / "secret" / "page").write_text("for alice")
    with LocalIssuer(dress="plain", algorithm="RS256") as issuer:
        text = CONFIGURATION.format(
            root=folder,
            port=free_port,
            modules=MODULES,
            metadata=issuer.urls["discovery"],
            types=types,
            mode=mode,
            user="User www-data\nGroup www-data" if os.geteuid() == 0 else "",
        )
        (folder / "conf").write_text(text)
        command = [str(APACHE), "-X", "-f", str(folder / "conf")]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT) as process:
            try:
                _wait(free_port, process)
                yield f"http://127.0.0.1:{free_port}/secret/page", issuer
            finally:
                process.terminate()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("Apache did not start")


def test_apache_signs_people_in(apache: tuple[str, LocalIssuer]) -> None:
    """From the protected page to the issuer and back, by each way of getting there."""
    url, issuer = apache
    with httpx.Client(trust_env=False, follow_redirects=True, timeout=60) as browser:
        answer = browser.get(url)
        if "<form" in answer.text:  # a browser's script would send it
            answer = _sent(browser, answer.text)
        assert (answer.status_code, answer.text) == (200, "for alice")
        assert str(answer.url) == url
    assert issuer.requests["authorize"] == 1


def _sent(browser: httpx.Client, page: str) -> httpx.Response:
    (action,) = re.findall('action="([^"]*)"', page)
    fields = re.findall('type="hidden" name="([^"]*)" value="([^"]*)"', page)
    return browser.post(unescape(action), data={unescape(name): unescape(value) for name, value in fields})
