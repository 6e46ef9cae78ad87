"""Named: a setting that is unknown or missing is told by its name."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import rightkey
from rightkey.integrations.fastapi import RightKey
from rightkey.policy import named


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


FACES = (rightkey.Verifier, rightkey.AsyncVerifier, RightKey)
GIVEN: dict[str, Any] = {"issuer": "i.example", "audience": "api"}


def hint(face: Any, name: str) -> str:
    with pytest.raises(rightkey.Misconfigured, match=f"unknown setting {name}=") as caught:
        face(**GIVEN, **{name: "x"})
    return str(caught.value.hint)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize(
    ("kind", "place"),
    [
        (rightkey.Freshness, "freshness=rightkey.Freshness"),
        (rightkey.DefaultTransport, "transport=rightkey.DefaultTransport"),
    ],
)
def test_a_setting_of_another_object_is_told_with_that_object(face: Any, kind: Any, place: str) -> None:
    for field in dataclasses.fields(kind):
        assert f"{place}({field.name}=...)" in hint(face, field.name)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("name", sorted(named._OTHER_WORDS))
def test_another_library_s_word_is_told_ours(face: Any, name: str) -> None:
    assert hint(face, name) == f"did you mean {named._OTHER_WORDS[name]}?"


@pytest.mark.parametrize(
    "kind", [rightkey.Freshness, rightkey.DefaultTransport, rightkey.GuardedTransport, rightkey.Credentials]
)
def test_settings_of_other_objects_are_told_by_name_too(kind: Any) -> None:
    """And are not sent to an object that they do not take."""
    with pytest.raises(rightkey.Misconfigured, match="unknown setting lifes=") as caught:
        kind(lifes="x")
    assert "rightkey." not in str(caught.value.hint)
