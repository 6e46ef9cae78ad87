"""Other people's tokens with expectations of their own: claims at a fixed clock, an algorithm each, and
kinds of `typ`.

The data lies in `../shared/vectors`; see `test_vectors.py`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import rightkey
from rightkey import ANY, KeySet, TokenRejected, Verifier, verify_jws
from rightkey.issuer.providers import recognise

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors"
HERE = (VECTORS / "cases.jsonl").is_file()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not HERE, reason="../shared/vectors is not here")]

ASYMMETRIC = frozenset(rightkey.SAFE) | {"ES256K"}


def read(name: str) -> Any:
    return json.loads((VECTORS / name).read_bytes()) if HERE else {}


AUTH0 = read("tokens/auth0_claims.json")
SPRING = read("tokens/spring_resource_server.json")
MAS = read("tokens/mas_all_algorithms.json")
TYPES: list[dict[str, Any]] = read("tokens/typ_variants.json")


def refusal(verifier: Verifier, token: str, **asked: Any) -> TokenRejected | None:
    """The refusal; None where the token is accepted."""
    try:
        verifier.verify(token, **asked)
    except TokenRejected as error:
        return error
    return None


# -- ID tokens at a fixed clock ----------------------------------------------------------------------------

WRONG = {
    "test_err_token_empty": "token_missing",
    "test_err_token_format_invalid": "token_malformed",
    "test_RS256_token_signature_fails": "signature_invalid",
    "test_fails_with_algorithm_not_supported": "algorithm_not_allowed",
    "test_fails_with_iss_missing": "issuer_not_trusted",
    "test_fails_with_iss_invalid": "issuer_not_trusted",
    "test_fails_with_sub_missing": "sub missing",
    "test_fails_with_aud_missing": "aud missing",
    "test_fails_with_aud_invalid": "aud mismatch",
    "test_fails_with_exp_missing": "exp missing",
    "test_fails_with_exp_invalid": "exp expired",
    "test_fails_with_iat_missing": "iat missing",
    "test_fails_with_nonce_missing": "nonce missing",
    "test_fails_with_nonce_invalid": "nonce mismatch",
    "test_fails_with_aud_array_and_azp_missing": "azp missing",
    "test_fails_with_aud_array_and_azp_invalid": "azp mismatch",
    "test_fails_when_max_age_sent_with_auth_time_missing": "auth_time missing",
    "test_fails_when_max_age_sent_with_auth_time_invalid": "auth_time expired",
}
"""What is wrong: a code, or the one claim and the reason. Of HS256 it is always the algorithm."""


def auth0_cases() -> list[Any]:
    named = [(f"{index:02}-{case['test']}", case) for index, case in enumerate(AUTH0.get("cases", []))]
    return [pytest.param(case, id=name) for name, case in named]


@pytest.mark.parametrize("case", auth0_cases())
def test_an_id_token_of_auth0s_own_tests(case: dict[str, Any]) -> None:
    """Under the profile `id`, with its clock and leeway: as expected, and for the claim it names."""
    options, expected = case["options"], AUTH0["expectations"]
    verifier = Verifier(
        expected["issuer"],
        audience=expected["audience"],
        profile="id",
        keys=KeySet.parse(AUTH0["jwks"]),
        leeway=AUTH0["leeway"],
        clock=lambda: options.get("clock", AUTH0["clock"]),
    )
    error = refusal(verifier, case["token"] or "", nonce=options.get("nonce"), max_age=options.get("max_age"))
    if case.get("header", {}).get("alg") == "HS256":
        assert error is not None
        assert error.code == "algorithm_not_allowed"
    elif case["expect"] == "accept":
        assert error is None
    else:
        assert error is not None
        found = [f"{one.claim} {one.reason}" for one in error.failures]
        assert [WRONG[case["test"]]] == (found if error.code == "claims_rejected" else [error.code])


def test_all_of_auth0s_cases_are_here() -> None:
    """What is refused by design and what for its claims, counted."""
    cases = AUTH0["cases"]
    by_design = [case for case in cases if case.get("header", {}).get("alg") == "HS256"]
    assert (len(cases), len(by_design)) == (33, 10)
    assert {case["test"] for case in cases} >= WRONG.keys()


# -- Spring's resource server ------------------------------------------------------------------------------


@pytest.mark.parametrize("jwks", ["Default", "TwoKeys", "Empty"])
@pytest.mark.parametrize("index", range(12))
def test_a_token_of_springs_resource_server(index: int, jwks: str) -> None:
    """At a time within their decades: what verifies there and is good is accepted here.

    Their key sets hold private keys: handed over, the public half is kept.
    """
    case = SPRING["cases"][index]
    keys = KeySet.parse(SPRING["jwks"][jwks])
    assert len(keys) == len(SPRING["jwks"][jwks]["keys"])
    verifier = Verifier(ANY, audience=ANY, keys=keys, algorithms=["RS256"], clock=lambda: 1_700_000_000)
    error = refusal(verifier, case["token"])
    assert (error is None) == (case["expect"] == "accept" and bool(case[f"verifies_with_{jwks}"]))


# -- an algorithm each -------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", range(15))
def test_each_algorithm_verifies_by_one_public_key_set(index: int) -> None:
    """Keys without `alg`: the type and curve choose. HMAC is refused, whatever is allowed."""
    case = MAS["tokens"][index]
    keys = KeySet.parse(MAS["jwks"], published=True)
    alg = case["name"].removesuffix(".jwt").upper()
    if alg.startswith("HS"):
        with pytest.raises(TokenRejected) as caught:
            verify_jws(case["token"], keys, algorithms=ASYMMETRIC)
        assert caught.value.code == "algorithm_not_allowed"
    else:
        name = "EdDSA" if alg.startswith("EDDSA") else alg
        assert verify_jws(case["token"], keys, algorithms=[name]).header["alg"] == name


# -- kinds of token ----------------------------------------------------------------------------------------


def canonical(part: str) -> bool:
    """Whether it is the one spelling of its octets."""
    rest = {2: "AQgw", 3: "AEIMQUYcgkosw048"}.get(len(part) % 4)
    return len(part) % 4 != 1 and (rest is None or part[-1] in rest)


@pytest.mark.parametrize("index", range(51))
def test_a_kind_of_token_is_taken_for_no_other(index: int) -> None:
    """`access` takes absent, `JWT` and `at+jwt` in any case, with or without `application/`; `any` all."""
    case = TYPES[index]
    header = case["header"]
    keys = KeySet.parse({"keys": [case["jwk"]] if case["jwk"] else []})
    judged = {}
    for profile in ("access", "any"):
        verifier = Verifier(
            ANY, audience=ANY, keys=keys, profile=profile, require_exp=False, algorithms=ASYMMETRIC
        )
        error = refusal(verifier, case["token"])
        assert error is not None  # each is expired, without its key, or spells its times as strings
        judged[profile] = (error.code, {one.claim for one in error.failures})
    code, claims = judged["access"]
    if "enc" in header or not all(map(canonical, case["token"].split("."))):
        assert code == "token_malformed"
    elif header["alg"] not in ASYMMETRIC:
        assert code == "algorithm_not_allowed"
    else:
        kind = header["typ"].lower().removeprefix("application/")
        assert ("typ" in claims) == (kind not in ("", "jwt", "at+jwt"))
    assert "typ" not in judged["any"][1]


def test_a_key_in_the_header_is_no_key() -> None:
    """Five of them verify with the `jwk` they carry, and with nothing that was handed over."""
    embedded = [case for case in TYPES if case["signature"] == "verifies with embedded jwk"]
    assert len(embedded) == 5
    for case in embedded:
        with pytest.raises(TokenRejected) as caught:
            verify_jws(case["token"], KeySet.parse({"keys": []}), algorithms=ASYMMETRIC)
        assert caught.value.code == "key_not_found"
        own = KeySet.parse({"keys": [case["header"]["jwk"]]})
        assert verify_jws(case["token"], own, algorithms=ASYMMETRIC)


@pytest.mark.parametrize("index", [i for i, one in enumerate(TYPES) if one["signature"] == "verifies"])
def test_a_kind_of_token_says_nothing_about_its_signature(index: int) -> None:
    """Where the key is known and asymmetric, `verify_jws` finds the signature good whatever `typ` says.

    Some of these keys stand in the data under another `kid` than the token's: they are taken without.
    """
    case = TYPES[index]
    keys = KeySet.parse({"keys": [case["jwk"] | {"kid": None}]})
    if case["header"]["alg"] in ASYMMETRIC:
        assert verify_jws(case["token"], keys, algorithms=[case["header"]["alg"]]).payload
    else:
        assert [one.reason for one in keys.skipped] == ["symmetric"]


# -- tokens of a fuzzer's corpus ---------------------------------------------------------------------------

CORPUS = {
    f"{one['kind']}-{one['name']}": one
    for one in read("attacks/mod_auth_openidc_corpus.json").get("cases", [])
}
CORPUS_CODES = {
    "jwt-alg-kty-mismatch": "key_not_found",
    "jwt-alg-none": "algorithm_not_allowed",
    "jwt-empty": "token_missing",
    "jwt-es256-kid-valid": None,
    "jwt-es256-unknown-kid": "key_not_found",
    "jwt-five-segments": "token_malformed",
    "jwt-hs256": "algorithm_not_allowed",
    "jwt-hs256-rfc-valid": "algorithm_not_allowed",
    "jwt-jwe-a128kw-rfc": "token_malformed",
    "jwt-jwe-rsa-oaep-gcm-rfc": "token_malformed",
    "jwt-not-a-jwt": "token_malformed",
    "jwt-regression-payload-not-json": "token_malformed",
    # Good by a key that states no thumbprint: a token without `kid` that names a certificate is matched by
    # the certificate, and not by type as well.
    "jwt-rs256-x5t-valid": "key_not_found",
}


@pytest.mark.parametrize("name", [name for name in CORPUS if name.startswith("jwt-")])
def test_a_seed_of_another_fuzzer_is_judged(name: str) -> None:
    """Against the corpus's own key set: one is good, and one would be by a key that it does not name."""
    keys = KeySet.parse(CORPUS["jwks-set-rsa-ec-oct"]["text"])
    try:
        verify_jws(CORPUS[name]["text"], keys, algorithms=ASYMMETRIC)
    except TokenRejected as error:
        code: str | None = error.code
    else:
        code = None
    assert code == CORPUS_CODES[name]


@pytest.mark.parametrize("index", range(61))
def test_a_token_that_nobody_signed_is_refused(index: int) -> None:
    """Every `alg: none` token of the collection, by the name it gives its algorithm or before."""
    case = read("attacks/alg_none_tokens.json")[index]
    keys = KeySet.parse(MAS["jwks"])
    verifier = Verifier(ANY, audience=ANY, keys=keys, profile="any", require_exp=False, clock=lambda: 0)
    error = refusal(verifier, case["token"])
    assert error is not None
    assert error.code in ("algorithm_not_allowed", "token_malformed")


# -- tokens that providers issued --------------------------------------------------------------------------


def real() -> list[Any]:
    """Tokens of providers that are known, with the row that is theirs."""
    lines = (VECTORS / "cases.jsonl").read_text().splitlines() if HERE else []
    cases = [case for case in map(json.loads, lines) if case["set"] == "provider"]
    cases = [case for case in cases if case.get("iss", "").startswith("https://")]
    known = [(case, recognise(case["iss"])) for case in cases]
    return [pytest.param(case, row.name, id=f"{case['id']}-{row.name}") for case, row in known if row]


@pytest.mark.parametrize(("case", "provider"), real())
def test_a_real_token_verifies_through_its_providers_row(case: dict[str, Any], provider: str) -> None:
    """At its own time, by the keys that were recorded; and not for another tenant."""
    keys = KeySet.parse((VECTORS / case["jwks_file"]).read_bytes(), published=True)
    settings = {"audience": case["aud"], "keys": keys, "provider": provider, "clock": lambda: case["at"]}
    assert Verifier(case["iss"], **settings).verify(case["token"]).issuer == case["iss"]
    tenant = re.search(r"[0-9a-f]{8}-", case["iss"])
    if tenant is not None:
        other = Verifier(case["iss"].replace(tenant[0], "01234567-"), **settings)
        error = refusal(other, case["token"])
        assert error is not None
        assert error.code == "issuer_not_trusted"


def test_there_are_real_tokens_of_four_rows() -> None:
    """So that the test above does not pass for want of cases."""
    assert {param.values[1] for param in real()} == {"auth0", "entra", "entra-v1-tenant", "google"}
