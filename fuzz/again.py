"""What was read, written and read again."""

from __future__ import annotations

import json
import pickle
from random import Random

from fuzz import mutation
from fuzz.targets import ISSUER, KEY_SETS, METADATA, require
from rightkey import IssuerMisbehaved, Key, KeySet, RightkeyError, TokenRejected
from rightkey.exchange import Response
from rightkey.issuer.discovery import read_metadata
from rightkey.issuer.name import Issuer
from rightkey.jose import base64url, jws

HEADER = {"alg": "EdDSA", "kid": "k", "typ": "JWT"}


def back_again(rng: Random, number: int) -> bool:
    """What was read can be written and read again, and is the same: keys, headers, metadata."""
    kind = number % 3
    if kind == 0:
        return key_again(mutation.document(rng, rng.choice(KEY_SETS), KEY_SETS))
    if kind == 1:
        return metadata_again(mutation.document(rng, rng.choice(METADATA), METADATA))
    return header_again(mutation.document(rng, json.dumps(HEADER).encode(), METADATA))


def key_again(raw: bytes) -> bool:
    """A key's own JWK makes the same key; so does its pickle."""
    try:
        keys = KeySet.parse(raw)
    except IssuerMisbehaved:
        return False
    for key in keys:
        again = Key.from_jwk(json.loads(json.dumps(dict(key.jwk))))
        require(
            again == key and again.kid == key.kid and again.checks.keys() == key.checks.keys(), "another key"
        )
        require(again.x5t == key.x5t and again.certificate == key.certificate, "another certificate")
    require(pickle.loads(pickle.dumps(keys)) == keys, "another set")  # noqa: S301 - our own
    return bool(keys)


def metadata_again(raw: bytes) -> bool:
    """What an issuer says of itself, as its document says it."""
    asked = Issuer.parse(ISSUER)
    try:
        found = read_metadata(asked, Response(200, {}, raw))
    except RightkeyError:
        return False
    again = read_metadata(
        asked, Response(200, {}, json.dumps(found.document).encode("utf-8", "surrogatepass"))
    )
    require(again == found, "other metadata")
    return True


def header_again(raw: bytes) -> bool:
    """A header's members, in a token's one spelling."""
    try:
        header = jws.read_header(base64url.encode(raw).encode())
    except TokenRejected:
        return False
    again = jws.read_header(base64url.encode(json.dumps(header.own()).encode()).encode())
    require(again.own() == header.own() and again.kind == header.kind, "another header")
    require((again.alg, again.kid, again.x5t) == (header.alg, header.kid, header.x5t), "another header")
    return True
