"""Settings as environment variables: each is read, and the one at fault is named."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

import rightkey
from rightkey import KeySet, Misconfigured, Verifier
from rightkey.localissuer.keys.signing import SigningKey
from rightkey.verifier.environment import built
from rightkey.verifier.variables import VARIABLES

GOOD = {"RIGHTKEY_ISSUER": "https://issuer.example", "RIGHTKEY_AUDIENCE": "api"}
ISSUER = "https://issuer.example"
INSIDE = {
    "RIGHTKEY_ISSUER": "http://keycloak:8080/realms/demo",
    "RIGHTKEY_PLAIN_HTTP": "keycloak",
}
"""Right together: without the last, the issuer is not."""


def read(**variables: str) -> dict[str, Any]:
    """The settings that a verifier would be built with."""
    return built(dict, GOOD | {f"RIGHTKEY_{name}": value for name, value in variables.items()}, {})


def test_each_variable_is_read_as_its_setting() -> None:
    """Texts, words, numbers, requirements, and addresses or paths of keys."""
    assert read() == {"issuer": ISSUER, "audience": ("api",)}
    assert read(AUDIENCE="a  b", ALGORITHMS="RS256 ES256") == {
        "issuer": ISSUER,
        "audience": ("a", "b"),
        "algorithms": ("RS256", "ES256"),
    }
    more = read(LEEWAY="1.5", REMEMBER="0", PROFILE="id", CERTIFICATES="valid", PROVIDER="none")
    assert more.items() >= {"leeway": 1.5, "remember": 0, "profile": "id", "provider": None}.items()
    assert read(PROVIDER="auth0")["provider"] == "auth0"
    assert read(REQUIRE="any_of(a, b)")["require"] == rightkey.any_of("a", "b")
    assert read(KEYS="https://a.example/jwks")["keys"] == "https://a.example/jwks"
    assert read(KEYS="/etc/keys")["keys"] == Path("/etc/keys")


def test_freshness_is_put_together_of_its_variables() -> None:
    """What is not said has its default."""
    assert read(TIMEOUT="2", GRACE="0")["freshness"] == rightkey.Freshness(timeout=2.0, grace=0.0)


def test_a_longest_life_may_be_shorter_than_the_least_one() -> None:
    """That has no variable of its own: the one that was set counts. A wrong one is named all the same."""
    assert read(MAX_LIFE="60")["freshness"] == rightkey.Freshness(min_life=60.0, max_life=60.0)
    assert read(MAX_LIFE="900")["freshness"] == rightkey.Freshness(max_life=900.0)
    for wrong in ("0", "-1", "nan", "inf"):
        with pytest.raises(rightkey.Misconfigured, match="RIGHTKEY_MAX_LIFE: max_life is a number"):
            read(MAX_LIFE=wrong)


def test_a_transport_is_put_together_of_its_variables() -> None:
    """What is not said has its default, and without any of them there is no transport of its own."""
    made = read(CA_FILE="/etc/ca.pem", PLAIN_HTTP="keycloak a.internal", STRICT_X509="false")["transport"]
    assert made == rightkey.DefaultTransport(
        "/etc/ca.pem", plain_http=["keycloak", "a.internal"], strict_x509=False
    )
    assert read(TRUSTSTORE="True")["transport"] == rightkey.DefaultTransport(truststore=True)
    assert "transport" not in read()


def built_with(**variables: str) -> rightkey.Verifier:
    return rightkey.Verifier.from_env(GOOD | {f"RIGHTKEY_{name}": one for name, one in variables.items()})


def test_introspection_is_put_together_of_its_variables(tmp_path: Path) -> None:
    """The secret is in a file, which is read when it is needed."""
    file = tmp_path / "secret"
    file.write_text("of ours")
    asked = {"INTROSPECTION_CLIENT_ID": "us", "INTROSPECTION_SECRET_FILE": str(file)}
    assert read(**asked)["introspection"] == rightkey.Introspection("us", file)
    more = {
        "INTROSPECTION_AUTH_METHOD": "client_secret_post",
        "INTROSPECTION_ENDPOINT": "https://as.example/introspect",
    }
    assert read(**asked, **more)["introspection"] == rightkey.Introspection(
        "us", file, "https://as.example/introspect", "client_secret_post"
    )
    of_issuer = {"LIFE": "5", "SIGNED": "true", "REQUIRE_AUDIENCE": "false", "ALGORITHM": "PS256", "KID": "1"}
    of_issuer |= {"ASSERTION_AUDIENCE": "https://as.example/token"}
    assert read(**asked, **{f"INTROSPECTION_{name}": one for name, one in of_issuer.items()})[
        "introspection"
    ] == rightkey.Introspection(
        "us",
        file,
        life=5.0,
        signed=True,
        require_audience=False,
        algorithm="PS256",
        kid="1",
        assertion_audience="https://as.example/token",
    )
    with pytest.raises(rightkey.Misconfigured, match="RIGHTKEY_INTROSPECTION_SECRET_FILE is not set"):
        built_with(INTROSPECTION_CLIENT_ID="us")
    with pytest.raises(rightkey.Misconfigured, match="RIGHTKEY_INTROSPECTION_ENDPOINT: endpoint cannot be"):
        built_with(**asked, INTROSPECTION_ENDPOINT="http://as.example/x")
    assert built_with(**asked, **more)
    file.unlink()
    with pytest.raises(
        rightkey.Misconfigured, match="RIGHTKEY_INTROSPECTION_SECRET_FILE: secret cannot be read"
    ):
        built_with(**asked)


def test_proofs_are_put_together_of_their_variables(tmp_path: Path) -> None:
    """The secret of nonces is the one line of a file."""
    file = tmp_path / "nonces"
    file.write_text("n" * 40 + "\n")
    said = {"DPOP_ALGORITHMS": "ES256 RS256", "DPOP_MAX_AGE": "60", "DPOP_AHEAD": "5"}
    rules = read(**said, DPOP_NONCE_SECRET_FILE=str(file))["dpop"]
    assert rules == rightkey.DPoP(
        algorithms=["ES256", "RS256"], max_age=60.0, ahead=5.0, nonce_secret=b"n" * 40
    )
    with pytest.raises(rightkey.Misconfigured, match="RIGHTKEY_DPOP_MAX_AGE: max_age must be"):
        built_with(DPOP_MAX_AGE="0")
    file.write_text("n" * 40 + "\n" + "m" * 40)
    with pytest.raises(
        rightkey.Misconfigured, match="RIGHTKEY_DPOP_NONCE_SECRET_FILE: the secret must be the"
    ):
        built_with(DPOP_NONCE_SECRET_FILE=str(file))


def test_a_denylist_is_put_together_of_its_variables() -> None:
    """What becomes of tokens without it must be said; the longest life may be."""
    assert read(DENYLIST="serve")["denylist"] == rightkey.Denylist("serve")
    made = read(DENYLIST="refuse", DENYLIST_LONGEST="3600")["denylist"]
    assert made == rightkey.Denylist("refuse", longest=3600.0)
    for said, fault in (
        ({"DENYLIST_LONGEST": "60"}, "RIGHTKEY_DENYLIST is not set"),
        ({"DENYLIST": "hope"}, "RIGHTKEY_DENYLIST: on_loss must be serve or refuse"),
        ({"DENYLIST": "serve", "DENYLIST_LONGEST": "0"}, "RIGHTKEY_DENYLIST_LONGEST: longest"),
    ):
        with pytest.raises(rightkey.Misconfigured, match=fault):
            built_with(**said)


def test_a_variable_that_is_empty_is_not_set() -> None:
    """As `VARIABLE=` in a file of variables leaves it."""
    assert read(LEEWAY="", REQUIRE=" ") == read()


@pytest.mark.parametrize("name", GOOD)
def test_issuer_and_audience_must_be_set(name: str) -> None:
    """In the environment or in code; the hint has an example."""
    for environ in ({k: v for k, v in GOOD.items() if k != name}, GOOD | {name: ""}):
        with pytest.raises(rightkey.Misconfigured, match=f"{name} is not set") as caught:
            rightkey.Verifier.from_env(environ)
        assert "such as" in str(caught.value.hint)


@pytest.mark.parametrize(
    "value", ['"api"', "'api'", ' "a b" ', "\u201capi\u201d", "\u2018api\u2019", "\u00abapi\u00bb", "`api`"]
)
def test_a_value_in_quotes_is_refused(value: str) -> None:
    """`docker run --env-file` hands them on, and no token names an audience in quotes."""
    with pytest.raises(rightkey.Misconfigured, match="RIGHTKEY_AUDIENCE is in quotes"):
        read(AUDIENCE=value)
    assert read(AUDIENCE='"')["audience"] == ('"',)


@pytest.mark.parametrize("name", ["AUDIENCE", "ISSUER", "REQUIRE", "LEEWAY", "STORE", "CA_FILE"])
@pytest.mark.parametrize("value", ["\ufeffapi", "api\u200b", "a\u200dpi", "\u202eapi", "a\u00a0pi"])
def test_characters_that_are_not_seen_are_refused(name: str, value: str) -> None:
    """They come along when a value is copied from a page, and no token has them."""
    with pytest.raises(rightkey.Misconfigured, match=f"^RIGHTKEY_{name} has a character that is not seen"):
        rightkey.Verifier.from_env(GOOD | {f"RIGHTKEY_{name}": value})


def test_a_path_may_have_any_octets() -> None:
    """Those that are not UTF-8 are halves of surrogate pairs in Python."""
    assert read(KEYS="/etc/k\udce4\tys")["keys"] == Path("/etc/k\udce4\tys")


@pytest.mark.parametrize("name", ["AUDIENCE", "ISSUER", "REQUIRE", "KEYS", "ORIGIN", "INTROSPECTION_KID"])
@pytest.mark.parametrize("value", ["null", "undefined", "nil", "NULL"])
def test_the_text_of_an_empty_value_is_refused(name: str, value: str) -> None:
    """As an audience or a requirement it would refuse every token, and as a file be missing."""
    with pytest.raises(rightkey.Misconfigured, match=f"^RIGHTKEY_{name} is the text of an empty value"):
        rightkey.Verifier.from_env(GOOD | {f"RIGHTKEY_{name}": value})


@pytest.mark.parametrize("name", ["TRUST_ENV", "USER_AGENT", "CREDENTIALS", "MIN_LIFE", "DRAWS"])
def test_a_setting_without_a_variable_is_not_passed_over(name: str) -> None:
    """`RIGHTKEY_TRUST_ENV=false` must not leave the proxy in use; the hint says where it is set."""
    with pytest.raises(rightkey.Misconfigured, match="is not a variable known here") as caught:
        rightkey.Verifier.from_env(GOOD | {f"RIGHTKEY_{name}": "1"})
    assert f"({name.lower()}=...)" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PLAIN_HTTP", "*"),
        ("PLAIN_HTTP", "true"),
        ("PLAIN_HTTP", "1"),
        ("PLAIN_HTTP", "keycloak:8080"),
        ("CA_FILE", "-----BEGIN CERTIFICATE-----"),
        ("TRUSTSTORE", "yes"),
        ("STRICT_X509", "0"),
        ("ISSUER", "http://issuer.example"),
        ("ISSUER", "two words"),
        ("KEYS", "http://issuer.example/jwks"),
        ("PROVIDER", "nobody"),
        ("ALGORITHMS", "HS256"),
        ("LEEWAY", "nan"),
        ("LEEWAY", "301"),
        ("LEEWAY", "five"),
        ("LEEWAY", "1_0"),
        ("LEEWAY", "\uff11"),
        ("PROFILE", "refresh"),
        ("REQUIRE", "all_of("),
        ("CERTIFICATES", "maybe"),
        ("REMEMBER", "-1"),
        ("REMEMBER", "1" * 5000),
        ("MAX_LIFE", "0"),
        ("TIMEOUT", "0"),
    ],
)
@pytest.mark.parametrize("around", [{}, INSIDE], ids=["", "in a compose file"])
def test_a_wrong_value_names_its_variable(name: str, value: str, around: dict[str, str]) -> None:
    """Alone, and among others that are right, some of them only with each other."""
    others = {"RIGHTKEY_LEEWAY": "5", "RIGHTKEY_REQUIRE": "read:x", "RIGHTKEY_WAIT": "3"} | around
    with pytest.raises(rightkey.Misconfigured, match=rf"^RIGHTKEY_{name}: "):
        rightkey.Verifier.from_env(GOOD | others | {f"RIGHTKEY_{name}": value})


@pytest.mark.parametrize("wrong", ["http://keycloak:8080", "keycloak:8080", "keycloak,other", "*"])
def test_a_host_that_is_written_wrongly_is_not_the_fault_of_its_url(wrong: str) -> None:
    """It is the host's variable that must be changed."""
    url = "http://keycloak:8080/realms/demo/.well-known/openid-configuration"
    environ = GOOD | {"RIGHTKEY_METADATA_URL": url, "RIGHTKEY_PLAIN_HTTP": wrong}
    with pytest.raises(rightkey.Misconfigured, match=r"^RIGHTKEY_PLAIN_HTTP: plain_http must hold"):
        rightkey.Verifier.from_env(environ)


def test_what_is_given_in_code_counts() -> None:
    """Instead of its variable, which is then not looked at; and is to blame itself where it is wrong."""
    environ = {"RIGHTKEY_ISSUER": ISSUER, "RIGHTKEY_LEEWAY": "five", "RIGHTKEY_WAIT": "never"}
    freshness = rightkey.Freshness()
    verifier = rightkey.AsyncVerifier.from_env(environ, audience="mine", leeway=1, freshness=freshness)
    assert repr(verifier) == f"AsyncVerifier('{ISSUER}', audience='mine')"
    with pytest.raises(rightkey.Misconfigured, match=r"^leeway must be a number"):
        rightkey.Verifier.from_env(GOOD, leeway=-1)


MISSPELT = {
    "RIGHTKEY_AUDIENCES": "AUDIENCE",
    "RIGHTKEY_REQURE": "REQUIRE",
    "RIGHTKEY_REQUIRED": "REQUIRE",
    "RIGHTKEY_ALGORITHM": "ALGORITHMS",
    "RIGHTKEY_CERTIFICATE": "CERTIFICATES",
    "RIGHTKEY_ALG": "ALGORITHMS",
    "RIGHTKEY_REQ": "REQUIRE",
    "RIGHTKEY_require": "REQUIRE",
    "RIGHTKEY_SENDERS": "SENDER",
    "RIGHTKEY_METADATA": "METADATA_URL",
    "RIGHTKEY_METADATAURL": "METADATA_URL",
    "RIGHT_KEY_REQUIRE": "REQUIRE",
    "RIGHTKEYREQUIRE": "REQUIRE",
    "Rightkey_Require": "REQUIRE",
    "RIGTHKEY_ISSUER": "ISSUER",
    "RITHGKEY_REQUIRE": "REQUIRE",
    "RIGHKEY_REQUIRE": "REQUIRE",
    "RIGHTKEY_ISSUERS": "ISSUER",
    "RIGHTKEY_REQUIRE_EXP": "REQUIRE",
    "RIGHTKEY_LEEWAY_SECONDS": "LEEWAY",
    "RIGHTKEY_SENDER_CONSTRAINED": "SENDER",
    "RIGHTKEY_SCOPES": "REQUIRE",
    "RIGHTKEY_ROLE": "REQUIRE",
    "RIGHTKEY_JWKS_URI": "KEYS",
    "RIGHTKEY_CLOCK_SKEW": "LEEWAY",
    "RIGHTKEY_DISCOVERY_URL": "METADATA_URL",
    "RIGHTKEY_CA_BUNDLE": "CA_FILE",
    "RIGHTKEY_INSECURE": "PLAIN_HTTP",
    "RIGHTKEY_ALGS": "ALGORITHMS",
    "RIGHTKEY_TYP": "PROFILE",
    "RIGHTKEY_DPOP": "SENDER",
    "RIGHTKEY_REQUIRED_SCOPE": "REQUIRE",
    "RIGHTKEY_SCOPE_REQUIRED": "REQUIRE",
    "RIGHTKEY_ALLOWED_ROLES": "REQUIRE",
    "RIGHTKEY_REQUIRED_THING": "REQUIRE",
    "RIGHTKEY_EXPECTED_AUDIENCE": "AUDIENCE",
    "RIGHTKEY_BLOCKLIST": "DENYLIST",
    "RIGHTKEY_ALLOWED_CLIENTS": "REQUIRE",
    "RIGHTKEY_ALLOWED_AUDIENCES": "AUDIENCE",
    "RIGHTKEY_AZP": "REQUIRE",
    "RIGHTKEY_ALLOWED_ALGORITHMS": "ALGORITHMS",
    "RIGHTKEY_PINS": "CERTIFICATES",
    "RIGHTKEY_CACHE_TTL": "MAX_LIFE",
    "RIGHTKEY_JWKS_FILE": "KEYS",
    "RGHTKEY_REQUIRE": "REQUIRE",
    "IGHTKEY_REQUIRE": "REQUIRE",
    "rightkey_scopes": "REQUIRE",
    "rightkey.require": "REQUIRE",
    "RIGHTKEY-SCOPES": "REQUIRE",
    " RIGHTKEY_REQUIRE": "REQUIRE",
    "RIGHTKEY_REQUIRE ": "REQUIRE",
    "export RIGHTKEY_REQUIRE": "REQUIRE",
    "\ufeffRIGHTKEY_REQUIRE": "REQUIRE",
    "RIGHTKEY_REQUIRE\u200b": "REQUIRE",
}


@pytest.mark.parametrize("name", MISSPELT)
def test_a_misspelt_variable_is_refused(name: str) -> None:
    """A requirement that is misspelt would otherwise end as none; the hint says which one is meant."""
    with pytest.raises(rightkey.Misconfigured, match="is not a variable known here") as caught:
        rightkey.Verifier.from_env(GOOD | {name: "x"})
    assert str(caught.value).split(" is ")[0] in (name, ascii(name))
    assert caught.value.hint == f"did you mean RIGHTKEY_{MISSPELT[name]}?"


@pytest.mark.parametrize(
    "name",
    [
        *("GITHUB_KEY_RIGHT", "SECRET_KEY", "APP_RIGHTKEY_REQUIRE", "RIGHTKEY_GATEWAY_ALLOWED_SCOPES"),
        *("RIGHTKEY_IMAGE", "RIGHTKEY_ROLE_ARN", "RIGHTKEY_LOG_GROUP", "RIGHTKEY_ALLOWED_HOSTS"),
    ],
)
def test_what_is_anothers_own_is_let_be(name: str) -> None:
    """Also what begins like ours: it need not be for a verifier."""
    assert repr(rightkey.Verifier.from_env(GOOD | {name: "x"})) == repr(rightkey.Verifier.from_env(GOOD))


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        *(("AUDIENCE", value, "names with spaces between") for value in ("a,b", "a, b", '["a", "b"]', "[a]")),
        *(("AUDIENCE", value, "in code only") for value in ("*", "ANY", "rightkey.ANY")),
        *(
            ("AUDIENCE", value, "a placeholder")
            for value in ("$AUD", "${AUD}", "$(AUD)", "{{ aud }}", "%AUD%", "<aud>", "None", "changeme")
        ),
        *(
            ("REQUIRE", value, "a placeholder, or the text of an empty value")
            for value in ("$SCOPE", "${SCOPE}", "$(SCOPE)", "%SCOPE%", "[]", "None", "true", "false")
        ),
        ("ALGORITHMS", "RS256,ES256", "names with spaces between"),
        ("ORIGIN", "https://a.example,https://b.example", "names with spaces between"),
    ],
)
def test_a_list_in_another_form_is_refused(name: str, value: str, told: str) -> None:
    """It would be one name that no token has: every good token would be refused."""
    with pytest.raises(rightkey.Misconfigured, match=f"^RIGHTKEY_{name}: .*{told}"):
        rightkey.Verifier.from_env(GOOD | {f"RIGHTKEY_{name}": value})


@pytest.mark.parametrize(
    "service", ["RIGHTKEY", "RIGHTKEY_ISSUER", "RIGHTKEY_AUDIENCE", "RIGHTKEY_ALGORITHMS"]
)
def test_what_kubernetes_sets_beside_a_service_is_let_be(service: str) -> None:
    """For a service that is called like the project, or like one of our variables."""
    port = "tcp://10.0.0.1:80"
    injected = {
        "SERVICE_HOST": "10.0.0.1",
        "SERVICE_PORT": "80",
        "SERVICE_PORT_HTTP": "80",
        "PORT": port,
        "PORT_80_TCP": port,
        "PORT_80_TCP_PROTO": "tcp",
        "PORT_80_TCP_PORT": "80",
        "PORT_80_TCP_ADDR": "10.0.0.1",
    }
    environ = GOOD | {f"{service}_{name}": value for name, value in injected.items()}
    assert repr(rightkey.Verifier.from_env(environ)) == repr(rightkey.Verifier.from_env(GOOD))


def test_keys_may_be_in_the_variable_itself() -> None:
    """As JSON, in PEM, also with line ends as two letters, or as the base64 that Keycloak shows."""
    signing = SigningKey.generate("ES256", kid="k", now=1_800_000_000)
    public = signing.private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    bare = base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    jwks = json.dumps({"keys": [signing.public_jwk()]})
    thumbprint = KeySet.parse(jwks).keys[0].thumbprint
    for text in (jwks, pem, pem.replace("\n", "\\n"), bare):
        keys = rightkey.Verifier.from_env(GOOD | {"RIGHTKEY_KEYS": text})._issuer.trust.keys
        assert isinstance(keys, KeySet)
        assert [key.thumbprint for key in keys] == [thumbprint]


@pytest.mark.parametrize(
    "text",
    [
        *('{"hunter2": 1}', '[{"d": "hunter2"}]', "-----BEGIN PRIVATE KEY-----\nhunter2"),
        *("https://me:hunter2@a.example", "eyJhbGciOiJIUzI1NiJ9.hunter2.x", "hunter2" + "A" * 60),
        *('"hunter2', "<html>hunter2"),
    ],
)
def test_a_secret_in_the_variable_for_keys_is_not_told(text: str) -> None:
    """The message names the variable, and quotes nothing of it."""
    with pytest.raises(rightkey.Misconfigured, match="RIGHTKEY_KEYS") as caught:
        rightkey.Verifier.from_env(GOOD | {"RIGHTKEY_KEYS": text})
    assert "hunter2" not in f"{caught.value}{caught.value.hint}"


def test_variables_of_others_are_left_alone() -> None:
    """Such as those by which Kubernetes tells of a service called `rightkey`."""
    service = {"PORT": "tcp://10.0.0.1:80", "SERVICE_HOST": "10.0.0.1", "PORT_80_TCP_PROTO": "tcp"}
    assert read(**service) == read()
    assert read(VERIFIER="x", OPTIONAL="1") == read()  # what else begins so


def test_the_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing else given."""
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    assert repr(rightkey.Verifier.from_env()) == f"Verifier('{ISSUER}', audience=('api',))"


def test_every_variable_is_documented() -> None:
    """In one table, with its setting."""
    page = (Path(__file__).parents[2] / "docs" / "environment.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)`", page, re.MULTILINE)
    assert sorted(rows) == sorted((one.name, one.setting) for one in VARIABLES)


PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(7, 39)))
PEM = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
D = base64.urlsafe_b64encode(PRIVATE.private_bytes_raw()).rstrip(b"=").decode()
JWK = json.dumps({"kty": "OKP", "crv": "Ed25519", "x": "A" * 43, "d": D})
SECRETS = {
    "PEM": PEM,
    "PEM in one line": PEM.replace("\n", "\\n"),
    "base64": PEM.splitlines()[1],
    "half of the base64": PEM.splitlines()[1][16:],
    "JWK": JWK,
    "half of a JWK": JWK[20:],
    "d": D,
    "d in quotes": f'"{D}"',
    "a token": f"eyJhbGciOiJFZERTQSJ9.e30.{D}",
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("name", [one.name for one in VARIABLES] + ["RIGHTKEY_KEY"])
def test_a_key_in_the_wrong_variable_is_not_told(name: str, secret: str) -> None:
    """A private key or a token, pasted where something else was asked for, in the log of a failed start."""
    environ = {"RIGHTKEY_ISSUER": "https://issuer.example", "RIGHTKEY_AUDIENCE": "api", name: secret}
    try:
        Verifier.from_env(environ)
    except Misconfigured as error:
        told = f"{error} {error.hint}"
        assert told.isprintable()
        assert not [
            piece
            for piece in (D, PEM.splitlines()[1])
            for at in range(0, 40, 4)
            if piece[at : at + 12] in told
        ]


@pytest.mark.parametrize("name", ["RIGHTKEY_LEEWAY\n", "RIGHTKEY_LEEWAY\x1b[31m", f"RIGHTKEY_LEEWAY {D}"])
def test_a_name_that_is_none_is_told_in_one_line(name: str) -> None:
    """A line of a log that a stranger has written, or a key in front of the equals sign."""
    with pytest.raises(Misconfigured) as caught:
        Verifier.from_env({name: "1"})
    assert str(caught.value).isprintable()
    assert D[:12] not in str(caught.value)


def test_a_store_and_its_secret(tmp_path: Path) -> None:
    """The secret is in a file: two, a line each, or PEM as a whole."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"n" * 32 + b"\n" + b"o" * 32 + b"\n")
    settings = read(STORE=f"file://{tmp_path}/s", STORE_SECRET_FILE=str(secret))
    assert settings["store"] == f"file://{tmp_path}/s"
    assert settings["store_secret"] == (b"n" * 32, b"o" * 32)
    secret.write_bytes(b"-----BEGIN PUBLIC KEY-----\nabc\n")
    assert read(STORE_SECRET_FILE=str(secret))["store_secret"] == b"-----BEGIN PUBLIC KEY-----\nabc\n"


@pytest.mark.parametrize("path", ["/none/such", "a\0b"])
def test_a_secret_that_cannot_be_read_is_told(path: str) -> None:
    """By the variable's name; another name for it is not passed over."""
    with pytest.raises(Misconfigured, match="secret cannot be read"):
        read(STORE_SECRET_FILE=path)
    with pytest.raises(Misconfigured, match="not a variable known here") as caught:
        read(STORE_SECRET="x")
    assert "RIGHTKEY_STORE_SECRET_FILE" in str(caught.value.hint)


def test_a_wrong_store_is_named() -> None:
    """And a secret that is too short, without showing it."""
    with pytest.raises(Misconfigured, match="RIGHTKEY_STORE: store"):
        Verifier.from_env(GOOD | {"RIGHTKEY_STORE": "memcached://a"})


def test_what_scopes_imply_is_json() -> None:
    """A scope may have commas, equals signs and brackets; a name twice is a mistake."""
    assert read(IMPLIES='{"files:admin": ["files:read"]}')["implies"] == {"files:admin": ["files:read"]}
    for wrong in ("files:admin", "[1]", '{"a": "b", "a": "c"}', "{"):
        with pytest.raises(Misconfigured, match="expected JSON"):
            read(IMPLIES=wrong)
    environ = GOOD | {"RIGHTKEY_IMPLIES": '{"a": 5}'}
    with pytest.raises(Misconfigured, match="RIGHTKEY_IMPLIES: implies must say"):
        Verifier.from_env(environ)
