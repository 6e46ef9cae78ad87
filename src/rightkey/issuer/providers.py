"""What is known of providers beyond the standards, as data: one row each.

A provider that keeps to the standards needs no row; it may have one to be called by its name. A row never
makes a token pass whose issuer nobody trusts: it says how the tokens of an issuer that was named look.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from rightkey.errors import Misconfigured
from rightkey.issuer.vendor import GUID, Asks, Vendor

_PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"  # the tenant of Microsoft's own, personal accounts

_ENTRA_HOSTS = (
    r"login\.microsoftonline\.(com|us)|login\.windows\.net|login\.partner\.microsoftonline\.cn"
    r"|login\.chinacloudapi\.cn"
)
_ENTRA_TENANTS = (("consumers", _PERSONAL),)
_ENTRA_STRANGERS = (("organizations", _PERSONAL),)
_ENTRA_GRACE = 300.0
_STS = ("https://sts.windows.net/", "https://sts.chinacloudapi.cn/")

_ROWS = (
    Vendor("auth0", "Auth0", r"[a-z0-9-]+(\.[a-z0-9-]+)?\.auth0\.com"),
    Vendor("okta", "Okta", r"[a-z0-9-]+\.(okta|oktapreview|okta-emea|okta-gov)\.com", r"/?|/oauth2(/[^/]+)?"),
    Vendor(
        "entra",
        "Microsoft Entra ID",
        _ENTRA_HOSTS,
        r"/(?P<tenant>[^/]+)/v2\.0/?",
        templates=("https://{host}/{tenantid}/v2.0",),
        tenants=_ENTRA_TENANTS,
        strangers=_ENTRA_STRANGERS,
        keys_of_tenants=True,
        grace=_ENTRA_GRACE,
        hints=tuple(
            (sts + "{guid}/", "a token of version 1.0: name the issuer without /v2.0 at its end")
            for sts in _STS
        ),
    ),
    Vendor(
        "entra-v1",
        "Microsoft Entra ID, tokens of version 1.0",
        _ENTRA_HOSTS,
        r"/(?P<tenant>[^/]+)/?",
        templates=tuple(sts + "{tenantid}/" for sts in _STS),
        tenants=_ENTRA_TENANTS,
        strangers=_ENTRA_STRANGERS,
        keys_of_tenants=True,
        grace=_ENTRA_GRACE,
        hints=(
            ("https://{host}/{guid}/v2.0", "a token of version 2.0: name the issuer with /v2.0 at its end"),
        ),
    ),
    Vendor(
        "entra-v1-tenant",
        "Microsoft Entra ID, tokens of version 1.0",
        r"sts\.windows\.net|sts\.chinacloudapi\.cn",
        rf"/{GUID}/?",
        keys_of_tenants=True,
        grace=_ENTRA_GRACE,
    ),
    Vendor(
        "entra-external",
        "Microsoft Entra External ID",
        r"[a-z0-9-]+\.ciamlogin\.com",
        r"/(?P<tenant>[^/]+)/v2\.0/?",
        templates=("https://{tenantid}.ciamlogin.com/{tenantid}/v2.0",),
        keys_of_tenants=True,
        grace=_ENTRA_GRACE,
    ),
    Vendor(
        "entra-b2c",
        "Azure AD B2C",
        r"[a-z0-9-]+\.b2clogin\.com",
        r"/(tfp/)?[^/]+/(?P<policy>b2c_1[^/]+)/v2\.0/?",
        templates=("https://{host}/{guid}/v2.0/", "https://{host}/tfp/{guid}/{policy}/v2.0/"),
        # A tenant's policies share one issuer, and the token of one is not the token of another.
        asks=(Asks(("tfp", "acr"), "{policy}"),),
    ),
    Vendor(
        "cognito",
        "Amazon Cognito",
        r"cognito-idp(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?",
        r"/[^/]+",
        client="client_id",
        asks=(Asks(("token_use",), "access", ("access", "at+jwt")), Asks(("token_use",), "id", ("id",))),
    ),
    Vendor("google", "Google", r"accounts\.google\.com", aliases=("accounts.google.com",)),
    Vendor("firebase", "Firebase Authentication", r"securetoken\.google\.com", r"/[^/]+"),
    Vendor(
        "firebase-session",
        "Firebase session cookies",
        r"session\.firebase\.google\.com",
        r"/[^/]+",
        keys="https://www.googleapis.com/identitytoolkit/v3/relyingparty/publicKeys",
    ),
    Vendor(
        "google-iap",
        "Google Cloud Identity-Aware Proxy",
        r"cloud\.google\.com",
        "/iap",
        keys="https://www.gstatic.com/iap/verify/public_key-jwk",
    ),
    Vendor(
        "cloudflare-access",
        "Cloudflare Access",
        r"[a-z0-9-]+\.cloudflareaccess\.com",
        keys="{url}/cdn-cgi/access/certs",
    ),
    Vendor(
        "aws-alb",
        "AWS Application Load Balancer",
        resource=r"arn:aws[a-z-]*:elasticloadbalancing:(?P<region>[a-z0-9-]+):[0-9]{12}:loadbalancer/app/"
        r"[A-Za-z0-9-]+/[0-9a-f]+",
        keys="https://public-keys.auth.elb.{region}.amazonaws.com/{kid}",
        padded=True,
        # Whoever has a load balancer of his own has good tokens: `signer` says that it is this one's.
        from_header=(("iss", "signer"), ("aud", "client"), ("exp", "exp")),
    ),
    Vendor("apple", "Sign in with Apple", r"(appleid|account)\.apple\.com"),
    Vendor("github-actions", "GitHub Actions", r"token\.actions\.githubusercontent\.com", "(/[^/]+)?/?"),
    Vendor("gitlab", "GitLab", r"gitlab\.com"),
    Vendor(
        "kubernetes", "Kubernetes", r"kubernetes\.default\.svc(\.[a-z0-9.-]+)?", keys="{url}/openid/v1/jwks"
    ),
    Vendor("eks", "Amazon EKS", r"oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(\.cn)?", r"/id/[^/]+"),
    Vendor(
        "adfs",
        "Active Directory Federation Services",
        r".+",
        "/adfs/?",
        aliases=("http://{host}/adfs/services/trust",),
        any_case=True,
    ),
    Vendor("keycloak", "Keycloak", r".+", r"(/auth)?/realms/[^/]+"),
)

PROVIDERS: dict[str, Vendor] = {row.name: row for row in _ROWS}
"""By name, in the order in which they are looked through: the first that fits an issuer's URL is it."""


def recognise(url: str, provider: str | None = "auto") -> Vendor | None:
    """What is known of the provider of an issuer's URL, with all forms filled.

    Args:
        url: the issuer's.
        provider: `auto`, a name of the table, or None for no knowledge at all.

    Raises:
        Misconfigured: not in the table, or the URL is none of that provider's.
    """
    if provider is None:
        return None
    if provider == "auto":
        found = (_of(row, url, anywhere=False) for row in _ROWS)
        return next((row for row in found if row is not None), None)
    if provider not in PROVIDERS:
        raise Misconfigured(
            f"provider {provider!r} is not known here", hint=f"one of {', '.join(PROVIDERS)}; or None"
        )
    row = _of(PROVIDERS[provider], url, anywhere=True)
    if row is None:
        raise Misconfigured(f"{url} is no issuer of provider {provider!r}: its path is of another form")
    return row


def of_resource(name: str) -> Vendor | None:
    """What is known of the provider of an issuer that is a resource of a cloud."""
    found = ((row, re.fullmatch(row.resource, name)) for row in _ROWS if row.resource)
    return next((row.filled("", match.groupdict()) for row, match in found if match), None)


def _of(row: Vendor, url: str, *, anywhere: bool) -> Vendor | None:
    parts = urlsplit(url)
    if not anywhere and not re.fullmatch(row.hosts, parts.hostname or "", re.IGNORECASE):
        return None
    path = re.fullmatch(row.path, parts.path, re.IGNORECASE)
    return row.filled(url, path.groupdict()) if path else None
