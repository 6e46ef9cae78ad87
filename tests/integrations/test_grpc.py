"""gRPC interceptors, by real channels: threads and tasks, calls and streams."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

import rightkey
from rightkey.integrations.grpc import PUSHBACK, AioRightKeyInterceptor, RightKeyInterceptor, current_token
from rightkey.localissuer import LocalIssuer, Sender
from rightkey.proof.nonces import nonce_at

AUDIENCE = "https://api.example.com"
EXAMPLE = Path(__file__).parents[2] / "examples" / "grpc_app.py"
RULES: dict[str, Any] = {"public": ["/p.S/Open"], "methods": {"/p.S/Scoped": "read:x"}}
Serve = Callable[..., str]


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


def subject() -> bytes:
    return (current_token().subject or "").encode()


def nobody() -> bytes:
    """What a public method knows: not the token of an earlier call."""
    with pytest.raises(rightkey.TokenRejected):
        current_token()
    return b"open"


def in_threads(interceptor: RightKeyInterceptor, stack: ExitStack) -> str:
    """A server with a method of each kind; where it is."""
    unary = grpc.unary_unary_rpc_method_handler(lambda request, context: subject())

    def told(request: bytes, context: Any) -> bytes:
        context.set_trailing_metadata((("own", "1"),))
        return subject()

    def ended(request: bytes, context: Any) -> bytes:
        context.abort(grpc.StatusCode.NOT_FOUND, "gone")
        return b""

    methods = {
        "Told": grpc.unary_unary_rpc_method_handler(told),
        "Ended": grpc.unary_unary_rpc_method_handler(ended),
        "Any": unary,
        "Scoped": unary,
        "Open": grpc.unary_unary_rpc_method_handler(lambda request, context: nobody()),
        "Out": grpc.unary_stream_rpc_method_handler(lambda request, context: (subject() for _ in range(2))),
        "In": grpc.stream_unary_rpc_method_handler(lambda requests, context: subject() + b"".join(requests)),
        "Both": grpc.stream_stream_rpc_method_handler(lambda requests, context: iter([subject(), *requests])),
    }
    server = grpc.server(ThreadPoolExecutor(1), interceptors=[interceptor])
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("p.S", methods)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    stack.callback(lambda: server.stop(0).wait())
    return f"127.0.0.1:{port}"


def in_tasks(interceptor: AioRightKeyInterceptor, stack: ExitStack) -> str:
    """The same on a loop, in a thread of its own."""

    async def unary(request: bytes, context: Any) -> bytes:
        return subject()

    async def free(request: bytes, context: Any) -> bytes:
        return nobody()

    async def out(request: bytes, context: Any) -> Any:
        for _ in range(2):
            yield subject()

    async def into(requests: Any, context: Any) -> bytes:
        return subject() + b"".join([each async for each in requests])

    async def both(requests: Any, context: Any) -> Any:
        yield subject()
        async for each in requests:
            yield each

    async def written(request: bytes, context: Any) -> None:
        await context.write(subject())

    async def told(request: bytes, context: Any) -> bytes:
        context.set_trailing_metadata((("own", "1"),))
        return subject()

    async def ended(request: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.NOT_FOUND, "gone")
        return b""

    methods = {
        "Told": grpc.unary_unary_rpc_method_handler(told),
        "Ended": grpc.unary_unary_rpc_method_handler(ended),
        "Written": grpc.unary_stream_rpc_method_handler(written),
        "Any": grpc.unary_unary_rpc_method_handler(unary),
        "Scoped": grpc.unary_unary_rpc_method_handler(unary),
        "Open": grpc.unary_unary_rpc_method_handler(free),
        "Out": grpc.unary_stream_rpc_method_handler(out),
        "In": grpc.stream_unary_rpc_method_handler(into),
        "Both": grpc.stream_stream_rpc_method_handler(both),
    }
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def done(waiting: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(waiting, loop).result(60)

    async def start() -> tuple[Any, int]:
        server = grpc.aio.server(interceptors=[interceptor])
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("p.S", methods)])
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        return server, port

    def stop() -> None:
        done(server.stop(0))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()

    server, port = done(start())
    stack.callback(stop)
    return f"127.0.0.1:{port}"


@pytest.fixture(params=[(RightKeyInterceptor, in_threads), (AioRightKeyInterceptor, in_tasks)])
def server(request: pytest.FixtureRequest, issuer: LocalIssuer) -> Iterator[str]:
    make, serve = request.param
    with ExitStack() as stack:
        yield serve(make(issuer.url, audience=AUDIENCE, **RULES), stack)


def call(server: str, method: str, *tokens: str, kind: str = "unary_unary", given: Any = b"") -> Any:
    metadata = [("authorization", f"Bearer {token}") for token in tokens]
    with grpc.insecure_channel(server, options=[("grpc.enable_http_proxy", 0)]) as channel:
        answer = getattr(channel, kind)(f"/p.S/{method}")(given, metadata=metadata, timeout=60)
        return list(answer) if kind.endswith("_stream") else answer


def refused(server: str, method: str, *tokens: str, **how: Any) -> Any:
    with pytest.raises(grpc.RpcError) as caught:
        call(server, method, *tokens, **how)
    return caught.value


def test_handlers_know_the_token(server: str, issuer: LocalIssuer) -> None:
    """Of every kind; and of each call its own."""
    for name in ("alice", "bob"):
        token, own = issuer.token(sub=name, scope="read:x"), name.encode()
        assert call(server, "Any", token) == call(server, "Scoped", token) == own
        assert call(server, "Out", token, kind="unary_stream") == [own, own]
        assert call(server, "In", token, kind="stream_unary", given=iter([b"1", b"2"])) == own + b"12"
        assert call(server, "Both", token, kind="stream_stream", given=iter([b"1"])) == [own, b"1"]


def test_a_handler_may_write_its_answers(issuer: LocalIssuer) -> None:
    """To the context, as tasks may, instead of yielding them."""
    with ExitStack() as stack:
        server = in_tasks(AioRightKeyInterceptor(issuer.url, audience=AUDIENCE), stack)
        assert call(server, "Written", issuer.token(sub="alice"), kind="unary_stream") == [b"alice"]
        error = refused(server, "Written", kind="unary_stream")
        assert error.code() == grpc.StatusCode.UNAUTHENTICATED


def test_what_is_refused(server: str, issuer: LocalIssuer) -> None:
    """In gRPC's terms; details hold nothing of the token."""
    code = grpc.StatusCode
    good, expired = issuer.token(sub="alice"), issuer.attack("expired", sub="alice")
    for method, tokens, status, told in (
        ("Any", (), code.UNAUTHENTICATED, "token_missing"),
        ("Any", (expired,), code.UNAUTHENTICATED, "claims_rejected"),
        ("Any", (good, good), code.INVALID_ARGUMENT, "request_malformed"),
        ("Scoped", (good,), code.PERMISSION_DENIED, "scope_insufficient"),
        ("None", (), code.UNIMPLEMENTED, "Method not found"),
    ):
        error = refused(server, method, *tokens)
        assert (error.code(), error.details().partition(":")[0].rstrip("!")) == (status, told)
        assert "alice" not in error.details()
    for kind in ("unary_stream", "stream_stream"):
        given = iter([b""]) if kind.startswith("stream") else b""
        method = {"unary_stream": "Out", "stream_stream": "Both"}[kind]
        assert refused(server, method, expired, kind=kind, given=given).code() == code.UNAUTHENTICATED
    assert refused(server, "In", kind="stream_unary", given=iter([])).code() == code.UNAUTHENTICATED
    assert call(server, "Open") == b"open"


def test_an_outage_may_be_tried_again(server: str, issuer: LocalIssuer) -> None:
    """And when is told."""
    issuer.misbehave("jwks", "status")
    error = refused(server, "Any", issuer.token(sub="alice"))
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert int(dict(error.trailing_metadata())[PUSHBACK]) >= 1000


@pytest.mark.parametrize(
    ("make", "serve"), [(RightKeyInterceptor, in_threads), (AioRightKeyInterceptor, in_tasks)]
)
def test_a_bound_token_comes_in_with_its_proof(make: Any, serve: Any, issuer: LocalIssuer) -> None:
    """For a POST to the method's path, with the nonce that was asked for; and once."""
    sender = Sender()
    token, url = issuer.token(sub="alice", cnf=sender.cnf), "https://api.example.com/p.S/Any"
    how: dict[str, Any] = {"origin": "https://api.example.com", "dpop": rightkey.DPoP(nonce_secret=bytes(32))}

    def use(server: str, nonce: str | None, times: int) -> None:
        headers = sender.headers("POST", url, token, nonce=nonce).items()
        with grpc.insecure_channel(server, options=[("grpc.enable_http_proxy", 0)]) as channel:
            for _ in range(times):
                metadata = [(name.lower(), value) for name, value in headers]
                assert channel.unary_unary("/p.S/Any")(b"", metadata=metadata, timeout=60) == b"alice"

    with ExitStack() as stack:
        server = serve(make(issuer.url, audience=AUDIENCE, **how), stack)
        with pytest.raises(grpc.RpcError) as caught:
            use(server, None, 1)
        error: Any = caught.value
        assert error.code() == grpc.StatusCode.UNAUTHENTICATED
        nonce = dict(error.trailing_metadata())["dpop-nonce"]
        use(server, nonce, 1)
        with pytest.raises(grpc.RpcError) as caught:
            use(server, nonce, 2)
        again: Any = caught.value
        assert again.details().startswith("proof_rejected: the DPoP proof was used before")
        assert "bound to its sender" in refused(server, "Any", token).details()


@pytest.mark.parametrize(
    ("make", "serve"), [(RightKeyInterceptor, in_threads), (AioRightKeyInterceptor, in_tasks)]
)
def test_the_next_nonce_comes_however_a_call_ends(make: Any, serve: Any, issuer: LocalIssuer) -> None:
    """Beside what the method tells itself, in a stream, with an error of the method's, and with 403."""
    sender, secret = Sender(), bytes(32)
    token = issuer.token(sub="alice", cnf=sender.cnf)
    how: dict[str, Any] = {"origin": "https://api.example.com", "dpop": rightkey.DPoP(nonce_secret=secret)}

    def ends(server: str, method: str, age: int, kind: str = "unary_unary") -> tuple[Any, dict[str, str]]:
        url, nonce = f"https://api.example.com/p.S/{method}", nonce_at(secret, time.time() - age)
        headers = sender.headers("POST", url, token, nonce=nonce).items()
        with grpc.insecure_channel(server, options=[("grpc.enable_http_proxy", 0)]) as channel:
            metadata = [(name.lower(), value) for name, value in headers]
            asked = getattr(channel, kind)(f"/p.S/{method}")
            made = (asked if kind.endswith("stream") else asked.future)(b"", metadata=metadata, timeout=60)
            list(made if kind.endswith("stream") else ())
            return made.code(), dict(made.trailing_metadata())

    code = grpc.StatusCode
    with ExitStack() as stack:
        server = serve(make(issuer.url, audience=AUDIENCE, **RULES, **how), stack)
        assert ends(server, "Any", 5) == (code.OK, {})
        for method, kind, status in (
            ("Any", "unary_unary", code.OK),
            ("Told", "unary_unary", code.OK),
            ("Out", "unary_stream", code.OK),
            ("Ended", "unary_unary", code.NOT_FOUND),
            ("Scoped", "unary_unary", code.PERMISSION_DENIED),
        ):
            ended, told = ends(server, method, 90, kind)
            assert (ended, "dpop-nonce" in told, "own" in told) == (status, True, method == "Told"), method


def test_a_rotation_refuses_no_valid_token(server: str, issuer: LocalIssuer) -> None:
    """Not even one by a key that was not announced."""
    for _ in range(2):
        with ThreadPoolExecutor(8) as pool:
            tokens = [issuer.token(sub="alice", jti=str(number)) for number in range(16)]
            assert list(pool.map(lambda token: call(server, "Any", token), tokens)) == [b"alice"] * 16
        issuer.rotate(surprise=True)


def test_the_example_runs(issuer: LocalIssuer) -> None:
    """As it stands, but for the issuer's name."""
    names: dict[str, Any] = {"__name__": "grpc_app"}
    exec(EXAMPLE.read_text(encoding="utf-8").replace('"tenant.eu.auth0.com"', repr(issuer.url)), names)
    port = names["server"].add_insecure_port("127.0.0.1:0")
    names["server"].start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.enable_http_proxy", 0)]) as channel:
            metadata = [("authorization", f"Bearer {issuer.token(sub='alice')}")]
            asked = channel.unary_unary("/example.People/WhoAmI")
            assert asked(b"", metadata=metadata, timeout=60) == b"alice"
    finally:
        names["server"].stop(0).wait()


def test_outside_of_a_call_there_is_no_token() -> None:
    """Nor is there one in a public method."""
    with pytest.raises(rightkey.TokenRejected) as caught:
        current_token()
    assert caught.value.code == "token_missing"


def test_a_wrong_setting_ends_the_start() -> None:
    """A requirement that is none, methods as one text, and names that no method has."""
    wrong = ("p.S/M", "/p.S", "/p.S/M/", "//M", "M", 5)
    named = [{"methods": {name: "read:x"}} for name in wrong] + [{"public": [name]} for name in wrong]
    for settings in ({"methods": {"/p.S/M": 5}}, {"public": "/p.S/M"}, *named):
        with pytest.raises(rightkey.Misconfigured):
            RightKeyInterceptor("a.example", audience=AUDIENCE, **settings)  # type: ignore[arg-type]
