"""Which source: where the keys of an issuer, or of a URL, are looked for."""

from __future__ import annotations

from rightkey import Freshness, Trust
from rightkey.freshness.refresh import Place
from rightkey.issuer.name import Issuer
from rightkey.sources.given import place_of, place_of_keys, source_of
from rightkey.sources.remote import Remote


def test_an_issuers_metadata_say_where_its_keys_are() -> None:
    """Unless it is known to have none: then nobody asks for any."""
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
        source = source_of(trust, None, freshness, None)
        assert isinstance(source, Remote)
        return source.freshness.grace

    assert grace(entra, Freshness()) == 300.0
    assert grace(entra, Freshness(grace=0.0)) == 0.0
    assert grace(other, Freshness()) is None


def test_a_url_of_keys_is_asked_and_no_metadata() -> None:
    url = "https://issuer.example/keys?kind=signing"
    assert place_of_keys(url) == Place(url, None, url)
