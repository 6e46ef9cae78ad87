"""Explaining: each step of a path whose outcome is known, and nothing secret in the telling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import rightkey
from rightkey.jose.keyset import KeySet
from rightkey.localissuer import mint
from rightkey.localissuer.keys.signing import Form, SigningKey
from rightkey.policy.trust import Trust
from rightkey.sources.source import Located
from rightkey.verdict.attempt import attempt
from rightkey.verdict.held import Held, NeedsNewer
from rightkey.verifier.explaining import STEPS, Explanation, explain

NOW = 1_000_000.0
ISSUER = "https://issuer.example/"
CLAIMS = {"iss": ISSUER, "aud": "api", "exp": NOW + 60, "sub": "secret-subject"}
KEY = SigningKey.generate("ES256", Form(), kid="k", now=NOW)
OTHER = SigningKey.generate("ES256", Form(certificates=False), kid="other")
KEYS = KeySet.parse({"keys": [KEY.public_jwk(), OTHER.public_jwk(), {"kty": "oct", "kid": "mac"}]})
LOCATED = Located(KEYS, ISSUER, (ISSUER,), ISSUER + "jwks", ((ISSUER + "jwks", "200"),), None, 5.0)
GOOD = mint(KEY, CLAIMS)


def told(raw: Any, located: Located = LOCATED, **policy: Any) -> Explanation:
    """What is told of a token that was judged by these keys."""
    trust = Trust(ISSUER, **{"audience": "api"} | policy)
    outcome: Any
    try:
        outcome = attempt(trust, raw, Held(located.keys, located.expected), NOW)
        if isinstance(outcome, NeedsNewer):
            outcome = outcome.error or rightkey.IssuerUnavailable("keys_unavailable", "no keys")
    except rightkey.RightkeyError as error:
        outcome = error
    explanation = explain(trust, raw, located, NOW, outcome)
    words = " ".join(step.detail for step in explanation.steps)
    assert "secret" not in words
    assert str(raw)[-20:] not in words
    return explanation


def failed(explanation: Explanation) -> str:
    """The one step that failed; those after it were not reached, and each step is there once."""
    outcomes = [step.outcome for step in explanation.steps]
    assert outcomes.count("failed") == 1
    assert [step.step for step in explanation.steps] == list(STEPS)
    after = outcomes[outcomes.index("failed") + 1 :]
    assert set(after) <= {"skipped"}
    return STEPS[outcomes.index("failed")]


def test_a_good_token_has_every_step_told() -> None:
    """With what was passed over, skipped and asked, as data."""
    explanation = told(GOOD)
    assert explanation.verified is not None
    steps = {step.step: step for step in explanation.steps}
    assert steps["keys"].data["skipped"][0]["reason"] == "symmetric"
    assert steps["key"].data["passed_over"] == [{"kid": "other", "reason": "another kid"}]
    assert steps["metadata"].data["requests"] == [{"url": ISSUER + "jwks", "answer": "200"}]
    assert steps["certificate"].data["certificate"]["self_issued"]


def test_keys_that_were_handed_over_have_no_metadata() -> None:
    """Which is a note, and no failure; a key without a certificate is another."""
    explanation = told(mint(OTHER, CLAIMS), Located(KEYS))
    notes = [step.step for step in explanation.steps if step.outcome == "note"]
    assert notes == ["metadata", "certificate"]


@pytest.mark.parametrize(
    ("raw", "step"),
    [
        ("no token", "token"),
        (mint(KEY, CLAIMS, header={"alg": "none"}), "algorithm"),
        (mint(KEY, CLAIMS, header={"alg": "ES384"}), "key"),
        (mint(KEY, CLAIMS | {"exp": 1}), "claims"),
        (mint(KEY, CLAIMS, header={"kid": "absent"}), "key"),
        (mint(KEY, CLAIMS, header={"kid": "mac"}), "key"),
        (mint(KEY, CLAIMS, header={"kid": "other"}), "signature"),
    ],
    ids=["token", "algorithm", "alg of no key", "claims", "kid", "skipped", "signature"],
)
def test_the_step_that_failed_is_marked(raw: str, step: str) -> None:
    """And the rest is not reached."""
    assert failed(told(raw)) == step


def test_a_payload_that_cannot_be_read_fails_at_the_claims(token: Callable[..., str]) -> None:
    """Its header was read."""
    assert failed(told(token(KEY, b"not json", kid="k"))) == "claims"


def test_certificates_and_requirements_come_last() -> None:
    """After the signature."""
    mixed = KEY.public_jwk() | {
        "x5c": SigningKey.generate("ES256", Form(), kid="k", now=NOW).public_jwk()["x5c"]
    }
    assert failed(told(GOOD, Located(KeySet.parse({"keys": [mixed]})))) == "certificate"
    assert failed(told(GOOD, require="write:x")) == "requirements"
    assert told(mint(KEY, CLAIMS | {"scope": "write:x"}), require="write:x").steps[-1].detail == "granted"


def test_without_keys_the_issuers_fault_is_told() -> None:
    """At the metadata or at the keys; with what failed, or where nothing was asked, with the outcome."""
    down = rightkey.IssuerUnavailable("discovery_failed", "status 503")
    explanation = told(GOOD, Located(None, failure=down))
    assert failed(explanation) == "metadata"
    assert "503" in next(step.detail for step in explanation.steps if step.outcome == "failed")
    assert failed(told(GOOD, Located(None, ISSUER, (ISSUER,), ISSUER + "jwks", failure=down))) == "keys"
    assert failed(told(GOOD, Located(None))) == "metadata"
