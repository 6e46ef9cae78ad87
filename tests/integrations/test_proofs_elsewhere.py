"""The same proofs before another library: what docs/dpop.md says that each makes of them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import rightkey
from rightkey.exchange import Request
from rightkey.integrations.bearer import BEARER
from rightkey.integrations.certificates import Connection
from rightkey.integrations.credential import Sent, carried
from rightkey.localissuer import LocalIssuer, Sender
from rightkey.policy.confirmation import thumbprint

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
auth0 = pytest.importorskip("auth0_api_python")
THEIRS = "1.0.0b10"
if version("auth0-api-python") != THEIRS:
    pytest.skip(f"the page tells of {THEIRS}", allow_module_level=True)

URL = "https://api.example.com/a"
CALLER, BY_EDDSA = Sender(), Sender("Ed25519")
PAGE = Path(__file__).parents[2] / "docs" / "dpop.md"


@pytest.fixture(scope="module")
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(url="https://tenant.example/") as issuer:  # it knows issuers of https, and RS256, alone
        yield issuer


def proofs(issuer: LocalIssuer) -> dict[str, tuple[list[str], str, str]]:
    """By what the page calls it: the proofs of one request, its scheme and token."""
    token, eddsa = (issuer.token(sub="a", cnf=one.cnf) for one in (CALLER, BY_EDDSA))
    proof = CALLER.proof("GET", URL, token)
    private = CALLER.key.private_jwk()

    def made(**how: Any) -> list[str]:
        return [CALLER.proof("GET", URL, token, **how)]

    return {
        "a good proof": ([proof], "DPoP", token),
        "the same proof again": ([proof], "DPoP", token),
        "a good proof by Ed25519": ([BY_EDDSA.proof("GET", URL, eddsa)], "DPoP", eddsa),
        "`htm` is the number 1": (made(htm=1), "DPoP", token),
        "`htm` in small letters": (made(htm="get"), "DPoP", token),
        "`iat` is `true`": (made(iat=True), "DPoP", token),
        "two `DPoP` headers": (made() + made(), "DPoP", token),
        "private members in `jwk`": (made(header={"jwk": CALLER.jwk | {"d": private["d"]}}), "DPoP", token),
        "the bound token as `Bearer`": ([], "Bearer", token),
        "a token bound to a certificate as `Bearer`": (
            [],
            "Bearer",
            issuer.token(sub="a", cnf={"x5t#S256": thumbprint(b"a")}),
        ),
    }


def ours(issuer: LocalIssuer) -> Callable[..., str]:
    how: dict[str, Any] = {"audience": issuer.audience, "transport": issuer.transport()}
    verifier = rightkey.Verifier(issuer.url, origin="https://api.example.com", **how)

    def told(proofs: list[str], scheme: str, token: str) -> str:
        headers = [("authorization", f"{scheme} {token}"), *(("dpop", one) for one in proofs)]
        sent = Sent("GET", "/a", Connection(None))
        found = carried(BEARER, headers, "", lambda: sent, {}, optional=False)
        assert found is not None
        try:
            found.verified(verifier.verify)
        except rightkey.RightkeyError as error:
            return str(error.status)
        return "accepted"

    return told


def theirs(issuer: LocalIssuer) -> Callable[..., str]:
    transport = issuer.transport()

    async def fetch(url: str) -> Any:
        return json.loads(transport.get(Request(url)).body)

    domain = issuer.url.removeprefix("https://").rstrip("/")
    options = auth0.ApiClientOptions(domain=domain, audience=issuer.audience, custom_fetch=fetch)
    client = auth0.ApiClient(options)

    def told(proofs: list[str], scheme: str, token: str) -> str:
        # Of two headers it is shown the first, as its own integration with FastAPI does it.
        headers = {"authorization": f"{scheme} {token}"} | ({"dpop": proofs[0]} if proofs else {})
        try:
            asyncio.run(client.verify_request(headers, "GET", URL))
        except auth0.errors.BaseAuthError as error:
            return str(error.get_status_code())
        except Exception as error:  # noqa: BLE001 - what is no error of theirs is a 500
            return f"500, {type(error).__name__}"
        return "accepted"

    return told


def test_the_page_says_what_each_does(issuer: LocalIssuer) -> None:
    """Row by row."""
    rows = re.findall(
        r"^\| (.+?) \| (accepted|\d.*?) \| (accepted|\d.*?) \|$", PAGE.read_text(), re.MULTILINE
    )
    us, them = ours(issuer), theirs(issuer)
    found = [(name, us(*how), them(*how)) for name, how in proofs(issuer).items()]
    assert rows == found
    assert f"auth0-api-python {THEIRS}" in PAGE.read_text(encoding="utf-8")
