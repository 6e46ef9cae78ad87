"""Verified: a token that holds, and what may be asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rightkey.errors import InsufficientScope
from rightkey.grants import GRANTS, ClaimPaths, granted, ungranted_hint
from rightkey.jose.jws import Header
from rightkey.jose.key import Key
from rightkey.policy.trust import requirement_of

if TYPE_CHECKING:
    from rightkey.requirements import AllOf, Requirement

Claims = TypeVar("Claims")


@dataclass(slots=True, repr=False)  # one a token: frozen, it takes longer to make
class Verified:
    """A token that holds. `claims` is the caller's own, and so is each `header`.

    `key` is the one that signed it; None where its issuer was asked about it (introspection), and then the
    header is empty.
    """

    claims: dict[str, Any]
    key: Key | Any  # not `Key | None`: only those who set up introspection ever meet None
    _header: Header
    _places: ClaimPaths

    @property
    def header(self) -> dict[str, Any]:
        """The JOSE header."""
        return self._header.own()

    @property
    def subject(self) -> str | None:
        """`sub`: the subject that the token is about."""
        subject: str | None = self.claims.get("sub")
        return subject

    @property
    def issuer(self) -> str | None:
        """`iss`, as the token spells it."""
        issuer: str | None = self.claims.get("iss")
        return issuer

    @property
    def iss_sub(self) -> tuple[str | None, str | None]:
        """Issuer and subject, which together name one user: another issuer may have the same subject (RFC
        7519, section 4.1.2; RFC 9493, section 3.2.4)."""
        return self.issuer, self.subject

    @property
    def scopes(self) -> frozenset[str]:
        """What `scope` and `scp` grant, with all that it implies (`implies=`)."""
        return granted(self.claims, "scope", self._places)

    def require(self, *asked: str | Requirement) -> None:
        """Ask for scopes or other requirements, all of them.

        Raises:
            InsufficientScope: `scope_insufficient`; says what is missing.
        """
        requirement = requirement_of(asked)
        if requirement is not None:
            require(self.claims, requirement, self._places)

    def into(self, claims_type: type[Claims]) -> Claims:
        """The claims as a dataclass, TypedDict, msgspec Struct, attrs class or Pydantic model.

        Raises:
            TokenRejected: `claims_rejected`; each failure names a claim's path, such as `address.country`.
            Misconfigured: claims cannot be converted to this type.
        """
        from rightkey.policy.typed import typed_claims

        return typed_claims(self.claims, claims_type)

    def __repr__(self) -> str:
        kid = None if self.key is None else self.key.kid
        return f"Verified(issuer={self.issuer!r}, kid={kid!r})"


@dataclass(slots=True, repr=False)
class Typed(Verified, Generic[Claims]):
    """A token that holds, and `typed`: its claims as the type that was asked for."""

    typed: Claims

    @classmethod
    def of(cls, token: Verified, claims_type: type[Claims]) -> Typed[Claims]:
        """The token with its claims as a type. Raises as `into`."""
        return cls(token.claims, token.key, token._header, token._places, token.into(claims_type))


def require(claims: Mapping[str, Any], requirement: AllOf, places: ClaimPaths = GRANTS) -> None:
    """Raises InsufficientScope: `scope_insufficient`."""
    missing = requirement.missing(claims, places)
    if missing is not None:
        wanted = requirement.parts[0] if len(requirement.parts) == 1 else requirement
        message = f"the token does not grant {missing}"
        hint = None
        if places["scope"][0].implied is not None:
            from rightkey.policy.implied import hint_of

            hint = hint_of(missing, places)
        raise InsufficientScope(
            "scope_insufficient",
            message,
            hint=hint or ungranted_hint(claims, str(missing)),
            required=str(wanted),
            missing=str(missing),
            requirement=wanted,
        )
