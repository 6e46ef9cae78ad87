"""What may be odd about the text of a token: its parts, its JSON, a name that stands twice."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

from fuzz.differential.case import KID, PAST, octets
from fuzz.differential.oddity import behind, later, part, twice


def respelled(segment: bytes) -> bytes:
    """Set the bits behind the last octet, where there are any (RFC 4648, section 3.5)."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return segment[:-1] + alphabet[alphabet.index(segment[-1]) | 1 :][:1] if len(segment) % 4 else segment


def flattened(raw: bytes) -> bytes:
    """The JSON form with one signature (RFC 7515, section 7.2.2)."""
    names = zip(("protected", "payload", "signature"), raw.decode().split("."), strict=True)
    return json.dumps(dict(names)).encode()


def general(raw: bytes) -> bytes:
    """The JSON form (RFC 7515, section 7.2.1)."""
    protected, payload, signature = raw.decode().split(".")
    return json.dumps(
        {"payload": payload, "signatures": [{"protected": protected, "signature": signature}]}
    ).encode()


PART: dict[str, Callable[[bytes], bytes]] = {
    "padded": lambda raw: raw + b"=" * (-len(raw) % 4),
    "one = too many": lambda raw: raw + b"=" * (-len(raw) % 4 + 1),
    "bits behind the last octet": respelled,
    "standard base64": lambda raw: base64.b64encode(octets(raw.decode())).rstrip(b"="),
    "line end inside": lambda raw: raw[:5] + b"\n" + raw[5:],
    "space inside": lambda raw: raw[:5] + b" " + raw[5:],
    "space in front": lambda raw: b" " + raw,
    "foreign letter": lambda raw: raw[:5] + b"!" + raw[5:],
    "NUL inside": lambda raw: raw[:5] + b"\0" + raw[5:],
    "not ASCII": lambda raw: raw[:5] + "é".encode() + raw[5:],
    "percent-encoded": lambda raw: b"%" + raw[:1].hex().encode() + raw[1:],
    "empty": lambda raw: b"",
    "one letter more": lambda raw: raw + b"A",
    "cut": lambda raw: raw[:-1],
}


TOKEN: dict[str, Callable[[bytes], bytes]] = {
    "space in front": lambda raw: b" " + raw,
    "space behind": lambda raw: raw + b" ",
    "line end behind": lambda raw: raw + b"\n",
    "CRLF behind": lambda raw: raw + b"\r\n",
    "NUL behind": lambda raw: raw + b"\0",
    "Bearer": lambda raw: b"Bearer " + raw,
    "quotes": lambda raw: b'"' + raw + b'"',
    "dot behind": lambda raw: raw + b".",
    "dot in front": lambda raw: b"." + raw,
    "two parts": lambda raw: raw.rpartition(b".")[0],
    "four parts": lambda raw: raw + b".AAAA",
    "five parts": lambda raw: raw + b".AAAA.AAAA",
    "empty": lambda raw: b"",
    "byte order mark": lambda raw: b"\xef\xbb\xbf" + raw,
    "JSON, flattened": lambda raw: flattened(raw),
    "JSON, general": lambda raw: general(raw),
}


TWICE = {
    "header text: alg twice, none first": later("header", twice("alg", "none")),
    "header text: kid twice, unknown first": later("header", twice("kid", "k2")),
    "header text: kid twice, the same": later("header", twice("kid", KID)),
    "header text: name escaped": later("header", lambda raw: raw.replace(b'"alg"', b'"\\u0061lg"')),
    "header text: value escaped": later("header", lambda raw: raw.replace(b'"k1"', b'"\\u006b1"')),
    "payload text: exp twice, past first": later("payload", twice("exp", PAST)),
    "payload text: exp twice, past last": later("payload", behind("exp", b"1")),
    "payload text: iss twice, another first": later("payload", twice("iss", "https://evil.example")),
    "payload text: aud twice, another last": later("payload", behind("aud", b'"other"')),
    "payload text: exp 1e400": later("payload", lambda raw: raw.replace(b"4000000000", b"1e400")),
    "payload text: exp 4e9": later("payload", lambda raw: raw.replace(b"4000000000", b"4e9")),
    "payload text: exp NaN": later("payload", lambda raw: raw.replace(b"4000000000", b"NaN")),
    "payload text: exp Infinity": later("payload", lambda raw: raw.replace(b"4000000000", b"Infinity")),
    "payload text: exp with 30 digits": later("payload", lambda raw: raw.replace(b"4000000000", b"4" * 30)),
    "payload text: exp with 5,000 digits": later(
        "payload", lambda raw: raw.replace(b"4000000000", b"4" * 5000)
    ),
}


SPELLINGS = {
    f"{'token' if number == 2 else 'signed'} {name}: {what}": later(
        "token" if number == 2 else "signed", part(number, change)
    )
    for number, name in enumerate(("header", "payload", "signature"))
    for what, change in PART.items()
}
