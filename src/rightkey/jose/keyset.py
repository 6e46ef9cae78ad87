"""KeySet: the keys of one document, what was skipped of it, and which keys fit a header."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from rightkey.errors import IssuerMisbehaved, Misconfigured
from rightkey.jose import strictjson
from rightkey.jose.key import Key, judge
from rightkey.jose.skipped import REFUSED, SKIPPED, Skip

MAX_MEMBERS = 1000
"""Members of one key set that are judged."""


class Skipped(NamedTuple):
    """A member that was skipped. `reason` is a word of `SKIPPED`."""

    kid: str | None
    reason: str
    detail: str
    thumbprint: str | None = None


class Named(Protocol):
    """What of a token's header chooses a key."""

    @property
    def alg(self) -> str: ...
    @property
    def kid(self) -> str | None: ...
    @property
    def x5t(self) -> str | None: ...
    @property
    def x5t_s256(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys in the order of their document, and what was skipped."""

    keys: tuple[Key, ...]
    skipped: tuple[Skipped, ...] = ()
    _by_kid: Mapping[str | None, tuple[Key, ...]] = field(init=False, repr=False, compare=False)
    _by_thumbprint: Mapping[str, Key] = field(init=False, repr=False, compare=False)
    _found: dict[tuple[str, str], tuple[Key, ...]] = field(init=False, repr=False, compare=False)
    """What fitted before, by key id and algorithm. Only key ids of the set: no token makes it grow."""
    _refused: frozenset[str | None] = field(init=False, repr=False, compare=False)
    mark: object = field(init=False, repr=False, compare=False)
    """Tells this set from every other, and keeps nothing of it alive."""

    def __post_init__(self) -> None:
        by_kid: dict[str | None, tuple[Key, ...]] = {}
        for key in self.keys:
            by_kid[key.kid] = (*by_kid.get(key.kid, ()), key)
        object.__setattr__(self, "_by_kid", by_kid)
        object.__setattr__(self, "_by_thumbprint", {key.thumbprint: key for key in self.keys})
        object.__setattr__(self, "_found", {})
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
        return _judged(_members(document), published=published)

    @classmethod
    def from_pem(
        cls, pem: str | bytes, *, kid: str | None = None, alg: str | None = None, published: bool = False
    ) -> KeySet:
        """Read public keys and certificates in PEM form, one or several; a block that cannot be read, or
        whose key cannot be used, is skipped. Of a private key the public half is kept, with a warning.

        A certificate right behind one that it issued is of that one's chain, and no key of its own.

        Args:
            pem: the text.
            kid: the key id of each; without one a key fits whatever key id a token has.
            alg: the one algorithm of each.
            published: whether an issuer published it. Then a private key is skipped: the world has it.

        Raises:
            Misconfigured: nothing in it can be used; the message says why.
        """
        from rightkey.jose.pem import members

        keys = _judged([(kid, member) for member in members(pem, kid=kid, alg=alg)], published=published)
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

        Fit means: `alg` is one the key serves, and `kid` is equal, or the key has none, or its RFC 7638
        thumbprint is the header's `kid`. Without `kid` the certificate's thumbprint chooses, else the
        type alone (RFC 7515, sections 4.1.4, 4.1.7, 4.1.8 and appendix D).
        """
        kid, alg = header.kid, header.alg
        if kid is None:
            return tuple(key for key in self._certified(header) if alg in key.checks)
        found = self._found.get((kid, alg))
        if found is None:
            found = tuple(key for key in self._named(kid) if alg in key.checks)
            if found and kid in self._by_kid:
                self._found[kid, alg] = found
        return found

    def _named(self, kid: str) -> tuple[Key, ...]:
        candidates = self._by_kid.get(kid, ()) + self._by_kid.get(None, ())
        same = self._by_thumbprint.get(kid)
        return candidates if same is None or same in candidates else (*candidates, same)

    def _certified(self, header: Named) -> tuple[Key, ...]:
        wanted = {x5t for x5t in (header.x5t, header.x5t_s256) if x5t is not None}
        return tuple(key for key in self.keys if wanted <= key.x5t)

    def names_refused(self, header: Named) -> bool:
        """Whether the header names a key that leaked or is distrusted: newer keys will not mend that."""
        return header.kid in self._refused

    def holding(self, thumbprint: str) -> Key | None:
        """The key with this RFC 7638 thumbprint."""
        return self._by_thumbprint.get(thumbprint)

    def without(self, thumbprints: Iterable[str], reason: str) -> KeySet:
        """The set less the keys with these thumbprints, which are skipped for the reason given."""
        unwanted = frozenset(thumbprints)
        gone = [key for key in self.keys if key.thumbprint in unwanted]
        if not gone:
            return self
        skipped = [Skipped(key.kid, reason, SKIPPED[reason], key.thumbprint) for key in gone]
        return KeySet(tuple(key for key in self.keys if key not in gone), (*self.skipped, *skipped))

    @property
    def why_not(self) -> str:
        """Why what was skipped was, in words."""
        return "; ".join(sorted({one.detail for one in self.skipped})[:5]) or "it is empty"

    @property
    def identities(self) -> frozenset[tuple[str | None, str | None, str]]:
        """What makes two sets the same, whatever their order: each key's kid, alg and thumbprint."""
        return frozenset((key.kid, key.alg, key.thumbprint) for key in self.keys)

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys)

    def __len__(self) -> int:
        return len(self.keys)

    def __reduce__(self) -> tuple[Any, ...]:
        return KeySet, (self.keys, self.skipped)


def _members(document: str | bytes | Mapping[str, Any]) -> list[tuple[str | None, Any]]:
    """Each member, with its key id."""
    value = _object(document)
    if "keys" not in value and "kty" not in value and any(map(_is_pem, value.values())):
        return [(kid, member) for kid, pem in value.items() for member in _of_pem(kid, pem)]
    members = value.get("keys", [value] if "kty" in value else None)
    if not isinstance(members, list):
        raise IssuerMisbehaved("keyset_invalid", "the key set has no array of keys (RFC 7517, section 5)")
    return [(_kid(member), member) for member in members]


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
    return isinstance(value, str) and value.lstrip().startswith("-----BEGIN ")


def _of_pem(kid: str, pem: Any) -> Sequence[Any]:
    if not _is_pem(pem):
        return [Skip("malformed", "not PEM, as other members of the document are")]
    from rightkey.jose.pem import members  # with the first of them: few issuers publish PEM

    return members(pem, kid=kid)


def _judged(members: Sequence[tuple[str | None, Any]], *, published: bool) -> KeySet:
    """Judge each member by itself."""
    keys: list[Key] = []
    skipped: list[Skipped] = []
    for kid, member in members[:MAX_MEMBERS]:
        try:
            keys.append(judge(member, published=published))
        except Skip as skip:
            skipped.append(Skipped(kid, skip.reason, skip.detail, skip.thumbprint))
    skipped += [Skipped(kid, "too_many", SKIPPED["too_many"]) for kid, _ in members[MAX_MEMBERS:]]
    return KeySet(tuple(keys), tuple(skipped))


def _kid(member: Any) -> str | None:
    kid = member.get("kid") if isinstance(member, dict) else None
    return kid if isinstance(kid, str) else None
