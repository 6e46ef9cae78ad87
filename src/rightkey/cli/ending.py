"""How an error ends a run: its exit code, its words and its JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import click

from rightkey.cli.moments import at_times
from rightkey.cli.output import words
from rightkey.errors import (
    Failure,
    InsufficientScope,
    IssuerFault,
    IssuerUnavailable,
    Misconfigured,
    RightkeyError,
    TokenRejected,
)

DEFECT = 70
INTERRUPTED = 130
_CODES: dict[type[Exception], int] = {TokenRejected: 1, Misconfigured: 2, IssuerFault: 3}

_WAYS_OUT = {
    ("exp", "expired"): "ask the issuer for a fresh token; --at TIME judges this one as of another time",
    ("exp", "missing"): "--no-exp accepts a token that never expires",
    ("nbf", "not_yet_valid"): "does the clock here agree with the issuer's? --leeway SECONDS allows for it",
    ("aud", "missing"): "the token is for no api in particular; --any-audience accepts that",
    ("aud", "mismatch"): "the token is for another api, or --audience is not how the issuer names this one",
    ("typ", "mismatch"): "the token is of another kind; --profile says which kind is meant",
    ("iss", "mismatch"): "whose token should it be? --issuer names it, letter by letter",
}
"""What to try on the command line for a claim that was not as required."""
_IN_OUR_WORDS = {
    "algorithm_not_allowed": "if the issuer does sign with it, allow it by name with --alg",
    "token_missing": "give it as TOKEN, or on stdin",
}
_SHOWN = 300


class BadUse(click.UsageError):
    """The command line asks for what cannot be done, or names a file that cannot be read."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def ended_by(error: Exception) -> int:
    """Tell an error that ended a run, and return the exit code."""
    if isinstance(error, RightkeyError):
        return tell(error)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return 2
    if isinstance(error, click.ClickException):
        return _misused(error)
    if isinstance(error, click.Abort):
        return INTERRUPTED
    words("error", f"a defect of rightkey: {type(error).__name__} at {_place(error)}")
    words("hint", "please report it with this line; it holds nothing of a token")
    return DEFECT


def exit_code(error: RightkeyError) -> int:
    """Whose turn it is."""
    return next(code for kind, code in _CODES.items() if isinstance(error, kind))


def tell(error: RightkeyError, now: float | None = None) -> int:
    """Say what is wrong, claim by claim, and what to do; return the exit code.

    Args:
        now: the time by which claims were judged, if they were.
    """
    told = [_told(failure, now) for failure in getattr(error, "failures", ())]
    words("error", str(error), *told)
    for hint in _hints(error):
        words("hint", hint)
    return exit_code(error)


def as_json(error: RightkeyError) -> dict[str, Any]:
    """An error as JSON."""
    document: dict[str, Any] = {
        "code": error.code,
        "status": error.status,
        "message": str(error),
        "hint": "; ".join(_hints(error)) or None,
        "failures": [_failure(failure) for failure in getattr(error, "failures", ())],
    }
    if isinstance(error, IssuerUnavailable) and error.retry_after is not None:
        document["retry_after"] = math.ceil(error.retry_after)
    if isinstance(error, InsufficientScope):
        document |= {"required": error.required, "missing": error.missing}
    return document


def _hints(error: RightkeyError) -> list[str]:
    """The ways out, in the words of the command line where the library's are of its arguments."""
    failures = [(one.claim, one.reason) for one in getattr(error, "failures", ())]
    of_clocks = ("nbf", "not_yet_valid") in failures
    if (error.hint and not of_clocks) or error.code == "token_missing":
        return [_IN_OUR_WORDS.get(error.code) or str(error.hint)]
    return [_WAYS_OUT[failure] for failure in failures if failure in _WAYS_OUT]


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "claim": failure.claim,
        "reason": failure.reason,
        "expected": failure.expected,
        "got": failure.got,
    }


def _told(failure: Failure, now: float | None) -> str:
    """One claim on one line. The value is the token's own: here it is shown, in a log it would not be."""
    told = f"  {failure.claim} {failure.reason.replace('_', ' ')}"
    parts = []
    if failure.expected is not None:
        several = failure.expected if isinstance(failure.expected, list | tuple) else [failure.expected]
        parts.append(f"expected {' or '.join(_value(failure.claim, one) for one in several)}")
    if failure.reason != "missing":
        parts.append(f"got {_value(failure.claim, failure.got, now)}")
    return f"{told}: {', '.join(parts)}" if parts else told


def _value(claim: str, value: Any, now: float | None = None) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return at_times(claim, text[:_SHOWN] + "..." * (len(text) > _SHOWN), now)


def _misused(error: click.ClickException) -> int:
    message = error.format_message().rstrip(".")
    words("error", message[:1].lower() + message[1:])
    hint = getattr(error, "hint", None)
    context = getattr(error, "ctx", None)
    if hint is None and not isinstance(error, BadUse):
        hint = f"{context.command_path if context else 'rightkey'} --help"
    if hint:
        words("hint", hint)
    return 2


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "no line"
