"""Certificates: a client's is believed from the server's own TLS, or from a proxy that is named."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from tests.integrations.test_integrations import EVERY, body, issuer, unconfigured

from rightkey import Misconfigured, Presented, RequestMalformed
from rightkey.integrations import asgi, wsgi
from rightkey.integrations.bearer import Bearer
from rightkey.integrations.certificates import MAX_CERTIFICATE, Connection, from_header, from_tls
from rightkey.localissuer import LocalIssuer
from rightkey.policy.confirmation import thumbprint

__all__ = ["issuer", "unconfigured"]

DER = bytes(range(256)) * 3
PEM = ssl.DER_cert_to_PEM_cert(DER)
BYTES = f":{base64.b64encode(DER).decode()}:"
ESCAPED = quote(PEM, safe="")
XFCC = f'By=spiffe://a;Hash=ab;Cert="{ESCAPED}";Subject="CN=\\"a,b\\";O=c";URI=spiffe://b'
SHOWN = {
    "rfc9440": BYTES,
    "nginx": ESCAPED,
    "nginx, as AWS writes it": quote(PEM, safe="+=/"),
    "nginx, with its chain": quote(PEM + ssl.DER_cert_to_PEM_cert(b"authority"), safe=""),
    "xfcc": XFCC,
    "xfcc, joined with spaces": f'By=spiffe://a; Hash=ab, Hash=cd;\tCert="{ESCAPED}"; URI=spiffe://b',
    "xfcc, the last": f'Hash=0;Cert="{quote(ssl.DER_cert_to_PEM_cert(b"forged"))}",{XFCC}',
}
PROXY = Connection("10.1.2.3")

RFC_8705 = """-----BEGIN CERTIFICATE-----
MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAx
ODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqG
SM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ
/Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwID
SQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOV
bUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=
-----END CERTIFICATE-----"""
"""RFC 8705, appendix A."""


def read(form: str, *values: str, connection: Connection = PROXY, proxies: Any = ("10.0.0.0/8",)) -> Any:
    source = from_header("Client-Cert", form=form.partition(",")[0], proxies=proxies)
    return source.read([("client-cert", value) for value in values], connection)


@pytest.mark.parametrize("form", SHOWN)
def test_each_form_is_read(form: str) -> None:
    """As proxies write it."""
    assert read(form, f" {SHOWN[form]} ") == DER


@pytest.mark.parametrize("size", [767, 766, 765])
def test_a_byte_sequence_may_lack_its_padding(size: int) -> None:
    """RFC 8941, section 4.2.7: parsers should not fail for that. Padding that is wrong is another matter."""
    bare = base64.b64encode(DER[:size]).decode().rstrip("=")
    padding = "=" * (-len(bare) % 4)
    for written in (bare, bare + padding):
        assert read("rfc9440", f":{written}:") == DER[:size]
    with pytest.raises(RequestMalformed):
        read("rfc9440", f":{bare}===:")


def test_the_example_of_rfc_8705() -> None:
    """Appendix A: its thumbprint."""
    found = from_tls().read([], Connection("10.1.2.3", RFC_8705))
    assert found is not None
    assert thumbprint(found) == "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"


@pytest.mark.parametrize("form", ["rfc9440", "nginx", "xfcc"])
@pytest.mark.parametrize(
    "values",
    [
        ("a",),
        ("::",),
        (":a:",),
        (BYTES[1:],),
        (f"{BYTES}, {BYTES}",),
        (f"{ESCAPED},{ESCAPED}",),
        (f"{ESCAPED}, {ESCAPED}",),
        (f"{ESCAPED}a",),
        (f'Cert="{ESCAPED},{ESCAPED}"',),
        (BYTES + ";a=b",),
        (PEM.replace("\n", "+"),),
        (quote("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"),),
        (quote("-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----"),),
        ("%FF",),
        ("Hash=ab;Subject=a",),
        (f'{XFCC};Cert="{ESCAPED}"',),
        (f'Cert="{ESCAPED}";X="',),
        (f'Cert="{ESCAPED}";X=",{XFCC}',),
        (f"{XFCC},By=a",),
        ("a" * (MAX_CERTIFICATE + 1),),
    ],
)
def test_what_a_proxy_does_not_write_is_malformed(form: str, values: tuple[str, ...]) -> None:
    """And is no absence: 400, with nothing of it in the message."""
    with pytest.raises(RequestMalformed) as caught:
        read(form, *values)
    assert (caught.value.status, values[0] in str(caught.value)) == (400, values[0] == "a")


@pytest.mark.parametrize("form", SHOWN)
def test_a_header_that_is_there_twice_is_malformed(form: str) -> None:
    """One of the two may be a stranger's."""
    with pytest.raises(RequestMalformed):
        read(form, SHOWN[form], SHOWN[form])


@pytest.mark.parametrize(
    ("peer", "proxies", "believed"),
    [
        ("10.1.2.3", ["10.0.0.0/8"], True),
        ("10.1.2.3", ["192.0.2.1", "10.1.2.3"], True),
        ("::ffff:10.1.2.3", ["10.0.0.0/8"], True),
        ("fe80::1%eth0", ["fe80::/10"], True),
        (None, ["unix"], True),
        ("", ["10.0.0.0/8", "unix"], True),
        ("11.1.2.3", ["10.0.0.0/8", "unix"], False),
        ("10.1.2.3", ["unix"], False),
        (None, ["10.0.0.0/8"], False),
        ("2001:db8::1", ["10.0.0.0/8"], False),
        ("localhost", ["127.0.0.1"], False),
    ],
)
def test_only_a_proxy_is_believed(peer: str | None, proxies: list[str], believed: bool) -> None:
    """By the address of the connection. From others the header is ignored, whatever is in it."""
    found = read("rfc9440", BYTES, connection=Connection(peer), proxies=proxies)
    assert found == (DER if believed else None)
    if not believed:
        assert read("rfc9440", "a", "b", connection=Connection(peer), proxies=proxies) is None


def test_no_certificate_is_none() -> None:
    """Proxies set an empty header where there is none."""
    assert read("nginx") is read("nginx", "") is from_tls().read([], Connection("10.1.2.3")) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "a b"},
        {"name": ""},
        {"form": "pem"},
        {"proxies": []},
        {"proxies": "10.0.0.0/8"},
        {"proxies": ["10.0.0.1/8"]},
        {"proxies": ["proxy.example"]},
        *({"name": None}, {"form": ["nginx"]}, {"proxies": 5}, {"proxies": None}, {"proxies": [None]}),
    ],
)
def test_what_cannot_be_is_told_at_once(wrong: dict[str, Any]) -> None:
    """And not when the first request comes."""
    good: dict[str, Any] = {"name": "Client-Cert", "form": "nginx", "proxies": ["10.0.0.0/8"]}
    with pytest.raises(Misconfigured):
        from_header(**good | wrong)
    with pytest.raises(Misconfigured, match="certificate"):
        Bearer(certificate="Client-Cert")  # type: ignore[arg-type]


@pytest.mark.parametrize("chain", [[PEM], (PEM, "authority"), iter([PEM])])
def test_asgi_tells_the_servers_own(chain: Any) -> None:
    """By its TLS extension; with none, there is none."""
    scope = {"path": "/", "headers": [(b"authorization", b"Bearer a")], "client": ("10.1.2.3", 5)}
    for tls, found in (({"client_cert_chain": chain}, DER), ({}, None), (None, None)):
        extended = {**scope, "extensions": {"tls": tls}}
        credential = asgi.credential_of(Bearer(certificate=from_tls()), extended, optional=False)
        assert credential is not None
        assert credential.presented == (found and Presented("Bearer", "GET", "/", (), found))


def test_wsgi_tells_the_servers_own() -> None:
    """By the name that Apache gave it; a request's header of that name is another variable."""
    environ = {"HTTP_AUTHORIZATION": "Bearer a", "REQUEST_METHOD": "GET", "HTTP_SSL_CLIENT_CERT": "x"}
    for own, found in (({"SSL_CLIENT_CERT": PEM}, DER), ({"SSL_CLIENT_CERT": ""}, None), ({}, None)):
        credential = wsgi.credential_of(Bearer(certificate=from_tls()), environ | own, optional=False)
        assert credential is not None
        assert credential.presented == (found and Presented("Bearer", "GET", "", (), found))


@pytest.mark.parametrize("form", ["rfc9440", "nginx"])
def test_wsgi_takes_no_certificate_of_two_that_were_joined(form: str) -> None:
    """The first of them is the client's own, where a proxy adds its header and does not replace that."""
    bearer = Bearer(certificate=from_header("Client-Cert", form=form, proxies=["10.0.0.0/8"]))
    environ = {"HTTP_AUTHORIZATION": "Bearer a", "REQUEST_METHOD": "GET", "REMOTE_ADDR": "10.1.2.3"}
    with pytest.raises(RequestMalformed):
        wsgi.credential_of(
            bearer, environ | {"HTTP_CLIENT_CERT": f"{SHOWN[form]},{SHOWN[form]}"}, optional=True
        )


@pytest.mark.slow
@pytest.mark.parametrize("make", EVERY)
def test_a_token_comes_in_with_its_certificate(
    make: Callable[..., Any], issuer: LocalIssuer, served: Callable[[Any], str]
) -> None:
    """In every integration, over real HTTP; and not where another is the proxy."""
    url = served(make(issuer.url, bearer=by_header("127.0.0.1")))
    bound = issuer.token(sub="alice", cnf={"x5t#S256": thumbprint(DER)})

    def ask(url: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with httpx.Client(trust_env=False, timeout=60) as client:
            return client.get(f"{url}/any", headers={"authorization": f"Bearer {bound}", **named})

    assert ask(url, client_cert=BYTES).json() == {"subject": "alice"}
    other = f":{base64.b64encode(b'another').decode()}:"
    for headers, code in (({}, 401), ({"client_cert": other}, 401), ({"client_cert": "a"}, 400)):
        answer = ask(url, **headers)
        assert answer.status_code == code
        assert body(answer)["code"] == {401: "proof_rejected", 400: "request_malformed"}[code]
    far = served(make(issuer.url, bearer=by_header("10.0.0.0/8")))
    assert ask(far, client_cert=BYTES).status_code == 401


def by_header(proxy: str) -> Bearer:
    """Certificates from there."""
    return Bearer(certificate=from_header("Client-Cert", form="rfc9440", proxies=[proxy]))
