"""What is known of providers beyond the standards, as data: one row each.

A provider that keeps to the standards needs no row; it may have one to be called by its name. A row never
makes a token pass whose issuer nobody trusts: it says how the tokens of an issuer that was named look.

In the forms, `{url}`, `{host}` and the named groups of `path` stand for what the issuer's URL has there.
Two holes stay open: `{tenantid}` is filled by a token's `tid`, and `{guid}` by any GUID until the issuer's
metadata state which.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from rightkey.errors import Failure, Misconfigured

_TENANT, _ANY = "{tenantid}", "{guid}"
_GUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"  # the tenant of Microsoft's own, personal accounts


class Asks(NamedTuple):
    """A claim that tokens must have, by the first of its `names` that is there, under these profiles.

    Letter case does not count.
    """

    names: tuple[str, ...]
    value: str
    profiles: tuple[str, ...] = ("access", "at+jwt", "id")

    def failure(self, claims: Mapping[str, Any]) -> Failure | None:
        """What is wrong with the claim."""
        name = next((name for name in self.names if name in claims), None)
        if name is None:
            return Failure(self.names[0], "missing", self.value)
        got = claims[name]
        if isinstance(got, str) and got.lower() == self.value.lower():
            return None
        return Failure(name, "mismatch", self.value, got)


class Known(NamedTuple):
    """A row. `hosts` and `path` are regular expressions for the whole host and the whole path."""

    name: str
    title: str
    hosts: str = ""
    path: str = "/?"
    resource: str = ""
    """A regular expression for issuers that are no URL but the name of a cloud's resource."""
    templates: tuple[str, ...] = ()
    """Forms of `iss` where it is not the issuer's URL. Its metadata may state one of them."""
    aliases: tuple[str, ...] = ()
    """Values of `iss` that pass beside the one that the metadata state."""
    keys: str | None = None
    """Where the keys are, of an issuer that has no metadata to ask. `{kid}` stands for the token's key id,
    which must be a GUID, where they are published one by one."""
    client: str | None = None
    """The claim that names the audience where `aud` is missing."""
    asks: tuple[Asks, ...] = ()
    tenants: tuple[tuple[str, str], ...] = ()
    """What a `{tenant}` that is a word stands for: the tenant's GUID."""
    strangers: tuple[tuple[str, str], ...] = ()
    """And the GUID of the one that it does not stand for."""
    keys_of_tenants: bool = False
    """Whether a key's `issuer` names the tenant whose tokens alone it signs."""
    grace: float = 0.0
    """Seconds for which a key serves on that an answer lacks, since the provider's front ends disagree."""
    padded: bool = False
    """Whether tokens are spelled with padding."""
    from_header: tuple[tuple[str, str], ...] = ()
    """Claims that are judged by what a member of the header says."""
    any_case: bool = False
    """Whether the metadata spell the host in letters of another case."""
    hints: tuple[tuple[str, str], ...] = ()
    """Forms of `iss` that are often met in vain, and what to do about each."""

    def issued(self, spellings: tuple[str, ...], claims: Mapping[str, Any]) -> bool:
        """Whether a token's `iss` is one of these forms, with the hole filled by the tenant it names."""
        iss, tid = claims.get("iss"), claims.get("tid")
        if not isinstance(iss, str) or any(tid == stranger for _, stranger in self.strangers):
            return False
        named = tid if isinstance(tid, str) and re.fullmatch(_GUID, tid) else "no tenant"
        return any(_is_form(form.replace(_TENANT, named), iss) for form in spellings)

    def hint(self, iss: str) -> str | None:
        """What to do about a token with this `iss`, which is not trusted."""
        return next((hint for form, hint in self.hints if _is_form(form, iss)), None)

    def stated(self, issuer: str) -> str | None:
        """The spelling that tokens must have where the metadata state this issuer; None if it is no form
        of this one's."""
        form = re.sub(re.escape(_TENANT), _TENANT, issuer, flags=re.IGNORECASE)
        for template in self.templates:
            if form == template or _is_form(template.replace(_TENANT, _ANY), issuer):
                return form
        return None

    def signs(self, key_issuer: Any, claims: Mapping[str, Any]) -> bool:
        """Whether a key whose JWK names this `issuer` signs for the token's tenant."""
        named = re.search(_GUID, key_issuer) if isinstance(key_issuer, str) else None
        return named is None or named[0] in (claims.get("tid"), *re.findall(_GUID, str(claims.get("iss"))))

    def stated_in(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> Mapping[str, Any]:
        """The claims, with those that the header states as it has them."""
        return {**claims, **{claim: header.get(member) for claim, member in self.from_header}}

    def failures(self, profile: str, claims: Mapping[str, Any]) -> list[Failure]:
        """Which claims that the provider's tokens have are missing, or other than they must be."""
        found = [ask.failure(claims) for ask in self.asks if profile in ask.profiles]
        return [failure for failure in found if failure is not None]

    def filled(self, url: str, groups: Mapping[str, str | None]) -> Known:
        """The row for one issuer: all its forms filled by what the URL has."""
        word = (groups.get("tenant") or "").lower()
        values = {"url": url.rstrip("/"), "host": urlsplit(url).netloc, **groups}
        values["tenantid"] = dict(self.tenants).get(word, word if re.fullmatch(_GUID, word) else None)

        def fill(form: str) -> str:
            for name, value in values.items():
                form = form if value is None else form.replace(f"{{{name}}}", value)
            return form

        return self._replace(
            templates=tuple(map(fill, self.templates)),
            aliases=tuple(map(fill, self.aliases)),
            keys=None if self.keys is None else fill(self.keys),
            hints=tuple((fill(form), hint) for form, hint in self.hints),
            asks=tuple(ask._replace(value=fill(ask.value)) for ask in self.asks),
            strangers=tuple(pair for pair in self.strangers if pair[0] == word),
        )


_ENTRA_HOSTS = (
    r"login\.microsoftonline\.(com|us)|login\.windows\.net|login\.partner\.microsoftonline\.cn"
    r"|login\.chinacloudapi\.cn"
)
_ENTRA_TENANTS = (("consumers", _PERSONAL),)
_ENTRA_STRANGERS = (("organizations", _PERSONAL),)
_ENTRA_GRACE = 300.0
_STS = ("https://sts.windows.net/", "https://sts.chinacloudapi.cn/")

_ROWS = (
    Known("auth0", "Auth0", r"[a-z0-9-]+(\.[a-z0-9-]+)?\.auth0\.com"),
    Known("okta", "Okta", r"[a-z0-9-]+\.(okta|oktapreview|okta-emea|okta-gov)\.com", r"/?|/oauth2(/[^/]+)?"),
    Known(
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
    Known(
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
    Known(
        "entra-v1-tenant",
        "Microsoft Entra ID, tokens of version 1.0",
        r"sts\.windows\.net|sts\.chinacloudapi\.cn",
        rf"/{_GUID}/?",
        keys_of_tenants=True,
        grace=_ENTRA_GRACE,
    ),
    Known(
        "entra-external",
        "Microsoft Entra External ID",
        r"[a-z0-9-]+\.ciamlogin\.com",
        r"/(?P<tenant>[^/]+)/v2\.0/?",
        templates=("https://{tenantid}.ciamlogin.com/{tenantid}/v2.0",),
        keys_of_tenants=True,
        grace=_ENTRA_GRACE,
    ),
    Known(
        "entra-b2c",
        "Azure AD B2C",
        r"[a-z0-9-]+\.b2clogin\.com",
        r"/(tfp/)?[^/]+/(?P<policy>b2c_1[^/]+)/v2\.0/?",
        templates=("https://{host}/{guid}/v2.0/", "https://{host}/tfp/{guid}/{policy}/v2.0/"),
        # A tenant's policies share one issuer, and the token of one is not the token of another.
        asks=(Asks(("tfp", "acr"), "{policy}"),),
    ),
    Known(
        "cognito",
        "Amazon Cognito",
        r"cognito-idp(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?",
        r"/[^/]+",
        client="client_id",
        asks=(Asks(("token_use",), "access", ("access", "at+jwt")), Asks(("token_use",), "id", ("id",))),
    ),
    Known("google", "Google", r"accounts\.google\.com", aliases=("accounts.google.com",)),
    Known("firebase", "Firebase Authentication", r"securetoken\.google\.com", r"/[^/]+"),
    Known(
        "firebase-session",
        "Firebase session cookies",
        r"session\.firebase\.google\.com",
        r"/[^/]+",
        keys="https://www.googleapis.com/identitytoolkit/v3/relyingparty/publicKeys",
    ),
    Known(
        "google-iap",
        "Google Cloud Identity-Aware Proxy",
        r"cloud\.google\.com",
        "/iap",
        keys="https://www.gstatic.com/iap/verify/public_key-jwk",
    ),
    Known(
        "cloudflare-access",
        "Cloudflare Access",
        r"[a-z0-9-]+\.cloudflareaccess\.com",
        keys="{url}/cdn-cgi/access/certs",
    ),
    Known(
        "aws-alb",
        "AWS Application Load Balancer",
        resource=r"arn:aws[a-z-]*:elasticloadbalancing:(?P<region>[a-z0-9-]+):[0-9]{12}:loadbalancer/app/"
        r"[A-Za-z0-9-]+/[0-9a-f]+",
        keys="https://public-keys.auth.elb.{region}.amazonaws.com/{kid}",
        padded=True,
        # Whoever has a load balancer of his own has good tokens: `signer` says that it is this one's.
        from_header=(("iss", "signer"), ("aud", "client"), ("exp", "exp")),
    ),
    Known("apple", "Sign in with Apple", r"(appleid|account)\.apple\.com"),
    Known("github-actions", "GitHub Actions", r"token\.actions\.githubusercontent\.com", "(/[^/]+)?/?"),
    Known("gitlab", "GitLab", r"gitlab\.com"),
    Known(
        "kubernetes", "Kubernetes", r"kubernetes\.default\.svc(\.[a-z0-9.-]+)?", keys="{url}/openid/v1/jwks"
    ),
    Known("eks", "Amazon EKS", r"oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(\.cn)?", r"/id/[^/]+"),
    Known(
        "adfs",
        "Active Directory Federation Services",
        r".+",
        "/adfs/?",
        aliases=("http://{host}/adfs/services/trust",),
        any_case=True,
    ),
    Known("keycloak", "Keycloak", r".+", r"(/auth)?/realms/[^/]+"),
)

PROVIDERS: dict[str, Known] = {row.name: row for row in _ROWS}
"""By name, in the order in which they are looked through: the first that fits an issuer's URL is it."""


def recognise(url: str, provider: str | None = "auto") -> Known | None:
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


def of_resource(name: str) -> Known | None:
    """What is known of the provider of an issuer that is a resource of a cloud."""
    found = ((row, re.fullmatch(row.resource, name)) for row in _ROWS if row.resource)
    return next((row.filled("", match.groupdict()) for row, match in found if match), None)


def is_known_host(host: str) -> bool:
    """Whether a host is of a provider that is told by its hosts."""
    hosts = (row.hosts for row in _ROWS if row.hosts not in ("", ".+"))
    return any(re.fullmatch(one, host, re.IGNORECASE) for one in hosts)


def is_guid(text: str) -> bool:
    return re.fullmatch(_GUID, text) is not None


def _of(row: Known, url: str, *, anywhere: bool) -> Known | None:
    parts = urlsplit(url)
    if not anywhere and not re.fullmatch(row.hosts, parts.hostname or "", re.IGNORECASE):
        return None
    path = re.fullmatch(row.path, parts.path, re.IGNORECASE)
    return row.filled(url, path.groupdict()) if path else None


def _is_form(form: str, iss: str) -> bool:
    return re.fullmatch(re.escape(form).replace(re.escape(_ANY), _GUID), iss) is not None
