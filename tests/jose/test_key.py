"""One JSON Web Key judged: what makes it unusable, and what must not."""

from __future__ import annotations

import base64
import json
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, mldsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rightkey.errors import Misconfigured
from rightkey.jose.base64url import encode
from rightkey.jose.key import OTHERS, SHORT, Key, judge, shown
from rightkey.jose.skipped import SKIP_REASONS, UnusableKey
from rightkey.jose.strictjson import NAMED_TWICE
from rightkey.localissuer.keys.jwk import public_members
from rightkey.localissuer.keys.signing import ALGORITHMS, SigningKey

Signer = Callable[..., SigningKey]

RFC7638 = {  # RFC 7638, section 3.1
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKR"
    "XjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqz"
    "s8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G"
    "_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}
THUMBPRINT = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
RSA = {"kty": "RSA", "n": RFC7638["n"], "e": "AQAB"}
EC = {  # RFC 7517, appendix A.1
    "kty": "EC",
    "crv": "P-256",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
}
OKP = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}  # RFC 8037, A.2


def number(value: int) -> str:
    return encode(value.to_bytes((value.bit_length() + 7) // 8))


def modulus(bits: int) -> str:
    """A number of that length without small factors; no product of two primes, which no check can see."""
    value = (1 << bits - 1) + 12345
    while any(value % prime == 0 for prime in range(3, 752, 2)):
        value += 2
    return number(value)


def roca() -> str:
    """A modulus of the form of CVE-2017-15361: a power of 65537 modulo the product of small primes."""
    primes = [n for n in range(3, 168) if all(n % d for d in range(2, math.isqrt(n) + 1))]
    product = math.prod(primes)
    value = (2**2047 // product + 1) * product + pow(65537, 777, product)
    return number(value if value % 2 else value + product)


def certificate(public_key: Any) -> str:
    """An `x5c` member for a key, signed by an authority that does not matter."""
    import datetime as dt

    name, begin = x509.Name([]), dt.datetime(2026, 1, 1)
    signer = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(name, name, public_key, 5, begin, begin + dt.timedelta(days=1))
    return base64.b64encode(builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.DER)).decode()


def pem(public_key: Any) -> bytes:
    return bytes(public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


P224 = ec.generate_private_key(ec.SECP224R1()).public_key()
X25519 = x25519.X25519PrivateKey.generate().public_key()

BAD: list[tuple[str, Any]] = [
    ("not_an_object", 5),
    ("not_an_object", None),
    ("not_an_object", [["kty", "EC"]]),
    ("not_an_object", "EC"),
    ("named_twice", NAMED_TWICE),
    ("named_twice", EC | {"ext": [{"a": NAMED_TWICE}]}),
    ("unknown_kty", {}),
    ("unknown_kty", EC | {"kty": "ec"}),
    ("unknown_kty", EC | {"kty": ""}),
    ("unknown_kty", {"kty": "OKP", "x5c": [certificate(X25519)]}),
    ("unknown_kty", {"kty": "EC", "x5c": [certificate(P224)]}),
    ("unknown_curve", EC | {"crv": "P-224"}),
    ("unknown_curve", EC | {"crv": "p-256"}),
    ("unknown_curve", OKP | {"crv": "X25519"}),
    ("unknown_curve", OKP | {"crv": "X448"}),
    ("symmetric", {"kty": "oct", "k": "AAAA"}),
    ("symmetric", {"kty": "oct"}),
    ("not_for_signatures", EC | {"use": "enc"}),
    ("not_for_signatures", EC | {"use": ""}),
    ("not_for_signatures", EC | {"use": "SIG"}),
    ("not_to_verify", EC | {"key_ops": []}),
    ("not_to_verify", EC | {"key_ops": ["sign"]}),
    ("not_to_verify", EC | {"key_ops": ["encrypt", 5, None]}),
    ("encryption_alg", RSA | {"alg": "RSA-OAEP-256"}),
    ("encryption_alg", RSA | {"alg": "RSA1_5"}),
    ("encryption_alg", EC | {"alg": "ECDH-ES+A128KW"}),
    ("encryption_alg", EC | {"alg": "HPKE-0"}),
    ("unusable_alg", EC | {"alg": "RS256"}),
    ("unusable_alg", EC | {"alg": "ES384"}),
    ("unusable_alg", RSA | {"alg": "HS256"}),
    ("unusable_alg", RSA | {"alg": "none"}),
    ("unusable_alg", RSA | {"alg": ""}),
    ("unusable_alg", RSA | {"alg": "rs256"}),
    ("unusable_alg", {"kty": "AKP", "alg": "ML-DSA-1", "pub": "AAAA"}),
    ("no_public_key", {"kty": "RSA"}),
    ("no_public_key", {"kty": "RSA", "n": RSA["n"]}),
    ("no_public_key", {"kty": "EC", "crv": "P-256", "x": EC["x"]}),
    ("no_public_key", {"kty": "OKP", "crv": "Ed25519"}),
    ("no_public_key", {"kty": "AKP", "alg": "ML-DSA-44"}),
    ("no_public_key", {"kty": "EC", "x5c": ["AAAA"]}),
    ("no_public_key", {"kty": "EC", "crv": "P-256", "x5c": [certificate(P224)]}),
    ("malformed", EC | {"kid": 5}),
    ("malformed", EC | {"kid": ["a"]}),
    ("malformed", EC | {"kty": ["EC"]}),
    ("malformed", EC | {"alg": {}}),
    ("malformed", EC | {"crv": 256}),
    ("malformed", EC | {"x5t": 5}),
    ("malformed", EC | {"x5t#S256": []}),
    ("malformed", EC | {"use": ["sig"]}),
    ("malformed", EC | {"key_ops": "verify"}),
    ("malformed", EC | {"x": 5}),
    ("malformed", EC | {"x": b"AAAA"}),
    ("malformed", EC | {"x": "é"}),
    ("malformed", EC | {"x": ""}),
    ("malformed", EC | {"y": EC["x"]}),
    ("malformed", EC | {"x": "__________________________________________8"}),
    ("malformed", OKP | {"x": "AAAA"}),
    ("malformed", RSA | {"n": "A"}),
    ("malformed", RSA | {"n": number((1 << 2047) + 2)}),
    ("malformed", {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"}),
    ("malformed", {"kty": "RSA", "x5c": [certificate(ec.generate_private_key(ec.SECP256R1()).public_key())]}),
    ("weak", RSA | {"n": ""}),
    ("weak", RSA | {"n": modulus(2040)}),
    ("weak", RSA | {"n": modulus(2047)}),
    ("weak", RSA | {"n": modulus(8193)}),
    ("weak", RSA | {"n": modulus(8200)}),
    ("weak", RSA | {"n": roca()}),
    ("weak", RSA | {"e": ""}),
    ("weak", RSA | {"e": "AA"}),
    ("weak", RSA | {"e": "AQ"}),
    ("weak", RSA | {"e": "Ag"}),
    ("weak", RSA | {"e": "AQAA"}),
    ("weak", RSA | {"e": number(2**32 + 1)}),
    ("costly", RSA | {"n": modulus(8192), "e": number(2**32 - 1)}),
    ("private_key_published", EC | {"d": "AAAA"}),
    ("private_key_published", RSA | {"p": "AAAA"}),
    ("private_key_published", EC | {"k": "AAAA"}),
]


@pytest.mark.parametrize(("reason", "member"), BAD, ids=lambda value: ascii(value)[:60])
def test_what_cannot_be_used(reason: str, member: Any) -> None:
    """It is skipped, with the reason that fits; where it is handed over alone, it is Misconfigured."""
    with pytest.raises(UnusableKey) as caught:
        judge(member, published=True)
    assert (caught.value.reason, bool(caught.value.detail)) == (reason, True)
    if reason != "private_key_published":
        with pytest.raises(Misconfigured):
            Key.from_jwk(member)


def test_every_reason_is_tried_here() -> None:
    """But for those that are the set's, or a verifier's, to say."""
    assert SKIP_REASONS.keys() - {reason for reason, _ in BAD} == {"too_many", "distrusted"}


def spaced(text: str) -> str:
    return f" {text[:5]}\r\n{text[5:]}\n"


def standard(text: str) -> str:
    return text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)


def led(text: str, octets: int = 1) -> str:
    """The same number behind leading zeros."""
    return encode(bytes(octets) + base64.urlsafe_b64decode(text + "=="))


ODD: dict[str, dict[str, Any]] = {
    "padded": RSA | {"n": RSA["n"] + "==", "e": "AQAB===="},
    "standard base64": RSA | {"n": standard(RSA["n"])},
    "white space": RSA | {"n": spaced(RSA["n"])},
    "leading zeros": RSA | {"n": led(RSA["n"]), "e": led("AQAB", 5)},
    "null members": RSA | {"kid": None, "alg": None, "use": None, "key_ops": None, "x5c": None, "d": None},
    "extra members": RSA | {"issuer": "x", "exp": 5, "nested": {"a": [1]}, "crv": "P-256"},
    "use": RSA | {"use": "sig"},
    "key_ops": RSA | {"key_ops": ["verify", "wrapKey", 5]},
    "empty x5c": RSA | {"x5c": []},
    "alg": RSA | {"alg": "PS512"},
}


@pytest.mark.parametrize("member", ODD.values(), ids=ODD)
def test_documents_have_their_oddities(member: dict[str, Any]) -> None:
    """Each is the same key as the one written properly."""
    key = judge(member, published=True)
    assert (key.thumbprint, key.certificate_fault, key.warnings) == (THUMBPRINT, None, ())
    assert {name: key.jwk[name] for name in RSA} == RSA


def test_coordinates_behind_a_zero() -> None:
    """As ASN.1 writes an integer whose high bit is set, as real documents do; more is refused, zeros or not
    (RFC 7518, section 6.2.1.2: as many octets as the curve has).
    """
    padded = EC | {"x": led(EC["x"]), "y": led(EC["y"])}
    assert judge(padded, published=True).thumbprint == judge(EC, published=True).thumbprint
    for zeros in (2, 40):
        with pytest.raises(UnusableKey, match="longer than its curve"):
            judge(EC | {"x": led(EC["x"], zeros)}, published=True)


def test_short_coordinates_of_p521() -> None:
    """66 octets are right; encoders that drop the zero in front write 65, and mean the same key."""
    while True:
        key = ec.generate_private_key(ec.SECP521R1())
        point = key.public_key().public_numbers()
        if max(point.x, point.y).bit_length() <= 520:
            break
    proper = public_members(key, "ES512")
    short = proper | {"x": encode(point.x.to_bytes(65)), "y": encode(point.y.to_bytes(65))}
    assert len(proper["x"]) == 88
    assert judge(short, published=True).thumbprint == judge(proper, published=True).thumbprint


@pytest.mark.parametrize("bits", [2048, 2049, 4096, 8192])
def test_sizes_of_rsa(bits: int) -> None:
    """From 2048 bits to 8192, both included."""
    assert judge(RSA | {"n": modulus(bits)}, published=True).kty == "RSA"


@pytest.mark.parametrize("exponent", [3, 17, 65537, 2**32 - 1])
def test_exponents_of_rsa(exponent: int) -> None:
    """Odd ones from 3 to 32 bits."""
    assert judge(RSA | {"e": number(exponent)}, published=True).kty == "RSA"


def test_the_thumbprint_is_rfc_7638s() -> None:
    """The RFC's own example has the RFC's own thumbprint, and keeps what it says of itself."""
    key = Key.from_jwk(RFC7638)
    assert (key.thumbprint, key.kid, key.alg, key.use) == (THUMBPRINT, "2011-04-29", "RS256", None)


def test_the_thumbprint_of_rfc_8037() -> None:
    """And that of Ed25519 (appendix A.3)."""
    assert Key.from_jwk(OKP).thumbprint == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize(
    ("member", "served"),
    [
        (RSA, {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
        (RSA | {"alg": "RS384"}, {"RS384"}),
        (EC, {"ES256"}),
        (OKP, {"EdDSA", "Ed25519"}),
        (OKP | {"alg": "EdDSA"}, {"EdDSA", "Ed25519"}),
        (OKP | {"alg": "Ed25519"}, {"EdDSA", "Ed25519"}),
    ],
)
def test_which_algorithms_a_key_serves(member: dict[str, Any], served: set[str]) -> None:
    """Those of its type and curve, and with an `alg` that one alone."""
    assert judge(member, published=True).checks.keys() == served


@pytest.mark.parametrize("algorithm", ["RS256", "ES256K", "ES512", "Ed448", "ML-DSA-44", "ML-DSA-87"])
def test_every_type_is_read(algorithm: str, signer: Signer) -> None:
    """Members, PEM and thumbprint are of one key, and its signatures hold."""
    signing = signer(algorithm)
    key = judge(signing.public_jwk(), published=True)
    key.checks[algorithm](signing.sign(b"data"), b"data")
    if algorithm.startswith("ML"):
        assert list(key.checks) == [algorithm]
    again = Key.from_pem(pem(key.public_key).decode(), kid="k", alg=algorithm)
    assert (again.thumbprint, again.kid, again.alg) == (key.thumbprint, "k", algorithm)


def test_names_that_are_no_text_are_passed_over(signer: Signer) -> None:
    """A document handed over as a mapping may have any; they say nothing, as other members do."""
    jwk = signer("ES256").public_jwk()
    assert Key.from_jwk({1: 2, None: [], ("a",): "b"} | jwk) == Key.from_jwk(jwk)  # type: ignore[dict-item]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_published_private_key_is_known_by_its_thumbprint(algorithm: str, signer: Signer) -> None:
    """So that it can be refused from then on; in a local document its public half serves."""
    signing = signer(algorithm)
    with pytest.raises(UnusableKey) as caught:
        judge(signing.private_jwk(), published=True)
    key = Key.from_jwk(signing.private_jwk() | {"key_ops": ["sign"]})
    assert (caught.value.reason, caught.value.thumbprint) == ("private_key_published", key.thumbprint)
    assert [warning for warning in key.warnings if "private" in warning]
    assert not key.jwk.keys() & {"d", "p", "q", "dp", "dq", "qi", "priv", "k", "oth"}


def test_a_certificate_beside_its_key(signer: Signer) -> None:
    """Both spellings of its thumbprint name the key, and so does what is published."""
    key = judge(signer("RS256", "k", True).public_jwk() | {"x5t#S256": "published"}, published=True)
    assert key.certificate is not None
    assert key.certificate_fault is None
    named = {key.certificate.x5t, key.certificate.x5t_hex, key.certificate.x5t_s256, "published"}
    assert key.x5t == named


@pytest.mark.parametrize("algorithm", ["RS256", "ES384", "Ed25519"])
def test_a_certificate_alone(algorithm: str, signer: Signer) -> None:
    """A member with `x5c` and no numbers takes its key from there."""
    member = signer(algorithm, "k", True).public_jwk()
    alone = {name: value for name, value in member.items() if name in ("kty", "kid", "x5c")}
    whole, key = judge(member, published=True), judge(alone, published=True)
    assert (key.thumbprint, key.crv) == (whole.thumbprint, whole.crv)
    assert key == Key.from_jwk(key.jwk)


def test_a_certificate_for_another_key(signer: Signer) -> None:
    """It is a fact on the key, and a warning; the policy decides."""
    key = judge(EC | {"x5c": signer("ES256", "k", True).public_jwk()["x5c"]}, published=True)
    assert key.certificate_fault == "mismatch"
    assert key.warnings == ("the certificate is for another key",)


@pytest.mark.parametrize("x5c", [["AAAA"], "MIIB", [5], ["*"], {"a": 1}, 5, [[]]])
def test_an_unreadable_certificate(x5c: Any) -> None:
    """The numbers serve without it, with a warning."""
    key = judge(EC | {"x5c": x5c}, published=True)
    assert (key.certificate, key.certificate_fault) == (None, "unreadable")
    assert key.warnings == ("x5c holds no readable certificate",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no PEM",
        b"\xff",
        "\ud800",
        pem(P224),
        pem(X25519),
        pem(ec.generate_private_key(ec.BrainpoolP256R1()).public_key()),
        pem(dsa.generate_private_key(1024).public_key()),
    ],
    ids=lambda text: ascii(text)[:20],
)
def test_pem_of_no_use(text: str | bytes) -> None:
    """It is Misconfigured, whatever it holds."""
    with pytest.raises(Misconfigured, match="PEM"):
        Key.from_pem(text)


def test_pem_with_an_algorithm_that_is_not_its() -> None:
    """Which is a setting that is wrong."""
    with pytest.raises(Misconfigured, match="alg"):
        Key.from_pem(pem(Key.from_jwk(EC).public_key), alg="RS256")


def test_a_key_pickles(signer: Signer) -> None:
    """It is equal to what it was, serves as it did, and has its certificate."""
    signing = signer("ES256", "k", True)
    key = judge(signing.public_jwk() | {"extra": [1]}, published=True)
    again = pickle.loads(pickle.dumps(key))
    assert again == key
    assert hash(again) == hash(key)
    assert again.certificate == key.certificate
    again.checks["ES256"](signing.sign(b"data"), b"data")


def test_no_user_changes_a_key_for_another() -> None:
    """All verifiers of a process share what was fetched: of the JWK each caller has a copy of its own."""
    member = EC | {"key_ops": ["verify"], "x5c": ["no certificate"], "issuer": "a tenant's"}
    key = judge(member, published=True)
    first: Any = key.jwk
    first["kid"] = first["issuer"] = "changed"
    first["key_ops"].append("sign")
    first["x5c"].clear()
    assert key.jwk == member
    assert pickle.loads(pickle.dumps(key)) == key
    assert key.issuer == "a tenant's"
    assert json.loads(json.dumps(key.jwk)) == member
    checks: Any = key.checks
    with pytest.raises(TypeError):
        checks["ES256"] = None


def test_keys_are_equal_by_what_they_say() -> None:
    """The same numbers under another name are another key; nothing else is a key."""
    assert Key.from_jwk(EC) == Key.from_jwk(EC | {"x": EC["x"] + "="})
    assert Key.from_jwk(EC) != Key.from_jwk(EC | {"kid": "a"})
    assert Key.from_jwk(EC) != EC


def test_a_repr_is_one_line(signer: Signer) -> None:
    """It says what the key is called, and shows no numbers."""
    line = repr(Key.from_jwk(signer("RS256", "k", True).private_jwk()))
    assert "kid='k'" in line
    assert len(line) < 400


@pytest.mark.parametrize(
    ("member", "detail"),
    [
        (EC | {"kid": 5}, "kid is not a string"),
        (EC | {"x5t#S256": []}, "x5t#S256 is not a string"),
        (EC | {"key_ops": "verify"}, "key_ops is not an array"),
        (RSA | {"n": roca()}, "the RSA modulus has the guessable form of CVE-2017-15361"),
    ],
)
def test_what_cannot_be_used_says_which_member(member: dict[str, Any], detail: str) -> None:
    """An operator must find it in the document."""
    with pytest.raises(UnusableKey) as caught:
        judge(member, published=True)
    assert caught.value.detail == detail


@pytest.mark.parametrize("use", ["sig", "jwt-svid"])
def test_what_a_key_is_for_is_told(use: str) -> None:
    """To sign, or in the words of SPIFFE's bundles to sign JWTs (SPIFFE JWT-SVID, section 4)."""
    assert judge(EC | {"use": use}, published=True).use == use


def test_so_many_short_members_of_others_are_kept() -> None:
    """Text of 1,024 letters, numbers and booleans, 32 in all; nothing longer, and nothing with an inside."""
    others = {"text": "t" * SHORT, "long": "t" * (SHORT + 1), "list": [], "object": {}, "n1": 1, "yes": True}
    key = judge(EC | others, published=True)
    assert key.jwk.keys() - EC.keys() == {"text", "n1", "yes"}
    crowd = judge(EC | {f"m{number}": number for number in range(OTHERS + 1)}, published=True)
    assert len(crowd.jwk) == len(EC) + OTHERS


@pytest.mark.parametrize("x5c", ["MIIB", [5], {"a": 1}])
def test_of_a_chain_that_is_no_text_nothing_is_kept(x5c: Any) -> None:
    """But that there was one, so that a copy of the key is judged as the key was."""
    key = judge(EC | {"x5c": x5c}, published=True)
    assert key.jwk["x5c"] == [""]
    assert pickle.loads(pickle.dumps(key)).certificate_fault == "unreadable"


def test_keys_spread_in_a_set_and_any_name_is_one() -> None:
    """Two keys have two hashes; a name may be of characters that UTF-8 cannot spell."""
    assert hash(Key.from_jwk(EC)) != hash(Key.from_jwk(OKP))
    odd = Key.from_jwk(EC | {"kid": "\ud800"})
    assert odd != Key.from_jwk(EC | {"kid": "\ud801"})
    assert odd.kid == "\ud800"


def test_a_hundred_letters_of_a_name_are_shown() -> None:
    """And of a longer one, that it goes on."""
    assert shown("k" * 100) == repr("k" * 100)
    assert shown("k" * 101) == repr("k" * 100 + "...")


def test_a_lattice_certificate_alone_serves_its_own_parameters() -> None:
    """Without `alg` in the member it is the key's that counts (RFC 9964, section 3)."""
    private = mldsa.MLDSA44PrivateKey.generate()
    key = judge({"kty": "AKP", "x5c": [certificate(private.public_key())]}, published=True)
    assert list(key.checks) == ["ML-DSA-44"]
