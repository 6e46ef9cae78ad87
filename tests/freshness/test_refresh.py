"""Refresh: one run from metadata to keys, against a scripted transport."""

from __future__ import annotations

import asyncio
import itertools
import json
import pickle
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from rightkey import Freshness, IssuerMisbehaved, IssuerUnavailable
from rightkey.exchange import ExchangeFailed, Request, Response
from rightkey.freshness.documents import Direct, Document, FleetBudgetSpent, Terms
from rightkey.freshness.refresh import NoSigningKey, Place, Plan, Refresh, Refreshed
from rightkey.issuer.discovery import Metadata
from rightkey.issuer.name import Issuer
from rightkey.localissuer.keys.signing import Form, SigningKey

KEY = SigningKey.generate("ES256", Form(certificates=False), kid="a")
ISSUER = "https://issuer.example"
WELL_KNOWN = f"{ISSUER}/.well-known/openid-configuration"
OAUTH = f"{ISSUER}/.well-known/oauth-authorization-server"
OLD, NEW = f"{ISSUER}/old", f"{ISSUER}/new"
HELD = Metadata(ISSUER, OLD, (ISSUER,))
PLACE = Place("issuer.example", Issuer.parse(ISSUER))
AT_URL = Place(OLD, None, OLD)

Answer = Response | BaseException


def answer(document: Any, status: int = 200, **headers: str) -> Response:
    return Response(status, headers, json.dumps(document).encode())


def keys(*members: Any) -> Response:
    return answer({"keys": members or [KEY.public_jwk()]}, etag='"1"')


def metadata(uri: str = OLD) -> Response:
    return answer({"issuer": ISSUER, "jwks_uri": uri})


class Scripted:
    """A transport that answers each URL with what the test says, one after another; the last one lasts."""

    def __init__(self, script: dict[str, Any], passes: Callable[[], None] = lambda: None) -> None:
        self.script = {url: list(said) if isinstance(said, list) else [said] for url, said in script.items()}
        self.requests: list[Request] = []
        self.passes = passes

    def get(self, request: Request, /) -> Response:
        self.requests.append(request)
        self.passes()
        answers = self.script[request.url]
        said: Answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(said, BaseException):
            raise said
        return said

    @property
    def asked(self) -> list[str]:
        return [request.url for request in self.requests]


def facts(metadata: Metadata | None) -> tuple[str, str] | None:
    """What of metadata is looked at; the rest of its document is not."""
    return (metadata.issuer, metadata.jwks_uri) if metadata is not None else None


def run(
    transport: Scripted,
    plan: Plan = Plan(None, None),  # noqa: B008 - a frozen value
    place: Place = PLACE,
    elapsed: Callable[[], float] = lambda: 50.0,
) -> Refreshed:
    moments = itertools.count(1)
    return Refresh(place, Direct(transport), Freshness(), elapsed, lambda: next(moments)).run(plan)


def test_metadata_then_keys() -> None:
    """What came of each is told, with when its request began."""
    transport = Scripted({WELL_KNOWN: metadata(), OLD: keys()})
    came = run(transport)
    assert transport.asked == [WELL_KNOWN, OLD]
    assert came.keys is not None
    assert [key.kid for key in came.keys] == ["a"]
    assert facts(came.metadata) == facts(HELD)
    assert (came.failure, came.url, came.headers["etag"]) == (None, OLD, '"1"')
    assert (came.began, came.metadata_began, came.moment) == (50.0, 50.0, 2)
    assert came.requests == ((WELL_KNOWN, "200"), (OLD, "200"))


def test_every_request_has_its_bounds() -> None:
    """The settings' timeouts, and what is left of the whole: 8 s here, of which 5 have gone."""
    now = iter([0.0, 0.0, 0.0, 0.0, 5.0, 5.0, 5.0])
    transport = Scripted({WELL_KNOWN: metadata(), OLD: keys()})
    run(transport, elapsed=lambda: next(now))
    bounds = [(request.connect_timeout, request.timeout, request.max_body) for request in transport.requests]
    assert bounds == [(2.0, 4.0, 512 * 1024), (2.0, 3.0, 512 * 1024)]


def test_nothing_is_asked_after_the_deadline() -> None:
    """What was asked before hung, and the refresh was given up: coming back, it must not ask outside of every
    budget and pause."""
    now = iter([0.0, 0.0, 0.0, 9.0, 9.0])
    transport = Scripted({OLD: keys()})
    failure = run(transport, Plan(HELD, HELD), elapsed=lambda: next(now, 9.0)).failure
    assert failure is not None
    assert failure.code == "keys_unavailable"
    assert transport.asked == []


@pytest.mark.parametrize(
    ("raised", "why"),
    [
        (ExchangeFailed("dns", "no such host"), "no such host"),
        (OSError("secret"), "the transport raised OSError"),
    ],
)
@pytest.mark.parametrize(
    ("plan", "code", "what"),
    [(Plan(None, None), "discovery_failed", "metadata"), (Plan(HELD, HELD), "keys_unavailable", "keys")],
)
def test_a_fetch_that_fails_says_of_what_and_why(
    plan: Plan, code: str, what: str, raised: Exception, why: str
) -> None:
    """By a code for each document, and nothing of an exception that is not ours but its name."""
    failure = run(Scripted({WELL_KNOWN: raised, OLD: raised}), plan).failure
    assert isinstance(failure, IssuerUnavailable)
    assert (failure.code, str(failure)) == (code, f"the issuer's {what} could not be fetched: {why}")


def test_a_refresh_says_how_long_it_took() -> None:
    """In seconds from its beginning, whatever the clock began at."""
    clock = [100.0]
    slow = Scripted({OLD: keys()}, passes=lambda: clock.__setitem__(0, 102.5))
    assert run(slow, Plan(HELD, HELD), elapsed=lambda: clock[0]).seconds == 2.5


def test_held_metadata_is_not_asked_for_again() -> None:
    """Nor is there any for a URL that was given."""
    for plan, place in ((Plan(HELD, HELD), PLACE), (Plan(None, None), AT_URL)):
        transport = Scripted({OLD: keys()})
        assert run(transport, plan, place).metadata is None
        assert transport.asked == [OLD]


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 405, 406])
def test_rfc_8414_is_asked_where_openid_is_refused(status: int) -> None:
    """The next path after a redirect or a refusal, nothing after another failure."""
    transport = Scripted({WELL_KNOWN: answer({}, status), OAUTH: metadata(), OLD: keys()})
    assert run(transport).failure is None
    assert transport.asked == [WELL_KNOWN, OAUTH, OLD]
    transport = Scripted({WELL_KNOWN: answer({}, 503)})
    failure = run(transport).failure
    assert failure is not None
    assert failure.code == "discovery_failed"
    assert transport.asked == [WELL_KNOWN]


@pytest.mark.parametrize(
    "said",
    [answer({}, 500), answer({}, 404), Response(200, {}, b"<html>"), ExchangeFailed("timeout", "no answer")],
    ids=["500", "404", "html", "timeout"],
)
def test_old_metadata_serves_while_none_can_be_had(said: Answer) -> None:
    """The keys are asked for where they were; the metadata is no younger for it."""
    transport = Scripted({WELL_KNOWN: said, OAUTH: answer({}, 404), OLD: keys()})
    came = run(transport, Plan(None, HELD))
    assert came.keys is not None
    assert (came.metadata, came.metadata_began) == (None, None)


def test_metadata_is_kept_though_the_keys_failed() -> None:
    """A failure of the second step does not undo the first."""
    came = run(Scripted({WELL_KNOWN: metadata(), OLD: answer({}, 503, **{"retry-after": "7"})}))
    assert facts(came.metadata) == facts(HELD)
    assert isinstance(came.failure, IssuerUnavailable)
    assert (came.failure.code, came.failure.retry_after) == ("keys_unavailable", 7)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308, 403, 404, 410])
def test_keys_that_have_moved_are_looked_for(status: int) -> None:
    """The metadata is read again though it is fresh, and the keys are asked for where it says."""
    transport = Scripted({OLD: answer({}, status), WELL_KNOWN: metadata(NEW), NEW: keys()})
    came = run(transport, Plan(HELD, HELD, url=OLD, etag='"0"'))
    assert transport.asked == [OLD, WELL_KNOWN, NEW]
    assert (came.failure, came.url) == (None, NEW)
    assert "if-none-match" not in transport.requests[-1].headers  # what is held came from elsewhere
    assert facts(came.metadata) == facts(Metadata(ISSUER, NEW, (ISSUER,)))


def test_keys_whose_host_is_gone_are_looked_for() -> None:
    """A name that cannot be looked up; at the same name they are asked for once more."""
    gone = ExchangeFailed("dns", "no such name")
    assert run(Scripted({OLD: gone, WELL_KNOWN: metadata(NEW), NEW: keys()}), Plan(HELD, HELD)).url == NEW
    transport = Scripted({OLD: gone, WELL_KNOWN: metadata(OLD)})
    assert isinstance(run(transport, Plan(HELD, HELD)).failure, IssuerUnavailable)
    assert transport.asked == [OLD, WELL_KNOWN, OLD]


def test_keys_that_are_gone_and_nowhere_else() -> None:
    """Where the metadata names the same place nothing is asked twice."""
    transport = Scripted({OLD: answer({}, 404), WELL_KNOWN: metadata(OLD)})
    failure = run(transport, Plan(HELD, HELD)).failure
    assert "status 404" in str(failure)
    assert transport.asked == [OLD, WELL_KNOWN]


@pytest.mark.parametrize("gone", [answer({}, 404), ExchangeFailed("dns", "no such name")], ids=["404", "dns"])
def test_metadata_is_asked_for_once_in_a_refresh(gone: Answer) -> None:
    """Whether it was just read, or just could not be had."""
    for said, fallback in ((metadata(), None), (answer({}, 500), HELD)):
        transport = Scripted({WELL_KNOWN: said, OLD: gone})
        assert run(transport, Plan(None, fallback)).failure is not None
        assert transport.asked == [WELL_KNOWN, OLD]


@pytest.mark.parametrize(
    "said", [answer({}, 404), ExchangeFailed("dns", "x"), ExchangeFailed("refused", "x")]
)
def test_a_url_that_was_given_has_no_metadata_to_ask(said: Answer) -> None:
    """It fails as it is."""
    transport = Scripted({OLD: said})
    assert run(transport, Plan(None, None), AT_URL).failure is not None
    assert transport.asked == [OLD]


def test_a_refused_connection_is_no_move() -> None:
    """The host is there, and down."""
    transport = Scripted({OLD: ExchangeFailed("refused", "refused")})
    failure = run(transport, Plan(HELD, HELD)).failure
    assert transport.asked == [OLD]
    assert failure is not None
    assert isinstance(failure.__cause__, ExchangeFailed)


def test_a_304_says_that_nothing_has_changed() -> None:
    """Both validators are sent, to where they came from; `no-cache` where a token asked."""
    transport = Scripted({OLD: Response(304, {"etag": '"1"'}, b"")})
    came = run(transport, Plan(HELD, HELD, url=OLD, etag='"1"', modified="then", forced=True))
    assert (came.keys, came.failure, came.headers) == (None, None, {"etag": '"1"'})
    headers = transport.requests[0].headers
    assert (headers["if-none-match"], headers["if-modified-since"]) == ('"1"', "then")
    assert headers["cache-control"] == "no-cache"


def test_a_304_to_a_question_that_was_not_asked_is_a_failure() -> None:
    """Without a set from there, there is nothing that it could renew."""
    came = run(Scripted({OLD: Response(304, {}, b"")}), Plan(HELD, HELD, url=NEW, etag='"1"'))
    assert isinstance(came.failure, IssuerUnavailable)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"{",
        b"[]",
        b'{"keys": {}}',
        b'{"keys": []}',
        b'{"keys": [1]}',
        b'{"keys":[],"keys":[]}',
        b"[" * 9999,
    ],
    ids=["html", "cut", "list", "object", "empty", "numbers", "twice", "deep"],
)
def test_nonsense_with_status_200_is_the_issuers_fault(body: bytes) -> None:
    """And replaces nothing: a failure has no keys."""
    came = run(Scripted({OLD: Response(200, {}, body)}), Plan(HELD, HELD))
    assert came.keys is None
    assert isinstance(came.failure, IssuerMisbehaved)
    assert came.failure.code == "keyset_invalid"


def test_a_set_without_a_signing_key_tells_what_was_skipped() -> None:
    """A leak in it still counts; the error pickles."""
    came = run(Scripted({OLD: keys(KEY.private_jwk(), {"kty": "oct"})}), Plan(HELD, HELD))
    assert isinstance(came.failure, NoSigningKey)
    assert "private_key_published, symmetric" in str(came.failure)
    again = pickle.loads(pickle.dumps(came.failure))
    assert (str(again), again.code, again.keys.skipped) == (
        str(came.failure),
        "keyset_invalid",
        came.failure.keys.skipped,
    )
    assert "it is empty" in str(run(Scripted({OLD: answer({"keys": []})}), Plan(HELD, HELD)).failure)


@pytest.mark.parametrize(
    "raised",
    [ValueError("secret"), asyncio.CancelledError(), SystemExit(1), KeyboardInterrupt()],
    ids=lambda raised: type(raised).__name__,
)
def test_whatever_a_transport_raises_is_a_failed_fetch(raised: BaseException) -> None:
    """It is named by its type alone: its text may hold anything."""
    came = run(Scripted({OLD: raised}), Plan(HELD, HELD))
    assert isinstance(came.failure, IssuerUnavailable)
    assert came.failure.__cause__ is raised
    assert "secret" not in str(came.failure)
    assert came.requests == ((OLD, type(raised).__name__),)


@pytest.mark.parametrize(
    "said",
    [None, Response(200, {}, 5), Response(200, None, KEY.private_jwk())],
    ids=["nothing", "body", "headers"],
)
def test_an_answer_that_is_none_is_a_failure_too(said: Any) -> None:
    """Without one there would be no backoff, and a transport's mistake would hammer the issuer."""
    came = run(Scripted({OLD: said}), Plan(HELD, HELD))
    assert came.failure is not None
    assert came.failure.code in ("keys_unavailable", "keyset_invalid")


@pytest.mark.parametrize(
    ("said", "status", "reason"),
    [
        (keys(), "200", ""),
        (Response(503, {}, b""), "503", "http_503"),
        (Response(200, {}, b"<html>"), "200", "keyset_invalid"),
        (ExchangeFailed("dns", "no such name"), "dns", "dns"),
        (KeyError("k"), "KeyError", "KeyError"),
    ],
    ids=str,
)
def test_what_came_of_it_is_one_word(said: Any, status: str, reason: str) -> None:
    """For metrics, and for an operator who must know whom to call."""
    refreshed = run(Scripted({OLD: said}), place=AT_URL)
    assert (refreshed.status, refreshed.reason) == (status, reason)


def test_one_that_did_not_come_back_timed_out() -> None:
    """It was given up before any request was answered."""
    assert Refreshed(0.0, failure=IssuerUnavailable("keys_unavailable", "no answer")).reason == "timeout"
    assert Refreshed(0.0).status == ""


def test_how_long_it_took_is_told() -> None:
    """From the first request to the last answer, by the clock that was given."""
    now = itertools.count(100)
    refreshed = run(Scripted({OLD: keys()}), place=AT_URL, elapsed=lambda: float(next(now)))
    assert refreshed.seconds > 0


@pytest.mark.parametrize(("left", "asked"), [(0.5, [OLD]), (0.0, []), (-0.5, [])])
def test_a_request_is_made_as_long_as_time_is_left(left: float, asked: list[str]) -> None:
    """Of the eight seconds of the whole; at their end none is, and that is what is told."""
    now = iter([0.0])
    transport = Scripted({OLD: keys()})
    failure = run(transport, Plan(HELD, HELD), elapsed=lambda: next(now, 8.0 - left)).failure
    # The first reading sets the deadline, and each that follows is this close to it.
    assert transport.asked == asked
    if not asked:
        assert failure is not None
        assert (failure.code, "no time is left" in str(failure)) == ("keys_unavailable", True)


def test_bounds_of_ones_own_are_kept() -> None:
    """As they are set, and not as they are by default."""
    transport = Scripted({OLD: keys()})
    settings = Freshness(connect_timeout=1.0, timeout=3.0, max_body=1000)
    Refresh(PLACE, Direct(transport), settings, lambda: 0.0, lambda: 1).run(Plan(HELD, HELD))
    bounds = [(request.connect_timeout, request.timeout, request.max_body) for request in transport.requests]
    assert bounds == [(1.0, 3.0, 1000)]


def test_what_was_not_foreseen_is_told_by_its_kind() -> None:
    """And chained, for those who debug it; its message may hold anything, and stays there."""

    def reading(octets: int) -> AbstractContextManager[object]:
        raise ZeroDivisionError("secret")

    refresh = Refresh(PLACE, Direct(Scripted({OLD: keys()})), Freshness(), lambda: 0.0, lambda: 1, reading)
    failure = refresh.run(Plan(HELD, HELD)).failure
    assert failure is not None
    assert str(failure) == "the refresh raised ZeroDivisionError"
    assert isinstance(failure.__cause__, ZeroDivisionError)


@pytest.mark.parametrize(
    ("member", "hint"),
    [({"kty": "oct", "kid": "s", "k": "x"}, "RS256 or ES256"), (KEY.public_jwk() | {"use": "enc"}, None)],
)
def test_an_api_that_is_signed_by_a_shared_secret_is_told(member: Any, hint: str | None) -> None:
    """Where nothing but secrets was published: what to set at the issuer."""
    failure = run(Scripted({OLD: keys(member)}), Plan(HELD, HELD)).failure
    assert isinstance(failure, NoSigningKey)
    assert failure.hint is None if hint is None else hint in str(failure.hint)


NO_RESPONSE = [
    None,
    "text",
    (200, {}, b"{}"),
    Response(200, {}, "{}"),  # type: ignore[arg-type]
    Response("200", {}, b"{}"),  # type: ignore[arg-type]
    Response(200, [("a", "b")], b"{}"),  # type: ignore[arg-type]
    Response(200, {"cache-control": 5}, b"{}"),  # type: ignore[dict-item]
    Response(503, {b"retry-after": "5"}, b"{}"),  # type: ignore[dict-item]
    ExchangeFailed(5, None),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("returned", NO_RESPONSE)
def test_whatever_a_transport_returns_that_is_no_response_is_a_failed_fetch(returned: Any) -> None:
    """Found before it is taken in, where nothing would be counted as a failure, and asked again at once."""
    came = run(Scripted({OLD: returned}), Plan(HELD, HELD))
    assert isinstance(came.failure, IssuerUnavailable)
    assert isinstance(came.reason, str)


def test_names_of_headers_count_in_any_case() -> None:
    """A transport of one's own may hand on what another library spells."""
    good = keys()
    spelled = Response(good.status, {"Cache-Control": "max-age=7", "ETag": "1"}, good.body)
    assert run(Scripted({OLD: spelled}), Plan(HELD, HELD)).headers == {
        "cache-control": "max-age=7",
        "etag": "1",
    }


class Kept:
    """Documents from a store: each with its age and count, and what became of them."""

    def __init__(self, *documents: Document | Exception) -> None:
        self.documents, self.told, self.terms = list(documents), list[Any](), list[Terms]()

    def get(self, request: Request, terms: Terms, /) -> Document:
        self.terms.append(terms)
        document = self.documents.pop(0)
        if isinstance(document, Exception):
            raise document
        return document

    def accept(self, url: str, /) -> None:
        self.told.append(url)

    def end(self, failure: Any, /) -> None:
        self.told.append(failure)


def refreshed_from(kept: Kept, plan: Plan) -> Refreshed:
    """What comes of it, begun at 50."""
    return Refresh(PLACE, kept, Freshness(), lambda: 50.0, lambda: 7).run(plan)


def test_what_a_store_had_is_as_old_as_it_says() -> None:
    """Metadata and keys; the store learns that both are good."""
    kept = Kept(Document(metadata(), 30.0, 3), Document(keys(), 20.0, 5))
    refreshed = refreshed_from(kept, Plan(None, None))
    assert (refreshed.began, refreshed.moment, refreshed.shared) == (30.0, 5, True)
    assert refreshed.metadata_began == 20.0
    assert refreshed.requests == ((WELL_KNOWN, "shared"), (OLD, "shared"))
    assert kept.told == [WELL_KNOWN, OLD, None]


def test_a_document_that_cannot_be_read_is_not_accepted() -> None:
    """The store learns of the failure instead."""
    kept = Kept(Document(answer({"keys": []})))
    refreshed = refreshed_from(kept, Plan(HELD, HELD))
    assert kept.told == [refreshed.failure]
    assert refreshed.shared is False


def test_a_spent_fleet_is_no_failure() -> None:
    """Nothing was asked."""
    refreshed = refreshed_from(Kept(FleetBudgetSpent(12.0)), Plan(HELD, HELD, forced=True))
    assert (refreshed.failure, refreshed.spent_for) == (None, 12.0)
    assert refreshed.requests == ()


def test_a_pause_of_the_fleet_is_kept() -> None:
    """As the issuer's own `Retry-After`."""
    pause = ExchangeFailed("paused", "left alone")
    pause.retry_after = 40.0
    failure = refreshed_from(Kept(pause), Plan(HELD, HELD)).failure
    assert isinstance(failure, IssuerUnavailable)
    assert failure.retry_after == 40.0


def test_terms_say_what_the_fleets_budget_is_asked_for() -> None:
    """For keys; metadata are read again as part of a refresh that has drawn already."""
    kept = Kept(Document(metadata()), Document(keys()))
    refreshed_from(kept, Plan(None, None, forced=True, every=20.0, least=2.0))
    assert kept.terms[0] == Terms(8.0, 90_000.0)
    assert kept.terms[1] == Terms(8.0, 7_200.0, True, 2, 20.0, 2.0)
