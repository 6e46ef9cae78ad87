"""Claims as a type: a dataclass, a TypedDict, a msgspec Struct, an attrs class, a Pydantic model.

Pydantic judges its own models, and msgspec everything else; where that is not installed, Pydantic does.
Neither is imported before a type asks for it. What they say of a value that does not fit may quote it:
failures tell where it is and what was expected there, in words that hold no value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, TypeVar, cast

from rightkey.errors import Failure, Misconfigured, TokenRejected
from rightkey.policy.claims import rejected

T = TypeVar("T")

_LONGEST = 100  # characters of a name

Convert = Callable[[Mapping[str, Any]], Any]
"""Claims in, a value of the type out; raises TokenRejected."""


def typed_claims(claims: Mapping[str, Any], claims_type: type[T]) -> T:
    """Claims as a type.

    Raises:
        TokenRejected: `claims_rejected`; each failure names the path of a claim, such as `address.country`.
        Misconfigured: claims cannot be converted to this type.
    """
    try:
        convert = _converter(cast(Hashable, claims_type))
    except TypeError as error:  # what cannot be hashed is no type
        raise _unfit(claims_type) from error
    try:
        value: T = convert(claims)
    except TokenRejected:
        raise
    except Exception as error:  # code of the type's own, which `verify` must not let out as it is
        raise rejected((Failure("claims", "mismatch", getattr(claims_type, "__name__", None)),)) from error
    return value


@lru_cache(maxsize=256)
def _converter(claims_type: Hashable) -> Convert:
    if hasattr(claims_type, "__pydantic_validator__"):
        return _by_pydantic(claims_type)
    if find_spec("msgspec"):
        return _by_msgspec(claims_type)
    if find_spec("pydantic"):
        return _by_pydantic(claims_type)
    raise Misconfigured("claims_type needs a library that converts", hint="pip install 'rightkey[typed]'")


def _by_msgspec(claims_type: Any) -> Convert:
    import msgspec.inspect

    def convert(claims: Mapping[str, Any]) -> Any:
        try:
            return msgspec.convert(claims, claims_type)
        except msgspec.ValidationError as error:
            found = _of_msgspec(str(error))
        raise rejected((found,))  # not while that is handled, which may hold a claim's value

    inspect = msgspec.inspect
    try:
        kind = inspect.type_info(claims_type)
    except TypeError as error:
        raise _unfit(claims_type) from error
    if not isinstance(
        kind, inspect.StructType | inspect.DataclassType | inspect.TypedDictType | inspect.DictType
    ):
        raise _unfit(claims_type)
    return convert


def _of_msgspec(told: str) -> Failure:
    """From such as "Expected `int`, got `str` - at `$.address.number`": msgspec tells the first failure."""
    what, _, path = told.partition(" - at `$")
    where = path.strip(".`").replace("[...]", "")
    missing = re.fullmatch(r"Object missing required field `(.*)`", what)
    if missing:
        return Failure(".".join(filter(None, (where, missing[1]))), "missing")
    expected = re.match(r"Expected (`[^`]*`)", what)
    return Failure(where or "claims", "mismatch", expected[1].strip("`") if expected else None)


def _by_pydantic(claims_type: Any) -> Convert:
    import pydantic

    try:
        adapter = pydantic.TypeAdapter(claims_type)
    except Exception as error:
        raise _unfit(claims_type) from error

    def convert(claims: Mapping[str, Any]) -> Any:
        try:
            return adapter.validate_python(claims)
        except pydantic.ValidationError as error:
            found = tuple(_of_pydantic(one["loc"], one["type"]) for one in error.errors())
        raise rejected(found)  # not while that is handled, which holds the claims

    return convert


def _of_pydantic(path: tuple[int | str, ...], kind: str) -> Failure:
    where = ".".join(ascii(str(part))[1:-1][:_LONGEST] for part in path) or "claims"  # the token's own names
    return Failure(where, "missing") if kind == "missing" else Failure(where, "mismatch", kind)


def _unfit(claims_type: Any) -> Misconfigured:
    return Misconfigured(
        f"claims cannot be converted to {claims_type!r:.200}",
        hint="use a dataclass, TypedDict, msgspec Struct, attrs class or Pydantic model",
    )
