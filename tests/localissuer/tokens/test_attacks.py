"""The local issuer's attacks: each is what it says, and an independent verifier refuses it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from rightkey.localissuer.keys.signing import SigningKey
from rightkey.localissuer.tokens.attacks import ATTACKS, forge
from rightkey.localissuer.tokens.means import Means
from rightkey.localissuer.tokens.minting import mint

NOW = 1_700_000_000
ISSUER = "https://tenant.example/"
CLAIMS = {"iss": ISSUER, "aud": "api", "sub": "alice", "iat": NOW, "exp": NOW + 10**9}


@cache
def means(algorithm: str) -> Means:
    stranger = SigningKey.generate(algorithm)
    return Means(ISSUER, ISSUER, NOW, SigningKey.generate(algorithm), lambda: stranger)


def parts(token: str) -> list[bytes]:
    return [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split(".")]


def header(token: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(parts(token)[0])
    return read


def verify(token: str, at: Means) -> Any:
    """The claims, as a careful application of PyJWT reads them, the profile of the token included."""
    read = jwt.decode_complete(
        token,
        jwt.PyJWK.from_dict(at.key.public_jwk()),
        algorithms=[at.key.algorithm],
        audience="api",
        issuer=ISSUER,
        options={"require": ["exp"]},
    )
    if read["header"].get("typ") not in ("JWT", "at+jwt"):
        raise jwt.InvalidTokenError("another kind of token")
    if read["header"].get("kid") != at.key.kid:
        raise jwt.InvalidTokenError("no such key")
    return read["payload"]


NOT_SEEN_BY_PYJWT = {"crit-empty", "b64-false-uncritical", "not-yet-valid"}
"""Two it does not judge, and one whose time has come on the clock of this machine."""


@pytest.mark.parametrize("algorithm", ["RS256", "ES384"])
@pytest.mark.parametrize("name", sorted(ATTACKS.keys() - NOT_SEEN_BY_PYJWT))
def test_an_independent_verifier_refuses(name: str, algorithm: str) -> None:
    """A right verifier refuses every one of them."""
    at = means(algorithm)
    claims = CLAIMS | ({"exp": 0} if name == "expired" else {})
    with pytest.raises(jwt.PyJWTError):
        verify(forge(name, at, claims), at)


def test_the_honest_token_passes_the_same_verifier() -> None:
    """What refuses the attacks accepts the token they are made from."""
    at = means("RS256")
    assert verify(mint(at.key, CLAIMS), at) == CLAIMS


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_says_why(name: str) -> None:
    """A reason with its source in brackets."""
    assert ATTACKS[name].why.endswith(")")


def test_an_unknown_attack_is_named_with_the_known_ones() -> None:
    """The error says what would do."""
    with pytest.raises(ValueError, match=r"expected one of alg-none, .* got 'unheard-of'"):
        forge("unheard-of", means("ES384"), CLAIMS)


@pytest.mark.parametrize(("name", "alg"), [("alg-none", "none"), ("alg-none-mixed-case", "nOnE")])
def test_unsigned(name: str, alg: str) -> None:
    """The last part is empty, the dot before it stays."""
    token = forge(name, means("ES384"), CLAIMS)
    assert header(token)["alg"] == alg
    assert token.endswith(".")
    assert "alg" not in header(forge("alg-missing", means("ES384"), CLAIMS))


def test_hmac_is_over_the_public_key() -> None:
    """The secret is exactly the PEM, DER or JWK that a careless verifier would hand to HMAC."""
    at = means("RS256")
    public = at.key.private.public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    secrets = {
        "hs-pubkey": public.public_bytes(serialization.Encoding.PEM, form),
        "hs-pubkey-der": public.public_bytes(serialization.Encoding.DER, form),
        "hs-empty": b"",
        "kid-sql": b"known",
        "kid-path": b"",
    }
    for name, secret in secrets.items():
        signed, _, _ = forge(name, at, CLAIMS).rpartition(".")
        assert parts(forge(name, at, CLAIMS))[2] == hmac.digest(secret, signed.encode(), hashlib.sha256), name


def test_what_the_issuer_signed_is_really_signed() -> None:
    """These fail for what they say alone: the signature is the current key's own."""
    at = means("RS256")
    public = jwt.PyJWK.from_dict(at.key.public_jwk()).key
    for name in (
        "crit",
        "b64-false",
        "duplicate-alg",
        "expired",
        "not-yet-valid",
        "typ-logout",
        "wrong-issuer",
    ):
        token = forge(name, at, CLAIMS)
        signed, _, _ = token.rpartition(".")
        algorithm = jwt.get_algorithm_by_name("RS256")
        assert algorithm.verify(signed.encode(), public, parts(token)[2]), name


def test_lures_lead_to_the_stranger() -> None:
    """A verifier that follows or believes them accepts the stranger's signature."""
    at = means("RS256")
    assert header(forge("jku-header", at, CLAIMS))["jku"] == "https://tenant.example/attacker/jwks.json"
    assert header(forge("x5u-header", at, CLAIMS))["x5u"].endswith("/attacker/certificate.pem")
    assert header(forge("x5c-header", at, CLAIMS))["x5c"] == at.stranger.public_jwk()["x5c"]
    token = forge("jwk-header", at, CLAIMS)
    embedded = jwt.PyJWK.from_dict(header(token)["jwk"], "RS256")
    assert jwt.decode(token, embedded, algorithms=["RS256"], audience="api")["sub"] == "alice"


def test_signatures_of_the_wrong_shape() -> None:
    """Zeros of the right length, and DER where r and s are due."""
    at = means("ES384")
    assert parts(forge("psychic", at, CLAIMS))[2] == bytes(96)
    assert parts(forge("der-signature", at, CLAIMS))[2][0] == 0x30
    assert header(forge("psychic", means("RS256"), CLAIMS))["alg"] == "ES256"


def test_malformed_headers() -> None:
    """alg twice, a header that is too large, line breaks in kid, five parts."""
    at = means("ES384")
    twice = parts(forge("duplicate-alg", at, CLAIMS))[0]
    assert (twice.count(b'"alg"'), json.loads(twice)["alg"]) == (2, "none")
    assert len(parts(forge("huge-kid", at, CLAIMS))[0]) > 65536
    assert "\r\n" in header(forge("kid-crlf", at, CLAIMS))["kid"]
    assert len(parts(forge("nested-jwe", at, CLAIMS))) == 5


def test_times_are_the_scene_s() -> None:
    """Expired and not yet valid by an hour, measured on the issuer's clock."""
    at = means("ES384")
    assert json.loads(parts(forge("expired", at, CLAIMS))[1])["exp"] == NOW - 3600
    assert json.loads(parts(forge("not-yet-valid", at, CLAIMS))[1])["nbf"] == NOW + 3600
