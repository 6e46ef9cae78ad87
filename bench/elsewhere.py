"""The same DPoP proofs before other libraries: what each makes of them, for docs/dpop.md.

    python -m bench.elsewhere     write its table anew; `npm ci --prefix bench/node` first

Each is asked as its users ask it, by its defaults: auth0-api-python by `verify_request`, with the first of
two headers, as its own integration with FastAPI does it; express-oauth2-jwt-bearer as a middleware, by HTTP.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from bench.report import between_marks
from rightkey import RightkeyError, Verifier
from rightkey.exchange import Request
from rightkey.integrations.bearer import BEARER
from rightkey.integrations.certificates import Connection
from rightkey.integrations.credential import Sent, carried
from rightkey.localissuer import LocalIssuer, Sender
from rightkey.policy.confirmation import thumbprint

PAGE = Path(__file__).parents[1] / "docs" / "dpop.md"
PROGRAM = Path(__file__).with_name("node") / "bound.mjs"
ORIGIN = "https://api.example.com"
CALLER, BY_EDDSA = Sender(), Sender("Ed25519")


class Case(NamedTuple):
    """One request: its proofs, scheme, token and path."""

    proofs: list[str]
    scheme: str
    token: str
    path: str = "/a"


Peer = Callable[[Case], str]
"""Says `accepted`, or the status, with the error's name where that is a 500."""


def cases(issuer: LocalIssuer, origin: str = ORIGIN) -> dict[str, Case]:
    """By what the page calls it; to be asked in this order."""
    token, eddsa = (issuer.token(sub="a", cnf=one.cnf) for one in (CALLER, BY_EDDSA))
    url, private = f"{origin}/a", CALLER.jwk | {"d": CALLER.key.private_jwk()["d"]}
    proof = CALLER.proof("GET", url, token)

    def made(**how: Any) -> list[str]:
        return [CALLER.proof("GET", url, token, **how)]

    by_certificate = issuer.token(sub="a", cnf={"x5t#S256": thumbprint(b"a")})
    tilde = CALLER.proof("GET", f"{origin}/a%7Eb", token)
    return {
        "a good proof": Case([proof], "DPoP", token),
        "the same proof again": Case([proof], "DPoP", token),
        "a good proof by Ed25519": Case([BY_EDDSA.proof("GET", url, eddsa)], "DPoP", eddsa),
        "`htu` spells `~` as `%7E`": Case([tilde], "DPoP", token, "/a~b"),
        "`htm` is the number 1": Case(made(htm=1), "DPoP", token),
        "`htm` in small letters": Case(made(htm="get"), "DPoP", token),
        "`iat` is `true`": Case(made(iat=True), "DPoP", token),
        "two `DPoP` headers": Case(made() + made(), "DPoP", token),
        "the private key in `jwk`": Case(
            made(header={"jwk": CALLER.jwk | {"d": private["d"]}}), "DPoP", token
        ),
        "the bound token as `Bearer`": Case([], "Bearer", token),
        "a token bound to a certificate as `Bearer`": Case([], "Bearer", by_certificate),
    }


@contextmanager
def _ours() -> Iterator[Mapping[str, str]]:
    with LocalIssuer(url="https://tenant.example/") as issuer:
        how: dict[str, Any] = {"audience": issuer.audience, "transport": issuer.transport()}
        verifier = Verifier(issuer.url, origin=ORIGIN, **how)

        def told(case: Case) -> str:
            headers = [("authorization", f"{case.scheme} {case.token}")]
            headers += [("dpop", proof) for proof in case.proofs]
            sent = Sent("GET", case.path, Connection(None))
            try:
                found = carried(BEARER, headers, "", lambda: sent, {}, optional=False)
                assert found is not None
                found.verified(verifier.verify)
            except RightkeyError as error:
                return str(error.status)
            return "accepted"

        yield {name: told(case) for name, case in cases(issuer).items()}


@contextmanager
def _auth0() -> Iterator[Mapping[str, str]]:
    import auth0_api_python as auth0

    with LocalIssuer(url="https://tenant.example/") as issuer:  # it knows issuers of https, and RS256, alone
        transport = issuer.transport()

        async def fetch(url: str) -> Any:
            return json.loads(transport.get(Request(url)).body)

        domain = issuer.url.removeprefix("https://").rstrip("/")
        options = auth0.ApiClientOptions(domain=domain, audience=issuer.audience, custom_fetch=fetch)
        client = auth0.ApiClient(options)

        def told(case: Case) -> str:
            headers = {"authorization": f"{case.scheme} {case.token}"}
            headers |= {"dpop": case.proofs[0]} if case.proofs else {}
            try:
                asyncio.run(client.verify_request(headers, "GET", ORIGIN + case.path))
            except auth0.errors.BaseAuthError as error:
                return str(error.get_status_code())
            except Exception as error:  # noqa: BLE001 - what is no error of theirs is a 500
                return f"500, {type(error).__name__}"
            return "accepted"

        yield {name: told(case) for name, case in cases(issuer).items()}


@contextmanager
def _express() -> Iterator[Mapping[str, str]]:
    with LocalIssuer() as issuer:
        command = ["node", str(PROGRAM), issuer.url, str(issuer.audience)]
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(command, text=True, **pipes) as process:
            assert process.stdout is not None
            port = json.loads(process.stdout.readline())["port"]
            origin = f"http://127.0.0.1:{port}"
            try:
                yield {name: _asked(port, case) for name, case in cases(issuer, origin).items()}
            finally:
                process.communicate()


def _asked(port: int, case: Case) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest("GET", case.path)
    connection.putheader("Authorization", f"{case.scheme} {case.token}")
    for proof in case.proofs:
        connection.putheader("DPoP", proof)
    connection.endheaders()
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    if response.status == 200:
        return "accepted"
    return f"500, {body}" if response.status == 500 else str(response.status)


def _express_version() -> str:
    installed = PROGRAM.parent / "node_modules" / "express-oauth2-jwt-bearer" / "package.json"
    return str(json.loads(installed.read_text(encoding="utf-8"))["version"])


PEERS: dict[str, tuple[Callable[[], Any], Callable[[], str]]] = {
    "rightkey": (_ours, lambda: ""),
    "auth0-api-python": (_auth0, lambda: version("auth0-api-python")),
    "express-oauth2-jwt-bearer": (_express, _express_version),
}
"""By name: what it says of each case, and which version is installed."""


def column(name: str) -> tuple[str, Mapping[str, str]]:
    """The head of a peer's column, and what it makes of each case. Raises where it is not installed."""
    told, installed = PEERS[name]
    head = f"{name} {installed()}".strip()
    with told() as found:
        return head, found


def table() -> str:
    """A line for each case."""
    columns = [column(name) for name in PEERS]
    lines = [f"| request | {' | '.join(head for head, _ in columns)} |", f"|{' --- |' * (1 + len(columns))}"]
    for name in columns[0][1]:
        lines.append(f"| {name} | {' | '.join(found[name] for _, found in columns)} |")
    return "\n".join(lines)


def written(page: str) -> str:
    """The page with its table made anew."""
    return between_marks(page, {"elsewhere": table})


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
