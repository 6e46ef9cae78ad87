"""Other people's tokens through the command line: one that must pass and one that must not, of each set.

They lie beside the project (`../shared/vectors`) and are not ours to copy. Where they are absent the test is
skipped, but not in CI.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rightkey.cli import run
from rightkey.jose.algorithms import SAFE

VECTORS = Path(__file__).parents[3] / "shared" / "vectors"
CASES = VECTORS / "cases.jsonl"


def cases() -> list[dict[str, Any]]:
    if not CASES.exists():
        return []
    return [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]


def chosen(expect: str) -> list[Any]:
    """The first of each set, `must` before `policy`; for what HMAC signs there is no key here."""
    first: dict[str, dict[str, Any]] = {}
    for case in sorted(cases(), key=lambda case: str(case["basis"])):
        if case["expect"] == expect and case["basis"] != "defect" and case["alg"] in {*SAFE, "none"}:
            first.setdefault(case["set"], case)
    return [pytest.param(case, id=case["id"]) for case in first.values()]


def options(case: dict[str, Any], path: Path) -> list[str]:
    """The command for a case, as its index says it is to be read."""
    if "jwks_file" in case:
        path = VECTORS / case["jwks_file"]
    else:
        path.write_text(json.dumps(case["jwks"]), encoding="utf-8")
    allowed = case.get("algs") or ([case["alg"]] if case["expect"] == "valid" else [])
    command = ["verify", case["token"], "--jwks", str(path), "--json"]
    command += [word for name in allowed for word in ("--alg", name)]
    if case["level"] == "jws":
        return [*command, "--no-claims"]
    command += ["--no-exp"] if case["at"] is None else ["--at", str(case["at"])]
    command += ["--issuer", case["iss"]] if isinstance(case["iss"], str) else []
    aud = case["aud"] if isinstance(case["aud"], list) else [case["aud"]] if case["aud"] else []
    return command + ([word for name in aud for word in ("--audience", name)] or ["--any-audience"])


def outcome(case: dict[str, Any], path: Path) -> tuple[int, Any]:
    """The exit code and the JSON, which every run has."""
    with CliRunner().isolation() as (out, err, _):
        code = run(options(case, path))
    said, told = out.getvalue().decode(), err.getvalue().decode()
    assert "Traceback" not in told
    return code, json.loads(said)


def test_the_vectors_are_there_in_ci() -> None:
    """In CI nothing is skipped for want of them."""
    if not CASES.exists():
        assert os.environ.get("CI") != "true"
        pytest.skip("../shared/vectors is absent")


@pytest.mark.parametrize("case", chosen("valid"))
def test_what_must_pass_passes(case: dict[str, Any], tmp_path: Path) -> None:
    """Exit code 0, and `valid` is true."""
    code, document = outcome(case, tmp_path / "keys.json")
    assert code == 0, document
    assert document["valid"] is True


@pytest.mark.parametrize("case", chosen("invalid"))
def test_what_must_not_pass_does_not(case: dict[str, Any], tmp_path: Path) -> None:
    """Exit code 1 and an error that says why; 2 where the file holds no key that verifies."""
    code, document = outcome(case, tmp_path / "keys.json")
    if code == 2:
        assert "no signing key in it" in document["error"]["message"]
        return
    assert (code, document["valid"]) == (1, False)
    assert document["error"]["code"] in {
        "token_malformed",
        "algorithm_not_allowed",
        "key_not_found",
        "signature_invalid",
        "claims_rejected",
    }
