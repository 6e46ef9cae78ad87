"""Requirements: values, their one string form, and what is missing."""

from __future__ import annotations

import contextlib
import re
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


@given(
    st.tuples(st.just(scope), _NAMES.filter(lambda name: name.split() == [name]))
    | st.tuples(st.sampled_from([permission, role, group]), _NAMES)
)
def test_any_name_is_read_back(made: tuple[Any, str]) -> None:
    """Brackets, commas and words of the language included."""
    kind, name = made
    assert parse(str(any_of(kind(name), "x"))) == any_of(kind(name), "x")


# A JSON Pointer must be one: what is refused as none has a test of its own.
_CLAIMS = _NAMES.filter(lambda name: name[0] != "/" or not re.search("~(?![01])", name))


@given(name=_CLAIMS, value=_NAMES | st.integers() | st.booleans() | st.none())
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
    with pytest.raises(Misconfigured, match="cannot be read") as refused:
        parse(text)
    assert "any_of(" in str(refused.value.hint)


@pytest.mark.parametrize("text", ["read:x write:x", "read:x,write:x", " read:x,  write:x\n"])
def test_several_names_are_told_how_to_ask_for_them(text: str) -> None:
    """As a token's `scope` lists them: which of the two is meant cannot be guessed."""
    with pytest.raises(Misconfigured) as refused:
        parse(text)
    hint = str(refused.value.hint)
    assert hint == "for all of them all_of(read:x, write:x), for one of them any_of(...)"
    parse(hint.removeprefix("for all of them ").partition("),")[0] + ")")


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


ONE_NAME = {"role": "billing admin", "roles": "Not Admin", "groups": "Domain Users", "permissions": "a b"}


@pytest.mark.parametrize(
    ("make", "names", "parts"),
    [
        (role, ["billing admin", "Not Admin"], ["billing", "admin", "Not", "Admin"]),
        (group, ["Domain Users"], ["Domain", "Users"]),
        (permission, ["a b"], ["a", "b"]),
    ],
)
def test_only_scopes_are_split_at_spaces(make: Any, names: list[str], parts: list[str]) -> None:
    """RFC 8693, section 4.2, is about `scope`: another claim given as one string is that one string."""
    assert [make(name).missing(ONE_NAME) for name in names] == [None] * len(names)
    assert all(make(part).missing(ONE_NAME) is not None for part in parts)
    assert granted({"scope": ["a b"], "scp": "c d"}, "scope") == {"a b", "c", "d"}  # nor is an array's member


@pytest.mark.parametrize("name", ["read:x write:x", " a", "a ", "a\tb", "\u00a0", "a\nb"])
def test_a_scope_has_no_white_space(name: str) -> None:
    """No token could ever grant it (RFC 6749, section 3.3): told where it is built, by each door."""
    doors: list[Any] = [
        scope,
        required,
        all_of,
        lambda name: parse(f'"{name}"'),
        lambda name: [required([name])],
    ]
    for door in doors:
        with pytest.raises(Misconfigured, match="white space") as caught:
            door(name)
        assert caught.value.hint is not None
    with pytest.raises(Misconfigured) as caught:
        scope("read:x write:x")
    assert caught.value.hint == 'for each of several: ["read:x", "write:x"]'


NESTED = {
    "realm_access": {"roles": ["admin"], "a/b": {"~": "x"}},
    "/realm_access/roles": "literal",
    "https://app.example/roles": ["editor"],
    "list": [{"a": 1}],
    "": {"": "empty"},
}


def test_a_claim_cannot_be_no_number() -> None:
    """NaN equals nothing, itself included: no token would be let in."""
    for wrong in (lambda: claim("a", float("nan")), lambda: parse("claim(a, NaN)")):
        with pytest.raises(Misconfigured, match="the value must be a string, number, boolean or None"):
            wrong()


@pytest.mark.parametrize(
    ("name", "value", "there"),
    [
        ("/realm_access/roles", "admin", True),
        ("/realm_access/roles", "literal", False),
        ("/~1realm_access~1roles", "literal", True),
        ("/realm_access/a~1b/~0", "x", True),
        ("realm_access/roles", "admin", False),
        ("https://app.example/roles", "editor", True),
        ("/https:~1~1app.example~1roles", "editor", True),
        ("/list/0/a", 1, False),
        ("/realm_access/roles/0", "admin", False),
        ("/realm_access/none", None, False),
        ("/", None, False),
        ("//", "empty", True),
    ],
)
def test_a_claim_inside_another_is_named_by_a_pointer(name: str, value: Any, there: bool) -> None:
    """RFC 6901, through objects; a name without a slash in front is a claim's whole name."""
    asked = claim(name, value)
    assert (asked.missing(NESTED) is None) is there
    assert parse(str(asked)) == asked


@pytest.mark.parametrize("name", ["/a~", "/~2", "/a~b/c"])
def test_a_pointer_is_well_formed(name: str) -> None:
    """Section 3; in a plain name a tilde is a tilde."""
    with pytest.raises(Misconfigured, match="JSON Pointer"):
        claim(name, "x")
    assert claim(name[1:], "x").missing({name[1:]: "x"}) is None


class Counted(dict[str, Any]):
    """Claims that count how often one is looked up."""

    reads = 0

    def get(self, key: str, default: Any = None) -> Any:
        self.reads += 1
        return super().get(key, default)


@pytest.mark.parametrize("count", [1, 10, 100])
def test_each_kind_is_read_once(count: int) -> None:
    """However many names of it are required, and however they are combined: the cost grows in a line."""
    names = [f"scope{n}" for n in range(count)]
    claims = Counted(scope=" ".join(names))
    asked = all_of(*names, any_of("never", *names), all_of(*names))
    assert asked.missing(claims) is None
    assert claims.reads == 2  # scope and scp
