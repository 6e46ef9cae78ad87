"""The Kubernetes cluster that a process runs in, as an issuer of service account tokens.

Its metadata cannot be used in here: `jwks_uri` is for readers outside, and names a node that pods cannot
reach, or an origin that must not see the pod's token. The API server serves the keys itself, to callers with
a service account's token (the role `system:service-account-issuer-discovery`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rightkey.errors import Misconfigured, TokenRejected
from rightkey.exchange import ExchangeFailed
from rightkey.jose import strictjson
from rightkey.jose.jws import read
from rightkey.policy.named import settings_by_name
from rightkey.transport.credentials import Credentials, read_token
from rightkey.transport.default import DefaultTransport

_MOUNTED = "/var/run/secrets/kubernetes.io/serviceaccount"
_KEYS = "/openid/v1/jwks"


@settings_by_name
@dataclass(frozen=True, slots=True)
class Kubernetes:
    """A cluster, for `Verifier(cluster.issuer, keys=cluster.jwks_uri, transport=cluster.transport, ...)`.

    `issuer` is the `iss` of its tokens, `jwks_uri` the API server's own, `transport` what may ask there.
    """

    issuer: str
    jwks_uri: str
    transport: DefaultTransport

    @classmethod
    def in_cluster(cls, *, environ: Mapping[str, str] | None = None, folder: str = _MOUNTED) -> Kubernetes:
        """The cluster of this pod.

        The issuer is read from the pod's own token, since each kind of cluster has another and it is not the
        API server's address. That token is not verified: the file is the cluster's, and what it says only
        narrows which tokens pass. At each fetch it is read again, and shown to the API server alone, over TLS
        by the cluster's own authority and through no proxy.

        Args:
            environ: where `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT` are; the process's own if
                None.
            folder: where `token` and `ca.crt` are.

        Raises:
            Misconfigured: the variables are not set, or there is no token: not in a pod, or in one with
                `automountServiceAccountToken: false`.
        """
        origin = _api_server(os.environ if environ is None else environ)
        token_file = f"{folder}/token"
        credentials = Credentials(origin, token_file, ca_file=f"{folder}/ca.crt")
        transport = DefaultTransport(trust_env=False, credentials=credentials)
        return cls(_issuer(token_file), origin + _KEYS, transport)


def _api_server(environ: Mapping[str, str]) -> str:
    host, port = (environ.get(f"KUBERNETES_SERVICE_{name}") for name in ("HOST", "PORT"))
    if not host or not port:
        raise Misconfigured(
            "not in a Kubernetes pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not both set"
        )
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def _issuer(token_file: str) -> str:
    try:
        token = read_token(token_file)
    except ExchangeFailed as error:
        raise Misconfigured(
            f"no service account token: {error}",
            hint="is automountServiceAccountToken false? Then mount a projected token, and ca.crt beside it",
        ) from error
    issuer = _claims(token).get("iss")
    if not isinstance(issuer, str) or not issuer:
        raise Misconfigured(f"the service account token in {token_file} names no issuer")
    return issuer


def _claims(token: str) -> Mapping[str, Any]:
    try:
        return strictjson.read_object(read(token).payload)
    except (TokenRejected, strictjson.NotJson):
        return {}
