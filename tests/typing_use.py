"""How people use it, for type checkers: what each call is known to return. Nothing here runs."""

from dataclasses import dataclass
from typing import Annotated, Any, TypedDict, assert_type

from fastapi import Depends, FastAPI, Security

import rightkey
from rightkey import AsyncVerifier, Key, Typed, Verified, Verifier, any_of, role
from rightkey.integrations import django
from rightkey.integrations.fastapi import RightKey


@dataclass
class MyClaims:
    sub: str
    tenant: int


class AsDict(TypedDict):
    sub: str


verifier = Verifier("tenant.example", audience="https://api.example.com", require=any_of("a", role("b")))
several = Verifier.of(rightkey.Trust("tenant.example", audience="a"))


def threads(raw: str) -> None:
    token = verifier.verify(raw)
    assert_type(token, Verified)
    assert_type(token.subject, str | None)
    assert_type(token.claims, dict[str, Any])
    assert_type(token.key, Key | Any)  # None where introspection is set up: those who have none need not ask
    assert_type(verifier.verify(raw, claims_type=MyClaims), Typed[MyClaims])
    assert_type(several.verify(raw, claims_type=MyClaims).typed.tenant, int)
    assert_type(verifier.verify(raw, require="read:x", claims_type=AsDict).typed["sub"], str)
    assert_type(token.into(MyClaims), MyClaims)


async def tasks(raw: bytes) -> None:
    averifier = AsyncVerifier("tenant.example", audience=["a", "b"])
    assert_type(await averifier.verify(raw), Verified)
    assert_type((await averifier.verify(raw, claims_type=MyClaims)).typed, MyClaims)


def refused(raw: str) -> int | None:
    try:
        verifier.verify(raw)
    except rightkey.InsufficientScope as error:
        assert_type(error.missing, str)
    except rightkey.TokenRejected as error:
        assert_type(error.code, str)
        assert_type(error.failures, tuple[rightkey.Failure, ...])
    except rightkey.IssuerUnavailable as error:
        assert_type(error.retry_after, float | None)
    return None


auth = RightKey("tenant.example", audience="a")
app = FastAPI(lifespan=auth.lifespan)


@app.get("/typed")
async def typed(
    claims: Annotated[MyClaims, Security(auth.typed(MyClaims), scopes=["a"])],
    token: Annotated[Verified, Depends(auth)],
    maybe: Annotated[Verified | None, Depends(auth.optional)],
) -> int:
    return claims.tenant


def misspelt() -> None:
    """A setting that an integration does not know is an error, as it is when the object is built."""
    RightKey("a.example", audiance="a")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    RightKey("a.example", audience="a", leeway="5")  # type: ignore[arg-type]  # pyright: ignore
    RightKey("a.example", audience="a", schem=None)  # type: ignore[call-arg]  # pyright: ignore


@django.require("read:x")
def view(request: str) -> int:
    return 1


assert_type(django.public(view)("a"), int)
assert_type(auth.responses, dict[int | str, dict[str, Any]])
