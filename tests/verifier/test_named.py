"""Named: a setting that is unknown or missing is told by its name."""

from __future__ import annotations

from typing import Any

import pytest

import rightkey


@pytest.mark.parametrize("kind", [rightkey.Verifier, rightkey.AsyncVerifier])
@pytest.mark.parametrize(
    ("settings", "told", "hint"),
    [
        ({"audienc": "api"}, "unknown setting audienc=", "did you mean audience=?"),
        ({"audience": "api", "zzz": 1}, "unknown setting zzz=", "known settings: issuer, audience"),
        ({}, "audience is missing", "rightkey.ANY"),
    ],
)
def test_a_setting_is_told_by_its_name(kind: Any, settings: dict[str, Any], told: str, hint: str) -> None:
    """With the way out, and not as a TypeError of some inner class."""
    with pytest.raises(rightkey.Misconfigured, match=told) as caught:
        kind("issuer.example", **settings)
    assert hint in str(caught.value.hint)
    assert caught.value.__cause__ is None


def test_the_issuer_is_missing_too() -> None:
    """It has no default either."""
    with pytest.raises(rightkey.Misconfigured, match="issuer is missing"):
        rightkey.Verifier(audience="api")  # type: ignore[call-arg]


def test_several_issuers_have_settings_of_their_own() -> None:
    """Which a verifier of one does not have, and the other way round."""
    trust = rightkey.Trust("issuer.example", audience="api", keys=rightkey.KeySet(()))
    with pytest.raises(rightkey.Misconfigured, match="unknown setting audience="):
        rightkey.Verifier.of(trust, audience="api")


def test_another_type_error_is_left_as_it_is() -> None:
    """Too many arguments are no setting."""
    with pytest.raises(TypeError, match="positional"):
        rightkey.Verifier("issuer.example", "api", audience="api")  # type: ignore[misc]
