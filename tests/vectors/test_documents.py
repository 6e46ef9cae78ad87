"""Other people's documents: every recorded key set, metadata and certificate is read, and how many of its
keys are usable is found a second time here, from the document and by arithmetic alone.

The data lies in `../shared/vectors`; see `test_vectors.py`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from rightkey import Freshness, IssuerMisbehaved, KeySet, Misconfigured, RightkeyError, Verifier, verify_jws
from rightkey.exchange import Response
from rightkey.freshness.snapshot import life_of
from rightkey.issuer.discovery import read_metadata
from rightkey.issuer.name import Issuer
from rightkey.jose.certificate import read_der

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors"
HERE = (VECTORS / "cases.jsonl").is_file()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not HERE, reason="../shared/vectors is not here")]


def read(name: str) -> Any:
    return json.loads((VECTORS / name).read_bytes()) if HERE else []


MANIFEST = read("providers/manifest.json")
GOOGLE = {case["id"]: case for case in read("attacks/jwks_malformed_google.json")["cases"]} if HERE else {}
LIBJWT = {one["name"]: one["doc"] for one in read("attacks/libjwt_keys.json")["files"]} if HERE else {}
CORPUS = read("attacks/mod_auth_openidc_corpus.json")["cases"] if HERE else []


def code_of(act: Callable[[], object]) -> str | None:
    """The code of our error; None where there is none."""
    try:
        act()
    except RightkeyError as error:
        return error.code
    return None


def files(kind: str) -> dict[str, str]:
    return {one["slug"]: one["file"] for one in MANIFEST if one["kind"] == kind}


# -- which members are signing keys, found a second time --------------------------------------------------

# p, a, b of each curve (FIPS 186-5; SEC 2)
P256, P384, P521 = 2**256 - 2**224 + 2**192 + 2**96 - 1, 2**384 - 2**128 - 2**96 + 2**32 - 1, 2**521 - 1
B256 = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
B384 = 0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF
B521 = int(
    "51953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E1"
    "56193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00",
    16,
)
CURVES = {"P-256": (P256, -3, B256), "P-384": (P384, -3, B384), "P-521": (P521, -3, B521)}
CURVES["secp256k1"] = (2**256 - 2**32 - 977, 0, 7)
OKP = {"Ed25519": 32, "Ed448": 57}
AKP = {"ML-DSA-44": 1312, "ML-DSA-65": 1952, "ML-DSA-87": 2592}
EC_ALG = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "secp256k1": "ES256K"}
SECRETS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}


def usable(member: Any, *, published: bool) -> bool:
    """Whether DESIGN's section 4 calls it a signing key."""
    if not isinstance(member, dict):
        return False
    jwk = {name: value for name, value in member.items() if value is not None}
    texts = all(isinstance(jwk.get(name, ""), str) for name in ("kty", "kid", "alg", "use", "crv"))
    if not texts or jwk.get("use", "sig") != "sig" or not for_verifying(jwk):
        return False
    if published and SECRETS & jwk.keys():
        return False
    try:
        return {"RSA": good_rsa, "EC": good_ec, "OKP": good_okp, "AKP": good_akp}[jwk["kty"]](jwk)
    except (KeyError, ValueError, TypeError, AttributeError):
        return False


def for_verifying(jwk: dict[str, Any]) -> bool:
    operations = jwk.get("key_ops", ["verify"])
    signs = bool(SECRETS & jwk.keys()) and "sign" in operations
    return isinstance(operations, list) and ("verify" in operations or signs)


def number(text: str) -> int:
    return int.from_bytes(octets(text))


def octets(text: str) -> bytes:
    """Either alphabet, padded or not: as real documents have it."""
    letters = "".join(text.split()).rstrip("=").replace("-", "+").replace("_", "/")
    if len(letters) % 4 == 1:
        raise ValueError("one letter too many")
    return binascii.a2b_base64(letters + "=" * (-len(letters) % 4), strict_mode=True)


def good_rsa(jwk: dict[str, Any]) -> bool:
    if not {"n", "e"} & jwk.keys():
        n, e = rsa_of_certificate(jwk["x5c"])
    else:
        n, e = number(jwk["n"]), number(jwk["e"])
    fits = jwk.get("alg") in (None, "RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
    return fits and 2048 <= n.bit_length() <= 8192 and n % 2 == 1 and e % 2 == 1 and 3 <= e < 2**32


def rsa_of_certificate(x5c: list[str]) -> tuple[int, int]:
    key = x509.load_der_x509_certificate(octets(x5c[0])).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return key.public_numbers().n, key.public_numbers().e


def good_ec(jwk: dict[str, Any]) -> bool:
    p, a, b = CURVES[jwk["crv"]]
    x, y = number(jwk["x"]), number(jwk["y"])
    on_curve = x < p and y < p and (y * y - x**3 - a * x - b) % p == 0
    return on_curve and jwk.get("alg") in (None, EC_ALG[jwk["crv"]])


def good_okp(jwk: dict[str, Any]) -> bool:
    fits = jwk.get("alg") in (None, "EdDSA", jwk["crv"])
    return len(octets(jwk["x"])) == OKP[jwk["crv"]] and fits


def good_akp(jwk: dict[str, Any]) -> bool:
    return len(octets(jwk["pub"])) == AKP[jwk["alg"]]


def agree(document: Any, keys: KeySet, *, published: bool) -> None:
    """The set holds what the document has of signing keys, in their order, and skips the rest."""
    members = document.get("keys", [document])
    good = [member for member in members if usable(member, published=published)]
    assert [key.kid for key in keys] == [member.get("kid") for member in good]
    assert len(keys) + len(keys.skipped) == len(members)
    assert all(one.reason and one.detail for one in keys.skipped)


# -- key sets ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", files("jwks"))
def test_a_recorded_key_set_is_read(slug: str) -> None:
    """What is usable of it is what the arithmetic says."""
    raw = (VECTORS / files("jwks")[slug]).read_bytes()
    agree(json.loads(raw.removeprefix(b"\xef\xbb\xbf")), KeySet.parse(raw, published=True), published=True)


def test_all_recorded_key_sets_together() -> None:
    """The totals, so that a change of judgement is seen."""
    sets = [KeySet.parse((VECTORS / file).read_bytes(), published=True) for file in files("jwks").values()]
    skipped = [one.reason for keys in sets for one in keys.skipped]
    assert (len(sets), sum(map(len, sets))) == (84, 174)
    assert {reason: skipped.count(reason) for reason in skipped} == {
        "not_for_signatures": 19,
        "weak": 7,
        "unknown_curve": 1,
        "no_public_key": 1,
    }


@pytest.mark.parametrize("slug", files("series"))
def test_a_rotation_history_is_read(slug: str) -> None:
    """Each version of each key set; and the metadata, which states its issuer."""
    series = read(files("series")[slug])
    for version in series["jwks_versions"]:
        agree(version["jwks"], KeySet.parse(json.dumps(version["jwks"]), published=True), published=True)
    for version in series["metadata_versions"]:
        metadata = version["metadata"]
        response = Response(200, {}, json.dumps(metadata).encode())
        assert read_metadata(Issuer.parse(metadata["issuer"]), response).issuer == metadata["issuer"]


@pytest.mark.parametrize("file", [file for file in files("raw").values() if "jwks" in file])
def test_raw_bytes_are_read(file: str) -> None:
    """Byte for byte, mark and all."""
    raw = (VECTORS / file).read_bytes()
    document = json.loads(raw.decode("utf-8-sig"))
    agree(document, KeySet.parse(raw, published=True), published=True)


def test_raw_metadata_with_a_template_is_refused_as_a_setting() -> None:
    """`{issuer}` is no issuer."""
    with pytest.raises(Misconfigured):
        Issuer.parse("{issuer}")
    raw = (VECTORS / "providers/raw-bytes/identityserver-discovery-variable.BOM.json").read_bytes()
    with pytest.raises(IssuerMisbehaved) as caught:
        read_metadata(Issuer.parse("https://issuer.example"), Response(200, {}, raw))
    assert caught.value.code == "issuer_mismatch"


@pytest.mark.parametrize("name", LIBJWT)
@pytest.mark.parametrize("published", [True, False])
def test_a_key_file_of_libjwt_is_judged(name: str, published: bool) -> None:
    """What is usable of it is what the arithmetic says, published or handed over."""
    agree(LIBJWT[name], KeySet.parse(json.dumps(LIBJWT[name]), published=published), published=published)


def test_every_bad_key_of_libjwt_is_skipped() -> None:
    """The file's own promise: every key in it is unusable."""
    keys = KeySet.parse(LIBJWT["bad_keys.json"])
    assert (len(keys), len(keys.skipped)) == (0, 14)


READ_OTHERWISE = {
    "JwksParseTest.JwksIgnoreUnsupportedKeyInMiddle": 2,
    # EC without `crv`: RFC 7518, section 6.2.1 requires it, and nothing is guessed here.
    "JwksParseTest.JwksECMissingBothAlgCrvES256": 0,
    "JwksParseTest.JwkECMissingCrv": 0,
    "JwksParseTest.JwksECUnspecifiedCrv": 0,
    # `n` in standard base64, as some issuers really publish it.
    "JwksParseTest.JwksRSAInvalidN": 1,
}
"""Where our count of usable keys is another than that library's."""


@pytest.mark.parametrize("name", GOOGLE)
def test_a_malformed_key_set_harms_nobody(name: str) -> None:
    """No usable key where that library finds none, and one where it does, but for the table above."""
    case = GOOGLE[name]
    text, status = case["text"], case["library_status"]
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if document is None or not isinstance(document.get("keys"), list):
        with pytest.raises(IssuerMisbehaved) as caught:
            KeySet.parse(text, published=True)
        assert (caught.value.code, status == "Ok") == ("keyset_invalid", False)
        return
    keys = KeySet.parse(text, published=True)
    agree(document, keys, published=True)
    if case["test"] in READ_OTHERWISE:
        assert len(keys) == READ_OTHERWISE[case["test"]]
    else:
        assert bool(keys) == (status == "Ok")


@pytest.mark.parametrize("name", GOOGLE)
def test_a_bad_key_beside_a_good_one_leaves_it_good(name: str) -> None:
    """The members of each malformed set, with a good key behind them."""
    try:
        members = json.loads(GOOGLE[name]["text"])["keys"]
        bad = members if isinstance(members, list) else [members]
    except (ValueError, KeyError):
        bad = [GOOGLE[name]["text"]]
    good = next(iter(KeySet.parse((VECTORS / files("jwks")["auth0-common-2022"]).read_bytes())))
    assert good in KeySet.parse({"keys": [*bad, dict(good.jwk)]}, published=True).keys


SEEDS = {f"{one['kind']}-{one['name']}": one["text"] for one in CORPUS}
SEED_SETS = {"ec-p256": 1, "ec-short-coords": 0, "oct": 0, "rsa-public": 1, "set-bad-kty": 0, "set-empty": 0}
SEED_SETS |= {"set-good-then-bad": 1, "set-rsa-ec-oct": 2, "set-x5c-real": 1, "x5c-garbage": 0}


@pytest.mark.parametrize("name", [name for name in SEEDS if not name.startswith("jwt-")])
def test_a_seed_of_another_fuzzer_is_read_or_refused(name: str) -> None:
    """As a key set and as metadata: a result or one of our errors."""
    kind, _, short = name.partition("-")
    text = SEEDS[name].encode()
    for act in (
        lambda: KeySet.parse(text, published=True),
        lambda: read_metadata(Issuer.parse("https://op.example.com"), Response(200, {}, text)),
    ):
        assert code_of(act) in (None, "keyset_invalid", "metadata_invalid", "issuer_mismatch")
    if kind == "jwks" and short in SEED_SETS:
        assert len(KeySet.parse(text, published=True)) == SEED_SETS[short]
    assert kind != "jwks" or short in {*SEED_SETS, "empty", "not-a-jwks"}


def test_a_seed_that_is_metadata_is_read() -> None:
    """The one that is, and states its issuer."""
    answer = Response(200, {}, SEEDS["metadata-provider"].encode())
    assert (
        read_metadata(Issuer.parse("https://op.example.com"), answer).jwks_uri
        == "https://op.example.com/jwks"
    )


# -- metadata ----------------------------------------------------------------------------------------------


def refusal(document: dict[str, Any]) -> str | None:
    """What forbids these metadata, told from the document; None where nothing does."""
    issuer, uri = document.get("issuer"), document.get("jwks_uri")
    if not isinstance(issuer, str) or re.match(r"https?://[^/]*[{<]|http://(?!localhost[:/])", issuer):
        return "misconfigured"
    if "://" not in issuer:
        return "issuer_mismatch"
    local = issuer.startswith("http://") and "http://localhost"
    good = isinstance(uri, str) and uri.startswith(("https://", local or "https://"))
    return None if good else "metadata_invalid"


@pytest.mark.parametrize("slug", files("discovery"))
def test_recorded_metadata_are_read_against_the_issuer_they_state(slug: str) -> None:
    """Read, or refused for what the document itself shows."""
    raw = (VECTORS / files("discovery")[slug]).read_bytes()
    document = json.loads(raw.decode("utf-8-sig"))
    answer = Response(200, {}, raw)
    assert code_of(lambda: read_metadata(Issuer.parse(document.get("issuer")), answer)) == refusal(document)
    if refusal(document) is None:
        metadata = read_metadata(Issuer.parse(document["issuer"]), answer)
        assert (metadata.issuer, metadata.jwks_uri) == (document["issuer"], document["jwks_uri"])


def test_recorded_metadata_of_another_issuer_is_refused() -> None:
    """Not one of them passes for an issuer with one letter more."""
    for file in files("discovery").values():
        raw = (VECTORS / file).read_bytes()
        with pytest.raises(IssuerMisbehaved) as caught:
            read_metadata(Issuer.parse("https://elsewhere.example"), Response(200, {}, raw))
        assert caught.value.code == "issuer_mismatch"


# -- answers with their headers ----------------------------------------------------------------------------


@pytest.mark.parametrize("slug", files("http"))
def test_a_recorded_answer_is_read_with_its_headers(slug: str) -> None:
    """Its document is taken, and its life is within our bounds whatever the headers say."""
    answer = read(files("http")[slug])
    headers = {name.lower(): value for name, value in answer["headers"]}
    body = (
        json.dumps(answer["body"]).encode()
        if not isinstance(answer["body"], str)
        else answer["body"].encode()
    )
    life = life_of(headers, Freshness())
    assert 300 <= life.fresh <= 3600
    assert 0 <= life.stale <= 3600
    if answer["kind"] == "jwks":
        agree(json.loads(body), KeySet.parse(body, published=True), published=True)
        assert len(KeySet.parse(body, published=True)) > 0
        return
    stated = json.loads(body)["issuer"]
    assert read_metadata(Issuer.parse(stated), Response(answer["status"], headers, body)).issuer == stated


# -- certificates ------------------------------------------------------------------------------------------


NO_CERTIFICATES = {"x509-jwt-verify-lib-8bac", "x509-jwt-verify-lib-3a00"}
"""Words between the lines of a PEM."""


@pytest.mark.filterwarnings("ignore:Attribute's length")  # a name of 66 letters, which cryptography minds
@pytest.mark.parametrize("slug", sorted(files("x509").keys() - NO_CERTIFICATES))
def test_a_map_of_certificates_is_read(slug: str) -> None:
    """Each certificate says to us what it says to `cryptography`, and its key is usable by `x5c` alone."""
    whole = KeySet.parse((VECTORS / files("x509")[slug]).read_bytes(), published=True)
    for kid, pem in read(files("x509")[slug]).items():
        theirs = x509.load_pem_x509_certificate(pem.encode())
        ours = read_der(theirs.public_bytes(Encoding.DER))
        assert (ours.not_before, ours.not_after) == (theirs.not_valid_before_utc, theirs.not_valid_after_utc)
        key = theirs.public_key()
        kty = "EC" if isinstance(key, ec.EllipticCurvePublicKey) else "RSA"
        jwk = {"kty": kty, "kid": kid, "x5c": [base64.b64encode(ours.der).decode()]}
        strong = not isinstance(key, rsa.RSAPublicKey) or key.key_size >= 2048
        keys = KeySet.parse({"keys": [jwk]}, published=True)
        assert [one.kid for one in keys] == [kid] * strong
        assert [one.kid for one in whole if one.kid == kid] == [kid] * strong
        assert all(one.certificate == ours for one in whole if one.kid == kid)


@pytest.mark.parametrize("slug", sorted(NO_CERTIFICATES))
def test_what_is_no_certificate_is_skipped(slug: str) -> None:
    """The key is without numbers, and without a certificate to take them from; nor is there one in a map."""
    whole = KeySet.parse(read(files("x509")[slug]), published=True)
    assert [one.reason for one in whole.skipped] == ["malformed"]
    assert len(whole) == 0
    members = [{"kty": "RSA", "kid": kid, "x5c": [pem]} for kid, pem in read(files("x509")[slug]).items()]
    keys = KeySet.parse({"keys": members}, published=True)
    assert [one.reason for one in keys.skipped] == ["no_public_key"] * len(members)


@pytest.mark.parametrize("index", range(3))
def test_a_token_of_a_certificate_map_verifies_by_its_certificate(index: int) -> None:
    """Expired and signed with SHA-1 as they are: dates and hashes of certificates are shown, not judged."""
    one = read("tokens/x509_endpoint.json")[index]
    der = x509.load_pem_x509_certificate(one["certificate_pem"].encode()).public_bytes(Encoding.DER)
    jwk = {"kty": "RSA", "kid": one["kid"], "x5c": [base64.b64encode(der).decode()]}
    keys = KeySet.parse({"keys": [jwk]})
    claims = one["claims"]
    for given in (keys, KeySet.parse({one["kid"]: one["certificate_pem"]}, published=True)):
        verifier = Verifier(claims["iss"], audience=claims["aud"], keys=given, clock=lambda: claims["iat"])
        assert verifier.verify(one["token"]).claims == claims
    assert verify_jws(one["token"], keys, algorithms=["RS256"]).key.certificate is not None
