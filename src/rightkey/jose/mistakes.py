"""The mistakes of the first day: what people send in place of a token, and what to do about it.

Hints, which quote nothing of it. They are looked for when a token is refused already. The text is a
stranger's, so that only its ends are looked at, and each pattern takes a time in proportion to their length.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from rightkey.errors import TokenRejected
from rightkey.jose import base64url, strictjson
from rightkey.jose.algorithms import ALGORITHMS

if TYPE_CHECKING:
    from rightkey.jose.key import Key

_ALONE = "give the token alone"
_ROWS: tuple[tuple[str, str], ...] = (
    (r"(curl|http|wget|-h|--header)\s", f"it is a command line: {_ALONE}"),
    (r"(proxy-)?authorization[\s:=]", f"it begins with the name of the header: {_ALONE}"),
    ("bearer", f"it begins with `Bearer `: {_ALONE}"),
    (r"basic\s", "it is a user name and a password (Basic), not a token"),
    (r"(jwt|token|dpop)[\s:=]", f"it begins with the name of a scheme: {_ALONE}"),
    (r"(digest|negotiate|ntlm|mac|hawk|api-?key|aws4-[a-z0-9-]+)\s", "it is of another scheme than Bearer"),
    (r"b['\"]", "it is the text of a bytes object: pass the bytes, or decode them"),
    (
        r"(undefined|null|none|nil|nan|true|false|\[object \w+\])$",
        "it is the text of an empty value: the program that sends it has no token",
    ),
    (
        r"(\{\{[^{}]*\}\}|\$\{?\w+\}?|\$\([^()]*\)|%\w+%|<[\w -]+>|your[_-][\w-]+)$",
        "it is a placeholder: the value was not filled in",
    ),
    (r"\{(?s:.*)\"(payload|protected|signatures)\"\s*:", "have it sent in compact form, with dots between"),
    (r"\{\s*['\"]error['\"]", "it is an error of the issuer, which gave no token"),
    (r"[\[{]", "it is JSON: give the value of its access_token alone"),
    (r"<(!doctype|html|\?xml|saml)", "it is a web page or XML, not a token"),
    ("-----BEGIN ", "it is PEM, a key or a certificate, not a token"),
    (r"\\?['\"`<\u2018\u2019\u201c\u201d]|&(quot|apos|#3[49]);", f"it is in quotes: {_ALONE}"),
    (r"\w*\(", "it is the text of an object: pass the token that it holds"),
    (r"\S*(access_token|id_token|token|jwt)=", "it is a URL or a form: give what follows _token= alone"),
    (r"https?://", "it is a URL, not a token"),
    (r"((set|export)\s+)?[\w.-]+\s*[:=]\s*(bearer\s+)?ey", f"it begins with a name: {_ALONE}"),
    (r"\S*%[0-9a-f][0-9a-f]", "it is URL-encoded: decode it first"),
    (r"\S*(\.\.\.|\u2026|\*\*\*)", "it was shortened where it was copied from: give all of it"),
    (r"v[1-4]\.(local|public)\.", "it is a PASETO, and only JWTs are supported"),
    (r"ey\S*~", "it is an SD-JWT (with ~), which is not supported"),
    (r"(?s:.*)[,;\s]ey", f"are these several tokens? {_ALONE}"),
    (r"\S*[,;]", f"it has a comma or a semicolon: {_ALONE}"),
    (r"\S*\s", "it has white space or line ends inside: was it folded?"),
    (r"\S*[\0\u00ad\u200b-\u200f\u2060\ufeff]", "it has an invisible character: copy it again"),
)
"""How such a text begins, in letters of either case, and what to do. The first row that fits counts."""
_AROUND = "it has white space or a line end around it: strip it"
_LAST: tuple[tuple[str, str], ...] = (
    (r"ey\S*=", "it is padded: base64url in a token has no `=`"),
    (r"ey\S*[+/]", "it is standard base64: a token is base64url"),
    (r"zxlk", "it is base64 of a token: decode it once"),
    (r"ey\S*[^\w.~+/=-]", "it has a character that no token has: copy it again"),
    (r"ey\S*\.$", "it ends with a dot that is not its own, or was cut off"),
    (r"ey[^.]*(\.[^.]*){3}", "it has dots of something else: was it put together with another text?"),
    ("ey", "was it cut off?"),
    (r"[^\s.]+\.[^\s.]+\.[^\s.]+$", "a JWT begins with `ey`: does it lack its beginning, or is it opaque?"),
    (r"[\w.~+/=-]+$", "an opaque access token? ask the issuer for a JWT by naming an audience"),
)
"""The same, of a text that nothing stands around."""
_NAMED = {
    **dict.fromkeys(
        ("HS256", "HS384", "HS512"),
        "set the API at the issuer to RS256 or ES256: symmetric algorithms are not supported",
    ),
    "none": "it is not signed, and no setting accepts that: have the issuer sign it",
}
"""Algorithms that a message names although they are not known here, and what to do about each."""
_COMPILED, _LAST_COMPILED = (
    [(re.compile(form, re.IGNORECASE), hint) for form, hint in rows] for rows in (_ROWS, _LAST)
)
MAX_HINTED = 1024
"""Characters of a token that are looked at for a hint, half at each end: 4,096 would cost thirty checks."""
_ENCRYPTED = "ask the issuer for a signed one, naming an audience: without one Auth0 encrypts it for itself"
_SIZES = {"P-256": 64, "P-384": 96, "P-521": 132, "secp256k1": 64, "Ed25519": 64, "Ed448": 114}
"""Bytes of a signature by a key on this curve (RFC 7518, section 3.4; RFC 8032, sections 5.1.6 and 5.2.6)."""


def hint_of(text: str) -> str | None:
    """What to do about a text that is no token; None where that cannot be told."""
    bare = text.strip()
    each = MAX_HINTED // 2
    ends = bare if len(bare) <= MAX_HINTED else bare[:each] + bare[-each:]
    return _found(_COMPILED, ends) or (_AROUND if len(bare) != len(text) else _found(_LAST_COMPILED, ends))


def encrypted_hint(segment: bytes) -> str | None:
    """What to do about a token of five parts; None where it is none that is encrypted (RFC 7516, section 9).

    Args:
        segment: its first part.
    """
    try:
        return _ENCRYPTED if "enc" in strictjson.read_object(base64url.decode(segment)) else None
    except ValueError:
        return None


def algorithm_not_allowed(alg: str, allowed: Collection[str]) -> TokenRejected:
    """The verdict on a token whose `alg` is none of those allowed. Only known names are quoted."""
    hint = f"allowed: {', '.join(sorted(allowed))}; names are compared letter by letter"
    if alg in ALGORITHMS:
        hint = f"allow it with algorithms=[{alg!r}] if the issuer signs with it"
    what = f"algorithm {alg}" if alg in ALGORITHMS or alg in _NAMED else "the algorithm of its header"
    return TokenRejected(
        "algorithm_not_allowed", f"{what} is not one of those allowed", hint=_NAMED.get(alg, hint)
    )


def length_hint(signature: bytes, alg: str, key: Key) -> str | None:
    """What is odd about a signature that has another length than this key's have."""
    size = _size(key)
    if size is None or len(signature) == size:
        return None
    if not signature:
        return f"it has no signature, and this key's have {size} bytes: was it cut off?"
    if alg.startswith("ES") and signature.startswith(b"\x30"):
        return f"it is in DER, as OpenSSL writes it: a JWS has r and s, {size} bytes (RFC 7518, section 3.4)"
    return f"it has {len(signature)} bytes, and this key's have {size}: was it cut off?"


def _size(key: Key) -> int | None:
    """Of a signature, in bytes; None where that is not known."""
    if key.kty == "RSA":
        return int(key.public_key.key_size + 7) // 8
    return _SIZES.get(key.crv or "")


def _found(rows: Iterable[tuple[re.Pattern[str], str]], text: str) -> str | None:
    return next((hint for form, hint in rows if form.match(text)), None)
