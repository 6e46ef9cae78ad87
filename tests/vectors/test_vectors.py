"""Other people's tokens, each by its name: what must be accepted is, and what must be refused is, with a
code that fits the defect.

The data lies in `../shared/vectors`, and nothing of it is in the project. Without it these tests are
skipped by name; in CI its absence is a failure.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import rightkey
from rightkey import ANY, KeySet, RightkeyError, TokenRejected, Verifier, verify_jws

pytestmark = pytest.mark.slow

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors"
HERE = (VECTORS / "cases.jsonl").is_file()
needs_vectors = pytest.mark.skipif(not HERE, reason="../shared/vectors is not here")

ASYMMETRIC = frozenset(rightkey.SAFE) | {"ES256K"}
COUNTS = {("must", "valid"): 111, ("must", "invalid"): 343, ("policy", "valid"): 20, ("policy", "invalid"): 5}
COUNTS |= {("defect", "valid"): 2, ("defect", "invalid"): 1}

Case = dict[str, Any]


def load() -> dict[str, Case]:
    lines = (VECTORS / "cases.jsonl").read_text().splitlines() if HERE else []
    return {case["id"]: case for case in map(json.loads, lines)}


CASES = load()

NO_INSTANT = ("asymmetric/137", "asymmetric/295")
"""`nbf` equals `exp`: good from then on, and expired from then on. No instant is left between."""
CONTRADICTED = ("asymmetric/294", "asymmetric/305")
"""`"nbf": {}`, which RFC 7519, section 4.1.5 forbids; the first is the very token that must be refused as
`spring/MalformedPayload`, and the second is another that says so."""

DECISIONS: dict[str, tuple[str, str]] = {
    "wycheproof/sig/350": ("key_not_found", "the key's alg is another: a key serves its alg and no other"),
    "wycheproof/sig/359": ("algorithm_not_allowed", "HMAC does not exist here"),
    "wycheproof/sig/367": ("algorithm_not_allowed", "defect, and HMAC: the padding it is named for was lost"),
    "wycheproof/sig/370": ("algorithm_not_allowed", "defect, and HMAC: the padding it is named for was lost"),
    "wycheproof/sig/373": ("token_malformed", "defect, marked valid upstream: `?` is no letter of base64url"),
    "wycheproof/sig/376": ("algorithm_not_allowed", "HMAC does not exist here"),
    "wycheproof/sig/377": ("algorithm_not_allowed", "HMAC does not exist here"),
    "wycheproof/key/4": ("algorithm_not_allowed", "HMAC; of asymmetric keys with one kid each is tried"),
    "wycheproof/key/11": ("algorithm_not_allowed", "HMAC does not exist here"),
    "wycheproof/key/12": ("algorithm_not_allowed", "HMAC does not exist here"),
    "wycheproof/crypto/47": ("algorithm_not_allowed", "HMAC; a mixed set serves with its asymmetric keys"),
    "rfc/rfc7515/A.1": ("algorithm_not_allowed", "HMAC does not exist here"),
    "rfc/rfc7520/4_4.hmac-sha2_integrity_protection": ("algorithm_not_allowed", "HMAC does not exist here"),
    "rfc/rfc7797/hmac-sha2_b64_false": ("token_malformed", "b64 is not understood, and a JWT may not use it"),
    "mldsa/draft-87": ("accept", "ML-DSA is in the table (RFC 9964)"),
    "mldsa/jsonwebtoken.github.io-65-19": ("accept", "ML-DSA is in the table (RFC 9964)"),
    "mldsa/jsonwebtoken.github.io-65-20": ("accept", "ML-DSA is in the table (RFC 9964)"),
    "asymmetric/057": ("accept", "published keys are read with their padding and leading zero octets"),
    "asymmetric/130": ("accept", "published keys are read with their padding and leading zero octets"),
    "asymmetric/210": ("accept", "RFC 9864's exact names are in the table"),
    "asymmetric/220": ("accept", "RFC 9864's exact names are in the table"),
    "spring/ExpiresAt4687177990+TwoKeys": ("accept", "without kid every key that fits is tried"),
    "spring/ValidMessageReadScope+TwoKeys": ("accept", "without kid every key that fits is tried"),
    "spring/ValidMessageReadScp+TwoKeys": ("accept", "without kid every key that fits is tried"),
    "spring/ValidMessageWriteScp+TwoKeys": ("accept", "without kid every key that fits is tried"),
    "spring/ValidNoScopes+TwoKeys": ("accept", "without kid every key that fits is tried"),
    "mas/eddsa-ed448.jwt": ("accept", "EdDSA serves both curves (RFC 8037)"),
    "mas/es256k.jwt": ("accept", "named by the caller; it is not among those allowed by default"),
}
"""What is ours to decide: the decision, and its reason."""


def accepts() -> list[str]:
    odd = {*NO_INSTANT, *CONTRADICTED}
    return [name for name, case in CASES.items() if judged(case) == ("must", "valid") and name not in odd]


def refusals() -> list[str]:
    return [name for name, case in CASES.items() if judged(case) == ("must", "invalid")]


def judged(case: Case) -> tuple[str, str]:
    return case["basis"], case["expect"]


@cache
def key_set(name: str) -> KeySet:
    case = CASES[name]
    return KeySet.parse(document(case))


def document(case: Case) -> Any:
    return case["jwks"] if "jwks" in case else json.loads((VECTORS / case["jwks_file"]).read_bytes())


def allowed(case: Case) -> frozenset[str]:
    """For what must pass exactly its algorithm, so that nothing else does; for what must not, all."""
    if "algs" in case:
        return frozenset(case["algs"])
    return ASYMMETRIC & {case["alg"]} or ASYMMETRIC if case["expect"] == "valid" else ASYMMETRIC


def decide(name: str, *, leeway: float = 0, at: float | None = None) -> str:
    """`accept`, or the code of the refusal."""
    case, keys = CASES[name], key_set(name)
    try:
        if case["level"] == "jws":
            verify_jws(case["token"], keys, algorithms=allowed(case))
        else:
            verifier(case, keys, leeway, at).verify(case["token"])
    except TokenRejected as error:
        return error.code
    return "accept"


def verifier(case: Case, keys: KeySet, leeway: float, at: float | None) -> Verifier:
    now = at if at is not None else case["at"] or 0
    issuer, audience = (case[name] or ANY for name in ("iss", "aud"))
    return Verifier(
        issuer if isinstance(issuer, str) else ANY,
        audience=audience if audience is ANY or strings(audience) else "expected",
        keys=keys,
        clock=lambda: now,
        profile="any",
        remember=0,
        algorithms=allowed(case),
        require_exp=False,  # where exp is there it is judged all the same
        leeway=leeway,
    )


def strings(aud: Any) -> bool:
    return all(isinstance(one, str) for one in (aud if isinstance(aud, list) else [aud]))


# -- which code fits, found from the token by nothing of ours ----------------------------------------------


def fitting_code(case: Case) -> str:
    """The first thing wrong with a token, in the order of the path."""
    token, parts = case["token"], case["token"].split(".")
    if not token:
        return "token_missing"
    header = json_object(parts[0])
    if len(parts) != 3 or not all(map(canonical, parts)) or header is None or not readable(header):
        return "token_malformed"
    if header["alg"] not in allowed(case):
        return "algorithm_not_allowed"
    if case["level"] == "jwt":
        claims = json_object(parts[1])
        if claims is None or str(header.get("cty")).lower() == "jwt":
            return "token_malformed"
        if not good(claims, case["at"] or 0):
            return "claims_rejected"
    fits = any(fit(member, header) for member in document(case)["keys"])
    return "signature_invalid" if fits else "key_not_found"


def canonical(part: str) -> bool:
    if not re.fullmatch(r"[A-Za-z0-9_-]*", part) or len(part) % 4 == 1:
        return False
    return base64.urlsafe_b64encode(octets(part)).decode().rstrip("=") == part


def octets(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def json_object(part: str) -> dict[str, Any] | None:
    try:
        value = json.loads(octets(part))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def readable(header: dict[str, Any]) -> bool:
    stated = {name: value for name, value in header.items() if value is not None}
    types = all(isinstance(stated.get(name, ""), str) for name in ("alg", "kid", "typ", "cty"))
    return types and "alg" in stated and not header.keys() & {"crit", "b64", "enc"}


def good(claims: dict[str, Any], now: float) -> bool:
    times = all(type(claims.get(name, 0)) in (int, float) for name in ("exp", "nbf", "iat"))
    names = all(isinstance(claims.get(name, ""), str) for name in ("iss", "sub", "jti"))
    lives = claims.get("nbf", now) <= now < claims.get("exp", now + 1) if times else False
    return lives and names and strings(claims.get("aud", ""))


def fit(member: dict[str, Any], header: dict[str, Any]) -> bool:
    """Whether the key could have signed under this header, if its numbers are numbers of a good key."""
    alg, kid, ops = header["alg"], header.get("kid"), member.get("key_ops") or ["verify"]
    purpose = member.get("use") in (None, "sig") and {"verify", "sign"} & {*ops}
    named = kid is None or member.get("kid") in (None, kid)
    return bool(purpose and named and member.get("alg") in (None, alg) and of_type(member, alg))


CURVE = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "ES256K": "secp256k1"}


def of_type(member: dict[str, Any], alg: str) -> bool:
    if alg in CURVE:
        return member["kty"] == "EC" and member["crv"] == CURVE[alg]
    kty = {"RS": "RSA", "PS": "RSA", "Ed": "OKP", "ML": "AKP"}[alg[:2]]
    return member["kty"] == kty and (kty != "RSA" or int.from_bytes(octets(member["n"])).bit_length() >= 2048)


# -- the tests ---------------------------------------------------------------------------------------------


def test_the_vectors_are_here() -> None:
    """Without them there is nothing to say; in CI that is a failure."""
    if not HERE and os.environ.get("CI") != "true":
        pytest.skip("../shared/vectors is not here")
    assert HERE, "../shared/vectors must be here in CI"
    assert Counter(map(judged, CASES.values())) == COUNTS


@needs_vectors
@pytest.mark.parametrize("name", accepts())
def test_a_good_token_is_accepted(name: str) -> None:
    """Every `must` accept, with no other algorithm allowed than its own."""
    assert decide(name) == "accept"


@needs_vectors
@pytest.mark.parametrize("name", refusals())
def test_a_bad_token_is_refused_for_what_is_wrong_with_it(name: str) -> None:
    """Every `must` refusal, with every asymmetric algorithm allowed; the code is that of the first defect."""
    assert decide(name) == fitting_code(CASES[name])


@needs_vectors
@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case["basis"] != "must"])
def test_what_is_ours_to_decide_is_decided_as_documented(name: str) -> None:
    """Every `policy` and `defect` case has its decision, and its reason, in the table."""
    assert decide(name) == DECISIONS[name][0], DECISIONS[name][1]


@needs_vectors
def test_the_table_of_decisions_names_no_other_case() -> None:
    """A decision that decides nothing would lie."""
    assert DECISIONS.keys() == {name for name, case in CASES.items() if case["basis"] != "must"}


@needs_vectors
@pytest.mark.parametrize("name", NO_INSTANT if HERE else ())
def test_a_vector_whose_nbf_is_its_exp_is_valid_at_no_instant(name: str) -> None:
    """A vector's defect: RFC 7519, 4.1.4 and 4.1.5 leave no instant; a second of leeway leaves one."""
    claims = json_object(CASES[name]["token"].split(".")[1])
    assert claims is not None
    assert claims["nbf"] == claims["exp"]
    assert decide(name, at=claims["exp"]) == "claims_rejected"
    assert decide(name, at=claims["exp"] - 1) == "claims_rejected"
    assert decide(name, at=claims["exp"], leeway=1) == "accept"


@needs_vectors
@pytest.mark.parametrize("name", CONTRADICTED if HERE else ())
def test_a_vector_whose_nbf_is_an_object_is_refused_for_that_alone(name: str) -> None:
    """A vector's defect: the same must be refused under another name. Its signature is good."""
    case, twin = CASES[name], CASES["spring/MalformedPayload+Default"]
    claims = [json_object(token.split(".")[1]) for token in (case["token"], twin["token"])]
    assert [one and one["nbf"] for one in claims] == [{}, {}]
    assert decide(twin["id"]) == decide(name) == "claims_rejected"
    assert verify_jws(case["token"], key_set(name), algorithms=[case["alg"]]).payload


@needs_vectors
def test_no_hmac_token_is_accepted_whatever_is_allowed() -> None:
    """There is no name to allow: asking for HMAC is a setting that is wrong."""
    hmac = [case for case in CASES.values() if str(case["alg"]).startswith("HS")]
    assert len(hmac) == 45
    for case in hmac:
        with pytest.raises(rightkey.Misconfigured):
            verify_jws(case["token"], key_set(case["id"]), algorithms=[case["alg"]])


@needs_vectors
def test_no_refusal_quotes_the_token() -> None:
    """A message holds no part of a token's payload or signature, and nothing but our errors leaves."""
    for name in refusals():
        case = CASES[name]
        with pytest.raises(RightkeyError) as caught:
            verify_jws(case["token"], key_set(name), algorithms=ASYMMETRIC) if case["level"] == "jws" else (
                verifier(case, key_set(name), 0, None).verify(case["token"])
            )
        told = f"{caught.value} {caught.value!r} {caught.value.hint}"
        assert not any(part in told for part in case["token"].split(".")[1:] if len(part) > 8), name
