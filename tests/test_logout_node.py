"""Back-channel logout by a provider of others: npm's oidc-provider, unmodified, before our endpoint.

`npm ci --prefix tests/node` brings it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest

import rightkey
from rightkey import Denylist, Verifier
from rightkey.integrations.logout import WsgiLogout

pytestmark = pytest.mark.slow
NODE = Path(__file__).parent / "node"
if shutil.which("node") is None:
    pytest.skip("there is no Node of version 20 or later", allow_module_level=True)
if not (NODE / "node_modules" / "oidc-provider").is_dir():
    pytest.skip("npm ci --prefix tests/node was not run", allow_module_level=True)

BACK = "http://127.0.0.1:1/callback"
SHOP = {"client_id": "shop", "client_secret": "secret"}
HOW: dict[str, Any] = {"audience": "shop", "denylist": Denylist(on_loss="refuse")}


class Provider(NamedTuple):
    """One that runs, and whose logout tokens our endpoint gets."""

    issuer: str
    process: subprocess.Popen[str]

    @property
    def told(self) -> str:
        """What became of the next logout token, by the provider's words."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@pytest.fixture
def provider(served: Callable[[Any], str]) -> Iterator[Provider]:
    receiver: list[WsgiLogout] = []
    url = served(lambda environ, start: receiver[0](environ, start))
    with ExitStack() as stack:
        command = ["node", str(NODE / "oidc-provider.mjs"), f"{url}/backchannel-logout", BACK]
        quiet: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
        process = stack.enter_context(subprocess.Popen(command, **quiet))
        stack.callback(process.terminate)
        assert process.stdout is not None
        issuer = process.stdout.readline().strip()
        receiver.append(WsgiLogout(Verifier(issuer, profile="logout", **HOW)))
        yield Provider(issuer, process)


class Browser:
    """A user's, with one session at the provider."""

    def __init__(self, issuer: str, client: httpx.Client) -> None:
        self._issuer, self._client = issuer, client

    def signed_in(self) -> str:
        """The ID token of a user who has signed in, and consented."""
        asked = {"client_id": "shop", "response_type": "code", "scope": "openid", "redirect_uri": BACK}
        answer = self._client.get(f"{self._issuer}/auth", params=asked)
        while not (place := answer.headers.get("location", "")).startswith(BACK):
            next_one = urljoin(self._issuer, place)
            answer = (
                self._client.get(next_one) if place else self._submit(answer, login="alice", password="any")
            )
        code = {"code": parse_qs(urlsplit(place).query)["code"][0], "redirect_uri": BACK}
        asked = SHOP | code | {"grant_type": "authorization_code"}
        return str(self._client.post(f"{self._issuer}/token", data=asked).json()["id_token"])

    def sign_out(self) -> None:
        """At the provider itself, which then tells the client."""
        self._submit(self._client.get(f"{self._issuer}/session/end"), logout="yes")

    def _submit(self, page: httpx.Response, **typed: str) -> httpx.Response:
        (action,) = re.findall(r'action="([^"]+)"', page.text)
        hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
        return self._client.post(urljoin(self._issuer, action), data=hidden | typed)


@pytest.fixture
def browsers(provider: Provider) -> Iterator[Callable[[], Browser]]:
    with ExitStack() as stack:
        yield lambda: Browser(provider.issuer, stack.enter_context(httpx.Client(trust_env=False, timeout=60)))


def test_a_session_that_ends_at_its_provider_is_denied(
    provider: Provider, browsers: Callable[[], Browser]
) -> None:
    """The session of the token alone, by its `sid`: another of the same user goes on, and may end as well."""
    here, there = browsers(), browsers()
    mine, other = here.signed_in(), there.signed_in()
    verifier = Verifier(provider.issuer, profile="id", **HOW)
    assert verifier.verify(mine).subject == verifier.verify(other).subject == "alice"
    here.sign_out()
    assert provider.told == "taken"
    with pytest.raises(rightkey.TokenRejected) as caught:
        verifier.verify(mine)
    assert (caught.value.code, caught.value.reason) == ("token_revoked", "session_denied")
    assert verifier.verify(other).subject == "alice"
    there.sign_out()
    assert provider.told == "taken"
    with pytest.raises(rightkey.TokenRejected):
        verifier.verify(other)
    assert verifier.verify(browsers().signed_in()).subject == "alice"
