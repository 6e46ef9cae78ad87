"""gateway.toml: what it may say, and where a mistake in it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import rightkey
from rightkey import DPoP, Misconfigured
from rightkey.gateway.configuration import configuration_of, read
from rightkey.gateway.proofs import sharing
from rightkey.transport.default import DefaultTransport

LEAST: dict[str, Any] = {
    "proxy": "nginx",
    "issuer": [{"issuer": "tenant.eu.auth0.com", "audience": "api"}],
    "route": [{}],
}


def test_little_need_be_said() -> None:
    """A proxy, an issuer and a route: the rest has defaults, and loopback alone may ask."""
    configuration = configuration_of(LEAST, Path())
    assert (str(configuration.listen), str(configuration.plain)) == ("127.0.0.1:9090", "127.0.0.1:9091")
    assert [str(network) for network in configuration.peers.networks] == ["127.0.0.0/8", "::1/128"]
    assert configuration.names == ("tenant.eu.auth0.com",)
    assert configuration.workers >= 1
    assert configuration.decision().names >= {"authorization", "x-original-uri"}
    assert [*configuration.issuers()] == ["tenant.eu.auth0.com"]


def test_everything_may_be_said(tmp_path: Path) -> None:
    """In a file; names of files in it begin where it is."""
    path = tmp_path / "gateway.toml"
    (tmp_path / "keys.json").write_text('{"keys": []}')
    path.write_text(
        """
        proxy = "caddy"
        listen = "unix:/run/rightkey.sock"
        plain = "[::1]:9091"
        workers = 3
        peers = ["10.0.0.0/8"]
        realm = "api"
        origin = "https://api.example.com"
        resource_metadata = "https://api.example.com/.well-known/oauth-protected-resource"
        remember = 10
        freshness = {max_life = 600}
        transport = {plain_http = ["keycloak"], ca_file = "ca.pem"}
        identity = {X-Auth-Subject = "sub"}

        [[carrier]]
        place = "authorization"
        [[carrier]]
        place = "cookie"
        name = "session"

        [[issuer]]
        issuer = "https://a.example"
        audience = ["api", "other"]
        name = "staff"
        leeway = 5
        require = "read:x"
        [[issuer]]
        issuer = "machines"
        audience = "ANY"
        keys = "keys.json"

        [[route]]
        host = "api.example.com"
        path = "/orders/*"
        methods = ["GET"]
        require = ["read:orders", "any_of(role(admin), claim(org, acme))"]
        [[route]]
        path = "/open"
        public = true
        [[route]]
        path = "/maybe"
        optional = true
        """
    )
    configuration = read(path)
    assert configuration.names == ("staff", "machines")
    assert configuration.trusts[1].audience is rightkey.ANY
    assert configuration.trusts[1].keys == tmp_path / "keys.json"
    assert configuration.bearer.realm == "api"
    assert configuration.bearer.header_names == {"authorization", "cookie", "dpop"}
    assert configuration.transport == DefaultTransport(
        plain_http=["keycloak"], ca_file=str(tmp_path / "ca.pem")
    )
    assert configuration.freshness.max_life == 600
    assert configuration.origin == ("https://api.example.com",)
    first = configuration.routes.routes[0]
    assert str(first.require) == "all_of(read:orders, any_of(role(admin), claim(org, acme)))"
    assert first.methods == {"GET"}


HERE = {"origin": "https://api.example.com"}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"proxy": None}, "proxy None is not known"),
    ({"prxy": 1}, "unknown setting 'prxy'"),
    ({"listen": "9090"}, "listen: '9090' is not an address"),
    ({"workers": 0}, "workers must be a number from 1 to 256"),
    ({"workers": True}, "workers must be"),
    ({"peers": ["10.0.0.1/8"]}, "peers: '10.0.0.1/8' has host bits set"),
    ({"peers": "10.0.0.0/8"}, "peers: they must be a list"),
    ({"origin": 5}, "origin must be a URL"),
    ({"store": 5}, "store must be text"),
    ({"denylist": 5}, "denylist: it must be a table"),
    ({"denylist": {"on_loss": "refuse"}}, "denylist: nothing is denied without a store"),
    ({"denylist": {"on_los": "refuse"}}, "denylist: unknown setting 'on_los'"),
    ({"denylist": {"longest": 60}, "store": "file:///nowhere"}, "denylist: on_loss is missing"),
    ({"store_secret_file": "nowhere"}, "the secret cannot be read"),
    ({"realm": 5}, "realm and resource_metadata: they must be text"),
    ({"realm": 'a"b'}, "realm and resource_metadata: realm must be printable"),
    ({"identity": {"X-User": "sub"}}, "identity: identity header 'X-User' must begin"),
    ({"identity": 5}, "identity: it must be a table"),
    ({"freshness": {"max_live": 5}}, "freshness: unknown setting 'max_live'"),
    ({"freshness": {"max_life": -5}}, "freshness: max_life is a number"),
    ({"freshness": 5}, "freshness: it must be a table"),
    ({"transport": 5}, "transport: it must be a table"),
    ({"transport": {"credentials": 5}}, "transport: unknown setting 'credentials'"),
    ({"dpop": 5}, "dpop: it must be a table"),
    ({"dpop": {"max_age": 60}}, "dpop: no proof is taken without origin"),
    ({"dpop": {"max_agee": 60}} | HERE, "dpop: unknown setting 'max_agee'"),
    ({"dpop": {"max_age": "60"}} | HERE, "dpop: max_age must be a number"),
    ({"dpop": {"algorithms": ["HS256"]}} | HERE, "dpop: algorithm 'HS256' is not known"),
    ({"dpop": {"nonce_secret_file": 5}} | HERE, "dpop: nonce_secret_file must be text"),
    ({"dpop": {"nonce_secret_file": "nowhere"}} | HERE, "dpop: the secret cannot be read"),
    (
        {"dpop": {"nonce_secret_file": "/dev/null"}} | HERE,
        "dpop: the secret must be the one line of its file",
    ),
    ({"carrier": [{"place": "pocket"}]}, "carrier 1: place must be authorization, header"),
    ({"issuer": []}, "there must be one issuer or more"),
    ({"issuer": {"issuer": "a"}}, r"issuer must be written as \[\[issuer\]\]"),
    ({"issuer": [{"issuer": "a.example"}]}, "issuer 1: audience is missing"),
    ({"issuer": [{"issuer": "a.example", "audience": "a", "leway": 5}]}, "issuer 1: unknown setting 'leway'"),
    *(
        ({"issuer": [{"issuer": "a.example", "audience": "a", "name": name}]}, "issuer 1: name must be")
        for name in ("", "a b", "a/b", "é", "a\n", True, 5, ["a"])
    ),
    (
        {"issuer": 2 * [{"issuer": "a.example", "audience": "a"}]},
        "issuer 2: two issuers are named",
    ),
    ({"route": []}, "routes: there must be one route or more"),
    ({"route": [{"path": "/*"}, {"path": "/a"}]}, "routes: route 2 can match nothing"),
    ({"route": [{"path": "a"}]}, "routes: route 1: path 'a' must be"),
    ({"route": [{"path": 5}]}, "route 1: path must be text"),
    ({"route": [{"methods": "GET"}]}, "route 1: methods must be a list"),
    ({"route": [{"public": "yes"}]}, "route 1: public must be true or false"),
    ({"route": [{"scope": "a"}]}, "route 1: unknown setting 'scope'"),
    ({"route": [{"require": "a b"}]}, "route 1: requirement 'a b' cannot be read"),
    ({"route": [{"require": 5}]}, "route 1: require must be text"),
]


@pytest.mark.parametrize(("changed", "message"), WRONG, ids=[message for _, message in WRONG])
def test_a_mistake_is_told_with_its_place(changed: dict[str, Any], message: str) -> None:
    """And before anything listens."""
    with pytest.raises(Misconfigured, match=message):
        configuration_of(LEAST | changed, Path())


def test_workers_may_share_what_the_issuer_said(tmp_path: Path) -> None:
    """By a store, whose secret is in a file: what decides and what the mirror shows are of one fleet."""
    (tmp_path / "secret").write_text("s" * 40)
    said = {"store": f"file://{tmp_path}/fleet", "store_secret_file": "secret"}
    configuration = configuration_of(LEAST | said, tmp_path)
    configuration.decision()
    (one,) = configuration.issuers().values()
    assert one.fleet is not None
    assert one.fleet.store.name == said["store"]
    assert "s" * 40 not in repr(configuration)


def test_what_others_deny_is_refused(tmp_path: Path) -> None:
    """By all workers, through the store."""
    said = {"store": f"file://{tmp_path}/fleet", "denylist": {"on_loss": "refuse", "longest": 600}}
    verifier: Any = configuration_of(LEAST | said, tmp_path).decision().verifier
    assert verifier._issuer.verifier_denylist is not None
    plain: Any = configuration_of(LEAST, tmp_path).decision().verifier
    assert plain._issuer.verifier_denylist is None


def test_the_standards_alone_are_a_provider_as_elsewhere() -> None:
    """By the word that the environment and the command line have for it: TOML has none for nothing."""
    document = LEAST | {"issuer": [{"issuer": "a.eu.auth0.com", "audience": "a", "provider": "none"}]}
    (trust,) = configuration_of(document, Path()).trusts
    assert (trust.provider, trust.vendor) == (None, None)


def test_proofs_are_taken_where_the_origin_is_known() -> None:
    """And offered in challenges."""
    for more, taken in (({}, False), ({"origin": "https://api.example.com"}, True)):
        decision = configuration_of(LEAST | more, Path()).decision()
        assert ("DPoP" in str(decision.bearer.schemes)) is taken


def test_what_proofs_must_be_may_be_said(tmp_path: Path) -> None:
    """With a secret of nonces in a file; workers share what was used all the same."""
    (tmp_path / "nonces").write_text("n" * 40 + "\n")
    said = {"algorithms": ["ES256"], "max_age": 60, "nonce_secret_file": "nonces"}
    configuration = configuration_of(LEAST | HERE | {"dpop": said}, tmp_path)
    expected = DPoP(algorithms=["ES256"], max_age=60, nonce_secret=b"n" * 40)
    assert configuration.dpop == expected
    assert "n" * 40 not in repr(configuration)
    for used in (None, str(tmp_path)):
        decision = configuration.decision(used)
        assert dict(decision.verifier.schemes)["DPoP"] == ("ES256",)  # type: ignore[attr-defined]
    assert sharing(expected, str(tmp_path)).nonce_secret == expected.nonce_secret
    assert sharing(None, str(tmp_path)).seen is not None


def test_one_issuer_may_not_be_trusted_twice() -> None:
    """Whose rules would count?"""
    twice = [{"issuer": "a.example", "audience": name, "name": name} for name in "ab"]
    with pytest.raises(Misconfigured, match="two trusts for one issuer"):
        configuration_of(LEAST | {"issuer": twice}, Path()).decision()
    plain = {"issuer": "http://a.example", "audience": "a"}
    with pytest.raises(Misconfigured, match="plain http is for loopback only"):
        configuration_of(LEAST | {"issuer": [plain]}, Path()).decision()


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """By its name."""
    with pytest.raises(Misconfigured, match="cannot be read: no such file"):
        read(tmp_path / "missing.toml")
    (tmp_path / "a.toml").write_text("proxy = ")
    with pytest.raises(Misconfigured, match="is not TOML: invalid value"):
        read(tmp_path / "a.toml")
    (tmp_path / "a.toml").write_bytes(b"\xff")
    with pytest.raises(Misconfigured, match="cannot be read: it is not UTF-8"):
        read(tmp_path / "a.toml")


def test_an_issuer_may_be_asked_about_opaque_tokens(tmp_path: Path) -> None:
    """The file of the secret begins where the configuration is, and is read again when it is needed."""
    path = tmp_path / "gateway.toml"
    path.write_text(
        """
        proxy = "nginx"
        [[route]]
        [[issuer]]
        issuer = "https://a.example"
        audience = "api"
        [issuer.introspection]
        client_id = "gateway"
        secret_file = "secret"
        life = 10
        """
    )
    (trust,) = read(path).trusts
    assert trust.introspection == rightkey.Introspection("gateway", tmp_path / "secret", life=10)
    with pytest.raises(Misconfigured, match="secret cannot be read from its file"):
        read(path).decision()
    (tmp_path / "secret").write_text("of the gateway")
    assert read(path).decision()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("secret", "issuer 1: introspection: it must be a table"),
        ({"client_id": "us"}, "issuer 1: introspection: secret_file is missing"),
        ({"client_id": "us", "secret": "s"}, "introspection: unknown setting 'secret'"),
        ({"client_id": "us", "secret_file": 7}, "introspection: secret_file must be text"),
        ({"client_id": "", "secret_file": "s"}, "introspection: client_id must be a non-empty string"),
        ({"client_id": "us", "secret_file": "s", "life": "long"}, "introspection: life must be a number"),
    ],
)
def test_what_cannot_be_said_of_introspection(said: Any, told: str) -> None:
    issuer = {"issuer": "https://a.example", "audience": "api", "introspection": said}
    with pytest.raises(Misconfigured, match=told):
        configuration_of(LEAST | {"issuer": [issuer]}, Path())
