"""`rightkey inspect` as a process: it says where the page is, serves it, and ends when it is told to."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.slow
COMMAND = [sys.executable, "-W", "error", "-m", "rightkey", "inspect"]
PATIENCE = 120


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    """The command, running."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*COMMAND, "--json"], text=True, **pipes) as process:
        yield process
        process.kill()


def url_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    url: str = json.loads(process.stdout.readline())["url"]
    return url


def answered(url: str, host: str | None = None) -> http.client.HTTPResponse:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    try:
        connection.request("GET", parts.path, headers={"host": host or parts.netloc})
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_interrupted(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """On loopback, under a path that cannot be guessed; it then ends with 0 and has written nothing more."""
    url = url_of(process)
    assert url.startswith("http://127.0.0.1:")
    assert len(urlsplit(url).path.strip("/")) >= 22
    assert answered(url).status == 200
    assert answered(url, "evil.example").status == 403
    assert answered(url.rpartition("/")[0].rpartition("/")[0] + "/").status == 404
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stdout, stderr) == (0, "", "")


def test_garbage_does_not_stop_it(process: subprocess.Popen[str]) -> None:
    """Nor does a client that goes away."""
    url = url_of(process)
    parts = urlsplit(url)
    head = f"POST {parts.path}decode HTTP/1.1\r\nHost: {parts.netloc}\r\nOrigin: http://{parts.netloc}\r\n"
    for octets in (b"\0" * 100, b"GET / HTTP/1.1\r\n\r\n", (head + "Content-Length: 9\r\n\r\nx").encode()):
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=PATIENCE) as client:
            client.sendall(octets)
    assert answered(url).status == 200


def test_a_port_that_is_taken_is_a_mistake() -> None:
    """As for each command that listens; so is a file of authorities that is none."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*COMMAND, "--port", str(port)], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: 127.0.0.1 port {port}: ")
    done = subprocess.run(
        [*COMMAND, "--ca-file", os.devnull], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 2
