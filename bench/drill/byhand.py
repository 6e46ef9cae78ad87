"""One row before one product, without the drill: an issuer of the standard library, tokens made here.

    python -m bench.drill.byhand NAME ROW [...] [--work DIR]     the status of a good token, and of each row's

So a card can be checked by other means. The product must have been installed by `bench.drill.others`.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import os
import signal
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from bench.drill import others
from bench.drill.installing import installed
from bench.drill.products import PRODUCTS, Product
from bench.ports import free_port

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
AUDIENCE, OTHER = "https://api.example.com", "https://elsewhere.example"
PATHS = {"keycloak": "/realms/local", "entra": "/00000000-0000-4000-8000-000000000000/v2.0"}
PATHS |= {"okta": "/oauth2/default", "cognito": "/local-1_Local0000"}
WORN: Mapping[str, dict[str, Any]] = {
    "keycloak": {"typ": "Bearer", "azp": "drill", "preferred_username": "alice"},
    "entra": {
        "nbf": 0,
        "ver": "2.0",
        "tid": PATHS["entra"].split("/")[1],
        "oid": "1",
        "azp": "drill",
        "scp": "x",
    },
    "okta": {"cid": "drill", "uid": "1", "scp": ["x"], "ver": 1},
    "cognito": {"aud": None, "client_id": AUDIENCE, "token_use": "access", "username": "alice"},
}


def text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(header: dict[str, Any] | bytes, claims: dict[str, Any]) -> str:
    """A JWS by RS256 over exactly these."""
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    body = {name: value for name, value in claims.items() if value is not None}
    data = f"{text(head)}.{text(json.dumps(body).encode())}"
    return f"{data}.{text(KEY.sign(data.encode(), padding.PKCS1v15(), SHA256()))}"


def jwk(alg: str = "RS256") -> dict[str, str]:
    numbers = KEY.public_key().public_numbers()
    n, e = (text(value.to_bytes((value.bit_length() + 7) // 8)) for value in (numbers.n, numbers.e))
    return {"kty": "RSA", "n": n, "e": e, "kid": "1", "use": "sig", "alg": alg}


HEAD = {"alg": "RS256", "typ": "JWT", "kid": "1"}
Make = Callable[[dict[str, Any], dict[str, Any]], str]


def _head(**changes: Any) -> Make:
    return lambda head, claims: signed(head | changes, claims)


def _claims(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Make:
    return lambda head, claims: signed(head, claims | change(claims))


def _parts(change: Callable[[str, str, str], str]) -> Make:
    return lambda head, claims: change(*signed(head, claims).split("."))


ROWS: Mapping[str, Make] = {
    "good: unknown header parameter": _head(**{"x-drill": "1"}),
    "good: bearer in lower case": signed,
    "good: unknown claim": _claims(lambda _: {"x_drill": 1}),
    "challenge": lambda head, claims: signed(head, claims)[:-8],
    "key: of another algorithm": signed,
    "attack: crit": _head(crit=["x-unknown"], **{"x-unknown": True}),
    "attack: b64-false": _head(crit=["b64"], b64=False),
    "attack: alg-none-with-signature": _head(alg="none"),
    "attack: alg-none-mixed-case": lambda head, claims: (
        signed(head | {"alg": "nOnE"}, claims).rpartition(".")[0] + "."
    ),
    "attack: alg-missing": lambda head, claims: (
        signed({"typ": "JWT", "kid": "1"}, claims).rpartition(".")[0] + "."
    ),
    "attack: duplicate-alg": lambda head, claims: signed(
        json.dumps(head).encode()[:-1] + b',"alg":"none"}', claims
    ),
    "attack: expired": _claims(lambda _: {"exp": int(time.time()) - 3600}),
    "attack: not-yet-valid": _claims(lambda _: {"nbf": int(time.time()) + 3600}),
    "attack: wrong-audience": _claims(lambda _: {"aud": OTHER}),
    "attack: wrong-issuer": _claims(lambda _: {"iss": OTHER}),
    "claims: exp as text": _claims(lambda _: {"exp": str(int(time.time()) - 3600)}),
    "claims: empty aud": _claims(lambda _: {"aud": [""]}),
    "claims: part of aud": _claims(lambda said: {"aud": said["aud"][:-1]}),
    "claims: more than aud": _claims(lambda said: {"aud": said["aud"] + ".elsewhere.example"}),
    "claims: iss in an array": _claims(lambda said: {"iss": [OTHER, said["iss"]]}),
    "claims: part of iss": _claims(lambda _: {"iss": "http://127.0.0.1"}),
    "claims: more than iss": _claims(lambda said: {"iss": said["iss"] + ".elsewhere.example"}),
    "bound: as a bearer token": _claims(lambda _: {"cnf": {"jkt": text(bytes(32))}}),
    "bound: no certificate": _claims(lambda _: {"cnf": {"x5t#S256": text(bytes(32))}}),
    "garbage: two parts": _parts(lambda h, p, s: f"{h}.{p}"),
    "attack: stripped-signature": _parts(lambda h, p, s: f"{h}.{p}."),
    "garbage: four parts": _parts(lambda h, p, s: f"{h}.{p}.{s}.{s}"),
    "garbage: a letter beyond ASCII": _parts(lambda h, p, s: f"{h}.{p}.{s}\u00e9"),
}


class Issuer:
    """Metadata and one key, until it is closed."""

    def __init__(self, path: str, alg: str, certificate: Path | None = None) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                return

            def do_GET(self) -> None:
                metadata = {
                    "issuer": outer.url,
                    "jwks_uri": f"{outer.url}/jwks",
                    "authorization_endpoint": "http://a",
                }
                metadata |= {"token_endpoint": "http://a", "id_token_signing_alg_values_supported": ["RS256"]}
                known = self.path.endswith("/openid-configuration")
                body = json.dumps(metadata if known else {"keys": [jwk(alg)]}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self._server.server_port}{path}"
        if certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()


def certificate(work: Path) -> Path:
    """For 127.0.0.1, by openssl, with its key in the same file."""
    key, file = work / "key.pem", work / "certificate.pem"
    words = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=127.0.0.1",
    ]
    words += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*words, "-keyout", str(key), "-out", str(file)], capture_output=True, check=True)
    both = work / "both.pem"
    both.write_text(key.read_text() + file.read_text())
    return both


class ProductClient:
    """How a product is asked: as its options for `rightkey drill` have it."""

    def __init__(self, product: Product, port: int) -> None:
        options = [option for option in product.options if option != "--tls"]
        pairs = list(zip(options[::2], options[1::2], strict=True))
        self.options = dict(pairs)
        self.claims = dict(value.split("=", 1) for name, value in pairs if name == "--claim")
        self.scheme = self.options.get("--carrier", "Authorization: Bearer {token}").split()[1]
        self._headers = dict(value.split(": ", 1) for name, value in pairs if name == "--header")
        self._data, self._port, self._path = self.options.get("--data"), port, f"/{product.path}"

    def __call__(self, token: str, *, lower: bool = False) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        scheme = self.scheme.lower() if lower else self.scheme
        headers = {**self._headers, "Authorization": f"{scheme} {token}".encode()}
        connection.request("POST" if self._data else "GET", self._path, self._data, headers)
        return connection.getresponse()


def tried(name: str, row: str, work: Path) -> str:
    """What became of a good token, and of the row's."""
    product, port = PRODUCTS[name], free_port()
    ask = ProductClient(product, port)
    both = certificate(work) if "--tls" in product.options else None
    trusted = {name: str(work / "certificate.pem") for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")}
    dress = ask.options.get("--dress", "")
    issuer = Issuer(PATHS.get(dress, ""), "RS512" if row == "key: of another algorithm" else "RS256", both)
    claims: dict[str, Any] = {
        "iss": issuer.url,
        "aud": AUDIENCE,
        "sub": "alice",
        "client_id": "drill",
        "jti": "1",
    }
    claims |= {"scope": "x", "iat": int(time.time()), "exp": int(time.time()) + 3600}
    claims |= WORN.get(dress, {}) | ask.claims
    head = HEAD | {"typ": ask.options.get("--typ", "JWT")}
    command = [*installed(product, work / product.app), str(port), f"{issuer.url}/jwks", issuer.url, AUDIENCE]
    environment = os.environ | {"TMPDIR": str(work / product.app)} | (trusted if both else {})
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env=environment, start_new_session=True, **silent)
    try:
        good = _first(port, lambda: ask(signed(head, claims)))
        try:
            bad = ask(ROWS[row](head, claims), lower=row.endswith("lower case"))
        except OSError as error:
            return (
                f"good {good.status}, {row} {type(error).__name__}, the process ended with {process.wait(5)}"
            )
        return f"good {good.status}, {row} {bad.status}, challenge {bad.headers.get('www-authenticate')}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _first(port: int, ask: Callable[[], http.client.HTTPResponse]) -> http.client.HTTPResponse:
    for _ in range(600):
        try:
            return ask()
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"no answer at port {port}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("name", choices=list(PRODUCTS))
    parser.add_argument("rows", nargs="*", metavar="ROW", help="all that its card failed")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir(), "rightkey-drill-others"))
    chosen = parser.parse_args()
    cards = {card["product"]: card for card in others.cards()}
    for row in chosen.rows or others.failing(cards[chosen.name]):
        print(f"{chosen.name}: {tried(chosen.name, row, chosen.work)}", flush=True)


if __name__ == "__main__":
    main()
