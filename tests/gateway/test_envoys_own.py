"""Envoy's own jwt_authn, which never refetches for a key that it does not know: behind the mirror it takes
one."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import ended

from rightkey.localissuer import LocalIssuer

pytestmark = pytest.mark.slow
ENVOY = Path(sys.executable).parent / "envoy"
FILTERS = "type.googleapis.com/envoy.extensions.filters"
CONFIGURATION = """
static_resources:
  listeners:
    - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": {filters}.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: a
                http_filters:
                  - name: envoy.filters.http.jwt_authn
                    typed_config:
                      "@type": {filters}.http.jwt_authn.v3.JwtAuthentication
                      providers:
                        own:
                          issuer: {issuer}
                          audiences: [{audience}]
                          remote_jwks:
                            http_uri: {{uri: "{jwks_uri}", cluster: keys, timeout: 5s}}
                            cache_duration: {{seconds: {cached}}}
                      rules:
                        - match: {{prefix: /}}
                          requires: {{provider_name: own}}
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": {filters}.http.router.v3.Router
                route_config:
                  virtual_hosts:
                    - name: a
                      domains: ["*"]
                      routes:
                        - match: {{prefix: /}}
                          direct_response: {{status: 200}}
  clusters:
    - name: keys
      type: STATIC
      load_assignment:
        cluster_name: keys
        endpoints:
          - lb_endpoints:
              - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {keys}}}}}}}
"""


@pytest.fixture
def statuses(tmp_path: Path, free_ports: Callable[[], int]) -> Any:
    """Starts an Envoy that takes its keys from a URL; asks it with a token."""
    if not ENVOY.exists():
        pytest.skip("there is no envoy on this machine")
    processes = []

    def start(issuer: LocalIssuer, jwks_uri: str, cached: int) -> Callable[[str], int]:
        port, file = free_ports(), tmp_path / "own.yaml"
        keys = httpx.URL(jwks_uri).port
        text = CONFIGURATION.format(
            filters=FILTERS,
            port=port,
            issuer=issuer.url,
            audience=issuer.audience,
            jwks_uri=jwks_uri,
            keys=keys,
            cached=cached,
        )
        file.write_text(text, encoding="utf-8")
        line = [str(ENVOY), "-c", str(file), "--concurrency", "1", "--disable-hot-restart", "-l", "off"]
        processes.append(subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

        def ask(token: str) -> int:
            with httpx.Client(trust_env=False, verify=False, timeout=60) as client:
                headers = {"Authorization": f"Bearer {token}"}
                return client.get(f"http://127.0.0.1:{port}/", headers=headers).status_code

        for _ in range(1200):
            try:
                ask("none")
                return ask
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError("it does not listen")

    yield start
    for process in processes:
        ended(process)


def test_a_surprise_key_is_taken_through_the_mirror(gateway: Any, issuer: LocalIssuer, statuses: Any) -> None:
    """A second later; alone, Envoy refuses it for as long as its cache lives, 10 minutes by default."""
    of = gateway("envoy", more="freshness = {min_life = 1, max_life = 1}\n")
    alone = statuses(issuer, issuer.urls["jwks"], cached=600)
    mirrored = statuses(issuer, f"{of.plain}/.well-known/jwks.json", cached=1)
    assert (alone(issuer.token()), mirrored(issuer.token())) == (200, 200)
    issuer.rotate(surprise=True)
    began = time.monotonic()
    while mirrored(issuer.token()) != 200:
        assert time.monotonic() - began < 60
        time.sleep(0.05)
    assert alone(issuer.token()) == 401
