"""What tests share: keys, made once a session, and the making of tokens and key sets out of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pytest

from rightkey.keyset import KeySet
from rightkey.localissuer.minting import compact
from rightkey.localissuer.signing import Form, SigningKey

NOW = 1_800_000_000
"""The time of most tests, as a Unix time in seconds."""


@pytest.fixture(scope="session")
def signer() -> Callable[..., SigningKey]:
    """A signing key for an algorithm, the same for the same arguments; without a certificate unless asked."""

    @cache
    def make(algorithm: str, kid: str = "k", certificates: bool = False) -> SigningKey:
        return SigningKey.generate(algorithm, Form(certificates=certificates), kid=kid, now=NOW)

    return make


@pytest.fixture(scope="session")
def keyset() -> Callable[..., KeySet]:
    """The set that publishes these keys, or members written out."""

    def make(*keys: SigningKey | Mapping[str, Any]) -> KeySet:
        members = [key.public_jwk() if isinstance(key, SigningKey) else dict(key) for key in keys]
        return KeySet.parse({"keys": members}, published=True)

    return make


@pytest.fixture(scope="session")
def token() -> Callable[..., str]:
    """A token by a key, of any header and payload: members given as None are left out of the header."""

    def make(key: SigningKey, payload: bytes = b"{}", **header: Any) -> str:
        named = {"alg": key.algorithm, "kid": key.kid} | {
            name.replace("_S256", "#S256"): value for name, value in header.items()
        }
        return compact({n: v for n, v in named.items() if v is not None}, payload, key.sign)

    return make
