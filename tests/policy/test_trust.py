"""Trust: what may be asked of an issuer's tokens, told wrong or right when it is built."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

import rightkey
from rightkey import KeySet
from rightkey.grants import GRANTS
from rightkey.policy.trust import ANY, Compiled, FirstOf, Trust, requirement_of


def test_a_domain_stands_for_two_spellings_and_a_url_for_one() -> None:
    """Until metadata says which."""
    assert Trust("issuer.example", audience="api").expected == (
        "https://issuer.example",
        "https://issuer.example/",
    )
    assert Trust("https://issuer.example/", audience="api").expected == ("https://issuer.example/",)


def test_with_keys_of_ones_own_the_issuer_may_be_any_string() -> None:
    """Or be left unchecked, loudly."""
    assert Trust("joe", audience="api", keys=KeySet(())).expected == ("joe",)
    assert Trust(ANY, audience=ANY, keys=KeySet(())).expected is None
    with pytest.raises(rightkey.Misconfigured):
        Trust("", audience="api", keys=KeySet(()))


def test_a_trust_says_which_issuer_it_is_for() -> None:
    """However it is named and however its keys are found: rules about an issuer are kept under that."""
    keys = KeySet(())
    trusts = [
        *(Trust("issuer.example", "api"), Trust("https://issuer.example/", "api")),
        *(Trust("https://Issuer.example:443", "api", keys=keys), Trust("issuer.example", "api", keys=keys)),
        Trust("https://issuer.example", "api", keys="https://keys.example/jwks"),
        Trust("https://issuer.example", "api", keys=FirstOf(keys, None)),
    ]
    assert {trust.identity for trust in trusts} == {"https://issuer.example"}
    assert Trust("joe", "api", keys=keys).identity == "joe"
    assert Trust(ANY, "api", keys=keys).identity is None


def test_audiences_are_one_or_several() -> None:
    """ANY admits all."""
    assert Trust("i.example", audience="a").audiences == Trust("i.example", audience=["a"]).audiences == {"a"}
    assert Trust("i.example", audience=ANY).audiences is None
    assert repr(ANY) == "rightkey.ANY"


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": ANY},
        {"issuer": 5},
        {"audience": ""},
        {"audience": []},
        {"audience": ["a", ""]},
        {"audience": [5]},
        {"audience": None},
        {"algorithms": []},
        {"algorithms": "RS256"},
        {"algorithms": ["none"]},
        {"leeway": -1},
        {"leeway": 301},
        {"leeway": True},
        {"leeway": float("nan")},
        {"leeway": "1"},
        {"profile": "jwt"},
        *({"require_exp": "false"}, {"require_exp": 0}, {"require_exp": None}),
        {"certificates": "strict"},
        {"certificates": None},
        {"require": 5},
    ],
    ids=str,
)
def test_what_is_not_as_described_is_refused(wrong: dict[str, Any]) -> None:
    """When it is built."""
    with pytest.raises(rightkey.Misconfigured):
        Trust(**{"issuer": "i.example", "audience": "a"} | wrong)


def test_certificates_are_matched_unless_ignored() -> None:
    """And judged further where that is asked."""
    policies = {
        asked: Trust("i.example", audience="a", certificates=asked) for asked in ("match", "valid", "ignore")
    }
    assert [trust.matched for trust in policies.values()] == [True, True, False]
    assert [trust.certificate_policy is not None for trust in policies.values()] == [False, True, False]


def test_what_asks_nothing_is_none() -> None:
    """So that the warm path asks one question."""
    assert requirement_of(()) is requirement_of([]) is None
    assert str(requirement_of("read:x")) == "all_of(read:x)"


def test_a_trust_pickles() -> None:
    """With all that it derived."""
    trust = Trust("i.example", audience={"a"}, require="read:x", certificates="valid")
    assert pickle.loads(pickle.dumps(trust)) == trust


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        ({"issuer": "i.example"}, "audience is missing", "rightkey.ANY"),
        ({"audience": "api"}, "issuer is missing", "rightkey.ANY"),
        ({"issuer": "i.example", "audiance": "api"}, "unknown setting audiance=", "did you mean audience="),
        (
            {"issuer": "i.example", "audience": "a", "zzz": 1},
            "unknown setting zzz=",
            "known settings: issuer",
        ),
    ],
)
def test_a_setting_that_is_unknown_or_missing_is_told_by_name(
    settings: dict[str, Any], message: str, hint: str
) -> None:
    """As every wrong setting is, and not as a TypeError of an inner name."""
    with pytest.raises(rightkey.Misconfigured, match=message) as caught:
        Trust(**settings)
    assert hint in str(caught.value.hint)
    assert pickle.loads(pickle.dumps(Trust("i.example", "api"))) == Trust("i.example", "api")


SPIFFE = "spiffe://shop.example"
REALM = "https://sso.example.com/realms/shop"
ALB = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/api/0123456789abcdef"
TENANT = "https://login.microsoftonline.com/3c6f6ef3-4f28-4be9-a1b0-1d7a3c1f2e01/v2.0"
PLAIN = frozenset(("", "jwt", "at+jwt"))


@pytest.mark.parametrize(
    ("issuer", "profile", "expected"),
    [
        ("i.example", "access", Compiled(PLAIN, False, False, False, False)),
        ("i.example", "id", Compiled(PLAIN - {"at+jwt"}, True, False, False, False)),
        ("i.example", "any", Compiled(None, False, False, False, False)),
        (ALB, "access", Compiled(PLAIN, False, True, True, False)),
        (TENANT, "access", Compiled(PLAIN, False, False, False, True)),
        (TENANT, "at+jwt", Compiled(frozenset(("at+jwt",)), True, False, False, True)),
        (SPIFFE, "access", Compiled(PLAIN | {"jose"}, False, False, True, False)),
        (SPIFFE, "id", Compiled(PLAIN - {"at+jwt"}, True, False, True, False)),
        (SPIFFE, "any", Compiled(None, False, False, True, False)),
    ],
)
def test_what_a_provider_does_beyond_the_standards_is_known(
    issuer: str, profile: str, expected: Compiled
) -> None:
    """Its values of `typ` for access tokens alone; padding; claims in the header; keys of one tenant each."""
    keys = KeySet(()) if issuer == SPIFFE else None
    trust = Trust(issuer, "api", profile=profile, keys=keys)
    assert trust.compiled == expected
    assert trust.places.keys() == GRANTS.keys()


def test_roles_of_this_api_are_this_apis() -> None:
    """Keycloak states roles by client: those of the audiences expected count, and the realm's."""

    def paths(audience: Any) -> set[tuple[str, ...]]:
        roles = Trust(REALM, audience).places["role"]
        return {place.path for place in roles} - {place.path for place in GRANTS["role"]}

    realm = ("realm_access", "roles")
    assert paths(["a", "b"]) == {realm, ("resource_access", "a", "roles"), ("resource_access", "b", "roles")}
    assert paths(ANY) == {realm}


def test_a_provider_may_be_named_or_left_out() -> None:
    """By `provider=`: a name, found by the issuer's URL, or none, for the standards alone."""
    assert (found := Trust(TENANT, "api").vendor) is not None
    assert found.name == "entra"
    assert Trust(TENANT, "api", provider=None).vendor is None
    assert (named := Trust("https://sso.example.com/realms/shop", "api", provider="keycloak").vendor)
    assert named.name == "keycloak"
    with pytest.raises(rightkey.Misconfigured, match="provider"):
        Trust("i.example", "api", provider="nonesuch")


@pytest.mark.parametrize("provider", ["auto", "spiffe"])
def test_a_trust_domain_is_an_issuer(provider: str) -> None:
    """SPIFFE's tokens have no `iss`: the trust domain of `sub` is the issuer, where the keys are brought."""
    trust = Trust(SPIFFE, "api", provider=provider, keys=KeySet(()))
    assert trust.vendor is not None
    assert trust.vendor.of_subject
    assert (trust.expected, trust.identity) == ((SPIFFE,), SPIFFE)
    plain = Trust(SPIFFE, "api", provider=None, keys=KeySet(()))
    assert (plain.vendor, plain.expected) == (None, (SPIFFE,))


def test_a_trust_domains_tokens_have_the_algorithms_of_jwt_svid() -> None:
    """And no other, whatever is asked (JWT-SVID, section 2.1)."""
    svid = {kind + bits for kind in ("RS", "ES", "PS") for bits in ("256", "384", "512")}
    keys = KeySet(())
    assert Trust(SPIFFE, "api", keys=keys).allowed == svid
    assert Trust(SPIFFE, "api", keys=keys, algorithms=["ES256", "EdDSA"]).allowed == {"ES256"}
    assert "EdDSA" in Trust(SPIFFE, "api", keys=keys, provider=None).allowed
    with pytest.raises(rightkey.Misconfigured, match="SPIFFE have none of the algorithms EdDSA"):
        Trust(SPIFFE, "api", keys=keys, algorithms=["EdDSA"])


def test_an_issuer_whose_metadata_are_elsewhere_may_be_any_string() -> None:
    """Where they are not, it must be one that can be found."""
    url = "https://meta.example/.well-known/openid-configuration"
    trust = Trust("our issuer", "api", metadata_url=url)
    assert trust.expected is not None
    assert (trust.expected[0], trust.metadata_url) == ("our issuer", url)
    with pytest.raises(rightkey.Misconfigured):
        Trust("our issuer", "api")


def test_plain_http_is_judged_where_it_is_known_who_may_be_asked() -> None:
    """That is the transport's to say: a trust alone refuses no host."""
    assert Trust("http://inside.example", "api").expected == ("http://inside.example",)


def test_the_greatest_leeway_is_five_minutes() -> None:
    """And five minutes are allowed, as a number of seconds."""
    assert Trust("i.example", "api", leeway=300).leeway == 300.0
    assert Trust("i.example", "api", leeway=0).leeway == 0.0


def test_what_is_missing_is_told_with_what_to_give() -> None:
    """A hint each: sources of keys, and whose API it is."""
    with pytest.raises(rightkey.Misconfigured, match="at least one") as caught:
        FirstOf()
    assert "FirstOf(keys" in str(caught.value.hint)
    with pytest.raises(rightkey.Misconfigured, match="audience") as caught:
        Trust("i.example", "")
    assert "rightkey.ANY" in str(caught.value.hint)


def test_of_several_near_names_one_is_told() -> None:
    """The nearest."""
    with pytest.raises(rightkey.Misconfigured) as caught:
        Trust("i.example", "api", requires=["a"])  # type: ignore[call-arg]
    assert caught.value.hint == "did you mean require=?"
