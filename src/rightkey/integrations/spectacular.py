"""drf-spectacular: how requests carry tokens, in its OpenAPI document. `drf` loads it where it is in use."""

from __future__ import annotations

from typing import Any

from rightkey.integrations.djangoconf import bearer
from rightkey.integrations.settings import extra

with extra("spectacular"):
    from drf_spectacular.extensions import OpenApiAuthenticationExtension


class RightKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The security scheme of `rightkey.integrations.drf.RightKeyAuthentication` and its subclasses."""

    target_class = "rightkey.integrations.drf.RightKeyAuthentication"
    name = "rightkey"
    match_subclasses = True

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """By the first place that may carry a token."""
        return bearer().places[0].scheme
