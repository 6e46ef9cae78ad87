"""The index of a key set: what a header finds in it, what is remembered of that, and how much."""

from __future__ import annotations

import gc
import weakref

from rightkey.jose.fitting import MAX_FITTING
from rightkey.jose.jws import Header
from rightkey.jose.keyset import KeySet

EC = {  # RFC 7517, appendix A.1
    "kty": "EC",
    "crv": "P-256",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
}


class Name(str):
    """A key id of which it can be seen whether it is still kept."""


def head(kid: str | None = None, x5t: str | None = None) -> Header:
    return Header("ES256", kid, None, None, x5t, None, "", {})


def test_a_strangers_key_id_is_not_kept() -> None:
    """Else each token with a name of its own would make the process grow; those of the set are."""
    keys = KeySet.parse({"keys": [EC, EC | {"kid": "known"}]})
    name = Name("a stranger's")
    gone = weakref.ref(name)
    assert [key.kid for key in keys.fitting(head(name))] == [None]
    del name
    gc.collect()
    assert gone() is None
    assert keys.fitting(head("known")) is keys.fitting(head("known"))


def test_a_thumbprint_finds_a_key_that_is_called_otherwise() -> None:
    """A token may name its key by it where the set gives the key another name (RFC 7638, section 1)."""
    keys = KeySet.parse({"keys": [EC | {"kid": "a"}]})
    assert keys.fitting(head(keys.keys[0].thumbprint)) == keys.keys


def test_so_many_keys_of_one_certificate_are_found() -> None:
    """An issuer may publish one thumbprint a thousand times."""
    keys = KeySet.parse({"keys": [EC | {"kid": f"{n}", "x5t": "A" * 27} for n in range(MAX_FITTING + 9)]})
    assert keys.fitting(head(x5t="A" * 27)) == keys.keys[:MAX_FITTING]
