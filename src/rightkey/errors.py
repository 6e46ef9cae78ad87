"""What can go wrong, and whose fault it is.

    RightkeyError                       code, status, hint
    |-- TokenRejected             401   the token's fault; failures, expired
    |   |-- InsufficientScope     403   good token, too little in it; required, missing
    |   `-- RequestMalformed      400   several tokens in one request, or something else than a token
    |-- IssuerFault                     the issuer's fault
    |   |-- IssuerUnavailable     503   no answer, or no usable one; retry_after
    |   `-- IssuerMisbehaved      502   it answered with something that cannot be accepted
    `-- Misconfigured                   ours or yours: raised when an object is built, never per request

`verify` raises only TokenRejected, InsufficientScope and IssuerUnavailable; what reads requests for it also
RequestMalformed. A store of ours that does not answer is an IssuerUnavailable too (`store_unavailable`): for
the caller it is the same, since the token may be good and can be sent again.

A message never holds a token, a signature or a claim's value beyond the issuer and the key id: it may be
logged as it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from sys import float_info
from typing import Any, ClassVar

CODES: dict[str, str] = {
    "token_missing": "no token was given",
    "request_malformed": "the request carries several credentials, or one that is no bearer token",
    "token_malformed": "not a JWS in compact form, or its header or payload cannot be read",
    "algorithm_not_allowed": "the header's alg is not one of the allowed algorithms",
    "issuer_not_trusted": "the token names another issuer, or none",
    "key_not_found": "no signing key of the issuer fits the token's header",
    "certificate_rejected": "the key's certificate does not satisfy the policy",
    "signature_invalid": "a key fits, but it did not make the signature",
    "claims_rejected": "one or more claims are missing, malformed or not as required",
    "proof_rejected": "the token is bound to its sender and no good proof of that came, or it must be bound",
    "token_inactive": "the issuer says that the opaque token is not active",
    "token_revoked": "the token, its session, its subject or its issuer is on the denylist",
    "scope_insufficient": "the token is good, and does not grant what is required",
    "discovery_failed": "the issuer's metadata could not be fetched",
    "store_unavailable": "what remembers used proofs, or the denylist, did not answer",
    "introspection_failed": "the issuer could not be asked about an opaque token",
    "keys_unavailable": "the issuer's keys could not be fetched, or are too old to be trusted",
    "issuer_mismatch": "the metadata states another issuer than the one asked for",
    "metadata_invalid": "the metadata cannot be read, or lacks a usable jwks_uri",
    "keyset_invalid": "the JSON Web Key Set cannot be read, or holds no signing key",
    "misconfigured": "a setting is wrong",
}
"""Every code an error can carry, and what it means. Codes are stable; messages are not."""


MAX_QUOTED = 100
"""Characters of a setting that a message quotes."""
_KEY = (  # both are compiled with the first message that quotes: to do it here is 2 % of the import
    r"-----|^\s*[\[{<]|^\s*ey[\w-]+\.|(?<![A-Za-z0-9])ey[AJK][\w-]{6}|[A-Za-z0-9+/=]{60}"
    r"|(?=[\w=+-]{0,42}[A-Z])(?=[\w=+-]{0,42}[a-z])(?=[\w=+-]{0,42}[0-9])[\w=+-]{43}"
    r"|[@\uff20\ufe6b]|%40|[?#][^?#]*="
)
"""What can hardly be anything but a key or a token: PEM, JSON, a JWT wherever in it, base64, or 32 octets in
base64url, such as a JWK's `d`; or has a password in it: a URL with a user name, however spelt, or a query."""
_SUSPECT = (
    r"^(?![a-z]+://)(?s:.*?)"
    r"(?=[A-Za-z0-9+~]{0,21}[A-Z])(?=[A-Za-z0-9+~]{0,21}[a-z])(?=[A-Za-z0-9+~]{0,21}[0-9])[A-Za-z0-9+~]{22}"
    r"|[0-9a-f]{32}|[0-9]Q~|\b(gh[a-z]_|github_pat_|glpat-|sk[-_]|xox[a-z]-|AKIA|AIza|hvs\.)[\w-]{8}"
    r"|(?i:\b(bearer|basic|dpop)\s+\S"
    r"|(pass|pwd|secret|token|key|auth|sig|cred|cookie)[\w-]*['\"]?\s*(=|:\s)\s*\S)"
)
"""What may be a secret, and may be a name too: 16 octets in other letters, what issuers make for client
secrets, or a header that has one; or what is named so. It is not quoted, which is no reason to refuse it."""


def may_be_key(text: str) -> bool:
    """Whether a text can hardly be the name that was asked for: it may hold a key, a token or a password."""
    return re.search(_KEY, text) is not None


def may_hold_secret(text: str) -> bool:
    """Whether a text must not be shown, since it may hold a private key, a token or a password."""
    return may_be_key(text) or re.search(_SUSPECT, text) is not None


def quoted(setting: object) -> str:
    """A setting as a message may quote it: escaped, cut, and not where it may hold a password or a key.

    People paste private keys, tokens and URLs with passwords where a name or a number is asked for.
    """
    text = without_query(setting if isinstance(setting, str) else repr(setting))
    if "\n" in text or may_hold_secret(text):
        return "(not shown: it may hold a secret)"
    shown = text if len(text) <= MAX_QUOTED else text[:MAX_QUOTED] + "..."
    return ascii(shown) if isinstance(setting, str) else shown


def without_query(text: str) -> str:
    """A URL without its query and fragment, which may hold a password or a key; any other text as it is."""
    url, mark, rest = re.fullmatch("(?s)([^?#]*)([?#]?)(.*)", text).groups()  # type: ignore[union-attr]
    return f"{url}{mark}..." if mark and ("://" in url or "=" in rest) else text


def flag(name: str, value: Any) -> bool:
    """A setting that is True or False.

    Raises Misconfigured: to Python a text such as `false` is true, and the None of a configuration that lacks
    a value is false.
    """
    if not isinstance(value, bool):
        raise Misconfigured(f"{name} must be True or False, not {quoted(value)}")
    return value


def is_number(value: Any) -> bool:
    """Whether a setting is a finite number. True and False are none, and NaN, which compares with nothing."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= float_info.max


def are_strings(value: Any) -> bool:
    """Whether a setting is a collection of strings. A string is one of letters, each of which would count."""
    several = isinstance(value, Collection) and not isinstance(value, str)
    return several and all(isinstance(one, str) for one in value)


@dataclass(frozen=True, slots=True)
class Failure:
    """One claim that was not as required.

    `reason` is one of `missing`, `malformed`, `expired`, `not_yet_valid`, `mismatch`, `forbidden`.
    `got` is the token's own value: data on the error, never part of a message.
    """

    claim: str
    reason: str
    expected: Any = None
    got: Any = field(default=None, repr=False)


class RightkeyError(Exception):
    """The base of all errors of this library."""

    status: ClassVar[int | None] = None
    """The HTTP status a service should answer with; None where no request is being answered."""
    _step: str | None = None
    """The step of the path that it ends, where its code alone does not say that."""

    def __init__(self, code: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(code, message)  # args alone rebuild it: errors pickle without a reducer
        self.code = code
        self.hint = hint

    def __str__(self) -> str:
        return str(self.args[1])


class TokenRejected(RightkeyError):
    """The token is at fault: asking again with the same token does not help.

    But where `confirmed` is False: no newer keys could be asked for, since the budget of requests was spent.
    The token may then be tried again after `retry_after` seconds. `reason` says what is wrong with a proof,
    where the code is `proof_rejected`, and what was denied, where it is `token_revoked`; `nonce` is the one
    that the next proof must have, if it must have one.
    `scheme` is that of the `Authorization` header under which the token came, where that is known.
    """

    status = 401
    confirmed: bool = True
    retry_after: float | None = None
    nonce: str | None = None
    scheme: str | None = None

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str | None = None,
        failures: tuple[Failure, ...] = (),
        reason: str | None = None,
    ) -> None:
        super().__init__(code, message, hint=hint)
        self.failures = failures
        self.reason = reason

    @property
    def expired(self) -> bool:
        """Whether the token was refused because its time is up, so that a fresh one may pass."""
        return any(failure.reason == "expired" for failure in self.failures)


class InsufficientScope(TokenRejected):
    """The token is good, and does not grant what was asked (RFC 6750, section 3.1).

    `requirement` is what was required, a value of `rightkey.requirements`, and `required` its text. `missing`
    is the text of the part that the token lacks.
    """

    status = 403

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str | None = None,
        required: str = "",
        missing: str = "",
        requirement: Any = None,
    ) -> None:
        super().__init__(code, message, hint=hint)
        self.required = required
        self.missing = missing
        self.requirement = requirement


class RequestMalformed(TokenRejected):
    """The request carries several credentials, or one that cannot be a token (RFC 6750, section 3.1)."""

    status = 400


class IssuerFault(RightkeyError):
    """The issuer is at fault: the token may be good, and cannot be judged."""

    advice: ClassVar[str] = "the token may be good: try again later, with the same token"
    """What to do where no hint says more."""


class IssuerUnavailable(IssuerFault):
    """The issuer gave no usable answer. `retry_after` is in seconds."""

    status = 503

    def __init__(
        self, code: str, message: str, *, hint: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(code, message, hint=hint)
        self.retry_after = retry_after


class IssuerMisbehaved(IssuerFault):
    """The issuer answered, and its document cannot be accepted."""

    status = 502
    advice = "the token may be good, once the issuer has mended that: rightkey doctor shows what is wrong"


class Misconfigured(RightkeyError, ValueError):
    """A setting is wrong. Raised when an object is built, never while a request is answered.

    The message comes first, as of any ValueError: all but a few have the same code.
    """

    def __init__(self, message: str, code: str = "misconfigured", *, hint: str | None = None) -> None:
        super().__init__(code, message, hint=hint)
        self.args = (message, code)  # in the order of the arguments here: pickle calls the class with them

    def __str__(self) -> str:
        return str(self.args[0])
