"""Events: an endpoint for security events that a transmitter pushes (RFC 8417, RFC 8935, OpenID CAEP 1.0).

    session-revoked      the session of a complex subject is denied, or all of its user's tokens until then
    credential-change    all of the user's tokens until then
    any other            nothing is denied

    202    the event was taken, also where it came before
    400    `err` says what is wrong with it
    503    the transmitter's keys could not be fetched, or a store does not answer: it may be sent again

A transmitter denies tokens of its own issuer, and of no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rightkey.errors import TokenRejected
from rightkey.integrations.receiving import Answer, Asgi, Receiver, Wsgi, answer, malformed
from rightkey.issuer.identity import identity_of

_CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
DENYING = frozenset((_CAEP + "session-revoked", _CAEP + "credential-change"))
"""The events by which tokens are denied."""
_ERR = {
    "issuer_not_trusted": "invalid_issuer",
    "algorithm_not_allowed": "invalid_key",
    "key_not_found": "invalid_key",
    "certificate_rejected": "invalid_key",
    "signature_invalid": "invalid_key",
}


class _Events(Receiver):
    profile: ClassVar[str] = "event"
    media_type: ClassVar[str] = "application/secevent+jwt"
    once: ClassVar[bool] = False

    def _token(self, body: bytes) -> str:
        return body.decode("latin-1").strip()

    def _denials(self, claims: Mapping[str, Any]) -> list[dict[str, Any]]:
        named = [event for name, event in claims["events"].items() if name in DENYING]
        return [_denial(claims, event) for event in named]

    def _accepted(self) -> Answer:
        return answer(202)

    def _refused(self, error: TokenRejected) -> Answer:
        err = _ERR.get(error.code, "invalid_request")
        if any(failure.claim == "aud" for failure in error.failures):
            err = "invalid_audience"
        told = {"err": err, "description": str(error)}
        return answer(400, told, Content_Language="en")  # which RFC 8935, section 2.3, wants beside it


def _denial(claims: Mapping[str, Any], event: Mapping[str, Any]) -> dict[str, Any]:
    """What an event denies. Raises RequestMalformed: its subject is none that tokens can name."""
    subject: Any = claims.get("sub_id")
    at = event.get("event_timestamp", claims["iat"])
    if not isinstance(subject, dict) or type(at) not in (int, float):
        raise malformed("the event must have a sub_id, and its times must be numbers")
    if subject.get("format") == "complex":
        session = subject.get("session")
        if isinstance(session, dict) and session.get("format") == "opaque" and _is_name(session.get("id")):
            return {"sid": session["id"]}
        subject = subject.get("user")
    known = isinstance(subject, dict) and subject.get("format") == "iss_sub"
    if not known or not _is_name(subject.get("sub")):
        raise malformed("the event's sub_id must be an iss_sub, or complex with that as user, or a session")
    issuer = subject.get("iss")
    if not isinstance(issuer, str) or identity_of(issuer) != identity_of(claims["iss"]):
        raise malformed("the event's subject must be of the issuer that sent it")
    # No token is later than the event that tells of it; and early drafts wrote milliseconds.
    return {"sub": subject["sub"], "before": min(at, claims["iat"])}


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value != ""


class AsgiEvents(_Events, Asgi):
    """An ASGI application that takes security events by POST.

    Args:
        verifier: an `AsyncVerifier` with `profile="event"`, `require_exp=False`, the stream's audience, and
            the denylist of the verifiers that are to refuse.

    Raises:
        Misconfigured: it is not as described.
    """


class WsgiEvents(_Events, Wsgi):
    """The same as a WSGI application, with a `Verifier`."""
