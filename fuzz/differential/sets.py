"""What may be odd about a key set: what stands beside the good key, and the document itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fuzz.differential.case import KID, Case, signers
from fuzz.differential.oddity import JSON_TEXT, Oddity, text, twice
from fuzz.differential.signatures import stranger
from fuzz.mutation import encode


def beside(value: Any, where: str) -> Oddity:
    """Another member of the set, before or behind the good one."""
    return lambda case: getattr(case, where).append(value(case) if callable(value) else value)


def of_another_type(case: Case) -> dict[str, Any]:
    """A good key of another type, under the same key id."""
    alg = "ES256" if case.signer.jwk["kty"] == "RSA" else "RS256"
    return signers()[alg].jwk | {"kid": KID, "alg": alg, "use": "sig"}


def of_the_same_type(case: Case) -> dict[str, Any]:
    """Another good key of the same type, under the same key id."""
    return stranger(case).jwk | {"kid": KID, "alg": case.signer.alg, "use": "sig"}


BESIDE: dict[str, Any] = {
    "null": None,
    "number": 7,
    "text": "x",
    "array": [],
    "empty object": {},
    "unknown type": {"kty": "X", "kid": "other"},
    "type that is no text": {"kty": 7, "kid": "other"},
    "post-quantum": {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA", "kid": "other"},
    "unknown curve": {"kty": "EC", "crv": "X", "x": "AAAA", "y": "AAAA", "kid": "other"},
    "X25519": {"kty": "OKP", "crv": "X25519", "x": "AAAA", "kid": "other"},
    "oct": {"kty": "oct", "k": "AAAA", "kid": "other"},
    "oct, of the same key id": {"kty": "oct", "k": "AAAA", "kid": KID},
    "RSA without numbers": {"kty": "RSA", "kid": "other"},
    "RSA without numbers, of the same key id": {"kty": "RSA", "kid": KID},
    "RSA of 512 bits": {"kty": "RSA", "n": encode(b"\xc5" * 64).decode(), "e": "AQAB", "kid": "other"},
    "point off its curve": {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43, "kid": "other"},
    "unknown algorithm": {
        "kty": "RSA",
        "n": encode(b"\xc5" * 256).decode(),
        "e": "AQAB",
        "alg": "X",
        "kid": "other",
    },
    "for encryption": {
        "kty": "RSA",
        "n": encode(b"\xc5" * 256).decode(),
        "e": "AQAB",
        "use": "enc",
        "kid": "other",
    },
    "good, another type, same key id": of_another_type,
    "good, same type, same key id": of_the_same_type,
    "good, same type, without key id": lambda case: stranger(case).jwk,
    "the key itself again": lambda case: dict(case.jwk),
}


SET: dict[str, Callable[[bytes], bytes]] = {
    "one JWK": lambda raw: json.dumps(json.loads(raw)["keys"][0]).encode(),
    "array": lambda raw: json.dumps(json.loads(raw)["keys"]).encode(),
    "keys null": lambda raw: b'{"keys":null}',
    "keys empty": lambda raw: b'{"keys":[]}',
    "keys an object": lambda raw: json.dumps({"keys": json.loads(raw)["keys"][0]}).encode(),
    "keys in upper case": lambda raw: raw.replace(b'"keys"', b'"KEYS"'),
    "1,001 members": lambda raw: json.dumps({"keys": [None] * 1000 + json.loads(raw)["keys"]}).encode(),
    "another member": lambda raw: raw[:-1] + b',"issuer":"https://issuer.example"}',
    "keys twice, empty first": twice("keys", []),
    "keys twice, empty last": lambda raw: raw[:-1] + b',"keys":[]}',
    "a member's name twice": lambda raw: raw.replace(b'{"kty"', b'{"kty":"oct","kty"', 1),
    "a member's name twice, the same": lambda raw: raw.replace(
        b'"kid": "k1"', b'"kid": "k1", "kid": "k1"', 1
    ),
}

SETS: dict[str, Oddity] = {
    **{
        f"set, {where}: {what}": beside(value, where)
        for what, value in BESIDE.items()
        for where in ("before", "after")
    },
    **text("set", JSON_TEXT),
    **text("set", SET),
}
"""Each by name."""
