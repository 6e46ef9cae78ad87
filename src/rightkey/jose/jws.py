"""A JWS in compact form: read strictly, and its signature checked (RFC 7515, sections 3.1, 5.2 and 7.1).

A token has three parts in canonical base64url, 64 KiB at most, a header of 16 KiB at most. Nothing in the
header is a source of keys: `jku`, `x5u`, `jwk` and `x5c` are not even looked at (RFC 8725, section 3.10).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature

from rightkey.errors import Misconfigured, TokenRejected, quoted
from rightkey.jose import base64url, strictjson
from rightkey.jose.algorithms import ALGORITHMS, Check
from rightkey.jose.key import Key
from rightkey.jose.key import shown as shown
from rightkey.jose.keyset import KeySet

MAX_TOKEN = 64 * 1024
"""Bytes of one token."""
MAX_HEADER = 16 * 1024
"""Bytes of its header, as base64url."""
MAX_TRIED = 8
"""How many keys are tried on one signature."""

_DOT = ord(".")
_TEXT = (str, bytes)  # a union would be made again at each call
_STRINGS = ("alg", "kid", "typ", "cty", "x5t", "x5t#S256")
_REFUSED = {
    "crit": "the header makes an extension critical (crit), and none is understood here",
    "b64": "the header changes how the payload is encoded (b64), which is not understood here",
    "enc": "the header is that of an encrypted token (JWE)",
}
_HARMLESS = {"b64": True, "enc": None}
"""Values that say what holds anyway: `b64` is true by default (RFC 7797, section 3), null is absent. No value
of `crit` does: it is compared with the header itself, which none of its members is."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Header:
    """A JOSE header whose members have the right types. `members` is all of it.

    `kind` is `typ` as it counts: in lower case and without `application/`, empty where there is none
    (RFC 7515, section 4.1.9).
    """

    alg: str
    kid: str | None
    typ: str | None
    cty: str | None
    x5t: str | None
    x5t_s256: str | None
    kind: str
    members: Mapping[str, Any]

    def own(self) -> dict[str, Any]:
        """All members, copied at every depth: headers are remembered, and shared by many tokens."""
        return strictjson.copied(dict(self.members))


@dataclass(slots=True, eq=False, repr=False)  # one a token: frozen, it takes longer to make
class Unverified:
    """What a token says, before anything of it is known to be true."""

    header: Header
    payload: bytes
    signed: bytes
    signature: bytes
    segment: bytes
    """The header as the token spells it."""

    def __repr__(self) -> str:  # the other fields make up the token
        return f"Unverified(kid={self.header.kid!r})"


@dataclass(frozen=True, slots=True)
class Jws:
    """A JWS whose signature was checked. `payload` is its octets; no claim was looked at."""

    header: Mapping[str, Any] = field(repr=False)
    payload: bytes = field(repr=False)
    key: Key


def verify_jws(raw: str | bytes, keys: KeySet, *, algorithms: Collection[str]) -> Jws:
    """Check a signature and nothing else: no issuer, no audience, no times.

    Args:
        raw: a JWS in compact form.
        keys: the keys it may be signed with, such as `KeySet.parse(document)`.
        algorithms: names of those allowed, such as `["RS256"]`.

    Raises:
        TokenRejected: `token_missing`, `token_malformed`, `algorithm_not_allowed`, `key_not_found` or
            `signature_invalid`.
        Misconfigured: an algorithm that is not known here.
    """
    allowed = known_algorithms(algorithms)
    unverified = read(raw)
    require_allowed(unverified.header, allowed)
    fitting = keys.fitting(unverified.header)
    if not fitting:
        raise key_not_found(unverified.header)
    for key in fitting[:MAX_TRIED]:
        if is_by(key, unverified):
            return Jws(unverified.header.own(), unverified.payload, key)
    raise signature_invalid(unverified.header, signature_hint(unverified, fitting[0]))


def known_algorithms(names: Collection[str]) -> frozenset[str]:
    """Algorithm names as a set.

    Raises:
        Misconfigured: none, a plain string, or one that is not in the table.
    """
    try:
        asked = frozenset(() if isinstance(names, str) else names)
    except TypeError:  # nothing to go through, or no names in it
        asked = frozenset()
    if not asked:
        raise Misconfigured("algorithms must be a non-empty list of names", hint='such as ["RS256"]')
    unknown = [str(one) for one in asked - ALGORITHMS.keys()]
    if unknown:
        name = min(unknown)
        hint = "symmetric algorithms (HS256 ...) are not supported" if name.startswith("HS") else None
        raise Misconfigured(f"algorithm {quoted(name)} is not known here", hint=hint)
    return asked


def read(
    raw: str | bytes, headers: Mapping[bytes, Header] | None = None, *, padded: bool = False
) -> Unverified:
    """Take a token apart.

    Args:
        raw: the token.
        headers: those read before, by their spelling.
        padded: whether its parts are spelled with padding; then only so.

    Raises:
        TokenRejected: `token_missing` where there is nothing, else `token_malformed`.
        TypeError: neither str nor bytes.
    """
    signed, segment, payload, signature = opened(raw, padded=padded)
    header = headers.get(segment) if headers else None
    if header is None:
        header = read_header(segment, base64url.decode_padded if padded else base64url.decode, raw)
    return Unverified(header, payload, signed, signature, segment)


def opened(
    raw: str | bytes, most: int = MAX_TOKEN, *, padded: bool = False
) -> tuple[bytes, bytes, bytes, bytes]:
    """What is signed, the header as it is spelled, the payload and the signature.

    Args:
        raw: the token.
        most: bytes that it may have.
        padded: as of `read`.

    Raises as `read`, but for what is in the header.
    """
    signed, segment, second, third = _parts(raw, most)
    decode = base64url.decode_padded if padded else base64url.decode
    try:
        return signed, segment, decode(second), decode(third)
    except ValueError:
        raise _respelled(raw, "its payload or signature is not canonical base64url") from None


def read_payload(raw: str | bytes, *, padded: bool = False) -> bytes:
    """The second part of a token, alone. Raises as `read`, but for what is in the other parts.

    Args:
        padded: whether it may be spelled with padding.
    """
    segment = _parts(raw)[2]
    decode = base64url.decode_padded if padded and segment.endswith(b"=") else base64url.decode
    try:
        return decode(segment)
    except ValueError:
        raise _respelled(raw, "its payload or signature is not canonical base64url") from None


def read_header(
    segment: bytes, decode: Callable[[bytes], bytes] = base64url.decode, raw: str | bytes | None = None
) -> Header:
    """Read the first part of a token. Raises TokenRejected: `token_malformed`.

    Args:
        segment: it.
        decode: how it is spelled.
        raw: the whole token, of which a hint may tell what is odd.
    """
    if len(segment) > MAX_HEADER:
        raise malformed(f"its header has over {MAX_HEADER} bytes")
    try:
        members = strictjson.read_unique(decode(segment), strictjson.MAX_IN_HEADER)
    except strictjson.NotJson as error:
        why = f"its header is refused: {error}"
        raise malformed(why) if segment.startswith(b"ey") else _respelled(raw or segment, why) from None
    except ValueError:
        raise _respelled(raw or segment, "its header is not canonical base64url") from None
    for name in _STRINGS:  # null counts as absent, as in a JWK, but for what decides how a token is judged
        if not isinstance(members.get(name, ""), str) and (name == "alg" or members[name] is not None):
            raise malformed(f"{name} in its header is not a string")
    for name, why in _REFUSED.items():
        if name in members and members[name] is not _HARMLESS.get(name, members):
            raise malformed(why)
    if "alg" not in members:
        raise malformed("its header has no alg")
    alg, kid, typ, cty, x5t, x5t_s256 = map(members.get, _STRINGS)
    return Header(str(alg), kid, typ, cty, x5t, x5t_s256, _media_type(typ), members)


def holds_a_token(header: Header) -> bool:
    """Whether the payload is another token (RFC 7519, section 5.2)."""
    return header.cty is not None and _media_type(header.cty) == "jwt"


def require_allowed(header: Header, allowed: frozenset[str]) -> None:
    """Raises TokenRejected: `algorithm_not_allowed`."""
    if header.alg in allowed:
        return
    from rightkey.jose.mistakes import algorithm_not_allowed

    raise algorithm_not_allowed(header.alg, allowed)


def is_by(key: Key, unverified: Unverified) -> bool:
    """Whether the signature is by this key, which must fit the header."""
    return passes(key.checks[unverified.header.alg], unverified.signature, unverified.signed)


def passes(check: Check, signature: bytes, signed: bytes) -> bool:
    """Whether the signature is by the key whose check this is."""
    try:
        check(signature, signed)
    except (InvalidSignature, ValueError):  # ValueError: numbers that are no signature at all
        return False
    return True


def signature_hint(unverified: Unverified, key: Key) -> str | None:
    """What is odd about a signature that a fitting key did not make."""
    from rightkey.jose.mistakes import length_hint

    return length_hint(unverified.signature, unverified.header.alg, key)


def malformed(why: str) -> TokenRejected:
    return TokenRejected("token_malformed", f"the token cannot be read: {why}")


def key_not_found(header: Header) -> TokenRejected:
    return TokenRejected(
        "key_not_found",
        f"no signing key of the issuer fits the token's header (kid {shown(header.kid)}, alg {header.alg})",
        hint="is the token of this issuer, and was its key not revoked? `rightkey locate` shows the keys",
    )


def signature_invalid(header: Header, hint: str | None = None) -> TokenRejected:
    return TokenRejected(
        "signature_invalid",
        f"the signature was not made by the key that the token names (kid {shown(header.kid)})",
        hint=hint,
    )


def _media_type(name: str | None) -> str:
    """In lower case, and without the prefix that is best left out (RFC 7515, section 4.1.9)."""
    return (name or "").lower().removeprefix("application/")


def _parts(raw: str | bytes, most: int = MAX_TOKEN) -> tuple[bytes, bytes, bytes, bytes]:
    """What is signed, and the three parts as they are spelled."""
    if not isinstance(raw, _TEXT):
        raise TypeError(f"a token is str or bytes, not {type(raw).__name__}")
    if not raw:
        raise TokenRejected("token_missing", "no token was given")
    if len(raw) > most:
        raise malformed(f"it has over {most} bytes")
    if not raw.isascii():
        raise _respelled(raw, "it has characters outside ASCII")
    token = raw.encode() if isinstance(raw, str) else bytes(raw)
    signed, _, third = token.rpartition(b".")
    segment, dot, second = signed.partition(b".")
    if not dot or _DOT in second:
        raise _parts_fault(token)
    return signed, segment, second, third


def _respelled(raw: str | bytes, why: str) -> TokenRejected:
    from rightkey.jose.mistakes import hint_of  # with the first of them

    fault = malformed(why)
    fault.hint = hint_of(raw if isinstance(raw, str) else raw.decode("utf-8", "replace"))
    return fault


def _parts_fault(token: bytes) -> TokenRejected:
    from rightkey.jose.mistakes import encrypted_hint

    parts = token.count(b".") + 1
    encrypted = encrypted_hint(token.partition(b".")[0]) if parts == 5 else None
    if encrypted is not None:
        fault = malformed("it has five parts: an encrypted token (JWE), which only its audience can open")
        fault.hint = encrypted
        return fault
    if re.match(rb'\s*(\{\s*"|\[\s*[]"{0-9])', token):
        return _respelled(token, "it is in JSON form, and only the compact form is accepted")
    return _respelled(token, f"it has {parts} part{'s' * (parts > 1)}, not three")
