"""Each described attack of the catalogue, made here with keys of our own, by its id.

The catalogue, `../shared/vectors/attacks/attack_catalogue.json`, is read only to see that none is missing;
the attacks are made without it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.conftest import Clock, signing_key

import rightkey
from rightkey import ANY, Freshness, IssuerMisbehaved, IssuerUnavailable, KeySet, Misconfigured, Verifier
from rightkey.exchange import Request, Response
from rightkey.freshness.budget import Draws
from rightkey.freshness.cache import Cache
from rightkey.freshness.record import Record
from rightkey.freshness.refresh import Refreshed
from rightkey.issuer.discovery import read_metadata
from rightkey.issuer.name import Issuer
from rightkey.localissuer import LocalIssuer, fault
from rightkey.localissuer.keys.signing import Form, SigningKey
from rightkey.localissuer.tokens.minting import compact, mint

CATALOGUE = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "attacks" / "attack_catalogue.json"
NOW = 1_700_000_000
ISSUER = "https://issuer.example"
JWKS = f"{ISSUER}/keys"
METADATA = f"{ISSUER}/.well-known/openid-configuration"
CLAIMS = {"iss": ISSUER, "aud": "api", "sub": "alice", "iat": NOW, "exp": NOW + 3600}

Act = Callable[[], None]
ATTACKS: dict[str, Act] = {}


def attack(*names: str) -> Callable[[Act], Act]:
    def note(act: Act) -> Act:
        ATTACKS.update(dict.fromkeys(names, act))
        return act

    return note


def each(prefix: str, values: dict[str, Any], act: Callable[[Any], None]) -> None:
    """An attack for each value: its id is the prefix and the value's name."""
    for name, value in values.items():
        ATTACKS[prefix + name] = lambda value=value: act(value)


# -- keys, tokens, verifiers -------------------------------------------------------------------------------


def key(algorithm: str = "RS256", kid: str = "k", certificates: bool = False) -> SigningKey:
    return signing_key(algorithm, kid, certificates)


def jwk(signing: SigningKey, **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in (signing.public_jwk() | changes).items() if value is not None}


def set_of(*members: Any) -> KeySet:
    return KeySet.parse({"keys": list(members)}, published=True)


def verifier(*members: Any, **settings: Any) -> Verifier:
    keys = set_of(*(members or (jwk(key()),)))
    asked: dict[str, Any] = {"audience": "api", "keys": keys, "clock": lambda: NOW, "remember": 0}
    return Verifier(settings.pop("issuer", ISSUER), **(asked | settings))


def code(raw: str | bytes, by: Verifier | None = None) -> str | None:
    """The code of the refusal; None where the token is accepted."""
    try:
        (by or verifier()).verify(raw)
    except rightkey.RightkeyError as error:
        return error.code
    return None


def refused(expected: str, tokens: Iterable[str | bytes], by: Verifier | None = None) -> None:
    """Each is refused so, and the honest token is not."""
    assert code(mint(key(), CLAIMS)) is None
    codes = [code(token, by) for token in tokens]
    assert codes
    assert set(codes) == {expected}


def token(header: dict[str, Any] | bytes, payload: bytes | None = None, by: SigningKey | None = None) -> str:
    """Signed by the honest key, whatever the header says."""
    return compact(header, json.dumps(CLAIMS).encode() if payload is None else payload, (by or key()).sign)


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def mac(secret: bytes, **header: Any) -> str:
    def sign(data: bytes) -> bytes:
        return hmac.digest(secret, data, hashlib.sha256)

    return compact({"alg": "HS256", "kid": "k"} | header, json.dumps(CLAIMS).encode(), sign)


def resigned(change: Callable[[bytes], bytes], by: SigningKey | None = None) -> str:
    """The honest token with another signature."""
    signed, _, signature = mint(by or key(), CLAIMS).rpartition(".")
    return f"{signed}.{encode(change(base64.urlsafe_b64decode(signature + '==')))}"


@dataclass(eq=False)
class Site:
    """A transport to documents by URL, which writes down what is asked."""

    documents: dict[str, Any]
    asked: list[str] = field(default_factory=list)

    def get(self, request: Request, /) -> Response:
        self.asked.append(request.url)
        document = self.documents.get(request.url)
        if document is None or isinstance(document, int):
            return Response(document or 404, {}, b"")
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return Response(200, {}, body)


def site(*members: Any, **metadata: Any) -> Site:
    return Site(
        {
            METADATA: {"issuer": ISSUER, "jwks_uri": JWKS} | metadata,
            JWKS: {"keys": list(members or (jwk(key()),))},
        }
    )


def over(transport: Any, elapsed: Clock | None = None, **settings: Any) -> Verifier:
    asked: dict[str, Any] = {"audience": "api", "clock": lambda: NOW, "transport": transport}
    return Verifier(ISSUER, elapsed=elapsed or Clock(), **(asked | settings))


# -- the algorithm -----------------------------------------------------------------------------------------

HONEST = {"alg": "RS256", "kid": "k"}


def unsigned(alg: str) -> None:
    refused(
        "algorithm_not_allowed",
        [compact({"alg": alg, "kid": "k"}, json.dumps(CLAIMS).encode(), lambda _: b"")],
    )


each("alg-none-", {name: name for name in ("none", "None", "NONE", "nOnE")}, unsigned)


@attack("alg-none-with-sig")
def _() -> None:
    refused("algorithm_not_allowed", [token({"alg": "none", "kid": "k"})])


@attack("alg-none-two-parts")
def _() -> None:
    refused("token_malformed", [token(HONEST).rpartition(".")[0]])


@attack("null-signature")
def _() -> None:
    refused("signature_invalid", [token(HONEST).rpartition(".")[0] + "."])


@attack("alg-missing")
def _() -> None:
    refused("token_malformed", [token({"kid": "k"})])


def typed(alg: Any) -> None:
    refused("token_malformed", [token(json.dumps({"alg": alg, "kid": "k"}).encode())])


each("alg-type-", {"null": None, "448": 448, "[]": [], "{}": {}, "true": True, '["RS256"]': ["RS256"]}, typed)


def spelled(alg: str) -> None:
    refused("algorithm_not_allowed", [token({"alg": alg, "kid": "k"})])


each("alg-type-", {'""': "", '" "': " "}, spelled)
SPELLINGS = ("rs256", "RS-256", "_RS256", "RS257", "HS256, RS256")
each("alg-spelling-", {name: name for name in SPELLINGS}, spelled)
each("alg-spelling-", {"RS256": "RS256 ", "RS256\\u0000": "RS256\0"}, spelled)


@attack("alg-not-in-allowlist")
def _() -> None:
    rs512 = replace(key(), algorithm="RS512")
    by = verifier(jwk(key(), alg=None), algorithms=["RS256"])
    refused("algorithm_not_allowed", [mint(rs512, CLAIMS)], by)
    assert code(mint(rs512, CLAIMS), verifier(jwk(key(), alg=None))) is None


@attack("alg-vs-jwk-alg")
def _() -> None:
    by = verifier(algorithms=["RS256", "RS384"])
    refused("key_not_found", [mint(replace(key(), algorithm="RS384"), CLAIMS)], by)


@attack("pss-vs-pkcs1")
def _() -> None:
    by = verifier(jwk(key(), alg=None))
    ps256 = replace(key(), algorithm="PS256")
    refused("signature_invalid", [token({"alg": "PS256", "kid": "k"}), token(HONEST, by=ps256)], by)


@attack("es-curve-mismatch")
def _() -> None:
    for alg, curve in (("ES256", "ES384"), ("ES512", "ES256")):
        other = key(curve)
        refused("key_not_found", [token({"alg": alg, "kid": "k"}, by=other)], verifier(jwk(other, alg=None)))


# -- public keys as secrets --------------------------------------------------------------------------------


def octets(signing: SigningKey, encoding: Encoding, form: PublicFormat) -> bytes:
    return signing.private.public_key().public_bytes(encoding, form)


SPKI, PKCS1 = PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1


def as_secrets(*secrets: bytes) -> None:
    refused("algorithm_not_allowed", [mac(secret) for secret in secrets])


@attack("alg-confusion-hs-pem")
def _() -> None:
    pem = octets(key(), Encoding.PEM, SPKI)
    as_secrets(pem, pem.strip(), pem + b"\n", pem.replace(b"\n", b"\r\n"))


@attack("alg-confusion-hs-pkcs1")
def _() -> None:
    as_secrets(octets(key(), Encoding.PEM, PKCS1))


@attack("alg-confusion-hs-der")
def _() -> None:
    as_secrets(octets(key(), Encoding.DER, SPKI), octets(key(), Encoding.DER, PKCS1))


@attack("alg-confusion-hs-jwk")
def _() -> None:
    own = jwk(key())
    canonical = json.dumps({name: own[name] for name in ("e", "kty", "n")}, separators=(",", ":"))
    as_secrets(json.dumps(own).encode(), json.dumps({"keys": [own]}).encode(), canonical.encode())


@attack("alg-confusion-hs-n")
def _() -> None:
    modulus = jwk(key())["n"]
    as_secrets(modulus.encode(), base64.urlsafe_b64decode(modulus + "=="))


@attack("alg-confusion-hs-ec")
def _() -> None:
    elliptic = key("ES256")
    point = octets(elliptic, Encoding.X962, PublicFormat.UncompressedPoint)
    secrets = [point, point[1:33], octets(elliptic, Encoding.DER, SPKI)]
    refused("algorithm_not_allowed", [mac(secret) for secret in secrets], verifier(jwk(elliptic)))


@attack("alg-confusion-hs-x5c")
def _() -> None:
    certified = key("RS256", "own", True)
    text = jwk(certified)["x5c"][0]
    secrets = [text.encode(), base64.b64decode(text)]
    refused("algorithm_not_allowed", [mac(secret, kid="own") for secret in secrets], verifier(jwk(certified)))


@attack("alg-confusion-prefixed-pem")
def _() -> None:
    pem = octets(key(), Encoding.PEM, SPKI)
    as_secrets(b"x" + pem, b"\n" + pem, b"\xef\xbb\xbf" + pem, b"  " + pem)


@attack("hs-with-kid-of-rsa")
def _() -> None:
    as_secrets(b"any", b"secret")


@attack("oct-in-jwks")
def _() -> None:
    by = verifier(jwk(key()), {"kty": "oct", "k": encode(b"known" * 8), "kid": "k2"})
    refused("algorithm_not_allowed", [mac(b"known" * 8, kid="k2")], by)
    with pytest.raises(Misconfigured):
        verifier(algorithms=["HS256"])


@attack("blank-hmac")
def _() -> None:
    as_secrets(b"", bytes(64))


@attack("weak-hmac")
def _() -> None:
    as_secrets(b"secret", b"password", b"changeit", b"your-256-bit-secret")


# -- signatures --------------------------------------------------------------------------------------------

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def elliptic(change: Callable[[int, int], tuple[int, int]], size: int = 32) -> str:
    def apply(signature: bytes) -> bytes:
        r, s = change(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
        return r.to_bytes(size) + s.to_bytes(size)

    return resigned(apply, key("ES256"))


@attack("psychic")
def _() -> None:
    zeros = [resigned(lambda _: bytes(64), key("ES256"))]
    zeros.append(resigned(lambda _: bytes.fromhex("3006020100020100"), key("ES256")))
    refused("signature_invalid", zeros, verifier(jwk(key("ES256"))))


@attack("ecdsa-der")
def _() -> None:
    def der(signature: bytes) -> bytes:
        return encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))

    assert decode_dss_signature(der(bytes(63) + b"\1")) == (0, 1)
    refused("signature_invalid", [resigned(der, key("ES256"))], verifier(jwk(key("ES256"))))


@attack("ecdsa-s-plus-n")
def _() -> None:
    by = verifier(jwk(key("ES256")))
    over_order = [elliptic(lambda r, s: (r + ORDER, s), 33), elliptic(lambda r, s: (r, s + ORDER), 33)]
    over_order += [elliptic(lambda r, s: (ORDER, s)), elliptic(lambda r, s: (r, ORDER))]
    refused("signature_invalid", over_order, by)
    # n - s is a signature as good as s (FIPS 186-5), and no other is asked for: tokens are not found by it.
    assert code(elliptic(lambda r, s: (r, ORDER - s)), by) is None


@attack("sig-truncated")
def _() -> None:
    for algorithm in ("RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA", "Ed448", "ML-DSA-44"):
        signing = key(algorithm)
        changes = (lambda s: s[:-1], lambda s: s[1:], lambda s: s + b"\0", lambda s: b"\0" + s, lambda _: b"")
        refused("signature_invalid", [resigned(c, signing) for c in changes], verifier(jwk(signing)))


@attack("rsa-pkcs1-padding")
def _() -> None:
    """Encodings that a parser of the padding could take for it; raised by the private key as they are."""
    private = key().private
    assert isinstance(private, rsa.RSAPrivateKey)
    numbers = private.private_numbers()
    modulus, size = numbers.public_numbers.n, private.key_size // 8
    info = bytes.fromhex("3031300d060960864801650304020105000420")
    digest = hashlib.sha256

    def encodings(data: bytes) -> list[bytes]:
        body = info + digest(data).digest()
        good = b"\0\1" + b"\xff" * (size - 3 - len(body)) + b"\0" + body
        short = b"\0\1" + b"\xff" * 8 + b"\0" + body
        return [
            short + bytes(size - len(short)),  # what follows is not looked at (CVE-2006-4339)
            good.replace(b"\0\1", b"\0\2", 1),
            good.replace(b"\xff", b"\xfe", 1),
            good.replace(b"\x05\x00\x04\x20", b"\x04\x20\x05\x00", 1),
            b"\0\1" + b"\xff" * (size - 3 - len(body) + 2) + b"\0" + body.replace(b"\x05\x00", b"", 1),
            good[:-1] + bytes([good[-1] ^ 1]),
        ]

    signed = mint(key(), CLAIMS).rpartition(".")[0]
    forged = [pow(int.from_bytes(one), numbers.d, modulus) for one in encodings(signed.encode())]
    refused("signature_invalid", [f"{signed}.{encode(one.to_bytes(size))}" for one in forged])
    assert private.sign(b"", padding.PKCS1v15(), SHA256())


# -- spelling ----------------------------------------------------------------------------------------------


def parts(raw: str) -> list[str]:
    return raw.split(".")


def changed(change: Callable[[str], str]) -> list[str]:
    """The honest token with each of its parts changed in turn."""
    honest = parts(mint(key(), CLAIMS))
    return [".".join([*honest[:i], change(honest[i]), *honest[i + 1 :]]) for i in range(3)]


@attack("b64-padding")
def _() -> None:
    refused("token_malformed", changed(lambda p: p + "=") + changed(lambda p: p + "=="))


@attack("b64-std-alphabet")
def _() -> None:
    head, payload, signature = parts(mint(key(), CLAIMS | {"odd": "???>>>~~~"}))
    assert set("-_") & set(signature)
    standard = signature.replace("-", "+").replace("_", "/")
    refused("token_malformed", [f"{head}.{payload}.{standard}"])


@attack("b64-noncanonical")
def _() -> None:
    """A signature of 256 octets ends in a letter of which four bits count for nothing."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    honest = mint(key(), CLAIMS)
    others = [honest[:-1] + letters[letters.index(honest[-1]) + spare] for spare in (1, 2, 15)]
    refused("token_malformed", others)


@attack("b64-whitespace")
def _() -> None:
    honest = mint(key(), CLAIMS)
    for space in (" ", "\n", "\r\n", "\t", "\x0b"):
        inside = changed(lambda p, space=space: p[:4] + space + p[4:])
        around = [honest + space, space + honest, *changed(lambda p, space=space: p + space)]
        refused("token_malformed", inside + around)


@attack("b64-len1")
def _() -> None:
    refused("token_malformed", changed(lambda p: p[: len(p) // 4 * 4 - 3]))


@attack("parts-count")
def _() -> None:
    honest = mint(key(), CLAIMS)
    head, payload, signature = parts(honest)
    shapes = [head, f"{head}.{payload}", f"{honest}.{signature}", f"{honest}.a.b", f".{honest}", f"{honest}."]
    shapes += [f"{head}..{signature}.", "..", f".{payload}.{signature}", ".", "...."]
    refused("token_malformed", shapes)
    refused("token_malformed", [f"{head}..{signature}"])  # an empty payload is no JSON


@attack("json-serialization")
def _() -> None:
    head, payload, signature = parts(mint(key(), CLAIMS))
    flat = {"protected": head, "payload": payload, "signature": signature}
    general = {"payload": payload, "signatures": [{"protected": head, "signature": signature}]}
    refused("token_malformed", [json.dumps(flat), json.dumps(general), " " + json.dumps(flat)])


@attack("nul-and-nonascii")
def _() -> None:
    honest = mint(key(), CLAIMS)
    refused("token_malformed", [honest + "\0", "\0" + honest, "\ufeff" + honest, honest + "\ud800"])
    refused("token_malformed", [honest.replace(".", dot) for dot in "\u3002\uff0e\u2024"])
    refused("token_malformed", [b"\xef\xbb\xbf" + honest.encode(), honest.encode() + b"\xff", "\xe9"])


@attack("jwe-given")
def _() -> None:
    jwe = {"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": "k"}
    tokens = [".".join([encode(json.dumps(jwe).encode()), *"abcd"]), token(jwe | {"alg": "RS256"})]
    nested = token(HONEST | {"cty": "JWT"}, mint(key(), CLAIMS).encode())
    refused("token_malformed", [*tokens, nested, token(HONEST | {"cty": "application/jwt"})])


# -- size --------------------------------------------------------------------------------------------------


@attack("huge-token")
def _() -> None:
    honest = mint(key(), CLAIMS)
    head, payload, signature = parts(honest)
    for size in (10**6, 10**7, 10**8):
        big = "A" * size
        refused("token_malformed", [f"{big}.{payload}.{signature}", f"{head}.{payload}.{big}", "." * size])


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


@attack("deep-json")
def _() -> None:
    bombs = [token(f'{{"alg":"RS256","kid":"k","x":{deep(n)}}}'.encode()) for n in (33, 1000, 8000)]
    bombs += [token(HONEST, f'{{"x":{deep(n)}}}'.encode()) for n in (33, 1000, 20_000)]
    bombs += [token(HONEST, b'{"x":' * 5000 + b"1" + b"}" * 5000), token(HONEST, b"[" * 20_000)]
    refused("token_malformed", bombs)
    for n in (100, 100_000):
        with pytest.raises(IssuerMisbehaved):
            KeySet.parse(f'{{"keys":{deep(n)}}}')


def timed(claims: str) -> str:
    return token(HONEST, f'{{"iss":"{ISSUER}","aud":"api",{claims}}}'.encode())


@attack("bigint-json")
def _() -> None:
    refused("token_malformed", [timed(f'"exp":{n}') for n in ("1e400", "NaN", "Infinity", "-Infinity")])
    refused("claims_rejected", [timed(f'"exp":{n}') for n in ("-0", "1e-5", "-1e300")])
    for exp in ("1" + "0" * 300, "1" + "0" * 5000):
        assert code(timed(f'"exp":{exp}')) in (None, "token_malformed")
    refused("claims_rejected", [timed(f'"exp":{NOW + 9},"nbf":1{"0" * 300}')])


# -- the header --------------------------------------------------------------------------------------------


@attack("dup-members")
def _() -> None:
    heads = ['{"alg":"none","alg":"RS256","kid":"k"}', '{"alg":"RS256","kid":"x","kid":"k"}']
    heads += [
        '{"alg":"RS256","kid":"k","crit":["x"],"crit":[]}',
        '{"alg":"RS256","kid":"k","x":{"a":1,"a":2}}',
    ]
    refused("token_malformed", [token(head.encode()) for head in heads])
    # In claims the last counts (RFC 7519, section 4), for every reader alike.
    assert code(timed(f'"exp":1,"exp":{NOW + 9}')) is None
    refused("claims_rejected", [timed(f'"exp":{NOW + 9},"exp":1')])


@attack("header-not-object")
def _() -> None:
    good = b'{"alg":"RS256","kid":"k"}'
    heads = [
        b"[]",
        b'"RS256"',
        b"1",
        b"null",
        b"",
        b"\xff\xfe",
        b"\xef\xbb\xbf" + good,
        good + b"{}",
        good + b"x",
    ]
    heads += [
        good.decode().encode("utf-16"),
        b'{"alg":"RS256","kid":"\xff"}',
        b'{"alg":"RS256","kid":"\\ud800"}',
    ]
    refused("token_malformed", [token(head) for head in heads])


@attack("payload-not-object")
def _() -> None:
    payloads = [b"[]", b'"foo"', b"null", b"foo", b"", b"1", b"\xff", b"{}x", b"\xef\xbb\xbf{}"]
    refused("token_malformed", [token(HONEST, payload) for payload in payloads])


@attack("crit-unknown")
def _() -> None:
    values: list[Any] = [["exp"], ["x"], [], "x", ["b64"], ["alg"], None, 1, {}, ["x", "x"], [1]]
    heads = [HONEST | {"crit": value} for value in values] + [HONEST | {"crit": ["x"], "x": 1}]
    refused("token_malformed", [token(head) for head in heads])


@attack("b64-false")
def _() -> None:
    heads = [{"b64": False}, {"b64": False, "crit": ["b64"]}, {"b64": None}, {"b64": True, "crit": ["b64"]}]
    refused("token_malformed", [token(HONEST | head) for head in heads])


def stranger() -> SigningKey:
    return key("RS256", "stranger", True)


@attack("embedded-jwk")
def _() -> None:
    own = jwk(stranger())
    refused("signature_invalid", [token(HONEST | {"jwk": own}, by=stranger())])
    refused("signature_invalid", [token({"alg": "RS256", "jwk": own}, by=stranger())])
    refused("key_not_found", [token({"alg": "RS256", "kid": "stranger", "jwk": own}, by=stranger())])


EVIL = ("https://evil.example/k", "//evil.example/k", f"{ISSUER}@evil.example/", f"{ISSUER}\\@evil.example")
EVIL += (f"{ISSUER}/redirect?to=https://evil.example", "data:application/json,{}", "file:///etc/passwd")


def not_fetched(name: str) -> None:
    """Neither parameter is looked at: the flood asks for what is configured, and for nothing else."""
    server = site()
    by = over(server)
    for url in EVIL:
        for kid in ("k", "stranger", None):
            head = {"alg": "RS256", "kid": kid, name: url}
            raw = token({n: v for n, v in head.items() if v is not None}, by=stranger())
            assert code(raw, by) in ("signature_invalid", "key_not_found")
    assert set(server.asked) == {METADATA, JWKS}
    assert server.asked.count(JWKS) <= 3


each("", {"jku": "jku", "x5u": "x5u"}, not_fetched)


@attack("x5c-header")
def _() -> None:
    own = jwk(stranger())
    head = HONEST | {"x5c": own["x5c"], "x5t": own["x5t"]}
    refused("signature_invalid", [token(head, by=stranger())])
    refused("key_not_found", [token({"alg": "RS256", "x5c": own["x5c"], "x5t": own["x5t"]}, by=stranger())])


@attack("x5t-collision")
def _() -> None:
    """Without `kid` the thumbprint chooses: it names another key, and that one did not sign."""
    one, two = key("RS256", "own", True), key("RS256", "other", True)
    by = verifier(jwk(one), jwk(two))
    for name in ("x5t", "x5t#S256"):
        der = base64.b64decode(jwk(two)["x5c"][0])
        named = encode((hashlib.sha1 if name == "x5t" else hashlib.sha256)(der).digest())
        refused("signature_invalid", [token({"alg": "RS256", name: named}, by=one)], by)
        assert code(token({"alg": "RS256", name: named}, by=two), by) is None
    refused("token_malformed", [token({"alg": "RS256", "x5t": 1}, by=one)], by)


def injected(kid: Any) -> None:
    """Never a path, a query or a command: at most it is no key's name. Null is none, as if it were absent."""
    head = json.dumps({"alg": "RS256", "kid": kid}).encode()
    if kid is None:
        refused("signature_invalid", [token(head, by=stranger())], over(site()))
        return
    fine = isinstance(kid, str) and len(kid) < 10_000
    server = site()
    by = over(server)
    for signing in (stranger(), key()):
        assert code(token(head, by=signing), by) == ("key_not_found" if fine else "token_malformed")
    refused(
        "algorithm_not_allowed" if fine else "token_malformed", [mac(b"", kid=kid), mac(b"x", kid=kid)], by
    )
    assert set(server.asked) <= {METADATA, JWKS}


KIDS: dict[str, Any] = {
    "../../../.": "../../../../dev/null",
    "/dev/null": "/dev/null",
    "|sleep 5": "|sleep 5",
}
KIDS |= {"' UNION SE": "' UNION SELECT 'x", "\\u0000": "\0", "${jndi:lda": "${jndi:ldap://x}"}
KIDS |= {"A*100000": "A" * 100_000, "0": 0, '["k"]': ["k"], '{"a":1}': {"a": 1}, "true": True, "null": None}
each("kid-inject-", KIDS | {'"" (empty)': ""}, injected)


# -- choosing the key --------------------------------------------------------------------------------------


@attack("kid-absent-one")
def _() -> None:
    assert code(token({"alg": "RS256"}), verifier()) is None
    refused("signature_invalid", [token({"alg": "RS256"}, by=stranger())])


@attack("kid-absent-many")
def _() -> None:
    others = [jwk(key("RS256", kid)) for kid in ("own", "other")]
    by = verifier(*others, jwk(key()))
    assert code(token({"alg": "RS256"}), by) is None
    refused("signature_invalid", [token({"alg": "RS256"}, by=stranger())], by)


@attack("kid-dup")
def _() -> None:
    twin = key("RS256", "other-0")
    by = verifier(jwk(twin, kid="k"), jwk(key()))
    assert [code(token(HONEST, by=signing), by) for signing in (twin, key())] == [None, None]
    refused("signature_invalid", [token(HONEST, by=stranger())], by)


@attack("kid-unknown-flood")
def _() -> None:
    server = site()
    by = over(server)
    codes = {code(token({"alg": "RS256", "kid": f"random-{i}"}, by=stranger()), by) for i in range(1000)}
    assert codes == {"key_not_found"}
    assert server.asked.count(JWKS) <= 3  # the first fetch, and two draws
    assert code(mint(key(), CLAIMS), by) is None


@attack("kid-fallback")
def _() -> None:
    refused("key_not_found", [token({"alg": "RS256", "kid": "another"})])


# -- the key set -------------------------------------------------------------------------------------------


def skipped(reason: str, *members: dict[str, Any]) -> None:
    """Each is skipped for the reason, beside a good key that stays good; a token by it is refused."""
    for member in members:
        keys = set_of(member | {"kid": "bad"}, jwk(key()))
        assert [one.reason for one in keys.skipped] == [reason]
        assert code(mint(key(), CLAIMS), verifier(member | {"kid": "bad"}, jwk(key()))) is None


@attack("use-enc")
def _() -> None:
    skipped("not_for_signatures", jwk(key(), use="enc"))
    skipped("not_to_verify", jwk(key(), key_ops=["encrypt"]), jwk(key(), key_ops=["sign"]))
    refused("key_not_found", [mint(key(), CLAIMS)], verifier(jwk(key(), use="enc")))


@attack("use-tls")
def _() -> None:
    skipped("not_for_signatures", jwk(key(), use="tls"), jwk(key(), use="SIG"), jwk(key(), use=""))


def numbers(n: int, e: int = 65537) -> dict[str, Any]:
    return {
        "kty": "RSA",
        "n": encode(n.to_bytes((n.bit_length() + 7) // 8 or 1)),
        "e": encode(e.to_bytes((e.bit_length() + 7) // 8 or 1)),
    }


MODULUS = int.from_bytes(base64.urlsafe_b64decode(jwk(key())["n"] + "=="))


@attack("small-rsa")
def _() -> None:
    for bits in (512, 768, 1024, 2040, 2047):
        skipped("weak", numbers((1 << bits) - 1))


@attack("huge-rsa")
def _() -> None:
    skipped("weak", numbers((1 << 16384) - 1), numbers((1 << 8193) - 1), numbers(MODULUS, 1 << 4096))
    skipped("weak", numbers(MODULUS, (1 << 32) + 1))


@attack("e-1")
def _() -> None:
    skipped("weak", numbers(MODULUS, 1), numbers(MODULUS, 0), numbers(MODULUS, 65536), numbers(0))
    keys = set_of(numbers(MODULUS - 1))  # even
    assert [one.reason for one in keys.skipped] == ["malformed"]


@attack("roca")
def _() -> None:
    """Of the form of CVE-2017-15361: a power of 65537 modulo the product of small primes, at 2048 bits."""
    product = 1
    for prime in (n for n in range(2, 702) if all(n % d for d in range(2, n))):
        product *= prime
    base = pow(65537, 12345, product)
    modulus = base + product * ((1 << 2047) // product + 7)
    while modulus % 2 == 0:
        modulus += product
    skipped("weak", numbers(modulus))


@attack("ec-off-curve")
def _() -> None:
    good = jwk(key("ES256"))
    zero, long, short = encode(bytes(32)), encode(b"\1" + bytes(32)), encode(b"\1")
    bad = [good | {"y": good["x"]}, good | {"x": zero, "y": zero}, good | {"x": long}, good | {"x": short}]
    bad += [good | {"x": ""}, good | {"x": good["x"] + "!"}, good | {"crv": "P-384", "alg": None}]
    skipped("malformed", *bad, {"kty": "EC", "crv": "P-256", "x": 1, "y": 2})


@attack("okp-wrong-len")
def _() -> None:
    good = jwk(key("EdDSA"))
    skipped("malformed", *(good | {"x": encode(bytes(size))} for size in (0, 31, 33, 57)))
    # A point of small order lets anyone sign everything with the zero scalar: only an issuer that
    # wishes it can publish one, and its tokens are then its own affair. It never harms the other keys.
    for point in (bytes(32), b"\1" + bytes(31)):
        weak = {"kty": "OKP", "crv": "Ed25519", "x": encode(point), "kid": "small"}
        assert code(mint(key(), CLAIMS), verifier(weak, jwk(key()))) is None
        refused("key_not_found", [token(HONEST | {"alg": "EdDSA"}, by=key("EdDSA"))], verifier(weak))


@attack("private-in-jwks")
def _() -> None:
    server = site(key().private_jwk(), jwk(key("ES256", "e")))
    by = over(server)
    assert code(mint(key("ES256", "e"), CLAIMS), by) is None
    assert code(mint(key(), CLAIMS), by) == "key_not_found"
    secret = key().private_jwk()["d"]
    told = repr(KeySet.parse({"keys": [key().private_jwk()]})) + repr(set_of(key().private_jwk()))
    assert secret not in told + repr(by.explain(mint(key(), CLAIMS)))
    local = KeySet.parse({"keys": [key().private_jwk()]})
    assert [(one.warnings != (), "d" in one.jwk) for one in local] == [(True, False)]


@attack("x5c-mismatch")
def _() -> None:
    own, other = key("RS256", "own", True), key("RS256", "other", True)
    member = jwk(own) | {"x5c": jwk(other)["x5c"]}
    refused("certificate_rejected", [mint(own, CLAIMS)], verifier(member))
    refused("signature_invalid", [mint(replace(other, kid="own"), CLAIMS)], verifier(member))
    assert code(mint(own, CLAIMS), verifier(member, certificates="ignore")) is None


@attack("x5c-only")
def _() -> None:
    own = key("RS256", "own", True)
    assert code(mint(own, CLAIMS), verifier(jwk(own, n=None, e=None))) is None
    skipped("no_public_key", {"kty": "RSA", "x5c": ["AAAA"]}, {"kty": "RSA", "x5c": []})


@attack("x5c-expired")
def _() -> None:
    own = SigningKey.generate("RS256", Form(certificates=True), kid="own", now=1.0)
    assert own.certificate is not None
    assert code(mint(own, CLAIMS), verifier(jwk(own))) is None
    late = verifier(jwk(own), clock=lambda: 2**33)
    valid = verifier(jwk(own), clock=lambda: 2**33, certificates="valid")
    lasting = mint(own, CLAIMS | {"exp": 2**34})
    assert [code(lasting, by) for by in (late, valid)] == [None, "certificate_rejected"]


@attack("x5c-serial-zero")
def _() -> None:
    """A serial number turned to zero: what the certificate vouched for is still a key by its numbers."""
    own = key("RS256", "own", True)
    der = bytearray(base64.b64decode(jwk(own)["x5c"][0]))
    start = der.index(bytes.fromhex("a003020102")) + 5
    assert der[start] == 2
    der[start + 2 : start + 2 + der[start + 1]] = bytes(der[start + 1])
    member = jwk(own) | {"x5c": [base64.b64encode(der).decode()], "x5t": None}
    by = verifier(member, jwk(key()))
    assert [code(mint(one, CLAIMS), by) for one in (own, key())] == [None, None]


@attack("one-bad-key")
def _() -> None:
    bad: list[Any] = [
        None,
        "key",
        42,
        [],
        {},
        {"kty": 42},
        {"kty": "RSA"},
        {"kty": "LWE"},
        {"kty": "EC", "crv": []},
    ]
    bad += [{"kty": "RSA", "n": n, "e": "AQAB"} for n in (None, 1, [], "", "!", "A" * 100_000, "\ud800", "é")]
    bad += [
        jwk(key()) | {name: value} for name in ("kid", "alg", "use", "x5t") for value in (1, [], {}, True)
    ]
    bad += [jwk(key()) | {"key_ops": value} for value in (1, "verify", {}, [1], [[]], [{}])]
    keys = set_of(*bad, jwk(key()))
    assert keys.keys[-1].kid == "k"
    assert len(keys) + len(keys.skipped) == len(bad) + 1
    assert code(mint(key(), CLAIMS), verifier(*bad, jwk(key()))) is None


NOT_SETS = [
    b"<html>sign in</html>",
    b"",
    b'{"keys":[',
    b"[]",
    b"{}",
    b'{"keys":null}',
    b'{"keys":{}}',
    b"null",
]
NOT_SETS += [b"\xff\xfe{", b'{"keys":[]}', b'{"keys":[],"keys":[]}', b'{"keys":"k"}', b"42"]


@attack("jwks-not-json")
def _() -> None:
    for body in NOT_SETS:
        if body != b'{"keys":[]}':
            with pytest.raises(IssuerMisbehaved):
                KeySet.parse(body)
        server, elapsed = site(), Clock()
        by = over(server, elapsed)
        assert code(mint(key(), CLAIMS), by) is None
        server.documents[JWKS] = body
        with pytest.raises(IssuerMisbehaved):
            by.refresh()
        assert code(mint(key(), CLAIMS), by) is None, body


@attack("jwks-bom")
def _() -> None:
    assert len(KeySet.parse(b"\xef\xbb\xbf" + json.dumps({"keys": [jwk(key())]}).encode())) == 1
    with pytest.raises(IssuerMisbehaved):
        KeySet.parse(b"\xef\xbb\xbf\xef\xbb\xbf{}")


# -- fetching, over a socket -------------------------------------------------------------------------------

IMPATIENT = Freshness(connect_timeout=0.5, timeout=0.6, wait=2.0)


def failing(endpoint: str, what: str, **options: Any) -> LocalIssuer:
    """An issuer of which the endpoint misbehaves: no caller has keys of it, and none waits long."""
    with LocalIssuer(certificates=False) as issuer:
        issuer.misbehave(endpoint, fault(what, **options))
        by = Verifier(issuer.url, audience=issuer.audience, freshness=IMPATIENT, elapsed=Clock())
        with pytest.raises(IssuerUnavailable):
            by.verify(issuer.token())
    return issuer


@attack("jwks-huge")
def _() -> None:
    for what in ("huge", "drip-body", "drip-headers", "hang"):
        failing("jwks", what)
    keys = KeySet.parse({"keys": [jwk(key())] + [{"kty": "x"}] * 10_000})
    assert (len(keys), len(keys.skipped)) == (1, 1000)
    assert keys.skipped[-1].reason == "too_many"


@attack("jwks-gzip-bomb")
def _() -> None:
    for endpoint in ("jwks", "discovery"):
        failing(endpoint, "gzip-bomb")


@attack("redirects")
def _() -> None:
    with LocalIssuer(certificates=False) as elsewhere:
        targets = [
            "http://169.254.169.254/",
            "file:///etc/passwd",
            elsewhere.url,
            "https://evil.example/",
            "/",
        ]
        for endpoint in ("jwks", "discovery"):
            for status in (301, 302, 303, 307, 308):
                issuer = failing(endpoint, "redirect", to=targets[status % 5], code=status)
                assert issuer.requests["other"] <= 1  # the other place of metadata, after a 404 only
        assert elsewhere.requests.total == 0


# -- metadata ----------------------------------------------------------------------------------------------


def metadata_code(document: dict[str, Any], issuer: str = ISSUER) -> str | None:
    try:
        read_metadata(Issuer.parse(issuer), Response(200, {}, json.dumps(document).encode()))
    except IssuerMisbehaved as error:
        return error.code
    return None


@attack("discovery-issuer-mismatch")
def _() -> None:
    others = ["https://ISSUER.example", f"{ISSUER}/", f"{ISSUER}/a", f"{ISSUER}:443", "http://issuer.example"]
    others += [
        "https://a@issuer.example",
        "https://issuer.example.",
        "https://xn--issuer.example",
        " " + ISSUER,
    ]
    assert {metadata_code({"issuer": one, "jwks_uri": JWKS}) for one in others} == {"issuer_mismatch"}
    kinds: list[Any] = [None, 1, [ISSUER], {}, True]
    assert {metadata_code({"issuer": one, "jwks_uri": JWKS}) for one in kinds} == {"metadata_invalid"}
    assert metadata_code({"issuer": ISSUER, "jwks_uri": JWKS}) is None


@attack("discovery-jwks-other-host")
def _() -> None:
    """Google, PayPal and Kubernetes do it: what the issuer says of itself counts, over https."""
    assert metadata_code({"issuer": ISSUER, "jwks_uri": "https://keys.elsewhere.example/jwks"}) is None


@attack("discovery-jwks-scheme")
def _() -> None:
    uris: list[Any] = [
        "http://issuer.example/k",
        "file:///etc/passwd",
        "ftp://issuer.example/k",
        "data:,{}",
        "/k",
    ]
    uris += [
        "k",
        "",
        1,
        ["https://issuer.example"],
        None,
        {},
        "gopher://issuer.example",
        "//issuer.example/k",
    ]
    uris += ["https://", "https://a b/", "https://a@issuer.example/", "http://127.0.0.1/k", "https://a\\@b/"]
    assert {metadata_code({"issuer": ISSUER, "jwks_uri": one}) for one in uris} == {"metadata_invalid"}


@attack("issuer-from-token")
def _() -> None:
    """An issuer that is not the one configured costs no request at all."""
    server = site()
    by = over(server)
    evil = [
        "https://evil.example",
        f"{ISSUER}@evil.example",
        f"{ISSUER}.evil.example",
        f"{ISSUER}#@evil.example",
    ]
    assert {code(mint(key(), CLAIMS | {"iss": one}), by) for one in evil} == {"issuer_not_trusted"}
    assert server.asked == []


@attack("issuer-template")
def _() -> None:
    template = f"{ISSUER}/{{tenantid}}/v2.0"
    by = verifier(issuer=f"{ISSUER}/ours/v2.0")
    others = [CLAIMS | {"iss": one, "tid": "ours"} for one in (template, f"{ISSUER}/theirs/v2.0")]
    refused("issuer_not_trusted", [mint(key(), claims) for claims in others], by)
    assert code(mint(key(), CLAIMS | {"iss": f"{ISSUER}/ours/v2.0"}), by) is None
    assert metadata_code({"issuer": template, "jwks_uri": JWKS}, f"{ISSUER}/ours/v2.0") == "issuer_mismatch"


# -- claims ------------------------------------------------------------------------------------------------


def claiming(**claims: Any) -> str:
    return mint(key(), {name: value for name, value in (CLAIMS | claims).items() if value is not ANY})


@attack("iss-partial")
def _() -> None:
    parts: list[Any] = [ISSUER[:-1], ISSUER + "x", [ISSUER], ISSUER + "/", ISSUER.upper(), None, ANY, {}, 1]
    refused("issuer_not_trusted", [claiming(iss=one) for one in [*parts, "", f" {ISSUER}", f"{ISSUER}\0"]])


@attack("iss-google")
def _() -> None:
    """A bare domain stands for its https spellings; the one without a scheme must be asked for by name."""
    bare = claiming(iss="accounts.google.com")
    refused("issuer_not_trusted", [bare], verifier(issuer="https://accounts.google.com"))
    assert code(bare, verifier(issuer="accounts.google.com")) is None


@attack("aud-types")
def _() -> None:
    bad: list[Any] = [
        1,
        None,
        {},
        ANY,
        [],
        ["api", 1],
        [["api"]],
        "",
        [""],
        True,
        "API",
        "api ",
        ["other"],
        {"api": 1},
    ]
    refused("claims_rejected", [claiming(aud=one) for one in bad])
    assert [code(claiming(aud=one)) for one in ("api", ["api"], ["x", "api"])] == [None] * 3


@attack("time-types")
def _() -> None:
    bad: list[Any] = [str(NOW + 9), True, False, [NOW + 9], {}, None, ""]
    refused("claims_rejected", [claiming(**{name: one}) for name in ("exp", "nbf", "iat") for one in bad])
    refused(
        "claims_rejected", [claiming(exp=-1), claiming(exp=-1e300), claiming(nbf=1e300), claiming(exp=ANY)]
    )
    assert [code(claiming(exp=NOW + 0.5)), code(claiming(exp=1e300)), code(claiming(nbf=-1e300))] == [
        None
    ] * 3


@attack("exp-boundary")
def _() -> None:
    lenient = verifier(leeway=60)
    refused("claims_rejected", [claiming(exp=NOW), claiming(nbf=NOW + 1)])
    refused(
        "claims_rejected", [claiming(exp=NOW - 60), claiming(exp=NOW - 61), claiming(nbf=NOW + 61)], lenient
    )
    assert [code(claiming(exp=NOW - 59), lenient), code(claiming(nbf=NOW + 60), lenient)] == [None, None]
    assert [code(claiming(exp=NOW + 1)), code(claiming(nbf=NOW))] == [None, None]


@attack("typ-confusion")
def _() -> None:
    kinds = (
        "dpop+jwt",
        "secevent+jwt",
        "logout+jwt",
        "application/logout+jwt",
        "LOGOUT+JWT",
        "JWTAA",
        "jwt ",
    )
    refused("claims_rejected", [mint(key(), CLAIMS, header={"typ": kind}) for kind in kinds])
    strict = verifier(profile="at+jwt")
    refused("claims_rejected", [mint(key(), CLAIMS), mint(key(), CLAIMS, header={"typ": "at+jwt"})], strict)
    refused("claims_rejected", [mint(key(), CLAIMS, header={"typ": "at+jwt"})], verifier(profile="id"))


# -- what is held ------------------------------------------------------------------------------------------


@attack("cache-key-injection")
def _() -> None:
    """Two issuers, one kid: what the one publishes never verifies what names the other."""
    other = "https://other.example"
    theirs = Site(
        {
            f"{other}/.well-known/openid-configuration": {"issuer": other, "jwks_uri": f"{other}/keys"},
            f"{other}/keys": {"keys": [jwk(stranger(), kid="k")]},
        }
    )
    shared = Site(site().documents | theirs.documents)
    elapsed = Clock()
    ours = over(shared, elapsed)
    them = Verifier(other, audience="api", clock=lambda: NOW, transport=shared, elapsed=elapsed)
    assert code(mint(key(), CLAIMS), ours) is None
    assert code(mint(replace(stranger(), kid="k"), CLAIMS | {"iss": other}), them) is None
    assert code(mint(replace(stranger(), kid="k"), CLAIMS), ours) == "signature_invalid"
    for kid in (f"k:{other}", f"{other}|k", f"k{other}/keys", "k\0", "k%3A", "k\n", f"{other}/?#k"):
        assert code(token({"alg": "RS256", "kid": kid}, by=stranger()), ours) == "key_not_found"


@attack("cache-poison-stale")
def _() -> None:
    """The answer to the earlier request comes last: the newer one stays."""
    cache = Cache(ISSUER, Freshness(), Record(ISSUER), lambda place: Draws())
    old, new = set_of(jwk(stranger())), set_of(jwk(key()))
    cache.take(Refreshed(began=20.0, keys=new), 21.0, 0.5, forced=False)
    cache.take(Refreshed(began=10.0, keys=old), 22.0, 0.5, forced=True)
    assert cache.held.keys == new


@attack("rotation-removed")
def _() -> None:
    server, elapsed = site(jwk(key()), jwk(key("ES256", "e"))), Clock()
    by = over(server, elapsed)
    honest = mint(key(), CLAIMS)
    assert [code(honest, by), code(honest, by)] == [None, None]  # the second from memory
    server.documents[JWKS] = {"keys": [jwk(key("ES256", "e"))]}
    bound = by.status().revoked_key_bound
    assert bound is not None
    elapsed.now += bound + 1
    assert code(honest, by) == "key_not_found"
    assert code(mint(key("ES256", "e"), CLAIMS), by) is None


@attack("kid-reuse-new-key")
def _() -> None:
    server = site()
    by = over(server)
    assert code(mint(key(), CLAIMS), by) is None
    server.documents[JWKS] = {"keys": [jwk(stranger(), kid="k")]}
    assert code(mint(replace(stranger(), kid="k"), CLAIMS), by) is None
    assert code(mint(key(), CLAIMS), by) == "signature_invalid"
    assert server.asked.count(JWKS) <= 3


@attack("timing")
def _() -> None:
    """No MAC is computed by what verifies tokens, so that none is compared: nothing outside the local issuer
    imports `hmac`, but for the nonces that a service gives itself and for what a fleet shares, which are
    compared in constant time. All sources are read, wherever they stand."""
    package = Path(rightkey.__file__).parent
    sources = [path for path in package.rglob("*.py") if "localissuer" not in path.parts]
    assert {"attempt.py", "jws.py", "material.py", "cache.py", "connection.py"} <= {
        path.name for path in sources
    }
    texts = {path.relative_to(package).as_posix(): path.read_text(encoding="utf-8") for path in sources}
    naming = {name: text for name, text in texts.items() if re.search(r"\bhmac\b", text)}
    assert set(naming) == {"proof/nonces.py", "stores/seal.py"}
    assert all("hmac.compare_digest(" in text for text in naming.values())


# -- the tests ---------------------------------------------------------------------------------------------


SLOW = {"redirects", "jwks-huge", "jwks-gzip-bomb", "kid-unknown-flood", "huge-token"}
"""What takes many issuers, megabytes, or a deadline."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in ATTACKS]
)
def test_an_attack_of_the_catalogue_fails(name: str) -> None:
    """Made as described, and refused for what it is."""
    ATTACKS[name]()


@pytest.mark.skipif(not CATALOGUE.is_file(), reason="../shared/vectors is not here")
def test_every_attack_of_the_catalogue_is_made() -> None:
    """None is missing, and none is made up."""
    described = {one["id"] for one in json.loads(CATALOGUE.read_bytes())["attacks"]}
    assert len(described) == 119
    assert described == ATTACKS.keys()
