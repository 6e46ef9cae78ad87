"""Several local issuers behind one port."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import rightkey
from rightkey.localissuer import DRESSES, Client, LocalIssuers, several
from rightkey.localissuer.answers import Request
from rightkey.localissuer.state import InFile


def fetch(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as response:
        return json.load(response)


@pytest.mark.parametrize("dress", list(DRESSES))
def test_an_issuer_is_made_when_it_is_first_asked_for(dress: str) -> None:
    """Each with its own keys, and found by its own URL; the one without a name is there as well."""
    with LocalIssuers(dress=dress, algorithm="ES256") as issuers:
        url = issuers[""].urls["discovery"].split("/", 3)
        named = f"http://{url[2]}{DRESSES[dress].named.format(name='acme')}"
        metadata = fetch(f"{named}/.well-known/openid-configuration")
        assert metadata["issuer"].rstrip("/") == named
        keys = fetch(metadata["jwks_uri"])["keys"]
        acme = issuers["acme"]
        assert acme.url == metadata["issuer"]
        assert acme.current.kid in {key["kid"] for key in keys}
        assert not {key.kid for key in acme.keys} & {key.kid for key in issuers[""].keys}
        for issuer in (acme, issuers[""]):
            verifier = rightkey.Verifier(issuer.url, audience=issuer.audience, provider=None)
            assert verifier.verify(issuer.token(sub="x")).subject == "x"
            with pytest.raises(rightkey.TokenRejected):
                verifier.verify(issuers["other"].token(sub="x"))


def test_only_what_lies_there_makes_an_issuer() -> None:
    """A browser that asks for an icon makes none; what is no name neither."""
    with LocalIssuers(algorithm="ES256") as issuers:
        origin = issuers[""].url
        for path in ("favicon.ico", "acme", "acme/nothing", "a%2fb/.well-known/jwks.json", "-/userinfo"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                fetch(origin + path)
        assert issuers[""].requests["other"] == 5
        assert issuers._made.keys() == {""}
        for name in ("a/b", "-", "a" * 64, "é"):
            with pytest.raises(ValueError, match="expected a name"):
                issuers[name]


def test_a_path_that_leads_nowhere_leaves_nothing_behind(tmp_path: Path) -> None:
    """Not in the file either."""
    file = tmp_path / "state.db"
    issuers = LocalIssuers(algorithm="ES256", url="http://a.test", state=file, clients=[Client("web")])
    for path in ("/acme/nothing", "/other/.well-known/jwks.json"):
        issuers.respond(Request("GET", path, {}))
    assert InFile(file, "acme").all("client") == {}
    assert InFile(file, "other").all("client").keys() == {"web"}


def test_rfc8414_puts_its_path_before_the_name() -> None:
    """And the issuer is found all the same."""
    with LocalIssuers(algorithm="ES256", rfc8414=True) as issuers:
        origin = issuers[""].url
        found = fetch(f"{origin}.well-known/oauth-authorization-server/acme")
        assert found["issuer"] == f"{origin}acme/"


def test_there_are_not_endlessly_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any client that reaches the port can make them; existing ones go on."""
    monkeypatch.setattr(several, "_MOST", 2)
    with LocalIssuers(algorithm="ES256") as issuers:
        origin = issuers[""].url
        assert fetch(f"{origin}one/.well-known/jwks.json")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetch(f"{origin}two/.well-known/jwks.json")
        assert fetch(f"{origin}one/.well-known/jwks.json")


def test_each_is_managed_by_itself() -> None:
    """A fault of one leaves the others alone."""
    with LocalIssuers(algorithm="ES256", etag=True, audience="api") as issuers:
        issuers["one"].misbehave("jwks", "status")
        with pytest.raises(urllib.error.HTTPError, match="503"):
            fetch(issuers["one"].urls["jwks"])
        assert fetch(issuers["two"].urls["jwks"])
        assert fetch(f"{issuers['two'].url}_rightkey")["audience"] == "api"


def test_others_may_have_another_name_for_it() -> None:
    """Then issuers bear that name, wherever they listen."""
    issuers = LocalIssuers(url="http://issuer.test:8080/", dress="okta", algorithm="ES256")
    assert issuers["acme"].url == "http://issuer.test:8080/acme/oauth2/default"
    answer = issuers.respond(Request("GET", "/acme/oauth2/default/v1/keys", {}))
    assert answer.status == 200
    assert issuers.ca_file is None
