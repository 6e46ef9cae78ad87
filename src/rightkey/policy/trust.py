"""Trust: one issuer and the policy for its tokens."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from rightkey.errors import Misconfigured, flag, quoted
from rightkey.grants import GRANTS, ClaimPaths
from rightkey.issuer.name import AUTO, Issuer, identity_of
from rightkey.jose.algorithms import SAFE
from rightkey.jose.jws import known_algorithms
from rightkey.jose.keyset import KeySet
from rightkey.policy.confirmation import sender
from rightkey.policy.named import settings_by_name
from rightkey.policy.profiles import Profile
from rightkey.policy.profiles import profile as profile_named

if TYPE_CHECKING:  # loaded where what they decide is asked for
    import os

    from rightkey.issuer.vendor import Vendor
    from rightkey.jose.certificate import Certificates, Policy
    from rightkey.policy.implied import Implies
    from rightkey.policy.introspection import Introspection
    from rightkey.requirements import AllOf, Requirement

MAX_LEEWAY = 300.0
"""Seconds of leeway. Clocks that are further apart must be set right."""


class Anyone(enum.Enum):
    """Says explicitly that an audience or an issuer is not checked."""

    ANY = "ANY"

    def __repr__(self) -> str:
        return "rightkey.ANY"


ANY: Final = Anyone.ANY


class FirstOf:
    """Several sources of one issuer's keys, for `keys=`: the first whose keys fit a token decides.

    Newer keys are fetched only where none fits, in order; an outage of one refuses nothing that another
    verifies.

    Args:
        given: what `keys=` takes, each: a KeySet, the URL of a key set, a Path; or None for what the
            issuer itself publishes. A copy that `rightkey locate --save` wrote does not decide: its issuer's
            keys begin with it.

    Raises:
        Misconfigured: none is given.
    """

    def __init__(self, *given: Any) -> None:
        if not given:
            raise Misconfigured("FirstOf() needs at least one argument", hint="FirstOf(keys, url, ...)")
        self.given = given

    @property
    def discovers(self) -> bool:
        """Whether the issuer's own keys are among them, so that the issuer must be one that can be found."""
        return any(one is None or (isinstance(one, FirstOf) and one.discovers) for one in self.given)

    def __repr__(self) -> str:
        return (
            f"FirstOf({', '.join(quoted(one) if isinstance(one, str) else repr(one) for one in self.given)})"
        )


Given: TypeAlias = "KeySet | str | os.PathLike[str] | FirstOf | None"
"""What `keys=` takes: None is what the issuer itself publishes."""


class Compiled(NamedTuple):
    """What every token is asked first, copied out of the profile and the provider's row.

    There each is two look-ups away, behind a question whether there is a row; here it is one.
    """

    types: frozenset[str] | None
    """The values of `typ` that pass; None where every one does."""
    judges: bool
    """Whether the profile looks at claims at all."""
    padded: bool
    """Whether tokens are spelled with padding."""
    claims_elsewhere: bool
    """Whether some claims are stated elsewhere than in the claim of their name, such as in the header."""
    of_tenants: bool
    """Whether a key may be one tenant's among many, and sign for that tenant alone."""

    @classmethod
    def of(cls, kind: Profile, vendor: Vendor | None) -> Compiled:
        """The copies."""
        if vendor is None:
            return cls(kind.types, kind.judges, padded=False, claims_elsewhere=False, of_tenants=False)
        types = kind.types | vendor.types if kind.types and kind.name == "access" else kind.types
        return cls(
            types,
            kind.judges,
            padded=vendor.padded,
            claims_elsewhere=bool(vendor.from_header) or vendor.of_subject,
            of_tenants=vendor.keys_of_tenants,
        )


@settings_by_name
@dataclass(frozen=True, slots=True)
class Trust:
    """One issuer, and what its tokens must be.

    Args:
        issuer: a domain or URL; with `keys` of one's own any string, or `rightkey.ANY`.
        audience: a name or several, of which the token must have one in `aud`; or `rightkey.ANY`.
        algorithms: names of those allowed.
        leeway: by how many seconds clocks may differ, at most 300.
        profile: `access`, `at+jwt`, `id`, `logout`, `id-jag`, `event` or `any`.
        require_exp: whether a token without `exp` is refused.
        require: what every token must grant: a scope, a requirement, or several.
        certificates: `match`, `valid`, `ignore`, or Certificates.
        provider: whose issuer it is, `auto` or a name of `rightkey.issuer.providers`: what that provider
            does beyond the standards is then known; None for the standards alone.
        keys: instead of what the issuer publishes, a KeySet, a URL, a Path or `FirstOf` several of these.
        sender: what of a token that is bound to its sender (`cnf`): `checked` refuses it unless its proof is
            verified, `bound` refuses any other too, `bearer` takes possession for enough.
        metadata_url: where the issuer's metadata are, if not at the issuer. Their `issuer` must be the one
            named here, and tokens' `iss` is always that; the issuer may then be any string.
        implies: which scopes grant others, such as `{"files:admin": ["files:read"]}`.
        introspection: how the issuer is asked about tokens that are no JWTs; None refuses those.

    Raises:
        Misconfigured: any of them is not as described.
    """

    issuer: str | Anyone
    audience: str | Collection[str] | Anyone
    algorithms: Collection[str] = SAFE
    leeway: float = 0
    profile: str = "access"
    require_exp: bool = True
    require: str | Requirement | Iterable[str | Requirement] = ()
    certificates: Policy = "match"
    provider: str | None = AUTO
    keys: Given = field(default=None, repr=False)
    sender: str = "checked"
    metadata_url: str | None = field(default=None, repr=False)
    implies: Implies | None = field(default=None, repr=False)
    introspection: Introspection | None = field(default=None, repr=False)

    expected: tuple[str, ...] | None = field(init=False, repr=False)
    """The values of `iss` that pass before metadata are read; None where every one does."""
    identity: str | None = field(init=False, repr=False)
    """Which issuer it is, however it is named; None where it may be any: then go by the place of its keys."""
    vendor: Vendor | None = field(init=False, repr=False)
    audiences: frozenset[str] | None = field(init=False, repr=False)
    allowed: frozenset[str] = field(init=False, repr=False)
    kind: Profile = field(init=False, repr=False)
    compiled: Compiled = field(init=False, repr=False)
    places: ClaimPaths = field(init=False, repr=False)
    """Where scopes, permissions, roles and groups are in its tokens."""
    requirement: AllOf | None = field(init=False, repr=False)
    matched: bool = field(init=False, repr=False)
    """Whether a certificate, where there is one, must be for the key it stands beside."""
    certificate_policy: Certificates | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        brought = self.keys is not None and not (isinstance(self.keys, FirstOf) and self.keys.discovers)
        issuer = _issuer(self.issuer, self.provider, self.metadata_url, named_freely=brought)
        vendor = issuer.vendor if isinstance(issuer, Issuer) else None
        kind, audiences = profile_named(self.profile), _audiences(self.audience)
        places = GRANTS if vendor is None else vendor.places(audiences or ())
        derived: dict[str, Any] = {
            "expected": issuer.expected if isinstance(issuer, Issuer) else issuer,
            "identity": identity_of(issuer[0]) if isinstance(issuer, tuple) else issuer and issuer.identity,
            "vendor": vendor,
            "audiences": audiences,
            "allowed": _allowed(self.algorithms, vendor),
            "leeway": _leeway(self.leeway),
            "require_exp": flag("require_exp", self.require_exp),
            "kind": kind,
            "compiled": Compiled.of(kind, vendor),
            "places": places,
            **({} if self.implies is None else _implied(self.implies, places)),
            "requirement": requirement_of(self.require),
            "sender": sender(self.sender),
            "matched": self.certificates != "ignore",
            "certificate_policy": _certificate_policy(self.certificates),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)


def requirement_of(asked: str | Requirement | Iterable[str | Requirement]) -> AllOf | None:
    """What `require=` asks; None where it asks nothing. Raises Misconfigured."""
    if asked == ():
        return None
    from rightkey.requirements import required

    requirement = required(asked)
    return requirement if requirement.parts else None


def _implied(implies: Any, places: ClaimPaths) -> dict[str, Any]:
    from rightkey.policy.implied import implies_of, with_implied

    said = implies_of(implies)
    return {"implies": said, "places": with_implied(places, said)}


def _certificate_policy(asked: Policy) -> Certificates | None:
    if asked in ("match", "ignore"):
        return None
    from rightkey.jose.certificate import policy

    return policy(asked)


def _issuer(
    issuer: Any, provider: str | None, metadata_url: str | None, *, named_freely: bool
) -> Issuer | tuple[str, ...] | None:
    """The issuer; its one spelling where it may be any string; None where it may be any issuer.

    Args:
        named_freely: whether keys are given for it, so that nothing is found by its name.
    """
    if named_freely and metadata_url is not None:
        raise Misconfigured(
            "metadata_url= says where keys are found, and keys= brings them: give one of the two"
        )
    if issuer is ANY and named_freely:
        return None
    if issuer is ANY:
        raise Misconfigured(
            "issuer=rightkey.ANY requires keys=: without an issuer there is nowhere to fetch keys from"
        )
    if named_freely and provider in (AUTO, "spiffe") and str(issuer).startswith("spiffe://"):
        from rightkey.issuer.providers import of_resource

        return Issuer(issuer, (issuer,), of_resource(issuer))
    if named_freely and isinstance(issuer, str) and issuer and provider in (AUTO, None):
        return (issuer,)
    # Which hosts may be asked by plain http is the transport's to say: judged where that is known.
    return Issuer.parse(issuer, provider, metadata_url, plain_http=None)


def _allowed(algorithms: Collection[str], vendor: Vendor | None) -> frozenset[str]:
    """Those of the algorithms that the issuer's tokens may have. Raises Misconfigured."""
    asked = known_algorithms(algorithms)
    allowed = asked & vendor.algorithms if vendor is not None and vendor.algorithms else asked
    if not allowed:
        raise Misconfigured(
            f"tokens of {vendor and vendor.title} have none of the algorithms {', '.join(sorted(asked))}"
        )
    return allowed


def _audiences(audience: Any) -> frozenset[str] | None:
    if audience is ANY:
        return None
    names = (audience,) if isinstance(audience, str) else audience
    if not isinstance(names, Collection) or not names or not all(isinstance(n, str) and n for n in names):
        hint = "the API's identifier at the issuer; rightkey.ANY accepts tokens meant for any API"
        raise Misconfigured("audience must be a non-empty string, or several", hint=hint)
    return frozenset(names)


def _leeway(leeway: Any) -> float:
    number = isinstance(leeway, int | float) and not isinstance(leeway, bool)
    if not number or not 0 <= leeway <= MAX_LEEWAY:  # which NaN is not
        raise Misconfigured(f"leeway must be a number of seconds, from 0 to {MAX_LEEWAY:.0f}")
    return float(leeway)
