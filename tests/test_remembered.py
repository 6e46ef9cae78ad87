"""Remembered: which tokens are known, by which key, and for how long."""

from __future__ import annotations

import math

import pytest

from rightkey import KeySet, Trust
from rightkey.keys import Key
from rightkey.localissuer.minting import mint
from rightkey.localissuer.signing import Form, SigningKey
from rightkey.remembered import MAX_BYTES, MAX_HEADERS, Remembered
from rightkey.signature import Unverified, read
from rightkey.verdict import Standing

A, B = (SigningKey.generate("ES256", Form(certificates=False), kid=kid) for kid in "ab")


def keys_of(*keys: SigningKey) -> KeySet:
    return KeySet.parse({"keys": [key.public_jwk() for key in keys]})


KEYS = keys_of(A)
KEY = KEYS.keys[0]
STANDING = Standing(-math.inf, math.inf, None, Trust("a.example", audience="a"))
RAW = mint(A, {"sub": "alice"})


def kept(memory: Remembered, raw: str | bytes = RAW, key: Key = KEY, keys: KeySet = KEYS) -> Unverified:
    unverified = read(raw)
    memory.keep_header(unverified)
    memory.keep(raw, unverified, STANDING, key, keys)
    return unverified


def test_a_token_is_found_by_the_whole_of_it() -> None:
    """Another one with the same header and claims is another token."""
    memory = Remembered(10)
    unverified = kept(memory)
    assert memory.recall(RAW, KEYS) == (unverified, STANDING, KEY, KEYS)
    assert memory.recall(RAW[:-1], KEYS) is None
    assert memory.recall(RAW + "A", KEYS) is None


def test_str_and_bytes_are_each_found_as_they_came() -> None:
    """They are two entries of one token."""
    memory = Remembered(10)
    kept(memory)
    assert memory.recall(RAW.encode(), KEYS) is None
    kept(memory, RAW.encode())
    assert memory.recall(RAW.encode(), KEYS) is not None
    assert len(memory) == 2


def test_a_replaced_set_with_the_same_key_keeps_its_tokens() -> None:
    """The key's thumbprint counts, and that it still fits; from then on by the new set."""
    memory = Remembered(10)
    unverified = kept(memory)
    rotated = keys_of(B, A)
    for _ in range(2):
        assert memory.recall(RAW, rotated) == (unverified, STANDING, rotated.keys[1], rotated)


@pytest.mark.parametrize(
    "replaced",
    [keys_of(B), keys_of(), KEYS.without([KEY.thumbprint], "distrusted")],
    ids=["B", "none", "distrusted"],
)
def test_a_token_dies_with_its_key(replaced: KeySet) -> None:
    """And does not come back with it: it is verified anew."""
    memory = Remembered(10)
    kept(memory)
    assert memory.recall(RAW, replaced) is None
    assert memory.recall(RAW, KEYS) is None


def test_another_key_under_the_same_kid_proves_nothing() -> None:
    """A swap."""
    memory = Remembered(10)
    kept(memory)
    swapped = keys_of(SigningKey.generate("ES256", Form(certificates=False), kid="a"))
    assert memory.recall(RAW, swapped) is None


def test_a_key_that_no_longer_fits_proves_nothing() -> None:
    """It is published under another kid now, or for another algorithm."""
    memory = Remembered(10)
    kept(memory)
    renamed = KeySet.parse({"keys": [A.public_jwk() | {"kid": "z"}]})
    assert memory.recall(RAW, renamed) is None


def test_the_number_of_tokens_is_bounded() -> None:
    """Two generations; a token that is used stays."""
    memory = Remembered(100)
    kept(memory)
    for number in range(500):
        kept(memory, mint(A, {"n": number}))
        assert memory.recall(RAW, KEYS) is not None
        assert len(memory) <= 101


def test_what_is_not_used_is_forgotten() -> None:
    """The oldest first."""
    memory = Remembered(10)
    kept(memory)
    for number in range(10):
        kept(memory, mint(A, {"n": number}))
    assert memory.recall(RAW, KEYS) is None


def test_the_memory_is_bounded_in_bytes() -> None:
    """Large tokens take the room of many."""
    memory = Remembered(10**6)
    for number in range(120):
        kept(memory, mint(A, {"n": number, "x": "x" * 45_000}))
    assert len(memory) * 60_000 * 2 < MAX_BYTES * 1.2
    assert len(memory) > 10


def test_nothing_is_remembered_where_it_is_turned_off() -> None:
    """`remember=0`; headers are, which say nothing of a token."""
    memory = Remembered(0)
    kept(memory)
    assert memory.recall(RAW, KEYS) is None
    assert len(memory) == 0
    assert len(memory.headers) == 1


def test_one_is_enough_to_be_remembered() -> None:
    """And two generations of it are the most."""
    memory = Remembered(1)
    for number in range(5):
        raw = mint(A, {"n": number})
        kept(memory, raw)
        assert memory.recall(raw, KEYS) is not None
        assert len(memory) <= 2


def test_a_string_of_another_kind_is_not_remembered() -> None:
    """A subclass may have another idea of being equal."""

    class Odd(str):
        __slots__ = ()

    memory = Remembered(10)
    kept(memory, Odd(RAW))
    assert len(memory) == 0


def test_headers_are_bounded() -> None:
    """A stranger cannot fill it, since only verified tokens enter; an issuer cannot either."""
    memory = Remembered(10)
    for number in range(MAX_HEADERS * 3):
        kept(memory, mint(A, {}, header={"x": number}))
        assert len(memory.headers) <= MAX_HEADERS
