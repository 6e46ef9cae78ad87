"""Requirements: values, their one string form, and what is missing."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightkey import Misconfigured, all_of, any_of, claim, group, permission, role, scope
from rightkey.requirements import AllOf, granted, parse, required

CLAIMS = {
    "scope": "read:x write:x",
    "scp": ["openid", 5],
    "permissions": ["delete:x"],
    "roles": ["admin"],
    "role": "auditor",
    "groups": ["staff"],
    "org": "acme",
    "tags": ["a", 1],
    "level": 1,
    "beta": True,
    "nothing": None,
}

GRANTED = [
    scope("read:x"),
    scope("openid"),
    permission("delete:x"),
    role("admin"),
    role("auditor"),
    group("staff"),
    claim("org", "acme"),
    claim("tags", "a"),
    claim("level", 1),
    claim("beta", True),
    claim("nothing", None),
    all_of("read:x", role("admin")),
    any_of("never", "write:x"),
    all_of(any_of("never", "read:x"), claim("level", 1)),
]
LACKING = [
    (scope("read"), "read"),
    (scope("delete:x"), "delete:x"),
    (permission("read:x"), "permission(read:x)"),
    (role("staff"), "role(staff)"),
    (claim("org", "other"), "claim(org, other)"),
    (claim("level", True), "claim(level, true)"),
    (claim("beta", 1), "claim(beta, 1)"),
    (claim("level", "1"), 'claim(level, "1")'),
    (claim("absent", None), "claim(absent, null)"),
    (all_of("read:x", "b", "c"), "all_of(b, c)"),
    (all_of("read:x", "b"), "b"),
    (any_of("a", "b"), "any_of(a, b)"),
]


@pytest.mark.parametrize("requirement", GRANTED, ids=str)
def test_what_the_claims_grant_lacks_nothing(requirement: Any) -> None:
    """In each claim where a kind of grant may be, whatever shape it has there."""
    assert requirement.missing(CLAIMS) is None


@pytest.mark.parametrize(("requirement", "missing"), LACKING, ids=str)
def test_what_is_missing_is_named(requirement: Any, missing: str) -> None:
    """That part, and not the rest."""
    assert str(requirement.missing(CLAIMS)) == missing


@pytest.mark.parametrize("requirement", [*GRANTED, *(one for one, _ in LACKING)], ids=str)
def test_the_string_form_is_read_back(requirement: Any) -> None:
    """As the same value."""
    assert parse(str(requirement)) == requirement


_NAMES = st.text(min_size=1, max_size=20).filter(lambda text: '"' not in text)


@given(kind=st.sampled_from([scope, permission, role, group]), name=_NAMES)
def test_any_name_is_read_back(kind: Any, name: str) -> None:
    """Brackets, commas and words of the language included."""
    assert parse(str(any_of(kind(name), "x"))) == any_of(kind(name), "x")


@given(name=_NAMES, value=_NAMES | st.integers() | st.booleans() | st.none())
def test_any_claim_is_read_back(name: str, value: Any) -> None:
    """With the type of its value."""
    assert parse(str(claim(name, value))) == claim(name, value)


@given(st.text(max_size=60) | st.text(alphabet='ab(),"_ofl ', max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """With one error, and no other; what was read is read back."""
    with contextlib.suppress(Misconfigured):
        assert parse(str(parse(text))) == parse(text)


UNREADABLE = (
    *("", "(", ")", ",", '"', "a b", "a)", 'a"b', "unknown(a)", "any_of()", "any_of(a b)"),
    *("role(", "role()", "role(a", "role(a, b)", "claim(a)", "claim(a, b", "all_of(" * 20 + "a" + ")" * 20),
)


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    """With a hint that shows what can."""
    with pytest.raises(Misconfigured, match="cannot be read"):
        parse(text)


@pytest.mark.parametrize(
    "make",
    [
        lambda: scope(""),
        lambda: scope('a"b'),
        lambda: role(5),  # type: ignore[arg-type]
        lambda: claim("", 1),
        lambda: claim("a", 'b"c'),
        lambda: claim("a", []),
        lambda: all_of(),
        lambda: any_of(),
        lambda: all_of(5),  # type: ignore[arg-type]
        lambda: required(5),  # type: ignore[arg-type]
        lambda: required([5]),  # type: ignore[list-item]
    ],
)
def test_what_is_no_requirement_is_refused(make: Any) -> None:
    """When it is built."""
    with pytest.raises(Misconfigured):
        make()


def test_what_require_may_be_given() -> None:
    """One or several, strings or values; nothing asks nothing."""
    assert required("a") == required(["a"]) == AllOf((scope("a"),))
    assert required(role("a")) == AllOf((role("a"),))
    assert required(()) == AllOf(())


def test_scopes_come_as_a_string_or_as_an_array() -> None:
    """Both claims count, and what is no string does not."""
    assert granted(CLAIMS, "scope") == {"read:x", "write:x", "openid"}
    assert granted({"scope": 5, "scp": "  a  b "}, "scope") == {"a", "b"}
