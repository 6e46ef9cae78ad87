"""A JWS in compact form: one spelling, bounded, and its signature checked by a key that fits."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

import rightkey
from rightkey.jose import base64url, strictjson
from rightkey.jose.jws import (
    MAX_HEADER,
    MAX_TOKEN,
    MAX_TRIED,
    holds_a_token,
    known_algorithms,
    read,
    read_payload,
)
from rightkey.jose.key import shown
from rightkey.localissuer import mint
from rightkey.localissuer.keys.signing import Form, SigningKey

KEY = SigningKey.generate("EdDSA", Form(certificates=False), kid="k")
KEYS = rightkey.KeySet.parse({"keys": [KEY.public_jwk()]})
TOKEN = mint(KEY, {"sub": "alice"})


def verify(raw: Any, keys: rightkey.KeySet = KEYS) -> rightkey.Jws:
    return rightkey.verify_jws(raw, keys, algorithms=["EdDSA", "Ed25519", "ES256"])


def code(raw: Any, keys: rightkey.KeySet = KEYS) -> tuple[str, str]:
    with pytest.raises(rightkey.TokenRejected) as caught:
        verify(raw, keys)
    assert len(str(raw)) < 20 or str(raw) not in f"{caught.value} {caught.value.hint} {caught.value!r}"
    return caught.value.code, str(caught.value)


def segment(header: Any) -> str:
    return base64url.encode(header if isinstance(header, bytes) else json.dumps(header).encode())


@pytest.mark.parametrize("raw", [TOKEN, TOKEN.encode()], ids=["str", "bytes"])
def test_a_signed_token_gives_its_header_payload_and_key(raw: Any) -> None:
    """As text or as octets; and its repr shows no payload."""
    jws = verify(raw)
    assert (jws.header["kid"], jws.payload, jws.key.kid) == ("k", b'{"sub":"alice"}', "k")
    assert "alice" not in repr(jws)


def test_what_is_read_shows_nothing_of_the_token() -> None:
    """It may end up in a traceback."""
    assert repr(read(TOKEN)) == "Unverified(kid='k')"


def test_every_flip_of_a_single_bit_is_refused() -> None:
    """Anywhere in the token, with one of our errors."""
    octets = TOKEN.encode()
    for place in range(len(octets)):
        for bit in range(8):
            flipped = bytearray(octets)
            flipped[place] ^= 1 << bit
            with pytest.raises(rightkey.TokenRejected):
                verify(bytes(flipped))


@pytest.mark.parametrize(
    ("raw", "expected", "words"),
    [
        ("", "token_missing", "no token"),
        (b"", "token_missing", "no token"),
        ("a", "token_malformed", "1 part,"),
        ("a.b", "token_malformed", "2 parts"),
        ("a.b.c.d", "token_malformed", "4 parts"),
        ("a.b.c.d.e", "token_malformed", "5 parts"),
        (segment(b'{"enc":"A128GCM"}') + ".b.c.d.e", "token_malformed", "JWE"),
        ("." * 60_000, "token_malformed", "60001 parts"),
        ('{"payload": ""}', "token_malformed", "JSON form"),
        (" [1]", "token_malformed", "JSON form"),
        ("é" + TOKEN, "token_malformed", "ASCII"),
        ("a" * (MAX_TOKEN + 1), "token_malformed", "over 65536"),
        (segment(b" " * MAX_HEADER) + ".e30.AA", "token_malformed", "over 16384"),
        ("e30=.e30.AA", "token_malformed", "base64url"),
        (TOKEN + "=", "token_malformed", "base64url"),
        (TOKEN + "\n", "token_malformed", "base64url"),
        (" " + TOKEN, "token_malformed", "base64url"),
    ],
    ids=range(17),
)
def test_what_is_no_token_is_told_apart(raw: Any, expected: str, words: str) -> None:
    """Each with what was seen."""
    got, message = code(raw)
    assert got == expected
    assert words in message


def test_an_opaque_token_gets_a_hint() -> None:
    """One part is what an issuer gives who was asked for no audience."""
    with pytest.raises(rightkey.TokenRejected) as caught:
        verify("opaque")
    assert "audience" in str(caught.value.hint)


@pytest.mark.parametrize("raw", [None, 5, ["a"], bytearray(b"a.b.c")])
def test_another_type_is_the_callers_mistake(raw: Any) -> None:
    """A TypeError, as anywhere in Python."""
    with pytest.raises(TypeError, match="str or bytes"):
        verify(raw)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"alg":"EdDSA","alg":"none"}', "twice"),
        (b'{"alg":"EdDSA","x":' + b"[" * 40 + b"]" * 40 + b"}", "nested"),
        ({}, "no alg"),
        ({"alg": 5}, "alg in its header is not a string"),
        ({"alg": "EdDSA", "kid": 5}, "kid in its header is not a string"),
        ({"alg": None}, "alg in its header is not a string"),
        ({"alg": "EdDSA", "typ": []}, "typ in its header"),
        ({"alg": "EdDSA", "x5t#S256": {}}, "x5t#S256 in its header"),
        ({"alg": "EdDSA", "crit": ["x"]}, "crit"),
        ({"alg": "EdDSA", "crit": []}, "crit"),
        ({"alg": "EdDSA", "b64": False}, "b64"),
        ({"alg": "EdDSA", "crit": None}, "crit"),
        ({"alg": "EdDSA", "b64": None}, "b64"),
        ({"alg": "EdDSA", "enc": "A128GCM"}, "JWE"),
    ],
    ids=range(16),
)
def test_a_header_that_cannot_be_taken_is_refused(header: Any, words: str) -> None:
    """Before anything else is judged."""
    got, message = code(f"{segment(header)}.e30.AA")
    assert got == "token_malformed"
    assert words in message


@pytest.mark.parametrize("alg", ["none", "None", "", "HS256", "RS256", "unknown"])
def test_an_algorithm_that_is_not_allowed_is_refused(alg: str) -> None:
    """Whatever the keys; only a known one is named."""
    got, message = code(f"{segment({'alg': alg})}.e30.AA")
    assert got == "algorithm_not_allowed"
    assert (alg in message) == (alg in ("RS256", "HS256", "none", ""))


def test_keys_in_the_header_are_not_looked_at() -> None:
    """Neither where the key is not found nor where the signature fails (CVE-2018-0114)."""
    forger = SigningKey.generate("EdDSA", Form(certificates=False), kid="forger")
    lure = {"jwk": forger.public_jwk(), "jku": "https://evil.example", "x5u": "https://evil.example"}
    assert code(mint(forger, {}, header=lure))[0] == "key_not_found"
    assert code(mint(forger, {}, header=lure | {"kid": "k"}))[0] == "signature_invalid"


def test_so_many_keys_are_tried_and_no_more(signer: Callable[..., SigningKey]) -> None:
    """Eight of one kid: the ninth is out of reach."""
    keys = [SigningKey.generate("EdDSA", Form(certificates=False), kid="same") for _ in range(MAX_TRIED + 1)]
    held = rightkey.KeySet.parse({"keys": [key.public_jwk() for key in keys]})
    assert verify(mint(keys[MAX_TRIED - 1], {}), held).key.kid == "same"
    assert code(mint(keys[MAX_TRIED], {}), held)[0] == "signature_invalid"


@pytest.mark.parametrize("names", [[], "RS256", ["HS256"], ["none"], 5, [[]], [5]])
def test_only_known_algorithms_can_be_allowed(names: Any) -> None:
    """At least one, as a list."""
    with pytest.raises(rightkey.Misconfigured):
        known_algorithms(names)


def test_a_kid_is_shown_escaped_and_short() -> None:
    """It comes from a stranger, and stands in logs."""
    assert shown(None) == "absent"
    assert shown("a\r\nb\u202e") == "'a\\r\\nb\\u202e'"
    assert len(shown("k" * 5000)) < 120


@pytest.mark.parametrize(
    "more",
    [
        {"zip": "RS256"},
        {"zip": "DEF"},
        {"zip": None},
        {"typ": None, "cty": None, "x5t": None, "enc": None},
        {"b64": True},
    ],
)
def test_a_header_may_say_more_than_is_needed(more: dict[str, Any]) -> None:
    """What is not understood and not critical is ignored (RFC 7515, section 4); null counts as absent."""
    assert verify(mint(KEY, {"sub": "alice"}, header=more)).key.kid == "k"
    assert verify(mint(KEY, {"sub": "alice"}, header=more | {"kid": None})).key.kid == "k"


def test_a_symmetric_algorithm_is_named_with_the_way_out() -> None:
    """The API at the issuer was left at HS256."""
    with pytest.raises(rightkey.TokenRejected, match="HS256") as caught:
        verify(f"{segment({'alg': 'HS256'})}.e30.AA")
    assert "RS256 or ES256" in str(caught.value.hint)


def test_a_header_is_each_callers_own() -> None:
    """At every depth; and it stands in no repr."""
    header = read(mint(KEY, {}, header={"x": {"y": [1]}})).header
    header.own()["x"]["y"].append("poison")
    assert header.own()["x"] == {"y": [1]}
    assert "poison" not in repr(verify(mint(KEY, {}, header={"x": "poison"})))


@pytest.mark.parametrize(
    ("names", "words", "hint"),
    [
        ("RS256", "non-empty list of names", '"RS256"'),
        ([], "non-empty list of names", '"RS256"'),
        (["HS256", "RS256"], "HS256", "symmetric"),
        (["none"], "none", None),
    ],
)
def test_what_cannot_be_allowed_is_told_with_the_way_out(names: Any, words: str, hint: str | None) -> None:
    """A string is no list of letters, and only a symmetric algorithm is called one."""
    with pytest.raises(rightkey.Misconfigured, match=words) as caught:
        known_algorithms(names)
    assert (hint or "None") in str(caught.value.hint)


def test_the_bounds_themselves_are_allowed() -> None:
    """A token of 64 KiB and a header of 16 KiB are read; how many members a header has is bounded too."""
    head = segment({"alg": "EdDSA"})
    assert len(read(f"{head}.{'A' * (MAX_TOKEN - len(head) - 4)}.AA").signed) == MAX_TOKEN - 3
    wide = segment(b'{"alg":"EdDSA"' + b" " * (MAX_HEADER // 4 * 3 - 15) + b"}")
    assert len(wide) == MAX_HEADER
    assert read(f"{wide}.e30.AA").header.alg == "EdDSA"
    crowd = segment({"alg": "EdDSA", "x": [0] * (strictjson.MAX_IN_HEADER[0] + 1)})
    assert "commas" in code(f"{crowd}.e30.AA")[1]


def test_a_header_says_what_the_token_says() -> None:
    """Each member under its own name; a type counts in lower case without its prefix (RFC 7515, 4.1.9)."""
    names = {"typ": "application/AT+JWT", "cty": "JWT", "x5t": "t", "x5t#S256": "s", "kid": "k"}
    raw = f"{segment(names | {'alg': 'EdDSA'})}.e30.AA"
    header = read(raw).header
    assert (header.typ, header.cty, header.x5t, header.x5t_s256, header.kid) == tuple(names.values())
    assert header.kind == "at+jwt"
    assert read(f"{segment({'alg': 'EdDSA'})}.e30.AA").header.kind == ""


@pytest.mark.parametrize(
    ("cty", "nested"), [(None, False), ("text/plain", False), ("JWT", True), ("application/jwt", True)]
)
def test_only_a_content_type_of_jwt_holds_a_token(cty: str | None, nested: bool) -> None:
    """RFC 7519, section 5.2."""
    assert holds_a_token(read(f"{segment({'alg': 'EdDSA', 'cty': cty})}.e30.AA").header) is nested


def test_a_header_that_was_read_is_not_read_again() -> None:
    """It is found by its spelling, which a token keeps; of another spelling it is not the one."""
    first = read(TOKEN)
    assert first.segment == TOKEN.partition(".")[0].encode()
    assert read(TOKEN, {first.segment: first.header}).header is first.header
    assert read(TOKEN, {b"other": first.header}).header is not first.header


def test_padding_is_all_or_nothing() -> None:
    """A token is spelled with it or without it, as it is asked for; its payload alone may have it or not."""
    plain = f"{segment({'alg': 'EdDSA'})}.e30.AA"
    padded = ".".join(part + "=" * (-len(part) % 4) for part in plain.split("."))
    assert read(padded, padded=True).payload == read(plain).payload == b"{}"
    for raw, asked in ((padded, False), (plain, True)):
        with pytest.raises(rightkey.TokenRejected):
            read(raw, padded=asked)
    assert (
        read_payload(plain) == read_payload(plain, padded=True) == read_payload(padded, padded=True) == b"{}"
    )
    with pytest.raises(rightkey.TokenRejected, match="payload or signature") as caught:
        read_payload(padded)
    assert "padded" in str(caught.value.hint)


def test_a_hint_is_of_the_mistake_that_was_made() -> None:
    """None for JSON that was spelled right and is bad; four parts are no JWE; a missing key has its own."""
    with pytest.raises(rightkey.TokenRejected) as caught:
        verify(segment(b'{"alg"') + ".e30.AA")
    assert caught.value.hint is None
    assert "4 parts" in code(segment({"enc": "A128GCM"}) + ".b.c.d")[1]
    with pytest.raises(rightkey.TokenRejected) as caught:
        verify(TOKEN, rightkey.KeySet.parse({"keys": []}))
    assert "rightkey locate" in str(caught.value.hint)
    assert code("") == ("token_missing", "no token was given")
