"""What the page asks: the documents of the commands, and no request without a confirmed host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rightkey.cli import decode
from rightkey.cli.connection import Connection
from rightkey.cli.errors import BadUse
from rightkey.cli.inspect.questions import Question, Questions
from rightkey.errors import Misconfigured
from rightkey.localissuer import LocalIssuer

QUESTIONS = Questions(Connection(None, None))


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


def asked(issuer: LocalIssuer, **changes: str) -> Question:
    """A question with all that is needed."""
    given = {
        "token": issuer.token(sub="alice"),
        "issuer": issuer.url,
        "audience": issuer.audience,
        "host": issuer.address.origin.partition("://")[2],
    }
    return Question.of(given | changes)


def requests(issuer: LocalIssuer) -> int:
    return sum(issuer.requests.counts.values())


@pytest.mark.parametrize("given", [None, [], "x", {"at": "1"}, {"token": None}, {"profile": "none"}])
def test_a_question_is_five_strings(given: Any) -> None:
    """Anything else is a misuse."""
    with pytest.raises(BadUse):
        Question.of(given)


def test_white_space_around_a_field_is_none_of_it() -> None:
    """It is pasted along."""
    assert Question.of({"issuer": " a.example\n", "token": "\tx "}) == Question("x", "a.example")


def test_a_token_is_verified(issuer: LocalIssuer) -> None:
    """In the document of `verify --json`, path and key included."""
    verdict = QUESTIONS.verify(asked(issuer))
    assert verdict["valid"] is True
    assert verdict["claims"]["sub"] == "alice"
    assert verdict["key"]["kid"] == issuer.current.kid
    assert [step["outcome"] for step in verdict["steps"]][:7] == ["ok"] * 7


@pytest.mark.parametrize("audience", ["", "another"])
def test_an_audience_is_checked_where_one_is_given(issuer: LocalIssuer, audience: str) -> None:
    """None is any."""
    assert QUESTIONS.verify(asked(issuer, audience=audience))["valid"] is (audience == "")


def test_a_kind_is_expected(issuer: LocalIssuer) -> None:
    """An access token is no logout token."""
    verdict = QUESTIONS.verify(asked(issuer, profile="logout"))
    assert verdict["error"]["code"] == "claims_rejected"


def test_an_issuer_is_located(issuer: LocalIssuer) -> None:
    """In the document of `locate --json`."""
    located = QUESTIONS.locate(asked(issuer))
    assert located["issuer"] == issuer.url
    assert issuer.current.kid in [key["kid"] for key in located["keys"]]


def test_an_issuers_fault_is_told(issuer: LocalIssuer) -> None:
    """As the commands do."""
    question = asked(issuer)
    issuer.close()
    assert QUESTIONS.locate(question)["error"]["code"] == "discovery_failed"
    assert QUESTIONS.verify(question)["valid"] is None


@pytest.mark.parametrize("host", ["", "127.0.0.1", "evil.example"])
@pytest.mark.parametrize("ask", [QUESTIONS.verify, QUESTIONS.locate])
def test_nothing_is_asked_of_a_host_that_was_not_confirmed(
    issuer: LocalIssuer, ask: Callable[[Question], Any], host: str
) -> None:
    """The refusal names the host."""
    with pytest.raises(BadUse, match="was not confirmed") as caught:
        ask(asked(issuer, host=host))
    assert caught.value.hint is not None
    assert issuer.address.origin.partition("://")[2] in caught.value.hint
    assert requests(issuer) == 0


def test_reading_and_planning_send_nothing(issuer: LocalIssuer) -> None:
    """A token's own issuer is not asked for being named in it."""
    question = asked(issuer, host="")
    assert QUESTIONS.decode(question) == decode.document(question.token)
    assert QUESTIONS.plan(question)["host"] == issuer.address.origin.partition("://")[2]
    assert requests(issuer) == 0


@pytest.mark.parametrize(
    ("issuer", "host"),
    [
        ("tenant.eu.auth0.com", "tenant.eu.auth0.com"),
        ("https://issuer.example:8443/tenant", "issuer.example:8443"),
        ("https://securetoken.google.com/project", "securetoken.google.com"),
    ],
)
def test_the_host_is_the_one_that_is_asked(issuer: str, host: str) -> None:
    """With its port."""
    assert QUESTIONS.plan(Question(issuer=issuer))["host"] == host


def test_the_host_of_an_issuer_without_metadata_is_that_of_its_keys() -> None:
    """Such as a load balancer, whose issuer is no URL."""
    balancer = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/a/0123456789abcdef"
    assert QUESTIONS.plan(Question(issuer=balancer))["host"] == "public-keys.auth.elb.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    "issuer", ["", "http://issuer.example", "https://a.example\\@evil.example", "https://u@a.example", "a b"]
)
def test_what_is_no_issuer_is_asked_nothing(issuer: str) -> None:
    """And says why."""
    for ask in (QUESTIONS.plan, QUESTIONS.verify, QUESTIONS.locate):
        with pytest.raises(Misconfigured):
            ask(Question(issuer=issuer))


def test_plain_http_is_for_hosts_that_were_allowed() -> None:
    """When the command was started."""
    allowing = Questions(Connection(None, None, ("keycloak",)))
    assert allowing.plan(Question(issuer="http://keycloak:8080/realms/r"))["host"] == "keycloak:8080"
