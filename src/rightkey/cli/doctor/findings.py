"""What the doctor judges: an examination, as it was recorded; and what it says: findings with a way out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

from rightkey.errors import IssuerFault, RightkeyError
from rightkey.exchange import Response
from rightkey.issuer.discovery import Metadata, read_metadata
from rightkey.issuer.jwks import read_jwks
from rightkey.issuer.name import Issuer
from rightkey.jose import strictjson
from rightkey.jose.keyset import KeySet

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


class Trouble(NamedTuple):
    """What one check found: how bad it is, what is wrong, and what to do."""

    severity: Severity
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A trouble, with the check that found it and where the rule stands."""

    check: str
    severity: Severity
    message: str
    hint: str | None
    reference: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange: what was asked, when, and what came of it: a response or a failure's reason and message.

    `began` is a Unix time, `seconds` how long it took. `step` is `openid`, `oauth`, `keys` or `keys again`.
    """

    step: str
    url: str
    began: float
    seconds: float
    response: Response | None = None
    failure: str | None = None
    message: str = ""

    @property
    def answer(self) -> str:
        """The status, or the reason why there is none."""
        return str(self.failure if self.response is None else self.response.status)

    @property
    def good(self) -> bool:
        """Whether it was answered with 200."""
        return self.response is not None and self.response.status == 200


@dataclass(frozen=True)
class Examination:
    """An issuer, as it answered.

    Args:
        issuer: the one that was named.
        exchanges: all of them, in their order.
        families: `IPv4`, `IPv6`: the addresses of its host; empty where that was not looked up.
        tls_until: when the TLS certificate of its host ends, as a Unix time; None where there is none.
        token_error: why a token is refused; None if none was given or it is valid.
        token_claims: the claims of a token that is valid.
    """

    issuer: Issuer
    exchanges: tuple[Exchange, ...]
    families: tuple[str, ...] = ()
    tls_until: float | None = None
    token_error: RightkeyError | None = None
    token_claims: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def step(self, name: str) -> Exchange | None:
        """The exchange of this step."""
        return next((one for one in self.exchanges if one.step == name), None)

    @property
    def reached(self) -> bool:
        """Whether the issuer answered anything at all."""
        return any(one.response is not None for one in self.exchanges)

    @property
    def document(self) -> Exchange | None:
        """The exchange that metadata come from: the first that was answered with 200, else the last."""
        of = [one for one in self.exchanges if one.step in ("openid", "oauth")]
        return next((one for one in of if one.good), of[-1] if of else None)

    @cached_property
    def members(self) -> Mapping[str, Any]:
        """The metadata as they stand, judged or not; empty where they cannot be read."""
        document = self.document
        return {} if document is None or not document.good else members_of(document)

    @cached_property
    def metadata(self) -> Metadata | IssuerFault | None:
        """The metadata, or why they cannot be accepted; None where there was no answer."""
        document = self.document
        if document is None or document.response is None:
            return None
        try:
            return read_metadata(self.issuer, document.response)
        except IssuerFault as error:
            return error

    @cached_property
    def keys(self) -> KeySet | IssuerFault | None:
        """The key set, or why it cannot be read; None where there was no answer."""
        exchange = self.step("keys")
        if exchange is None or exchange.response is None:
            return None
        try:
            return read_jwks(exchange.response)
        except IssuerFault as error:
            return error

    @property
    def usable(self) -> KeySet:
        """The key set; an empty one where it cannot be read."""
        return self.keys if isinstance(self.keys, KeySet) else KeySet(())


def members_of(exchange: Exchange) -> Mapping[str, Any]:
    """The members of a JSON object that was answered; none where it is something else."""
    if exchange.response is None:
        return {}
    try:
        return strictjson.read_object(strictjson.without_mark(exchange.response.body), None)
    except ValueError:
        return {}
