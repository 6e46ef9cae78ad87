"""Forms: whose token it is where one issuer stands for many tenants, and what it costs to find out."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rightkey.issuer.forms import MAX_ISSUER, Forms
from rightkey.issuer.name import Issuer

TENANT = "3c6f6ef3-4f28-4be9-a1b0-1d7a3c1f2e01"
OTHER = "7d1a2b8c-90de-4a57-bf6e-0c4d5e6f7a02"
ENTRA = "https://login.microsoftonline.com"


def forms(*issuers: str) -> Forms[str]:
    parsed = map(Issuer.parse, issuers)
    return Forms((issuer.vendor, issuer.expected, issuer.name) for issuer in parsed)


FOUND = {
    f"{ENTRA}/common/v2.0": {"iss": f"{ENTRA}/{TENANT}/v2.0", "tid": TENANT},
    f"{ENTRA}/contoso.onmicrosoft.com": {"iss": f"https://sts.windows.net/{TENANT}/", "tid": TENANT},
    "https://contoso.ciamlogin.com/contoso.onmicrosoft.com/v2.0": {
        "iss": f"https://{TENANT}.ciamlogin.com/{TENANT}/v2.0",
        "tid": TENANT,
    },
    "https://contoso.b2clogin.com/contoso.onmicrosoft.com/B2C_1_signin/v2.0": {
        "iss": f"https://contoso.b2clogin.com/{OTHER}/v2.0/"
    },
    f"https://{OTHER}.b2clogin.com/contoso.onmicrosoft.com/B2C_1_{TENANT}/v2.0": {
        "iss": f"https://{OTHER}.b2clogin.com/tfp/{OTHER}/b2c_1_{TENANT}/v2.0/".replace("b2c_1_", "B2C_1_")
    },
    "https://fs.example.com/adfs": {"iss": "https://FS.Example.COM/adfs"},
}


@pytest.mark.parametrize("issuer", FOUND)
def test_an_issuer_is_found_by_its_form(issuer: str) -> None:
    """Of every vendor that has one, among all the others."""
    assert forms(*FOUND).owner(FOUND[issuer]) == issuer


def test_an_exact_issuer_has_no_form() -> None:
    """A tenant named by its GUID is found by its name."""
    exact = forms(f"{ENTRA}/{TENANT}/v2.0", "tenant.auth0.com", "https://issuer.example")
    assert exact.owner({"iss": f"{ENTRA}/{TENANT}/v2.0", "tid": TENANT}) is None


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"iss": 5},
        {"iss": f"{ENTRA}/{TENANT}/v2.0", "tid": OTHER},
        {"iss": f"{ENTRA}/{{}}/v2.0", "tid": "{}"},
        {"iss": f"{ENTRA}/{{tenantid}}/v2.0", "tid": "{tenantid}"},
        {"iss": f"{ENTRA}/{TENANT.upper()}/v2.0", "tid": TENANT.upper()},
        {"iss": f"https://contoso.b2clogin.com/{OTHER}{OTHER}/v2.0/"},
        {"iss": f"https://contoso.b2clogin.com/{OTHER}/v2.0/x"},
        {"iss": "https://contoso.b2clogin.com/" + f"{OTHER}/" * MAX_ISSUER},
        {"iss": "https://fs.example.com/ADFS"},
    ],
    ids=lambda claims: str(claims)[:60],
)
def test_a_stranger_has_no_form(claims: dict[str, Any]) -> None:
    """What only resembles one belongs to no provider."""
    assert forms(*FOUND).owner(claims) is None


@settings(deadline=None)
@given(st.text() | st.text("htps:/{}[]0123456789abcdef-"), st.text())
def test_any_text_is_looked_up(iss: str, tid: str) -> None:
    """And is a stranger's."""
    assert forms(*FOUND).owner({"iss": iss, "tid": tid}) is None


KINDS = {
    "auth0": "https://tenant{}.eu.auth0.com/",
    "entra, one tenant": ENTRA + "/{:08x}-90de-4a57-bf6e-0c4d5e6f7a02/v2.0",
    "b2c": "https://tenant{}.b2clogin.com/contoso.onmicrosoft.com/B2C_1_signin/v2.0",
    "b2c, host a guid": "https://{:08x}-90de-4a57-bf6e-0c4d5e6f7a02.b2clogin.com/contoso.com/B2C_1_a/v2.0",
    "cognito": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_{}",
    "adfs": "https://fs{}.example.com/adfs",
    "plain": "https://issuer{}.example/",
}
STRANGERS = [
    {"iss": "https://stranger.example/"},
    {"iss": f"{ENTRA}/{OTHER}/v2.0", "tid": OTHER},
    {"iss": f"https://stranger.b2clogin.com/{TENANT}/v2.0/"},
    {"iss": f"https://{TENANT}.b2clogin.com/{TENANT}/v2.0/"},
    {"iss": "https://fs.stranger.example/adfs"},
]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_stranger_costs_the_same_among_many(kind: str) -> None:
    """Counted in lines of Python that run, which no machine makes slower: 5 issuers and 1,000 alike."""
    few, many = (forms(*(KINDS[kind].format(n) for n in range(count))) for count in (5, 1000))
    for claims in STRANGERS:
        assert steps(many, claims) == steps(few, claims)


def steps(table: Forms[str], claims: dict[str, Any]) -> int:
    """How many lines run to find that no form fits; the fewest of a few, as the collector runs some."""
    return min(lines(table, claims) for _ in range(4))


def lines(table: Forms[str], claims: dict[str, Any]) -> int:
    count = 0

    def trace(_frame: Any, event: str, _arg: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        assert table.owner(claims) is None
    finally:
        sys.settrace(before)
    return count
