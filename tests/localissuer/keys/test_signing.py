"""The local issuer's keys: they sign as the standards say, and show themselves as issuers do."""

from __future__ import annotations

import base64

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import mldsa

from rightkey.localissuer.keys.signing import ALGORITHMS, Form, SigningKey
from rightkey.localissuer.tokens.minting import mint

PLAIN = Form(certificates=False)
BY_PYJWT = [name for name in ALGORITHMS if name not in ("Ed25519", "Ed448") and not name.startswith("ML-DSA")]


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", BY_PYJWT)
def test_an_independent_library_verifies_the_signature(algorithm: str) -> None:
    """PyJWT, given nothing but the public JWK, accepts the token."""
    key = SigningKey.generate(algorithm, PLAIN)
    token = mint(key, {"sub": "alice"})
    public = jwt.PyJWK.from_dict(key.public_jwk())
    assert jwt.decode(token, public, algorithms=[algorithm]) == {"sub": "alice"}


@pytest.mark.parametrize("algorithm", ["Ed25519", "Ed448"])
def test_fully_specified_edwards_names(algorithm: str) -> None:
    """RFC 9864 gives the curves names of their own; signature and JWK are those of RFC 8037."""
    key = SigningKey.generate(algorithm, PLAIN)
    public = jwt.PyJWK.from_dict(key.public_jwk(), "EdDSA")
    public.key.verify(key.sign(b"data"), b"data")
    assert key.public_jwk()["alg"] == algorithm


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [
        ("ML-DSA-44", mldsa.MLDSA44PublicKey),
        ("ML-DSA-65", mldsa.MLDSA65PublicKey),
        ("ML-DSA-87", mldsa.MLDSA87PublicKey),
    ],
)
def test_ml_dsa(
    algorithm: str,
    kind: type[mldsa.MLDSA44PublicKey] | type[mldsa.MLDSA65PublicKey] | type[mldsa.MLDSA87PublicKey],
) -> None:
    """The signature verifies under `pub`, with an empty context (RFC 9964)."""
    key = SigningKey.generate(algorithm, Form(alg=False))
    jwk = key.public_jwk()
    public = base64.urlsafe_b64decode(jwk["pub"] + "=" * (-len(jwk["pub"]) % 4))
    kind.from_public_bytes(public).verify(key.sign(b"data"), b"data")
    assert jwk["alg"] == algorithm, "alg stays even where the issuer leaves it out: it is part of the key"


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_can_be_certified(algorithm: str) -> None:
    """x5c is one element of standard base64 that holds the JWK's own key."""
    key = SigningKey.generate(algorithm, name="tenant.example", now=1_700_000_000)
    (encoded,) = key.public_jwk()["x5c"]
    certificate = x509.load_der_x509_certificate(base64.b64decode(encoded, validate=True))
    assert certificate.public_key() == key.private.public_key()


def test_kid_is_the_thumbprint_as_auth0_has_it() -> None:
    """By default kid and x5t are the same hex text, encoded: 54 letters."""
    jwk = SigningKey.generate("ES256").public_jwk()
    assert jwk["kid"] == jwk["x5t"]
    assert len(jwk["kid"]) == 54
    assert bytes.fromhex(base64.urlsafe_b64decode(jwk["x5t"] + "==").decode())
    assert (jwk["use"], jwk["alg"]) == ("sig", "ES256")


def test_the_form_decides_what_is_shown() -> None:
    """RFC thumbprints, the SHA-256 one, no alg, no certificate: each by its own setting."""
    rfc = SigningKey.generate("ES256", Form(x5t="rfc", x5t_s256=True, alg=False)).public_jwk()
    assert len(rfc["x5t"]) == 27
    assert len(rfc["x5t#S256"]) == 43
    assert "alg" not in rfc
    plain = SigningKey.generate("ES256", PLAIN, kid="k1").public_jwk()
    assert plain.keys() == {"kty", "crv", "x", "y", "use", "kid", "alg"}
    assert plain["kid"] == "k1"


def test_no_two_keys_are_alike() -> None:
    """Nothing is shared, not even between keys made alike."""
    first, second = (SigningKey.generate("ES256", PLAIN) for _ in range(2))
    assert first.kid != second.kid
    assert first.public_jwk()["x"] != second.public_jwk()["x"]


def test_the_private_half_is_shown_only_when_asked_for() -> None:
    """Neither the public JWK nor the representation gives the key away."""
    key = SigningKey.generate("ES256", PLAIN)
    secret = key.private_jwk()["d"]
    assert "d" not in key.public_jwk()
    assert secret not in repr(key)


def test_an_unknown_algorithm_is_named_with_the_known_ones() -> None:
    """The error says what would do."""
    with pytest.raises(ValueError, match=r"expected one of RS256, .* got 'HS256'"):
        SigningKey.generate("HS256")
