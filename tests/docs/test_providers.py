"""The page of providers: each example runs, code and command, against the provider's own documents.

A proxy on this machine stands in for the providers: it ends TLS for whatever host is asked for, by
certificates of an authority that the environment names, and answers as the provider documents it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shlex
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.conftest import signing_key

import rightkey
from rightkey.issuer.providers import PROVIDERS, recognise
from rightkey.localissuer.keys.signing import SigningKey
from rightkey.localissuer.tokens.minting import compact

PAGE = (Path(__file__).parents[2] / "docs" / "providers.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))

TENANT = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
CLIENT = "11112222-bbbb-3333-cccc-4444dddd5555"
ENTRA = "https://login.microsoftonline.com"
B2C = "https://contoso.b2clogin.com"
KID = "0d2f4a68-1b3c-4d5e-8f70-91a2b3c4d5e6"
COGNITO = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123"
OPENID = "/.well-known/openid-configuration"


def discovered(issuer: str, keys: str, at: str | None = None, /, **jwk: Any) -> dict[str, Any]:
    """The documents of an issuer with metadata: by URL, with the JWK's extra members for the key set."""
    metadata = {"issuer": issuer, "jwks_uri": keys}
    return {(at or issuer).rstrip("/") + OPENID: metadata, keys: jwk}


STAGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "Auth0": (
        discovered("https://tenant.eu.auth0.com/", "https://tenant.eu.auth0.com/.well-known/jwks.json"),
        {
            "iss": "https://tenant.eu.auth0.com/",
            "aud": ["https://api.example.com"],
            "scope": "read:appointments",
        },
    ),
    "Okta": (
        discovered(
            "https://dev-1234.okta.com/oauth2/default", "https://dev-1234.okta.com/oauth2/default/v1/keys"
        ),
        {"iss": "https://dev-1234.okta.com/oauth2/default", "aud": "api://default", "scp": ["read"]},
    ),
    "Microsoft Entra ID, one tenant": (
        discovered(
            f"{ENTRA}/{TENANT}/v2.0",
            f"{ENTRA}/{TENANT}/discovery/v2.0/keys",
            f"{ENTRA}/contoso.onmicrosoft.com/v2.0",
            alg=None,
            issuer=f"{ENTRA}/{TENANT}/v2.0",
        ),
        {"iss": f"{ENTRA}/{TENANT}/v2.0", "aud": CLIENT, "tid": TENANT, "roles": ["Reader"], "ver": "2.0"},
    ),
    "Microsoft Entra ID, all tenants": (
        discovered(
            f"{ENTRA}/{{tenantid}}/v2.0",
            f"{ENTRA}/organizations/discovery/v2.0/keys",
            f"{ENTRA}/organizations/v2.0",
            alg=None,
            issuer=f"{ENTRA}/{{tenantid}}/v2.0",
        ),
        {"iss": f"{ENTRA}/{TENANT}/v2.0", "aud": CLIENT, "tid": TENANT, "ver": "2.0"},
    ),
    "Azure AD B2C": (
        discovered(
            f"{B2C}/{TENANT}/v2.0/",
            f"{B2C}/contoso.onmicrosoft.com/b2c_1_signin/discovery/v2.0/keys",
            f"{B2C}/contoso.onmicrosoft.com/B2C_1_signin/v2.0",
            alg=None,
        ),
        {"iss": f"{B2C}/{TENANT}/v2.0/", "aud": CLIENT, "tfp": "B2C_1_signin"},
    ),
    "Amazon Cognito": (
        discovered(COGNITO, f"{COGNITO}/.well-known/jwks.json"),
        {"iss": COGNITO, "client_id": "1example23456789", "token_use": "access", "scope": "openid"},
    ),
    "Google": (
        discovered("https://accounts.google.com", "https://www.googleapis.com/oauth2/v3/certs"),
        {"iss": "accounts.google.com", "aud": "1234.apps.googleusercontent.com", "sub": "110"},
    ),
    "Firebase Authentication": (
        discovered(
            "https://securetoken.google.com/my-project",
            "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
        ),
        {"iss": "https://securetoken.google.com/my-project", "aud": "my-project", "sub": "uid"},
    ),
    "Google Cloud Identity-Aware Proxy": (
        {"https://www.gstatic.com/iap/verify/public_key-jwk": {}},
        {"iss": "https://cloud.google.com/iap", "aud": "/projects/1234/global/backendServices/5678"},
    ),
    "Cloudflare Access": (
        {"https://team.cloudflareaccess.com/cdn-cgi/access/certs": {}},
        {
            "iss": "https://team.cloudflareaccess.com",
            "aud": ["4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2"],
            "type": "app",
        },
    ),
    "AWS Application Load Balancer": (
        {f"https://public-keys.auth.elb.eu-west-1.amazonaws.com/{KID}": "PEM"},
        {"sub": "alice", "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123"},
    ),
    "GitHub Actions": (
        discovered(
            "https://token.actions.githubusercontent.com",
            "https://token.actions.githubusercontent.com/.well-known/jwks",
        ),
        {
            "iss": "https://token.actions.githubusercontent.com",
            "aud": "https://deploy.example.com",
            "repository": "octo-org/octo-repo",
        },
    ),
    "AD FS": (
        discovered(
            "https://FS.EXAMPLE.COM/adfs",
            "https://fs.example.com/adfs/discovery/keys",
            "https://fs.example.com/adfs",
        ),
        {"iss": "http://fs.example.com/adfs/services/trust", "aud": "microsoft:identityserver:api"},
    ),
    "Keycloak": (
        discovered(
            "https://sso.example.com/realms/shop",
            "https://sso.example.com/realms/shop/protocol/openid-connect/certs",
        ),
        {"iss": "https://sso.example.com/realms/shop", "aud": ["shop-api", "account"], "typ": "Bearer"},
    ),
}
"""By the section's title: what the provider serves (of a key set, what its key has besides), and a token."""
HEADERS: dict[str, dict[str, Any]] = {
    "AWS Application Load Balancer": {
        "kid": KID,
        "signer": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188",
        "iss": COGNITO,
        "client": "1example23456789",
    }
}
"""What a token's header has besides, and `exp`."""


class StandIn:
    """A proxy that answers CONNECT itself, as whatever host is asked for. Notes each URL asked."""

    def __init__(self, tls: ssl.SSLContext, documents: Mapping[str, Any]) -> None:
        self._tls, self._documents = tls, documents
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                plain, _ = self._listener.accept()
                with plain, contextlib.suppress(OSError):  # a client that went away takes no other's answer
                    self._answer(plain)

    def _answer(self, plain: socket.socket) -> None:
        host = head(plain).split()[1].rpartition(":")[0]
        plain.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with self._tls.wrap_socket(plain, server_side=True) as secure:
            url = f"https://{host}{head(secure).split()[1]}"
            self.asked.append(url)
            document = self._documents.get(url)
            status, body = ("404 Not Found", b"") if document is None else ("200 OK", document)
            secure.sendall(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n" % (status.encode(), len(body)) + body)


def head(connection: socket.socket) -> str:
    octets = b""
    while b"\r\n\r\n" not in octets:
        piece = connection.recv(4096)
        if not piece:
            raise ConnectionResetError
        octets += piece
    return octets.decode("latin-1")


@pytest.fixture(scope="module")
def authority(authority_for: Any) -> Any:
    """Of all hosts on the page."""
    return authority_for(*{urlsplit(url).hostname for documents, _ in STAGES.values() for url in documents})


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return signing_key("RS256", "signing-key")


@pytest.fixture
def stage(
    request: pytest.FixtureRequest,
    authority: Any,
    key: SigningKey,
    monkeypatch: pytest.MonkeyPatch,
    no_proxies: None,
) -> Iterator[tuple[str, StandIn]]:
    """A good token of the provider, and the stand-in, to which the environment sends those who ask."""
    documents, claims = STAGES[request.param]
    served = {url: body_of(document, key) for url, document in documents.items()}
    stand_in = StandIn(authority.server, served)
    monkeypatch.setenv("HTTPS_PROXY", stand_in.url)
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    now = int(time.time())
    payload = {"sub": "alice", "iat": now, "exp": now + 600} | claims
    made = padded if "AWS" in request.param else compact
    header: dict[str, Any] = {"alg": "RS256", "kid": key.kid}
    if request.param in HEADERS:
        header |= HEADERS[request.param] | {"exp": now + 600}
    yield made(header, orjson.dumps(payload), key.sign), stand_in
    stand_in.close()


def body_of(document: Any, key: SigningKey) -> bytes:
    """What the provider answers with."""
    if document == "PEM":
        public = key.private.public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return orjson.dumps(document if "jwks_uri" in document else {"keys": [published(key, document)]})


def padded(header: Mapping[str, Any], payload: bytes, sign: Callable[[bytes], bytes]) -> str:
    """As AWS spells it, with padding, and with a header that says whose it is."""
    parts = [base64.urlsafe_b64encode(part) for part in (orjson.dumps(header), payload)]
    signed = b".".join(parts)
    return (signed + b"." + base64.urlsafe_b64encode(sign(signed))).decode()


def published(key: SigningKey, extra: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (key.public_jwk() | extra).items() if value is not None}


def block(title: str, language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", SECTIONS[title], re.DOTALL | re.MULTILINE)
    assert len(found) == 1
    return str(found[0])


def test_every_section_has_a_stage() -> None:
    assert STAGES.keys() == SECTIONS.keys()
    assert len(STAGES) >= 10


@pytest.mark.parametrize("stage", STAGES, indirect=True, ids=str)
def test_the_code_verifies(stage: tuple[str, StandIn], request: pytest.FixtureRequest) -> None:
    """By the documents that the provider publishes, each asked for once."""
    raw, stand_in = stage
    title = request.node.callspec.params["stage"]
    names: dict[str, Any] = {"rightkey": rightkey, "raw": raw}
    exec(compile(block(title, "python"), title, "exec"), names)
    assert names["token"].subject == STAGES[title][1].get("sub", "alice")
    assert stand_in.asked == list(STAGES[title][0])


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES, indirect=True, ids=str)
def test_the_command_verifies(stage: tuple[str, StandIn], request: pytest.FixtureRequest) -> None:
    """And `locate` calls the provider by its name."""
    raw, _ = stage
    words = shlex.split(block(request.node.callspec.params["stage"], "console").replace("< token.txt", ""))
    assert words[:2] == ["$", "rightkey"]
    done = ran(words[2:], raw)
    assert done.returncode == 0, done.stdout + done.stderr
    issuer = words[words.index("--issuer") + 1]
    if issuer.startswith("arn:"):
        assert ran(["locate", issuer], "").returncode == 2
        return
    located = json.loads(ran(["locate", issuer, "--json"], "").stdout)
    known = recognise(issuer if "://" in issuer else f"https://{issuer}")
    assert known is not None
    assert located["provider"] == known.name


def ran(arguments: list[str], stdin: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rightkey", *arguments]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, env=dict(os.environ), check=False
    )


def test_every_row_of_the_table_is_on_the_page() -> None:
    """In the table's own order."""
    known = PAGE.partition("\n\nThese keep to the standards")[0]
    assert re.findall(r"^\| `([a-z0-9-]+)` \|", known, re.MULTILINE) == list(PROVIDERS)


def test_every_row_says_where_it_is_from() -> None:
    """By a page of the provider's own, so that the next one who doubts it can look."""
    sources = PAGE.partition("### Where this is from")[2].partition("\n## ")[0]
    rows = [line for line in sources.splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`([a-z0-9-]+)`", row.split("|")[1])]
    assert named == list(PROVIDERS)
    assert all("](https://" in row for row in rows)
