"""What people give for an issuer that is none: the URL of a document, an endpoint, a placeholder, several."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from rightkey.errors import may_hold_secret


class Document(NamedTuple):
    """What a URL is the URL of (`metadata`, `keys`, `endpoint`), and the issuer that it belongs to."""

    what: str
    issuer: str


_DOCUMENTS = ("openid-configuration", "oauth-authorization-server")
_PATHS: tuple[tuple[str, str, str], ...] = (
    (r"(.*)/protocol/openid-connect/certs/?", "keys", r"\1"),  # Keycloak
    (r"(.*)/protocol/openid-connect(/.*)?", "endpoint", r"\1"),
    (r"(.*)/discovery/v2\.0/keys", "keys", r"\1/v2.0"),  # Entra
    (r"(.*)/discovery/keys", "keys", r"\1"),
    (r"(.*)/oauth2/v2\.0/(authorize|token|logout)", "endpoint", r"\1/v2.0"),
    (r"(/oauth2/[^/]+)/v1/keys", "keys", r"\1"),  # Okta
    (r"(/oauth2/[^/]+)/v1/[a-z]+", "endpoint", r"\1"),
    (r"(.*)/oauth2/v1/keys", "keys", r"\1"),
    (r"(.*)/oauth2/v1/[a-z]+", "endpoint", r"\1"),
    (r"()/(oauth/token|authorize|userinfo)", "endpoint", r"\1"),  # Auth0
    (
        r"(.*)/connect/(authorize|token|userinfo|introspect|endsession)",
        "endpoint",
        r"\1",
    ),  # Duende, OpenIddict
    (r"(.*)/jwks(\.json)?", "keys", r"\1"),
    (r"(.*)/\.well-known", "metadata", r"\1"),
)
"""Paths that are no issuer's: what is there, and the path of the issuer."""


def document_of(url: str) -> Document | None:
    """What of an issuer this is the URL of; None where that cannot be told by its path."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    before, mark, after = parts.path.partition("/.well-known/")
    if mark:
        document, _, inserted = after.partition("/")
        what = "metadata" if document in _DOCUMENTS else "keys"
        return Document(what, origin + before + (f"/{inserted}" if what == "metadata" and inserted else ""))
    found = ((re.fullmatch(form, parts.path), what, issuer) for form, what, issuer in _PATHS)
    return next((Document(what, origin + it.expand(issuer)) for it, what, issuer in found if it), None)


_POOL = "https://cognito-idp.REGION.amazonaws.com/POOL"
_SECRET = ("it may be a key or a password, and is no host name", "give a domain, or https://host/path")
_AT = "(?i)(https?://)?"
_NAMES: tuple[tuple[str, str, str], ...] = (
    (
        r"['\"`\u2018\u2019\u201c\u201d].*",
        "it is in quotes",
        "leave them out; docker's --env-file keeps them",
    ),
    (r".*://.*://.*", "it holds several URLs", "one issuer has one; Verifier.of(...) takes several issuers"),
    (r"(?i)\w*issuer\s*(=|:(?!\d+(/|$))).*", "it begins with the name of a setting", "give its value alone"),
    (r"(?s:.*)\s.*", "it has white space in it", "give a domain, or https://host/path"),
    (
        r"(?i)(?!.*\{tenantid\}).*[<>{}].*",
        "it holds a placeholder",
        "fill it in; for all tenants of Entra name .../organizations/v2.0",
    ),
    (r"(https?://)?\$\w+.*|%\w+%", "it holds a placeholder", "fill it in"),
    (
        r"(?i)none|null|nil|undefined|nan|true|false|changeme",
        "it is the text of an empty value",
        "give a domain, or https://host/path",
    ),
    (
        r"[^/]*[,;][^/]*",
        "it holds several names",
        "one issuer has one; Verifier.of(...) takes several issuers",
    ),
    (r"(?i)https?(:/?|/+)[^/:].*", "its scheme is misspelt", "give a domain, or https://host/path"),
    (
        r"(.*[^A-Za-z0-9])?ey[AJK][\w-]+(\.[\w-]*){2}.*",
        "it holds a token",
        "name the issuer, as its claim iss does",
    ),
    (r"[\w=+/-]{64,}", *_SECRET),
    (
        r"arn:aws[a-z-]*:cognito-idp:.*",
        "a user pool is no issuer",
        _POOL,
    ),
    (r"[a-z]{2}(-[a-z]+)+-[0-9]_[A-Za-z0-9]+", "a user pool is no issuer", _POOL),
    (
        rf"{_AT}[a-z0-9-]+\.auth(-fips)?\.[a-z0-9-]+\.amazoncognito\.com(/.*)?",
        "it is the sign-in page of a Cognito user pool",
        _POOL,
    ),
    (
        rf"{_AT}[a-z0-9-]+-admin\.okta(preview|-emea|-gov)?\.com(/.*)?",
        "it is Okta's admin console",
        "leave out -admin",
    ),
    (rf"{_AT}manage\.auth0\.com(/.*)?", "it is Auth0's dashboard", "https://TENANT.REGION.auth0.com/"),
    (
        rf"{_AT}(portal\.azure\.com|entra\.microsoft\.com)(/.*)?",
        "it is Microsoft's portal",
        "https://login.microsoftonline.com/TENANT/v2.0",
    ),
    (rf"{_AT}www\.googleapis\.com/.*certs", "these are Google's keys", "https://accounts.google.com"),
)
"""How a name looks that is no issuer's, what is wrong with it, and what to do. `{tenantid}` is none:
Entra's metadata state it."""


def fault_of(name: str) -> tuple[str, str] | None:
    """What is wrong with an issuer's name and what to do, where people often mistake it."""
    faults = ((fault, hint) for form, fault, hint in _NAMES if re.fullmatch(form, name))
    return next(faults, None) or (_SECRET if not re.search("[.:/]", name) and may_hold_secret(name) else None)
