"""Clients' keys that are remembered: in bounds, and those in use longest."""

from __future__ import annotations

from rightkey.jose.key import Key
from rightkey.localissuer import Sender
from rightkey.proof.keys import MAX_KEYS, Keys, Known

KEY = Key.from_jwk(Sender().jwk)
KNOWN = Known(b"e30", KEY, KEY.checks["ES256"])


def test_a_key_is_known_by_its_thumbprint() -> None:
    """With the header that its client signs under; another header takes its place."""
    keys = Keys()
    assert keys.get("a") is None
    keys.put("a", KNOWN)
    assert keys.get("a") is KNOWN
    other = Known(b"eyJuIjoxfQ", KEY, KEY.checks["ES256"])
    keys.put("a", other)
    assert keys.get("a") is other
    assert len(keys) == 1


def test_what_is_in_use_stays_whatever_others_come() -> None:
    """A flood of clients pushes out those that ask no more."""
    keys = Keys(8)
    for name in ("idle", "busy"):
        keys.put(name, KNOWN)
    for number in range(100):
        keys.put(f"stranger {number}", KNOWN)
        if number % 3 == 0:
            assert keys.get("busy") is not None
        assert len(keys) <= 8
    assert keys.get("idle") is None


def test_they_are_bounded_by_default() -> None:
    """Each costs a token of the issuer and a whole verification."""
    keys = Keys()
    for number in range(3 * MAX_KEYS):
        keys.put(str(number), KNOWN)
    assert MAX_KEYS // 2 < len(keys) <= MAX_KEYS
