"""How one input becomes another: bytes, JSON and tokens, each changed where its readers look."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from random import Random
from typing import Any

NUMBERS = (0, -1, 1, 2**31, 2**53 + 1, 2**64, -(2**64), 10**300, 1e-300, 1e300, 0.5, -0.0, 1_700_000_000)
TEXTS = (
    "",
    " ",
    "\0",
    "k",
    "none",
    "HS256",
    "RS256",
    "EdDSA",
    "ES256",
    "Ed25519",
    "sig",
    "enc",
    "JWT",
    "\n",
    "🔑",
)
TEXTS += (
    "A" * 300,
    "../../x",
    "https://evil.example",
    "http://127.0.0.1",
    "file:///x",
    "P-256",
    "RSA",
    "=",
    "\x7f",
)
TEXTS += ("\x1b[31m", "\r\nset-cookie: x", "%00", "\u2028", "-" * 43, "AQAB", "b64", "at+jwt", "é", "verify")
HEADER = (
    "alg",
    "kid",
    "typ",
    "cty",
    "crit",
    "b64",
    "zip",
    "enc",
    "jwk",
    "jku",
    "x5u",
    "x5c",
    "x5t",
    "x5t#S256",
)
"""Names of members of a header."""
NAMES = (
    *HEADER,
    "iss",
    "aud",
    "exp",
    "nbf",
    "iat",
    "sub",
    "jti",
    "azp",
    "nonce",
    "scope",
    "scp",
    "roles",
    "permissions",
)
NAMES += (
    "keys",
    "kty",
    "crv",
    "n",
    "e",
    "x",
    "y",
    "d",
    "k",
    "pub",
    "priv",
    "use",
    "key_ops",
    "issuer",
    "jwks_uri",
)
PIECES = (
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b".",
    b"..",
    b"=",
    b"==",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\\",
)
PIECES += (
    b"\\u0000",
    b"\\ud800",
    b"1e999",
    b"NaN",
    b"-",
    b"_",
    b"+",
    b"/",
    b"\n",
    b"\r\n",
    b" ",
    b"null",
    b"true",
)
PIECES += (
    b"{}",
    b"[]",
    b"9" * 400,
    b"[" * 40,
    b'{"a":' * 40,
    b"\xed\xa0\x80",
    b"\xc0\xaf",
    b"A",
    b"AA",
    b"AAA",
)


def octets(rng: Random, text: bytes, others: list[bytes]) -> bytes:
    """Change octets, without regard to what they mean."""
    start = rng.randrange(len(text) + 1)
    end = min(len(text), start + rng.choice((1, 1, 2, 4, 16, 64)))
    change = rng.randrange(7)
    if change == 0 and text:
        flipped = bytearray(text)
        flipped[rng.randrange(len(text))] ^= 1 << rng.randrange(8)
        return bytes(flipped)
    if change == 1:
        return text[:start] + text[end:]
    if change == 2:
        return text[:start] + rng.choice(PIECES) + text[start:]
    if change == 3:
        return text[:start] + rng.choice(PIECES) + text[end:]
    if change == 4:
        return text[:end] + text[start:end] * rng.choice((1, 2, 50)) + text[end:]
    if change == 5:
        other = rng.choice(others)
        return text[:start] + other[rng.randrange(len(other) + 1) :]
    return text[:start] + rng.randbytes(end - start) + text[end:]


class Twice(dict[str, Any]):
    """An object that is written with a name twice."""


def value(rng: Random, depth: int = 0) -> Any:
    """Any JSON value, preferably one that is easily mistaken for another."""
    kind = rng.randrange(9 if depth < 3 else 6)
    if kind < 2:
        return rng.choice(TEXTS)
    if kind == 2:
        return rng.choice(NUMBERS)
    if kind < 5:
        return rng.choice((None, True, False, [], {}))
    if kind == 5:
        deep: Any = 1
        for _ in range(rng.choice((3, 30, 31, 32, 33, 34, 200))):
            deep = [deep] if rng.random() < 0.5 else {"a": deep}
        return deep
    if kind == 6:
        return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice(NAMES): value(rng, depth + 1) for _ in range(rng.randrange(4))}


def tree(rng: Random, root: Any) -> Any:
    """Change one place of a JSON value. The value given is left as it is."""
    if isinstance(root, dict) and root and rng.random() < 0.8:
        name = rng.choice(list(root))
        change = rng.randrange(6)
        if change < 2:
            return root | {name: tree(rng, root[name])}
        if change == 2:
            return {other: one for other, one in root.items() if other != name}
        if change == 3:
            return root | {rng.choice(NAMES): value(rng)}
        if change == 4:
            return {(rng.choice(TEXTS) if other == name else other): one for other, one in root.items()}
        return Twice(root)
    if isinstance(root, list) and root and rng.random() < 0.8:
        place = rng.randrange(len(root))
        change = rng.randrange(4)
        if change == 0:
            return root[:place] + root[place + 1 :]
        if change == 1:
            return [*root[:place], root[place], *root[place:]]
        return [*root[:place], tree(rng, root[place]), *root[place + 1 :]]
    if isinstance(root, str) and root and rng.random() < 0.6:
        place = rng.randrange(len(root))
        return root[:place] + rng.choice((*TEXTS, root[place].swapcase(), "A", "_")) + root[place + 1 :]
    return value(rng)


def written(node: Any) -> str:
    """As JSON; an object that is `Twice` has its first name once more at its end."""
    if isinstance(node, dict):
        members = [f"{json.dumps(name)}:{written(one)}" for name, one in node.items()]
        return "{" + ",".join(members + members[:1] * isinstance(node, Twice)) + "}"
    if isinstance(node, list):
        return "[" + ",".join(map(written, node)) + "]"
    return json.dumps(node)


def document(rng: Random, text: bytes, others: list[bytes]) -> bytes:
    """Change a JSON document: as a tree, as octets, or both."""
    changes = rng.choice((1, 1, 2, 3))
    if rng.random() < 0.8:
        try:
            root = json.loads(text)
        except (ValueError, RecursionError):
            return octets(rng, text, others)
        for _ in range(changes):
            root = tree(rng, root)
        text = written(root).encode("utf-8", "surrogatepass")
        changes = rng.choice((0, 0, 0, 1))
    for _ in range(changes):
        text = octets(rng, text, others)
    return text


Sign = Callable[[bytes], bytes]


def token(rng: Random, text: bytes, others: list[bytes], sign: Sign) -> bytes:
    """Change a token; what changed is mostly signed anew."""
    parts = text.split(b".")
    if len(parts) != 3 or rng.random() < 0.3:
        return octets(rng, text, others)
    if rng.random() < 0.2:
        place = rng.randrange(3)
        parts[place] = octets(rng, parts[place], others)
        return b".".join(parts)
    place = rng.choice((0, 0, 1))
    try:
        inner = base64.urlsafe_b64decode(parts[place] + b"==")
    except ValueError:
        return octets(rng, text, others)
    parts[place] = encode(document(rng, inner, others))
    if rng.random() < 0.7:
        parts[2] = encode(sign(b".".join(parts[:2])))
    return b".".join(parts)


def encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
