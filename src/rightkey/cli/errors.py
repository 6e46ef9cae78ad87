"""How an error ends a run: its exit code, its words, and its JSON."""

from __future__ import annotations

import json
import math
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from rightkey.cli.output import data, words
from rightkey.cli.times import at_times
from rightkey.errors import (
    CODES,
    Failure,
    InsufficientScope,
    IssuerFault,
    IssuerUnavailable,
    Misconfigured,
    RightkeyError,
    TokenRejected,
    may_hold_secret,
)
from rightkey.exchange import ExchangeFailed

DEFECT = 70
INTERRUPTED = 130
_CODES: dict[type[Exception], int] = {TokenRejected: 1, Misconfigured: 2, IssuerFault: 3}

_WAYS_OUT = {
    ("exp", "expired"): "ask the issuer for a fresh token; --at TIME judges this one as of another time",
    ("exp", "missing"): "--no-exp accepts a token that never expires",
    ("nbf", "not_yet_valid"): "does the clock here agree with the issuer's? --leeway SECONDS allows for it",
    ("aud", "missing"): "the token names no audience; --any-audience accepts that",
    ("aud", "mismatch"): "the token is for another api, or --audience is not how the issuer names this one",
    ("typ", "mismatch"): "the token is of another kind; --profile says which kind you expect",
    ("iss", "mismatch"): "the issuer that is named must equal the token's iss letter by letter",
}
"""What to try on the command line for a claim that was not as required."""
_OPTIONS = {
    "algorithms": "--alg",
    "audience": "--audience",
    "keys": "--jwks",
    "leeway": "--leeway",
    "metadata_url": "--metadata-url",
    "plain_http": "--plain-http",
    "profile": "--profile",
    "provider": "--provider",
}
"""What a hint of the library calls by its argument, and the command line by an option."""
_ARGUMENT = re.compile(rf"\b({'|'.join(_OPTIONS)})=(?:\[?'([^']*)'\]?)?")
PAGE = "docs/troubleshooting.md"
"""Where each code has a section of its name."""
_REPORT = "please report it with this line; it holds nothing of a token"
_SHOWN = 300
_TYPED = re.compile(r"(?<!\w)(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\(.*\))", re.DOTALL)
"""What a message of click quotes of what was typed: a token or a key comes in the place of a command, too."""
_UNTRUSTED_TLS = (
    "--ca-file FILE names the authorities to trust for TLS, as SSL_CERT_FILE in the environment does; "
    "--truststore trusts those of the operating system"
)
_UNPROVED = "a proof is for a request, and there is none here; verify --sender bearer judges the rest of it"


class BadUse(click.UsageError):
    """The options contradict each other or say too little, or a file cannot be read."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def ended_by(error: Exception, *, as_json: bool = False) -> int:
    """Report an error that ended a run, and return the exit code.

    Args:
        as_json: one JSON document on stdout, `{"error": ...}`, instead of words on stderr.
    """
    if as_json and not isinstance(error, click.Abort):
        return _ended_as_json(error)
    if isinstance(error, RightkeyError):
        return tell(error)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return 2
    if isinstance(error, click.ClickException):
        return _misused(error)
    if isinstance(error, click.Abort):
        return INTERRUPTED
    words("error", _defect(error))
    words("hint", _REPORT)
    return DEFECT


def _ended_as_json(error: Exception) -> int:
    code, document = described(error)
    data({"error": document})
    return code


def described(error: Exception) -> tuple[int, dict[str, Any]]:
    """The exit code, and the error as JSON, of any error."""
    if isinstance(error, RightkeyError):
        return exit_code(error), as_json_document(error)
    if isinstance(error, click.ClickException):
        message, hint = _misuse(error)
        return 2, _plain_document("misconfigured", message, hint)
    return DEFECT, _plain_document("defect", _defect(error), _REPORT)


def _plain_document(code: str, message: str, hint: str | None) -> dict[str, Any]:
    facts: dict[str, Any] = {"status": None, "message": message, "hint": hint, "failures": []}
    return {"code": code, **facts, "page": page_of(code)}


def page_of(code: str) -> str | None:
    """Where a code's section is, in a checkout as on the site; None where there is none."""
    return f"{PAGE}#{code}" if code in CODES else None


def _defect(error: Exception) -> str:
    return f"a defect of rightkey: {type(error).__name__} at {_place(error)}"


def exit_code(error: RightkeyError) -> int:
    """1, 2 or 3: whose fault it is."""
    return next(code for kind, code in _CODES.items() if isinstance(error, kind))


def tell(error: RightkeyError, now: float | None = None) -> int:
    """Report what is wrong, claim by claim, what to do, and where to read on; return the exit code.

    Args:
        now: the time by which claims were judged, if they were.
    """
    told = [_told(failure, now) for failure in getattr(error, "failures", ())]
    words("error", str(error), *told)
    for hint in ways_out(error):
        words("hint", hint)
    if page := page_of(error.code):
        words("see", page)
    return exit_code(error)


def as_json_document(error: RightkeyError) -> dict[str, Any]:
    """An error as JSON."""
    document: dict[str, Any] = {
        "code": error.code,
        "status": error.status,
        "message": str(error),
        "hint": "; ".join(ways_out(error)) or None,
        "failures": [_failure(failure) for failure in getattr(error, "failures", ())],
        "page": page_of(error.code),
    }
    if isinstance(error, IssuerUnavailable) and error.retry_after is not None:
        document["retry_after"] = math.ceil(error.retry_after)
    if isinstance(error, InsufficientScope):
        document |= {"required": error.required, "missing": error.missing}
    return document


def ways_out(error: RightkeyError) -> list[str]:
    """The ways out, in the words of the command line where the library speaks of its arguments."""
    if _is_distrusted(error):
        return [_UNTRUSTED_TLS]
    failures = [(one.claim, one.reason) for one in getattr(error, "failures", ())]
    of_clocks = ("nbf", "not_yet_valid") in failures and "clock" in (error.hint or "clock")
    if error.code == "token_missing":
        return ["give it as TOKEN, or on stdin"]
    if getattr(error, "reason", None) == "proof_missing":
        return [_UNPROVED]
    if error.hint and not of_clocks:
        return [_ARGUMENT.sub(_option, error.hint)]
    return [_WAYS_OUT[failure] for failure in failures if failure in _WAYS_OUT]


def _option(argument: re.Match[str]) -> str:
    """The option, and its value where the hint gives one."""
    option, value = _OPTIONS[argument[1]], argument[2]
    return option if value is None else f"{option} {value}"


def _is_distrusted(error: BaseException | None) -> bool:
    """Whether it came from a server whose certificate is not trusted, and not from one without TLS."""
    while error is not None and not isinstance(error, ExchangeFailed):
        error = error.__cause__
    return error is not None and error.reason == "tls" and "certificate" in str(error)


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "claim": failure.claim,
        "reason": failure.reason,
        "expected": failure.expected,
        "got": failure.got,
    }


def _told(failure: Failure, now: float | None) -> str:
    """One claim on one line. It shows the token's own value, which a log must not."""
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
    message, hint = _misuse(error)
    words("error", message)
    if hint:
        words("hint", hint)
    return 2


def _misuse(error: click.ClickException) -> tuple[str, str | None]:
    """What is wrong with the command line, in our spelling, and the way out."""
    message = (getattr(error, "message", "") or error.format_message()).rstrip(".")
    if isinstance(error, (click.BadParameter, click.FileError)):
        message = error.format_message().rstrip(".")
    message = _TYPED.sub(_typed, message[:1].lower() + message[1:])
    if isinstance(error, BadUse):
        return message, error.hint
    context = getattr(error, "ctx", None)
    close = _suggestions(error, context)
    if close:
        return message, f"did you mean {close[0]}?"
    return message, f"{context.command_path if context else 'rightkey'} --help"


def _typed(words: re.Match[str]) -> str:
    return "(not shown: it may hold a secret)" if may_hold_secret(words[0][1:-1]) else words[0]


def _suggestions(error: click.ClickException, context: click.Context | None) -> list[str]:
    """Commands or options whose name is close to the one that was typed."""
    if context is None:
        return []
    if isinstance(error, click.NoSuchOption):
        known = [name for option in context.command.params for name in option.opts if name.startswith("--")]
        names = {name.removeprefix("--"): name for name in known}  # the dashes say nothing
        return [names[one] for one in get_close_matches(error.option_name.lstrip("-"), names, n=1)]
    if isinstance(context.command, click.Group) and error.message.startswith("No such command"):
        typed = error.message.split("'")[1]
        return get_close_matches(typed, context.command.list_commands(context), n=1)
    return []


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "no line"
