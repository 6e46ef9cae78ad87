"""Claims as a type of the caller's own, by whichever library the type is of."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypedDict

import attrs
import msgspec
import pydantic
import pytest

import rightkey
from rightkey.localissuer import LocalIssuer
from rightkey.policy import typed

AUDIENCE = "https://api.example.com"
ADDRESS = {"country": "CH", "zip": [8000, 8001]}


@dataclass
class PlainAddress:
    country: str
    zip: list[int]


@dataclass
class Plain:
    sub: str
    address: PlainAddress


class DictAddress(TypedDict):
    country: str
    zip: list[int]


class Dict(TypedDict):
    sub: str
    address: DictAddress


class StructAddress(msgspec.Struct):
    country: str
    zip: list[int]


class Struct(msgspec.Struct):
    sub: str
    address: StructAddress


@attrs.define
class AttrsAddress:
    country: str
    zip: list[int]


@attrs.define
class Attrs:
    sub: str
    address: AttrsAddress


class ModelAddress(pydantic.BaseModel):
    country: str
    zip: list[int]


class Model(pydantic.BaseModel):
    sub: str
    address: ModelAddress


@pydantic.dataclasses.dataclass
class Validated:
    sub: str
    address: PlainAddress


EVERY = [Plain, Dict, Struct, Attrs, Model, Validated]


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


@pytest.fixture
def verifier(issuer: LocalIssuer) -> rightkey.Verifier:
    return rightkey.Verifier(issuer.url, audience=AUDIENCE)


def of(value: Any, name: str) -> Any:
    return value[name] if isinstance(value, dict) else getattr(value, name)


@pytest.mark.parametrize("claims_type", EVERY)
def test_claims_become_a_type(verifier: rightkey.Verifier, issuer: LocalIssuer, claims_type: Any) -> None:
    """And stay claims, too; a remembered token is judged alike."""
    raw = issuer.token(sub="alice", address=ADDRESS)
    for _ in range(2):
        token = verifier.verify(raw, claims_type=claims_type)
        assert isinstance(token, rightkey.Typed)
        assert of(token.typed, "sub") == token.subject == "alice"
        assert of(of(token.typed, "address"), "zip") == [8000, 8001]
        assert token.claims["iss"] == issuer.url
        assert token.key.kid == token.header["kid"] == issuer.current.kid
        assert type(token.into(claims_type)) is type(token.typed)


@pytest.mark.parametrize("claims_type", EVERY)
@pytest.mark.parametrize(
    ("address", "claim", "reason"),
    [
        ({"country": "CH-secret", "zip": "none"}, "address.zip", "mismatch"),
        ({"country": 41, "zip": []}, "address.country", "mismatch"),
        ({"zip": []}, "address.country", "missing"),
        (None, "address", "missing"),
    ],
)
def test_what_does_not_fit_is_told_by_its_path(
    verifier: rightkey.Verifier,
    issuer: LocalIssuer,
    claims_type: Any,
    address: Any,
    claim: str,
    reason: str,
) -> None:
    """And never by its value."""
    raw = issuer.token(sub="alice", address=address)
    with pytest.raises(rightkey.TokenRejected) as caught:
        verifier.verify(raw, claims_type=claims_type)
    assert caught.value.code == "claims_rejected"
    assert [(one.claim, one.reason) for one in caught.value.failures] == [(claim, reason)]
    assert "secret" not in f"{caught.value}{caught.value.failures!r}{caught.value.__context__!r:.0}"
    assert str(caught.value) == f"claims are not as required: {claim} {reason}"


def test_a_place_in_an_array_and_a_value_that_is_quoted() -> None:
    """msgspec quotes what is not one of an enumeration; that stays there."""

    class Chosen(msgspec.Struct):
        tenants: list[dict[str, int]]
        size: Any = None

    with pytest.raises(rightkey.TokenRejected) as caught:
        typed.typed_claims({"tenants": [{"a": "x"}]}, Chosen)
    (failure,) = caught.value.failures
    assert (failure.claim.partition("[")[0].partition(".")[0], failure.expected) == ("tenants", "int")

    class Strict(msgspec.Struct, forbid_unknown_fields=True):
        sub: str = ""

    with pytest.raises(rightkey.TokenRejected) as caught:
        typed.typed_claims({"private": 1}, Strict)
    assert caught.value.failures == (rightkey.Failure("claims", "mismatch"),)


def test_a_claim_is_named_as_the_token_spells_it() -> None:
    """Also where each value of an object is meant, and where the name is a capital letter."""

    class Spelled(msgspec.Struct):
        X: int = 0
        counts: dict[str, int] = {}

    for claims, claim in (({"X": "1"}, "X"), ({"counts": {"a": "1"}}, "counts")):
        with pytest.raises(rightkey.TokenRejected) as caught:
            typed.typed_claims(claims, Spelled)
        assert caught.value.failures == (rightkey.Failure(claim, "mismatch", "int"),)


def test_every_failure_that_pydantic_finds_is_told() -> None:
    """Each with the kind of what was expected."""
    with pytest.raises(rightkey.TokenRejected) as caught:
        typed.typed_claims({"sub": 1, "address": {"country": "CH", "zip": [1, "x"]}}, Model)
    found = [(one.claim, one.expected) for one in caught.value.failures]
    assert found == [("sub", "string_type"), ("address.zip.1", "int_parsing")]


def test_a_name_of_the_tokens_own_is_made_harmless() -> None:
    """A path may lead through what a stranger has named."""

    class Named(pydantic.BaseModel):
        by_name: dict[str, int]

    with pytest.raises(rightkey.TokenRejected) as caught:
        typed.typed_claims({"by_name": {"a\nb": "x"}}, Named)
    assert str(caught.value) == "claims are not as required: by_name.a\\nb mismatch"


def test_a_model_as_a_whole_is_called_claims() -> None:
    """Where its own validator says no; what that says is its own."""

    class Picky(pydantic.BaseModel):
        @pydantic.model_validator(mode="after")
        def pick(self) -> Picky:
            raise ValueError("the secret is 42")

    with pytest.raises(rightkey.TokenRejected) as caught:
        typed.typed_claims({}, Picky)
    assert caught.value.failures == (rightkey.Failure("claims", "mismatch", "value_error"),)
    assert "42" not in str(caught.value)


def test_whatever_a_type_raises_is_a_rejection() -> None:
    """Nothing else leaves `verify`; the cause is kept for who wrote the type."""

    @dataclass
    class Broken:
        sub: str

        def __post_init__(self) -> None:
            raise ZeroDivisionError

    with pytest.raises(rightkey.TokenRejected) as caught:
        typed.typed_claims({"sub": "alice"}, Broken)
    assert caught.value.failures == (rightkey.Failure("claims", "mismatch", "Broken"),)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


class Numbered(msgspec.Struct):
    name: int


class Lettered(pydantic.BaseModel):
    name: int


@pytest.mark.parametrize("claims_type", [Numbered, Lettered])
def test_a_library_s_error_is_not_even_the_context(claims_type: Any) -> None:
    """It has the claims in it, and some loggers go through every context."""
    with pytest.raises(rightkey.TokenRejected) as caught:
        typed.typed_claims({"name": "alice"}, claims_type)
    assert caught.value.__context__ is caught.value.__cause__ is None


class Opaque:
    def __init__(self, sub: str, other: int) -> None: ...


@pytest.mark.parametrize("claims_type", [Opaque, {}, 5, int])
def test_a_type_that_cannot_be_is_our_users_mistake(claims_type: Any) -> None:
    """And not the token's, whatever that holds."""
    with pytest.raises(rightkey.Misconfigured, match="claims cannot be converted") as caught:
        typed.typed_claims({"sub": "alice"}, claims_type)
    assert repr(claims_type) in str(caught.value)
    assert "dataclass" in str(caught.value.hint)


def test_without_msgspec_pydantic_judges_and_without_both_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is needed is said."""
    typed._converter.cache_clear()
    monkeypatch.setattr(typed, "find_spec", lambda name: name == "pydantic")
    assert typed.typed_claims({"country": "CH", "zip": []}, PlainAddress) == PlainAddress("CH", [])
    with pytest.raises(rightkey.TokenRejected, match=r"zip missing"):
        typed.typed_claims({"country": "CH"}, PlainAddress)
    with pytest.raises(rightkey.Misconfigured, match="Opaque"):
        typed.typed_claims({}, Opaque)
    typed._converter.cache_clear()
    monkeypatch.setattr(typed, "find_spec", lambda name: None)
    with pytest.raises(rightkey.Misconfigured) as caught:
        typed.typed_claims({}, PlainAddress)
    assert caught.value.hint == "pip install 'rightkey[typed]'"
    typed._converter.cache_clear()


def test_the_other_faces_do_it_alike(issuer: LocalIssuer) -> None:
    """For tasks, and for several issuers."""
    raw = issuer.token(sub="alice", address=ADDRESS)
    trust = rightkey.Trust(issuer.url, audience=AUDIENCE)
    assert rightkey.Verifier.of(trust).verify(raw, claims_type=Plain).typed.sub == "alice"

    async def awaited() -> list[str]:
        one = rightkey.AsyncVerifier(issuer.url, audience=AUDIENCE)
        several = rightkey.AsyncVerifier.of(trust)
        tokens = [await each.verify(raw, claims_type=Plain, require=()) for each in (one, several)]
        with pytest.raises(rightkey.InsufficientScope):
            await one.verify(raw, claims_type=Plain, require="read:x")
        return [token.typed.sub for token in tokens]

    assert asyncio.run(awaited()) == ["alice", "alice"]


def test_a_typed_token_pickles_and_hides_its_claims(verifier: rightkey.Verifier, issuer: LocalIssuer) -> None:
    """As the one it stands on."""
    token = verifier.verify(issuer.token(sub="alice", address=ADDRESS), claims_type=Plain)
    again = pickle.loads(pickle.dumps(token))
    assert (again.typed, again.claims) == (token.typed, token.claims)
    assert "alice" not in repr(token)


@pytest.mark.slow
def test_who_asks_for_no_type_loads_nothing_for_it() -> None:
    """Nor does a model of Pydantic's load msgspec."""
    program = (
        "import sys, rightkey; rightkey.Verifier('a.example', audience='a', keys=rightkey.KeySet(()));"
        "print({'msgspec', 'pydantic', 'rightkey.typed'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
