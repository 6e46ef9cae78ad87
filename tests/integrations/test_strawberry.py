"""Strawberry: fields that ask for a token, and for what it grants; and where the token is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from starlette.requests import Request
from strawberry.permission import PermissionExtension

import rightkey
from rightkey.integrations.strawberry import HasToken, require, token_of, token_or_none
from rightkey.localissuer import LocalIssuer


@strawberry.type
class Query:
    @strawberry.field
    def open(self) -> str:
        return "open"

    @strawberry.field(permission_classes=require())
    def me(self, info: strawberry.Info) -> str:
        return str(token_of(info).subject)

    @strawberry.field(permission_classes=require("read:x", rightkey.any_of("a", "b")))
    async def both(self) -> str:
        return "both"

    @strawberry.field(
        extensions=[PermissionExtension([one() for one in require("read:x")], fail_silently=True)]
    )
    def quiet(self) -> str | None:
        return "quiet"

    @strawberry.field(extensions=[PermissionExtension([one() for one in require("write:x")])])
    def loud(self) -> str:
        return "loud"


SCHEMA = strawberry.Schema(Query)


@pytest.fixture
def verified() -> Iterator[Callable[..., rightkey.Verified]]:
    """A verified token with these claims."""
    with LocalIssuer(algorithm="ES256") as issuer:
        verifier = rightkey.Verifier(issuer.url, audience=issuer.audience, transport=issuer.transport())
        yield lambda **claims: verifier.verify(issuer.token(**claims))


def asked(query: str, context: Any) -> Any:
    return SCHEMA.execute_sync(query, context_value=context)


PLACES: dict[str, Callable[[Any], Any]] = {
    "context": lambda token: {"token": token},
    "object": lambda token: SimpleNamespace(token=token),
    "starlette": lambda token: {"request": Request({"type": "http", "state": {"token": token}})},
    "litestar": lambda token: {"request": SimpleNamespace(scope={"auth": token, "state": {}})},
    "django": lambda token: SimpleNamespace(request=SimpleNamespace(token=token)),
    "channels": lambda token: {
        "request": SimpleNamespace(consumer=SimpleNamespace(scope={"state": {"token": token}}))
    },
}


@pytest.mark.parametrize("place", PLACES)
def test_the_token_is_found(place: str, verified: Callable[..., rightkey.Verified]) -> None:
    """Where each framework has it."""
    answer = asked("{ me open }", PLACES[place](verified(sub="alice")))
    assert (answer.errors, answer.data) == (None, {"me": "alice", "open": "open"})


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("token", [None, "alice", {"sub": "alice"}], ids=repr)
def test_what_was_not_verified_is_no_token(place: str, token: Any) -> None:
    """None, or a value that something else has put there; other fields are answered."""
    answer = asked("{ me }", PLACES[place](token))
    assert [error.extensions for error in answer.errors] == [{"code": "token_missing"}]
    assert [error.message for error in answer.errors] == ["no token was given"]
    assert asked("{ open }", PLACES[place](token)).data == {"open": "open"}


@pytest.mark.parametrize("context", [None, {}, object()], ids=["none", "empty", "other"])
def test_a_context_without_a_request_has_no_token(context: Any) -> None:
    """It is no error of ours."""
    assert asked("{ me }", context).errors[0].extensions == {"code": "token_missing"}
    info: Any = SimpleNamespace(context=context)
    assert token_or_none(info) is None
    with pytest.raises(rightkey.TokenRejected, match="no token"):
        token_of(info)


def test_a_token_that_grants_too_little_is_told_what_is_required(
    verified: Callable[..., rightkey.Verified],
) -> None:
    """In the error's extensions, in async fields as well."""
    import asyncio

    wanted = {"code": "scope_insufficient", "required": "all_of(read:x, any_of(a, b))"}
    for scope, refused in (("read:x", True), ("a b", True), ("read:x b", False)):
        context = {"token": verified(scope=scope)}
        answer = asyncio.run(SCHEMA.execute("{ both }", context_value=context))
        assert [error.extensions for error in answer.errors or ()] == [wanted] * refused
        assert refused or answer.data == {"both": "both"}


def test_permissions_may_be_silent_or_directives(verified: Callable[..., rightkey.Verified]) -> None:
    """As Strawberry's own; two requirements are two directives."""
    assert asked("{ quiet }", {}).data == {"quiet": None}
    assert asked("{ quiet }", {"token": verified(scope="read:x")}).data == {"quiet": "quiet"}
    assert asked("{ loud }", {"token": verified(scope="read:x")}).errors[0].extensions == {
        "code": "scope_insufficient",
        "required": "write:x",
    }
    text = SCHEMA.as_str()
    assert {"directive @hasToken", "directive @grantsReadX", "directive @grantsWriteX"} <= {
        line.partition(" on ")[0] for line in text.splitlines()
    }


def test_one_requirement_is_one_class_and_a_wrong_one_is_told() -> None:
    """When the field is made."""
    assert require("a") == require("a")
    assert require() == [HasToken]
    assert require("a") != require("b")
    assert require("a")[1].__module__ == HasToken.__module__
    assert require("a")[1]().has_permission(None, SimpleNamespace(context={})) is False  # type: ignore[arg-type]
    with pytest.raises(rightkey.Misconfigured):
        require(3)  # type: ignore[arg-type]
