"""The pages that keycloak-js frames."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from rightkey.localissuer import DRESSES, LocalIssuer
from rightkey.localissuer.answers import Request
from rightkey.localissuer.documents.frames import FRAMES, frame


@pytest.mark.parametrize("endpoint", [*FRAMES])
def test_keycloaks_dress_serves_them(endpoint: str) -> None:
    """Any page may frame them, and their policy allows their own script alone."""
    issuer = LocalIssuer(dress="keycloak", algorithm="ES256")
    path = issuer.urls[endpoint].removeprefix(issuer.address.origin)
    answer = issuer.respond(Request("GET", path, {"host": "127.0.0.1"}))
    assert answer == frame(endpoint)
    (script,) = re.findall("<script>(.*?)</script>", answer.body.decode())
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert f"script-src 'sha256-{digest}'" in policy
    assert "frame-ancestors" not in policy
    assert issuer.respond(Request("GET", path, {"host": "evil.example"})).status == 403
    assert issuer.respond(Request("POST", path, {})).status == 405


@pytest.mark.parametrize("dress", [name for name in DRESSES if name != "keycloak"])
def test_no_other_dress_does(dress: str) -> None:
    """They are Keycloak's."""
    assert not LocalIssuer(dress=dress, algorithm="ES256").urls.keys() & FRAMES.keys()
