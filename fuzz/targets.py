"""What is thrown at, and what must hold whatever comes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from fuzz import mutation
from fuzz.mutation import encode
from rightkey import (
    SAFE,
    DPoP,
    IssuerMisbehaved,
    Key,
    KeySet,
    Misconfigured,
    Presented,
    RightkeyError,
    TokenRejected,
    Verifier,
    verify_jws,
)
from rightkey.errors import CODES
from rightkey.exchange import Response
from rightkey.issuer.discovery import read_metadata
from rightkey.issuer.name import Issuer, url_fault
from rightkey.jose.base64url import decode
from rightkey.jose.skipped import SKIP_REASONS
from rightkey.policy.confirmation import REASONS
from rightkey.proof.dpop import Proofs

NOW = 1_700_000_000
ISSUER = "https://issuer.example"

PRIVATE = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"the key of the fuzzer").digest())
OTHER = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"another").digest())


def jwk(private: Ed25519PrivateKey, kid: str) -> dict[str, Any]:
    x = encode(private.public_key().public_bytes_raw()).decode()
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "use": "sig", "alg": "EdDSA"}


def signed(header: dict[str, Any], claims: Any) -> bytes:
    head = b".".join(encode(json.dumps(one).encode()) for one in (header, claims))
    return head + b"." + encode(PRIVATE.sign(head))


CLAIMS = {"iss": ISSUER, "aud": "api", "sub": "alice", "iat": NOW, "exp": NOW + 3600}
RICH = CLAIMS | {
    "aud": ["api", "x"],
    "nbf": NOW - 1,
    "jti": "1",
    "scope": "a b",
    "roles": ["r"],
    "azp": "api",
}
TOKENS = [
    signed({"alg": "EdDSA", "kid": "k"}, CLAIMS),
    signed({"alg": "EdDSA", "kid": "k", "typ": "at+jwt"}, RICH),
    signed({"alg": "Ed25519"}, CLAIMS | {"permissions": ["p"]}),
    signed({"alg": "EdDSA", "kid": "k", "crit": ["b64"], "b64": False}, CLAIMS),
    signed({"alg": "EdDSA", "kid": "k", "jwk": jwk(OTHER, "k"), "jku": "https://evil.example"}, CLAIMS),
]
KEYS = KeySet.parse({"keys": [jwk(OTHER, "other"), jwk(PRIVATE, "k")]})


class Fault(AssertionError):
    """The invariant does not hold."""


def require(holds: bool, what: str) -> None:
    if not holds:
        raise Fault(what)


def told_well(error: RightkeyError) -> None:
    """A message may be logged as it is: known code, one short line, nothing but printable ASCII."""
    message = f"{error}{error.hint or ''}"
    require(error.code in CODES, f"unknown code {error.code!r}")
    require(
        len(message) < 1500 and message.isascii() and message.isprintable(), "a message not fit for a log"
    )


def is_signed(raw: bytes) -> bool:
    """Whether the fuzzer's key signed this very token, told by `cryptography` alone."""
    head, _, signature = raw.rpartition(b".")
    return encode(PRIVATE.sign(head)) == signature  # Ed25519 has one signature a message


def forged(rng: Random) -> bytes:
    raw = rng.choice(TOKENS)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        raw = mutation.token(rng, raw, TOKENS, PRIVATE.sign)
    return raw


VERIFIERS = [
    Verifier(ISSUER, audience="api", keys=KEYS, clock=lambda: NOW, profile=profile, remember=remember)
    for profile, remember in (
        ("access", 0),
        ("access", 8),
        ("id", 0),
        ("at+jwt", 0),
        ("logout", 0),
        ("any", 0),
    )
]


def verify(rng: Random, number: int) -> bool:
    """Whatever the token, `verify` accepts what the held key signed or raises TokenRejected, and `explain`
    says the same without raising."""
    raw = forged(rng)
    by = VERIFIERS[number % len(VERIFIERS)]
    try:
        verified = by.verify(text(raw) if number % 3 == 0 else raw)
    except TokenRejected as error:
        told_well(error)
        accepted = False
    else:
        require(is_signed(raw), "accepted what the key did not sign")
        require(verified.issuer == ISSUER and verified.claims["exp"] > NOW, "accepted other claims")
        require(isinstance(verified.scopes, frozenset) and str(raw) not in repr(verified), "no sound answer")
        accepted = True
    if number % 16 == 0:
        explained = by.explain(raw)
        require((explained.verified is not None) == accepted, "explain says otherwise")
        repr(explained)
    return accepted


def text(raw: bytes) -> str:
    return raw.decode("latin-1")


def verify_jws_(rng: Random, number: int) -> bool:
    """Whatever the token, `verify_jws` accepts what a given key signed, octet for octet, or raises
    TokenRejected."""
    raw = forged(rng)
    try:
        jws = verify_jws(text(raw) if number % 2 else raw, KEYS, algorithms=SAFE)
    except TokenRejected as error:
        told_well(error)
        return False
    require(is_signed(raw), "accepted what the key did not sign")
    require(encode(jws.payload) == raw.split(b".")[1], "the payload is not the one signed")
    return True


def modulus(rng: Random) -> str:
    """A number without small factors, which is as much as a key set's reader asks of one."""
    value = rng.getrandbits(2048) | 1 | 1 << 2047
    while any(value % factor == 0 for factor in range(3, 752, 2)):
        value += 2
    return encode(value.to_bytes(256)).decode()


def key_sets() -> list[bytes]:
    rng = Random(1)  # noqa: S311 - the same sets each time
    rsa = {"kty": "RSA", "n": modulus(rng), "e": "AQAB", "kid": "r", "use": "sig", "alg": "RS256"}
    g = {
        "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
        "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
    }
    ec = {"kty": "EC", "crv": "P-256", "kid": "e", "key_ops": ["verify"]} | g
    private = jwk(OTHER, "p") | {"d": encode(OTHER.private_bytes_raw()).decode()}
    oct_ = {"kty": "oct", "k": "AAAA", "kid": "o"}
    broken = rsa | {"x5c": ["MIIB" * 20], "x5t": "AAAA", "kid": "c"}
    mldsa = {"kty": "AKP", "alg": "ML-DSA-44", "pub": encode(rng.randbytes(1312)).decode(), "kid": "m"}
    sets: list[Any] = [{"keys": [jwk(PRIVATE, "k"), rsa, ec, oct_]}, {"keys": [private, broken, mldsa]}, rsa]
    return [json.dumps(one).encode() for one in sets]


KEY_SETS = key_sets()


def keyset(rng: Random, number: int) -> bool:
    """Whatever the document, `KeySet.parse` accounts for every member, as a usable public key or skipped with
    a reason, or raises `keyset_invalid`."""
    raw = mutation.document(rng, rng.choice(KEY_SETS), KEY_SETS)
    published = bool(number % 2)
    try:
        keys = KeySet.parse(raw, published=published)
    except IssuerMisbehaved as error:
        require(error.code == "keyset_invalid", f"code {error.code}")
        told_well(error)
        return False
    require(all(one.reason in SKIP_REASONS for one in keys.skipped), "an unknown reason")
    for key in keys:
        require(bool(key.checks) and not {"d", "k", "priv"} & key.jwk.keys(), "no public key")
        require(isinstance(key.kid, str | None) and not str(key.checks).startswith("HS"), "an odd key")
        for name, check in key.checks.items():
            require(name in SAFE or name == "ES256K", "an odd algorithm")
            try:
                check(b"\1" * 64, b"x")
            except Exception as error:  # noqa: BLE001 - whatever `is_by` would not catch is a finding
                require(
                    type(error).__name__ == "InvalidSignature" or isinstance(error, ValueError), repr(error)
                )
            else:
                raise Fault("accepted what was not signed")
    members = json.loads(raw.removeprefix(b"\xef\xbb\xbf"))
    count = len(members["keys"]) if "keys" in members else 1
    require(len(keys) + len(keys.skipped) == count, "a member is unaccounted for")
    return bool(keys)


def pems() -> list[bytes]:
    spki = PublicFormat.SubjectPublicKeyInfo
    one, two = (key.public_key().public_bytes(Encoding.PEM, spki) for key in (PRIVATE, OTHER))
    return [one, two, one + OTHER.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + two]


PEMS = pems()


def pem(rng: Random, number: int) -> bool:
    """Whatever the PEM, `KeySet.from_pem` accounts for its blocks as public keys or skipped with a reason, or
    raises Misconfigured; in a map of key ids it harms no other."""
    raw = bytearray(rng.choice(PEMS))
    for _ in range(rng.choice((0, 1, 1, 3))):
        at = rng.randrange(len(raw))
        raw[at : at + rng.choice((0, 1, 1, 40))] = rng.choice(
            (b"", b"-", b"\n", b"A", b"\xff", rng.choice(PEMS))
        )
    keys = KeySet.parse({"fuzzed": text(bytes(raw)), "good": PEMS[0].decode()})
    require("good" in {key.kid for key in keys}, "a bad member harms a good one")
    try:
        keys = KeySet.from_pem(bytes(raw))
    except Misconfigured as error:
        told_well(error)
        return False
    require(all(one.reason in SKIP_REASONS for one in keys.skipped), "an unknown reason")
    require(not any("d" in key.jwk for key in keys), "a private half is kept")
    return True


METADATA = [
    json.dumps(one).encode()
    for one in (
        {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys", "scopes_supported": ["openid"]},
        {"issuer": ISSUER, "jwks_uri": "https://keys.example:8443/a?b=c", "x": {"y": [1, 2]}},
    )
]
ASKED = Issuer.parse(ISSUER)


def metadata(rng: Random, number: int) -> bool:
    """Whatever the answer, `read_metadata` returns the issuer asked for and a URL that may be asked, or
    raises one of our errors."""
    raw = mutation.document(rng, rng.choice(METADATA), METADATA)
    status = 200 if number % 50 else rng.choice((204, 301, 404, 429, 500, 503))
    headers = {"retry-after": rng.choice(mutation.TEXTS), "date": rng.choice(mutation.TEXTS)}
    try:
        found = read_metadata(ASKED, Response(status, headers, raw))
    except RightkeyError as error:
        told_well(error)
        return False
    require(found.issuer == ISSUER, "another issuer")
    require(found.jwks_uri.lower().startswith("https://") and url_fault(found.jwks_uri) is None, "an odd URL")
    return True


PUBLIC = {name: value for name, value in jwk(PRIVATE, "k").items() if name not in ("kid", "use")}
PROVED = {"jti": "a", "htm": "GET", "htu": "https://api.example/a", "iat": NOW}
PROVED["ath"] = encode(hashlib.sha256(TOKENS[0]).digest()).decode()
PROOFS = [
    signed({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": PUBLIC}, PROVED),
    signed({"typ": "application/dpop+jwt", "alg": "Ed25519", "jwk": PUBLIC}, PROVED | {"nonce": "n"}),
    signed(
        {"typ": "dpop+jwt", "alg": "EdDSA", "jwk": PUBLIC}, PROVED | {"htu": "HTTPS://api.example:443/%61"}
    ),
    signed({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk(OTHER, "k")}, PROVED),
    signed({"typ": "JWT", "alg": "EdDSA", "jwk": PUBLIC | {"d": "AA"}}, PROVED),
]
JUDGE = Proofs(("https://api.example",), DPoP())
JKT = Key.from_jwk(PUBLIC).thumbprint


def proof(rng: Random, number: int) -> bool:
    """Whatever the proof, it passes only if the token's own key signed it for this request and token, or
    TokenRejected is raised."""
    raw = rng.choice(PROOFS)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        raw = mutation.token(rng, raw, PROOFS, PRIVATE.sign)
    try:
        JUDGE.judge(PROVED["ath"], JKT, Presented("DPoP", "GET", "/a?b", [text(raw)]), NOW)
    except TokenRejected as error:
        told_well(error)
        require(error.reason in REASONS, "an unknown reason")
        return False
    require(is_signed(raw), "a proof that the key did not sign")
    claims = json.loads(decode(raw.split(b".")[1]))
    require((claims["htm"], claims["ath"]) == ("GET", PROVED["ath"]), "a proof for something else")
    require(claims["htu"].lower().startswith("https://api.example"), "a proof for another API")
    return True


Target = Callable[[Random, int], bool]
TARGETS: dict[str, Target] = {
    "verify": verify,
    "verify_jws": verify_jws_,
    "keyset": keyset,
    "pem": pem,
    "metadata": metadata,
    "proof": proof,
}
"""Each takes a source of chance and the input's number, and says whether the input was accepted."""
