"""Strict JSON: one meaning a document, bounded nesting, one kind of error."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightkey.jose import strictjson
from rightkey.jose.strictjson import (
    MAX_COPIED,
    NAMED_TWICE,
    ODD,
    NotJson,
    Repeated,
    marked,
    read_document,
    read_members,
    read_object,
    read_unique,
    unmarked,
)

READERS = [read_object, read_unique, read_members]


def nested(levels: int, kinds: str = "[") -> bytes:
    """Brackets as deep as asked for, of these kinds by turns."""
    kinds = (kinds * levels)[:levels]
    opened = "".join({"[": "[", "{": '{"a":'}[kind] for kind in kinds)
    return f"{opened}1{kinds[::-1].translate({91: 93, 123: 125})}".encode()


@pytest.mark.parametrize("reader", READERS)
def test_an_object_is_read(reader: Any) -> None:
    """All readers agree on an object without surprises."""
    text = '{"a": [1, 2.5, {"b": null}], "ü": "\\ud83d\\ude00", "c": true}'
    assert reader(text.encode()) == json.loads(text)


ODD_ONES = [
    b'{"a": 1e400}',
    b'{"a": "\\ud800"}',
    b'{"a": "\\udc00\\ud800"}',
    b'{"a": ' + b"9" * 5000 + b"}",
]
BROKEN = [
    b"",
    b" ",
    b"{",
    b"{} {}",
    b"{'a': 1}",
    b'{"a": 1,}',
    b'{"a": NaN}',
    b'{"a": -Infinity}',
    b'{"a": "\xed\xa0\x80"}',
    b'{"a": "\xff"}',
    b'{"a": "\n"}',
    b'{"a": 01}',
    b"\xef\xbb\xbf{}",
    '{"a": 1}'.encode("utf-16"),
    b"[" * 10_000,
    b'{"a":' * 10_000,
    nested(10_000),
    nested(10_000, "{"),
]


@pytest.mark.parametrize("text", BROKEN, ids=lambda text: ascii(text[:20]))
@pytest.mark.parametrize("reader", READERS)
def test_what_is_not_json_is_not_json(reader: Any, text: bytes) -> None:
    """Every fault of a parser is the same error, which quotes nothing of the text."""
    with pytest.raises(NotJson) as caught:
        reader(text)
    assert "line" not in str(caught.value)


@pytest.mark.parametrize("text", ODD_ONES, ids=lambda text: ascii(text[:20]))
@pytest.mark.parametrize("reader", [read_object, read_unique])
def test_what_readers_differ_about_is_not_json_either(reader: Any, text: bytes) -> None:
    """Of a token; a key set has one odd member then (`read_members`)."""
    with pytest.raises(NotJson) as caught:
        reader(text)
    assert "line" not in str(caught.value)
    assert read_members(text) == {"a": ODD}


@pytest.mark.parametrize(
    ("text", "what"),
    [(b" <html>", "a web page"), (b" \n", "empty"), ("{}".encode("utf-16"), "UTF-16"), (b"{", "not JSON: ")],
)
def test_what_is_no_json_at_all_is_told(text: bytes, what: str) -> None:
    """A page for people, an empty answer or another encoding is not a matter of one character."""
    with pytest.raises(NotJson, match=what):
        read_object(text)


@pytest.mark.parametrize("text", [b"[]", b"null", b"1", b'"a"', b"true"])
def test_only_an_object_is_an_object(text: bytes) -> None:
    """Other values are JSON, and not what was asked for."""
    for reader in READERS:
        with pytest.raises(NotJson, match="not a JSON object"):
            reader(text)


@pytest.mark.parametrize("kinds", ["[", "{", "[{", "{[[", "{{["])
def test_nesting_is_bounded(kinds: str) -> None:
    """32 levels are read and 33 are not, whatever they are made of."""
    read_object(b'{"a": ' + nested(31, kinds) + b"}")
    with pytest.raises(NotJson, match="deeper than 32"):
        read_object(b'{"a": ' + nested(32, kinds) + b"}")


@pytest.mark.parametrize("innermost", [b"[]", b"{}"])
def test_an_empty_level_is_a_level(innermost: bytes) -> None:
    """Nothing inside does not make the innermost level none."""
    assert read_object(b'{"a": ' + nested(30).replace(b"1", innermost) + b"}")
    with pytest.raises(NotJson, match="deeper than 32"):
        read_object(b'{"a": ' + nested(31).replace(b"1", innermost) + b"}")


def test_many_brackets_are_not_depth() -> None:
    """A broad document, and brackets in a string, are not deep."""
    assert read_object(b'{"a": [' + b"[]," * 100 + b"[]]}") == {"a": [[]] * 101}
    assert read_unique(b'{"a": "' + b"[{" * 100 + b'"}') == {"a": "[{" * 100}


TWICE = [
    b'{"a": 1, "a": 1}',
    b'{"a": 1, "\\u0061": 2}',
    b'{"x": {"a": 1, "a": 2}}',
    b'{"x": [[{"a": 1, "a": 2}]]}',
]


@pytest.mark.parametrize("text", TWICE)
def test_a_name_twice_is_refused(text: bytes) -> None:
    """At any level, however it is spelled (RFC 7515, section 5.2)."""
    with pytest.raises(NotJson, match="twice"):
        read_unique(text)


def test_of_claims_the_last_counts() -> None:
    """Where the standard lets the last name count, it does (RFC 7519, section 4)."""
    assert read_object(b'{"a": 1, "a": {"b": 1, "b": 2}}') == {"a": {"b": 2}}


def test_one_bad_member_is_marked() -> None:
    """An object inside that has a name twice is marked, and what stands beside it is read."""
    read = read_members(b'{"keys": [{"a": 1}, {"a": 1, "a": 2}, 3]}')
    assert read == {"keys": [{"a": 1}, NAMED_TWICE, 3]}


@pytest.mark.parametrize(
    "odd",
    ["9" * 309, "-" + "9" * 5000, "1e999", "[1, [1e999]]", '"\\ud83d"', '{"b": 1e999}', '"\\ude00\\ud83d"'],
)
def test_one_odd_member_is_marked(odd: str) -> None:
    """It is JSON, but no two readers need take it for the same: what stands beside it is read."""
    for member in (f'{{"a": {odd}}}', f'{{"b": 1, "a": {odd}, "c": [2]}}'):
        read = read_members(f'{{"keys": [{{"n": 1.5, "m": {"8" * 30}}}, {member}, 3]}}'.encode())
        assert read == {"keys": [{"n": 1.5, "m": int("8" * 30)}, ODD, 3]}
    assert read_members(b'{"keys": [{"\\ud83d": 1}]}') == {"keys": [ODD]}
    with pytest.raises(NotJson, match="twice"):
        read_members(f'{{"keys": [{{"a": {odd}}}], "b": 1, "b": 2}}'.encode())


@pytest.mark.parametrize("odd", ["9" * 309, "1e999", '"\\ud83d"', '[1, ["\\ud83d"]]', '{"b": 1e999}'])
def test_what_is_odd_beside_objects_is_marked_alone(odd: str) -> None:
    """Whether it stands in the array of keys, or is a member of the document that no reader knows."""
    assert read_members(f'{{"keys": [{odd}, {{"a": 1}}]}}'.encode()) == {"keys": [ODD, {"a": 1}]}
    read = read_members(f'{{"x": {odd}, "keys": [{{"a": 1}}], "\\ud83d": 1}}'.encode())
    assert read == {"x": [1, ODD] if odd.startswith("[") else ODD, "keys": [{"a": 1}]}


def test_what_is_marked_can_be_left_out() -> None:
    """What is left is JSON that any writer can spell."""
    read = read_members(b'{"keys": [1e999, {"a": {"b": 1, "b": 2}}, {"a": 1}], "x": "\\ud83d", "y": 2}')
    assert unmarked(read) == {"keys": [{"a": 1}], "y": 2}


@pytest.mark.parametrize("odd", ["1e999", '"\\ud83d"', '{"b": "\\ud83d"}', "9" * 5000])
def test_of_a_document_what_is_odd_is_left_out(odd: str) -> None:
    """And what is named twice, or too much, refuses it all the same."""
    assert read_document(f'{{"a": {odd}, "b": [{odd}, 1]}}'.encode()) == {"b": [1]}
    for text in (f'{{"a": {odd}, "b": 1, "b": 2}}', f'{{"a": {odd}, "b": {{"c": 1, "c": 2}}}}', f"[{odd}]"):
        with pytest.raises(NotJson):
            read_document(text.encode())
    with pytest.raises(NotJson, match="commas"):
        read_document(f'{{"a": {odd}, "b": [{"1," * 9}1]}}'.encode(), (9, 9))


@pytest.mark.parametrize(
    "text",
    [
        b'{"keys": [{"a": NaN}, {"a": 1e999}]}',
        b'{"keys": [{"a": 1e999}] x}',
        b'{"keys": [{"a": "\xff", "b": 1e999}]}',
        b'[{"a": 1e999}]',
        b'{"keys": [1e999' + b", [" * 40 + b"]" * 40 + b"]}",
        b'{"keys": [1e999' + b", [" * 2000 + b"]" * 2000 + b"]}",
    ],
)
def test_what_is_odd_must_be_json_all_the_same(text: bytes) -> None:
    """And no deeper than any other."""
    with pytest.raises(NotJson):
        read_members(text)


def test_a_document_named_twice_is_refused() -> None:
    """The outermost object is not a member of anything: there is nothing left to read."""
    with pytest.raises(NotJson, match="twice"):
        read_members(b'{"keys": [], "keys": []}')


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (NAMED_TWICE, True),
        ({"a": NAMED_TWICE}, True),
        ({"a": [1, {"b": [NAMED_TWICE]}]}, True),
        ({"a": [1, {"b": []}]}, False),
        ("a", False),
        (None, False),
    ],
)
def test_a_mark_is_found_anywhere(value: Any, expected: bool) -> None:
    """However deep it lies in a member."""
    assert marked(value) is expected


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("text", [b'{"sub": "alice"', b'{"sub": "alice", "a": NaN}', b'{"sub": "alice\xff"}'])
def test_no_error_in_the_chain_holds_the_text(reader: Any, text: bytes) -> None:
    """A parser's error has the document: of a token, its claims."""
    with pytest.raises(NotJson) as caught:
        reader(text)
    errors: list[BaseException | None] = [caught.value]
    for error in errors:
        if error is not None:
            assert "alice" not in repr(error) + str(vars(error))
            errors += [error.__cause__, error.__context__]
    assert len(errors) > 3


@pytest.mark.parametrize("reader", [read_unique, read_members])
def test_what_the_last_name_hides_may_be_deep(reader: Any) -> None:
    """A deep value under a name that stands twice is refused, and breaks no parser."""
    hidden = b'{"a": ' + b"[" * 1000 + b"]" * 1000 + b', "a": 1}'
    with pytest.raises(NotJson, match="nested deeper than 32"):
        reader(hidden)


def test_the_byte_order_mark_goes() -> None:
    """Once, in front (RFC 8259, section 8.1)."""
    assert strictjson.without_mark(b"\xef\xbb\xbf{}") == b"{}"
    assert strictjson.without_mark(b"{}\xef\xbb\xbf") == b"{}\xef\xbb\xbf"


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=8,
)


@pytest.mark.slow
@given(VALUES)
def test_what_json_writes_is_read(value: Any) -> None:
    """A document as other libraries write it is read as it was meant."""
    text = json.dumps({"a": value}).encode()
    assert read_object(text) == {"a": value}


@pytest.mark.slow
@given(VALUES)
def test_what_is_read_again_is_each_readers_own(value: Any) -> None:
    """A reader that empties everything in it takes nothing from the next, at any depth."""
    repeated = Repeated(json.dumps({"a": value, "b": [value]}).encode())
    for _ in range(4):
        read = repeated.read()
        assert read == {"a": value, "b": [value]}
        emptied(read)


@pytest.mark.parametrize(("arrays", "times"), [(MAX_COPIED - 2, 1), (MAX_COPIED - 1, 3)])
def test_what_is_read_again_is_copied_unless_it_holds_too_much(
    monkeypatch: pytest.MonkeyPatch, arrays: int, times: int
) -> None:
    """To copy an empty array takes longer than to read one. (The object and its array count as well.)"""
    repeated, read = Repeated(json.dumps({"a": [[]] * arrays}).encode()), []
    monkeypatch.setattr(strictjson.orjson, "loads", lambda text: read.append(text) or json.loads(text))
    for _ in range(3):
        value = repeated.read()
        assert value == {"a": [[]] * arrays}
        emptied(value)
    assert len(read) == times


def emptied(value: Any) -> None:
    for one in value.values() if isinstance(value, dict) else value:
        if isinstance(one, dict | list):
            emptied(one)
    value.clear()


@pytest.mark.slow
@given(st.binary() | st.text('{}[]":,a1e+-. \\u', max_size=30).map(str.encode))
def test_nothing_else_leaves(text: bytes) -> None:
    """Any octets are read, or are NotJson."""
    for reader in READERS:
        try:
            value = reader(text)
        except NotJson:
            continue
        assert isinstance(value, dict)


@pytest.mark.parametrize("before", range(12))
def test_digits_are_kept_wherever_the_number_stands(before: int) -> None:
    """Only every sixth octet is looked at first: the shortest number that orjson rounds is seen anyway."""
    text = b'{"%s":-9223372036854775809,"b":1.5}' % (b"a" * before)
    assert strictjson.read_object(text) == {"a" * before: -9223372036854775809, "b": 1.5}


@pytest.mark.parametrize("number", [2**64, 2**64 + 1, -(2**63) - 1, 10**30 + 7, 2**63, -(2**64)])
@pytest.mark.parametrize("reader", READERS)
def test_integers_keep_every_digit(reader: Any, number: int) -> None:
    """Two ids that differ in one digit are two; a text of digits stays a text, and a float a float."""
    for text in (f'{{"a":{number}}}', f'{{"a": [1, {number}], "b": "{number}"}}', f'{{"a":{number + 1}}}'):
        assert reader(text.encode()) == json.loads(text)
    assert reader(f'{{"sub":"{number}","f":{number}.5}}'.encode()) == {"sub": str(number), "f": number + 0.5}
    read = Repeated(f'{{"a":{number}}}'.encode())
    assert [read.read(), read.read()] == [{"a": number}] * 2


ROLES = json.dumps({"roles": [f"role-{number}" for number in range(2000)], "note": "a,[{" * 9000}).encode()
CLIENTS = {f"client-{number}": {"roles": ["view", "edit"]} for number in range(1000)}
OBJECTS = [{"id": number, "name": "a"} for number in range(2000)]


@pytest.mark.parametrize(
    "text",
    [
        ROLES,
        json.dumps({"resource_access": CLIENTS}).encode(),
        json.dumps({"roles": OBJECTS}).encode(),
        rb'{"a":"' + rb"\\\",[" * 9000 + b'"}',
    ],
    ids=["2,000 roles", "1,000 clients", "2,000 objects", "escaped quotes"],
)
def test_a_user_with_many_rights_is_read(text: bytes) -> None:
    """Bounds on work are far from what real tokens hold, and what stands in a string is no work."""
    assert read_object(text) == json.loads(text)


@pytest.mark.parametrize(
    "each", [b"{}", b"[]", b'{"":1}', b"[[[]]]", b'""', b"1", b'"\\\\"', b'"\\""', b'"{"']
)
@pytest.mark.parametrize(
    ("reader", "most"),
    [
        (read_object, strictjson.MAX_IN_PAYLOAD),
        (lambda text: read_unique(text, strictjson.MAX_IN_HEADER), strictjson.MAX_IN_HEADER),
    ],
    ids=["payload", "header"],
)
def test_work_is_bounded_and_not_only_octets(reader: Any, most: tuple[int, int], each: bytes) -> None:
    """What takes long to read is refused before it is read, however spelled; what is at the bound passes."""
    inner = each.count(b"[") + each.count(b"{") if each != b'"{"' else 0
    count = (most[1] - 2) // inner if inner else most[0] + 1
    reader(b'{"a":[' + b",".join([each] * count) + b"]}")
    with pytest.raises(NotJson, match=r"more than .* commas, or .* arrays and objects"):
        reader(b'{"a":[' + b",".join([each] * (count + (3 if inner else 1))) + b"]}")


def test_many_names_are_work_too() -> None:
    """A name is read with its value. Documents, which are read once a refresh, are bounded by octets."""
    text = b"{" + b",".join(b'"%d":1' % number for number in range(5002)) + b"}"
    with pytest.raises(NotJson, match="commas"):
        read_object(text)
    assert len(read_unique(text)) == len(read_members(text)) == 5002


def test_a_long_integer_far_inside_is_too_deep() -> None:
    """Reading it for its digits goes as deep, and on Python 3.11 not deep enough."""
    deep = b"[" * 1000 + b"1234567890123456789" + b"]" * 1000
    for reader in (read_unique, read_members):
        with pytest.raises(NotJson, match="nested deeper than 32"):
            reader(b'{"a":' + deep + b"}")


@pytest.mark.parametrize("text", [b"x", b'{"a": nul}', b'{"a"', b'{"a": 1} 2'])
def test_what_is_wrong_is_told_in_the_parsers_words(text: bytes) -> None:
    """But not where: a line and a column are of no use in one line."""
    with pytest.raises(orjson.JSONDecodeError) as theirs:
        orjson.loads(text)
    with pytest.raises(NotJson) as ours:
        read_object(text)
    words = str(ours.value).removeprefix("not JSON: ")
    assert words
    assert str(theirs.value).startswith(f"{words}: line ")
