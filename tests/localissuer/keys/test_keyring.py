"""The local issuer's life of a key: next, current, previous, revoked."""

from __future__ import annotations

import threading

import pytest

from rightkey.localissuer.keys.kept import Kept
from rightkey.localissuer.keys.keyring import KeyRing
from rightkey.localissuer.keys.ring import Schedule
from rightkey.localissuer.keys.signing import Form, SigningKey
from rightkey.localissuer.state import InMemory


def make(kid: str | None = None) -> SigningKey:
    return SigningKey.generate("ES256", Form(certificates=False), kid=kid)


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing(make, make)


def test_next_is_published_before_it_signs(ring: KeyRing) -> None:
    """A rotation brings to the front a key that clients could already have seen."""
    current, following = ring.keys
    assert ring.rotate() is following
    assert ring.current is following
    assert ring.keys == (following, ring.next, current)
    assert ring.next not in (current, following)


def test_previous_keys_stay_until_revoked(ring: KeyRing) -> None:
    """Tokens out there still verify after a rotation."""
    first = ring.current
    second = ring.rotate()
    ring.rotate()
    assert ring.keys[2:] == (second, first)
    assert ring.revoke(first.kid) is first
    assert ring.keys[2:] == (second,)


def test_a_surprise_signs_with_a_key_that_was_never_published(ring: KeyRing) -> None:
    """Next stays next; the former current key stays published."""
    current, following = ring.keys
    fresh = ring.rotate(surprise=True)
    assert fresh not in (current, following)
    assert ring.keys == (fresh, following, current)


def test_a_swap_keeps_the_kid(ring: KeyRing) -> None:
    """Same name, other key: what was signed before verifies no more."""
    before, following = ring.keys
    after = ring.swap()
    assert after.kid == before.kid
    assert after.public_jwk()["x"] != before.public_jwk()["x"]
    assert ring.keys == (after, following)


def test_what_is_in_use_cannot_be_revoked(ring: KeyRing) -> None:
    """The error says which key it is, and what to do first."""
    with pytest.raises(ValueError, match="got the current one; rotate first"):
        ring.revoke(ring.current.kid)
    with pytest.raises(ValueError, match="got the next one"):
        ring.revoke(ring.next.kid)
    with pytest.raises(LookupError, match="no previous key has the kid 'unheard-of'"):
        ring.revoke("unheard-of")


def test_the_last_three_revoked_are_listed(ring: KeyRing) -> None:
    """The latest comes first, as Auth0 lists them."""
    kids = [ring.current.kid]
    for _ in range(4):
        kids.append(ring.rotate().kid)
    for kid in kids[:4]:
        ring.revoke(kid)
    assert [key.kid for key in ring.revoked] == [kids[3], kids[2], kids[1]]


def test_the_stranger_is_made_once_and_never_published(ring: KeyRing) -> None:
    """The attacker keeps one key."""
    assert ring.stranger() is ring.stranger()
    assert ring.stranger() not in ring.keys


def test_concurrent_rotations_lose_no_key(ring: KeyRing) -> None:
    """While others rotate, every key that ever signed stays published."""
    threads = [threading.Thread(target=ring.rotate) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({key.kid for key in ring.keys}) == 18


class Now:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def scheduled(now: Now, period: float, overlap: float) -> KeyRing:
    return KeyRing(make, make, clock=now, schedule=Schedule(period, overlap))


def test_a_schedule_rotates_by_the_clock() -> None:
    """Readers find the keys as they must be by now; a previous one goes when its overlap is over."""
    now = Now()
    ring = scheduled(now, 100, 150)
    first, second = ring.keys
    now.now += 99
    assert ring.keys == (first, second)
    now.now += 1
    assert ring.keys[0] is second
    assert ring.keys[2:] == (first,)
    third = ring.next
    now.now += 100
    assert ring.current is third
    assert ring.keys[2:] == (second, first)
    now.now += 50
    assert ring.keys[2:] == (second,)
    assert ring.state.since == 1200


def test_rotations_that_were_missed_are_made_up_for() -> None:
    """Few of a great many: no client saw those in between. The next one is due when it would have been."""
    now = Now()
    ring = scheduled(now, 10, 25)
    assert ring.keys
    now.now += 35
    assert [round(at) for at in ring.state.retired] == [1030, 1020]
    now.now += 1_000_000
    assert ring.state.since == 1_001_030
    assert [round(at) for at in ring.state.retired] == [1_001_030, 1_001_020]


def test_a_rotation_by_hand_begins_a_new_period() -> None:
    """The next one is due a whole period later."""
    now = Now()
    ring = scheduled(now, 100, 1000)
    assert ring.keys
    now.now += 60
    current = ring.rotate()
    now.now += 60
    assert ring.current is current


@pytest.mark.parametrize(("period", "overlap"), [(0, 1), (1, -1)])
def test_a_schedule_has_a_period(period: float, overlap: float) -> None:
    """Or it is refused when it is made."""
    with pytest.raises(ValueError, match="expected a period above 0"):
        Schedule(period, overlap)


def test_a_ring_is_remembered() -> None:
    """After every change, as it is."""
    kept = Kept(InMemory())
    ring = KeyRing(make, make, kept=kept)
    first = ring.current
    ring.rotate()
    ring.revoke(first.kid)
    again = KeyRing(make, make, kept=kept)
    assert [key.private_jwk() for key in again.keys] == [key.private_jwk() for key in ring.keys]
    assert [key.kid for key in again.revoked] == [first.kid]
