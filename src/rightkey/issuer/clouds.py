"""What is known beyond the standards of clouds: Microsoft, Amazon, Google, Apple, Cloudflare, GitHub.

One row each. docs/providers.md names the page of the provider's documentation that it is after.
"""

from __future__ import annotations

from typing import Any

from rightkey.grants import ClaimPath
from rightkey.issuer.vendor import GUID, RequiredClaim, Vendor

_PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"  # the tenant of Microsoft's own, personal accounts

_ENTRA_HOSTS = (
    r"login(-us)?\.microsoftonline\.(com|us)|login\.windows\.net|login\.microsoft\.com"
    r"|login\.usgovcloudapi\.net|login\.sovcloud-identity\.(fr|de|sg)"
    r"|login\.(partner\.microsoftonline|chinacloudapi)\.cn"
)
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
_ENTRA: dict[str, Any] = {
    "keys_of_tenants": True,
    "grace": 300.0,
    "grants": (("role", ClaimPath(("wids",))),),  # directory roles, each by the GUID of its template
    "elsewhere": _GRAPH,
}
_ENTRA_OF_MANY = _ENTRA | {
    "tenants": (("consumers", _PERSONAL),),
    "strangers": (("organizations", _PERSONAL),),
}
"""Where the issuer's URL may stand for the tenants of many."""

_AWS = (
    r"amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu"
    r"|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov"  # partitions without the internet
)
_AWS_API = (
    r"aws|amazonwebservices\.com\.cn|amazonwebservices\.eu"
    r"|aws\.ic\.gov|aws\.scloud|cloud-aws\.adc-e\.uk|aws\.hci\.ic\.gov"
)
"""As AWS's own library has them (botocore's `partitions.json`)."""
_ALB_KEYS = (
    ("aws-us-gov", "https://s3-{region}.amazonaws.com/aws-elb-public-keys-prod-{region}/{kid}"),
    ("aws-cn", "https://public-keys.auth.elb.{region}.amazonaws.com.cn/{kid}"),
    ("aws-eusc", "https://public-keys.auth.elb.{region}.amazonaws.eu/{kid}"),
)

_APPLE = ("https://appleid.apple.com", "https://account.apple.com")

CLOUDS = (
    Vendor(
        "entra",
        "Microsoft Entra ID",
        _ENTRA_HOSTS,
        r"/(?P<tenant>[^/]+)/v2\.0",
        templates=("https://{host}/{tenantid}/v2.0",),
        **_ENTRA_OF_MANY,
        hints=tuple(
            (sts + "{guid}/", "a token of version 1.0: name the issuer without /v2.0 at its end")
            for sts in _STS
        ),
    ),
    Vendor(
        "entra-v1",
        "Microsoft Entra ID, tokens of version 1.0",
        _ENTRA_HOSTS,
        r"/(?P<tenant>[^/]+)",
        templates=tuple(sts + "{tenantid}/" for sts in _STS),
        **_ENTRA_OF_MANY,
        hints=(
            ("https://{host}/{guid}/v2.0", "a token of version 2.0: name the issuer with /v2.0 at its end"),
        ),
    ),
    Vendor(
        "entra-v1-tenant",
        "Microsoft Entra ID, tokens of version 1.0",
        r"sts\.windows\.net|sts\.chinacloudapi\.cn",
        rf"/(?P<tenant>{GUID})",
        **_ENTRA,
        hints=tuple(
            (f"https://{host}/{{tenant}}/v2.0", "a token of version 2.0: name that as the issuer")
            for host in (
                "login.microsoftonline.com",
                "login.microsoftonline.us",
                "login.partner.microsoftonline.cn",
            )
        ),
    ),
    Vendor(
        "entra-external",
        "Microsoft Entra External ID",
        r"[a-z0-9-]+\.ciamlogin\.(com|us|cn)",
        r"/(?P<tenant>[^/]+)/v2\.0",
        templates=tuple(
            f"https://{{tenantid}}.ciamlogin.{top}/{{tenantid}}/v2.0" for top in ("com", "us", "cn")
        ),
        **_ENTRA,
    ),
    Vendor(
        "entra-b2c",
        "Azure AD B2C",
        r"[a-z0-9-]+\.b2clogin\.(com|us|cn)",
        r"/(tfp/)?[^/]+/(?P<policy>b2c_1[^/]+)/v2\.0",
        templates=("https://{host}/{guid}/v2.0/", "https://{host}/tfp/{guid}/{policy}/v2.0/"),
        # A tenant's policies share one issuer, and the token of one is not the token of another.
        required_claims=(RequiredClaim(("tfp", "acr"), "{policy}"),),
    ),
    Vendor(
        "cognito",
        "Amazon Cognito",
        rf"(issuer-)?cognito-idp(-fips)?\.[a-z0-9-]+\.({_AWS})",
        r"/[^/]+",
        client="client_id",
        grants=(("group", ClaimPath(("cognito:groups",))), ("role", ClaimPath(("cognito:roles",)))),
        required_claims=(
            RequiredClaim(("token_use",), "access", ("access", "at+jwt")),
            RequiredClaim(("token_use",), "id", ("id",)),
        ),
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
    Vendor(
        "eks",
        "Amazon EKS",
        rf"oidc\.eks\.[a-z0-9-]+\.({_AWS})|oidc-eks\.[a-z0-9-]+\.api\.({_AWS_API})",
        r"/id/[^/]+",
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
        "firebase-app-check",
        "Firebase App Check",
        r"firebaseappcheck\.googleapis\.com",
        r"/[0-9]+",
        keys="https://firebaseappcheck.googleapis.com/v1/jwks",
    ),
    Vendor(
        "google-iap",
        "Google Cloud Identity-Aware Proxy",
        r"cloud\.google\.com",
        "/iap",
        keys="https://www.gstatic.com/iap/verify/public_key-jwk",
    ),
    Vendor(
        "apple",
        "Sign in with Apple",
        r"(appleid|account)\.apple\.com",
        # In June 2025 the metadata stated the one while tokens had the other, for a day.
        templates=_APPLE,
        aliases=_APPLE,
    ),
    Vendor(
        "cloudflare-access",
        "Cloudflare Access",
        r"[a-z0-9-]+\.cloudflareaccess\.com",
        keys="{url}/cdn-cgi/access/certs",
        grants=(("role", ClaimPath(("custom", "roles"))), ("group", ClaimPath(("custom", "groups")))),
    ),
    Vendor(
        "github-actions",
        "GitHub Actions",
        r"token\.actions\.(githubusercontent\.com|[a-z0-9-]+\.ghe\.com)",
        "(/[^/]+)?",
    ),
    Vendor(
        "kubernetes", "Kubernetes", r"kubernetes\.default\.svc(\.[a-z0-9.-]+)?", keys="{url}/openid/v1/jwks"
    ),
)
