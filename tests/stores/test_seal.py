"""Seal: who may write, and what is authentic."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rightkey import Misconfigured
from rightkey.stores.seal import UNSEALED, Broken, Seal, seal_of

OLD, NEW = b"o" * 32, b"n" * 40
PRIVATE = Ed25519PrivateKey.generate()
PEM = PRIVATE.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
PUBLIC = PRIVATE.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
EC = (
    ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
)


@pytest.mark.parametrize("seal", [seal_of(NEW), seal_of(PEM)], ids=["hmac", "ed25519"])
def test_every_octet_counts(seal: Seal) -> None:
    """Flipped, left out or added, kind and place included."""
    closed = seal.close("entry", "place", b"octets")
    assert seal.open("entry", "place", closed) == b"octets"
    changed = [closed[:at] + bytes([closed[at] ^ 1]) + closed[at + 1 :] for at in range(len(closed))]
    for forged in (*changed, closed[:-1], closed + b"x", b"", closed[:10]):
        with pytest.raises(Broken):
            seal.open("entry", "place", forged)
    for kind, place in (("entry", "other"), ("distrust", "place")):
        with pytest.raises(Broken):
            seal.open(kind, place, closed)


def test_a_secret_is_changed_in_two_steps() -> None:
    """The second of two reads, and does not write."""
    both = seal_of((NEW.decode(), OLD))
    assert both.open("entry", "p", seal_of(OLD).close("entry", "p", b"x")) == b"x"
    assert seal_of(NEW).open("entry", "p", both.close("entry", "p", b"x")) == b"x"
    with pytest.raises(Broken):
        seal_of(OLD).open("entry", "p", both.close("entry", "p", b"x"))


@pytest.mark.parametrize("octet", [b"\n", b" ", b"\0"])
def test_octets_of_a_secret_all_count(octet: bytes) -> None:
    """Random ones may end with what is white space in a text."""
    seal = seal_of(b"x" * 31 + octet)
    with pytest.raises(Broken):
        seal_of(b"y" * 31 + octet).open("entry", "p", seal.close("entry", "p", b"x"))
    assert seal_of("s" * 32 + "\n").open("entry", "p", seal_of("s" * 32).close("entry", "p", b"x")) == b"x"


def test_the_public_half_reads_alone() -> None:
    """A member that is taken over cannot write for the others."""
    member, mirror = seal_of(PUBLIC), seal_of(PEM)
    assert (member.writes, mirror.writes) == (False, True)
    assert member.open("entry", "p", mirror.close("entry", "p", b"x")) == b"x"


def test_no_seal_takes_all() -> None:
    """For a directory of one's own."""
    assert UNSEALED.open("entry", "p", UNSEALED.close("entry", "p", b"x")) == b"x"


@pytest.mark.parametrize(
    "secret",
    [
        b"short",
        b"",
        5,
        (),
        (OLD, NEW, OLD),
        (OLD, 5),
        (OLD, PEM),
        EC,
        b"-----BEGIN PRIVATE KEY-----\nAAAA",
        PEM[:60],
        "AAAA\udcff",
    ],
)
def test_what_is_no_secret_is_refused_and_not_quoted(secret: object) -> None:
    """When the verifier is built."""
    with pytest.raises(Misconfigured) as caught:
        seal_of(secret)
    assert "short" not in str(caught.value).split("at least")[0]
    assert "AAAA" not in str(caught.value)


def test_a_seal_shows_nothing() -> None:
    """Of its key."""
    assert repr(seal_of(NEW)) == "Seal(length=32)"
