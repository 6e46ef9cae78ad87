"""The examples are what they are said to be: read here as the gateway and Kubernetes read them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from rightkey.gateway.configuration import configuration_of, read
from rightkey.gateway.decision import Question
from rightkey.gateway.environment import configuration_in

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "gateway"


def test_the_example_is_a_configuration() -> None:
    """And is the one that the page shows."""
    configuration = read(EXAMPLES / "gateway.toml")
    assert configuration.dialect.name == "nginx"
    page = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```toml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    text = (EXAMPLES / "gateway.toml").read_text(encoding="utf-8")
    assert tomllib.loads(shown) == tomllib.loads(text)
    question = Question("GET", "/", {f"x-original-{name}": [value] for name, value in ASKED.items()})
    assert getattr(configuration.decision().read(question), "status", None) == 200


ASKED = {"method": "GET", "uri": "/health", "host": "api.example.com"}


@pytest.fixture
def manifests() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    text = (EXAMPLES / "kubernetes.yaml").read_text(encoding="utf-8")
    return {one["kind"]: one for one in yaml.safe_load_all(text)}


def test_the_manifests_fit_each_other(manifests: dict[str, Any]) -> None:
    """Ports, probes and labels by their names, and the configuration that the pods are given."""
    pod = manifests["Deployment"]["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    text = manifests["ConfigMap"]["data"]["gateway.toml"]
    configuration = configuration_of(tomllib.loads(text), EXAMPLES)
    assert ports == {"ask": configuration.listen.port, "plain": configuration.plain.port}
    for probe in ("livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == "plain"
    labels = pod["metadata"]["labels"]
    assert labels == manifests["Deployment"]["spec"]["selector"]["matchLabels"]
    assert labels == manifests["Service"]["spec"]["selector"]
    assert {port["targetPort"] for port in manifests["Service"]["spec"]["ports"]} == {*ports}
    (mount,), (volume,) = container["volumeMounts"], pod["spec"]["volumes"]
    assert mount["name"] == volume["name"]
    assert volume["configMap"]["name"] == manifests["ConfigMap"]["metadata"]["name"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    drain = pod["spec"]["terminationGracePeriodSeconds"]
    assert drain > 5 + 12  # the sleep, and what a gateway takes at most


def test_the_image_runs_what_the_pods_mount(manifests: dict[str, Any]) -> None:
    """As a user that is not root, the one of the manifests."""
    lines = (EXAMPLES / "Containerfile").read_text(encoding="utf-8").splitlines()
    entry = next(line for line in lines if line.startswith("ENTRYPOINT"))
    pod = manifests["Deployment"]["spec"]["template"]["spec"]
    assert f'"{pod["containers"][0]["volumeMounts"][0]["mountPath"]}/gateway.toml"' in entry
    assert f"USER {pod['securityContext']['runAsUser']}" in lines


def test_every_code_of_an_answer_is_on_the_page() -> None:
    """With those of errors."""
    from rightkey.gateway.board import OWN_CODES

    page = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8")
    told = {*re.findall(r"^\| `(\w+)` \| \d{3}[, ]", page, re.MULTILINE)}
    assert told == set(OWN_CODES) - {"ok", "public"}


def test_the_manifests_without_a_file_fit_each_other() -> None:
    """The ports are those that the variables name."""
    yaml = pytest.importorskip("yaml")
    text = (EXAMPLES / "kubernetes-environment.yaml").read_text(encoding="utf-8")
    deployment, service = yaml.safe_load_all(text)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    told = configuration_in({one["name"]: one["value"] for one in container["env"]})
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"ask": told.listen.port, "plain": told.plain.port}
    assert {port["targetPort"] for port in service["spec"]["ports"]} == {*ports}
    assert service["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]
