"""The local issuer as people meet it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from rightkey.exchange import Request, Response
from rightkey.localissuer import ATTACKS, LocalIssuer

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = 1_900_000_000.0


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


def fetch(url: str, **headers: str) -> Any:
    request = urllib.request.Request(
        url, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def verified(issuer: LocalIssuer, token: str) -> dict[str, Any]:
    """The whole path with nothing of ours: discovery, key set, key, signature, claims."""
    metadata = fetch(issuer.url + ".well-known/openid-configuration")
    keys = jwt.PyJWKSet.from_dict(fetch(metadata["jwks_uri"]))
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms=["RS256", "ES256"], audience=issuer.audience, issuer=metadata["issuer"]
    )
    return claims


def inside(issuer: LocalIssuer, path: str) -> Response:
    return issuer.transport().get(Request("http://127.0.0.1" + path))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_the_path_from_the_url_to_the_claims(algorithm: str) -> None:
    """An independent library finds the key and verifies the token, over a real socket."""
    with LocalIssuer(algorithm=algorithm) as issuer:
        assert issuer.url.startswith("http://127.0.0.1:")
        assert issuer.url.endswith("/")
        claims = verified(issuer, issuer.token(sub="alice", scope="read:x"))
    assert (claims["sub"], claims["scope"], claims["aud"]) == ("alice", "read:x", "https://api.example.com")
    assert claims["exp"] - claims["iat"] == 3600


def test_tokens_follow_the_clock_and_the_wishes() -> None:
    """Times come from the clock given; None leaves a claim or parameter out; any key may sign."""
    issuer = LocalIssuer(algorithm="ES256", clock=lambda: NOW)
    plain = jwt.decode(issuer.token(), options={"verify_signature": False})
    assert plain == {"iss": issuer.url, "aud": issuer.audience, "iat": int(NOW), "exp": int(NOW) + 3600}
    token = issuer.token(key=issuer.next, header={"typ": "at+jwt"}, exp=None, aud=["a", "b"])
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "at+jwt", "kid": issuer.next.kid}
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims == {"iss": issuer.url, "aud": ["a", "b"], "iat": int(NOW)}


def test_a_rotation_is_published_ahead(issuer: LocalIssuer) -> None:
    """Tokens from before and after verify; a revoked key's tokens do not."""
    before, kid = issuer.token(), issuer.current.kid
    following = issuer.next
    assert issuer.rotate() is following is issuer.current
    assert verified(issuer, before)
    assert verified(issuer, issuer.token())
    issuer.revoke(kid)
    assert [key.kid for key in issuer.revoked] == [kid]
    assert kid not in [key.kid for key in issuer.keys]
    with pytest.raises(KeyError):
        verified(issuer, before)


def test_a_surprise_and_a_swap(issuer: LocalIssuer) -> None:
    """A key that was never published signs at once; another key takes the current kid."""
    seen = {key.kid for key in issuer.keys}
    assert issuer.rotate(surprise=True).kid not in seen
    assert verified(issuer, issuer.token())
    before = issuer.token()
    assert issuer.swap().kid == jwt.get_unverified_header(before)["kid"]
    assert verified(issuer, issuer.token())
    with pytest.raises(jwt.InvalidSignatureError):
        verified(issuer, before)


def test_requests_are_counted_by_endpoint(issuer: LocalIssuer) -> None:
    """`requests["jwks"] == 1` is the assertion people want."""
    verified(issuer, issuer.token())
    assert (issuer.requests["discovery"], issuer.requests["jwks"], issuer.requests.total) == (1, 1, 2)
    fetch(issuer.url + ".well-known/jwks.json", X_Test="yes")
    assert issuer.recorded[-1].method == "GET"
    assert issuer.recorded[-1].headers["x-test"] == "yes"


def test_every_attack_can_be_had(issuer: LocalIssuer) -> None:
    """By name, with claims of one's own where wished."""
    assert all(issuer.attack(name, sub="mallory") for name in ATTACKS)


def test_the_lures_are_live(issuer: LocalIssuer) -> None:
    """Who follows jku or x5u is counted, and gets what verifies the forgery."""
    token = issuer.attack("jku-header")
    header = jwt.get_unverified_header(token)
    key = jwt.PyJWKSet.from_dict(fetch(header["jku"]))[header["kid"]]
    assert jwt.decode(token, key, algorithms=["ES256"], audience=issuer.audience)
    lure = jwt.get_unverified_header(issuer.attack("x5u-header"))["x5u"]
    with urllib.request.urlopen(lure, timeout=60) as response:
        assert response.read().startswith(b"-----BEGIN CERTIFICATE-----")
    assert (issuer.requests["attacker-jwks"], issuer.requests["attacker-certificate"]) == (1, 1)


def test_the_lure_has_a_certificate_where_the_issuer_has_none() -> None:
    """Attackers bring their own."""
    issuer = LocalIssuer(algorithm="ES256", certificates=False)
    assert "x5c" in jwt.get_unverified_header(issuer.attack("x5c-header"))
    assert "x5c" not in issuer.current.public_jwk()


def test_caching_headers_are_sent_where_set(issuer: LocalIssuer) -> None:
    """Cache-Control as set; ETag and 304 where wished; neither by default."""
    url = issuer.url + ".well-known/jwks.json"
    with urllib.request.urlopen(url, timeout=60) as response:
        assert response.headers["cache-control"] is response.headers["etag"] is None
    issuer.cache_control, issuer.etag = "max-age=600", True
    with urllib.request.urlopen(url, timeout=60) as response:
        assert response.headers["cache-control"] == "max-age=600"
        tag = response.headers["etag"]
    with pytest.raises(urllib.error.HTTPError) as raised:
        fetch(url, If_None_Match=tag)
    with raised.value as answer:
        assert (answer.code, answer.read()) == (304, b"")
    issuer.rotate()
    assert len(fetch(url, If_None_Match=tag)["keys"]) == 3


def test_faults_pass_and_end(issuer: LocalIssuer) -> None:
    """Counted ones pass by themselves, lasting ones end when told to."""
    url = issuer.url + ".well-known/jwks.json"
    issuer.misbehave("jwks", "empty-set", times=1)
    assert [len(fetch(url)["keys"]) for _ in range(2)] == [0, 2]
    issuer.misbehave("jwks", "empty-set")
    assert [len(fetch(url)["keys"]) for _ in range(2)] == [0, 0]
    issuer.behave()
    assert len(fetch(url)["keys"]) == 2


def test_other_paths_and_methods() -> None:
    """404 for what is not here, 405 for what only takes GET."""
    with LocalIssuer(algorithm="ES256") as issuer:
        for path, data, code in (("elsewhere", None, 404), (".well-known/jwks.json", b"x=1", 405)):
            with pytest.raises(urllib.error.HTTPError) as raised:
                urllib.request.urlopen(issuer.url + path, data, timeout=60)
            with raised.value as answer:
                assert answer.code == code
        assert answer.headers["allow"] == "GET, HEAD"
        assert issuer.requests["other"] == 1


def test_an_issuer_with_a_path() -> None:
    """Discovery lies below the path, or with rfc8414 before it and nowhere else."""
    below = LocalIssuer(algorithm="ES256", path="/tenant/v2.0", slash=False)
    metadata = json.loads(inside(below, "/tenant/v2.0/.well-known/openid-configuration").body)
    assert metadata["issuer"] == below.url == "http://127.0.0.1/tenant/v2.0"
    assert metadata["jwks_uri"] == "http://127.0.0.1/tenant/v2.0/.well-known/jwks.json"
    before = LocalIssuer(algorithm="ES256", path="/tenant/v2.0", rfc8414=True)
    inserted = inside(before, "/.well-known/oauth-authorization-server/tenant/v2.0")
    assert json.loads(inserted.body)["issuer"] == before.url == "http://127.0.0.1/tenant/v2.0/"
    assert inside(before, "/tenant/v2.0/.well-known/openid-configuration").status == 404


def test_a_url_of_one_s_own_stays() -> None:
    """Started or not, the issuer is who it says it is."""
    with LocalIssuer(algorithm="ES256", url="https://tenant.example/x") as issuer:
        assert issuer.url == "https://tenant.example/x"
    assert jwt.decode(issuer.token(), options={"verify_signature": False})["iss"] == issuer.url


def test_starting_and_closing_again(issuer: LocalIssuer) -> None:
    """Starting twice keeps the port; a closed issuer can be started anew, with the same keys."""
    url, key = issuer.url, issuer.current
    assert issuer.start().url == url
    issuer.close()
    issuer.close()
    with issuer:
        assert issuer.current is key
        assert fetch(issuer.url + ".well-known/jwks.json")["keys"][0]["kid"] == key.kid


def test_keys_are_made_when_first_needed() -> None:
    """Making them looks at the clock, and building an issuer does not; a wrong algorithm is refused."""
    looks: list[float] = []

    def clock() -> float:
        looks.append(NOW)
        return NOW

    issuer = LocalIssuer(algorithm="ES256", clock=clock)
    assert looks == []
    assert issuer.keys
    made = len(looks)
    assert made > 0
    assert issuer.keys == issuer.keys
    assert len(looks) == made
    with pytest.raises(ValueError, match="expected one of"):
        LocalIssuer(algorithm="HS256")


def test_two_issuers_share_no_key() -> None:
    """Not even in one process."""
    first, second = LocalIssuer(algorithm="ES256"), LocalIssuer(algorithm="ES256")
    assert not {key.kid for key in first.keys} & {key.kid for key in second.keys}
