"""What is known beyond the standards of identity services and of servers that run anywhere, one row each.

docs/providers.md names the page of the provider's documentation that each is after.
"""

from __future__ import annotations

from rightkey.grants import ClaimPath
from rightkey.issuer.vendor import Vendor

_MAPPER = "give the client an audience mapper: without one its tokens name no API of yours"

_OKTA = r"(okta(preview|-emea|-gov|-miltest)?|trex(cloud|-gov|-govcloud))\.com|okta\.mil"

SERVICES = (
    Vendor(
        "auth0",
        "Auth0",
        r"[a-z0-9-]+(\.[a-z0-9-]+)?\.auth0(app)?\.com",
        # Claims of one's own need a namespace there. Under the API's own identifier they are this API's.
        grants=(("role", ClaimPath(("{audience}/roles",))), ("group", ClaimPath(("{audience}/groups",)))),
    ),
    Vendor(
        "okta",
        "Okta",
        rf"[a-z0-9-]+\.({_OKTA})",
        r"(/oauth2(/[^/]+)?)?",
        hints=(
            ("https://{host}", "a token of the organisation's own server, which is for Okta's APIs alone"),
        ),
    ),
    Vendor(
        "zitadel",
        "Zitadel",
        r"[a-z0-9-]+(\.[a-z0-9-]+)?\.zitadel\.cloud",
        grants=(
            ("role", ClaimPath(("urn:zitadel:iam:org:project:roles",), keys=True)),
            ("role", ClaimPath(("urn:zitadel:iam:org:project:{audience}:roles",), keys=True)),
        ),
    ),
    Vendor(
        "ory",
        "Ory",
        r"[a-z0-9-]+\.projects\.(oryapis\.com|ory\.sh)",
        r"(/[^/]+)*",
        unaddressed="allow the client this audience, and have it ask for audience=",
        grants=tuple(
            (kind, ClaimPath(("ext", name)))
            for kind, name in (("role", "roles"), ("group", "groups"), ("permission", "permissions"))
        ),
    ),
    Vendor(
        "supabase",
        "Supabase",
        r"[a-z0-9-]+\.supabase\.co",
        "/auth/v1",
        keys="{url}/.well-known/jwks.json",
        # Users write `user_metadata` themselves, so that nothing in there grants anything.
        grants=(
            ("role", ClaimPath(("app_metadata", "roles"))),
            ("role", ClaimPath(("app_metadata", "role"))),
        ),
    ),
    Vendor(
        "clerk",
        "Clerk",
        r"[a-z0-9-]+\.clerk\.accounts\.dev|clerk\..+",
        unaddressed="session tokens have no aud: audience=rightkey.ANY, and require azp with claim(...)",
        grants=(
            ("role", ClaimPath(("org_role",))),
            ("role", ClaimPath(("o", "rol"))),
            ("permission", ClaimPath(("org_permissions",))),
        ),
    ),
    Vendor(
        "workos",
        "WorkOS",
        r"api\.workos\.com",
        r"/user_management/(?P<app>[^/]+)",
        keys="https://api.workos.com/sso/jwks/{app}",
        client="client_id",
    ),
    Vendor(
        "descope",
        "Descope",
        r"api(\.[a-z0-9-]+)?\.descope\.com",
        r"/(?P<project>P[A-Za-z0-9]+)",
        keys="{url}/.well-known/jwks.json",
        aliases=("{project}",),
    ),
    Vendor("gitlab", "GitLab", r"gitlab\.com", grants=(("group", ClaimPath(("groups_direct",))),)),
)
SERVERS = (
    # JWT-SVID, sections 2 and 3: `sub` is an id of the trust domain, and `iss` is not needed.
    Vendor(
        "spiffe",
        "SPIFFE",
        resource=r"spiffe://[a-z0-9._-]+",
        of_subject=True,
        types=frozenset(("jose",)),
        algorithms=frozenset(kind + bits for kind in ("RS", "ES", "PS") for bits in ("256", "384", "512")),
    ),
    Vendor("github-server", "GitHub Enterprise Server", r".+", "/_services/token"),
    Vendor(
        "adfs",
        "Active Directory Federation Services",
        r".+",
        "/adfs",
        aliases=("http://{host}/adfs/services/trust",),
        any_case=True,
        grants=(
            ("role", ClaimPath(("http://schemas.microsoft.com/ws/2008/06/identity/claims/role",))),
            ("group", ClaimPath(("group",))),
            ("group", ClaimPath(("http://schemas.xmlsoap.org/claims/Group",))),
        ),
    ),
    Vendor(
        "keycloak",
        "Keycloak",
        r".+",
        r"(?!.*/oauth2/)(/[^/]+)*/realms/[^/]+",  # below any --http-relative-path; PingAM has realms, too
        elsewhere=(("account", _MAPPER),),
        unaddressed=_MAPPER,
        # The realm's roles, and those of the client that this API is: another client's are its own affair.
        grants=(
            ("role", ClaimPath(("realm_access", "roles"))),
            ("role", ClaimPath(("resource_access", "{audience}", "roles"))),
        ),
    ),
)
"""Those that run anywhere, which are told by the path alone, or by name."""
