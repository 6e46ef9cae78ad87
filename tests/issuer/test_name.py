"""An issuer: what may name one, how it is compared, and where its metadata is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rightkey.errors import Misconfigured
from rightkey.issuer.name import Issuer, identity_of, is_loopback, reaches_this_machine, url_fault

WELL_KNOWN = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")


def test_a_url_is_compared_letter_by_letter() -> None:
    """It stands for itself alone: the slash and the letter case count (Discovery, section 4.3)."""
    for name in ("https://issuer.example", "https://issuer.example/", "HTTPS://Issuer.example/T"):
        assert Issuer.parse(name).spellings == (name,)


@pytest.mark.parametrize(
    "name", ["tenant.eu.auth0.com", "issuer.example:8443", "issuer.example/t", "[::1]:8443"]
)
def test_a_domain_stands_for_two_spellings(name: str) -> None:
    """With and without the slash at the end."""
    for given_ in (name, f"{name}/"):
        issuer = Issuer.parse(given_)
        assert (issuer.name, issuer.spellings) == (given_, (f"https://{name}", f"https://{name}/"))


@pytest.mark.parametrize(
    ("name", "openid", "oauth"),
    [
        ("a.example", "https://a.example/.well-known/openid-configuration", "https://a.example{}"),
        ("https://a.example", "https://a.example/.well-known/openid-configuration", "https://a.example{}"),
        ("https://a.example/", "https://a.example/.well-known/openid-configuration", "https://a.example{}"),
        (
            "https://a.example:8443/t/1/",
            "https://a.example:8443/t/1/.well-known/openid-configuration",
            "https://a.example:8443{}/t/1",
        ),
        ("http://[::1]:80/t", "http://[::1]:80/t/.well-known/openid-configuration", "http://[::1]:80{}/t"),
    ],
)
def test_where_the_metadata_is(name: str, openid: str, oauth: str) -> None:
    """OpenID's path is appended (section 4.1), OAuth's inserted behind the host (RFC 8414, section 3.1), then
    OpenID's inserted, as clients of MCP do; where there is no path, these are two places."""
    expected = [openid, *map(oauth.format, WELL_KNOWN)]
    assert Issuer.parse(name).metadata_urls == tuple(dict.fromkeys(expected))


@pytest.mark.parametrize(
    "name",
    [
        "http://127.0.0.1",
        "http://127.255.255.254:5000/t",
        "http://[::1]:5000",
        "http://localhost:5000",
        "http://LOCALHOST",
        "HTTP://localhost",
    ],
)
def test_http_where_the_issuer_is_this_machine(name: str) -> None:
    """Loopback needs no TLS."""
    assert Issuer.parse(name).spellings == (name,)


REFUSED = {
    "plain http": [
        "http://issuer.example",
        "http://128.0.0.1",
        "http://2130706433",
        "http://0x7f.1",
        "http://127.1",
        "http://[::2]",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1@evil.example",
        "http://localhost.",
    ],
    "only https": [
        "ftp://issuer.example",
        "file:///etc/passwd",
        "javascript://issuer.example",
        "://issuer.example",
    ],
    "user name": [
        "https://127.0.0.1@evil.example",
        "https://user:secret@issuer.example",
        "https://@issuer.example",
        "https://[::1]@evil.example",
        "user@issuer.example",
    ],
    "fragment": [
        "https://issuer.example/#a",
        "https://issuer.example#",
        "issuer.example#",
        "https://issuer.example/?#",
    ],
    "query": [
        "https://issuer.example/?a=b",
        "https://issuer.example?",
        "issuer.example?",
        "https://issuer.example/?",
    ],
    "white space": [
        "https://issuer.example/\n",
        " https://issuer.example",
        "https://issuer.example/a b",
        "issuer.example other.example",
        "\tissuer.example",
    ],
    "in quotes": ["'https://issuer.example'", '"issuer.example"'],
    "several URLs": ["https://a.example,https://b.example", "https://https://a.example"],
    "placeholder": ["{tenant}.auth0.com", "https://issuer.example/<tenant>/v2.0", "${ISSUER}"],
    "misspelt": ["https//issuer.example", "https:/issuer.example", "http:issuer.example"],
    "user pool": ["arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_A"],
    "characters": [
        "https://issuer.example\\@evil.example",
        "https://issuer.example/\x00",
        "https://bücher.example",
        "https://issuer。example",
        "https://issuer.example:８",
    ],
    "host name": [
        "",
        "https://",
        "https:///t",
        "https://:8443",
        "https://.issuer.example",
        "https://issuer..example",
        "https://issuer.example.",
        "https://issuer.example:",
        "https://issuer;example",
        "https://*.issuer.example",
        "https://%69ssuer.example",
    ],
    "issuer '": [
        "https://issuer.example:99999",
        "https://issuer.example:x",
        "https://issuer.example:-1",
        "https://[::1",
        "https://::1",
        "https://[::1]evil.example",
        "http://[::1]evil.example",
        "https://a[::1]",
        "https://[v1.a]",
    ],
}


@pytest.mark.parametrize(
    ("why", "name"), [(why, name) for why, names in REFUSED.items() for name in names], ids=ascii
)
def test_what_is_no_issuer(why: str, name: str) -> None:
    """Each is refused when the object is built, and for its own reason."""
    with pytest.raises(Misconfigured, match=why):
        Issuer.parse(name)


@pytest.mark.parametrize("name", [None, 5, b"issuer.example", ["issuer.example"]])
def test_a_name_is_a_string(name: Any) -> None:
    """Another type is a setting that is wrong, and is named; several issuers have a way of their own."""
    with pytest.raises(Misconfigured, match=type(name).__name__) as caught:
        Issuer.parse(name)
    assert ("Verifier.of" in str(caught.value.hint)) is isinstance(name, list)


def test_plain_http_is_refused_with_the_way_to_allow_it() -> None:
    """By host, for the issuer as for its metadata."""
    for arguments in (("http://keycloak:8080/realms/x",), ("shop", "auto", "http://keycloak:8080/m")):
        with pytest.raises(Misconfigured) as caught:
            Issuer.parse(*arguments)
        assert "plain_http=['keycloak']" in str(caught.value.hint)


@pytest.mark.parametrize(
    "name",
    [
        "https://me:hunter2@issuer.example",
        "-----BEGIN PRIVATE KEY-----\nhunter2",
        "me:hunter2@issuer.example",
    ],
)
def test_a_secret_that_was_given_for_an_issuer_is_not_told(name: str) -> None:
    """A password in a URL, a private key pasted into the wrong setting."""
    with pytest.raises(Misconfigured) as caught:
        Issuer.parse(name)
    assert "hunter2" not in f"{caught.value}{caught.value.hint}"


def test_a_long_name_is_cut() -> None:
    """A whole document given for an issuer does not fill the log."""
    with pytest.raises(Misconfigured) as caught:
        Issuer.parse("{" * 10_000)
    assert len(str(caught.value)) < 300


AT = "https://meta.example/.well-known/openid-configuration?appid=1"


def test_metadata_may_be_elsewhere() -> None:
    """Then they alone are asked for, and the issuer may have any name."""
    for name in ("https://issuer.example", "http://keycloak:8080/realms/shop", "acme.com", "shop"):
        issuer = Issuer.parse(name, metadata_url=AT)
        assert issuer.metadata_urls == (AT,)
        assert issuer.iss_for(name) == (name,)
        assert issuer.expected[0] == name
        assert issuer.iss_for("https://other.example") is None
    assert Issuer.parse("issuer.example", metadata_url=AT).iss_for("https://issuer.example/") is not None


@settings(deadline=None)
@given(st.text(min_size=1) | st.text("htps:/[]@#?.:1a", max_size=20).map("https://".__add__))
def test_any_name_may_be_the_issuer_of_metadata_elsewhere(name: str) -> None:
    """It stands for itself; no text breaks anything."""
    issuer = Issuer.parse(name, metadata_url=AT)
    assert issuer.spellings[0] == name
    assert issuer.metadata_urls == (AT,)


@pytest.mark.parametrize(
    "url",
    ["", " https://meta.example", "meta.example", "http://meta.example/x", "https://a@meta.example", 5, b"x"],
)
def test_where_metadata_cannot_be(url: Any) -> None:
    """By the rules of every URL that is fetched; the message names the setting."""
    with pytest.raises(Misconfigured, match=r"^metadata_url"):
        Issuer.parse("https://issuer.example", metadata_url=url)
    with pytest.raises(Misconfigured, match="empty"):
        Issuer.parse("", metadata_url=AT)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *(
            (host, True)
            for host in ("127.0.0.1", "127.1", "2130706433", "0x7f.1", "0x7f000001", "0.0.0.0", "0")
        ),
        *(
            (host, True)
            for host in ("[::1]", "::", "::ffff:127.0.0.1", "LOCALHOST", "a.localhost", "localhost.")
        ),
        *(
            (host, False)
            for host in ("10.0.0.1", "a.example", "localhost.example", "::2", "0x7f.example", "")
        ),
    ],
)
def test_what_reaches_this_machine(host: str, expected: bool) -> None:
    """In whatever spelling a resolver takes; wider than what needs no TLS."""
    assert reaches_this_machine(host) is expected


def test_a_query_has_its_place_elsewhere() -> None:
    """A jwks_uri may have one; no issuer may (RFC 8414, section 2)."""
    assert url_fault("https://issuer.example/keys?v=2") is None


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("Localhost", True),
        ("128.0.0.1", False),
        ("::2", False),
        ("0.0.0.0", False),
        ("localhost.example", False),
        ("", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    """127.0.0.0/8, ::1 and localhost are this machine; nothing else is."""
    assert is_loopback(host) is expected


@given(st.text() | st.text("htps:/[]@#?.:1a\\%", max_size=20))
def test_nothing_else_leaves(text: str) -> None:
    """Any text is an issuer with a host, or Misconfigured."""
    try:
        issuer = Issuer.parse(text)
    except Misconfigured:
        return
    assert all(url_fault(url) is None for url in issuer.metadata_urls)


# -- which issuer it is ------------------------------------------------------------------------------------

SAME = {
    "https://a.example": [
        *("https://a.example/", "https://a.example//", "https://A.Example:443/", "HTTPS://a.example"),
        *("a.example", "a.example/", "A.EXAMPLE:443", "https://a.example.", "https://%61.example"),
        *("https://a.example/.", "https://a.example/t/..", "https://a.example:/"),
    ],
    "https://a.example:8443/T/~me": ["https://a.example:8443/T/%7Eme/", "https://a.example:08443/T/u/../~me"],
    "https://a.example/caf%C3%A9": ["https://a.example/caf%c3%a9", "https://a.example/caf\u00e9/"],
    "https://xn--bcher-kva.example": ["https://b\u00fccher.example/", "https://B\u00dcCHER.example"],
    "http://[::1]:8080": ["http://[0:0:0:0:0:0:0:1]:8080/", "http://[::1]:8080"],
    "http://localhost": ["http://localhost:80/", "http://LOCALHOST"],
    "spiffe://trust.example": ["spiffe://Trust.Example/", "SPIFFE://trust.example"],
    "https://a.example/keys?appid=X": ["https://a.example:443/keys?appid=X"],
}
AS_IT_IS = [
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188",
    *("shop", "urn:example:issuer.one", "me@a.example", "", " ", "https:///t", "://a.example"),
    *("https://user@a.example/", "https://a.example:x/", "https://[::1/", "https://a\n.example/"),
    *("https://a.example/#x", "https://\ud800.example/", "https://[v1.a]/", "https://a..example/"),
]


@pytest.mark.parametrize(("identity", "name"), [(one, name) for one in SAME for name in (one, *SAME[one])])
def test_every_spelling_has_one_identity(identity: str, name: str) -> None:
    """RFC 3986, section 6.2.2 and 6.2.3, and no slash at the end."""
    assert identity_of(name) == identity


@pytest.mark.parametrize("name", AS_IT_IS, ids=ascii)
def test_what_is_no_url_of_a_host_is_its_own_identity(name: str) -> None:
    """An ARN, a word, or what cannot be read as a URL: nothing of it is normalised."""
    assert identity_of(name) == name


def test_different_issuers_have_different_identities() -> None:
    """Scheme, host, port and path count, and the letter case of the path; an encoded slash is no slash."""
    urls = [
        *("https://a.example", "http://a.example", "https://a.example:8443", "https://b.example"),
        *("https://a.example/t", "https://a.example/T", "https://a.example/t/u", "https://a.example/t%2Fu"),
        *(
            "https://a.example/t//u",
            "https://a%2Ft.example",
            "https://a.example?t",
            "https://a.example/%2541",
        ),
    ]
    assert len(set(map(identity_of, urls))) == len(urls)


@pytest.mark.parametrize("name", ["tenant.example", "https://tenant.example", "https://Tenant.Example:443/"])
def test_an_issuer_has_its_identity(name: str) -> None:
    """Named by domain or by URL; a resource's is its name."""
    assert Issuer.parse(name).identity == "https://tenant.example"
    assert Issuer.parse(AS_IT_IS[0]).identity == AS_IT_IS[0]


@settings(deadline=None)
@given(st.text() | st.text("htps:/[]@#?.%2fF:1aAé\\", max_size=30).map("https://".__add__))
def test_an_identity_is_its_own_identity(text: str) -> None:
    """Any text has one, and the identity of an identity is itself."""
    assert identity_of(identity_of(text)) == identity_of(text)


@pytest.mark.slow
@settings(deadline=None)
@given(
    st.from_regex(r"[a-z][a-z0-9-]{0,8}(\.[a-z]{1,5}){1,2}", fullmatch=True),
    st.lists(st.text("abcXYZ019-._~", min_size=1).filter(lambda part: part.strip("."))),
    st.integers(1, 65535),
)
def test_respelling_a_url_keeps_its_identity(host: str, parts: list[str], port: int) -> None:
    """By letter case of the host, encoded octets, dot segments, a slash at the end, the default port."""
    path = "".join(f"/{part}" for part in parts)
    encoded = "".join(f"%{ord(letter):02x}" if letter.isalnum() else letter for letter in path)
    for at, spelled in ((f":{port}", f":{port}"), (":443", "")):
        identity = identity_of(f"https://{host}{spelled}{path}")
        assert identity_of(f"HTTPS://{host.upper()}{at}/x/..{encoded}/./") == identity
        assert Issuer.parse(f"{host}{at}{path}").identity == identity


def test_plain_http_is_for_hosts_that_are_named() -> None:
    """At any port and path, and for exactly that host; an issuer keeps the names for what it names itself."""
    issuer = Issuer.parse("http://keycloak:8080/realms/x", plain_http=["keycloak"])
    assert (issuer.url, issuer.plain_http) == ("http://keycloak:8080/realms/x", ("keycloak",))
    assert url_fault("http://KEYCLOAK/", ["keycloak"]) is None
    for other in ("http://keycloak.example/", "http://xkeycloak/", "ftp://keycloak/", "http://u@keycloak/"):
        assert url_fault(other, ["keycloak"]) is not None
    with pytest.raises(Misconfigured, match="unless plain_http names the host"):
        Issuer.parse("http://keycloak:8080/realms/x")


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST", "localhost.", "a.localhost", "localhost.localdomain"),
        *(
            "127.0.0.1",
            "127.9.9.9",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0x7f000001",
            "0177.0.0.1",
            "0",
            "0.0.0.0",
        ),
        *("[::1]", "::1", "[::]", "::ffff:127.0.0.1", "[::ffff:7f00:1]"),
        *("ip6-localhost", "IP6-loopback", "ipv6-loopback", "loopback"),  # in Debian's and SUSE's hosts files
        *("localhost4", "localhost6", "localhost4.localdomain4", "localhost6.localdomain6"),  # in Red Hat's
    ],
)
def test_every_spelling_of_this_machine(host: str) -> None:
    """Those count too that only some resolvers take for it."""
    assert reaches_this_machine(host)


@pytest.mark.parametrize(
    "host",
    [
        "issuer.example",
        "localhost.example",
        "10.0.0.1",
        "[2001:db8::1]",
        "a1",
        "127.0.0.1.example",
        "localhost7",
        "ip6-localhost.example",
    ],
)
def test_other_machines(host: str) -> None:
    """Names and addresses of others, also where they begin like one of this machine."""
    assert not reaches_this_machine(host)
