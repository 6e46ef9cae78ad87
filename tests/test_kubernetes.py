"""The cluster of a pod, played by a server over TLS that serves its keys to callers with the pod's token."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import rightkey
from rightkey.exchange import ExchangeFailed, Request
from rightkey.kubernetes import Kubernetes
from rightkey.localissuer import LocalIssuer
from rightkey.localissuer.documents.wellknown import key_set

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

ISSUER = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789"
"""Where pods seldom get, and what `iss` says."""


@pytest.fixture
def issuer() -> LocalIssuer:
    """Never started: its keys come from the API server."""
    return LocalIssuer(url=ISSUER, certificates=False)


@pytest.fixture
def pod(tmp_path: Path, issuer: LocalIssuer, authority: Any) -> Path:
    """The folder that the kubelet mounts."""
    (tmp_path / "token").write_text(issuer.token(sub="system:serviceaccount:shop:web", aud=["k8s"]))
    (tmp_path / "ca.crt").write_bytes(Path(authority.file).read_bytes())
    return tmp_path


class ApiServer:
    """Answers as the API server does: 401 without the token of now, metadata that leads nowhere, keys."""

    def __init__(self, issuer: LocalIssuer, pod: Path) -> None:
        self.issuer, self.pod = issuer, pod
        self.server: Any = None

    def __call__(self, sock: socket.socket) -> None:
        status, document = self.answer(self.server.head)
        body = json.dumps(document).encode()
        sock.sendall(f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    def answer(self, head: str) -> tuple[int, Any]:
        token = (self.pod / "token").read_text()
        if f"Authorization: Bearer {token}\r\n" not in head:
            return 401, {"kind": "Status", "message": "Unauthorized"}
        if head.startswith("GET /openid/v1/jwks "):
            return 200, key_set(self.issuer.keys)
        return 404, {}


@pytest.fixture
def api_server(serve: Callable[..., Any], authority: Any, issuer: LocalIssuer, pod: Path) -> ApiServer:
    api_server = ApiServer(issuer, pod)
    api_server.server = serve(api_server, tls=authority.server)
    return api_server


def in_cluster(api_server: ApiServer) -> Kubernetes:
    environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(api_server.server.port)}
    return Kubernetes.in_cluster(environ=environ, folder=str(api_server.pod))


def test_a_service_account_token_is_verified(api_server: ApiServer, issuer: LocalIssuer) -> None:
    """By the keys of the API server, without its metadata; after a rotation of the pod's token and of the
    cluster's keys too."""
    cluster = in_cluster(api_server)
    verifier = rightkey.Verifier(
        cluster.issuer, audience="shop", keys=cluster.jwks_uri, transport=cluster.transport
    )
    token = verifier.verify(issuer.token(sub="system:serviceaccount:shop:cart", aud=["shop"]))
    assert (token.subject, token.issuer) == ("system:serviceaccount:shop:cart", ISSUER)
    (api_server.pod / "token").write_text(issuer.token(aud=["k8s"], jti="rotated"))
    issuer.rotate(surprise=True)
    assert verifier.verify(issuer.token(sub="later", aud="shop")).subject == "later"
    assert [head.split(b" ")[1] for head in api_server.server.heads] == [b"/openid/v1/jwks"] * 2


@pytest.mark.usefixtures("no_proxies")
def test_the_api_server_is_never_proxied(
    pod: Path, serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy has no way into the cluster. The address is one that no connection leads to."""
    proxy = serve(lambda sock: sock.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n"))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    environ = {"KUBERNETES_SERVICE_HOST": "255.255.255.255", "KUBERNETES_SERVICE_PORT": "443"}
    cluster = Kubernetes.in_cluster(environ=environ, folder=str(pod))
    with pytest.raises(ExchangeFailed) as caught:
        cluster.transport.get(Request(cluster.jwks_uri))
    assert (caught.value.reason, proxy.accepted) == ("unreachable", 0)


def test_what_a_cluster_is(api_server: ApiServer) -> None:
    """`iss` as the pod's own token says, keys at the API server, and nothing secret to be seen."""
    cluster = in_cluster(api_server)
    origin = f"https://127.0.0.1:{api_server.server.port}"
    assert (cluster.issuer, cluster.jwks_uri) == (ISSUER, f"{origin}/openid/v1/jwks")
    assert cluster.transport.credentials is not None
    assert cluster.transport.credentials.origin == origin
    assert (api_server.pod / "token").read_text() not in repr(cluster)
    assert cluster == in_cluster(api_server)


def test_an_api_server_at_ipv6(pod: Path) -> None:
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}
    cluster = Kubernetes.in_cluster(environ=environ, folder=str(pod))
    assert cluster.jwks_uri == "https://[fd00::1]:6443/openid/v1/jwks"


@pytest.mark.parametrize(
    "environ", [{}, {"KUBERNETES_SERVICE_HOST": "10.96.0.1"}, {"KUBERNETES_SERVICE_PORT": "443"}]
)
def test_outside_of_a_cluster(pod: Path, environ: dict[str, str]) -> None:
    with pytest.raises(rightkey.Misconfigured, match="not in a Kubernetes pod"):
        Kubernetes.in_cluster(environ=environ, folder=str(pod))


def test_the_process_environment_is_read(pod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none is given; at the call, not when the module was loaded."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    assert Kubernetes.in_cluster(folder=str(pod)).jwks_uri == "https://10.96.0.1:443/openid/v1/jwks"


def test_a_pod_without_a_token(pod: Path, api_server: ApiServer) -> None:
    """Says which file, and what may be the cause."""
    (pod / "token").unlink()
    with pytest.raises(rightkey.Misconfigured, match=r"token \(FileNotFoundError\)") as caught:
        in_cluster(api_server)
    assert "automountServiceAccountToken" in str(caught.value.hint)


@pytest.mark.parametrize("held", ["opaque", "e30.e30.", "a.b.c", "eyJhbGciOiJSUzI1NiJ9.W10.AAAA"])
def test_a_token_that_names_no_issuer(pod: Path, api_server: ApiServer, held: str) -> None:
    """And nothing of it is quoted."""
    (pod / "token").write_text(held)
    with pytest.raises(rightkey.Misconfigured, match="names no issuer") as caught:
        in_cluster(api_server)
    assert held not in str(caught.value)


@pytest.mark.parametrize("iss", [None, "", 7])
def test_an_issuer_that_is_none(pod: Path, api_server: ApiServer, issuer: LocalIssuer, iss: Any) -> None:
    (pod / "token").write_text(issuer.token(iss=iss))
    with pytest.raises(rightkey.Misconfigured, match="names no issuer"):
        in_cluster(api_server)


def test_a_token_that_is_gone_later(api_server: ApiServer, issuer: LocalIssuer) -> None:
    """Is told as our fault, and 503: the token to verify may be good."""
    cluster = in_cluster(api_server)
    (api_server.pod / "token").unlink()
    verifier = rightkey.Verifier(
        cluster.issuer, audience="shop", keys=cluster.jwks_uri, transport=cluster.transport
    )
    with pytest.raises(rightkey.IssuerUnavailable, match="cannot read our own bearer token") as caught:
        verifier.verify(issuer.token(aud="shop"))
    assert (caught.value.status, api_server.server.accepted) == (503, 0)
