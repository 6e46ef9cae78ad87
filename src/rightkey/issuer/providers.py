"""What is known of providers beyond the standards, as data: one row each.

A provider that keeps to the standards needs no row; it may have one to be called by its name. A row never
makes a token pass whose issuer you did not name: it says how the tokens of an issuer that was named look.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from rightkey.errors import Misconfigured
from rightkey.grants import Place
from rightkey.issuer.spelling import quoted
from rightkey.issuer.vendor import GUID, Asks, Vendor

_PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"  # the tenant of Microsoft's own, personal accounts

_ENTRA_HOSTS = (
    r"login\.microsoftonline\.(com|us)|login\.windows\.net|login\.microsoft\.com|login\.usgovcloudapi\.net"
    r"|login\.(partner\.microsoftonline|chinacloudapi)\.cn"
)
_ENTRA_TENANTS = (("consumers", _PERSONAL),)
_ENTRA_STRANGERS = (("organizations", _PERSONAL),)
_ENTRA_GRACE = 300.0
_ENTRA_GRANTS = (("role", Place(("wids",))),)  # directory roles, each by the GUID of its template
_GRAPH = tuple(
    (name, "a token for Microsoft Graph, which only Graph can verify: ask for a scope of your own API")
    # A token with `nonce` in its header was signed before that was hashed.
    for name in (
        "nonce",
        "00000003-0000-0000-c000-000000000000",
        "https://graph.microsoft.com",
        "https://graph.microsoft.com/",
    )
)
_STS = ("https://sts.windows.net/", "https://sts.chinacloudapi.cn/")

_AWS = r"amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu"
_ALB_KEYS = (
    ("aws-us-gov", "https://s3-{region}.amazonaws.com/aws-elb-public-keys-prod-{region}/{kid}"),
    ("aws-cn", "https://public-keys.auth.elb.{region}.amazonaws.com.cn/{kid}"),
    ("aws-eusc", "https://public-keys.auth.elb.{region}.amazonaws.eu/{kid}"),
)

_ROWS = (
    Vendor(
        "auth0",
        "Auth0",
        r"[a-z0-9-]+(\.[a-z0-9-]+)?\.auth0\.com",
        # Claims of one's own need a namespace there. Under the API's own identifier they are this API's.
        grants=(("role", Place(("{audience}/roles",))), ("group", Place(("{audience}/groups",)))),
    ),
    Vendor(
        "okta",
        "Okta",
        r"[a-z0-9-]+\.((okta|oktapreview|okta-emea|okta-gov|trexcloud)\.com|okta\.mil)",
        r"/?|/oauth2(/[^/]+)?",
    ),
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
        grants=_ENTRA_GRANTS,
        elsewhere=_GRAPH,
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
        grants=_ENTRA_GRANTS,
        elsewhere=_GRAPH,
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
        grants=_ENTRA_GRANTS,
        elsewhere=_GRAPH,
    ),
    Vendor(
        "entra-external",
        "Microsoft Entra External ID",
        r"[a-z0-9-]+\.ciamlogin\.(com|us|cn)",
        r"/(?P<tenant>[^/]+)/v2\.0/?",
        templates=tuple(
            f"https://{{tenantid}}.ciamlogin.{top}/{{tenantid}}/v2.0" for top in ("com", "us", "cn")
        ),
        keys_of_tenants=True,
        grace=_ENTRA_GRACE,
        grants=_ENTRA_GRANTS,
        elsewhere=_GRAPH,
    ),
    Vendor(
        "entra-b2c",
        "Azure AD B2C",
        r"[a-z0-9-]+\.b2clogin\.(com|us|cn)",
        r"/(tfp/)?[^/]+/(?P<policy>b2c_1[^/]+)/v2\.0/?",
        templates=("https://{host}/{guid}/v2.0/", "https://{host}/tfp/{guid}/{policy}/v2.0/"),
        # A tenant's policies share one issuer, and the token of one is not the token of another.
        asks=(Asks(("tfp", "acr"), "{policy}"),),
    ),
    Vendor(
        "cognito",
        "Amazon Cognito",
        rf"(issuer-)?cognito-idp(-fips)?\.[a-z0-9-]+\.({_AWS})",
        r"/[^/]+",
        client="client_id",
        grants=(("group", Place(("cognito:groups",))), ("role", Place(("cognito:roles",)))),
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
        grants=(("role", Place(("custom", "roles"))), ("group", Place(("custom", "groups")))),
    ),
    Vendor(
        "aws-alb",
        "AWS Application Load Balancer",
        resource=r"arn:(?P<partition>aws|aws-us-gov|aws-cn|aws-eusc):elasticloadbalancing:(?P<region>[a-z0-9-]+):"
        r"[0-9]{12}:loadbalancer/app/[A-Za-z0-9-]+/[0-9a-f]+",
        keys="https://public-keys.auth.elb.{region}.amazonaws.com/{kid}",
        keys_in=_ALB_KEYS,
        padded=True,
        # Anyone with a load balancer has good tokens: `signer` says that one is this one's.
        from_header=(("iss", "signer"), ("aud", "client"), ("exp", "exp")),
    ),
    Vendor("apple", "Sign in with Apple", r"(appleid|account)\.apple\.com"),
    Vendor(
        "github-actions",
        "GitHub Actions",
        r"token\.actions\.(githubusercontent\.com|[a-z0-9-]+\.ghe\.com)",
        "(/[^/]+)?/?",
    ),
    Vendor("github-server", "GitHub Enterprise Server", r".+", "/_services/token/?"),
    Vendor("gitlab", "GitLab", r"gitlab\.com", grants=(("group", Place(("groups_direct",))),)),
    Vendor(
        "kubernetes", "Kubernetes", r"kubernetes\.default\.svc(\.[a-z0-9.-]+)?", keys="{url}/openid/v1/jwks"
    ),
    Vendor(
        "eks", "Amazon EKS", rf"oidc\.eks\.[a-z0-9-]+\.({_AWS})|oidc-eks\.[a-z0-9-]+\.api\.aws", r"/id/[^/]+"
    ),
    Vendor(
        "adfs",
        "Active Directory Federation Services",
        r".+",
        "/adfs/?",
        aliases=("http://{host}/adfs/services/trust",),
        any_case=True,
        grants=(
            ("role", Place(("http://schemas.microsoft.com/ws/2008/06/identity/claims/role",))),
            ("group", Place(("group",))),
            ("group", Place(("http://schemas.xmlsoap.org/claims/Group",))),
        ),
    ),
    Vendor(
        "keycloak",
        "Keycloak",
        r".+",
        r"(/auth)?/realms/[^/]+",
        # The realm's roles, and those of the client that this API is: another client's are its own affair.
        grants=(
            ("role", Place(("realm_access", "roles"))),
            ("role", Place(("resource_access", "{audience}", "roles"))),
        ),
    ),
    # JWT-SVID, sections 2 and 3: `sub` is an id of the trust domain, and `iss` is not needed.
    Vendor(
        "spiffe",
        "SPIFFE",
        resource=r"spiffe://[a-z0-9._-]+",
        of_subject=True,
        types=frozenset(("jose",)),
    ),
    Vendor(
        "zitadel",
        "Zitadel",
        r"[a-z0-9-]+(\.[a-z0-9-]+)?\.zitadel\.cloud",
        grants=(
            ("role", Place(("urn:zitadel:iam:org:project:roles",), keys=True)),
            ("role", Place(("urn:zitadel:iam:org:project:{audience}:roles",), keys=True)),
        ),
    ),
    Vendor(
        "ory",
        "Ory",
        r"[a-z0-9-]+\.projects\.(oryapis\.com|ory\.sh)",
        r"(/[^/]+)*/?",
        grants=tuple(
            (kind, Place(("ext", name)))
            for kind, name in (("role", "roles"), ("group", "groups"), ("permission", "permissions"))
        ),
    ),
    Vendor(
        "supabase",
        "Supabase",
        r"[a-z0-9-]+\.supabase\.co",
        "/auth/v1/?",
        keys="{url}/.well-known/jwks.json",
        # Users write `user_metadata` themselves, so that nothing in there grants anything.
        grants=(("role", Place(("app_metadata", "roles"))), ("role", Place(("app_metadata", "role")))),
    ),
    Vendor(
        "clerk",
        "Clerk",
        r"[a-z0-9-]+\.clerk\.accounts\.dev|clerk\..+",
        grants=(
            ("role", Place(("org_role",))),
            ("role", Place(("o", "rol"))),
            ("permission", Place(("org_permissions",))),
        ),
    ),
    Vendor(
        "workos",
        "WorkOS",
        r"api\.workos\.com",
        r"/user_management/(?P<app>[^/]+)/?",
        keys="https://api.workos.com/sso/jwks/{app}",
        client="client_id",
    ),
    Vendor(
        "descope",
        "Descope",
        r"api(\.[a-z0-9-]+)?\.descope\.com",
        r"/(?P<project>P[A-Za-z0-9]+)/?",
        keys="{url}/.well-known/jwks.json",
        aliases=("{project}",),
    ),
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
            f"provider {quoted(str(provider))} is not known here",
            hint=f"one of {', '.join(PROVIDERS)}; or None",
        )
    row = _of(PROVIDERS[provider], url, anywhere=True)
    if row is None:
        raise Misconfigured(
            f"{quoted(url)} does not look like an issuer of provider {provider!r}: its path has another form"
        )
    return row


def of_resource(name: str) -> Vendor | None:
    """What is known of the provider of an issuer that is a resource of a cloud."""
    found = ((row, re.fullmatch(row.resource, name)) for row in _ROWS if row.resource)
    return next((row.filled("", match.groupdict()) for row, match in found if match), None)


def is_known_host(host: str) -> bool:
    """Whether a host is of a provider that is told by its hosts."""
    hosts = (row.hosts for row in _ROWS if row.hosts not in ("", ".+"))
    return any(re.fullmatch(one, host, re.IGNORECASE) for one in hosts)


def _of(row: Vendor, url: str, *, anywhere: bool) -> Vendor | None:
    parts = urlsplit(url)
    if not anywhere and not re.fullmatch(row.hosts, parts.hostname or "", re.IGNORECASE):
        return None
    path = re.fullmatch(row.path, parts.path, re.IGNORECASE)
    return row.filled(url, path.groupdict()) if path else None
