"""Which source: where the keys of an issuer, or of a URL, are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from rightkey import Freshness, Misconfigured, Trust
from rightkey.freshness.refresh import Place
from rightkey.issuer.name import Issuer
from rightkey.jose.keyset import KeySet
from rightkey.policy.trust import ANY, FirstOf
from rightkey.sources.elapsed import SYSTEM
from rightkey.sources.given import identity_in, place_of, place_of_keys, record_of, source_of
from rightkey.sources.remote import Remote
from rightkey.sources.source import Means


def test_an_issuers_metadata_say_where_its_keys_are() -> None:
    """Unless it is known to have none: then none are asked for."""
    issuer = Issuer.parse("issuer.example")
    assert place_of(issuer) == Place("issuer.example", issuer)
    proxy = "https://cloud.google.com/iap"
    known = Place(proxy, None, "https://www.gstatic.com/iap/verify/public_key-jwk")
    assert place_of(Issuer.parse(proxy)) == known
    assert place_of(Issuer.parse(proxy, provider=None)) == Place(proxy, Issuer.parse(proxy, None))


def test_a_grace_that_is_left_open_is_the_providers() -> None:
    """Entra's, whose front ends disagree; what is said counts, and others have none."""
    entra = Trust("https://login.microsoftonline.com/common/v2.0", audience="api")
    other = Trust("https://issuer.example", audience="api")

    def grace(trust: Trust, freshness: Freshness) -> float | None:
        source = source_of(trust, Means(None, freshness, SYSTEM), record_of(trust))
        assert isinstance(source, Remote)
        return source.means.freshness.grace

    assert grace(entra, Freshness()) == 300.0
    assert grace(entra, Freshness(grace=0.0)) == 0.0
    assert grace(other, Freshness()) is None


def test_a_url_of_keys_is_asked_and_no_metadata() -> None:
    url = "https://issuer.example/keys?kind=signing"
    assert place_of_keys(url) == Place("https://issuer.example/keys?...", None, url)


def test_which_issuer_a_trust_is_for() -> None:
    """However it is named, and however its keys are found; with ANY it is the place of the keys."""
    url = "https://tenant.example/keys"
    for name, keys in (
        ("tenant.example", None),
        ("https://TENANT.example:443/", None),
        ("tenant.example", url),
    ):
        assert identity_in(Trust(name, audience="api", keys=keys)) == "https://tenant.example"
    assert identity_in(Trust("any name", audience="api", keys=url)) == "any name"
    assert identity_in(Trust(ANY, audience="api", keys=url)) == url
    assert identity_in(Trust(ANY, audience="api", keys=Path("/keys.json"))) == "/keys.json"
    assert identity_in(Trust(ANY, audience="api", keys=FirstOf(KeySet(()), url))) == url
    assert identity_in(Trust(ANY, audience="api", keys=KeySet(()))) is None
    assert record_of(Trust(ANY, audience="api", keys=KeySet(()))).identity == ""


@pytest.mark.parametrize(
    ("keys", "hint"),
    [
        ("-----BEGIN PUBLIC KEY-----\nMIIB", "KeySet.from_pem"),
        ('{"keys": []}', "KeySet.parse"),
        ("/etc/keys.json", "Path(...)"),
        ("http://keycloak:8080/certs", "plain_http=['keycloak']"),
    ],
)
def test_what_is_no_url_says_what_to_give(keys: str, hint: str) -> None:
    """Each by what it begins with; what may be a key is not quoted."""
    with pytest.raises(Misconfigured) as caught:
        place_of_keys(keys)
    assert hint in str(caught.value.hint)
    assert "MIIB" not in str(caught.value)
