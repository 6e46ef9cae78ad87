"""Presented: how a request shows its token, of the types that can be judged."""

from __future__ import annotations

from typing import Any

import pytest

from rightkey import Misconfigured, Presented


@pytest.mark.parametrize("proofs", ["a", ["a"], ("a",), {"a"}, iter(["a"])])
def test_proofs_are_texts(proofs: Any) -> None:
    """One or several, however they were given."""
    assert Presented(proofs=proofs).proofs == ("a",)


def test_a_framework_may_have_its_own_kind_of_text() -> None:
    """Such as one that is marked as safe."""

    class Text(str):
        __slots__ = ()

    assert Presented(method=Text("GET"), proofs=[Text("a")]).method == "GET"


@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "DPOP"])
def test_a_scheme_has_any_letter_case(scheme: str) -> None:
    """RFC 9110, section 11.1."""
    assert Presented(scheme).by_dpop


@pytest.mark.parametrize(
    "wrong",
    [
        {"scheme": None},
        {"method": None},
        {"url": b"/"},
        {"proofs": None},
        {"proofs": b"a.b.c"},
        {"proofs": [b"a.b.c"]},
        {"certificate": "-----BEGIN CERTIFICATE-----"},
    ],
)
def test_another_type_is_told_where_it_is_given(wrong: dict[str, Any]) -> None:
    """And not by an error of another kind, once a bound token comes."""
    with pytest.raises(Misconfigured, match="presented must be"):
        Presented(**wrong)
