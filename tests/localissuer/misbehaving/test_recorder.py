"""The local issuer's counts."""

from __future__ import annotations

import threading

from rightkey.localissuer.answers import Request
from rightkey.localissuer.misbehaving.recorder import Recorded, Requests

ASKED = Request("GET", "/keys?x", {"host": "a"})


def test_requests_are_counted_and_kept() -> None:
    """By endpoint, in all, and one by one."""
    requests = Requests()
    requests.note("jwks", ASKED)
    requests.note("other", ASKED)
    assert (requests["jwks"], requests["discovery"], requests.total) == (1, 0, 2)
    assert requests.recorded == [Recorded("GET", "/keys?x", {"host": "a"})] * 2
    assert repr(requests) == "Requests({'jwks': 1, 'other': 1})"
    requests.clear()
    assert (requests.total, requests.recorded) == (0, [])


def test_waiting_ends_with_the_request() -> None:
    """A test need not sleep to know that its request has come in."""
    requests = Requests()
    assert not requests.wait("jwks", timeout=0.01)
    thread = threading.Thread(target=requests.note, args=("jwks", ASKED))
    thread.start()
    assert requests.wait("jwks", timeout=60)
    thread.join()
