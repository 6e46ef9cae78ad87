"""Key sets: what is kept of a document, and which keys fit a header."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from rightkey.errors import IssuerMisbehaved, Misconfigured
from rightkey.jose.jws import Header
from rightkey.jose.keyset import MAX_HINT, MAX_MEMBERS, KeySet
from rightkey.localissuer.keys.signing import SigningKey

Signer = Callable[..., SigningKey]
Sets = Callable[..., KeySet]
EC = {
    "kty": "EC",
    "crv": "P-256",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
}


class Head(NamedTuple):
    """What of a header chooses a key."""

    alg: str = "ES256"
    kid: str | None = None
    x5t: str | None = None
    x5t_s256: str | None = None


def member(key: SigningKey, **changes: Any) -> dict[str, Any]:
    """What a key publishes, with some of it changed, or left out where it is None."""
    return {name: value for name, value in (key.public_jwk() | changes).items() if value is not None}


def kids(keys: Any) -> list[str | None]:
    return [key.kid for key in keys]


@pytest.mark.parametrize("form", [dict, json.dumps, lambda d: json.dumps(d).encode()])
@pytest.mark.parametrize(
    "document", [{"keys": [EC]}, EC, {"keys": [EC], "x": {"y": [1]}}, {"kty": "x", "keys": [EC]}]
)
def test_a_set_or_one_key(document: dict[str, Any], form: Callable[[Any], Any]) -> None:
    """Text, octets or what they decode to; one key alone is a set of one."""
    keys = KeySet.parse(form(document))
    assert (len(keys), keys.skipped) == (1, ())


@pytest.mark.parametrize("mark", ["\ufeff", "\ufeff \n"])
def test_a_byte_order_mark(mark: str) -> None:
    """It is passed over, in text and octets."""
    text = mark + json.dumps({"keys": [EC]})
    assert len(KeySet.parse(text)) == len(KeySet.parse(text.encode())) == 1


NO_SET: list[Any] = [
    "",
    b"",
    "<html>",
    "[]",
    "null",
    "5",
    "{}",
    '{"keys": null}',
    '{"keys": {}}',
    '{"keys": "RSA"}',
    '{"keys": [], "keys": []}',
    '{"keys": {"a": 1, "a": 2}}',
    '{"keys": [' + "[" * 32 + "]" * 32 + "]}",
    *('{"keys": [{"a": ' + "[" * deep + "]" * deep + ', "a": 1}]}' for deep in (32, 1000)),
    '{"keys": [NaN]}',
    "\ud800",
    b"\xff\xfe",
    {},
    {"keys": ()},
    {"keys": None},
]


def test_a_member_with_a_number_for_a_text_harms_no_other() -> None:
    """Its modulus is too large for a float, and the set is JSON all the same."""
    good = SigningKey.generate("ES256", kid="good").public_jwk()
    document = f'{{"keys": [{{"kty": "RSA", "e": 65537, "n": {"7" * 617}}}, {json.dumps(good)}]}}'
    keys = KeySet.parse(document)
    assert [key.kid for key in keys] == ["good"]
    assert [(one.reason, one.detail) for one in keys.skipped] == [
        ("malformed", "a number or a text in it cannot be read")
    ]


@pytest.mark.parametrize("odd", ["9" * 5000, "1e999", '"\\ud83d"', '[["\\ud83d"]]'])
def test_what_is_no_key_and_odd_harms_no_other(odd: str) -> None:
    """As null or a word among the keys would not, nor a member that no one knows beside them."""
    good = SigningKey.generate("ES256", kid="good").public_jwk()
    keys = KeySet.parse(f'{{"x": {odd}, "keys": [{odd}, {json.dumps(good)}]}}')
    assert [key.kid for key in keys] == ["good"]
    assert [one.reason for one in keys.skipped] == ["malformed"]


@pytest.mark.parametrize("document", NO_SET, ids=lambda value: ascii(value)[:30])
def test_what_is_no_set(document: Any) -> None:
    """There is nothing to choose from, and nothing of it is quoted."""
    with pytest.raises(IssuerMisbehaved) as caught:
        KeySet.parse(document)
    assert caught.value.code == "keyset_invalid"
    assert "html" not in str(caught.value)


@pytest.mark.parametrize("document", [None, 5, [EC], (EC,), object()])
def test_another_type_is_a_mistake(document: Any) -> None:
    """The caller's: a TypeError that names it."""
    with pytest.raises(TypeError, match=type(document).__name__):
        KeySet.parse(document)


BAD = [5, None, [], "EC", {}, {"kty": "oct", "k": "A"}, EC | {"kid": 5}, EC | {"kid": "enc", "use": "enc"}]
BAD += [
    EC | {"crv": "P-224"},
    EC | {"x": 5},
    EC | {"d": "A"},
    EC | {"alg": "dir"},
    {"kty": "RSA", "x5c": [5]},
]


def test_one_bad_member_never_harms_the_rest(signer: Signer) -> None:
    """Each is skipped and told, and the good one between them serves."""
    good = signer("ES256", "good")
    text = json.dumps({"keys": [*BAD, good.public_jwk(), *BAD]})[:-2] + ', {"kid": "twice", "a": 1, "a": 1}]}'
    keys = KeySet.parse(text, published=True)
    assert kids(keys) == ["good"]
    assert len(keys.skipped) == 2 * len(BAD) + 1
    assert [(one.kid, one.reason) for one in keys.skipped[7:9]] == [
        ("enc", "not_for_signatures"),
        (None, "unknown_curve"),
    ]
    assert keys.skipped[-1].reason == "named_twice"
    assert kids(keys.fitting(Head(kid="good"))) == ["good"]


def test_private_members_at_home_and_abroad(signer: Signer) -> None:
    """What an issuer published is lost; what was handed over locally serves with its public half."""
    document = {"keys": [signer("ES256").private_jwk()]}
    assert len(KeySet.parse(document)) == 1
    abroad = KeySet.parse(document, published=True)
    assert [one.reason for one in abroad.skipped] == ["private_key_published"]
    assert abroad.skipped[0].thumbprint == KeySet.parse(document).keys[0].thumbprint


@pytest.mark.parametrize("published", [True, False])
@pytest.mark.parametrize(
    "document",
    [
        {"keys": [5] * MAX_MEMBERS + [EC | {"kid": "late"}] * 9},
        '{"keys": [' + "0," * 200_000 + "0]}",
        {str(number): "-----BEGIN PUBLIC KEY-----" for number in range(5000)},
        {"a": "-----BEGIN PUBLIC KEY-----\n" * 5000},
    ],
    ids=["members", "numbers", "map", "blocks"],
)
def test_a_thousand_members_are_enough(document: Any, published: bool) -> None:
    """What follows is not looked at, and leaves one line, whatever the form."""
    keys = KeySet.parse(document, published=published)
    assert (len(keys), len(keys.skipped)) == (0, MAX_MEMBERS + 1)
    assert (keys.skipped[-1].kid, keys.skipped[-1].reason) == (None, "too_many")
    assert len(KeySet.parse({"keys": [5] * (MAX_MEMBERS - 1) + [EC]})) == 1


def test_a_pem_of_many_blocks_is_a_thousand_members() -> None:
    """By itself as in a map."""
    with pytest.raises(Misconfigured) as caught:
        KeySet.from_pem("-----BEGIN PUBLIC KEY-----\n" * 5000)
    assert len(str(caught.value)) < 1000


def test_what_a_member_makes_us_keep_is_bounded() -> None:
    """Names are cut, wrong types and long values of members that no standard names are not kept."""
    wide = {f"m{number}": number for number in range(5000)}
    deep = {"ext": [{}] * 50_000, "note": "n" * 100_000, "x5u": [[]] * 50_000, "n": [{}] * 9}
    chain = {"x5c": ["AAAA"] * 20_000, "key_ops": ["verify"] * 50_000, "kid": "kept", "issuer": "tenant"}
    keys = KeySet.parse({"keys": [EC | wide | deep | chain, {"kty": "oct", "kid": "k" * 100_000}]})
    (key,) = keys
    assert len(pickle.dumps(keys)) < 8000
    assert (key.kid, key.jwk["key_ops"], len(key.jwk["x5c"])) == ("kept", ["verify"], 10)
    assert {"ext", "note", "x5u", "n"} & key.jwk.keys() == set()
    assert KeySet.parse({"keys": [EC | {"issuer": "tenant"}]}).keys[0].jwk["issuer"] == "tenant"
    assert len(str(keys.skipped[0].kid)) < 1100
    assert pickle.loads(pickle.dumps(key)) == key


class Counted(str):
    """A text that counts how often it is compared."""

    __slots__ = ()
    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return str.__eq__(self, other)


@pytest.mark.parametrize(
    "head",
    [
        Head(kid=Counted("no such key")),
        Head(kid=Counted("k7")),
        Head(x5t=Counted("x")),
        Head(x5t_s256=Counted("x")),
        Head("RS256"),
        Head(),
    ],
    ids=["unknown", "known", "x5t", "x5t#S256", "another type", "no name"],
)
def test_a_header_is_not_held_against_every_member(head: Head) -> None:
    """A thousand keys and as many skipped members are looked up by hash, and few keys come of it."""
    members = [EC | {"kid": f"k{number}"} for number in range(400)] + [EC] * 300
    bad = [{"kty": "oct", "kid": f"s{number}"} for number in range(300)]
    keys = KeySet.parse({"keys": members + bad})
    Counted.compared = 0
    assert len(keys.fitting(head)) <= 64
    keys.names_refused(head)
    assert Counted.compared < 8


def test_so_many_keys_of_one_name_are_found_and_no_more() -> None:
    """They are of one document: those that are tried are eight."""
    keys = KeySet.parse({"keys": [EC | {"kid": "same", "use": None, "n": str(n)} for n in range(999)]})
    assert len(keys) == 999
    assert len(keys.fitting(Head(kid="same"))) <= 64
    assert len(keys.fitting(Head())) <= 64


def test_what_was_skipped_is_told_by_name() -> None:
    """Five members, and how many others; an empty set says so."""
    keys = KeySet.parse({"keys": [{"kty": "oct", "kid": f"a\n{n}"} for n in range(7)] + [5]})
    assert keys.why_not.startswith("kid 'a\\n0': symmetric keys are not supported; kid 'a\\n1': ")
    assert keys.why_not.endswith("; and 3 more")
    assert KeySet.parse({"keys": []}).why_not == "it is empty"
    assert KeySet.parse({"keys": [5]}).why_not == "no kid: the member is not a JSON object"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"issuer": "https://a.example", "jwks_uri": "https://a.example/jwks"}, "discovery document"),
        ({"issuer": "https://a.example"}, "without a jwks_uri"),
        ({"realm": "r", "public_key": "MIIB"}, "page about the issuer"),
        ({"access_token": "eyJ"}, "token answer"),
        ({"error": "not found"}, "it is an error"),
        ({"k": "c2VjcmV0"}, "symmetric"),
    ],
)
def test_another_document_is_recognised(document: dict[str, Any], words: str) -> None:
    """The error says what was given for a key set, and what to give."""
    with pytest.raises(IssuerMisbehaved, match=words) as caught:
        KeySet.parse(document)
    assert caught.value.code == "keyset_invalid"
    assert caught.value.hint
    assert "c2VjcmV0" not in f"{caught.value}{caught.value.hint}"


def test_the_kid_chooses(signer: Signer, keyset: Sets) -> None:
    """Equal ones first, then those without a name; others never."""
    a, b, c = (signer("ES256", name) for name in "abc")
    keys = keyset(member(a, kid=None), b, c, member(a, kid="b"))
    assert kids(keys.fitting(Head(kid="b"))) == ["b", "b", None]
    assert kids(keys.fitting(Head(kid="x"))) == [None]
    assert kids(keyset(b, c).fitting(Head(kid="x"))) == []
    assert kids(keyset(b, c).fitting(Head(kid=""))) == []


def test_a_thumbprint_is_a_name(signer: Signer, keyset: Sets) -> None:
    """RFC 7638's, whatever the key is called, behind those that are called so."""
    a, b = signer("ES256", "a"), signer("ES256", "b")
    thumbprint = keyset(a).keys[0].thumbprint
    keys = keyset(a, member(b, kid=thumbprint), member(b, kid=None))
    assert kids(keys.fitting(Head(kid=thumbprint))) == [thumbprint, None, "a"]
    unnamed = keyset(member(a, kid=None))
    assert kids(unnamed.fitting(Head(kid=thumbprint))) == [None]
    assert keys.holding(thumbprint) == keys.keys[0]
    assert keys.holding("x") is None


def test_without_a_kid_the_certificate_chooses(signer: Signer, keyset: Sets) -> None:
    """By either thumbprint, in the RFC's form or Auth0's; both together must be of one key."""
    a, b = signer("ES256", "a", True), signer("ES256", "b", True)
    keys = keyset(member(a, x5t=None), member(b, x5t=None), signer("ES256", "c"))
    one, other = keys.keys[0].certificate, keys.keys[1].certificate
    assert one is not None
    assert other is not None
    for head in (Head(x5t=one.x5t), Head(x5t=one.x5t_hex), Head(x5t_s256=one.x5t_s256)):
        assert kids(keys.fitting(head)) == ["a"]
    assert kids(keys.fitting(Head(x5t=one.x5t, x5t_s256=one.x5t_s256))) == ["a"]
    assert kids(keys.fitting(Head(x5t=one.x5t, x5t_s256=other.x5t_s256))) == []
    assert kids(keys.fitting(Head(x5t="x"))) == []
    assert kids(keys.fitting(Head(kid="b", x5t=one.x5t))) == ["b"]


def test_without_any_name_the_type_chooses(signer: Signer, keyset: Sets) -> None:
    """Every key of the right type and curve, in the order of the document."""
    keys = keyset(signer("ES256", "a"), signer("ES384", "b"), signer("RS256", "c"), signer("ES256", "d"))
    assert kids(keys.fitting(Head("ES256"))) == ["a", "d"]
    assert kids(keys.fitting(Head("ES384"))) == ["b"]
    assert kids(keys.fitting(Head("ES512"))) == []
    assert kids(keys.fitting(Head("none"))) == []
    assert kids(keys.fitting(Head("HS256"))) == []


def test_an_alg_on_the_key_is_its_only_one(signer: Signer, keyset: Sets) -> None:
    """A key for RS256 never checks PS256 (RFC 8725, section 3.1); one without serves both."""
    pinned = keyset(signer("RS256"))
    free = keyset(member(signer("RS256"), alg=None))
    assert [len(pinned.fitting(Head(alg, "k"))) for alg in ("RS256", "PS256", "RS512")] == [1, 0, 0]
    assert [len(free.fitting(Head(alg, "k"))) for alg in ("RS256", "PS256", "ES256")] == [1, 1, 0]


def test_one_kid_for_two_types(signer: Signer, keyset: Sets) -> None:
    """Issuers do so: the algorithm tells them apart."""
    keys = keyset(signer("ES256", "k"), signer("RS256", "k"))
    assert [key.kty for key in keys.fitting(Head("RS256", "k"))] == ["RSA"]
    assert [key.kty for key in keys.fitting(Head("ES256", "k"))] == ["EC"]


def test_a_key_that_leaked_or_is_distrusted_is_refused_by_its_name(signer: Signer) -> None:
    """Newer keys will not mend a header that names it. A member that was skipped for another reason they
    may."""
    leaked, good = signer("ES256", "leaked").private_jwk(), signer("ES256", "good").public_jwk()
    keys = KeySet.parse({"keys": [leaked, good, {"kty": "oct", "kid": "s"}]}, published=True)
    left = keys.without([keys.keys[0].thumbprint], "distrusted")
    assert [keys.names_refused(Head(kid=kid)) for kid in ("leaked", "good", "s", None)] == [
        True,
        False,
        False,
        False,
    ]
    assert left.names_refused(Head(kid="good"))


def test_keys_can_be_taken_out(signer: Signer, keyset: Sets) -> None:
    """By thumbprint, for a reason; a set that loses nothing stays what it is."""
    keys = keyset(signer("ES256", "a"), signer("ES256", "b"), {"kty": "oct", "kid": "s"})
    gone = keys.keys[1]
    rest = keys.without(iter([gone.thumbprint, "x"]), "distrusted")
    assert kids(rest) == ["a"]
    assert [(one.kid, one.reason) for one in rest.skipped] == [("s", "symmetric"), ("b", "distrusted")]
    assert rest.skipped[-1].thumbprint == gone.thumbprint
    assert rest.fitting(Head(kid="b")) == ()
    assert keys.without(["x"], "distrusted") is keys


def test_what_makes_two_sets_the_same(signer: Signer, keyset: Sets) -> None:
    """Kid, alg and thumbprint of each key, in any order."""
    a, b = signer("ES256", "a"), signer("ES256", "b")
    assert keyset(a, b).identities == keyset(b, member(a, use=None)).identities
    assert keyset(a).identities != keyset(member(a, alg=None)).identities
    assert keyset(a, b) != keyset(b, a)


def test_a_set_pickles(signer: Signer, keyset: Sets) -> None:
    """And chooses as it did."""
    keys = keyset(signer("ES256", "a"), signer("ES256", "b"))
    keys = keys.without([keys.keys[1].thumbprint], "distrusted")
    again = pickle.loads(pickle.dumps(keys))
    assert again == keys
    assert kids(again.fitting(Head(kid="a"))) == ["a"]
    assert again.names_refused(Head(kid="b"))


NAMES = ["kty", "kid", "alg", "use", "key_ops", "crv", "x", "y", "n", "e", "x5c", "x5t", "d", "pub"]
WORDS = [
    "RSA",
    "EC",
    "OKP",
    "AKP",
    "oct",
    "sig",
    "P-256",
    "Ed25519",
    "ES256",
    "ML-DSA-44",
    "AQAB",
    EC["x"],
    "verify",
]
VALUES = st.recursive(
    st.sampled_from(WORDS) | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=12,
)


@pytest.mark.slow
@given(VALUES)
def test_any_member_is_a_key_or_skipped(value: Any) -> None:
    """However wild, handed over or as text."""
    keys = KeySet.parse({"keys": [value, EC]})
    assert len(keys) + len(keys.skipped) == 2
    assert kids(keys)[-1:] == [None]


@given(st.binary() | st.text() | VALUES.map(json.dumps))
def test_nothing_else_leaves(document: Any) -> None:
    """Any text or octets are a set, or IssuerMisbehaved."""
    try:
        assert all(key.checks for key in KeySet.parse(document))
    except IssuerMisbehaved as error:
        if error.code != "keyset_invalid":
            raise


@pytest.mark.parametrize(
    ("hint", "seconds"),
    [
        (300, 300.0),
        (0, None),
        (-1, None),
        (True, None),
        ("300", None),
        (1.5, None),
        (10**400, None),
        (1, 1.0),
        (MAX_HINT - 1, MAX_HINT - 1.0),
        (MAX_HINT, None),
        (None, None),
    ],
    ids=lambda one: str(one)[:9],
)
def test_a_bundle_may_hint_at_its_next_fetch(hint: Any, seconds: float | None) -> None:
    """A whole number of seconds, or nothing (SPIFFE Trust Domain and Bundle, section 4.1.3)."""
    keys = KeySet.parse({"keys": [], "spiffe_refresh_hint": hint})
    assert keys.refresh_hint == seconds
    assert pickle.loads(pickle.dumps(keys)).refresh_hint == seconds


@pytest.mark.parametrize(
    ("number", "read"),
    [(0, 0), (2**64 - 1, 2**64 - 1), (2**64, None), (-1, None), (1.0, None), (True, None), ("1", None)],
)
def test_a_bundle_has_a_number_among_those_of_its_domain(number: Any, read: int | None) -> None:
    """An unsigned integer of 64 bits, or none (SPIFFE Trust Domain and Bundle, section 4.1.1)."""
    keys = KeySet.parse({"keys": [], "spiffe_sequence": number})
    assert (keys.sequence, pickle.loads(pickle.dumps(keys)).sequence) == (read, read)


@pytest.mark.parametrize(
    ("number", "before", "older"),
    [(4, 5, True), (5, 5, False), (6, 5, False), (None, 5, False), (4, None, False)],
)
def test_a_bundle_that_was_replaced_is_refused(number: int | None, before: int | None, older: bool) -> None:
    """By its number alone; a document without one is no bundle."""
    one, other = (KeySet.parse({"keys": [], "spiffe_sequence": which}) for which in (number, before))
    if not older:
        one.require_no_older_than(other)
        return
    with pytest.raises(IssuerMisbehaved, match="spiffe_sequence is 4, and was 5") as raised:
        one.require_no_older_than(other)
    assert raised.value.code == "keyset_invalid"


def test_a_header_may_name_both_thumbprints(signer: Any) -> None:
    """A key that states them without a certificate is found by both at once (RFC 7515, 4.1.7, 4.1.8)."""
    both = {"x5t": "A" * 27, "x5t#S256": "A" * 43}
    keys = KeySet.parse({"keys": [signer("ES256").public_jwk() | both]}, published=True)
    assert len(keys.fitting(Header("ES256", None, None, None, both["x5t"], both["x5t#S256"], "", {}))) == 1
    assert not keys.fitting(Header("ES256", None, None, None, both["x5t"], "B" * 43, "", {}))


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("<html>", "cannot be read: not JSON: it is a web page"),
        ("[]", "cannot be read: not a JSON object"),
        ("\ud800", "cannot be read: not Unicode text"),
        ("{}", "no array of keys"),
    ],
)
def test_a_document_that_is_no_set_says_why(document: str, words: str) -> None:
    """An operator who gave the wrong URL sees what is there."""
    with pytest.raises(IssuerMisbehaved, match=words):
        KeySet.parse(document)


def test_pem_beside_keys_does_not_make_a_map_of_pem() -> None:
    """A set or a key that quotes PEM in another member is what it is (RFC 7517, sections 4 and 5)."""
    pem = "-----BEGIN PUBLIC KEY-----"
    for document in ({"keys": [EC], "pem": pem}, EC | {"pem": pem}):
        keys = KeySet.parse(document)
        assert (len(keys), keys.skipped) == (1, ())


def test_what_is_skipped_of_a_document_says_what_it_is() -> None:
    """A member of a map that is no PEM, and what follows the thousandth of a set."""
    mixed = KeySet.parse({"a": "-----BEGIN PUBLIC KEY-----", "b": "no PEM"})
    assert [(one.kid, one.detail) for one in mixed.skipped] == [
        ("a", "the PEM is cut off, or not base64"),
        ("b", "not PEM, as other members of the document are"),
    ]
    long = KeySet.parse({"keys": [EC] * (MAX_MEMBERS + 1)})
    assert [one.detail.partition(": ")[2] for one in long.skipped] == ["the others were not read"]


def test_several_documents_make_one_set(signer: Signer, keyset: Sets) -> None:
    """With the keys of each in order, and with what was skipped of each."""
    sets = (keyset(signer("ES256", name), {"kty": "oct", "kid": f"s{name}"}) for name in "ab")
    both = KeySet.union(sets)
    assert kids(both) == ["a", "b"]
    assert [one.kid for one in both.skipped] == ["sa", "sb"]


def test_a_private_key_in_pem_is_kept_at_home_only() -> None:
    """Handed over, its public half serves; published, the world has it."""
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert len(KeySet.from_pem(pem)) == 1
    with pytest.raises(Misconfigured, match="private"):
        KeySet.from_pem(pem, published=True)
