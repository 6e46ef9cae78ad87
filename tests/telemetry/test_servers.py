"""The example that is logged and measured, under servers that people run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests.scenarios.conftest import settled

from rightkey.localissuer import LocalIssuer

pytestmark = pytest.mark.slow

SERVERS = {
    "uvicorn": "uvicorn --port {port} --log-level warning operated_app:app",
    "granian": "granian --interface asgi --port {port} operated_app:app",
}


@pytest.mark.parametrize("server", SERVERS)
def test_a_refusal_a_rotation_and_a_failure_are_logged_and_measured(
    server: str, launched: Callable[..., str], tmp_path: Path
) -> None:
    """On stderr and at /metrics, as an operator looks at them."""
    with LocalIssuer(algorithm="ES256") as issuer, httpx.Client(trust_env=False, timeout=60) as client:
        url = launched("operated_app", issuer.url, SERVERS[server])

        def get(token: str) -> int:
            return client.get(f"{url}/me", headers={"authorization": f"Bearer {token}"}).status_code

        statuses = [get(issuer.token()), get(issuer.token(aud="other"))]
        issuer.rotate(surprise=True)
        statuses.append(get(issuer.token()))
        issuer.misbehave("jwks", "status")
        issuer.rotate(surprise=True)
        statuses.append(get(issuer.token()))
        assert statuses == [200, 401, 200, 503]
        issued = f'issuer="{issuer.url}"'
        for line in (
            f'rightkey_verifications_total{{code="verified",{issued}}} 2.0',
            f'rightkey_verifications_total{{code="claims_rejected",{issued}}} 1.0',
            f'rightkey_verifications_total{{code="keys_unavailable",{issued}}} 1.0',
            f"rightkey_key_rotations_total{{{issued}}} 1.0",
            f'rightkey_fetch_failures_total{{{issued},reason="http_503"}} 1.0',
        ):  # what is told of a fetch is told after those who waited for it
            settled(lambda line=line: line in client.get(f"{url}/metrics/").text, line)
    for words in (
        "INFO rightkey token refused: code=claims_rejected",
        "INFO rightkey keys rotated:",
        "WARNING rightkey keys could not be fetched:",
        "WARNING rightkey token not judged: code=keys_unavailable",
    ):
        settled(lambda words=words: words in (tmp_path / "log").read_text(encoding="utf-8"), words)
