"""KeySet: the keys of one document, what was skipped of it, and which keys fit a header."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from rightkey.errors import IssuerMisbehaved, Misconfigured
from rightkey.jose import strictjson
from rightkey.jose.fitting import Index
from rightkey.jose.key import Key, judge, shown
from rightkey.jose.skipped import REFUSED, SKIP_REASONS, Skipped, UnusableKey, skipped

if TYPE_CHECKING:
    from rightkey.jose.fitting import Named

MAX_MEMBERS = 1000
"""Members of one document that are judged. The others leave one line."""
MAX_HINT = 10**9
"""Seconds that a document may ask to be left alone; more is no number that counts."""
TOLD = 5
"""Skipped members that a message names."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys in the order of their document, and what was skipped."""

    keys: tuple[Key, ...]
    skipped: tuple[Skipped, ...] = ()
    refresh_hint: float | None = field(default=None, compare=False)
    """After how many seconds the document asks to be fetched again, as a bundle of SPIFFE may."""
    sequence: int | None = field(default=None, compare=False)
    """The number of the document among those of its issuer, as a bundle of SPIFFE has one."""
    _index: Index = field(init=False, repr=False, compare=False)
    _refused: frozenset[str | None] = field(init=False, repr=False, compare=False)
    mark: object = field(init=False, repr=False, compare=False)
    """Tells this set from every other, and keeps nothing of it alive."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", Index(self.keys))
        refused = (one.kid for one in self.skipped if one.kid is not None and one.reason in REFUSED)
        object.__setattr__(self, "_refused", frozenset(refused))
        object.__setattr__(self, "mark", object())

    @classmethod
    def parse(cls, document: str | bytes | Mapping[str, Any], *, published: bool = False) -> KeySet:
        """Read a JSON Web Key Set, one JSON Web Key, or a map of key ids to certificates or public keys in
        PEM form, as Firebase and Google Cloud publish them; a member that cannot be used is skipped.

        Args:
            document: the JSON, or what it decodes to.
            published: whether an issuer published it. Then a member with its private half in it is
                skipped, since the world has it; in a local document the public half is kept.

        Raises:
            IssuerMisbehaved: `keyset_invalid`: not JSON, no object, or no array of `keys` and no PEM.
        """
        value = _object(document)
        keys = _judged(_members(value), published=published)
        hint, sequence = _refresh_hint(value), _sequence(value)
        return keys if hint is sequence is None else replace(keys, refresh_hint=hint, sequence=sequence)

    @classmethod
    def from_pem(
        cls, pem: str | bytes, *, kid: str | None = None, alg: str | None = None, published: bool = False
    ) -> KeySet:
        """Read public keys and certificates in PEM form, one or several; a block that cannot be read, or
        whose key cannot be used, is skipped. Of a private key the public half is kept, with a warning.

        A certificate right behind one that it issued belongs to that chain, and is not a key of its own.

        Args:
            pem: the text.
            kid: the key id of each; without one a key fits whatever key id a token has.
            alg: the one algorithm of each.
            published: whether an issuer published it. Then a private key is skipped: the world has it.

        Raises:
            Misconfigured: nothing in it can be used; the message says why.
        """
        from rightkey.jose import pem as inside  # what keys are read by is loaded with the first

        keys = _judged(
            ((kid, member) for member in inside.members(pem, kid=kid, alg=alg)), published=published
        )
        if not keys:
            raise Misconfigured(f"the PEM holds no key that can be used: {keys.why_not}")
        return keys

    @classmethod
    def union(cls, sets: Iterable[KeySet]) -> KeySet:
        """The keys of several documents as one set."""
        each = tuple(sets)
        return cls(tuple(key for one in each for key in one), tuple(s for one in each for s in one.skipped))

    def fitting(self, header: Named) -> tuple[Key, ...]:
        """The keys that may have signed under this header, likeliest first.

        Fit means: `alg` is one the key serves, and `kid` is equal, or the key's RFC 7638 thumbprint, or the
        key has none. Without `kid` the certificate's thumbprint chooses where the key states one, else the
        type alone (RFC 7515, sections 4.1.4, 4.1.7, 4.1.8 and appendix D). 64 at most.
        """
        return self._index.fitting(header)

    def names_refused(self, header: Named) -> bool:
        """Whether the header names a key that leaked or is distrusted: newer keys will not mend that."""
        return header.kid in self._refused

    def holding(self, thumbprint: str) -> Key | None:
        """The key with this RFC 7638 thumbprint."""
        return self._index.holding(thumbprint)

    def require_no_older_than(self, before: KeySet) -> None:
        """Refuse a document that an issuer has replaced since, such as a bundle of SPIFFE that was recorded.

        Raises:
            IssuerMisbehaved: `keyset_invalid`: its number is lower than the one of the document before.
        """
        if self.sequence is not None and before.sequence is not None and self.sequence < before.sequence:
            raise IssuerMisbehaved(
                "keyset_invalid",
                f"the bundle's spiffe_sequence is {self.sequence}, and was {before.sequence} before",
                hint="a bundle whose numbers have begun anew is taken by processes that start after that",
            )

    def without(self, thumbprints: Iterable[str], reason: str) -> KeySet:
        """The set less the keys with these thumbprints, which are skipped for the reason given."""
        unwanted = frozenset(thumbprints)
        gone = [key for key in self.keys if key.thumbprint in unwanted]
        if not gone:
            return self
        told = [skipped(key.kid, UnusableKey(reason, thumbprint=key.thumbprint)) for key in gone]
        kept = tuple(key for key in self.keys if key.thumbprint not in unwanted)
        return KeySet(kept, (*self.skipped, *told))

    @property
    def why_not(self) -> str:
        """Why what was skipped was, in words: five members at most, and how many others there are."""
        told = [f"{_name(one.kid)}: {one.detail}" for one in self.skipped[:TOLD]]
        more = len(self.skipped) - len(told)
        return "; ".join(told + [f"and {more} more"] * (more > 0)) or "it is empty"

    @property
    def identities(self) -> frozenset[tuple[str | None, str | None, str]]:
        """What makes two sets the same, whatever their order: each key's kid, alg and thumbprint."""
        return frozenset((key.kid, key.alg, key.thumbprint) for key in self.keys)

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys)

    def __len__(self) -> int:
        return len(self.keys)

    def __reduce__(self) -> tuple[Any, ...]:
        return KeySet, (self.keys, self.skipped, self.refresh_hint, self.sequence)


def _refresh_hint(value: Mapping[str, Any]) -> float | None:
    """SPIFFE Trust Domain and Bundle, section 4.1.2."""
    hint = value.get("spiffe_refresh_hint")
    return float(hint) if type(hint) is int and 0 < hint < MAX_HINT else None


def _sequence(value: Mapping[str, Any]) -> int | None:
    """SPIFFE Trust Domain and Bundle, section 4.1.1: an unsigned integer of 64 bits."""
    number = value.get("spiffe_sequence")
    return number if type(number) is int and 0 <= number < 1 << 64 else None


def _members(value: Mapping[str, Any]) -> Iterable[tuple[str | None, Any]]:
    """Each member, with its key id."""
    if "keys" not in value and "kty" not in value and any(map(_is_pem, value.values())):
        return ((kid, member) for kid, text in value.items() for member in _of_pem(kid, text))
    members = value.get("keys", [value] if "kty" in value else None)
    if not isinstance(members, list):
        raise _no_set(value)
    return ((_kid(member), member) for member in members)


def _object(document: str | bytes | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(document, Mapping):
        return document
    if not isinstance(document, str | bytes):
        raise TypeError(f"a key set is str, bytes or a mapping, not {type(document).__name__}")
    try:
        text = document.encode() if isinstance(document, str) else document
        return strictjson.read_members(strictjson.without_mark(text))
    except ValueError as error:  # NotJson, or a str that UTF-8 cannot spell
        detail = str(error) if isinstance(error, strictjson.NotJson) else "not Unicode text"
        raise IssuerMisbehaved("keyset_invalid", f"the key set cannot be read: {detail}") from None


def _is_pem(value: Any) -> bool:
    from rightkey.jose import pem as inside  # as above

    return isinstance(value, str) and inside.has_block(value)


def _of_pem(kid: str, text: Any) -> Iterable[Any]:
    from rightkey.jose import pem as inside  # as above

    if not isinstance(text, str) or not inside.is_pem(text):
        return [UnusableKey("malformed", "not PEM, as other members of the document are")]
    return inside.members(text, kid=kid)


def _judged(members: Iterable[tuple[str | None, Any]], *, published: bool) -> KeySet:
    """Judge each member by itself; those beyond 1,000 are not read, and leave one line."""
    keys: list[Key] = []
    told: list[Skipped] = []
    rest = iter(members)
    for kid, member in islice(rest, MAX_MEMBERS):
        try:
            keys.append(judge(member, published=published))
        except UnusableKey as unusable:
            told.append(skipped(kid, unusable))
    if next(rest, None) is not None:
        told.append(Skipped(None, "too_many", f"{SKIP_REASONS['too_many']}: the others were not read"))
    return KeySet(tuple(keys), tuple(told))


def _kid(member: Any) -> str | None:
    kid = member.get("kid") if isinstance(member, dict) else None
    return kid if isinstance(kid, str) else None


def _name(kid: str | None) -> str:
    return "no kid" if kid is None else f"kid {shown(kid)}"


_LOOKS_LIKE: tuple[tuple[str, str, str], ...] = (
    ("jwks_uri", "it is a discovery document", "the keys are at its jwks_uri: give that, or the issuer"),
    ("issuer", "it is metadata without a jwks_uri", "give the URL of the keys"),
    ("public_key", "it is a page about the issuer, not its keys", "give the issuer, or its jwks_uri"),
    ("access_token", "it is a token answer", "give the URL of the keys"),
    ("error", "it is an error", "is this the URL of the keys?"),
    ("k", "it is a symmetric key", "symmetric keys are not supported"),
)
"""What people hand over in place of keys: a member that tells it, what it is, and what to do."""


def _no_set(value: Mapping[str, Any]) -> IssuerMisbehaved:
    what = "the key set has no array of keys (RFC 7517, section 5)"
    for name, looks, hint in _LOOKS_LIKE:
        if name in value:
            return IssuerMisbehaved("keyset_invalid", f"{what}: {looks}", hint=hint)
    return IssuerMisbehaved("keyset_invalid", what)
