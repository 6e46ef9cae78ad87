"""Memory: which tokens are known, by which key, and for how long."""

from __future__ import annotations

import gc
import math
import sys
import threading
from collections.abc import Iterator
from copy import copy
from types import FrameType
from typing import Any

import pytest

from rightkey import KeySet, Trust
from rightkey.jose.jws import read
from rightkey.jose.key import Key
from rightkey.jose.strictjson import Repeated
from rightkey.localissuer.keys.signing import Form, SigningKey
from rightkey.localissuer.tokens.minting import mint
from rightkey.policy.confirmation import token_hash
from rightkey.verdict.memory import KEPT, LOOKED_AT, MAX_BYTES, MAX_HEADERS, Entry, Memory

A, B = (SigningKey.generate("ES256", Form(certificates=False), kid=kid) for kid in "ab")


def keys_of(*keys: SigningKey) -> KeySet:
    return KeySet.parse({"keys": [key.public_jwk() for key in keys]})


KEYS = keys_of(A)
KEY = KEYS.keys[0]
TRUST = Trust("a.example", audience="a")
RAW = mint(A, {"sub": "alice"})


def remembering(most: int) -> Memory:
    return Memory(most)


def kept(memory: Memory, raw: str | bytes = RAW, key: Key = KEY, keys: KeySet = KEYS) -> Entry:
    unverified = read(raw)
    memory.keep_header(unverified)
    payload = Repeated(unverified.payload)
    entry = Entry(unverified.header, payload, key, keys.mark, -math.inf, math.inf, None, TRUST)
    memory.keep(raw, entry)
    return entry


def test_a_token_is_found_by_the_whole_of_it() -> None:
    """Another one with the same header and claims is another token."""
    memory = remembering(10)
    entry = kept(memory)
    assert memory.recall(RAW, KEYS) is entry
    assert memory.recall(RAW[:-1], KEYS) is None
    assert memory.recall(RAW + "A", KEYS) is None


@pytest.mark.parametrize("most", [10, 0])
def test_a_token_is_hashed_once(most: int) -> None:
    """Of one that is not remembered, each time; as text and as octets it is the same."""
    memory = remembering(most)
    entry = kept(memory)
    for raw in (RAW, RAW.encode(), RAW):
        assert memory.hash_of(raw) == token_hash(RAW)
    assert entry.ath == (token_hash(RAW) if most else None)
    assert memory.hash_of(RAW + "A") == token_hash(RAW + "A")


def test_str_and_bytes_are_one_token() -> None:
    """Found by either. They are never compared with each other, which `python -bb` makes an error."""
    memory = remembering(10)
    entry = kept(memory)
    assert memory.recall(RAW.encode(), KEYS) is entry
    assert memory.recall(RAW.encode() + b"\xff", KEYS) is None
    kept(memory, RAW.encode())
    assert len(memory) == 1


def test_what_a_token_was_judged_by_is_not_kept_alive() -> None:
    """A rotation must not leave a whole key set behind for each token that is remembered."""
    keys = KeySet.parse({"keys": [A.public_jwk()]})
    memory = remembering(10)
    entry = kept(memory, key=keys.keys[0], keys=keys)
    assert entry.mark is keys.mark
    assert not any(one is keys for one in gc.get_referents(entry))


def test_nor_is_the_key_that_signed_it() -> None:
    """With its certificates it may have half a megabyte: an issuer could leave one with each token."""
    keys = KeySet.parse({"keys": [A.public_jwk() | {"x5c": ["A" * 400_000]}]})
    memory = remembering(10)
    entry = kept(memory, key=keys.keys[0], keys=keys)
    assert entry.signer() is keys.keys[0]
    same = KeySet.parse({"keys": [A.public_jwk() | {"x5c": ["A" * 400_000]}]})
    del keys
    gc.collect()
    assert entry.signer() is None
    assert memory.recall(RAW, same) is entry
    assert entry.signer() is same.keys[0]


def test_a_replaced_set_with_the_same_key_keeps_its_tokens() -> None:
    """From then on by the key of the new set."""
    memory = remembering(10)
    entry = kept(memory)
    rotated = keys_of(B, A)
    for _ in range(2):
        assert memory.recall(RAW, rotated) is entry
        assert entry.mark is rotated.mark
        assert entry.signer() is rotated.keys[1]


@pytest.mark.parametrize(
    "replaced",
    [keys_of(B), keys_of(), KEYS.without([KEY.thumbprint], "distrusted")],
    ids=["B", "none", "distrusted"],
)
def test_a_token_dies_with_its_key(replaced: KeySet) -> None:
    """And does not come back with it: it is verified anew."""
    memory = remembering(10)
    kept(memory)
    assert memory.recall(RAW, replaced) is None
    assert memory.recall(RAW, KEYS) is None


def test_another_key_under_the_same_kid_proves_nothing() -> None:
    """A swap."""
    memory = remembering(10)
    kept(memory)
    swapped = keys_of(SigningKey.generate("ES256", Form(certificates=False), kid="a"))
    assert memory.recall(RAW, swapped) is None


def test_a_key_that_no_longer_fits_proves_nothing() -> None:
    """It is published under another kid now, or for another algorithm."""
    memory = remembering(10)
    kept(memory)
    renamed = KeySet.parse({"keys": [A.public_jwk() | {"kid": "z"}]})
    assert memory.recall(RAW, renamed) is None


def test_a_key_whose_jwk_says_something_else_now_proves_nothing() -> None:
    """Whose it is, say, at a provider of many tenants."""
    memory = remembering(10)
    kept(memory)
    told = KeySet.parse({"keys": [A.public_jwk() | {"issuer": "https://other.example"}]})
    assert memory.recall(RAW, told) is None


def test_the_number_of_tokens_is_bounded() -> None:
    """A token that is used stays."""
    memory = remembering(100)
    kept(memory)
    for number in range(500):
        kept(memory, mint(A, {"n": number}))
        assert memory.recall(RAW, KEYS) is not None
        assert len(memory) <= 100


def test_what_is_not_used_is_forgotten() -> None:
    """The oldest first."""
    memory = remembering(10)
    kept(memory)
    for number in range(10):
        kept(memory, mint(A, {"n": number}))
    assert memory.recall(RAW, KEYS) is None
    assert len(memory) == 10


def test_what_comes_once_leaves_before_what_is_used_again() -> None:
    """However many of them there are: a crawl through a million tokens leaves the regular users in place."""
    memory = remembering(20)
    regular = [mint(A, {"user": number}) for number in range(10)]
    for raw in regular:
        kept(memory, raw)
    for number in range(100):
        kept(memory, mint(A, {"n": number}))
        assert memory.recall(regular[number % 10], KEYS) is not None
    assert all(memory.recall(raw, KEYS) for raw in regular)


def test_the_search_for_one_that_may_go_is_bounded() -> None:
    """Where all are in use, one goes anyway: no verification pays for a walk through them all."""
    memory = remembering(LOOKED_AT * 3)
    entries = [kept(memory, mint(A, {"n": number})) for number in range(LOOKED_AT * 3)]
    for entry in entries:
        entry.seen = True
    kept(memory)
    assert len(memory) == LOOKED_AT * 3
    assert sum(not entry.seen for entry in entries) == LOOKED_AT


def test_a_token_that_is_kept_again_is_kept_once() -> None:
    """Two threads may have verified it at the same time, or its key had been missing for a while."""
    memory = remembering(2)
    for _ in range(5):
        again = kept(memory)
    assert len(memory) == 1
    assert memory.recall(RAW, KEYS) is again
    for number in range(2):
        kept(memory, mint(A, {"n": number}))
    assert len(memory) == 2


def test_an_interrupt_leaves_it_in_order() -> None:
    """Ctrl-C may come between any two lines, and a service may live on."""
    tokens = [mint(A, {"n": number}) for number in range(6)]
    before, at = sys.gettrace(), 0
    while True:
        memory, at = remembering(1), at + 1
        lines = iter(range(at))

        def interrupt(frame: FrameType, event: str, _: object, left: Iterator[int] = lines) -> Any:
            if "memory.py" in frame.f_code.co_filename and event == "line" and next(left, None) is None:
                raise KeyboardInterrupt
            return interrupt

        kept(memory, tokens[0])
        sys.settrace(interrupt)
        try:
            for raw in tokens:
                kept(memory, raw)
        except KeyboardInterrupt:
            sys.settrace(before)
        else:
            break
        for raw in tokens:
            assert kept(memory, raw) is memory.recall(raw, KEYS)
            assert len(memory) == 1
    sys.settrace(before)
    assert at > 30, "no line was interrupted"


def test_threads_that_add_at_once_leave_it_in_order() -> None:
    """It may hold one more for each of them while they are at it; then no more than it should."""
    memory, interval = remembering(4), sys.getswitchinterval()
    tokens = [[mint(A, {"n": number, "by": thread}) for number in range(40)] for thread in range(4)]

    def add(own: list[str]) -> None:
        for _ in range(20):
            for raw in own:
                kept(memory, raw)
                memory.recall(raw, KEYS)

    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=add, args=(own,)) for own in tokens]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len(memory) <= 8
    for raw in tokens[0]:
        assert kept(memory, raw) is memory.recall(raw, KEYS)
    assert len(memory) == 4


def test_the_memory_is_bounded_in_bytes() -> None:
    """Large tokens take the room of many. Where many are asked for, the bound grows with them."""
    memory = remembering(1000)
    for number in range(120):
        kept(memory, mint(A, {"n": number, "x": "x" * 45_000}))
    assert len(memory) * 60_000 * KEPT < MAX_BYTES * 1.2
    assert len(memory) > 10


def test_as_many_tokens_are_remembered_as_were_asked_for() -> None:
    """`remember=` is a number of tokens, and typical ones must fit."""
    memory = remembering(5000)
    raw = mint(A, {"x": "x" * 700})
    entry = kept(memory, raw)
    for number in range(4999):
        memory.keep(f"{raw}{number}", entry)
    assert len(memory) == 5000


def test_nothing_is_remembered_where_it_is_turned_off() -> None:
    """`remember=0`; headers are, which say nothing of a token."""
    memory = remembering(0)
    kept(memory)
    assert memory.recall(RAW, KEYS) is None
    assert len(memory) == 0
    assert len(memory.headers) == 1


def test_one_is_enough_to_be_remembered() -> None:
    """And no more than one is."""
    memory = remembering(1)
    for number in range(5):
        raw = mint(A, {"n": number})
        kept(memory, raw)
        assert memory.recall(raw, KEYS) is not None
        assert len(memory) == 1


def test_a_string_of_another_kind_is_not_remembered() -> None:
    """A subclass may have another idea of being equal."""

    class Odd(str):
        __slots__ = ()

    memory = remembering(10)
    kept(memory, Odd(RAW))
    assert len(memory) == 0


def test_headers_are_bounded() -> None:
    """A stranger cannot fill it, since only verified tokens enter; an issuer cannot either."""
    memory = remembering(10)
    for number in range(MAX_HEADERS * 3):
        kept(memory, mint(A, {}, header={"x": number}))
        assert len(memory.headers) <= MAX_HEADERS


def test_each_large_token_takes_the_room_of_one() -> None:
    """Where the bytes are used up, one goes for each that comes, however often the hand went round."""
    memory, entry = remembering(1000), kept(remembering(1))
    sizes = list[int]()
    for number in range(200):
        text = f"{number:06}" * 10_000
        memory.keep(text, copy(entry))
        memory.recall(text, KEYS)
        sizes.append(len(memory))
    assert sizes[-1] * 60_000 * KEPT == pytest.approx(MAX_BYTES, rel=0.05)
    assert set(sizes[50:]) == {sizes[-1]}


def test_the_hand_comes_to_the_new_before_it_begins_again() -> None:
    """A token that was used has a whole round before it is asked again."""
    memory, (first, *others) = remembering(2), [mint(A, {"n": number}) for number in range(4)]
    kept(memory, first)
    kept(memory, others[0])
    assert memory.recall(first, KEYS) is not None
    kept(memory, others[1])
    kept(memory, others[2])
    assert memory.entry(first) is not None
    assert memory.entry(others[1]) is None


def test_a_token_is_found_whether_or_not_its_key_is_still_published() -> None:
    """By text or octets; a subclass of either may have another idea of being equal."""

    class Odd(str):
        __slots__ = ()

    memory = remembering(10)
    entry = kept(memory)
    assert memory.entry(RAW) is memory.entry(RAW.encode()) is entry
    assert memory.entry(Odd(RAW)) is None
    assert memory.recall(Odd(RAW), KEYS) is None


def test_what_fills_the_bound_to_the_last_byte_is_within_it() -> None:
    """The bound is what may be taken, and one more that comes is what has another go."""
    memory, entry = remembering(10), kept(remembering(1))
    memory.keep("a" * (MAX_BYTES // KEPT), copy(entry))
    memory.keep("b", copy(entry))
    assert len(memory) == 2
    memory.keep("c", copy(entry))
    assert memory.entry("b") is not None
    assert len(memory) == 2
