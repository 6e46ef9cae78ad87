"""What an issuer's endpoint can do wrong, each by name.

A fault has up to three parts, applied in this order: it rewrites the document, changes the answer, and spoils
the delivery. All three are values or pure functions; the server carries them out.
"""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import NoneType
from typing import Any

from rightkey.localissuer.answers import PROMPT, Answer, Delivery, Document, oauth_error
from rightkey.localissuer.documents.wellknown import ENDPOINTS, MOVED_JWKS
from rightkey.localissuer.tokens.means import Means

Rewrite = Callable[[Document, Means], Document]
Dress = Callable[[Answer], Answer]

MIB = 1024 * 1024
KEY_SETS = frozenset({"jwks", "moved"})
DISCOVERY = frozenset({"discovery"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to misbehave, equal to another of the same name and options.

    With `instead` it answers in place of the endpoint, which does nothing.
    """

    name: str = ""
    options: tuple[tuple[str, Any], ...] = ()
    rewrite: Rewrite = field(default=lambda document, _: document, compare=False, repr=False)
    dress: Dress = field(default=lambda answer: answer, compare=False, repr=False)
    delivery: Delivery = PROMPT
    instead: bool = False
    endpoints: frozenset[str] = field(default=frozenset(ENDPOINTS), repr=False)


BEHAVED = Fault("none")


def fault(name: str, **options: Any) -> Fault:
    """A fault by name, with the options of its entry in `FAULTS`.

    Raises:
        ValueError: the fault is unknown.
        TypeError: the fault has no such option, or the option has another type.
    """
    if name not in FAULTS:
        raise ValueError(f"expected one of {', '.join(FAULTS)}, got {name!r}")
    for option, kind in inspect.get_annotations(FAULTS[name]).items():
        if option in options and not isinstance(options[option], _KINDS[kind]):
            raise TypeError(f"expected {option} to be {kind}, got {options[option]!r}")
    return replace(FAULTS[name](**options), name=name, options=tuple(sorted(options.items())))


_KINDS: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "int | None": (int, NoneType),
    "float": (int, float),
    "str": (str,),
    "Any": (object,),
    "Mapping[str, str] | None": (Mapping, NoneType),
    "Fault": (),
}
"""The types of an option, by its annotation: options come as JSON too."""


def _status(
    code: int = 503, retry_after: int | None = None, headers: Mapping[str, str] | None = None
) -> Fault:
    """`retry_after` is in seconds."""
    own = {} if retry_after is None else {"retry-after": str(retry_after)}
    answer = oauth_error(
        code, "misbehaving", own | {name.lower(): value for name, value in (headers or {}).items()}
    )
    return Fault(dress=lambda _: answer, instead=True)


def _redirect(to: str = "https://elsewhere.invalid/jwks.json", code: int = 302) -> Fault:
    return Fault(dress=lambda _: oauth_error(code, "elsewhere", {"location": to}), instead=True)


def _delivered(delivery: Delivery) -> Callable[[], Fault]:
    return lambda: Fault(delivery=delivery)


def _delay(seconds: float = 1.0) -> Fault:
    return Fault(delivery=Delivery(delay=seconds))


def _drip_headers(every: float = 0.1) -> Fault:
    """`every` is in seconds per octet."""
    return Fault(delivery=Delivery(drip="headers", every=every))


def _drip_body(every: float = 0.1) -> Fault:
    """`every` is in seconds per octet; the headers come at once."""
    return Fault(delivery=Delivery(drip="body", every=every))


def _typed(answer: Answer, content_type: str) -> Answer:
    return replace(answer, headers=dict(answer.headers) | {"content-type": content_type})


def _html() -> Fault:
    page = b"<!doctype html><title>Sign in</title><p>You are behind a captive portal.</p>"
    answer = Answer(200, {"content-type": "text/html"}, page)
    return Fault(dress=lambda _: answer, instead=True)


def _wrong_type(content_type: str = "text/plain") -> Fault:
    return Fault(dress=lambda answer: _typed(answer, content_type))


def _broken_json() -> Fault:
    return Fault(dress=lambda answer: replace(answer, body=answer.body[: len(answer.body) // 2]))


def _gzip_bomb(size: int = 64 * MIB) -> Fault:
    """`size` is in bytes after decompression."""

    def dress(answer: Answer) -> Answer:
        headers = dict(answer.headers) | {"content-encoding": "gzip"}
        return replace(answer, headers=headers, body=_inflating(answer.body, size))

    return Fault(dress=dress)


@lru_cache(maxsize=4)
def _inflating(body: bytes, size: int) -> bytes:
    """White space, then the body: valid JSON for a reader with enough memory."""
    packer, block = zlib.compressobj(9, wbits=31), bytes(b" " * MIB)
    blocks, rest = divmod(size, MIB)
    packed = [packer.compress(block) for _ in range(blocks)]
    return b"".join([*packed, packer.compress(block[:rest] + body), packer.flush()])


def _huge(size: int = 64 * MIB) -> Fault:
    """`size` is in bytes of white space, sent as they are made; a good document follows."""
    return Fault(dress=lambda answer: replace(answer, padding=size))


def _members(change: Callable[[list[Document], Means], list[Document]]) -> Callable[[], Fault]:
    def rewrite(document: Document, means: Means) -> Document:
        return document | {"keys": change(document["keys"], means)}

    return lambda: Fault(rewrite=rewrite, endpoints=KEY_SETS)


def _duplicate_kid(keys: list[Document], means: Means) -> list[Document]:
    return [means.stranger.public_jwk() | {"kid": means.key.kid}, *keys]


def _broken_members(keys: list[Document], means: Means) -> list[Any]:
    """Null, a string, RSA without `e`, an unknown `kty`; the good keys come after."""
    return [None, "key", {"kty": "RSA", "n": "AQAB", "kid": "no-e"}, {"kty": "LWE", "kid": "odd"}, *keys]


def _private_members(keys: list[Document], means: Means) -> list[Document]:
    return [means.key.private_jwk() if key["kid"] == means.key.kid else key for key in keys]


def _each(change: Callable[[Document], Document]) -> Callable[[], Fault]:
    return _members(lambda keys, _: [change(key) for key in keys])


def _other_alg(alg: str = "RS512") -> Fault:
    return _each(lambda key: key | {"alg": alg})()


def _for_encryption(key: Document) -> Document:
    """By `key_ops` alone, since a key should not have `use` as well (RFC 7517, section 4.3)."""
    return _without("use")(key) | {"key_ops": ["encrypt"]}


def _without(*names: str) -> Callable[[Document], Document]:
    return lambda key: {name: value for name, value in key.items() if name not in names}


def _other_certificate(keys: list[Document], means: Means) -> list[Document]:
    strange = means.stranger.public_jwk()
    certified = {name: value for name, value in strange.items() if name.startswith("x5")}
    return [key | certified for key in keys]


def _wrong_issuer(issuer: Any = "https://elsewhere.example/") -> Fault:
    return Fault(rewrite=lambda document, _: document | {"issuer": issuer}, endpoints=DISCOVERY)


def _moved(to: Any = None) -> Fault:
    """To any JSON value; by default to a second URL of the same keys, counted as `moved`."""
    return Fault(
        rewrite=lambda document, means: document | {"jwks_uri": to or f"{means.base}{MOVED_JWKS}"},
        endpoints=DISCOVERY,
    )


FAULTS: dict[str, Callable[..., Fault]] = {
    "status": _status,
    "delay": _delay,
    "hang": _delivered(Delivery(ending="hang")),
    "drip-headers": _drip_headers,
    "drip-body": _drip_body,
    "reset": _delivered(Delivery(ending="reset")),
    "truncated": _delivered(Delivery(ending="truncated")),
    "redirect": _redirect,
    "html": _html,
    "wrong-type": _wrong_type,
    "broken-json": _broken_json,
    "gzip-bomb": _gzip_bomb,
    "huge": _huge,
    "empty-set": _members(lambda _keys, _scene: []),
    "duplicate-kid": _members(_duplicate_kid),
    "broken-member": _members(_broken_members),
    "private-members": _members(_private_members),
    "use-enc": _each(lambda key: key | {"use": "enc"}),
    "key-ops-encrypt": _each(_for_encryption),
    "other-alg": _other_alg,
    "no-alg": _each(_without("alg")),
    "bare": _each(_without("alg", "use", "x5c", "x5t", "x5t#S256")),
    "broken-certificate": _each(lambda key: key | {"x5c": ["bm8gY2VydGlmaWNhdGU="]}),
    "other-certificate": _members(_other_certificate),
    "wrong-issuer": _wrong_issuer,
    "moved-jwks-uri": _moved,
}
"""Every fault by name: a function of its options."""
