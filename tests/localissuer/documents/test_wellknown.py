"""Where the local issuer's documents lie."""

from __future__ import annotations

import pytest

from rightkey.localissuer.documents.wellknown import Address, metadata


@pytest.mark.parametrize(
    ("url", "rfc8414", "where"),
    [
        ("https://a.example/", False, "/.well-known/openid-configuration"),
        ("https://a.example", False, "/.well-known/openid-configuration"),
        ("https://a.example/t/v2.0", False, "/t/v2.0/.well-known/openid-configuration"),
        ("https://a.example/t/", False, "/t/.well-known/openid-configuration"),
        ("https://a.example/", True, "/.well-known/oauth-authorization-server"),
        ("https://a.example/t/v2.0", True, "/.well-known/oauth-authorization-server/t/v2.0"),
        ("https://a.example/t/", True, "/.well-known/oauth-authorization-server/t"),
    ],
)
def test_discovery_is_appended_or_inserted(url: str, rfc8414: bool, where: str) -> None:
    """OpenID Connect appends its path to the issuer's, RFC 8414 (section 3.1) inserts it before."""
    address = Address.of(url)
    assert address.issuer == url
    assert [path for path, name in address.routes(rfc8414).items() if name == "discovery"] == [where]


def test_metadata_states_the_issuer_and_its_keys() -> None:
    """jwks_uri lies below the issuer, with or without a slash at its end."""
    document = metadata(Address.of("https://a.example/t"), ["ES256"])
    assert document["issuer"] == "https://a.example/t"
    assert document["jwks_uri"] == "https://a.example/t/.well-known/jwks.json"
    assert document["id_token_signing_alg_values_supported"] == ["ES256"]
    assert "ES256" in document["dpop_signing_alg_values_supported"]
