"""Keys that are published one by one: AWS's load balancers, whose tokens say in the header whose they are."""

from __future__ import annotations

import base64
from typing import Any
from uuid import UUID

import orjson
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import rightkey
from rightkey import AsyncVerifier, FirstOf, KeySet, Verifier
from rightkey.exchange import ExchangeFailed, Request, Response
from rightkey.jose.jws import read
from rightkey.localissuer.keys.signing import Form, SigningKey
from rightkey.sources.by_kid import MAX_IN_USE, MAX_UNUSED
from rightkey.verdict.held import NeedsNewer, Outlook

NOW = 1_000_000.0
ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/api/60dc6c495c0c9188"
KID, OTHER = "0d2f4a68-1b3c-4d5e-8f70-91a2b3c4d5e6", "1d2f4a68-1b3c-4d5e-8f70-91a2b3c4d5e6"
WHERE = "https://public-keys.auth.elb.eu-west-1.amazonaws.com/"
KEY, STRANGER = (SigningKey.generate("ES256", Form(certificates=False), kid="x") for _ in "ab")


def pem(key: SigningKey) -> bytes:
    return key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class Aws:
    """The endpoint of the keys, which counts."""

    def __init__(self) -> None:
        self.keys = {KID: pem(KEY)}
        self.asked: list[str] = []
        self.down = False

    def get(self, request: Request, /) -> Response:
        assert request.url.startswith(WHERE)
        self.asked.append(request.url.removeprefix(WHERE))
        if self.down:
            raise ExchangeFailed("timeout", "no answer")
        body = self.keys.get(self.asked[-1])
        return Response(403, {}, b"") if body is None else Response(200, {}, body)


@pytest.fixture
def aws() -> Aws:
    return Aws()


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def verifier(aws: Aws, now: list[float]) -> Verifier:
    return Verifier(ARN, audience="client", transport=aws, clock=lambda: NOW + now[0], elapsed=lambda: now[0])


def token(key: SigningKey = KEY, payload: dict[str, Any] | None = None, **header: Any) -> str:
    """As AWS makes them: padded, with whose it is in the header."""
    members = {"alg": "ES256", "kid": KID, "signer": ARN, "iss": "https://idp.example", "client": "client"}
    members |= {"exp": int(NOW) + 60} | header
    parts = [{n: v for n, v in members.items() if v is not None}, payload or {"sub": "alice"}]
    signed = b".".join(base64.urlsafe_b64encode(orjson.dumps(part)) for part in parts)
    return (signed + b"." + base64.urlsafe_b64encode(key.sign(signed))).decode()


def code(verifier: Verifier, raw: str) -> str | None:
    try:
        verifier.verify(raw)
    except rightkey.RightkeyError as error:
        return error.code
    return None


def test_a_token_of_the_load_balancer_verifies_by_the_key_that_it_names(verifier: Verifier, aws: Aws) -> None:
    """Which is asked for once; the claims are the payload's."""
    for _ in range(3):
        verified = verifier.verify(token())
        assert (verified.subject, verified.key.kid) == ("alice", KID)
    assert aws.asked == [KID]
    assert verifier.explain(token()).verified is not None


async def verified(aws: Aws) -> str | None:
    verifier = AsyncVerifier(ARN, audience="client", transport=aws, clock=lambda: NOW, elapsed=lambda: 0.0)
    await verifier.prepare()
    return (await verifier.verify(token())).subject


def test_tasks_do_the_same(aws: Aws) -> None:
    import asyncio

    assert asyncio.run(verified(aws)) == "alice"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"signer": ARN.replace("api", "mine")}, "issuer_not_trusted"),
        ({"signer": ARN + "0"}, "issuer_not_trusted"),
        ({"signer": None}, "issuer_not_trusted"),
        ({"signer": [ARN]}, "issuer_not_trusted"),
        ({"client": "other"}, "claims_rejected"),
        ({"client": None}, "claims_rejected"),
        ({"exp": int(NOW)}, "claims_rejected"),
        ({"exp": None}, "claims_rejected"),
        ({"alg": "none"}, "algorithm_not_allowed"),
    ],
    ids=str,
)
def test_a_token_of_anybody_else_costs_no_request(
    verifier: Verifier, aws: Aws, header: dict[str, Any], expected: str
) -> None:
    """ALBeast: an attacker with a load balancer of his own has tokens that AWS signed."""
    payload = {"sub": "alice", "iss": ARN, "aud": "client", "exp": int(NOW) + 60}
    assert code(verifier, token(payload=payload, **header)) == expected
    assert aws.asked == []


@pytest.mark.parametrize("kid", ["../x", "a", "", KID + "/", KID.upper(), KID + "\n", "%2e", KID[:-1], None])
def test_only_a_guid_becomes_part_of_a_url(verifier: Verifier, aws: Aws, kid: str | None) -> None:
    assert code(verifier, token(kid=kid)) == "key_not_found"
    assert aws.asked == []


def test_parts_are_padded_and_in_one_spelling(verifier: Verifier) -> None:
    """Without padding, or with more, it is another text with the same meaning."""
    raw = token()
    assert code(verifier, raw) is None
    for other in (raw.replace("=", ""), raw + "=", raw + "====", raw[:-1], raw.replace(".", "=.", 1)):
        assert code(verifier, other) == "token_malformed"


def test_a_key_proves_nothing_under_another_key_id(verifier: Verifier, aws: Aws) -> None:
    """Each is tried for its own key id alone."""
    aws.keys[OTHER] = pem(STRANGER)
    assert code(verifier, token()) is None
    assert code(verifier, token(STRANGER, kid=OTHER)) is None
    assert code(verifier, token(STRANGER)) == "signature_invalid"
    assert code(verifier, token(kid=OTHER)) == "signature_invalid"


def test_a_flood_of_made_up_key_ids_is_bounded(verifier: Verifier, aws: Aws, now: list[float]) -> None:
    """By one budget for all; a key at hand serves meanwhile, and a new one is found when it has refilled."""
    assert code(verifier, token()) is None
    for number in range(200):
        assert code(verifier, token(kid=str(UUID(int=number)))) == "key_not_found"
        assert code(verifier, token()) is None
    assert len(aws.asked) <= 3
    aws.keys[OTHER] = pem(STRANGER)
    now[0] = 11.0
    assert code(verifier, token(STRANGER, kid=OTHER)) is None


def test_what_has_verified_a_token_is_never_pushed_out(
    verifier: Verifier, aws: Aws, now: list[float]
) -> None:
    """Not by key ids that do not exist, nor by ones that exist and have verified nothing: at this endpoint
    every customer of the region has keys."""
    assert code(verifier, token()) is None
    for number in range(3 * MAX_UNUSED):
        now[0] += 20.0
        kid = str(UUID(int=number))
        if number % 2:
            aws.keys[kid] = pem(STRANGER)
        code(verifier, token(kid=kid, exp=int(NOW) + 10_000))
    source: Any = verifier._one.source
    assert list(source._in_use) == [KID]
    assert len(source._unused) == MAX_UNUSED
    asked = len(aws.asked)
    assert code(verifier, token(exp=int(NOW) + 10_000)) is None
    assert len(aws.asked) - asked <= 1  # its own refresh


def test_what_is_in_use_is_bounded_by_use(verifier: Verifier, aws: Aws, now: list[float]) -> None:
    """Of more keys that verify than are kept, the least recently used goes."""
    kids = [str(UUID(int=number)) for number in range(MAX_IN_USE + 1)]
    for kid in kids:
        now[0] += 10.0
        aws.keys[kid] = pem(KEY)
        assert code(verifier, token(kid=kid, exp=int(NOW) + 10_000)) is None
        assert code(verifier, token(kid=kids[0], exp=int(NOW) + 10_000)) is None
    source: Any = verifier._one.source
    assert len(source._in_use) == MAX_IN_USE
    assert kids[0] in source._in_use
    assert kids[1] not in source._in_use


@pytest.mark.slow
def test_one_budget_for_all_keys_of_an_issuer(verifier: Verifier, aws: Aws, now: list[float]) -> None:
    """Forged signatures under many known key ids draw from it together."""
    kids = [str(UUID(int=number)) for number in range(16)]
    for kid in kids:
        now[0] += 10.0
        aws.keys[kid] = pem(KEY)
        assert code(verifier, token(kid=kid, exp=int(NOW) + 10_000)) is None
    now[0] += 100.0
    asked = len(aws.asked)
    for _ in range(60):
        for kid in kids:
            code(verifier, token(STRANGER, kid=kid, exp=int(NOW) + 10_000))
        now[0] += 1.0
    assert len(aws.asked) - asked <= 2 + 60 / 10 + len(kids)  # each may be refreshed as well


def test_a_key_id_that_the_budget_denied_is_not_confirmed(verifier: Verifier, now: list[float]) -> None:
    """401 by rule 5, and the error says when to try again."""
    for number in range(2):
        code(verifier, token(kid=str(UUID(int=number))))
    with pytest.raises(rightkey.TokenRejected) as caught:
        verifier.verify(token(kid=OTHER))
    assert (caught.value.code, caught.value.confirmed, caught.value.retry_after) == (
        "key_not_found",
        False,
        10.0,
    )


def test_an_outage_is_nobodys_fault_but_the_issuers(verifier: Verifier, aws: Aws, now: list[float]) -> None:
    """503, and not 401; keys at hand serve on."""
    assert code(verifier, token()) is None
    aws.down = True
    assert code(verifier, token(kid=OTHER)) == "keys_unavailable"
    assert code(verifier, token()) is None


def test_what_is_no_key_is_an_outage(verifier: Verifier, aws: Aws) -> None:
    """HTML, or a PEM with a private key, which the world has then."""
    aws.keys[KID] = b"<html>"
    assert code(verifier, token()) == "keys_unavailable"
    aws.keys[OTHER] = b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
    assert code(verifier, token(kid=OTHER)) == "keys_unavailable"


def test_how_things_are(verifier: Verifier, aws: Aws) -> None:
    """Nothing is known before a token comes, and nothing asked for."""
    with pytest.raises(rightkey.Misconfigured):
        verifier.status()
    verifier.prepare()
    assert verifier.explain(token(signer="x")).error is not None
    assert aws.asked == []
    verifier.verify(token())
    assert (verifier.status().keys, verifier.status().ready) == (1, True)
    assert verifier.explain(token()).verified is not None


def test_keys_are_fetched_anew_and_distrusted_like_any(verifier: Verifier, aws: Aws) -> None:
    """Of those that a token has named."""
    verifier.verify(token())
    verifier.refresh()
    assert aws.asked == [KID, KID]
    aws.down = True
    with pytest.raises(rightkey.IssuerUnavailable):
        verifier.refresh()
    verifier.distrust(KID)
    assert code(verifier, token()) == "key_not_found"


def test_a_key_may_be_distrusted_before_a_token_has_named_it(verifier: Verifier, aws: Aws) -> None:
    """Distrust belongs to the issuer, and not to what was fetched of it so far."""
    verifier.distrust(KID)
    assert code(verifier, token()) == "key_not_found"


def test_there_is_no_set_of_them_to_locate() -> None:
    with pytest.raises(rightkey.Misconfigured, match="one by one"):
        rightkey.locate(ARN)
    with pytest.raises(rightkey.Misconfigured):
        Verifier(ARN, audience="client", provider=None)
    with pytest.raises(rightkey.Misconfigured):
        Verifier("arn:aws:s3:::bucket", audience="client")


def test_a_key_that_could_not_be_asked_for_in_time_is_unavailable(verifier: Verifier, no_thread: Any) -> None:
    """503: whether it exists is not known."""
    with no_thread():
        assert code(verifier, token()) == "keys_unavailable"
    source: Any = verifier._issuer.source
    need = NeedsNewer("nothing_fits", read(token(kid=OTHER), padded=True).header)
    assert source.unanswered(need, 0) == Outlook()


def test_a_key_that_is_no_longer_kept_proves_nothing(verifier: Verifier) -> None:
    """It may have been let go while its token was verified."""
    key = verifier.verify(token()).key
    source: Any = verifier._issuer.source
    source._in_use.clear()
    source.mark_in_use(key)
    assert not source._in_use


def test_one_key_fetched_serves_every_verifier(aws: Aws, now: list[float]) -> None:
    """And every one of them keeps it before what strangers name."""
    means: dict[str, Any] = {"clock": lambda: NOW, "elapsed": lambda: now[0]}
    verifiers = [Verifier(ARN, audience="client", transport=aws, **means) for _ in range(4)]
    assert [code(one, token()) for one in verifiers] == [None] * 4
    assert aws.asked == [KID]


@pytest.mark.slow
def test_key_ids_that_do_not_exist_are_asked_about_within_the_budget(
    verifier: Verifier, aws: Aws, now: list[float]
) -> None:
    """Again and again the same ones, each after its own pause: all of it draws."""
    kids = [str(UUID(int=number)) for number in range(MAX_UNUSED)]
    for _ in range(600):
        for kid in kids:
            code(verifier, token(kid=kid, exp=int(NOW) + 10_000))
        now[0] += 1.0
    assert len(aws.asked) <= 2 + 600 / 10


def test_a_key_past_its_life_serves_while_its_place_hangs(
    verifier: Verifier, aws: Aws, now: list[float]
) -> None:
    """The caller waits for one attempt, which draws nothing, and is served what is held, as anywhere else."""
    assert code(verifier, token(exp=int(NOW) + 10_000)) is None
    for number in range(4):
        code(verifier, token(kid=str(UUID(int=number))))
    aws.down = True
    now[0] = 700.0
    assert code(verifier, token(exp=int(NOW) + 10_000)) is None


def test_behind_keys_of_ones_own_what_has_verified_a_token_is_kept(aws: Aws, now: list[float]) -> None:
    """`FirstOf` tells its sources: a flood of made-up key ids does not push that key out."""
    keys = FirstOf(KeySet(()), None)
    verifier = Verifier(
        ARN,
        audience="client",
        keys=keys,
        provider="aws-alb",
        transport=aws,
        clock=lambda: NOW,
        elapsed=lambda: now[0],
    )
    assert code(verifier, token()) is None
    for number in range(40):
        now[0] += 10
        code(verifier, token(kid=f"00000000-0000-0000-0000-{number:012}"))
    asked = len(aws.asked)
    assert code(verifier, token()) is None
    assert len(aws.asked) == asked
