"""attempt: the order of judgements, what newer keys may mend, and what is remembered."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

import rightkey
from rightkey.jose.jws import read, signature_invalid
from rightkey.jose.keyset import KeySet
from rightkey.localissuer import LocalIssuer, mint
from rightkey.localissuer.keys.signing import Form, SigningKey
from rightkey.policy.trust import Trust
from rightkey.verdict.attempt import Demands, attempt, not_trusted
from rightkey.verdict.held import NOTHING, Held, NeedsNewer
from rightkey.verdict.memory import Memory
from rightkey.verdict.verified import Verified

NOW = 1_000_000.0
ISSUER = "https://issuer.example/"
CLAIMS = {"iss": ISSUER, "aud": "api", "exp": NOW + 60, "sub": "alice", "scope": "read:x"}
TRUST = Trust(ISSUER, audience="api")


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return SigningKey.generate("ES256", Form(certificates=False), kid="k")


@pytest.fixture(scope="module")
def held(key: SigningKey) -> Held:
    return Held(KeySet.parse({"keys": [key.public_jwk()]}))


def rejected(call: Callable[[], Any]) -> rightkey.TokenRejected:
    with pytest.raises(rightkey.TokenRejected) as caught:
        call()
    return caught.value


def test_a_good_token_is_verified(key: SigningKey, held: Held) -> None:
    """With its claims, header and key; and nothing of it in its repr but issuer and kid."""
    token = attempt(TRUST, mint(key, CLAIMS), held, NOW)
    assert (token.subject, token.issuer, token.scopes, token.key.kid) == ("alice", ISSUER, {"read:x"}, "k")
    assert token.header["alg"] == "ES256"
    assert repr(token) == f"Verified(issuer={ISSUER!r}, kid='k')"
    token.require()
    token.require("read:x")


def test_what_is_not_granted_is_named(key: SigningKey, held: Held) -> None:
    """By the trust, by the call, and by the token itself: 403 each time, and after the signature only."""
    raw = mint(key, CLAIMS)
    strict = Trust(ISSUER, audience="api", require=["read:x", "write:x"])
    asked = Demands(Trust(ISSUER, audience="api", require="write:x").requirement)
    for call in (
        lambda: attempt(strict, raw, held, NOW),
        lambda: attempt(TRUST, raw, held, NOW, asked),
        lambda: attempt(TRUST, raw, held, NOW).require("write:x"),
    ):
        error = rejected(call)
        assert isinstance(error, rightkey.InsufficientScope)
        assert (error.status, error.missing) == (403, "write:x")
    assert isinstance(attempt(strict, raw, NOTHING, NOW), NeedsNewer)


def test_claims_are_judged_before_keys_are_needed(key: SigningKey) -> None:
    """What is meant for another audience costs nothing."""
    error = rejected(lambda: attempt(TRUST, mint(key, CLAIMS | {"aud": "other"}), NOTHING, NOW))
    assert error.code == "claims_rejected"


def test_every_failure_is_told_at_once(key: SigningKey, held: Held) -> None:
    """Each claim once, in data; the message names claims and reasons, and no value."""
    wrong = CLAIMS | {"aud": "secret-audience", "exp": 5, "nbf": NOW + 99, "sub": 7, "iat": "secret-time"}
    error = rejected(lambda: attempt(TRUST, mint(key, wrong, header={"typ": "dpop+jwt"}), held, NOW))
    assert error.expired
    assert {failure.claim for failure in error.failures} == {"aud", "exp", "nbf", "sub", "iat", "typ"}
    assert len(error.failures) == 6
    assert "secret" not in f"{error} {error!r} {error.failures}"


@pytest.mark.parametrize(
    ("iss", "words", "hint"),
    [
        ("https://issuer.example", "not trusted", "only the slash"),
        ("https://other.example/", "not trusted", None),
        (None, "names no issuer", None),
        (["https://issuer.example/"], "not a string", None),
    ],
)
def test_a_token_of_another_issuer_is_not_trusted(
    key: SigningKey, held: Held, iss: Any, words: str, hint: Any
) -> None:
    """And a slash at the end is told."""
    error = rejected(lambda: attempt(TRUST, mint(key, CLAIMS | {"iss": iss}), held, NOW))
    assert error.code == "issuer_not_trusted"
    assert words in str(error)
    assert (hint in str(error.hint)) if hint else error.hint is None


def test_what_metadata_states_narrows_a_domain(key: SigningKey, held: Held) -> None:
    """Before it is read either spelling passes."""
    trust, raw = Trust("issuer.example", audience="api"), mint(key, CLAIMS)
    attempt(trust, raw, held, NOW)
    attempt(trust, raw, Held(held.keys, (ISSUER,)), NOW)
    error = rejected(lambda: attempt(trust, raw, Held(held.keys, ("https://issuer.example",)), NOW))
    assert error.code == "issuer_not_trusted"


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"not json", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"a":' + b"[" * 50 + b"]" * 50 + b"}", "nested"),
    ],
)
def test_a_payload_that_is_no_object_is_malformed(
    key: SigningKey, held: Held, token: Callable[..., str], payload: bytes, words: str
) -> None:
    """Bounded like everything that comes from outside."""
    error = rejected(lambda: attempt(TRUST, token(key, payload, kid="k"), held, NOW))
    assert error.code == "token_malformed"
    assert words in str(error)


@pytest.mark.parametrize("cty", ["JWT", "jwt", "application/jwt"])
def test_a_token_in_a_token_is_refused(key: SigningKey, held: Held, cty: str) -> None:
    """CVE-2026-29000: what is inside would not be read."""
    error = rejected(lambda: attempt(TRUST, mint(key, CLAIMS, header={"cty": cty}), held, NOW))
    assert error.code == "token_malformed"


def test_what_newer_keys_may_mend(key: SigningKey, held: Held) -> None:
    """No keys, none that fits, and a signature that fails; with the verdict if they cannot."""
    stranger = SigningKey.generate("ES256", Form(certificates=False), kid="new")
    swapped = SigningKey.generate("ES256", Form(certificates=False), kid="k")
    for raw, at_hand, reason, code in (
        (mint(key, CLAIMS), NOTHING, "no_keys", None),
        (mint(stranger, CLAIMS), held, "nothing_fits", "key_not_found"),
        (mint(swapped, CLAIMS), held, "signature", "signature_invalid"),
    ):
        need = attempt(TRUST, raw, at_hand, NOW)
        assert isinstance(need, NeedsNewer)
        assert need.reason == reason
        assert (need.error.code if need.error else None) == code


def test_keys_that_were_tried_are_not_tried_again(key: SigningKey, held: Held) -> None:
    """Only what is new may mend it."""
    raw = mint(key, CLAIMS)
    header = read(raw).header
    before = NeedsNewer("signature", header, signature_invalid(header), tuple(held.keys or ()))
    assert isinstance(attempt(TRUST, raw, held, NOW, before=before), NeedsNewer)


def test_a_header_that_names_a_leaked_key_is_final(key: SigningKey) -> None:
    """Newer keys will not mend that."""
    leaked = Held(KeySet.parse({"keys": [key.private_jwk()]}, published=True))
    assert rejected(lambda: attempt(TRUST, mint(key, CLAIMS), leaked, NOW)).code == "key_not_found"


def test_a_header_that_names_a_skipped_key_may_be_mended(key: SigningKey) -> None:
    """A member that is broken in one answer may be whole in the next."""
    skipping = Held(KeySet.parse({"keys": [key.public_jwk() | {"use": "enc"}]}))
    need = attempt(TRUST, mint(key, CLAIMS), skipping, NOW)
    assert isinstance(need, NeedsNewer)
    assert need.reason == "nothing_fits"


def test_a_key_with_the_certificate_of_another_is_refused() -> None:
    """By default; `ignore` looks at none. A sound key of the same kid serves."""
    one, other = (SigningKey.generate("ES256", Form(), kid="k") for _ in range(2))
    mixed = one.public_jwk() | {"x5c": other.public_jwk()["x5c"]}
    raw, held = mint(one, CLAIMS), Held(KeySet.parse({"keys": [mixed]}))
    assert rejected(lambda: attempt(TRUST, raw, held, NOW)).code == "certificate_rejected"
    assert attempt(Trust(ISSUER, audience="api", certificates="ignore"), raw, held, NOW).subject == "alice"
    both = Held(KeySet.parse({"keys": [mixed, one.public_jwk()]}))
    assert attempt(TRUST, raw, both, NOW).subject == "alice"


def test_dates_are_asked_for_with_valid() -> None:
    """At the time of the verification, also of a token that is remembered."""
    with LocalIssuer(algorithm="ES256") as issuer:
        held = Held(KeySet.parse({"keys": [key.public_jwk() for key in issuer.keys]}))
        raw = issuer.token(exp=None)
        trust = Trust(issuer.url, audience=issuer.audience, require_exp=False, certificates="valid")
        memory = Memory(8)
        now = issuer.current and held.keys and next(iter(held.keys)).certificate
        assert now is not None
        start = now.not_before.timestamp()
        assert attempt(trust, raw, held, start + 1, memory=memory).issuer == issuer.url
        error = rejected(lambda: attempt(trust, raw, held, start - 1, memory=memory))
        assert error.code == "certificate_rejected"


def test_memory_stands_for_the_signature_check_alone(key: SigningKey, held: Held) -> None:
    """Times and requirements are judged at every use, and no two callers share a dict."""
    memory, raw = Memory(8), mint(key, CLAIMS | {"permissions": ["read"]})
    for _ in range(4):
        token = attempt(TRUST, raw, held, NOW, memory=memory)
        assert isinstance(token, Verified)
        assert token.claims == CLAIMS | {"permissions": ["read"]}
        token.claims["permissions"].append("write")
        token.claims["sub"] = "mallory"
    assert rejected(lambda: attempt(TRUST, raw, held, NOW + 61, memory=memory)).expired
    assert isinstance(attempt(TRUST, raw, Held(KeySet(())), NOW, memory=memory), NeedsNewer)


@pytest.mark.parametrize("leeway", [0, 5])
def test_a_remembered_token_has_its_time(key: SigningKey, held: Held, leeway: float) -> None:
    """To the second: on `nbf` it is good, on `exp` it has expired, and before `nbf` it is not yet valid."""
    trust, memory = Trust(ISSUER, audience="api", leeway=leeway), Memory(8)
    raw = mint(key, CLAIMS | {"nbf": NOW})
    for moment in (NOW, NOW - leeway, NOW + 59 + leeway):
        assert attempt(trust, raw, held, moment, memory=memory).subject == "alice"
    for moment, reason in ((NOW + 60 + leeway, "expired"), (NOW - leeway - 1, "not_yet_valid")):
        for asked in (Demands(), Demands(nonce="n")):
            error = rejected(lambda at=moment, asked=asked: attempt(trust, raw, held, at, asked, memory))
            assert reason in [failure.reason for failure in error.failures]
    assert len(memory) == 1


def test_a_remembered_token_without_times_has_none(key: SigningKey, held: Held) -> None:
    """Where `exp` is not required it passes for ever."""
    trust, memory = Trust(ISSUER, audience="api", require_exp=False), Memory(8)
    raw = mint(key, {name: value for name, value in CLAIMS.items() if name != "exp"})
    for moment in (NOW, 0.0, 1e12):
        assert attempt(trust, raw, held, moment, memory=memory).subject == "alice"


def test_a_remembered_token_is_judged_anew_where_more_is_asked_or_stated(key: SigningKey, held: Held) -> None:
    """A nonce of this call; metadata that spell the issuer in another way now."""
    trust, memory, raw = (
        Trust("issuer.example", audience="api"),
        Memory(8),
        mint(key, CLAIMS),
    )
    attempt(trust, raw, held, NOW, memory=memory)
    assert (
        rejected(lambda: attempt(trust, raw, held, NOW, Demands(nonce="n"), memory)).code == "claims_rejected"
    )
    attempt(trust, raw, Held(held.keys, (ISSUER,)), NOW, memory=memory)
    stated = Memory(8)
    attempt(trust, raw, Held(held.keys, (ISSUER,)), NOW, memory=stated)
    assert (entry := stated.entry(raw)) is not None
    assert entry.expected == (ISSUER,)
    moved = Held(held.keys, ("https://issuer.example",))
    assert rejected(lambda: attempt(trust, raw, moved, NOW, memory=memory)).code == "issuer_not_trusted"


def test_a_remembered_token_is_not_verified_anew(key: SigningKey, held: Held) -> None:
    """That is what the memory is for; by the same set, and at another time."""
    memory, raw = Memory(8), mint(key, CLAIMS)
    attempt(TRUST, raw, held, NOW, memory=memory)
    first = memory.entry(raw)
    assert first is not None
    for asked in (Demands(), Demands(max_age=None)):
        attempt(TRUST, raw, held, NOW + 1, asked, memory)
        assert memory.entry(raw) is first
    assert first.mark is not None
    assert first.expected is None


def test_what_one_trust_takes_another_judges_itself(key: SigningKey, held: Held) -> None:
    """Two trusts may share a memory: a token for any API is none for this one."""
    memory, raw = Memory(8), mint(key, CLAIMS | {"aud": "other"})
    loose = Trust(ISSUER, audience=rightkey.ANY)
    for _ in range(2):
        assert attempt(loose, raw, held, NOW, memory=memory).subject == "alice"
        assert rejected(lambda: attempt(TRUST, raw, held, NOW, memory=memory)).code == "claims_rejected"


def test_a_header_is_read_once(key: SigningKey, held: Held) -> None:
    """Tokens of one key have one header: it is kept as it was read, and shared."""
    memory = Memory(8)
    one, other = (
        attempt(TRUST, mint(key, CLAIMS | {"jti": jti}), held, NOW, memory=memory) for jti in ("1", "2")
    )
    assert isinstance(one, Verified)
    assert isinstance(other, Verified)
    assert one._header is other._header
    assert list(memory.headers.values()) == [one._header]


def test_what_the_call_demands_is_judged_of_a_new_token(key: SigningKey, held: Held) -> None:
    """A nonce, the hash of the access token by the algorithm's hash, and the audience of `azp`."""
    raw = mint(key, CLAIMS | {"nonce": "n"})
    assert rejected(lambda: attempt(TRUST, raw, held, NOW, Demands(nonce="m"))).failures[0].claim == "nonce"
    assert isinstance(attempt(TRUST, raw, held, NOW, Demands(nonce="n")), Verified)
    wrong = mint(key, CLAIMS | {"at_hash": "AAAA"})
    error = rejected(lambda: attempt(TRUST, wrong, held, NOW, Demands(access_token="t")))
    assert [(failure.claim, failure.reason) for failure in error.failures] == [("at_hash", "mismatch")]
    several = mint(key, CLAIMS | {"iat": NOW, "aud": ["api", "other"], "azp": "other"})
    error = rejected(lambda: attempt(Trust(ISSUER, "api", profile="id"), several, held, NOW))
    assert [(failure.claim, failure.expected) for failure in error.failures] == [("azp", ["api"])]


def test_a_token_without_an_end_is_refused(key: SigningKey, held: Held) -> None:
    """Unless it is said that it may have none."""
    raw = mint(key, {name: value for name, value in CLAIMS.items() if name != "exp"})
    error = rejected(lambda: attempt(TRUST, raw, held, NOW))
    assert [(failure.claim, failure.reason) for failure in error.failures] == [("exp", "missing")]


def test_what_is_needed_says_for_which_token(key: SigningKey, held: Held) -> None:
    """The header by which newer keys are looked for, and the keys that were tried already."""
    swapped = SigningKey.generate("ES256", Form(certificates=False), kid="k")
    stranger = SigningKey.generate("ES256", Form(certificates=False), kid="new")
    for raw, at_hand, tried in (
        (mint(key, CLAIMS), NOTHING, ()),
        (mint(stranger, CLAIMS), held, ()),
        (mint(swapped, CLAIMS), held, tuple(held.keys or ())),
    ):
        need = attempt(TRUST, raw, at_hand, NOW)
        assert isinstance(need, NeedsNewer)
        assert (need.header.kid, need.header.alg) == (read(raw).header.kid, "ES256")
        assert need.tried == tried


def test_a_signature_of_another_length_is_told(key: SigningKey, held: Held) -> None:
    """It was cut off, or is in DER (RFC 7518, section 3.4): what to do stands in the hint."""
    head, payload, signature = mint(key, CLAIMS).split(".")
    need = attempt(TRUST, f"{head}.{payload}.{signature[:40]}", held, NOW)
    assert isinstance(need, NeedsNewer)
    assert need.error is not None
    assert "cut off" in str(need.error.hint)


@pytest.mark.parametrize(
    ("issuer", "near", "reason", "hint"),
    [
        ("https://issuer.example", ISSUER, "mismatch", "only the slash"),
        ("https://issuer.example", None, "mismatch", None),
        (None, None, "missing", None),
        (7, None, "malformed", None),
    ],
)
def test_the_table_tells_an_issuer_that_it_does_not_have(
    issuer: Any, near: str | None, reason: str, hint: str | None
) -> None:
    """With the one that is near in its spelling, if there is one; others that are trusted are not told."""
    error = not_trusted(issuer, near)
    assert error.code == "issuer_not_trusted"
    assert [(one.claim, one.reason, one.expected) for one in error.failures] == [("iss", reason, ())]
    assert error.hint is None if hint is None else hint in str(error.hint)


def test_an_issuer_that_is_not_trusted_is_told_in_data(key: SigningKey, held: Held) -> None:
    """With what would have passed."""
    error = rejected(lambda: attempt(TRUST, mint(key, CLAIMS | {"iss": "https://o.example"}), held, NOW))
    assert [(one.claim, one.reason, one.expected) for one in error.failures] == [
        ("iss", "mismatch", (ISSUER,))
    ]


def test_failures_are_told_in_the_order_in_which_they_are_judged(key: SigningKey, held: Held) -> None:
    """With a hint for the first that has one; a claim that is missing is not told as malformed too."""
    wrong = CLAIMS | {"exp": 5, "nbf": NOW + 99}
    error = rejected(lambda: attempt(TRUST, mint(key, wrong), held, NOW))
    assert [failure.claim for failure in error.failures] == ["exp", "nbf"]
    assert "clock" in str(error.hint)
    for_its_client = CLAIMS | {"aud": "app", "azp": "app"}
    error = rejected(lambda: attempt(TRUST, mint(key, for_its_client), held, NOW))
    assert "for the client" in str(error.hint)


def test_a_refused_certificate_says_why() -> None:
    """To mend the key set one must know what is wrong with it."""
    one, other = (SigningKey.generate("ES256", Form(), kid="k") for _ in range(2))
    held = Held(KeySet.parse({"keys": [one.public_jwk() | {"x5c": other.public_jwk()["x5c"]}]}))
    assert "another key" in str(rejected(lambda: attempt(TRUST, mint(one, CLAIMS), held, NOW)))
    valid = Trust(ISSUER, "api", certificates="valid", require_exp=False)
    raw = mint(one, {"iss": ISSUER, "aud": "api"})
    sound = Held(KeySet.parse({"keys": [one.public_jwk()]}))
    error = rejected(lambda: attempt(valid, raw, sound, 1e12))
    assert error.code == "certificate_rejected"
    assert "was valid until" in str(error)


def test_a_load_balancers_token_is_judged_by_its_header(key: SigningKey) -> None:
    """AWS pads each part, and states whose token it is and until when in the header; remembered or not."""
    arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/api/0123456789abcdef"
    stated = {"alg": "ES256", "kid": "k", "signer": arn, "client": "client", "exp": NOW + 60, "odd": ""}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()) for part in (stated, {"sub": "alice"})]
    signed = b".".join(parts)
    raw = b".".join([signed, base64.urlsafe_b64encode(key.sign(signed))])
    assert b"=" in raw
    trust, held, memory = Trust(arn, "client"), Held(KeySet.parse({"keys": [key.public_jwk()]})), Memory(8)
    for _ in range(2):
        assert attempt(trust, raw, held, NOW + 59, memory=memory).subject == "alice"
    assert rejected(lambda: attempt(trust, raw, held, NOW + 60, memory=memory)).expired
    other = Trust(arn[:-1] + "0", "client")
    assert rejected(lambda: attempt(other, raw, held, NOW)).code == "issuer_not_trusted"
    assert rejected(lambda: attempt(TRUST, raw, held, NOW)).code == "token_malformed"
