"""The tree of errors: whose fault, what status, and what survives pickling."""

from __future__ import annotations

import pickle

import pytest

from rightkey.errors import (
    CODES,
    Failure,
    InsufficientScope,
    IssuerFault,
    IssuerMisbehaved,
    IssuerUnavailable,
    Misconfigured,
    RightkeyError,
    TokenRejected,
)

EXPIRED = Failure("exp", "expired", "after 5", 4)
ERRORS: list[RightkeyError] = [
    TokenRejected("claims_rejected", "claims are not as required", hint="a hint", failures=(EXPIRED,)),
    InsufficientScope("scope_insufficient", "not granted", required="all_of(a, b)", missing="b"),
    IssuerUnavailable("keys_unavailable", "no answer", retry_after=3.5),
    IssuerMisbehaved("keyset_invalid", "not JSON"),
    Misconfigured("leeway is a number", hint="in seconds"),
]


@pytest.mark.parametrize(
    ("kind", "parent", "status"),
    [
        (TokenRejected, RightkeyError, 401),
        (InsufficientScope, TokenRejected, 403),
        (IssuerUnavailable, IssuerFault, 503),
        (IssuerMisbehaved, IssuerFault, 502),
        (Misconfigured, ValueError, None),
    ],
)
def test_the_tree(kind: type[RightkeyError], parent: type, status: int | None) -> None:
    """Each error is of its branch, and carries the status a service answers with."""
    assert issubclass(kind, parent)
    assert issubclass(kind, RightkeyError)
    assert kind.status == status


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_an_error_pickles(error: RightkeyError) -> None:
    """With everything it carries; its code is a documented one."""
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), again.args, vars(again)) == (str(error), error.args, vars(error))
    assert again.code in CODES


def test_an_outage_is_no_rejection() -> None:
    """To catch the one is not to catch the other."""
    assert not issubclass(IssuerFault, TokenRejected)
    assert not issubclass(TokenRejected, IssuerFault)


def test_a_message_is_the_message() -> None:
    """`str` is for people: the code stands apart, as does the hint."""
    assert [str(error) for error in ERRORS[:2]] == ["claims are not as required", "not granted"]
    assert str(ERRORS[4]) == "leeway is a number"
    assert (ERRORS[4].code, ERRORS[4].hint) == ("misconfigured", "in seconds")


def test_expired_says_that_a_fresh_token_may_pass() -> None:
    """Only where the time was up."""
    assert TokenRejected("claims_rejected", "m", failures=(Failure("aud", "mismatch"), EXPIRED)).expired
    assert not TokenRejected("claims_rejected", "m", failures=(Failure("aud", "mismatch"),)).expired
    assert not TokenRejected("token_malformed", "m").expired


def test_a_failure_does_not_show_what_the_token_said() -> None:
    """`got` is data for a program that asks, and stands in no repr that a log may hold."""
    failure = Failure("aud", "mismatch", ["api"], "secret-value")
    error = TokenRejected("claims_rejected", "m", failures=(failure,))
    assert failure.got == "secret-value"
    assert "secret-value" not in f"{failure!r} {error!r} {error} {error.failures}"
