"""Opaque tokens by the same verifier as JWTs: the whole path, in threads and in tasks."""

from __future__ import annotations

import asyncio
import logging
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.conftest import Clock
from tests.jose.test_signing import RSA, pem
from tests.scenarios.conftest import settled
from tests.test_house import loaded_after

import rightkey
from rightkey import AsyncVerifier, Introspection, Presented, Trust, Verifier
from rightkey.errors import IssuerUnavailable, Misconfigured, RightkeyError, TokenRejected
from rightkey.events import IntrospectionFailed
from rightkey.exchange import ExchangeFailed, Request, Response
from rightkey.introspection.memory import UNKNOWN
from rightkey.localissuer import LocalIssuer, Sender, fault, mint

SECRET = "s%e+c r:t"
OPAQUE = "mF_9.B5f-4.1JqM"


@dataclass(eq=False)
class Server:
    """A transport to an issuer whose introspection endpoint answers as a test says."""

    issuer: LocalIssuer
    answer: Callable[[Request], Response] | None = None
    posted: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._inner = self.issuer.transport()

    def get(self, request: Request, /) -> Response:
        return self._inner.get(request)

    def post(self, request: Request, /) -> Response:
        self.posted.append(request)
        return self._inner.post(request) if self.answer is None else self.answer(request)

    def says(self, status: int = 200, body: bytes | None = None, /, **members: Any) -> None:
        """Answer so from now on."""
        octets = orjson.dumps(members) if body is None else body
        self.answer = lambda _: Response(status, {"content-type": "application/json"}, octets)


@pytest.fixture
def clock() -> Clock:
    return Clock(1_000_000.0)


@pytest.fixture
def issuer(clock: Clock) -> LocalIssuer:
    return LocalIssuer(algorithm="ES256", clock=clock)


@pytest.fixture
def server(issuer: LocalIssuer) -> Server:
    return Server(issuer)


Build = Callable[..., Verifier]


@pytest.fixture
def build(issuer: LocalIssuer, server: Server, clock: Clock) -> Build:
    """A verifier that asks that server; settings of `Introspection` are given as a dict."""

    def make(asking: dict[str, Any] | None = None, **settings: Any) -> Verifier:
        introspection = Introspection("us", **{"secret": SECRET} | (asking or {}))
        own = {"audience": issuer.audience, "transport": server, "clock": clock, "elapsed": clock}
        return Verifier(issuer.url, **own | {"introspection": introspection} | settings)

    return make


def refused(verifier: Verifier, raw: str | bytes, **asks: Any) -> RightkeyError:
    with pytest.raises(RightkeyError) as caught:
        verifier.verify(raw, **asks)
    return caught.value


def claims_of(issuer: LocalIssuer, **claims: Any) -> dict[str, Any]:
    now = int(issuer.clock())
    own = {"active": True, "iss": issuer.url, "aud": issuer.audience, "exp": now + 60, "sub": "alice"}
    return {name: value for name, value in (own | claims).items() if value is not None}


# -- what is accepted --------------------------------------------------------------------------------


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_an_opaque_token_is_verified_by_its_issuers_answer(
    issuer: LocalIssuer, build: Build, method: str, signed: bool
) -> None:
    """As a JWT is, with its claims, and without a key or a header; the answer may be signed (RFC 9701)."""
    verifier = build({"auth_method": method, "signed": signed})
    raw = issuer.opaque(sub="alice", scope="read write")
    for given in (raw, raw.encode()):
        token = verifier.verify(given, require="read")
        assert (token.subject, token.issuer, token.scopes) == ("alice", issuer.url, {"read", "write"})
        assert (token.key, token.header) == (None, {})
        assert token.claims.keys() == {"iss", "aud", "iat", "exp", "sub", "scope", "token_type"}
    assert raw not in repr(token)
    assert issuer.requests.counts["introspect"] == 1
    assert verifier.verify(issuer.token(sub="bob")).subject == "bob"
    assert issuer.requests.counts["introspect"] == 1


def test_in_tasks_as_in_threads(issuer: LocalIssuer, server: Server, clock: Clock) -> None:
    """One request, however many tasks wait for it."""
    verifier = AsyncVerifier(
        issuer.url,
        audience=issuer.audience,
        transport=server,
        clock=clock,
        introspection=Introspection("us", SECRET),
    )
    raw = issuer.opaque(sub="alice")

    async def main() -> None:
        tokens = await asyncio.gather(*(verifier.verify(raw) for _ in range(20)))
        assert {token.subject for token in tokens} == {"alice"}
        with pytest.raises(TokenRejected, match="not active"):
            await verifier.verify(OPAQUE)
        told = await verifier.explain(raw)
        assert told.verified is not None
        assert told.verified.subject == "alice"

    asyncio.run(main())
    assert len(server.posted) == 2


@pytest.mark.slow
def test_we_authenticate_by_a_key_of_our_own(build: Build, server: Server, issuer: LocalIssuer) -> None:
    """Each time by another assertion."""
    server.says(**claims_of(issuer))
    verifier = build({"secret": pem(RSA), "auth_method": "private_key_jwt", "life": 0})
    verifier.verify(OPAQUE)
    verifier.verify(OPAQUE)
    first, second = (request.body for request in server.posted)
    assert first != second
    assert b"client_assertion=" in first


def test_a_secret_in_a_file_is_read_for_each_request(
    build: Build, server: Server, issuer: LocalIssuer, tmp_path: Path
) -> None:
    """It may be rotated; one that is gone then is our fault, and no token's."""
    server.says(**claims_of(issuer))
    file = tmp_path / "secret"
    file.write_text("first\n")
    verifier = build({"secret": file, "auth_method": "client_secret_post", "life": 0})
    verifier.verify(OPAQUE)
    file.write_text("second\n")
    verifier.verify(OPAQUE)
    assert [request.body.rpartition(b"=")[2] for request in server.posted] == [b"first", b"second"]
    file.unlink()
    assert refused(verifier, OPAQUE).code == "introspection_failed"
    file.write_text("\n")
    assert len(server.posted) == 2
    with pytest.raises(Misconfigured, match="secret cannot be read from its file: it is empty"):
        build({"secret": file})
    with pytest.raises(Misconfigured, match="secret cannot be read from its file: No such file"):
        build({"secret": tmp_path / "none"})


def test_what_the_issuer_leaves_out_is_known(build: Build, server: Server, issuer: LocalIssuer) -> None:
    """`iss` may be absent; so may `aud`, if the setting says so, and then the claims are not added to."""
    server.says(**claims_of(issuer, iss=None, aud=None))
    assert refused(build(), OPAQUE).failures[0].claim == "aud"  # type: ignore[attr-defined]
    claims = build({"require_audience": False}).verify(OPAQUE).claims
    assert claims.keys() == {"exp", "sub"}
    server.says(**claims_of(issuer, aud="https://other.example"))
    assert refused(build({"require_audience": False, "life": 0}), OPAQUE).code == "claims_rejected"
    server.says(**claims_of(issuer, aud=None))
    assert build(audience=rightkey.ANY).verify(OPAQUE).subject == "alice"


def test_an_endpoint_that_is_given_is_asked(build: Build, server: Server, issuer: LocalIssuer) -> None:
    """Without the metadata, and so with keys of one's own."""
    server.says(**claims_of(issuer))
    keys = rightkey.KeySet.parse({"keys": [key.public_jwk() for key in issuer.keys]})
    verifier = build({"endpoint": "https://as.example/introspect"}, keys=keys)
    assert verifier.verify(OPAQUE).subject == "alice"
    assert server.posted[0].url == "https://as.example/introspect"
    assert issuer.requests.counts == {}


# -- what is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": "https://evil.example"}, "issuer_not_trusted"),
        ({"iss": 7}, "issuer_not_trusted"),
        ({"aud": "https://other.example"}, "claims_rejected"),
        ({"exp": 999_999}, "claims_rejected"),
        ({"exp": None}, "claims_rejected"),
        ({"exp": "1000060"}, "claims_rejected"),
        ({"nbf": 1_000_001}, "claims_rejected"),
        ({"token_type": "refresh_token"}, "claims_rejected"),
        ({"token_use": "refresh_token"}, "claims_rejected"),
        ({"typ": "Refresh"}, "claims_rejected"),
        ({"typ": "ID"}, "claims_rejected"),
        ({"cnf": {"jkt": "x" * 43}}, "proof_rejected"),
        ({"cnf": {"x5t#S256": "x" * 43}}, "proof_rejected"),
        ({"cnf": []}, "proof_rejected"),
        ({"token_type": "dpop"}, "proof_rejected"),
        ({"scope": "write"}, "scope_insufficient"),
        ({"active": False}, "token_inactive"),
    ],
)
def test_an_answer_is_judged_as_a_jwts_claims_are(
    build: Build, server: Server, issuer: LocalIssuer, changes: dict[str, Any], code: str
) -> None:
    """And all of it again at each use, without asking again."""
    server.says(**claims_of(issuer, **{"scope": "read"} | changes))
    verifier = build(require="read")
    assert [refused(verifier, OPAQUE).code for _ in range(2)] == [code] * 2
    assert len(server.posted) == 1
    assert verifier.explain(OPAQUE).error.code == code  # type: ignore[union-attr]


def test_the_profile_counts_as_far_as_a_token_without_a_header_can_have_one(
    build: Build, server: Server, issuer: LocalIssuer
) -> None:
    server.says(**claims_of(issuer))
    error = refused(build(profile="at+jwt"), OPAQUE)
    assert {one.claim for one in error.failures} == {"client_id", "iat", "jti"}  # type: ignore[attr-defined]
    assert build(profile="any").verify(OPAQUE).subject == "alice"


def test_a_call_may_require_more(build: Build, server: Server, issuer: LocalIssuer) -> None:
    server.says(**claims_of(issuer, scope="read"))
    verifier = build()
    assert verifier.verify(OPAQUE, require="read").subject == "alice"
    assert refused(verifier, OPAQUE, require="write").code == "scope_insufficient"

    class Claims(dict[str, Any]):
        pass

    with pytest.raises(Misconfigured):
        verifier.verify(OPAQUE, claims_type=Claims)


def test_a_token_that_is_said_to_be_bound_is_no_bearer_token(
    build: Build, server: Server, issuer: LocalIssuer
) -> None:
    """Also where its issuer does not say by what (RFC 9449, section 6.2)."""
    server.says(**claims_of(issuer, token_type="DPoP"))
    assert refused(build(), OPAQUE).reason == "confirmation_missing"  # type: ignore[attr-defined]
    assert build(sender="bearer").verify(OPAQUE).subject == "alice"
    server.says(**claims_of(issuer, token_type="Bearer"))
    assert build().verify(f"{OPAQUE}2").subject == "alice"


def test_a_token_that_is_bound_needs_its_proof(build: Build, server: Server, issuer: LocalIssuer) -> None:
    """By the same rules as a JWT (RFC 9449, section 6.2); the proof is for the token as it was sent."""
    alice = Sender()
    server.says(**claims_of(issuer, cnf=alice.cnf))
    url = "https://api.example.com/x"
    verifier = build(origin="https://api.example.com")
    proof = alice.proof("GET", url, token=OPAQUE, iat=1_000_000)
    presented = Presented("DPoP", "GET", url, (proof,))
    assert verifier.verify(OPAQUE, presented=presented).subject == "alice"
    assert (
        refused(verifier, OPAQUE, presented=Presented("DPoP", "GET", url, (proof,))).reason
        == "proof_replayed"
    )  # type: ignore[attr-defined]
    assert refused(verifier, OPAQUE).reason == "proof_missing"  # type: ignore[attr-defined]
    told = verifier.explain(
        OPAQUE,
        presented=Presented("DPoP", "GET", url, (alice.proof("GET", url, token=OPAQUE, iat=1_000_000),)),
    )
    assert [step.step for step in told.steps][-2:] == ["introspection", "proof"]


def test_a_denied_token_is_refused_whatever_its_issuer_says(
    build: Build, server: Server, issuer: LocalIssuer
) -> None:
    """By its `jti` or its session, as a JWT is, and at once though the answer is remembered."""
    server.says(**claims_of(issuer, jti="t-1", sid="s-1", iss=None))
    verifier = build(denylist=rightkey.Denylist(on_loss="refuse"))
    assert verifier.verify(OPAQUE).subject == "alice"
    verifier.deny(sid="s-1")
    assert refused(verifier, OPAQUE).code == "token_revoked"
    told = verifier.explain(OPAQUE)
    assert next(step for step in told.steps if step.outcome == "failed").step == "denylist"
    assert len(server.posted) == 1


@pytest.mark.parametrize("name", ["alg-none", "foreign-key", "expired"])
def test_a_refused_jwt_is_never_introspected(
    build: Build, server: Server, issuer: LocalIssuer, name: str
) -> None:
    """Whatever the issuer would say of it."""
    server.says(**claims_of(issuer))
    known = name if name in rightkey_attacks() else "alg-none"
    error = refused(build(), issuer.attack(known))
    assert error.status == 401
    assert server.posted == []


def rightkey_attacks() -> set[str]:
    from rightkey.localissuer import ATTACKS

    return set(ATTACKS)


@pytest.mark.parametrize("raw", ["", "eyJ.b.c", "eyJ.eyJ.", "a b", "undefined", "x" * 5000, "é", b"\xff"])
def test_what_is_neither_is_malformed_and_asks_nothing(
    build: Build, server: Server, raw: str | bytes
) -> None:
    assert refused(build(), raw).code in ("token_malformed", "token_missing")
    assert server.posted == []


def test_without_the_setting_opaque_tokens_are_malformed(issuer: LocalIssuer, build: Build) -> None:
    assert refused(build(introspection=None), OPAQUE).code == "token_malformed"


# -- for how long ------------------------------------------------------------------------------------


def test_an_answer_counts_for_its_life(
    build: Build, server: Server, issuer: LocalIssuer, clock: Clock
) -> None:
    """A revoked token is accepted no longer than that."""
    raw = issuer.opaque()
    verifier = build({"life": 20})
    verifier.verify(raw)
    issuer.revoke_token(raw)
    clock.now += 19.9
    verifier.verify(raw)
    clock.now += 0.2
    assert refused(verifier, raw).code == "token_inactive"
    assert len(server.posted) == 2


def test_an_answer_never_counts_past_exp(
    build: Build, server: Server, issuer: LocalIssuer, clock: Clock
) -> None:
    """Then the issuer is asked again: it may have lengthened it."""
    server.says(**claims_of(issuer, exp=int(clock()) + 10))
    verifier = build({"life": 30})
    verifier.verify(OPAQUE)
    clock.now += 10.5
    server.says(**claims_of(issuer, exp=int(clock()) + 60))
    assert verifier.verify(OPAQUE).claims["exp"] == int(clock()) + 60
    assert len(server.posted) == 2


def test_a_token_that_is_not_active_is_remembered_shortly(
    build: Build, server: Server, issuer: LocalIssuer, clock: Clock
) -> None:
    server.says(active=False)
    verifier = build()
    for _ in range(3):
        assert refused(verifier, OPAQUE).code == "token_inactive"
    assert len(server.posted) == 1
    server.says(**claims_of(issuer))
    clock.now += 2.1
    assert verifier.verify(OPAQUE).subject == "alice"


def test_verifiers_share_what_was_answered_and_judge_it_for_themselves(
    build: Build, server: Server, issuer: LocalIssuer
) -> None:
    """As keys are shared: one may be built for each request. Another setting asks for itself."""
    server.says(**claims_of(issuer))
    assert build().verify(OPAQUE).subject == "alice"
    assert refused(build(audience="https://other.example"), OPAQUE).code == "claims_rejected"
    assert len(server.posted) == 1
    build({"life": 5}).verify(OPAQUE)
    assert len(server.posted) == 2


# -- what cannot be asked ----------------------------------------------------------------------------


def raising(error: Exception) -> Callable[[Request], Response]:
    def answer(_: Request) -> Response:
        raise error

    return answer


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda _: Response(503, {"retry-after": "20"}, b""), "http_503"),
        (lambda _: Response(401, {}, b""), "credentials"),
        (lambda _: Response(403, {}, b'{"active": false}'), "credentials"),
        (lambda _: Response(302, {"location": "https://evil.example"}, b""), "http_302"),
        (lambda _: Response(200, {}, b"<html>"), "answer"),
        (lambda _: Response(200, {}, b'{"active": "true"}'), "answer"),
        (lambda _: Response(200, {}, b'{"active": "false"}'), "answer"),
        (
            lambda _: Response(200, {"content-type": "application/token-introspection+jwt"}, b"a.b.c"),
            "answer",
        ),
        (lambda _: "no response", "transport"),
        (raising(ExchangeFailed("too_large", "the body is over 65536 octets")), "too_large"),
        (raising(ExchangeFailed("timeout", "no whole answer within 4 s")), "timeout"),
        (raising(RuntimeError(OPAQUE)), "transport"),
    ],
)
def test_an_issuer_that_cannot_be_asked_is_503(
    build: Build, server: Server, issuer: LocalIssuer, clock: Clock, answer: Any, reason: str
) -> None:
    """Never 401: the token may be good. It is left alone for a pause, and then asked again."""
    events: list[Any] = []
    server.answer = answer
    verifier = build(listener=events.append)
    for _ in range(3):
        error = refused(verifier, OPAQUE)
        assert isinstance(error, IssuerUnavailable)
        assert (error.code, error.status) == ("introspection_failed", 503)
        assert error.retry_after
        assert error.retry_after >= 1.0
        assert OPAQUE not in f"{error} {error.hint} {error!r}"
    assert len(server.posted) == 1
    settled(lambda: any(isinstance(event, IntrospectionFailed) for event in events), "it is told")
    failed = [event for event in events if isinstance(event, IntrospectionFailed)]
    assert [event.reason for event in failed] == [reason]
    server.says(**claims_of(issuer))
    clock.now += 30
    assert verifier.verify(OPAQUE).subject == "alice"


def test_credentials_of_our_own_that_are_refused_are_an_error_in_the_log(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    issuer = LocalIssuer(algorithm="ES256", clock=clock, url="https://refuses.example/")
    server = Server(issuer)
    server.says(401)
    introspection = Introspection("us", SECRET)
    own = {"audience": "a", "transport": server, "clock": clock, "elapsed": clock}
    verifier = Verifier(issuer.url, introspection=introspection, **own)
    with caplog.at_level(logging.DEBUG, "rightkey"):
        refused(verifier, OPAQUE)
        settled(lambda: "opaque tokens could not be asked about" in caplog.text, "it is logged")
    lines = [one for one in caplog.records if "opaque tokens could not be asked about" in one.getMessage()]
    assert [line.levelno for line in lines] == [logging.ERROR]
    assert "reason=credentials" in lines[0].getMessage()
    assert not any(text in caplog.text for text in (SECRET, OPAQUE))


def test_an_issuer_without_the_endpoint_is_told_once_asked(server: Server, clock: Clock) -> None:
    """Its JWTs go on as before."""
    issuer = LocalIssuer(dress="auth0", algorithm="ES256", clock=clock)
    verifier = Verifier(
        issuer.url,
        audience=issuer.audience,
        transport=Server(issuer),
        clock=clock,
        introspection=Introspection("us", SECRET),
    )
    error = refused(verifier, OPAQUE)
    assert (error.code, error.hint) == ("introspection_failed", "Introspection(endpoint=...) names it")
    assert "introspection_endpoint" in str(error)
    assert verifier.verify(issuer.token(sub="alice")).subject == "alice"


@pytest.mark.parametrize("endpoint", ["http://internal/introspect", "https://127.0.0.1/x", "file:///etc", 7])
def test_an_endpoint_that_may_not_be_asked_is_not(endpoint: Any, clock: Clock) -> None:
    """The rules of `jwks_uri` hold: https, and an issuer on the network cannot name this machine."""
    issuer = LocalIssuer(algorithm="ES256", clock=clock, url="https://issuer.example/")
    server = Server(issuer)
    inner = server.get

    def get(request: Request, /) -> Response:
        response = inner(request)
        document = orjson.loads(response.body)
        if "introspection_endpoint" in document:
            document["introspection_endpoint"] = endpoint
        return Response(response.status, response.headers, orjson.dumps(document))

    server.get = get  # type: ignore[method-assign]
    verifier = Verifier(
        issuer.url,
        audience=issuer.audience,
        transport=server,
        clock=clock,
        introspection=Introspection("us", SECRET),
    )
    assert refused(verifier, OPAQUE).code == "introspection_failed"
    assert server.posted == []
    assert verifier.verify(issuer.token(sub="alice")).subject == "alice"


def test_metadata_are_read_again_though_no_jwt_comes(
    build: Build, server: Server, issuer: LocalIssuer, clock: Clock
) -> None:
    """After hours in which nothing came they may say another endpoint; the token does not wait for that."""
    verifier = build({"life": 0})
    assert verifier.verify(issuer.opaque(sub="alice")).subject == "alice"
    clock.now += 6 * 3600
    issuer.misbehave("jwks", fault("status", code=500))  # nor for keys, which it does not need
    assert verifier.verify(issuer.opaque(sub="alice")).subject == "alice"
    settled(lambda: issuer.requests.counts["discovery"] == 2, "they are read again")


def test_metadata_that_cannot_be_had_are_503(build: Build, server: Server, issuer: LocalIssuer) -> None:
    issuer.misbehave("discovery", fault("status", code=500))
    verifier = build()
    for _ in range(2):  # and again, while the issuer is left alone
        error = refused(verifier, OPAQUE)
        assert (error.code, error.status) == ("introspection_failed", 503)
        assert error.retry_after  # type: ignore[attr-defined]
    assert server.posted == []
    assert issuer.requests.counts["discovery"] == 1


def test_an_answer_that_comes_between_two_looks_is_taken(
    build: Build, server: Server, issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another caller's, just after this one has looked at what is known."""
    server.says(**claims_of(issuer))
    verifier = build()
    verifier.verify(OPAQUE)
    monkeypatch.setattr(verifier._issuer._opaque.introspector, "recall", lambda _: UNKNOWN)  # type: ignore[union-attr]
    assert verifier.verify(OPAQUE).subject == "alice"
    assert len(server.posted) == 1


# -- signed answers ----------------------------------------------------------------------------------


def signed(issuer: LocalIssuer, **changes: Any) -> Callable[[Request], Response]:
    header = {"typ": changes.pop("typ", "token-introspection+jwt")}
    key = changes.pop("key", None) or issuer.current
    inner = claims_of(issuer)
    claims = {"iss": issuer.url, "aud": "us", "iat": int(issuer.clock()), "token_introspection": inner}
    body = mint(key, {k: v for k, v in (claims | changes).items() if v is not None}, header=header)
    media = {"content-type": "application/token-introspection+jwt"}
    return lambda _: Response(200, media, body.encode())


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": "at+jwt"},
        {"typ": "JWT"},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "https://api.example.com"},
        {"aud": None},
        {"iat": None},
        {"iat": 1},
        {"exp": 1},
        {"token_introspection": None},
        {"token_introspection": {"active": "true"}},
    ],
)
@pytest.mark.parametrize("asked", [False, True])
def test_a_signed_answer_must_be_the_issuers_and_for_us(
    build: Build, server: Server, issuer: LocalIssuer, changes: dict[str, Any], asked: bool
) -> None:
    """RFC 9701, section 5: also where none was asked for."""
    server.answer = signed(issuer, **changes)
    assert refused(build({"signed": asked}), OPAQUE).code == "introspection_failed"
    server.answer = signed(issuer)
    assert build({"signed": asked, "life": 1}).verify(OPAQUE).subject == "alice"


def test_a_signed_answer_by_another_key_is_refused(build: Build, server: Server, issuer: LocalIssuer) -> None:
    stranger = LocalIssuer(algorithm="ES256").current
    server.answer = signed(issuer, key=stranger)
    assert refused(build({"signed": True}), OPAQUE).code == "introspection_failed"


def test_a_signed_answer_by_a_new_key_has_the_keys_fetched_again(
    build: Build, server: Server, issuer: LocalIssuer
) -> None:
    """By the one retry, as of a token."""
    verifier = build({"signed": True, "life": 0})
    raw = issuer.opaque(sub="alice")
    verifier.verify(raw)
    issuer.rotate(surprise=True)
    assert verifier.verify(raw).subject == "alice"
    issuer.misbehave("jwks", fault("status", code=500))
    issuer.rotate(surprise=True)
    assert refused(verifier, raw).status == 503


def test_a_signed_answer_is_no_token(build: Build, server: Server, issuer: LocalIssuer) -> None:
    """Of whatever is signed by the issuer, only an access token is one."""
    body = signed(issuer, aud=issuer.audience, exp=2_000_000, sub="alice")(None).body  # type: ignore[arg-type]
    assert refused(build(), body).code == "claims_rejected"


class Getting:
    """A transport that sends no body."""

    def get(self, request: Request, /) -> Response:
        raise AssertionError("it is refused before")


# -- how it is built ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"introspection": "secret"}, "introspection must be an Introspection"),
        ({"profile": "id"}, "introspection is for access tokens"),
        ({"profile": "logout"}, "introspection is for access tokens"),
        ({"keys": "https://issuer.example/jwks"}, "introspection needs endpoint="),
        ({"transport": Getting()}, "introspection needs a transport that sends a body"),
    ],
)
def test_what_cannot_be_is_refused_where_it_is_built(
    build: Build, settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(Misconfigured, match=told):
        build(**settings)


@pytest.mark.parametrize("endpoint", ["http://as.example/x", "as.example", 7, "https://a:b@as.example/"])
def test_an_endpoint_must_be_a_url_that_may_be_asked(build: Build, endpoint: Any) -> None:
    with pytest.raises(Misconfigured, match="endpoint cannot be asked"):
        build({"endpoint": endpoint})


def test_a_verifier_pickles_with_it_and_shows_no_secret(issuer: LocalIssuer) -> None:
    verifier = Verifier("https://issuer.example", audience="a", introspection=Introspection("us", SECRET))
    again = pickle.loads(pickle.dumps(verifier))
    assert again._issuer.trust.introspection == Introspection("us", SECRET)
    for shown in (repr(verifier), repr(again), repr(again._issuer.trust)):
        assert SECRET not in shown


def test_of_several_issuers_one_is_asked_about_opaque_tokens(
    issuer: LocalIssuer, server: Server, clock: Clock
) -> None:
    """They name none. JWTs go to their own issuer, and a second introspection is ambiguous."""
    other = Trust("https://other.example", "a", keys=rightkey.KeySet(()))
    own = Trust(issuer.url, issuer.audience, introspection=Introspection("us", SECRET))
    verifier = Verifier.of(other, own, transport=server, clock=clock)
    assert verifier.verify(issuer.opaque(sub="alice")).subject == "alice"
    assert verifier.verify(issuer.token(sub="bob")).subject == "bob"
    with pytest.raises(TokenRejected, match="not active"):
        verifier.verify(OPAQUE)
    with pytest.raises(Misconfigured, match="one of several issuers"):
        Verifier.of(
            own,
            Trust("https://third.example", "a", introspection=Introspection("us", SECRET)),
            transport=server,
        )


# -- how it is told ----------------------------------------------------------------------------------


def test_the_path_is_told_step_by_step(build: Build, server: Server, issuer: LocalIssuer) -> None:
    verifier = build()
    good = verifier.explain(issuer.opaque(sub="alice"))
    assert good.verified is not None
    told = {step.step: step.outcome for step in good.steps}
    assert told == {
        "token": "ok",
        **dict.fromkeys(("algorithm", "metadata", "keys", "key", "signature", "certificate"), "skipped"),
        "introspection": "ok",
        "claims": "ok",
        "requirements": "ok",
    }
    bad = verifier.explain(OPAQUE)
    assert bad.error is not None
    assert bad.error.code == "token_inactive"
    assert next(step for step in bad.steps if step.outcome == "failed").step == "introspection"
    assert OPAQUE not in repr(bad.steps)


def test_a_meter_and_listeners_are_told_as_of_jwts(build: Build, server: Server, issuer: LocalIssuer) -> None:
    class Meter:
        def __init__(self) -> None:
            self.codes: list[str] = []

        def __call__(self, event: Any) -> None:
            self.codes.append(type(event).__name__)

        def judged(self, issuer: str, code: str, seconds: float, /) -> None:
            self.codes.append(code)

    meter = Meter()
    verifier = build(listener=meter)
    verifier.verify(issuer.opaque())
    refused(verifier, OPAQUE)
    assert [code for code in meter.codes if code != "KeysFetched"] == [
        "verified",
        "token_inactive",
        "TokensRefused",
    ]


@pytest.mark.slow
def test_a_verifier_without_it_loads_nothing_of_it() -> None:
    """Nor does the package itself."""
    loaded = loaded_after(
        "import rightkey; rightkey.Verifier('https://a.example', audience='a', keys=rightkey.KeySet(()))"
    )
    assert {
        one for one in loaded if "introsp" in one or one.endswith(("jose.opaque", "jose.signing"))
    } == set()
