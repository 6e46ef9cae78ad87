"""Whatever comes in, a result or one of our errors goes out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rightkey
from rightkey.exchange import Response
from rightkey.issuer.discovery import read_metadata
from rightkey.issuer.name import Issuer
from rightkey.jose import base64url
from rightkey.localissuer.keys.signing import Form, SigningKey

pytestmark = pytest.mark.slow

KEY = SigningKey.generate("ES256", Form(certificates=False), kid="k")
KEYS = rightkey.KeySet.parse({"keys": [KEY.public_jwk()]})
VERIFIER = rightkey.Verifier(rightkey.ANY, audience=rightkey.ANY, keys=KEYS, require_exp=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["kty", "kid", "use", "alg", "n", "e", "crv", "x", "y", "x5c", "x5t", "key_ops", "d", "pub"]
)
VALUES = JSON | st.sampled_from(
    ["RSA", "EC", "OKP", "AKP", "AQAB", "P-256", "Ed25519", "ML-DSA-44", "sig", "A" * 344]
)
MEMBERS = st.dictionaries(NAMES, VALUES, max_size=8) | JSON


def judged(call: Any) -> bool:
    """Nothing but our errors may leave. Whether there is a result, or an error that says what it is."""
    try:
        return call() is not None
    except rightkey.RightkeyError as error:
        return bool(error.code)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_text_is_verified_or_refused(raw: Any) -> None:
    """By `verify` and by `verify_jws`."""
    assert judged(lambda: VERIFIER.verify(raw))
    assert judged(lambda: rightkey.verify_jws(raw, KEYS, algorithms=["ES256"]))


@given(
    header=JSON | st.dictionaries(st.sampled_from(["alg", "kid", "typ", "cty", "crit"]), JSON), payload=JSON
)
def test_any_header_and_payload_are_verified_or_refused(header: Any, payload: Any) -> None:
    """Whatever JSON they are."""
    parts = [base64url.encode(json.dumps(part).encode()) for part in (header, payload)]
    assert judged(lambda: VERIFIER.verify(".".join([*parts, "A" * 86])))


@given(
    claims=st.dictionaries(st.sampled_from(["iss", "aud", "exp", "nbf", "iat", "sub", "jti", "scope"]), JSON)
)
def test_any_claims_are_verified_or_refused(claims: Any) -> None:
    """Under a header and signature that are as they must be."""
    head = base64url.encode(b'{"alg":"ES256","kid":"k"}')
    signed = f"{head}.{base64url.encode(json.dumps(claims).encode())}"
    assert judged(lambda: VERIFIER.verify(f"{signed}.{base64url.encode(KEY.sign(signed.encode()))}"))


@given(st.lists(MEMBERS, max_size=4) | JSON)
def test_any_key_set_is_read_or_refused(members: Any) -> None:
    """And no member of it harms one that is good."""
    assert judged(lambda: rightkey.KeySet.parse({"keys": members}))
    assert judged(lambda: rightkey.KeySet.parse(json.dumps({"keys": members}), published=True))
    if isinstance(members, list):
        assert "k" in {key.kid for key in rightkey.KeySet.parse({"keys": [*members, KEY.public_jwk()]})}


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_document_is_read_or_refused(document: Any) -> None:
    """As a key set."""
    assert judged(lambda: rightkey.KeySet.parse(document))


@given(
    status=st.integers(100, 599),
    headers=st.dictionaries(st.sampled_from(["retry-after", "date", "cache-control"]), st.text(max_size=30)),
    body=st.binary(max_size=100)
    | st.builds(lambda value: json.dumps(value).encode(), JSON)
    | st.builds(lambda i, u: json.dumps({"issuer": i, "jwks_uri": u}).encode(), JSON, JSON),
)
def test_any_metadata_is_read_or_refused(status: int, headers: dict[str, str], body: bytes) -> None:
    """Whatever the status and headers."""
    assert judged(lambda: read_metadata(Issuer.parse("issuer.example"), Response(status, headers, body)))
