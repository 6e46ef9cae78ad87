"""A gateway of one issuer, told by the environment: what each variable is, and which one is at fault."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rightkey import Misconfigured
from rightkey.gateway.environment import configuration_in, is_told

LEAST = {
    "RIGHTKEY_GATEWAY_PROXY": "caddy",
    "RIGHTKEY_ISSUER": "tenant.eu.auth0.com",
    "RIGHTKEY_AUDIENCE": "https://api.example.com",
}


def test_the_least_of_it() -> None:
    """Every path needs a token; a variable that is empty, and what Kubernetes injects, count as not set."""
    injected = {
        "RIGHTKEY_GATEWAY_PORT": "tcp://10.0.0.1:9090",
        "RIGHTKEY_GATEWAY_SERVICE_HOST": "10.0.0.1",
        "RIGHTKEY_GATEWAY_PORT_9090_TCP_ADDR": "10.0.0.1",
        "RIGHTKEY_GATEWAY_LISTEN": " ",
    }
    told = configuration_in(LEAST | injected)
    assert (told.dialect.name, str(told.listen), told.remember) == ("caddy", "127.0.0.1:9090", 4096)
    assert told.names == ("tenant.eu.auth0.com",)
    assert [(route.path, route.public) for route in told.routes.routes] == [("/*", False)]
    assert is_told(LEAST)
    assert not is_told({"RIGHTKEY_GATEWAY_PROXY": "", "RIGHTKEY_AUDIENCE": "a"})


def test_each_variable_is_a_setting(tmp_path: Path) -> None:
    """Those of the gateway, and those of its issuer."""
    told = configuration_in(
        LEAST
        | {
            "RIGHTKEY_REQUIRE": "read:orders",
            "RIGHTKEY_LEEWAY": "5",
            "RIGHTKEY_REMEMBER": "7",
            "RIGHTKEY_ORIGIN": "https://api.example.com",
            "RIGHTKEY_STORE": f"file://{tmp_path}/store",
            "RIGHTKEY_MAX_LIFE": "600",
            "RIGHTKEY_PLAIN_HTTP": "keycloak",
            "RIGHTKEY_GATEWAY_LISTEN": "0.0.0.0:1",
            "RIGHTKEY_GATEWAY_PLAIN": "[::1]:2",
            "RIGHTKEY_GATEWAY_WORKERS": "3",
            "RIGHTKEY_GATEWAY_PEERS": "10.0.0.0/8 192.0.2.1/32",
            "RIGHTKEY_GATEWAY_REALM": "api",
            "RIGHTKEY_GATEWAY_RESOURCE_METADATA": "https://api.example.com/m",
            "RIGHTKEY_GATEWAY_IDENTITY": "X-Auth-Subject=sub X-Auth-Roles=/realm_access/roles",
            "RIGHTKEY_GATEWAY_PUBLIC": "/health /assets/*",
        }
    )
    (trust,) = told.trusts
    assert (str(trust.requirement), trust.leeway, told.remember) == ("all_of(read:orders)", 5.0, 7)
    assert (told.origin, told.freshness.max_life) == (("https://api.example.com",), 600.0)
    assert told.store == f"file://{tmp_path}/store"
    assert told.transport is not None
    assert (str(told.listen), str(told.plain), told.workers) == ("0.0.0.0:1", "[::1]:2", 3)
    assert [str(network) for network in told.peers.networks] == ["10.0.0.0/8", "192.0.2.1/32"]
    assert (told.bearer.realm, told.bearer.resource_metadata) == ("api", "https://api.example.com/m")
    assert [*told.identity.names] == ["X-Auth-Subject", "X-Auth-Roles"]
    found = [(route.path, route.public) for route in told.routes.routes]
    assert found == [("/health", True), ("/assets/*", True), ("/*", False)]


def test_what_proofs_must_be_needs_an_origin() -> None:
    """They are for a URL; without one none would be taken, and none be asked for."""
    rules = {"RIGHTKEY_DPOP_MAX_AGE": "60"}
    with pytest.raises(Misconfigured, match="no proof is taken without origin"):
        configuration_in(LEAST | rules)
    told = configuration_in(LEAST | rules | {"RIGHTKEY_ORIGIN": "https://api.example.com"})
    assert told.dpop is not None
    assert told.dpop.max_age == 60.0


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("GATEWAY_PROXY", "", "is not set"),
        ("GATEWAY_PROXY", "ngix", "did you mean nginx"),
        ("GATEWAY_LISTEN", "nowhere", ""),
        ("GATEWAY_PLAIN", "a:b", ""),
        ("GATEWAY_WORKERS", "many", "whole number"),
        ("GATEWAY_WORKERS", "0", "from 1 to"),
        ("GATEWAY_PEERS", "everyone", ""),
        ("GATEWAY_REALM", 'a"b', ""),
        ("GATEWAY_REALM", '"api"', "in quotes"),
        ("GATEWAY_RESOURCE_METADATA", "x", ""),
        ("GATEWAY_IDENTITY", "X-Auth-Subject", "each with its claim"),
        ("GATEWAY_IDENTITY", "X-Auth-A=a X-Auth-A=b", "twice"),
        ("GATEWAY_IDENTITY", "Subject=sub", "must begin with X-Auth-"),
        ("GATEWAY_PUBLIC", "health", "segments after slashes"),
        ("GATEWAY_PUBLIC", "/*", "can match nothing"),
        ("GATEWAY_LISTN", "x", "did you mean RIGHTKEY_GATEWAY_LISTEN?"),
        ("GATEWAY_REQUIRE", "read:x", "did you mean RIGHTKEY_REQUIRE?"),
        ("GATEWAY_NONSENSE", "x", "known: RIGHTKEY_GATEWAY_PROXY"),
        ("ISSUER", "", "is not set"),
        ("AUDIENCE", "", "is not set"),
        ("LEEWAY", "-1", ""),
        ("REMEMBER", "-1", "whole number"),
        ("STORE", "nonsense://", ""),
        ("DENYLIST", "refuse", "nothing is denied without a store"),
        ("DENYLIST", "hope", "serve or refuse"),
        ("DPOP_MAX_AGE", "0", "max_age must be"),
        ("SCOPES", "read:x", "RIGHTKEY_REQUIRE"),
    ],
)
def test_a_mistake_is_told_with_its_variable(name: str, value: str, words: str) -> None:
    """Before anything listens."""
    with pytest.raises(Misconfigured) as caught:
        configuration_in(LEAST | {f"RIGHTKEY_{name}": value})
    said = f"{caught.value} {caught.value.hint}"
    assert f"RIGHTKEY_{name}" in said
    assert re.search(re.escape(words), said), said
