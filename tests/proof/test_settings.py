"""Settings: what cannot be is told when they are made."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from rightkey.errors import Misconfigured
from rightkey.jose.algorithms import SAFE
from rightkey.proof.settings import MAX_AGE, MAX_AHEAD, DPoP


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"algorithms": ["HS256"]}, "HS256"),
        ({"algorithms": ()}, "algorithms"),
        *(({"max_age": age}, "max_age") for age in (0, -1, MAX_AGE + 1, "5", True, float("nan"))),
        *(({"ahead": ahead}, "ahead") for ahead in (-1, MAX_AHEAD + 1, None, float("inf"))),
        *(({"nonce_secret": secret}, "nonce_secret") for secret in (b"", b"a" * 31, "a" * 32)),
        ({"seen": object()}, "seen"),
        ({"age": 5}, "unknown setting age="),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any], told: str) -> None:
    """By the setting's name."""
    with pytest.raises(Misconfigured, match=told):
        DPoP(**wrong)


def test_what_is_allowed_is_told_in_order() -> None:
    """Of the table of algorithms, for challenges."""
    assert set(DPoP().algorithms) == SAFE
    assert DPoP(algorithms={"RS256", "ES256"}).algorithms == ("RS256", "ES256")


def test_settings_tell_no_secret() -> None:
    """And can be pickled, as verifiers can."""
    settings = DPoP(nonce_secret=b"s" * 32, max_age=60)
    assert "sss" not in repr(settings)
    assert pickle.loads(pickle.dumps(settings)) == settings
