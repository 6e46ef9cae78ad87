"""Sources: keys that are fixed, and what a caller is told whose time is up before there is an answer."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.conftest import signing_key

import rightkey
from rightkey.exchange import Request, Response
from rightkey.freshness.record import Record
from rightkey.jose.jws import read
from rightkey.localissuer import LocalIssuer, mint
from rightkey.localissuer.keys.selfsigned import pem
from rightkey.localissuer.keys.signing import Form, SigningKey
from rightkey.sources.fixed import Fixed
from rightkey.sources.jobs import JOBS, MAX_HUNG
from rightkey.sources.source import Located
from rightkey.verdict.held import NeedsNewer, Outlook


class Stalling:
    """A transport that answers by a local issuer in process, until it stalls."""

    def __init__(self, issuer: LocalIssuer) -> None:
        self.inner = issuer.transport()
        self.stalls = False
        self.end = threading.Event()

    def get(self, request: Request, /) -> Response:
        if self.stalls:
            self.end.wait(60)
        return self.inner.get(request)


@pytest.fixture
def issuer() -> LocalIssuer:
    return LocalIssuer(algorithm="ES256", url="https://issuer.example/")


@pytest.fixture
def stalling(issuer: LocalIssuer) -> Iterator[Stalling]:
    transport = Stalling(issuer)
    yield transport
    transport.end.set()
    for thread in [one for one in threading.enumerate() if one.name == "rightkey"]:
        thread.join(60)


def verifier(issuer: LocalIssuer, transport: Stalling) -> rightkey.Verifier:
    """One that waits for a moment alone, once it has keys."""
    made = rightkey.Verifier(issuer.url, audience=issuer.audience, transport=transport, remember=0)
    made.prepare()
    made._issuer.remotes[0].wait = 0.3
    transport.stalls = True
    return made


def test_fixed_keys_have_nothing_newer(issuer: LocalIssuer) -> None:
    """There is no job, and no wait."""
    keys = rightkey.KeySet.parse({"keys": [key.public_jwk() for key in issuer.keys]})
    source = Fixed(keys, Record("issuer"))
    need = NeedsNewer("nothing_fits", read(issuer.token()).header)
    assert source.newer(need, 0, None) == source.unanswered(need, 0) == Outlook()
    assert source.held().keys is keys
    assert source.located().keys is keys
    assert source.wait == 0.0
    assert (source.status().ready, source.status().keys) == (True, 2)
    source.located().require_keys(fresh=True)


@pytest.mark.slow
def test_a_caller_whose_time_is_up_is_told_to_come_again(issuer: LocalIssuer, stalling: Stalling) -> None:
    """It cannot be known whether an unknown kid is good: 503, and never 401. A known one never waits."""
    made = verifier(issuer, stalling)
    stranger = SigningKey.generate("ES256", Form(certificates=False), kid="new")
    with pytest.raises(rightkey.IssuerUnavailable) as caught:
        made.verify(issuer.token(key=stranger))
    assert caught.value.retry_after
    assert made.verify(issuer.token(sub="alice")).subject == "alice"


@pytest.mark.slow
def test_a_bad_signature_stays_one_though_nobody_answers(issuer: LocalIssuer, stalling: Stalling) -> None:
    """401, whether or not it could be asked again."""
    made = verifier(issuer, stalling)
    forger = SigningKey.generate("ES256", Form(certificates=False), kid=issuer.current.kid)
    with pytest.raises(rightkey.TokenRejected) as caught:
        made.verify(issuer.token(key=forger))
    assert caught.value.code == "signature_invalid"


@pytest.mark.slow
def test_a_cold_caller_whose_time_is_up_is_told_to_come_again(
    issuer: LocalIssuer, stalling: Stalling
) -> None:
    """And a caller that comes while it is too early to ask is told at once."""
    stalling.stalls = True
    cold = rightkey.Verifier(
        issuer.url, audience=issuer.audience, transport=stalling, freshness=rightkey.Freshness(wait=0.2)
    )
    for _ in range(3):
        with pytest.raises(rightkey.IssuerUnavailable):
            cold.verify(issuer.token())


class Mapped:
    """A transport to an issuer that publishes a map of key ids to certificates."""

    def __init__(self, *keys: SigningKey) -> None:
        self.keys: tuple[SigningKey, ...] = keys
        self.asked: list[str] = []

    def get(self, request: Request, /) -> Response:
        self.asked.append(request.url)
        document = {key.kid or "": pem(key.certificate or b"").decode() for key in self.keys}
        return Response(200, {"cache-control": "max-age=600"}, json.dumps(document).encode())


def test_a_map_of_certificates_is_kept_fresh_as_a_key_set_is() -> None:
    """Fetched once, and once more for a key that was never seen."""
    old, new = (signing_key("RS256", kid, True) for kid in ("old", "new"))
    transport, url = Mapped(old), "https://keys.example/x509"
    made = rightkey.Verifier(
        "any name", audience="api", keys=url, transport=transport, elapsed=lambda: 1000.0
    )
    claims = {"iss": "any name", "aud": "api", "exp": time.time() + 3600}
    for _ in range(3):
        assert made.verify(mint(old, claims)).key.certificate is not None
    transport.keys = (new, old)
    assert made.verify(mint(new, claims)).key.kid == "new"
    assert transport.asked == [url, url]
    assert made.status().fresh_for == 600


def test_a_draw_is_given_back_where_no_thread_can_be_started(issuer: LocalIssuer, no_thread: Any) -> None:
    """Nothing was asked for it; nor where too many threads hang already."""
    how: Any = {"transport": issuer.transport(), "elapsed": lambda: 0.0}
    made = rightkey.Verifier(issuer.url, audience=issuer.audience, **how)
    made.prepare()
    stranger = SigningKey.generate("ES256", Form(certificates=False), kid="new")
    with no_thread(), pytest.raises(rightkey.IssuerUnavailable):
        made.verify(issuer.token(key=stranger))
    assert made.status().draws == 2
    remote = made._issuer.remotes[0]
    JOBS._hung[remote] = MAX_HUNG
    with pytest.raises(rightkey.RightkeyError):
        made.verify(issuer.token(key=stranger))
    del JOBS._hung[remote]
    assert made.status().draws == 2


def test_what_is_located_says_why_there_are_no_keys() -> None:
    """What failed; or that no attempt has come to an end."""
    with pytest.raises(rightkey.IssuerUnavailable, match="no attempt has come to an end"):
        Located(None, origin="of issuer.example").require_keys(fresh=False)
    Located(rightkey.KeySet(())).require_keys(fresh=True)
    failed = rightkey.IssuerMisbehaved("keyset_invalid", "no")
    parts = (Located(rightkey.KeySet(())), Located(None, failure=failed))
    with pytest.raises(rightkey.IssuerMisbehaved):
        Located(None, parts=parts).require_keys(fresh=False)
