"""How a service is asked, and what is read of its answers."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rightkey.drill import Target
from rightkey.drill.target import shown
from rightkey.localissuer import LocalIssuer

Serve = Callable[[Any], str]


class Seen:
    """An application that keeps what it was asked."""

    def __init__(self, status: int = 200, body: bytes = b"") -> None:
        self.requests: list[tuple[str, str, dict[bytes, bytes], bytes]] = []
        self._status, self._body = status, body

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        message = await receive()
        self.requests.append(
            (scope["method"], scope["path"], dict(scope["headers"]), message.get("body", b""))
        )
        headers = [(b"www-authenticate", b"Bearer"), (b"location", b"/sign-in")]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": self._body})


def test_a_token_goes_where_the_target_wants_it(served: Serve) -> None:
    """Any header, any method, with further headers and a body; the query stays."""
    seen = Seen()
    url = served(seen) + "/graphql?x=1"
    options: dict[str, Any] = {"carrier": "Cookie: session={token}; a=b", "data": '{"query": "{me}"}'}
    with Target(url, headers=["Content-Type: application/json"], **options) as target:
        assert target.ask("t").accepted
        assert target.ask().accepted
        assert not target.bears
    (method, path, headers, body), (_, _, bare, _) = seen.requests
    assert (method, path, body) == ("POST", "/graphql", b'{"query": "{me}"}')
    assert (headers[b"cookie"], headers[b"content-type"]) == (b"session=t; a=b", b"application/json")
    assert b"cookie" not in bare


def test_a_method_may_be_given(served: Serve) -> None:
    """GET without a body; the scheme can be in lower case."""
    seen = Seen()
    with Target(served(seen), method="DELETE") as target:
        target.ask("t", lower=True)
        assert target.bears
    assert seen.requests[0][0] == "DELETE"
    assert seen.requests[0][2][b"authorization"] == b"bearer t"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "accepted", "refused"),
    [(204, True, False), (302, False, True), (401, False, True), (500, False, False), (503, False, True)],
)
def test_what_a_status_means(served: Serve, status: int, accepted: bool, refused: bool) -> None:
    """A redirect to a sign-in turns away; a 5xx but 503 is an error."""
    with Target(served(Seen(status))) as target:
        answer = target.ask("t")
    assert (answer.accepted, answer.refused, str(answer)) == (accepted, refused, f"answered {status}")


class Wire:
    """A port that answers each connection with these octets at once, and then with others one by one."""

    def __init__(self, octets: bytes, slowly: bytes = b"") -> None:
        self._octets, self._slowly = octets, slowly
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        connection.recv(4096)
        try:
            connection.sendall(self._octets)
            for octet in self._slowly:
                time.sleep(0.05)
                connection.sendall(bytes([octet]))
        except OSError:
            return

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.mark.parametrize("status", [200, 401, 500])
@pytest.mark.parametrize(
    "interim", ["103 Early Hints\r\nLink: </a.css>; rel=preload", "102 Processing", "100 Continue"]
)
def test_answers_before_the_final_one_are_passed_over(interim: str, status: int) -> None:
    """Services send hints whether a client asks for them or not, and are not at fault for it."""
    before = f"HTTP/1.1 {interim}\r\n\r\n" * 2
    octets = f"{before}HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n".encode()
    with Wire(octets) as service, Target(service.url) as target:
        answer = target.ask("t")
    assert (answer.status, "link" in answer.headers) == (status, False)


@pytest.mark.parametrize("octets", [b"HTTP/1.1 102 x\r\n\r\n" * 100, b"HTTP/1.1 103 x\r\n\r\n"])
def test_answers_before_a_final_one_that_does_not_come_are_none(octets: bytes) -> None:
    """However many there are."""
    with Wire(octets) as service, Target(service.url) as target:
        answer = target.ask("t")
    assert (answer.status, answer.accepted, answer.refused) == (None, False, False)


@pytest.mark.parametrize(
    ("status", "body", "accepted", "refused"),
    [
        (200, b'{"data": {"me": 1}}', True, False),
        (200, b'{"errors": [{"message": "unauthenticated"}]}', False, True),
        (204, b"", False, True),
        (401, b'{"me": 1}', False, True),
        (500, b'{"errors": []}', False, False),
    ],
)
def test_a_refusal_may_be_in_the_body(
    served: Serve, status: int, body: bytes, accepted: bool, refused: bool
) -> None:
    """GraphQL answers 200 either way: what an accepted answer has is told."""
    with Target(served(Seen(status, body)), accepted='"me"') as target:
        answer = target.ask("t")
    assert (answer.accepted, answer.refused) == (accepted, refused)
    assert ("without the text" in str(answer)) is (refused and status < 300)


def test_an_answer_tells_its_reason(served: Serve) -> None:
    """The challenge, where it sends to, and the beginning of the body; no token."""
    token = LocalIssuer(algorithm="ES256").token()
    with Target(served(Seen(401, f"no: {token} {'x' * 500}".encode()))) as target:
        answer = target.ask(token)
    assert answer.lines[:2] == ["www-authenticate: Bearer", "location: /sign-in"]
    assert answer.lines[2].startswith("body: no: <token> xxx")
    assert len(answer.body) == 300
    assert token not in repr(answer)


def test_what_looks_like_a_token_is_not_shown() -> None:
    """Wherever it stands in the text."""
    assert shown("got eyJhbGciOiJub25lIn0.e30. and eyJh") == "got <token> and eyJh"


@pytest.mark.parametrize(
    "options",
    [
        {"url": "ftp://127.0.0.1/"},
        {"url": "http:///me"},
        {"url": "http://127.0.0.1/", "carrier": "Cookie: session"},
        {"url": "http://127.0.0.1/", "carrier": "{token}"},
        {"url": "http://127.0.0.1/", "headers": ["no colon"]},
        {"url": "me:hunter2@127.0.0.1/"},
        {"url": "http://127.0.0.1/", "carrier": "Cookie: token=hunter2"},
        {"url": "http://127.0.0.1/", "headers": ["Authorization Bearer hunter2"]},
    ],
)
def test_what_cannot_be_asked_is_an_error(options: dict[str, Any]) -> None:
    """At once, and without a secret in it."""
    with pytest.raises(ValueError, match="expected a ") as caught:
        Target(**options)
    assert "hunter2" not in str(caught.value)


def test_no_secret_of_the_url_is_shown() -> None:
    """A scorecard is for others; and a password in the URL was sent to no one."""
    with pytest.raises(ValueError, match="must not contain a user name or password: --header") as caught:
        Target("https://me:hunter2@127.0.0.1/")
    assert "hunter2" not in str(caught.value)
    with Target("http://127.0.0.1/me?key=hunter2") as target:
        assert target.url == "http://127.0.0.1/me?..."


@pytest.mark.slow
@pytest.mark.parametrize(
    ("octets", "slowly", "said"),
    [
        (b"", b"", "not answered: the connection was closed without an answer"),
        (b"nonsense\r\n\r\n", b"", "not answered: it does not answer in HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 500, "not answered: nothing came within 1 s"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"", "answered 200"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b"x" * 500, "answered 200"),
    ],
)
def test_an_answer_is_not_waited_for_for_ever(
    octets: bytes, slowly: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slowly it comes, which would take 25 seconds: each octet begins a socket's own timeout anew."""
    monkeypatch.setattr("rightkey.drill.target.PATIENCE", 1.0 if slowly else 60.0)
    with Wire(octets, slowly) as service, Target(service.url) as target:
        answer = target.ask("t")
    assert str(answer) == said
    assert answer.seconds < 20


def test_a_port_without_a_listener(free_port: int) -> None:
    """Its reason is told."""
    with Target(f"http://127.0.0.1:{free_port}/") as target:
        assert str(target.ask()) == "not answered: connection refused"
        assert not target.listens()


def test_tls_that_is_not_trusted_or_not_there(tmp_path: Path) -> None:
    """The one says that the certificate is not trusted, the other that it is no TLS."""
    bad = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    with Wire(bad) as plain, LocalIssuer(tls=True, algorithm="ES256") as issuer:
        with Target(issuer.urls["jwks"]) as target:
            answer = target.ask()
        assert answer.untrusted
        assert str(answer).startswith("not answered: its certificate is not trusted: ")
        with Target(plain.url.replace("http:", "https:")) as target:
            assert str(target.ask()) == "not answered: it does not speak TLS"
        with Target(issuer.urls["jwks"], ca_file=str(issuer.ca_file)) as target:
            assert target.ask().accepted
            assert target.listens()
    with pytest.raises((OSError, ssl.SSLError)):
        Target("https://127.0.0.1/", ca_file=str(tmp_path / "none.pem"))
