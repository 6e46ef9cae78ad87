"""How a local issuer looks: the dress, and the options over it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rightkey.exchange import Request
from rightkey.localissuer import DRESSES, LocalIssuer
from rightkey.localissuer.documents.look import Look, Options

PAGE = Path(__file__).parents[3] / "docs" / "local-issuer.md"


@pytest.mark.parametrize("dress", [None, *DRESSES])
@pytest.mark.parametrize(
    ("given", "sent"), [("max-age=2", "max-age=2"), ("", None), (None, "of the dress")], ids=repr
)
def test_caching_is_an_option(dress: str | None, given: str | None, sent: str | None) -> None:
    """Over any dress; an empty string sends none, and None leaves it to the dress."""
    issuer = LocalIssuer(dress=dress, algorithm="ES256", cache_control=given)
    worn = DRESSES[dress].cache_control if dress else None
    for endpoint in ("discovery", "jwks"):
        answer = issuer.transport().get(Request(issuer.urls[endpoint]))
        assert answer.headers.get("cache-control") == (worn if sent == "of the dress" else sent)


def test_every_option_of_the_page_is_an_option_of_the_class() -> None:
    """And the options that go over a dress are all on the page."""
    text = re.search(r"Options override the dress: (.*?)\. A dress", PAGE.read_text("utf-8"), re.DOTALL)
    assert text is not None
    named = set(re.findall(r"`(\w+)`", text[1]))
    assert named == Options.__annotations__.keys() - {"dress"}


VALUES: dict[str, Any] = {
    "dress": "keycloak",
    "algorithm": "ES384",
    "certificates": False,
    "x5t": "rfc",
    "alg": False,
    "path": "/a/",
    "slash": False,
    "url": "https://tenant.example/b",
    "rfc8414": True,
    "cache_control": "max-age=1",
    "etag": True,
    "typ": "at+jwt",
}


@pytest.mark.parametrize("option", [*Options.__annotations__])
def test_every_option_changes_the_look(option: str) -> None:
    """None of them is taken and left aside."""
    assert Look.of({option: VALUES[option]}) != Look.of({})
    assert Look.of({option: None}) == Look.of({})


def test_an_unknown_option_is_refused_by_name() -> None:
    """With the one that was meant, if there is one."""
    with pytest.raises(TypeError, match="no option 'cachecontrol'; did you mean 'cache_control'"):
        LocalIssuer(cachecontrol="max-age=2")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"no option 'zzz'$"):
        LocalIssuer(zzz=1)  # type: ignore[call-arg]
    for wrong in ({"dress": "zzz"}, {"algorithm": "HS256"}):
        with pytest.raises(ValueError, match="expected one of"):
            Look.of(wrong)


def test_the_url_stays_where_it_is() -> None:
    """Path and slash are read from it."""
    issuer = LocalIssuer(algorithm="ES256", dress="entra", url="https://tenant.example/x/v2.0")
    metadata = json.loads(issuer.transport().get(Request(issuer.urls["discovery"])).body)
    assert metadata["issuer"] == "https://tenant.example/x/v2.0"
    assert metadata["jwks_uri"] == "https://tenant.example/x/discovery/v2.0/keys"
