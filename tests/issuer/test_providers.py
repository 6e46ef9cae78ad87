"""What is known of providers: whose an issuer is, what its tokens say, and what is refused all the same.

The forms are those of the providers' own documentation; the GUIDs are made up.
"""

from __future__ import annotations

import pickle
from typing import Any

import orjson
import pytest

from rightkey import (
    InsufficientScope,
    IssuerUnavailable,
    KeySet,
    Misconfigured,
    TokenRejected,
    Trust,
    Verified,
    Verifier,
    any_of,
    claim,
    group,
    permission,
    role,
    scope,
)
from rightkey.exchange import ExchangeFailed, Request, Response
from rightkey.issuer.name import Issuer
from rightkey.issuer.providers import PROVIDERS, is_known_host, recognise
from rightkey.jose import base64url
from rightkey.jose.jws import read_header
from rightkey.localissuer.keys.signing import SigningKey
from rightkey.verdict.attempt import attempt, judge_claims
from rightkey.verdict.held import Held, NeedsNewer
from rightkey.verdict.memory import Memory

NOW = 1_800_000_000
TENANT = "3c6f6ef3-4f28-4be9-a1b0-1d7a3c1f2e01"
OTHER = "7d1a2b8c-90de-4a57-bf6e-0c4d5e6f7a02"
PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"
ENTRA = "https://login.microsoftonline.com"
B2C = "https://contoso.b2clogin.com"

WHOSE = {
    "tenant.eu.auth0.com": "auth0",
    "https://tenant.auth0.com/": "auth0",
    "https://dev-1.okta.com/oauth2/default": "okta",
    "https://dev-1.okta.com": "okta",
    "https://tenant.space.auth0app.com/": "auth0",
    "https://agency.okta-miltest.com/oauth2/default": "okta",
    "https://agency.trex-govcloud.com": "okta",
    f"https://login.sovcloud-identity.fr/{TENANT}/v2.0": "entra",
    "https://login.sovcloud-identity.de/contoso.onsovcloud.de/v2.0": "entra",
    f"https://login.sovcloud-identity.sg/{TENANT}": "entra-v1",
    "https://oidc-eks.cn-north-1.api.amazonwebservices.com.cn/id/0123ABCD": "eks",
    "https://oidc-eks.eusc-de-east-1.api.amazonwebservices.eu/id/0123ABCD": "eks",
    "https://account.apple.com": "apple",
    "https://login.sovcloud-identity.com/common/v2.0": None,
    "https://tenant.auth0apps.com": None,
    "https://evil-okta.com": None,
    f"{ENTRA}/{TENANT}/v2.0": "entra",
    f"{ENTRA}/common/v2.0": "entra",
    f"https://login.microsoftonline.us/{TENANT}/v2.0": "entra",
    f"{ENTRA}/contoso.onmicrosoft.com": "entra-v1",
    f"https://sts.windows.net/{TENANT}/": "entra-v1-tenant",
    "https://contoso.ciamlogin.com/contoso.onmicrosoft.com/v2.0": "entra-external",
    f"{B2C}/contoso.onmicrosoft.com/B2C_1_signin/v2.0": "entra-b2c",
    f"{B2C}/tfp/contoso.onmicrosoft.com/B2C_1A_custom/v2.0/": "entra-b2c",
    "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf": "cognito",
    "accounts.google.com": "google",
    "https://accounts.google.com": "google",
    "https://securetoken.google.com/my-project": "firebase",
    "https://session.firebase.google.com/my-project": "firebase-session",
    "https://firebaseappcheck.googleapis.com/123456789012": "firebase-app-check",
    "https://cloud.google.com/iap": "google-iap",
    "https://team.cloudflareaccess.com": "cloudflare-access",
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188": "aws-alb",
    "https://appleid.apple.com": "apple",
    "https://token.actions.githubusercontent.com": "github-actions",
    "https://gitlab.com": "gitlab",
    "https://kubernetes.default.svc": "kubernetes",
    "https://kubernetes.default.svc.cluster.local": "kubernetes",
    "https://oidc.eks.eu-west-1.amazonaws.com/id/0123ABCD": "eks",
    "https://adfs.example.com/adfs": "adfs",
    "https://sso.example.com/realms/shop": "keycloak",
    "https://sso.example.com/auth/realms/shop": "keycloak",
    "https://example.com/apps/sso/realms/shop": "keycloak",
    "https://sso.example.com/am/oauth2/realms/root/realms/shop": None,
    "https://dev-1.okta-gov.com/oauth2/default": "okta",
    "https://agency.okta.mil": "okta",
    f"https://login.partner.microsoftonline.cn/{TENANT}/v2.0": "entra",
    f"https://login.microsoft.com/{TENANT}/v2.0": "entra",
    "https://contoso.ciamlogin.us/contoso.onmicrosoft.us/v2.0": "entra-external",
    "https://contoso.b2clogin.cn/contoso.partner.onmschina.cn/B2C_1_signin/v2.0": "entra-b2c",
    "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf": "cognito",
    "https://issuer-cognito-idp-fips.us-gov-west-1.amazonaws.com/us-gov-west-1_AbCdEf": "cognito",
    "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_AbCdEf": "cognito",
    "https://cognito-idp.eusc-de-east-1.amazonaws.eu/eusc-de-east-1_AbCdEf": "cognito",
    "arn:aws-us-gov:elasticloadbalancing:us-gov-west-1:123456789012:loadbalancer/app/w/50dc6c495c": "aws-alb",
    "arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012:loadbalancer/app/w/50dc6c495c": "aws-alb",
    "https://oidc-eks.eu-west-1.api.aws/id/0123ABCD": "eks",
    "https://oidc.eks.us-iso-east-1.c2s.ic.gov/id/0123ABCD": "eks",
    "https://oidc.eks.eu-isoe-west-1.cloud.adc-e.uk/id/0123ABCD": "eks",
    "https://oidc-eks.us-isob-east-1.api.aws.scloud/id/0123ABCD": "eks",
    "https://cognito-idp.us-isof-south-1.csp.hci.ic.gov/us-isof-south-1_AbCdEf": "cognito",
    "https://token.actions.octocorp.ghe.com": "github-actions",
    "https://github.example.com/_services/token": "github-server",
    "https://shop-abc123.us1.zitadel.cloud": "zitadel",
    "https://shop.zitadel.cloud": "zitadel",
    "https://slug.projects.oryapis.com": "ory",
    "https://abcdefgh.supabase.co/auth/v1": "supabase",
    "https://fit-cat-1.clerk.accounts.dev": "clerk",
    "https://clerk.example.com": "clerk",
    "https://api.workos.com/user_management/client_123": "workos",
    "https://api.descope.com/P2abcDEF": "descope",
    "https://cognito-idp.eu-west-1.amazonaws.com.evil.example/eu-west-1_AbCdEf": None,
    "https://evil-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf": None,
    "https://issuer.example": None,
    "https://login.microsoftonline.com.evil.example/common/v2.0": None,
    "https://evil.example/tenant.auth0.com": None,
    "https://xauth0.com": None,
    f"https://sts.windows.net/{TENANT}x/": None,
    "https://cloud.google.com/other": None,
}


@pytest.mark.parametrize("issuer", WHOSE)
def test_a_provider_is_told_by_the_issuers_url(issuer: str) -> None:
    """By the whole host and the whole path; every row has an example."""
    vendor = Issuer.parse(issuer).vendor
    assert (vendor.name if vendor else None) == WHOSE[issuer]


@pytest.mark.parametrize("issuer", [one for one in WHOSE if not one.startswith("arn:")])
def test_a_slash_at_the_end_makes_no_other_provider(issuer: str) -> None:
    """What a provider's tokens must have is asked however its issuer was spelled."""
    vendor = Issuer.parse(issuer.removeprefix("https://").rstrip("/") + "/").vendor
    assert (vendor.name if vendor else None) == WHOSE[issuer]


def test_every_row_is_told_by_some_url() -> None:
    """But SPIFFE's, whose issuers have keys of one's own."""
    assert set(WHOSE.values()) == (PROVIDERS.keys() - {"spiffe"}) | {None}


def test_a_provider_may_be_named_or_switched_off() -> None:
    """Named, its host may be any, as a custom domain's is; switched off, nothing is known."""
    own = Issuer.parse("https://login.contoso.com/contoso.onmicrosoft.com/b2c_1_x/v2.0", "entra-b2c")
    assert own.expected[0] == "https://login.contoso.com/{guid}/v2.0/"
    assert Issuer.parse(f"{ENTRA}/common/v2.0", None).expected == (f"{ENTRA}/common/v2.0",)
    with pytest.raises(Misconfigured, match="not known here"):
        recognise("https://a.example", "nobody")
    with pytest.raises(Misconfigured, match="another form"):
        recognise("https://a.example/x", "entra")


def test_with_keys_of_ones_own_nothing_is_known_unless_it_is_named() -> None:
    """Keys that are passed in come with the exact issuer."""
    url = f"{ENTRA}/common/v2.0"
    assert Trust(url, audience="api", keys=KeySet(())).expected == (url,)
    named = Trust(url, audience="api", keys=KeySet(()), provider="entra")
    assert named.expected == (f"{ENTRA}/{{tenantid}}/v2.0",)


# -- whose token it is -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return SigningKey.generate("ES256", kid="k", now=NOW)


@pytest.fixture
def judged(key: SigningKey, token: Any) -> Any:
    """A token's verdict by an issuer: the code; or what verified."""

    def judge(
        issuer: str,
        claims: dict[str, Any],
        stated: str | None = None,
        profile: str = "access",
        jwk: dict[str, Any] | None = None,
    ) -> Verified | str:
        trust = Trust(issuer, audience="api", profile=profile)
        payload = orjson.dumps({"aud": "api", "exp": NOW + 60} | claims)
        expected = None if stated is None else Issuer.parse(issuer).iss_for(stated)
        keys = KeySet.parse({"keys": [key.public_jwk() | (jwk or {})]})
        try:
            outcome = attempt(trust, token(key, payload), Held(keys, expected), NOW)
        except TokenRejected as error:
            return error.code
        if isinstance(outcome, NeedsNewer):
            return "" if outcome.error is None else outcome.error.code
        return outcome

    return judge


def entra(tenant: str, tid: Any = None) -> dict[str, Any]:
    return {"iss": f"{ENTRA}/{tenant}/v2.0", "tid": tenant if tid is None else tid}


TEMPLATE = f"{ENTRA}/{{tenantid}}/v2.0"


@pytest.mark.parametrize("stated", [None, TEMPLATE, TEMPLATE.replace("tenantid", "tenantId")])
def test_entra_for_all_tenants_takes_each_by_its_own_name(judged: Any, stated: str | None) -> None:
    """The template is filled by `tid`, before the metadata are read and after."""
    common = f"{ENTRA}/common/v2.0"
    assert judged(common, entra(TENANT), stated).claims["tid"] == TENANT
    assert judged(common, entra(TENANT, OTHER), stated) == "issuer_not_trusted"
    assert judged(common, {"iss": f"{ENTRA}/{TENANT}/v2.0"}, stated) == "issuer_not_trusted"
    assert judged(common, entra(PERSONAL), stated).claims["tid"] == PERSONAL


HOSTILE = [
    "common",
    "",
    "*",
    "{tenantid}",
    TENANT.upper(),
    f"{TENANT}/../{OTHER}",
    f"{TENANT}%00",
    f"{TENANT}\x00",
    f"{TENANT}\n",
    f"a@{TENANT}",
    "тенант",
    f"{TENANT}.",
    f"{TENANT}%2f",
    TENANT.replace("a", "\u0430"),
]


@pytest.mark.parametrize("tid", HOSTILE, ids=ascii)
def test_a_tenant_is_a_guid_and_nothing_else(judged: Any, tid: str) -> None:
    """Whatever stands in both `tid` and `iss`."""
    for stated in (None, TEMPLATE):
        assert judged(f"{ENTRA}/common/v2.0", entra(tid), stated) == "issuer_not_trusted"


@pytest.mark.parametrize("tid", [None, 1, True, [TENANT], {"a": TENANT}], ids=repr)
def test_a_tenant_of_another_type_is_none(judged: Any, tid: Any) -> None:
    claims = {"iss": f"{ENTRA}/{TENANT}/v2.0", "tid": tid}
    assert judged(f"{ENTRA}/common/v2.0", claims, TEMPLATE) == "issuer_not_trusted"


def test_an_iss_of_another_type_is_none_of_a_template(judged: Any) -> None:
    assert judged(f"{ENTRA}/common/v2.0", {"iss": [f"{ENTRA}/{TENANT}/v2.0"], "tid": TENANT}) == (
        "issuer_not_trusted"
    )


def test_entra_for_organizations_takes_no_personal_accounts(judged: Any) -> None:
    """And for consumers it takes those alone."""
    assert judged(f"{ENTRA}/organizations/v2.0", entra(TENANT)).claims["tid"] == TENANT
    assert judged(f"{ENTRA}/organizations/v2.0", entra(PERSONAL), TEMPLATE) == "issuer_not_trusted"
    assert judged(f"{ENTRA}/consumers/v2.0", entra(PERSONAL)).claims["tid"] == PERSONAL
    assert judged(f"{ENTRA}/consumers/v2.0", entra(TENANT)) == "issuer_not_trusted"


def test_entra_for_one_tenant_takes_no_other(judged: Any) -> None:
    """By its GUID from the start; by its domain from when the metadata say which it is."""
    own, domain = f"{ENTRA}/{TENANT}/v2.0", f"{ENTRA}/contoso.onmicrosoft.com/v2.0"
    assert judged(own, entra(TENANT)).issuer == own
    assert judged(own, entra(OTHER)) == "issuer_not_trusted"
    assert judged(domain, entra(OTHER), own) == "issuer_not_trusted"
    assert judged(domain, entra(TENANT), own).issuer == own
    assert Issuer.parse(own).iss_for(f"{ENTRA}/{OTHER}/v2.0") is None


def test_entra_of_version_one_states_another_host(judged: Any) -> None:
    """`sts.windows.net`, at whose metadata nothing was asked."""
    v1 = f"https://sts.windows.net/{TENANT}/"
    assert judged(f"{ENTRA}/{TENANT}", {"iss": v1, "tid": TENANT}).issuer == v1
    assert judged(f"{ENTRA}/contoso.com/", {"iss": v1, "tid": TENANT}, v1).issuer == v1
    assert judged(f"{ENTRA}/{TENANT}", entra(TENANT)) == "issuer_not_trusted"
    assert judged(v1, {"iss": v1, "tid": TENANT}, v1).issuer == v1


def test_a_token_of_the_other_version_is_told_what_to_do() -> None:
    """The confusion of all who begin with Entra."""
    v1, v2 = f"https://sts.windows.net/{TENANT}/", f"{ENTRA}/{TENANT}/v2.0"

    def hint(issuer: str, iss: str) -> str | None:
        header = read_header(base64url.encode(b'{"alg":"RS256"}').encode())
        with pytest.raises(TokenRejected) as caught:
            judge_claims(Trust(issuer, audience="api"), header, {"iss": iss, "tid": TENANT}, None, NOW)
        return caught.value.hint

    assert "without /v2.0" in (hint(v2, v1) or "")
    assert "with /v2.0" in (hint(f"{ENTRA}/{TENANT}", v2) or "")
    assert "name that" in (hint(v1, v2) or "")
    assert hint(v2, f"{ENTRA}/{OTHER}/v2.0") is None


def test_a_key_that_names_a_tenant_signs_for_that_tenant_alone(judged: Any) -> None:
    """Entra's keys have an `issuer`: with all tenants in one set, one's key must not vouch for another."""
    common = f"{ENTRA}/common/v2.0"
    for named in (TEMPLATE, f"{ENTRA}/{TENANT}/v2.0", None, 5):
        assert judged(common, entra(TENANT), TEMPLATE, jwk={"issuer": named}).claims["tid"] == TENANT
    assert (
        judged(common, entra(TENANT), TEMPLATE, jwk={"issuer": f"{ENTRA}/{PERSONAL}/v2.0"}) == "key_not_found"
    )
    v1 = {"iss": f"https://sts.windows.net/{TENANT}/"}
    tenant = f"https://sts.windows.net/{TENANT}/"
    assert judged(tenant, v1, tenant, jwk={"issuer": f"{ENTRA}/{TENANT}/v2.0"}).issuer == tenant
    assert judged(tenant, v1, tenant, jwk={"issuer": f"{ENTRA}/{OTHER}/v2.0"}) == "key_not_found"


def test_a_remembered_token_asks_anew_whose_key_it_is(key: SigningKey, token: Any) -> None:
    """The next set may say that the same key is another tenant's."""
    trust, memory = Trust(f"{ENTRA}/common/v2.0", audience="api"), Memory(8)
    raw = token(key, orjson.dumps({"aud": "api", "exp": NOW + 60} | entra(TENANT)))

    def held(tenant: str) -> Held:
        return Held(KeySet.parse({"keys": [key.public_jwk() | {"issuer": f"{ENTRA}/{tenant}/v2.0"}]}))

    attempt(trust, raw, held(TENANT), NOW, memory=memory)
    assert isinstance(attempt(trust, raw, held(OTHER), NOW, memory=memory), NeedsNewer)


def test_b2c_states_an_issuer_that_differs_from_where_it_was_asked(judged: Any) -> None:
    """Which the policies of a tenant share, so that `tfp` or `acr` must name this one."""
    issuer, stated = f"{B2C}/contoso.onmicrosoft.com/B2C_1_signin/v2.0", f"{B2C}/{TENANT}/v2.0/"
    claims = {"iss": stated, "tfp": "b2c_1_SignIn"}
    for metadata in (None, stated):
        assert judged(issuer, claims, metadata).issuer == stated
    assert judged(issuer, {"iss": stated, "acr": "b2c_1_signin"}, stated).issuer == stated
    assert judged(issuer, claims | {"tfp": "b2c_1_reset"}, stated) == "claims_rejected"
    assert judged(issuer, {"iss": stated}, stated) == "claims_rejected"
    assert judged(issuer, claims | {"iss": f"{B2C}/{OTHER}/v2.0/"}, stated) == "issuer_not_trusted"
    with_policy = f"{B2C}/tfp/{TENANT}/b2c_1_signin/v2.0/"
    lower = f"{B2C}/contoso.onmicrosoft.com/b2c_1_signin/v2.0"
    assert judged(lower, claims | {"iss": with_policy}, with_policy).issuer == with_policy
    assert Issuer.parse(issuer).iss_for("https://other.b2clogin.com/{guid}/v2.0/") is None
    assert Issuer.parse(issuer).iss_for(f"https://other.b2clogin.com/{TENANT}/v2.0/") is None


def test_b2c_named_by_what_its_policies_share_is_all_of_them(judged: Any) -> None:
    """As `iss` has it, with `metadata_url=`: which policies count is then for a requirement to say."""
    stated = f"{B2C}/{TENANT}/v2.0/"
    assert recognise(stated) is None
    for policy in ("B2C_1_signin", "B2C_1_reset"):
        token = judged(stated, {"iss": stated, "tfp": policy}, stated)
        assert (token.issuer, token.claims["tfp"]) == (stated, policy)
    chosen = any_of(claim("tfp", "B2C_1_signin"), claim("tfp", "B2C_1_staff"))
    with pytest.raises(InsufficientScope):
        token.require(chosen)
    assert judged(stated, {"iss": f"{B2C}/{OTHER}/v2.0/"}, stated) == "issuer_not_trusted"


def test_cognito_names_the_client_where_others_name_the_audience(judged: Any) -> None:
    """Its access tokens have `client_id` and no `aud`; `token_use` tells them from ID tokens."""
    iss = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf"
    access = {"iss": iss, "aud": None, "client_id": "api", "token_use": "access"}
    assert judged(iss, access).issuer == iss
    assert judged(iss, access | {"client_id": "other"}) == "claims_rejected"
    assert judged(iss, access | {"aud": "other"}) == "claims_rejected"
    assert judged(iss, {"iss": iss, "token_use": "id"}) == "claims_rejected"
    assert judged(iss, {"iss": iss}) == "claims_rejected"
    id_token = {"iss": iss, "token_use": "id", "sub": "s", "iat": NOW}
    assert judged(iss, id_token, profile="id").subject == "s"
    assert judged(iss, id_token | {"token_use": "access"}, profile="id") == "claims_rejected"
    assert judged(iss, id_token | {"token_use": 5}, profile="any").subject == "s"


def test_google_has_an_issuer_without_a_scheme(judged: Any) -> None:
    """Both spellings pass, and nothing else."""
    for iss in ("https://accounts.google.com", "accounts.google.com"):
        for stated in (None, "https://accounts.google.com"):
            assert judged("https://accounts.google.com", {"iss": iss}, stated).issuer == iss
    assert judged("accounts.google.com", {"iss": "http://accounts.google.com"}) == "issuer_not_trusted"


def test_adfs_spells_its_host_as_it_likes(judged: Any) -> None:
    """And access tokens have an issuer of their own."""
    stated = "https://FS.Example.COM/adfs"
    assert judged("https://fs.example.com/adfs", {"iss": stated}, stated).issuer == stated
    assert judged("https://fs.example.com/adfs", {"iss": stated}).issuer == stated  # before metadata say so
    services = "http://fs.example.com/adfs/services/trust"
    assert judged("https://fs.example.com/adfs", {"iss": services}, stated).issuer == services
    assert Issuer.parse("https://fs.example.com/adfs").iss_for("https://fs.example.com/ADFS") is None
    assert Issuer.parse("https://fs.example.com/adfs").iss_for("https://fs.evil.com/adfs") is None


APPLE = ("https://appleid.apple.com", "https://account.apple.com")


@pytest.mark.parametrize("named", APPLE)
@pytest.mark.parametrize("stated", [None, *APPLE])
@pytest.mark.parametrize("iss", APPLE)
def test_apple_has_two_names(judged: Any, named: str, stated: str | None, iss: str) -> None:
    """For a day in June 2025 its metadata stated the one and its tokens the other."""
    assert judged(named, {"iss": iss}, stated).issuer == iss
    assert judged(named, {"iss": "https://other.apple.com"}, stated) == "issuer_not_trusted"


@pytest.mark.parametrize(
    ("issuer", "claims", "hint"),
    [
        ("https://dev-1.okta.com/oauth2/default", {"iss": "https://dev-1.okta.com"}, "organisation's own"),
        ("https://sso.example.com/realms/shop", {"aud": "account"}, "audience mapper"),
        ("https://sso.example.com/realms/shop", {"aud": ["account"]}, "audience mapper"),
        ("https://sso.example.com/realms/shop", {}, "audience mapper"),
        ("https://clerk.example.com", {}, "rightkey.ANY"),
        ("https://slug.projects.oryapis.com", {}, "audience="),
        ("https://issuer.example", {"client_id": "c"}, "provider='cognito'"),
        ("https://issuer.example", {}, None),
        ("https://gitlab.com", {"client_id": "c"}, None),
    ],
    ids=str,
)
def test_what_a_providers_tokens_lack_is_told_with_the_way_out(
    issuer: str, claims: dict[str, Any], hint: str | None
) -> None:
    """A set-up of the first day: the other server's token, or one that names no API."""
    header = read_header(base64url.encode(b'{"alg":"RS256"}').encode())
    said = {"iss": issuer, "exp": NOW + 60} | claims
    with pytest.raises(TokenRejected) as caught:
        judge_claims(Trust(issuer, audience="api"), header, said, None, NOW)
    assert caught.value.hint is None if hint is None else hint in str(caught.value.hint)


def test_some_have_no_metadata_to_ask() -> None:
    """Where the keys are is known."""
    assert Issuer.parse("https://team.cloudflareaccess.com").vendor.keys == (
        "https://team.cloudflareaccess.com/cdn-cgi/access/certs"
    )
    for name in ("google-iap", "firebase-session", "kubernetes"):
        assert PROVIDERS[name].keys is not None


def test_no_form_is_taken_of_an_issuer_that_nobody_knows() -> None:
    """A template in the metadata of just any issuer is another issuer."""
    assert Issuer.parse("https://issuer.example").iss_for("https://issuer.example/{tenantid}") is None
    assert Issuer.parse("https://dev.okta.com").iss_for("https://{tenantid}") is None


# -- nothing is asked --------------------------------------------------------------------------------------


class Nobody:
    """A transport that notes what is asked, and refuses."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get(self, request: Request, /) -> Response:
        self.asked.append(request.url)
        raise ExchangeFailed("refused", "nothing listens there")


FOREIGN = [
    "https://issuer.example.",
    "https://issuer.example%2f",
    "https://issuer.example/%00",
    "https://issuer.example\x00",
    "https://user@issuer.example",
    "https://issuer.example@evil.example",
    "https://issuer.example:443",
    "https://ISSUER.example",
    "https://\u0456ssuer.example",
    "https://xn--ssuer-3ve.example",
    "http://issuer.example",
    "https://issuer.example//",
    "https://issuer.example/../x",
    " https://issuer.example",
    "issuer.example",
    "",
]


@pytest.mark.parametrize("iss", FOREIGN, ids=ascii)
@pytest.mark.parametrize("issuer", ["issuer.example", "https://issuer.example"])
def test_a_foreign_issuer_causes_no_request(issuer: str, iss: str, key: SigningKey, token: Any) -> None:
    """Nor does one that is spelled otherwise, whatever a URL parser would make of it."""
    refused_unasked(issuer, {"iss": iss}, key, token)


@pytest.mark.parametrize("tid", HOSTILE, ids=ascii)
@pytest.mark.parametrize("tenant", ["common", "organizations", "consumers", TENANT, "contoso.com"])
def test_a_hostile_tenant_causes_no_request(tenant: str, tid: str, key: SigningKey, token: Any) -> None:
    """The hole of a template is filled by GUIDs alone."""
    refused_unasked(f"{ENTRA}/{tenant}/v2.0", entra(tid), key, token)


def refused_unasked(issuer: str, claims: dict[str, Any], key: SigningKey, token: Any) -> None:
    transport = Nobody()
    verifier = Verifier(issuer, audience="api", transport=transport, clock=lambda: NOW)
    with pytest.raises(TokenRejected) as caught:
        verifier.verify(token(key, orjson.dumps({"aud": "api", "exp": NOW + 60} | claims)))
    assert caught.value.code == "issuer_not_trusted"
    assert transport.asked == []


def test_the_right_one_is_asked_for(key: SigningKey, token: Any) -> None:
    """So that the tests above do not pass because nothing is ever asked."""
    transport = Nobody()
    verifier = Verifier(f"{ENTRA}/common/v2.0", audience="api", transport=transport, clock=lambda: NOW)
    with pytest.raises(IssuerUnavailable):
        verifier.verify(token(key, orjson.dumps({"aud": "api", "exp": NOW + 60} | entra(TENANT))))
    assert transport.asked == [f"{ENTRA}/common/v2.0/.well-known/openid-configuration"]


ALB = "arn:{}:elasticloadbalancing:{}:123456789012:loadbalancer/app/web/50dc6c495c0c9188"


@pytest.mark.parametrize(
    ("partition", "region", "keys"),
    [
        ("aws", "eu-west-1", "https://public-keys.auth.elb.eu-west-1.amazonaws.com/{kid}"),
        (
            "aws-us-gov",
            "us-gov-east-1",
            "https://s3-us-gov-east-1.amazonaws.com/aws-elb-public-keys-prod-us-gov-east-1/{kid}",
        ),
        ("aws-cn", "cn-north-1", "https://public-keys.auth.elb.cn-north-1.amazonaws.com.cn/{kid}"),
        ("aws-eusc", "eusc-de-east-1", "https://public-keys.auth.elb.eusc-de-east-1.amazonaws.eu/{kid}"),
    ],
)
def test_a_load_balancers_keys_are_in_its_own_partition(partition: str, region: str, keys: str) -> None:
    """Each cloud of AWS publishes its own; of another nothing is known."""
    assert Issuer.parse(ALB.format(partition, region)).vendor.keys == keys
    with pytest.raises(Misconfigured):
        Issuer.parse(ALB.format("aws-iso", "us-iso-east-1"))


def test_a_pool_named_with_a_slash_takes_no_id_token(judged: Any) -> None:
    """Its `token_use` is asked of a domain with a slash at its end, as of any other spelling."""
    pool = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf"
    claims = {"iss": f"https://{pool}", "client_id": "api", "token_use": "id"}
    assert judged(f"{pool}/", claims) == "claims_rejected"
    assert isinstance(judged(f"{pool}/", claims | {"token_use": "access"}), Verified)


def test_cognitos_newer_issuers_are_cognitos(judged: Any) -> None:
    """AWS recommends them for all pools: `client_id` is the audience there, too."""
    issuer = "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf"
    claims = {"iss": issuer, "aud": None, "client_id": "api", "token_use": "access"}
    assert judged(issuer, claims).issuer == issuer
    assert judged(issuer, claims | {"token_use": "id"}) == "claims_rejected"
    assert judged(issuer, claims | {"client_id": "other"}) == "claims_rejected"


KEYCLOAK = "https://sso.example.com/realms/shop"
ZITADEL = "https://shop.zitadel.cloud"
GRANTED: list[tuple[str, dict[str, Any], Any, Any]] = [
    (KEYCLOAK, {"realm_access": {"roles": ["admin"]}}, role("admin"), role("other")),
    (
        KEYCLOAK,
        {"resource_access": {"api": {"roles": ["editor"]}, "account": {"roles": ["manage-account"]}}},
        role("editor"),
        role("manage-account"),
    ),
    (KEYCLOAK, {"groups": ["/staff"]}, group("/staff"), group("staff")),
    (f"{ENTRA}/{TENANT}/v2.0", {"roles": ["Reader"], "wids": [OTHER]}, role(OTHER), role("reader")),
    (f"{ENTRA}/{TENANT}/v2.0", {"groups": [OTHER], "scp": "a b"}, group(OTHER), scope("c")),
    (
        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A",
        {"cognito:groups": ["staff"], "token_use": "access"},
        group("staff"),
        role("staff"),
    ),
    ("https://tenant.auth0.com/", {"permissions": ["read:x"]}, permission("read:x"), scope("read:x")),
    ("https://tenant.auth0.com/", {"api/roles": ["admin"], "x/roles": ["root"]}, role("admin"), role("root")),
    ("https://dev-1.okta.com", {"scp": ["a"], "groups": ["staff"]}, group("staff"), group("a")),
    (
        ZITADEL,
        {"urn:zitadel:iam:org:project:roles": {"admin": {"1": "a.example"}}},
        role("admin"),
        role("1"),
    ),
    (
        ZITADEL,
        {
            "urn:zitadel:iam:org:project:api:roles": {"a": {}},
            "urn:zitadel:iam:org:project:x:roles": {"b": {}},
        },
        role("a"),
        role("b"),
    ),
    ("https://slug.projects.oryapis.com", {"ext": {"roles": ["admin"]}}, role("admin"), group("admin")),
    (
        "https://abc.supabase.co/auth/v1",
        {"app_metadata": {"role": "admin"}, "user_metadata": {"role": "root"}, "role": "authenticated"},
        role("admin"),
        role("root"),
    ),
    ("https://clerk.example.com", {"o": {"rol": "admin"}, "org_role": "org:x"}, role("admin"), role("x")),
    ("https://api.workos.com/user_management/c", {"role": "admin"}, role("admin"), role("member")),
    (
        "https://team.cloudflareaccess.com",
        {"custom": {"groups": ["staff"]}},
        group("staff"),
        role("staff"),
    ),
    ("https://fs.example.com/adfs", {"group": "Domain Users"}, group("Domain Users"), group("Users")),
    ("https://gitlab.com", {"groups_direct": ["a/b"]}, group("a/b"), group("a")),
    (
        "https://issuer.example",
        {"realm_access": {"roles": ["admin"]}, "roles": ["a"]},
        role("a"),
        role("admin"),
    ),
]


@pytest.mark.parametrize(("issuer", "claims", "given", "lacking"), GRANTED, ids=lambda one: str(one)[:40])
def test_roles_and_groups_are_where_the_provider_has_them(
    judged: Any, issuer: str, claims: dict[str, Any], given: Any, lacking: Any
) -> None:
    """So that `role("admin")` means what it says; a role of another client is none here."""
    token = judged(issuer, {"iss": issuer, "tid": TENANT} | claims)
    assert isinstance(token, Verified), token
    token.require(given)
    again = pickle.loads(pickle.dumps(token))
    for one in (token, again):
        with pytest.raises(InsufficientScope):
            one.require(lacking)
    again.require(given)


@pytest.mark.parametrize("wrong", [None, "admin", 5, ["roles"], {"roles": None}, {"roles": {"admin": 1}}])
def test_a_place_of_another_shape_grants_nothing(judged: Any, wrong: Any) -> None:
    """And breaks nothing."""
    for claims in ({"realm_access": wrong}, {"resource_access": wrong}, {"resource_access": {"api": wrong}}):
        token = judged(KEYCLOAK, {"iss": KEYCLOAK} | claims)
        with pytest.raises(InsufficientScope):
            token.require(role("admin"))


@pytest.mark.parametrize(
    ("header", "aud", "code"),
    [
        ({"nonce": "x"}, "api", "signature_invalid"),
        ({}, "00000003-0000-0000-c000-000000000000", "claims_rejected"),
        ({}, ["https://graph.microsoft.com"], "claims_rejected"),
    ],
)
def test_a_token_for_graph_is_told_as_one(
    key: SigningKey, token: Any, header: dict[str, Any], aud: Any, code: str
) -> None:
    """Its signature is over another header than it shows: only Graph can verify it."""
    issuer = f"{ENTRA}/{TENANT}/v2.0"
    trust = Trust(issuer, audience="api")
    payload = orjson.dumps({"iss": issuer, "aud": aud, "exp": NOW + 60})
    raw = token(key, payload, **header)
    head, claims, signature = raw.split(".")
    broken = f"{head}.{claims}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    held = Held(KeySet.parse({"keys": [key.public_jwk()]}), None)
    try:
        outcome = attempt(trust, broken, held, NOW)
        assert isinstance(outcome, NeedsNewer)
        error = outcome.error
    except TokenRejected as refused:
        error = refused
    assert error is not None
    assert error.code == code
    assert "Microsoft Graph" in str(error.hint)


DOMAIN = "spiffe://prod.example"


@pytest.mark.parametrize(
    ("claims", "passes"),
    [
        ({"sub": f"{DOMAIN}/ns/default/sa/web"}, True),
        ({"sub": f"{DOMAIN}/web", "iss": "https://spire.example"}, True),
        ({"sub": "spiffe://dev.example/web", "iss": DOMAIN}, False),
        ({"sub": DOMAIN}, False),
        ({"sub": f"{DOMAIN}.evil.example/web"}, False),
        ({"sub": "spiffe://PROD.example/web"}, False),
        ({"sub": f" {DOMAIN}/web"}, False),
        ({"sub": f"{DOMAIN}/a.b/..c/_-"}, True),
        *(
            ({"sub": DOMAIN + path}, False)
            for path in ("/", "/a/", "//a", "/a/../b", "/.", "/a%2Fb", "/a\n", "/a?b")
        ),
        ({"sub": [f"{DOMAIN}/web"]}, False),
        ({"iss": DOMAIN}, False),
    ],
    ids=str,
)
@pytest.mark.parametrize("typ", [None, "JWT", "JOSE"])
def test_a_spiffe_id_names_its_trust_domain(
    key: SigningKey, token: Any, claims: dict[str, Any], passes: bool, typ: str | None
) -> None:
    """A JWT-SVID needs no `iss`: the subject's trust domain is the issuer, and its bundle the keys."""
    trust = Trust(DOMAIN, audience="api", keys=KeySet.parse({"keys": [key.public_jwk()]}))
    raw = token(key, orjson.dumps({"aud": ["api"], "exp": NOW + 60} | claims), typ=typ)
    held = Held(trust.keys, None)
    if passes:
        assert attempt(trust, raw, held, NOW).subject == claims["sub"]
        return
    with pytest.raises(TokenRejected) as caught:
        attempt(trust, raw, held, NOW)
    assert caught.value.code == "issuer_not_trusted"


def test_a_trust_domain_needs_its_bundle() -> None:
    """There is nothing to discover; without the knowledge it is a string like any other."""
    with pytest.raises(Misconfigured, match="trust domain") as caught:
        Trust(DOMAIN, audience="api")
    assert "bundle" in str(caught.value.hint)
    assert Trust(DOMAIN, audience="api", keys=KeySet(()), provider=None).vendor is None
    assert Trust(DOMAIN, audience="api", keys=KeySet(())).identity == DOMAIN


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("tenant.eu.auth0.com", True),
        ("login.microsoftonline.com", True),
        ("keycloak", False),
        ("issuer.example", False),
    ],
)
def test_hosts_of_providers(host: str, known: bool) -> None:
    """Those that are told by their hosts; software that runs anywhere has none."""
    assert is_known_host(host) is known
