"""Trust: what may be asked of an issuer's tokens, told wrong or right when it is built."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

import rightkey
from rightkey import KeySet
from rightkey.policy.trust import ANY, FirstOf, Trust, requirement_of


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
