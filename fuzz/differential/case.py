"""One input: a key set and a token, both in order until something odd is done to them."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any, NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from fuzz.mutation import encode

ISSUER, AUDIENCE, KID = "https://issuer.example", "api", "k1"
PAST, FUTURE = 1_000_000_000, 4_000_000_000
"""Far from now, so that libraries which read the clock themselves see the same."""
SIZES = {"P-256": 32, "P-384": 48, "P-521": 66, "secp256k1": 32}
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
CURVES = {
    "ES256": ec.SECP256R1(),
    "ES384": ec.SECP384R1(),
    "ES512": ec.SECP521R1(),
    "ES256K": ec.SECP256K1(),
}
NAMES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "ES256K": "secp256k1"}
NUMBERS = {"RSA": ("n", "e"), "EC": ("x", "y"), "OKP": ("x",)}
"""The members that are a key's numbers."""

Sign = Callable[[bytes], bytes]
Late = Callable[[bytes], bytes]


class Signer(NamedTuple):
    """A private key, its public JWK, and how it signs."""

    alg: str
    jwk: dict[str, Any]
    sign: Sign
    private: Any


@cache
def signers(which: int = 0) -> dict[str, Signer]:
    """One for each algorithm. Keys of EC and OKP are the same at each start; RSA's is made anew."""
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    found = {
        f"{kind}{bits}": rsa_signer(f"{kind}{bits}", rsa_key) for kind in ("RS", "PS") for bits in HASHES
    }
    for alg, curve in CURVES.items():
        found[alg] = ec_signer(alg, ec.derive_private_key(seeded(f"{alg} {which}", 31), curve))
    secret = hashlib.sha512(b"differential" + bytes([which])).digest()
    found["EdDSA"] = okp_signer("EdDSA", ed25519.Ed25519PrivateKey.from_private_bytes(secret[:32]))
    found["Ed25519"] = okp_signer("Ed25519", ed25519.Ed25519PrivateKey.from_private_bytes(secret[32:]))
    ed448_secret = hashlib.shake_256(secret).digest(57)
    found["EdDSA, Ed448"] = okp_signer("EdDSA", ed448.Ed448PrivateKey.from_private_bytes(ed448_secret))
    return found


def seeded(what: str, octets: int) -> int:
    """A number that is the same at each start."""
    return int.from_bytes(hashlib.shake_256(what.encode()).digest(octets)) + 1


def rsa_signer(alg: str, private: rsa.RSAPrivateKey) -> Signer:
    """RS and PS, by RFC 7518, sections 3.3 and 3.5."""
    public = private.public_key().public_numbers()
    jwk = {"kty": "RSA", "n": spelled_number(public.n), "e": spelled_number(public.e)}
    return Signer(alg, jwk, rsa_sign(private, alg), private)


def rsa_sign(private: rsa.RSAPrivateKey, alg: str, salt: int | None = None) -> Sign:
    """How this algorithm signs; `salt` is another length of PSS's salt than the hash's."""
    hash_ = HASHES[alg[2:]]
    pss = padding.PSS(padding.MGF1(hash_), hash_.digest_size if salt is None else salt)
    pad: Any = pss if alg.startswith("PS") else padding.PKCS1v15()
    return lambda data: private.sign(data, pad, hash_)


def ec_signer(alg: str, private: ec.EllipticCurvePrivateKey) -> Signer:
    """ES, by RFC 7518, section 3.4: r and s, each as long as a coordinate."""
    size, point = SIZES[NAMES[alg]], private.public_key().public_numbers()
    jwk = {
        "kty": "EC",
        "crv": NAMES[alg],
        "x": spelled_number(point.x, size),
        "y": spelled_number(point.y, size),
    }
    return Signer(alg, jwk, ec_sign(private, HASHES[alg[2:5]], size), private)


def ec_sign(private: ec.EllipticCurvePrivateKey, hash_: Any, size: int) -> Sign:
    """How an ES algorithm signs, by a hash. The same octets have the same signature at each start."""

    def sign(data: bytes) -> bytes:
        """Sign, and spell as JOSE does."""
        scheme = ec.ECDSA(hash_, deterministic_signing=True)
        return b"".join(one.to_bytes(size) for one in decode_dss_signature(private.sign(data, scheme)))

    return sign


def okp_signer(alg: str, private: Any) -> Signer:
    """Ed25519 and Ed448, by RFC 8037."""
    crv = "Ed25519" if isinstance(private, ed25519.Ed25519PrivateKey) else "Ed448"
    x = encode(private.public_key().public_bytes_raw()).decode()
    return Signer(alg, {"kty": "OKP", "crv": crv, "x": x}, private.sign, private)


def spelled_number(number: int, size: int | None = None) -> str:
    """A Base64urlUInt, or with a size, an octet string (RFC 7518, sections 2 and 6.2.1.2)."""
    return encode(number.to_bytes(size or (number.bit_length() + 7) // 8)).decode()


def octets(text: str) -> bytes:
    """What base64url spells."""
    return base64.urlsafe_b64decode(text + "==")


@dataclass
class Case:
    """A key set and a token by one of its keys. An oddity changes what it needs to, then both are spelled."""

    rng: Random
    signer: Signer
    header: dict[str, Any] = field(init=False)
    claims: Any = field(init=False)
    jwk: Any = field(init=False)
    before: list[Any] = field(default_factory=list)
    after: list[Any] = field(default_factory=list)
    late: dict[str, list[Late]] = field(default_factory=dict)
    """What is done to the text of `header`, `payload`, `signed`, `signature`, `token`, `set`."""

    def __post_init__(self) -> None:
        self.header = {"alg": self.signer.alg, "kid": KID, "typ": "JWT"}
        self.claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": PAST, "exp": FUTURE}
        self.jwk = dict(self.signer.jwk) | {"kid": KID, "alg": self.signer.alg, "use": "sig"}
        self.sign = self.signer.sign

    def like(self, other: Case) -> bool:
        """Whether two inputs will be spelled alike."""
        names = ("header", "claims", "jwk", "before", "after", "late")
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def then(self, stage: str, change: Late) -> None:
        """Change the text of a stage, once it is spelled."""
        self.late.setdefault(stage, []).append(change)

    def spelled(self, stage: str, text: bytes) -> bytes:
        """The text of a stage, with what is done to it."""
        for change in self.late.get(stage, ()):
            text = change(text)
        return text

    def token(self) -> bytes:
        """The compact form, signed over what was changed before."""
        parts = [
            self.spelled(name, dumped(one))
            for name, one in (("header", self.header), ("payload", self.claims))
        ]
        signed = self.spelled("signed", b".".join(map(encode, parts)))
        signature = encode(self.spelled("signature", self.sign(signed)))
        return self.spelled("token", signed + b"." + signature)

    def key_set(self) -> bytes:
        """The document."""
        return self.spelled("set", dumped({"keys": [*self.before, self.jwk, *self.after]}))


def dumped(value: Any) -> bytes:
    """As JSON, unless it is text already."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()
