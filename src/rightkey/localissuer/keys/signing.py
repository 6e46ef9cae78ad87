"""A key that signs, its algorithm, and how the key set shows it."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rightkey.jose.base64url import encode
from rightkey.jose.signing import SIGN
from rightkey.localissuer.keys.jwk import PrivateKey, private_members, public_members
from rightkey.localissuer.keys.selfsigned import X5T, self_signed, x5t_s256

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Form:
    """How keys are shown. The default is Auth0's: a certificate, `kid` equal to a hex-text `x5t`.

    Without a certificate a `kid` is random, unless it is a digest of the key in one of two forms.
    """

    certificates: bool = True
    x5t: Literal["hex", "rfc"] = "hex"
    x5t_s256: bool = False
    alg: bool = True
    kid: Literal["x5t", "digest", "digest-base64"] = "x5t"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key of an issuer. Its `repr` shows nothing private."""

    kid: str
    algorithm: str
    form: Form
    certificate: bytes | None = field(repr=False)
    private: PrivateKey = field(repr=False)
    typ: str = "JWT"
    """The `typ` of the tokens that it signs."""

    @classmethod
    def generate(
        cls,
        algorithm: str,
        form: Form = Form(),
        *,
        kid: str | None = None,
        name: str = "",
        now: float = 0.0,
        typ: str = "JWT",
    ) -> SigningKey:
        """Make a new key.

        Args:
            algorithm: one of `ALGORITHMS`.
            kid: by default as `form` has it.
            name: the certificate's common name.
            now: Unix time in seconds, for the certificate's dates.
            typ: the `typ` of the tokens that it signs.

        Raises:
            ValueError: the algorithm is not in the table.
        """
        if algorithm not in ALGORITHMS:
            raise ValueError(f"expected one of {', '.join(ALGORITHMS)}, got {algorithm!r}")
        private = ALGORITHMS[algorithm].generate()
        certificate = self_signed(private, name or "local issuer", now) if form.certificates else None
        kid = kid or _own_kid(private, certificate, form)
        return cls(kid, algorithm, form, certificate, private, typ)

    def sign(self, data: bytes) -> bytes:
        """Sign as in RFC 7518: ECDSA gives r and s side by side, not DER."""
        return ALGORITHMS[self.algorithm].sign(self.private, data)

    def public_jwk(self) -> dict[str, Any]:
        """The key as the key set publishes it."""
        members = public_members(self.private, self.algorithm) | {"use": "sig", "kid": self.kid}
        if self.form.alg:
            members["alg"] = self.algorithm
        return members | self._certificate_members()

    def private_jwk(self) -> dict[str, Any]:
        """The key with its private members, which the key set must not publish."""
        return self.public_jwk() | private_members(self.private)

    def _certificate_members(self) -> dict[str, Any]:
        if self.certificate is None:
            return {}
        # x5c is standard base64, unlike all else in a JWK (RFC 7517, section 4.7)
        members: dict[str, Any] = {"x5c": [base64.b64encode(self.certificate).decode("ascii")]}
        members["x5t"] = X5T[self.form.x5t](self.certificate)
        if self.form.x5t_s256:
            members["x5t#S256"] = x5t_s256(self.certificate)
        return members


def _own_kid(private: PrivateKey, certificate: bytes | None, form: Form) -> str:
    if form.kid == "x5t":
        return X5T[form.x5t](certificate) if certificate else secrets.token_urlsafe(16)
    spki = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = hashlib.sha256(spki).digest()
    # Cognito's key ids are standard base64, with `/` and `=` in them
    return encode(digest) if form.kid == "digest" else base64.b64encode(digest).decode("ascii")


@dataclass(frozen=True, slots=True)
class Algorithm:
    """How keys for one `alg` are made, and how they sign."""

    generate: Callable[[], PrivateKey]
    sign: Callable[[Any, bytes], bytes]


def _generate_rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


_GENERATE: dict[str, Callable[[], PrivateKey]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), _generate_rsa),
    "ES256": partial(ec.generate_private_key, ec.SECP256R1()),
    "ES384": partial(ec.generate_private_key, ec.SECP384R1()),
    "ES512": partial(ec.generate_private_key, ec.SECP521R1()),
    "ES256K": partial(ec.generate_private_key, ec.SECP256K1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "Ed448": ed448.Ed448PrivateKey.generate,
    "ML-DSA-44": mldsa.MLDSA44PrivateKey.generate,
    "ML-DSA-65": mldsa.MLDSA65PrivateKey.generate,
    "ML-DSA-87": mldsa.MLDSA87PrivateKey.generate,
}

ALGORITHMS: dict[str, Algorithm] = {alg: Algorithm(make, SIGN[alg]) for alg, make in _GENERATE.items()}
"""Every `alg` a local issuer signs by (RFC 7518, 8037, 8812, 9864, 9964)."""
