"""An API as OAuth clients find it: the metadata of a protected resource, and where they are (RFC 9728)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from rightkey.errors import Misconfigured, are_strings, flag, quoted
from rightkey.issuer.name import url_fault

WELL_KNOWN = "/.well-known/oauth-protected-resource"


@dataclass(frozen=True, slots=True)
class ProtectedResource:
    """An API and its authorization servers.

    Args:
        resource: its identifier, an https URL; usually the audience of its tokens.
        authorization_servers: the issuers whose tokens it accepts, as URLs.
        scopes: those it knows.
        name: for people.
        dpop_algorithms: those of DPoP proofs that it takes (RFC 9449).
        dpop_required: whether its tokens must be bound by DPoP.
        certificate_bound: whether its tokens are bound to their client's certificate (RFC 8705).

    Raises:
        Misconfigured: the identifier is not a URL, or has a query; or another setting is of another type.
    """

    resource: str
    authorization_servers: Collection[str] = ()
    scopes: Collection[str] = ()
    name: str | None = None
    dpop_algorithms: Collection[str] = ()
    dpop_required: bool = False
    certificate_bound: bool = False

    def __post_init__(self) -> None:
        fault = url_fault(self.resource) or ("it has a query" if "?" in self.resource else None)
        if fault:
            raise Misconfigured(
                f"resource {quoted(self.resource)}: {fault}", hint="such as https://api.example.com"
            )
        for name in ("dpop_required", "certificate_bound"):
            flag(name, getattr(self, name))
        for name in ("authorization_servers", "scopes", "dpop_algorithms"):
            if not are_strings(getattr(self, name)):
                raise Misconfigured(f"{name} must be a list of strings")
        if not isinstance(self.name, str | None):
            raise Misconfigured("name must be a string")

    def beside(self, verifier: Any) -> ProtectedResource:
        """The same, with what this verifier says of DPoP.

        Args:
            verifier: one of ours, whose `schemes` tell.
        """
        schemes = verifier.schemes
        required = "Bearer" not in schemes
        return replace(self, dpop_algorithms=schemes.get("DPoP", ()), dpop_required=required)

    @property
    def path(self) -> str:
        """Where its metadata are served, from the root of its host (section 3.1)."""
        return WELL_KNOWN + urlsplit(self.resource).path.rstrip("/")

    @property
    def url(self) -> str:
        """The address of its metadata, for `resource_metadata`."""
        parts = urlsplit(self.resource)
        return f"{parts.scheme}://{parts.netloc}{self.path}"

    @property
    def document(self) -> dict[str, Any]:
        """The metadata (section 2)."""
        members = {
            "resource": self.resource,
            "authorization_servers": [*self.authorization_servers],
            "scopes_supported": [*self.scopes],
            "bearer_methods_supported": ["header"],
            "resource_name": self.name,
            "dpop_signing_alg_values_supported": [*self.dpop_algorithms],
            "dpop_bound_access_tokens_required": self.dpop_required,
            "tls_client_certificate_bound_access_tokens": self.certificate_bound,
        }
        return {name: value for name, value in members.items() if value}
