"""The local issuer's keys, from run to run."""

from __future__ import annotations

from pathlib import Path

import pytest

from rightkey.localissuer import ALGORITHMS, LocalIssuer

RSA = ("RS", "PS")
"""Families whose keys take a tenth of a second to make."""


@pytest.mark.parametrize(
    "algorithm",
    [pytest.param(name, marks=[pytest.mark.slow] if name[:2] in RSA else []) for name in ALGORITHMS],
)
def test_keys_are_kept(tmp_path: Path, algorithm: str) -> None:
    """Of every algorithm: a token from before the restart verifies after it, by the same documents."""
    file = tmp_path / "state.db"
    before = LocalIssuer(algorithm=algorithm, state=file)
    before.rotate()
    before.revoke(before.keys[2].kid)
    after = LocalIssuer(algorithm=algorithm, state=file)
    assert [key.public_jwk() for key in after.keys] == [key.public_jwk() for key in before.keys]
    assert [key.kid for key in after.revoked] == [key.kid for key in before.revoked]
    assert after.current.private_jwk() == before.current.private_jwk()
