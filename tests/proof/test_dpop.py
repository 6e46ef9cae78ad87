"""DPoP: each check of RFC 9449, section 4.3, by a proof that fails it alone; and the RFC's own example."""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from tests.conftest import NOW

from rightkey.errors import Failure, TokenRejected
from rightkey.jose.algorithms import ALGORITHMS
from rightkey.jose.base64url import decode, encode
from rightkey.localissuer import Sender
from rightkey.localissuer.tokens.minting import compact
from rightkey.policy.confirmation import REASONS, token_hash
from rightkey.policy.presented import Presented
from rightkey.proof.dpop import MAX_JTI, MAX_PROOF, Proofs
from rightkey.proof.nonces import nonce_at
from rightkey.proof.replays import used
from rightkey.proof.settings import DPoP

ORIGIN, URL, TOKEN = "https://api.example.com", "https://api.example.com/a/b", "eyJ.a.token"
SENDER, OTHER = Sender(clock=lambda: NOW), Sender(clock=lambda: NOW)
JKT, ATH = SENDER.cnf["jkt"], token_hash(TOKEN)
PROOFS = Proofs((ORIGIN,), DPoP())
SECRET = bytes(32)

RFC = {
    "token": "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU",
    "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
    "now": 1562262618,
    "proof": (
        "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6Ik"
        "VDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR"
        "nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE"
        "QSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIj"
        "oiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0Z"
        "WRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNF"
        "c05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71E"
        "OptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
    ),
}
"""RFC 9449, figures 12 and 13: a request for /protectedresource of resource.example.org."""


def presented(*proofs: str, method: str = "GET", url: str = "/a/b?c=d") -> Presented:
    return Presented("DPoP", method, url, proofs)


def proof(*, header: Any = None, **claims: Any) -> str:
    return SENDER.proof("GET", URL, TOKEN, header=header, **claims)


def refused(request: Presented, *, proofs: Proofs = PROOFS, now: float = NOW) -> TokenRejected:
    with pytest.raises(TokenRejected) as caught:
        proofs.judge(ATH, JKT, request, now)
    error = caught.value
    assert (error.code, error.status) == ("proof_rejected", 401)
    assert error.reason in REASONS
    return error


def test_the_rfcs_example() -> None:
    """Figures 12 and 13, when it was made; and what must be seen for the first time."""
    request = presented(RFC["proof"], url="https://resource.example.org/protectedresource")
    proofs = Proofs((), DPoP())
    found = proofs.judge(token_hash(RFC["token"]), RFC["jkt"], request, RFC["now"])
    assert found == used(RFC["jkt"], "e1j3V_bKic8-LAEB", RFC["now"] + 300)


@pytest.mark.parametrize(
    "algorithm", ["ES256", "ES384", "RS256", "PS256", "Ed25519", "EdDSA", "Ed448", "ML-DSA-87"]
)
def test_clients_may_sign_by_what_verifiers_know(algorithm: str) -> None:
    """And `EdDSA` serves for what RFC 9864 calls Ed25519."""
    sender = Sender(algorithm, clock=lambda: NOW)
    raw = sender.proof("GET", URL, TOKEN)
    assert PROOFS.judge(ATH, sender.cnf["jkt"], presented(raw), NOW)[1] == NOW + 300


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "no typ": ("proof_type", {"header": {"typ": None}}),
    "an access token's typ": ("proof_type", {"header": {"typ": "at+jwt"}}),
    "a symmetric algorithm": ("proof_algorithm", {"header": {"alg": "HS256"}}),
    "no algorithm": ("proof_algorithm", {"header": {"alg": "none"}}),
    "an algorithm that is off": ("proof_algorithm", {"header": {"alg": "ES256K"}}),
    "no key": ("proof_key", {"header": {"jwk": None}}),
    "a key that is text": ("proof_key", {"header": {"jwk": "a"}}),
    "a private key": ("proof_key", {"header": {"jwk": SENDER.jwk | {"d": "AA"}}}),
    "a symmetric key": ("proof_key", {"header": {"jwk": {"kty": "oct", "k": "AA"}}}),
    "a key to encrypt": ("proof_key", {"header": {"jwk": SENDER.jwk | {"use": "enc"}}}),
    "a point off the curve": ("proof_key", {"header": {"jwk": SENDER.jwk | {"y": SENDER.jwk["x"]}}}),
    "a key of another algorithm": ("proof_key", {"header": {"alg": "RS256"}}),
    "a header that is critical": ("proof_malformed", {"header": {"crit": ["a"], "a": 1}}),
    "another token in it": ("proof_malformed", {"header": {"cty": "JWT"}}),
    "no jti": ("proof_claims", {"jti": None}),
    "an empty jti": ("proof_claims", {"jti": ""}),
    "a long jti": ("proof_claims", {"jti": "a" * (MAX_JTI + 1)}),
    "a jti that is a number": ("proof_claims", {"jti": 5}),
    "no htm": ("proof_claims", {"htm": None}),
    "an htm that is a number": ("proof_claims", {"htm": 1}),
    "no htu": ("proof_claims", {"htu": None}),
    "an htu that is a list": ("proof_claims", {"htu": [URL]}),
    "no iat": ("proof_claims", {"iat": None}),
    "an iat that is text": ("proof_claims", {"iat": str(NOW)}),
    "an iat that is true": ("proof_claims", {"iat": True}),
    "no ath": ("token_mismatch", {"ath": None}),
    "an ath that is a number": ("token_mismatch", {"ath": 5}),
    "a nonce that is a number": ("proof_claims", {"nonce": 5}),
    "another method": ("method_mismatch", {"htm": "POST"}),
    "a method and no jti": ("proof_claims", {"htm": "POST", "jti": None}),
    "a method in small letters": ("method_mismatch", {"htm": "get"}),
    "another path": ("url_mismatch", {"htu": f"{URL}/c"}),
    "another host": ("url_mismatch", {"htu": URL.replace("api", "evil")}),
    "another scheme": ("url_mismatch", {"htu": URL.replace("https", "http")}),
    "another port": ("url_mismatch", {"htu": URL.replace(".com", ".com:8443")}),
    "no whole URL": ("url_mismatch", {"htu": "/a/b"}),
    "another token": ("token_mismatch", {"ath": encode(bytes(32))}),
    "an old iat": ("proof_expired", {"iat": NOW - 301}),
    "an iat of long ago": ("proof_expired", {"iat": -(2**63)}),
    "a future iat": ("proof_early", {"iat": NOW + 11}),
    "an iat that is far ahead": ("proof_early", {"iat": 1e300}),
}


@pytest.mark.parametrize(("reason", "changes"), WRONG.values(), ids=WRONG)
def test_a_proof_is_refused_for_what_it_lacks(reason: str, changes: dict[str, Any]) -> None:
    """Each is signed by the right key, and wrong in one thing. No message has a value of it or the token."""
    raw = proof(**changes)
    error = refused(presented(raw))
    assert error.reason == reason
    told = f"{error} {error.hint}"
    assert TOKEN not in told
    assert raw not in told
    for claim in json.loads(decode(raw.split(".")[1].encode())).values():
        assert len(str(claim)) < 4 or str(claim) not in told


@pytest.mark.parametrize(
    ("changes", "failures"),
    [
        ({"htm": "POST"}, (Failure("htm", "mismatch", "GET", "POST"),)),
        ({"htu": "https://b.example/"}, (Failure("htu", "mismatch", URL, "https://b.example/"),)),
        ({"iat": NOW - 301}, (Failure("iat", "expired", f"at least {NOW - 300}", NOW - 301),)),
        ({"iat": NOW + 11}, (Failure("iat", "not_yet_valid", f"at most {NOW}", NOW + 11),)),
        ({"htm": None}, (Failure("htm", "missing", "str"),)),
        ({"htm": 1}, (Failure("htm", "malformed", "str", 1),)),
        ({"jti": None, "htu": 1}, (Failure("jti", "missing", "str"), Failure("htu", "malformed", "str", 1))),
        ({"ath": None}, (Failure("ath", "missing", encode(hashlib.sha256(TOKEN.encode()).digest())),)),
    ],
)
def test_what_was_expected_is_data(changes: dict[str, Any], failures: tuple[Failure, ...]) -> None:
    """As for the claims of a token."""
    assert refused(presented(proof(**changes))).failures == failures


@pytest.mark.parametrize("iat", [NOW - 300, NOW, NOW + 10, NOW + 0.5])
def test_a_proof_passes_for_so_long(iat: float) -> None:
    """Five minutes, and ten seconds for clocks that differ."""
    assert PROOFS.judge(ATH, JKT, presented(proof(iat=iat)), NOW)[1] == iat + 300


@pytest.mark.parametrize(
    "url", [URL, f"{URL}?c=d#e", "HTTPS://API.example.com:443/a/%62", f"{ORIGIN}/a/c/../b"]
)
def test_a_url_may_be_spelled_otherwise(url: str) -> None:
    """RFC 9449, section 4.3, after the list: by the rules of RFC 3986, and without query and fragment."""
    assert PROOFS.judge(ATH, JKT, presented(proof(htu=url)), NOW)


@pytest.mark.parametrize("typ", ["DPoP+JWT", "application/dpop+jwt"])
def test_a_type_may_be_spelled_otherwise(typ: str) -> None:
    """RFC 7515, section 4.1.9."""
    assert PROOFS.judge(ATH, JKT, presented(proof(header={"typ": typ})), NOW)


def test_a_path_that_goes_upwards_is_no_ones() -> None:
    """An application might take it for another than the client does."""
    for path in ("/a/b", "/admin/../a/b"):
        error = refused(presented(proof(htu=ORIGIN + path), url="/admin/../a/b"))
        assert error.reason == "url_mismatch"


@pytest.mark.parametrize(
    ("proofs", "reason"),
    [
        ([], "proof_missing"),
        (["{0}", "{0}"], "proof_repeated"),
        (["{0}, {0}"], "proof_repeated"),
        ([""], "proof_malformed"),
        (["a.b"], "proof_malformed"),
        (["{0}="], "proof_malformed"),
        ([" {0}"], "proof_malformed"),
        (["é.é.é"], "proof_malformed"),
        ([f"{{0}}{'a' * MAX_PROOF}"], "proof_malformed"),
        (["e30.e30.e30.e30.e30"], "proof_malformed"),
    ],
)
def test_there_is_one_proof_and_it_is_read_strictly(proofs: list[str], reason: str) -> None:
    """Also where a server has joined two headers by a comma."""
    error = refused(presented(*(one.format(proof()) for one in proofs)))
    assert error.reason == reason
    assert "the token cannot" not in str(error)


def test_a_proof_is_an_object() -> None:
    """And not any JSON."""
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": SENDER.jwk}
    raw = compact(header, b"[]", SENDER.key.sign)
    assert refused(presented(raw)).reason == "proof_malformed"


def test_no_number_is_too_large() -> None:
    """An `iat` of 300 digits is far ahead, and no error of ours."""
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": SENDER.jwk}
    payload = decode(proof().split(".")[1].encode()).replace(b"%d" % NOW, b"1" * 300)
    assert refused(presented(compact(header, payload, SENDER.key.sign))).reason == "proof_early"


def test_a_proof_is_by_the_key_of_the_token() -> None:
    """A proof by another key, however good, proves nothing of this token."""
    assert refused(presented(OTHER.proof("GET", URL, TOKEN))).reason == "key_mismatch"


def test_a_proof_is_signed_by_the_key_in_it() -> None:
    """To show someone's public key is not to hold it."""
    raw = OTHER.proof("GET", URL, TOKEN, header={"jwk": SENDER.jwk})
    assert refused(presented(raw)).reason == "proof_signature"
    good = proof()
    assert PROOFS.judge(ATH, JKT, presented(good), NOW)
    other = proof(jti="other").rpartition(".")[2]
    assert refused(presented(f"{good.rpartition('.')[0]}.{other}")).reason == "proof_signature"


def test_a_certificate_in_the_key_counts_for_nothing() -> None:
    """The key is its numbers."""
    raw = proof(header={"jwk": SENDER.jwk | {"x5c": ["AAAA"], "x5t": "a"}})
    assert PROOFS.judge(ATH, JKT, presented(raw), NOW)


def test_a_header_is_read_once() -> None:
    """A client signs under one header again and again. What is not proved is not remembered."""
    proofs = Proofs((ORIGIN,), DPoP())
    for _ in range(3):
        assert proofs.judge(ATH, JKT, presented(proof()), NOW)
    assert len(proofs._keys) == 1
    refused(presented(OTHER.proof("GET", URL, TOKEN)), proofs=proofs)
    assert len(proofs._keys) == 1


def test_a_client_has_one_place_however_many_headers_it_makes_up() -> None:
    """And each proof is judged by the header that it has."""
    proofs = Proofs((ORIGIN,), DPoP())
    for number in range(5):
        assert proofs.judge(ATH, JKT, presented(proof(header={"n": number})), NOW)
        assert len(proofs._keys) == 1
    typ = presented(proof(header={"typ": "JWT"}))
    assert refused(typ, proofs=proofs).reason == "proof_type"
    foreign = presented(OTHER.proof("GET", URL, TOKEN, header={"jwk": SENDER.jwk}))
    assert refused(foreign, proofs=proofs).reason == "proof_signature"
    assert len(proofs._keys) == 1


def test_without_an_origin_a_path_is_not_enough() -> None:
    """A verifier that does not know its name accepts no proof, rather than believe the request."""
    error = refused(presented(proof()), proofs=Proofs((), DPoP()))
    assert error.reason == "origin_unknown"
    assert "origin=" in str(error.hint)


def test_a_url_that_is_none_is_no_ones() -> None:
    """However it came there."""
    assert refused(presented(proof(), url="*")).reason == "url_mismatch"


@pytest.mark.parametrize("nonce", [None, "", "stale", nonce_at(SECRET, NOW - 120), nonce_at(b"s" * 32, NOW)])
def test_a_nonce_is_asked_for(nonce: str | None) -> None:
    """Where there is a secret; the error has the one to send."""
    error = refused(presented(proof(nonce=nonce)), proofs=Proofs((ORIGIN,), DPoP(nonce_secret=SECRET)))
    assert (error.reason, error.nonce) == ("nonce_needed", nonce_at(SECRET, NOW))


@pytest.mark.parametrize("iat", [NOW, NOW - 10**6, NOW + 10**6])
def test_by_a_nonce_the_clients_clock_does_not_count(iat: int) -> None:
    """RFC 9449, section 4.3, check 11: either of the two tells when a proof was made."""
    proofs = Proofs((ORIGIN,), DPoP(nonce_secret=SECRET))
    found = proofs.judge(ATH, JKT, presented(proof(nonce=nonce_at(SECRET, NOW), iat=iat)), NOW + 59)
    assert found[1] == NOW + 120


def test_a_request_for_a_token_is_proved_without_one() -> None:
    """RFC 9449, section 5: by everything but `ath`; the token is then bound to the proof's key."""
    url = "https://issuer.example/token"
    request = Presented("DPoP", "POST", url, [SENDER.proof("POST", url)])
    proofs = Proofs((), DPoP())
    assert proofs.sender(request, NOW) == JKT
    wrong = [
        SENDER.proof("GET", url),
        SENDER.proof("POST", url, iat=NOW - 301),
        OTHER.proof("POST", url, header={"jwk": SENDER.jwk}),
    ]
    for raw, reason in zip(wrong, ("method_mismatch", "proof_expired", "proof_signature"), strict=True):
        with pytest.raises(TokenRejected) as caught:
            proofs.sender(Presented("DPoP", "POST", url, [raw]), NOW)
        assert caught.value.reason == reason


def test_settings_count() -> None:
    """Algorithms, age and what is ahead."""
    proofs = Proofs((ORIGIN,), DPoP(algorithms=["RS256"], max_age=5, ahead=0))
    assert refused(presented(proof()), proofs=proofs).reason == "proof_algorithm"
    proofs = Proofs((ORIGIN,), DPoP(max_age=5, ahead=0))
    assert refused(presented(proof(iat=NOW - 6)), proofs=proofs).reason == "proof_expired"
    assert refused(presented(proof(iat=NOW + 1)), proofs=proofs).reason == "proof_early"
    assert proofs.judge(ATH, JKT, presented(proof()), NOW)[1] == NOW + 5


JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=9),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
NAMES = ["typ", "alg", "jwk", "cty", "crit", "kid", "jti", "htm", "htu", "iat", "ath", "nonce"]


@given(some.text() | some.text("eyJ.-_=", max_size=60))
def test_no_text_is_an_error_of_ours(text: str) -> None:
    """Whatever came in the header, the verdict is one of ours."""
    refused(presented(text), proofs=PROOFS)


@given(some.dictionaries(some.sampled_from(NAMES), JSON), some.sampled_from(["header", "jwk", "claims"]))
def test_no_member_is_an_error_of_ours(changes: dict[str, Any], where: str) -> None:
    """Nor whatever stands in a proof that its key has signed."""
    header: dict[str, Any] = {"typ": "dpop+jwt", "alg": "ES256", "jwk": SENDER.jwk}
    claims = json.loads(decode(proof().split(".")[1].encode()))
    changed = {"header": header, "jwk": dict(SENDER.jwk), "claims": claims}[where]
    changed.update(changes)
    if where == "jwk":
        header["jwk"] = changed
    raw = compact(json.dumps(header).encode(), json.dumps(claims).encode(), SENDER.key.sign)
    with contextlib.suppress(TokenRejected):
        PROOFS.judge(ATH, JKT, presented(raw), NOW)


def test_one_proof_may_be_given_bare() -> None:
    """A string is one proof, not so many letters; and nothing of it is shown."""
    request = Presented("dpop", "GET", "/a/b", proof())
    assert PROOFS.judge(ATH, JKT, request, NOW)
    assert repr(request) == "Presented('dpop')"
    assert set(DPoP().algorithms) < set(ALGORITHMS)
