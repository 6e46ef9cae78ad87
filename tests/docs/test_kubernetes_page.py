"""docs/kubernetes.md: its manifest sets what is read, and its probes ask what its service answers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from rightkey.localissuer import LocalIssuer, fault

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "kubernetes.md").read_text(encoding="utf-8")
STAND_IN = '"tenant.eu.auth0.com"'
yaml = pytest.importorskip("yaml")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def pod() -> Any:
    """What the manifest says of a pod."""
    return yaml.safe_load(blocks("yaml")[0])["spec"]["template"]["spec"]


def test_the_manifest_sets_variables_that_are_read(pod: Any) -> None:
    """By their names, and files where a volume is mounted that is there."""
    known = set(re.findall(r"^\| `(RIGHTKEY_\w+)`", (DOCS / "environment.md").read_text(), re.MULTILINE))
    [container] = pod["containers"]
    variables = {one["name"]: one["value"] for one in container["env"]}
    assert set(variables) <= known
    mounts = {one["mountPath"]: one["name"] for one in container["volumeMounts"]}
    for name in ("RIGHTKEY_CA_FILE", "RIGHTKEY_STORE_SECRET_FILE"):
        assert mounts[str(Path(variables[name]).parent)] in {volume["name"] for volume in pod["volumes"]}


@pytest.mark.slow
def test_the_probes_ask_what_the_service_answers(pod: Any) -> None:
    """At once, without a redirect; and while the issuer is down only the one at the start fails."""
    [container] = pod["containers"]
    paths = {name: container[name]["httpGet"]["path"] for name in container if name.endswith("Probe")}
    statuses = []
    for down in (False, True):
        with LocalIssuer(algorithm="ES256") as issuer:
            for endpoint in ("discovery", "jwks") if down else ():
                issuer.misbehave(endpoint, fault("status"))
            names: dict[str, Any] = {}
            exec(blocks("python")[0].replace(STAND_IN, repr(issuer.url)), names)
            client = TestClient(names["app"], follow_redirects=False)
            statuses.append({name: client.get(path).status_code for name, path in paths.items()})
            assert client.get("/anything").status_code in (401, 503)
    up, out = statuses
    assert set(up.values()) == {200}
    assert {name for name, status in out.items() if status != 200} == {"startupProbe"}
