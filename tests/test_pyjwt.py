"""PyJWT's client over our keys: its surface, and what it promises beyond PyJWT's own."""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import logging
import pickle
import ssl
import threading
import weakref
from collections.abc import Callable
from typing import Any

import jwt
import pytest
import trio
from tests.conftest import Clock
from tests.scenarios.conftest import settled

import rightkey
from rightkey import events
from rightkey.exchange import ExchangeFailed, Request, Response
from rightkey.integrations import pyjwt as inner
from rightkey.localissuer import LocalIssuer
from rightkey.pyjwt import AsyncPyJWKClient, PyJWKClient

URL = "https://issuer.example/jwks.json"


class Endpoint:
    """Answers with what it has, once it may; counts, and keeps what was asked."""

    def __init__(self, *keys: Any) -> None:
        self.body: Any = {"keys": [key.public_jwk() for key in keys]}
        self.status = 200
        self.failure: Exception | None = None
        self.headers: dict[str, str] = {}
        self.asked: list[Request] = []
        self.came = threading.Semaphore(0)
        self.may_answer = threading.Event()
        self.may_answer.set()

    def get(self, request: Request, /) -> Response:
        self.asked.append(request)
        self.came.release()
        assert self.may_answer.wait(60)
        if self.failure is not None:
            raise self.failure
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        return Response(self.status, self.headers, body)

    def has(self, *keys: Any) -> None:
        self.body = {"keys": [key.public_jwk() for key in keys]}


@pytest.fixture
def one(signer: Callable[..., Any]) -> Any:
    return signer("ES256", "one")


@pytest.fixture
def two(signer: Callable[..., Any]) -> Any:
    return signer("ES256", "two")


@pytest.fixture
def endpoint(one: Any) -> Endpoint:
    return Endpoint(one)


@pytest.fixture
def elapsed() -> Clock:
    return Clock()


@pytest.fixture
def client(endpoint: Endpoint, elapsed: Clock) -> PyJWKClient:
    return PyJWKClient(URL, transport=endpoint, elapsed=elapsed)


# -- the surface


def test_it_is_pyjwts_class_by_signature_attributes_and_kind() -> None:
    """So that what asks for a `jwt.PyJWKClient` takes it; what is ours comes by keyword, at the end."""
    theirs = inspect.signature(jwt.PyJWKClient).parameters
    for kind in (PyJWKClient, AsyncPyJWKClient):
        ours = dict(inspect.signature(kind).parameters)
        assert [(p.name, p.default) for p in theirs.values()] == [
            (p.name, p.default) for p in ours.values() if p.kind is p.POSITIONAL_OR_KEYWORD
        ]
        assert vars(jwt.PyJWKClient(URL)).keys() <= vars(kind(URL)).keys()
        public = {name for name in vars(jwt.PyJWKClient) if not name.startswith("_")}
        assert all(getattr(kind, name).__doc__ for name in public)
    assert isinstance(PyJWKClient(URL), jwt.PyJWKClient)
    assert not isinstance(AsyncPyJWKClient(URL), jwt.PyJWKClient)


def test_keys_are_pyjwts_and_verify(client: PyJWKClient, one: Any, token: Callable[..., str]) -> None:
    """One request for all of it; the set that is handed out is the one in `jwk_set_cache`."""
    raw = token(one, b'{"sub": "alice"}')
    key = client.get_signing_key_from_jwt(raw)
    assert type(key) is jwt.PyJWK
    assert jwt.decode(raw, key, algorithms=["ES256"]) == {"sub": "alice"}
    assert client.get_signing_key("one") is key
    assert client.get_signing_keys() == [key]
    assert PyJWKClient.match_kid([key], "one") is key
    assert PyJWKClient.match_kid([key], "two") is None
    assert client.get_jwk_set() is client.jwk_set_cache.get()
    assert client.verifier.status().ready


def test_what_is_no_jwt_is_pyjwts_decode_error(client: PyJWKClient, endpoint: Endpoint) -> None:
    """And a key id that is no text is that of no key: neither causes a request."""
    for raw in ("", "a.b.c", b"\xff", "a" * 1000, "\udcff.b.c"):
        with pytest.raises(jwt.DecodeError):
            client.get_signing_key_from_jwt(raw)
    for kid in (None, 1, ["one"], b"one"):
        with pytest.raises(jwt.PyJWKClientError, match="matches: "):
            client.get_signing_key(kid)  # type: ignore[arg-type]
    assert endpoint.asked == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"uri": "file:///etc/passwd"},
        {"uri": "http://issuer.example/jwks"},
        {"uri": "https://user:hunter2@issuer.example/jwks"},
        {"uri": "https://issuer.example/.well-known/openid-configuration"},
        {"lifespan": 0},
        {"lifespan": float("inf")},
        {"timeout": 0},
        {"timeout": "3"},
        {"cooldown_duration": -1},
    ],
)
def test_a_wrong_argument_is_pyjwts_error(wrong: dict[str, Any]) -> None:
    """Told when the client is built, without a password in it."""
    with pytest.raises(jwt.PyJWKClientError) as caught:
        PyJWKClient(**{"uri": URL} | wrong)
    assert "hunter2" not in str(caught.value)
    assert not isinstance(caught.value, rightkey.Misconfigured) or caught.value.code == "misconfigured"


def test_a_key_id_is_escaped_in_messages(client: PyJWKClient) -> None:
    """It is a stranger's."""
    with pytest.raises(jwt.PyJWKClientError) as caught:
        client.get_signing_key("a\nb" + "x" * 1000)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_cache_keys_is_ignored_and_that_is_told(endpoint: Endpoint, caplog: pytest.LogCaptureFixture) -> None:
    """What it kept would outlive its revocation."""
    with caplog.at_level(logging.WARNING, "rightkey"):
        client = PyJWKClient(URL, cache_keys=True, transport=endpoint)
    assert "cache_keys is ignored" in caplog.text
    assert client.get_signing_key("one") is client.get_signing_key("one")
    client.verifier.distrust("one")
    with pytest.raises(jwt.PyJWKClientError, match="one"):
        client.get_signing_key("one")
    assert len(endpoint.asked) == 1


def test_headers_and_timeout_reach_the_request(endpoint: Endpoint, elapsed: Clock) -> None:
    """As they are when it is made: a header may be a token that is renewed."""
    client = PyJWKClient(
        URL, headers={"X-Api-Key": "a"}, timeout=3, transport=endpoint, elapsed=elapsed, lifespan=60
    )
    client.get_signing_key("one")
    client.headers["X-Api-Key"] = "b"
    elapsed.now += 61
    client.get_signing_key("one")
    assert [dict(request.headers) for request in endpoint.asked] == [{"x-api-key": "a"}, {"x-api-key": "b"}]
    assert {request.timeout for request in endpoint.asked} == {3}


def test_lifespan_is_how_long_keys_are_fresh(endpoint: Endpoint, elapsed: Clock) -> None:
    """Whatever the answer says."""
    endpoint.headers = {"cache-control": "max-age=86400"}
    client = PyJWKClient(URL, lifespan=30, transport=endpoint, elapsed=elapsed)
    client.get_signing_key("one")
    elapsed.now += 20
    client.get_signing_key("one")
    assert len(endpoint.asked) == 1
    elapsed.now += 11
    client.get_signing_key("one")
    assert len(endpoint.asked) == 2


# -- what it promises


def test_a_known_key_does_not_wait_behind_a_made_up_ones_request(
    client: PyJWKClient, endpoint: Endpoint
) -> None:
    """In PyJWT one lock is held while keys are fetched."""
    key = client.get_signing_key("one")
    endpoint.came.acquire()
    endpoint.may_answer.clear()
    told: list[Exception] = []

    def forge() -> None:
        try:
            client.get_signing_key("forged")
        except jwt.PyJWKClientError as error:
            told.append(error)

    forging = threading.Thread(target=forge)
    forging.start()
    assert endpoint.came.acquire(timeout=60)
    assert client.get_signing_key("one") is key  # while the request hangs
    assert forging.is_alive()
    endpoint.may_answer.set()
    forging.join(60)
    assert [type(error) for error in told] == [inner.KeyNotFound]


def test_an_outage_is_outlasted_by_held_keys(client: PyJWKClient, endpoint: Endpoint, elapsed: Clock) -> None:
    """For an hour past their life; then, and for keys that are not held, it is a connection error: 503."""
    key = client.get_signing_key("one")
    endpoint.status, endpoint.headers = 503, {"retry-after": "7"}
    elapsed.now += 301
    assert client.get_signing_key("one") is key
    assert client.jwk_set_cache.get() is client.get_jwk_set()
    with pytest.raises(jwt.PyJWKClientConnectionError) as caught:
        client.get_signing_key("two")
    error: Any = caught.value
    assert isinstance(error, rightkey.IssuerUnavailable)
    assert (error.status, error.retry_after) == (503, 7)
    assert str(error).startswith('Fail to fetch data from the url, err: "')
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.retry_after) == (type(error), str(error), 7)
    elapsed.now += 3601
    with pytest.raises(jwt.PyJWKClientConnectionError):
        client.get_signing_key("one")
    asked = len(endpoint.asked)
    for _ in range(20):  # it is left alone
        with pytest.raises(jwt.PyJWKClientConnectionError):
            client.get_signing_key("one")
    assert len(endpoint.asked) == asked


def test_made_up_key_ids_draw_from_the_budget(
    client: PyJWKClient, endpoint: Endpoint, elapsed: Clock
) -> None:
    """Two requests at once, then one each `cooldown_duration`; each that was refused is no 503."""
    client.get_signing_key("one")
    for number in range(50):
        with pytest.raises(jwt.PyJWKClientError) as caught:
            client.get_signing_key(f"forged-{number}")
        assert not isinstance(caught.value, jwt.PyJWKClientConnectionError)
    assert len(endpoint.asked) == 3
    elapsed.now += 31
    with pytest.raises(jwt.PyJWKClientError):
        client.get_signing_key("forged")
    assert len(endpoint.asked) == 4


def test_failures_count(client: PyJWKClient, endpoint: Endpoint) -> None:
    """Twenty look-ups at a failing issuer are one request."""
    client.get_signing_key("one")
    endpoint.failure = ExchangeFailed("timeout", "timed out")
    for number in range(20):
        with pytest.raises(jwt.PyJWKClientConnectionError, match='err: "timed out"'):
            client.get_signing_key(f"unknown-{number}")
    assert len(endpoint.asked) == 2


def test_a_rotated_key_is_found_at_once(client: PyJWKClient, endpoint: Endpoint, two: Any) -> None:
    """Not after a cooldown."""
    client.get_signing_key("one")
    endpoint.has(two)
    assert client.get_signing_key("two").key_id == "two"
    with pytest.raises(jwt.PyJWKClientError, match="one"):
        client.get_signing_key("one")
    assert [key.key_id for key in client.jwk_set_cache.get().keys] == ["two"]


def test_a_cooldown_of_zero_asks_again_right_after_the_first_answer(one: Any, two: Any) -> None:
    """As in PyJWT."""
    endpoint, answers = Endpoint(), [[one], [two]]

    class Turning:
        def get(self, request: Request, /) -> Response:
            endpoint.has(*answers.pop(0))
            return endpoint.get(request)

    client = PyJWKClient(URL, cooldown_duration=0, transport=Turning())
    assert client.get_signing_key("two").key_id == "two"
    assert len(endpoint.asked) == 2


@pytest.mark.parametrize("run", [asyncio.run, lambda main: trio.run(lambda: main)], ids=["asyncio", "trio"])
def test_the_async_client_leaves_the_loop_running(
    run: Callable[[Any], Any], endpoint: Endpoint, one: Any, token: Callable[..., str]
) -> None:
    """While the request hangs, tasks run; it is they who let it be answered."""
    client = AsyncPyJWKClient(URL, transport=endpoint)
    endpoint.may_answer.clear()
    raw = token(one, b'{"sub": "alice"}')

    async def main() -> Any:
        turns = 0

        def turned() -> None:
            nonlocal turns
            turns += 1
            if turns > 2:
                endpoint.may_answer.set()

        looking = client.get_signing_key_from_jwt(raw)
        if run is asyncio.run:
            looked = asyncio.ensure_future(looking)
            while not looked.done():
                await asyncio.sleep(0.001)
                turned()
            return turns, looked.result()
        key = None
        async with trio.open_nursery() as nursery:

            async def count() -> None:
                while key is None:
                    await trio.sleep(0.001)
                    turned()

            nursery.start_soon(count)
            key = await looking
        return turns, key

    turns, key = run(main())
    assert turns > 2
    assert jwt.decode(raw, key, algorithms=["ES256"]) == {"sub": "alice"}


def test_the_async_client_raises_and_finds_alike(endpoint: Endpoint, two: Any) -> None:
    """The same sets, errors and budget."""
    client = AsyncPyJWKClient(URL, transport=endpoint)

    async def main() -> None:
        first = await client.get_jwk_set()
        assert first is client.jwk_set_cache.get()
        assert await client.get_signing_keys() == [await client.get_signing_key("one")]
        with pytest.raises(jwt.PyJWKClientError, match="forged"):
            await client.get_signing_key("forged")
        endpoint.has(two)
        assert [key.key_id for key in await client.get_signing_keys(refresh=True)] == ["two"]
        endpoint.status = 500
        with pytest.raises(jwt.PyJWKClientConnectionError):
            await client.get_jwk_set(refresh=True)
        assert (await client.get_signing_key("two")).key_id == "two"

    asyncio.run(main())


def test_threads_share_one_request(client: PyJWKClient, endpoint: Endpoint) -> None:
    """And its answer: each gets the same key."""
    endpoint.may_answer.clear()
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(client.get_signing_key("one"))) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    assert endpoint.came.acquire(timeout=60)
    endpoint.may_answer.set()
    for thread in threads:
        thread.join(60)
    assert [key.key_id for key in found] == ["one"] * 16
    assert len(endpoint.asked) == 1
    assert client.jwk_set_cache.get() is client.get_jwk_set()


# -- the cache that users see


def test_what_users_put_into_the_cache_counts(client: PyJWKClient, endpoint: Endpoint, two: Any) -> None:
    """Until a key is asked for that is not in it: then the issuer's counts."""
    given = jwt.PyJWKSet.from_dict({"keys": [two.public_jwk()]})
    client.jwk_set_cache.put(given)
    assert client.get_jwk_set() is given
    assert client.get_signing_key("two") is given.keys[0]
    assert endpoint.asked == []
    assert client.get_signing_key("one").key_id == "one"
    assert [key.key_id for key in client.get_jwk_set().keys] == ["one"]


def test_a_set_of_another_client_is_what_users_put_there(client: PyJWKClient, endpoint: Endpoint) -> None:
    """To fill a second client without a request."""
    other = PyJWKClient(URL, transport=endpoint)
    other.jwk_set_cache.put(client.get_jwk_set())
    assert other.get_jwk_set() is client.get_jwk_set()
    assert len(endpoint.asked) == 1


def test_a_cache_that_users_clear_is_fetched_again(client: PyJWKClient, endpoint: Endpoint) -> None:
    """By whichever look-up comes first."""
    client.get_jwk_set()
    client.jwk_set_cache.put(None)
    client.get_jwk_set()
    assert len(endpoint.asked) == 2
    client.jwk_set_cache.put(None)
    client.get_signing_key("one")
    assert len(endpoint.asked) == 3
    client.get_signing_key("one")
    assert len(endpoint.asked) == 3


def test_without_a_cache_each_look_up_is_a_request(endpoint: Endpoint, elapsed: Clock) -> None:
    """As in PyJWT: one more for a key that is not there, and an outage is an error."""
    client = PyJWKClient(URL, cache_jwk_set=False, transport=endpoint, elapsed=elapsed)
    assert client.jwk_set_cache is None
    for _ in range(2):
        client.get_signing_key("one")
        client.get_jwk_set()
    assert len(endpoint.asked) == 4
    with pytest.raises(jwt.PyJWKClientError, match="two"):
        client.get_signing_key("two")
    assert len(endpoint.asked) == 6
    endpoint.status = 500
    with pytest.raises(jwt.PyJWKClientConnectionError):
        client.get_signing_key("one")


def test_a_refresh_that_fails_takes_nothing(client: PyJWKClient, endpoint: Endpoint) -> None:
    """The held keys serve on."""
    kept = client.get_jwk_set()
    endpoint.body = {"keys": []}
    with pytest.raises(jwt.PyJWKClientError, match="did not contain any signing keys"):
        client.get_jwk_set(refresh=True)
    assert client.get_jwk_set() is kept


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "did not return a JSON object"),
        (b"<html>", "did not return a JSON object"),
        (b"", "did not return a JSON object"),
        ({"keys": []}, "did not contain any signing keys"),
        ({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}, "did not contain any signing keys"),
    ],
)
def test_what_is_no_key_set_is_no_connection_error(body: Any, said: str, endpoint: Endpoint) -> None:
    """PyJWT's sentence, then ours; 503, since the token may be good."""
    endpoint.body = body
    with pytest.raises(jwt.PyJWKClientError, match=said) as caught:
        PyJWKClient(URL, transport=endpoint).get_signing_keys()
    assert not isinstance(caught.value, jwt.PyJWKClientConnectionError)
    assert isinstance(caught.value, rightkey.IssuerUnavailable)
    assert "c2VjcmV0" not in str(caught.value)


def test_keys_without_a_key_id_are_in_the_set_alone(endpoint: Endpoint, one: Any) -> None:
    """As in PyJWT."""
    endpoint.body = {"keys": [{name: value for name, value in one.public_jwk().items() if name != "kid"}]}
    client = PyJWKClient(URL, transport=endpoint)
    assert len(client.get_jwk_set().keys) == 1
    with pytest.raises(jwt.PyJWKClientError, match="any signing keys"):
        client.get_signing_keys()


# -- fetch_data


def test_fetch_data_fetches_at_once(client: PyJWKClient, endpoint: Endpoint, one: Any, two: Any) -> None:
    """And what it gives is kept, as any answer is: a key that is distrusted stays so."""
    assert [key["kid"] for key in client.fetch_data()["keys"]] == ["one"]
    assert client.get_signing_key("one").key_id == "one"
    assert client.get_jwk_set() is client.jwk_set_cache.get()
    assert len(endpoint.asked) == 1
    client.verifier.distrust("one")
    endpoint.has(one, two)
    assert [key["kid"] for key in client.fetch_data()["keys"]] == ["two"]
    with pytest.raises(jwt.PyJWKClientError, match="one"):
        client.get_signing_key("one")
    endpoint.status, endpoint.headers = 429, {"retry-after": "9"}
    with pytest.raises(jwt.PyJWKClientConnectionError, match="status 429") as caught:
        client.fetch_data()
    assert caught.value.retry_after == 9  # type: ignore[attr-defined]
    endpoint.status, endpoint.body = 200, b"nonsense"
    with pytest.raises(jwt.PyJWKClientError, match="JSON object"):
        client.fetch_data()
    uncached = PyJWKClient(URL, cache_jwk_set=False, transport=Endpoint(two))
    assert uncached.fetch_data()["keys"][0]["kid"] == "two"


def test_a_subclass_that_is_called_by_users_fetches_on_the_spot(endpoint: Endpoint) -> None:
    """What it calls gives the document as it came, and changes nothing that is held."""

    class Through(PyJWKClient):
        def fetch_data(self) -> Any:
            return super().fetch_data()

    client = Through(URL, transport=endpoint, timeout=None)  # type: ignore[arg-type]
    assert client.fetch_data() == endpoint.body
    assert client.jwk_set_cache.get() is None
    endpoint.body = b"nonsense"
    with pytest.raises(jwt.PyJWKClientError, match="JSON object"):
        client.fetch_data()
    endpoint.failure = ExchangeFailed("timeout", "timed out")
    with pytest.raises(jwt.PyJWKClientConnectionError, match='err: "timed out"'):
        client.fetch_data()
    assert {request.timeout for request in endpoint.asked} == {4}


def test_a_subclass_that_filters_is_asked(endpoint: Endpoint, one: Any, two: Any, elapsed: Clock) -> None:
    """On the thread of the refresh, within its bounds; what it leaves out is not found, and failures of what
    it calls are what they were."""
    endpoint.has(one, two)
    threads: list[threading.Thread] = []

    class Filtering(PyJWKClient):
        def fetch_data(self) -> Any:
            threads.append(threading.current_thread())
            data = super().fetch_data()
            return {"keys": [key for key in data["keys"] if key["kid"] != "two"]}

    client = Filtering(URL, transport=endpoint, elapsed=elapsed, timeout=3)
    assert [key.key_id for key in client.get_jwk_set().keys] == ["one"]
    with pytest.raises(jwt.PyJWKClientError, match="two"):
        client.get_signing_key("two")
    assert threading.current_thread() not in threads
    assert {request.timeout for request in endpoint.asked} == {3}
    endpoint.status, endpoint.headers = 503, {"retry-after": "30"}
    with pytest.raises(jwt.PyJWKClientConnectionError, match="status 503") as caught:
        client.get_jwk_set(refresh=True)
    assert caught.value.retry_after == 30  # type: ignore[attr-defined]
    client.jwk_set_cache.put(None)
    with pytest.raises(jwt.PyJWKClientConnectionError):
        client.fetch_data()  # called by a user, it is the subclass's


@pytest.mark.parametrize("odd", ['{"kid": "a", "kid": "b"}', '{"n": 1e999}', '{"kid": "\\ud83d"}', "1e999"])
def test_a_subclass_gets_no_member_that_is_no_json(odd: str, endpoint: Endpoint, one: Any) -> None:
    """It could hand that on to no one, and one odd member would take all keys away."""

    class Handing(PyJWKClient):
        def fetch_data(self) -> Any:
            return json.loads(json.dumps(super().fetch_data()))

    endpoint.body = f'{{"keys": [{odd}, {json.dumps(one.public_jwk())}], "x": {odd}}}'.encode()
    assert Handing(URL, transport=endpoint).get_signing_key("one").key_id == "one"


def test_a_subclass_may_fetch_by_a_coroutine(endpoint: Endpoint, two: Any) -> None:
    """It runs in a loop of its own, whichever loop waits for it."""

    class Fetching(AsyncPyJWKClient):
        async def fetch_data(self) -> Any:
            await asyncio.sleep(0)
            data = super().fetch_data()
            return {"keys": [*data["keys"], two.public_jwk()]}

    class Failing(AsyncPyJWKClient):
        async def fetch_data(self) -> Any:
            raise RuntimeError("password")

    async def main() -> None:
        client = Fetching(URL, transport=endpoint)
        assert [(await client.get_signing_key(kid)).key_id for kid in ("one", "two")] == ["one", "two"]
        with pytest.raises(jwt.PyJWKClientConnectionError, match="RuntimeError") as caught:
            await Failing(URL, transport=endpoint).get_signing_key("one")
        assert "password" not in str(caught.value)

    asyncio.run(main())
    trio.run(main)


def test_a_subclass_that_fails_is_a_failed_fetch(endpoint: Endpoint) -> None:
    """Whatever it raises or returns: PyJWT's error, with what it raised behind it, but not in the message."""

    class Signing(PyJWKClient):
        gives: Any = None

        def fetch_data(self) -> Any:
            if isinstance(self.gives, Exception):
                raise self.gives
            return self.gives

    for gives in (
        None,
        [],
        b"octets",
        object(),
        RuntimeError("password"),
        inner.KeysUnavailable("keys_unavailable", "no"),
    ):
        client = Signing(URL, transport=endpoint)
        client.gives = gives
        with pytest.raises(jwt.PyJWKClientError) as caught:
            client.get_signing_key("one")
        assert "password" not in str(caught.value)
    assert endpoint.asked == []


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (jwt.PyJWKClientError("no signature for the request"), 'err: ".*no signature for the request"'),
        (ValueError("the password is x"), 'fetch_data raised ValueError"$'),
        (object(), 'fetch_data raised TypeError"$'),
    ],
)
def test_what_fetch_data_fails_with_is_told_as_its_own(made: Any, told: str) -> None:
    """Not as the transport's; PyJWT's errors in their own words, and others by their class."""

    class Own(PyJWKClient):
        def fetch_data(self) -> Any:
            if isinstance(made, Exception):
                raise made
            return made

    with pytest.raises(jwt.PyJWKClientConnectionError, match=told) as caught:
        Own(URL).get_signing_key("one")
    assert "password" not in str(caught.value)


def test_fetch_data_may_be_replaced_on_the_object(endpoint: Endpoint, two: Any) -> None:
    """As tests of services do."""
    client = PyJWKClient(URL, transport=endpoint)
    client.fetch_data = lambda: {"keys": [two.public_jwk()]}  # type: ignore[method-assign]
    assert client.get_signing_key("two").key_id == "two"
    assert endpoint.asked == []


def test_a_refresh_of_a_client_that_is_gone_fails(endpoint: Endpoint) -> None:
    """It is kept alive by none of what one process shares."""
    client = PyJWKClient(URL, transport=endpoint)
    client.get_signing_key("one")
    transport, gone = client._client_transport, weakref.ref(client)
    del client
    gc.collect()
    assert gone() is None
    assert transport is not None
    with pytest.raises(ExchangeFailed, match="no longer there"):
        transport.get(Request(URL))


# -- of a verifier


def test_a_client_of_a_verifier_shares_its_keys(endpoint: Endpoint, one: Any) -> None:
    """And its budget and what is distrusted."""
    verifier = rightkey.Verifier("https://issuer.example", audience="a", keys=URL, transport=endpoint)
    client = PyJWKClient.of(verifier)
    assert client.uri == URL
    assert client.get_signing_key("one").key_id == "one"
    assert PyJWKClient.of(verifier).get_signing_key("one").key_id == "one"
    assert len(endpoint.asked) == 1
    client.get_jwk_set(refresh=True)
    assert len(endpoint.asked) == 2
    assert [key["kid"] for key in client.fetch_data()["keys"]] == ["one"]
    verifier.distrust("one")
    with pytest.raises(jwt.PyJWKClientError, match="one"):
        client.get_signing_key("one")
    found = rightkey.AsyncVerifier("issuer.example", audience="a", transport=endpoint)
    assert AsyncPyJWKClient.of(found).uri == PyJWKClient.of(found).uri == "https://issuer.example"


def test_a_client_needs_a_verifier_of_one_issuer_whose_keys_are_fetched(
    keyset: Callable[..., rightkey.KeySet], one: Any
) -> None:
    """Of others there is no key set to be a client of."""
    held = rightkey.Verifier(rightkey.ANY, audience="a", keys=keyset(one))
    several = rightkey.Verifier.of(rightkey.Trust("https://issuer.example", audience="a"))
    for verifier in (held, several, None):
        with pytest.raises(rightkey.Misconfigured, match="one issuer"):
            PyJWKClient.of(verifier)  # type: ignore[arg-type]


# -- the world


@pytest.mark.slow
def test_the_ssl_context_decides_who_is_believed(no_proxies: None) -> None:
    """Instead of the system; over a socket, with a name of the user's own for the client."""
    with LocalIssuer(tls=True, algorithm="ES256") as issuer:
        url = f"{issuer.url.rstrip('/')}/.well-known/jwks.json"
        context = ssl.create_default_context(cafile=issuer.ca_file)
        client = PyJWKClient(url, ssl_context=context, headers={"user-agent": "mine"})
        assert client.get_signing_key_from_jwt(issuer.token()).key_type == "EC"
        assert issuer.recorded[-1].headers["user-agent"] == "mine"
        with pytest.raises(jwt.PyJWKClientConnectionError):
            PyJWKClient(url).get_signing_key("one")


def test_events_reach_a_listener(endpoint: Endpoint) -> None:
    """As a verifier's do."""
    heard: list[events.Event] = []
    client = PyJWKClient(URL, transport=endpoint, listener=heard.append)
    client.get_signing_key("one")
    settled(lambda: heard != [], "nothing was told")
    assert [type(event) for event in heard] == [events.KeysFetched]
