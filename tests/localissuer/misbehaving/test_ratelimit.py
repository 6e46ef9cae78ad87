"""The local issuer's limit, by a clock of the test's own."""

from __future__ import annotations

import pytest

from rightkey.localissuer import LocalIssuer, RateLimit
from rightkey.localissuer.answers import Request
from rightkey.localissuer.misbehaving.ratelimit import Bucket


class Now:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_and_no_more() -> None:
    """The answer says how many are left, when the bucket is full again, and when to come back."""
    bucket = Bucket(RateLimit(burst=2, per_second=0.5), Now())
    drawn = [bucket.draw() for _ in range(3)]
    assert [one.passes for one in drawn] == [True, True, False]
    assert drawn[0].headers == {
        "x-ratelimit-limit": "2",
        "x-ratelimit-remaining": "1",
        "x-ratelimit-reset": "1002",
    }
    assert drawn[2].headers["retry-after"] == "2"
    assert drawn[2].headers["x-ratelimit-reset"] == "1004"


def test_it_fills_by_the_clock() -> None:
    """Never beyond the burst; a clock that is set back takes nothing away."""
    now = Now()
    bucket = Bucket(RateLimit(burst=2, per_second=1), now)
    for _ in range(2):
        bucket.draw()
    now.now += 1
    assert [bucket.draw().passes for _ in range(2)] == [True, False]
    now.now -= 500
    assert not bucket.draw().passes
    now.now += 100
    assert [bucket.draw().passes for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(("burst", "rate"), [(0, 1.0), (1, 0.0)])
def test_a_limit_lets_something_through(burst: int, rate: float) -> None:
    """Or it is refused when it is made."""
    with pytest.raises(ValueError, match="expected a burst and a rate above zero"):
        RateLimit(burst, rate)


def test_an_issuer_refuses_the_twenty_first() -> None:
    """As Auth0's free tier does; what manages it is not counted, and the requests refused are."""
    now = Now()
    issuer = LocalIssuer(algorithm="ES256", rate_limit=RateLimit(), clock=now)
    ask = Request("GET", "/.well-known/jwks.json", {})
    answers = [issuer.respond(ask) for _ in range(21)]
    assert [answer.status for answer in answers] == [200] * 20 + [429]
    assert answers[0].headers["x-ratelimit-remaining"] == "19"
    assert answers[20].headers["retry-after"] == "1"
    assert issuer.respond(Request("GET", "/_rightkey", {})).status == 200
    assert issuer.requests["jwks"] == 21
    now.now += 0.0625
    assert issuer.respond(ask).status == 200
