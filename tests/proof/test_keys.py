"""Clients' keys that are remembered: in bounds, and those in use longest."""

from __future__ import annotations

from rightkey.jose.jws import read
from rightkey.jose.key import Key
from rightkey.localissuer import Sender
from rightkey.proof.keys import MAX_KEYS, Keys

SENDER = Sender()
KEY = Key.from_jwk(SENDER.jwk)
PROOF = read(SENDER.proof("GET", "https://api.example.com"))


def test_a_key_is_known_by_its_thumbprint() -> None:
    """With the header that its client signs under; another header takes its place."""
    keys = Keys()
    assert keys.get("a") is None
    keys.keep("a", PROOF, KEY)
    known = keys.get("a")
    assert known is not None
    assert (known.key, [*known.headers]) == (KEY, [PROOF.segment])
    other = read(SENDER.proof("GET", "https://api.example.com", header={"n": 1}))
    keys.keep("a", other, KEY)
    assert [*getattr(keys.get("a"), "headers", ())] == [other.segment]
    assert len(keys) == 1


def test_what_is_in_use_stays_whatever_others_come() -> None:
    """A flood of clients pushes out those that ask no more."""
    keys = Keys(8)
    for name in ("idle", "busy"):
        keys.keep(name, PROOF, KEY)
    for number in range(100):
        keys.keep(f"stranger {number}", PROOF, KEY)
        if number % 3 == 0:
            assert keys.get("busy") is not None
        assert len(keys) <= 8
    assert keys.get("idle") is None


def test_they_are_bounded_by_default() -> None:
    """Each costs a token of the issuer and a whole verification."""
    keys = Keys()
    for number in range(3 * MAX_KEYS):
        keys.keep(str(number), PROOF, KEY)
    assert MAX_KEYS // 2 < len(keys) <= MAX_KEYS
