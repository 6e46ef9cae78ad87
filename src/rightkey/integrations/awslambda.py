"""AWS Lambda: an authorizer for API Gateway, and a guard for handlers behind function URLs, load balancers
and API Gateway itself.

What an authorizer's refusal becomes is API Gateway's to say: it has neither challenges nor 503.

                                     REST APIs, websockets, 1.0    HTTP APIs, 2.0
    no token, or one that is refused 401 (`Unauthorized`)          403
    a token that grants too little   403 (Deny)                    403
    a proof that needs a nonce       403 (Deny)                    403
    the issuer cannot be asked       500 (the error is raised)     500 (the error is raised)

The nonce for a client's next proof is in the authorizer's context then, for the API to make a header of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, MutableMapping
from functools import wraps
from http import HTTPStatus
from typing import Any, NamedTuple, TypeAlias, Unpack

from rightkey.errors import InsufficientScope, IssuerFault, Misconfigured, TokenRejected, flag, quoted
from rightkey.integrations.awsevents import Event, HTTPEvent, mapping, request_of, request_to_authorize
from rightkey.integrations.bearer import BEARER, Bearer, Refusal, bearer_of
from rightkey.integrations.credential import NONCE, Credential, carried, renewed
from rightkey.integrations.settings import Settings, verifier_from
from rightkey.integrations.views import present
from rightkey.integrations.wsgi import Verifying
from rightkey.policy.presented import Presented
from rightkey.requirements import AllOf, required
from rightkey.telemetry.verdicts import tell_not_granted
from rightkey.verdict.verified import Verified
from rightkey.verifier.threads import Verifier

__all__ = ["Answer", "Event", "Scalar", "authorizer", "context_of", "protected"]

Answer: TypeAlias = dict[str, Any]
Scalar: TypeAlias = str | int | float | bool
Handler: TypeAlias = Callable[..., Any]


def context_of(token: Verified) -> Mapping[str, Scalar]:
    """What the API's integrations are told of a token by default: `sub`, `iss`, and `scope` as one string."""
    told = {"sub": token.subject, "iss": token.issuer, "scope": " ".join(sorted(token.scopes))}
    return {name: value for name, value in told.items() if isinstance(value, str) and value}


def authorizer(
    issuer: str | None = None,
    *,
    verifier: Verifying | None = None,
    context: Callable[[Verified], Mapping[str, Scalar]] = context_of,
    cached: bool = True,
    simple: bool = True,
    bearer: Bearer = BEARER,
    **settings: Unpack[Settings],
) -> Callable[..., Answer]:
    """The handler of a Lambda authorizer, for TOKEN and REQUEST events of the payloads 1.0 and 2.0.

    Args:
        issuer, verifier, bearer, settings: as in every integration; `require` also beside a verifier.
        context: what the API's integrations are told of a token: strings, numbers and booleans.
        cached: False where the authorizer's TTL is 0: a policy is for the one route, and proofs are verified.
            Else API Gateway keeps answers: one is for the whole stage, and a bound token is refused.
        simple: whether an HTTP API is set to take simple answers for the payload 2.0, and not policies.

    Raises:
        Misconfigured: a setting is wrong. The handler raises it for another event, or context: 500.
        IssuerFault: the handler, where the issuer cannot be asked: 500, which is not kept as a Deny is.
        Exception: the handler: `Unauthorized`, which API Gateway answers with 401.
    """
    requirement = required(settings.pop("require", ()))
    judge = verifier_from(Verifier, issuer, verifier, settings, authorizer)
    guard = _Guard(judge, bearer_of(bearer), requirement)
    return _authorizing(guard, context, cached=flag("cached", cached), simple=flag("simple", simple))


def protected(
    issuer: str | None = None,
    *,
    verifier: Verifying | None = None,
    optional: bool = False,
    bearer: Bearer = BEARER,
    **settings: Unpack[Settings],
) -> Callable[[Callable[[Event, Any, Any], Any]], Handler]:
    """A decorator of handlers: `handler(event, context, token)` is called for requests with a verified token,
    and others are answered with 401, 403 or 503. A CORS preflight gets an empty answer in its place.

    Args:
        issuer, verifier, bearer, settings: as in every integration (`rightkey.integrations.settings`);
            `require` may be given beside a verifier too.
        optional: call the handler for requests without a token too, preflights among them, with None for the
            token; a bad token is refused all the same.

    Raises:
        Misconfigured: a setting is wrong; and of the handler, where the event stands for no HTTP request.
    """
    requirement, optional = required(settings.pop("require", ())), flag("optional", optional)
    judge: Verifying = verifier_from(Verifier, issuer, verifier, settings, protected)
    guard = _Guard(judge, bearer_of(bearer).beside(judge), requirement)

    def decorate(handler: Callable[[Event, Any, Any], Any]) -> Handler:
        @wraps(handler)
        def guarded(event: Event, context: Any = None) -> Any:
            request, kept = request_of(event), dict[Any, Any]()
            if request.is_preflight and not optional:
                return _answer(event, Refusal(200, {}, {}))
            try:
                token = guard.token_or_none(request, kept) if optional else guard.token(request, kept)
                answer = handler(event, context, token)
            except (TokenRejected, IssuerFault) as error:
                answer = _answer(event, guard.bearer.refusal(error, requirement))
            return _renewing(event, answer, renewed(kept))

        return guarded

    return decorate


class _Guard(NamedTuple):
    """What takes the token of a request."""

    verifier: Verifying
    bearer: Bearer
    requirement: AllOf

    def token(self, request: HTTPEvent, kept: MutableMapping[Any, Any], *, proofs: bool = True) -> Verified:
        """The verified token. Raises as `verify`; also `token_missing`, `request_malformed`.

        Args:
            kept: where what the request presents is kept.
            proofs: whether what the request proves is looked at. If not, a bound token is refused.
        """
        return present(self.token_or_none(request, kept, proofs=proofs))

    def token_or_none(
        self, request: HTTPEvent, kept: MutableMapping[Any, Any], *, proofs: bool = True
    ) -> Verified | None:
        """Like `token`, but None if the request carries none."""
        headers, query, sent = request
        bearer = self.bearer
        if proofs:
            credential = carried(bearer, headers, query, lambda: sent, kept, optional=True)
        else:
            raw = bearer.token_or_none(headers, query)
            unproved = None if bearer.proofs(headers) is None else Presented("DPoP")
            credential = None if raw is None else Credential(raw, unproved)
        if credential is None:
            return None
        token = credential.verified(self.verifier.verify)
        token.require(self.requirement)
        return token


def _authorizing(
    guard: _Guard, context: Callable[[Verified], Mapping[str, Scalar]], *, cached: bool, simple: bool
) -> Callable[..., Answer]:
    def authorize(event: Event, _: Any = None) -> Answer:
        form, kept = _Form.of(event, cached=cached, simple=simple), dict[Any, Any]()
        try:
            token = guard.token(request_to_authorize(event, guard.bearer), kept, proofs=not cached)
        except InsufficientScope as error:
            tell_not_granted(error)
            return form.denied(error, renewed(kept))
        except TokenRejected as error:
            return form.refused(error)
        return form.allowed(token, _scalars(context(token)), renewed(kept))

    return authorize


class _Form:
    """How one event is answered."""

    def __init__(self, resource: str, *, simple: bool, raises: bool) -> None:
        self._resource, self._simple, self._raises = resource, simple, raises

    @classmethod
    def of(cls, event: Event, *, cached: bool, simple: bool) -> _Form:
        """By what came. Raises Misconfigured."""
        event = mapping(event)
        newer = event.get("version") == "2.0"
        arn = event.get("routeArn" if newer else "methodArn")
        if event.get("type") not in ("TOKEN", "REQUEST") or not isinstance(arn, str) or arn.count("/") < 2:
            raise Misconfigured(
                "the event is not one of an API Gateway's authorizer",
                hint="for the handler of an API itself take protected()",
            )
        api, stage, _ = arn.split("/", 2)
        return cls(f"{api}/{stage}/*" if cached else arn, simple=newer and simple, raises=not newer)

    def allowed(self, token: Verified, context: Mapping[str, Scalar], nonce: str | None) -> Answer:
        """Let it in."""
        return self._answer(token.subject or "", "Allow", {**context, **_told(nonce)})

    def denied(self, error: TokenRejected, nonce: str | None) -> Answer:
        """403. Gateway responses may show the code: `$context.authorizer.code`."""
        return self._answer("", "Deny", {"code": error.code, **_told(nonce)})

    def refused(self, error: TokenRejected) -> Answer:
        """401, where it can be said; a Deny, which has a context, where a nonce is to be told. A refusal that
        is kept must be final: what could not be confirmed, since the issuer may not be asked just now, is
        raised."""
        if error.nonce is not None or (not self._raises and error.confirmed):
            return self.denied(error, error.nonce)
        if not self._raises:
            raise error
        # The words are API Gateway's, for 401.
        raise Exception("Unauthorized") from error

    def _answer(self, principal: str, effect: str, context: Mapping[str, Scalar]) -> Answer:
        if self._simple:
            return {"isAuthorized": effect == "Allow", "context": dict(context)}
        statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": [self._resource]}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        return {"principalId": principal or "none", "policyDocument": policy, "context": dict(context)}


def _told(nonce: str | None) -> Mapping[str, Scalar]:
    return {} if nonce is None else {"dpopNonce": nonce}


def _scalars(context: Mapping[str, Any]) -> Mapping[str, Scalar]:
    """API Gateway answers 500 for anything else, and says not for what. Raises Misconfigured."""
    if not isinstance(context, Mapping):
        raise Misconfigured("context= must return a mapping of strings, numbers and booleans")
    for name, value in context.items():
        number = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
        if not isinstance(value, str) and not number:
            raise Misconfigured(f"context {quoted(name)} must be a string, a number or a boolean")
    return context


def _renewing(event: Event, answer: Any, nonce: str | None) -> Any:
    """A handler's answer with its client's next nonce, if it is one with a status, and has none itself."""
    if nonce is None or not isinstance(answer, Mapping) or "statusCode" not in answer:
        return answer
    several = "multiValueHeaders" in answer or ("headers" not in answer and _tells_each(event))
    member = "multiValueHeaders" if several else "headers"
    headers = answer.get(member) or {}
    if any(str(name).lower() == NONCE.lower() for name in headers):
        return answer
    return {**answer, member: {**headers, NONCE: [nonce] if several else nonce}}


def _answer(event: Event, refusal: Refusal) -> Answer:
    """As the sender of the event reads it: one that tells each value of a header is told so, too."""
    body = refusal.content.decode() if refusal.body else ""
    headers = {**({"Content-Type": "application/json"} if body else {}), **refusal.headers}
    answer: Answer = {"statusCode": refusal.status, "body": body, "isBase64Encoded": False}
    if "elb" in mapping(event.get("requestContext")):
        answer["statusDescription"] = f"{refusal.status} {HTTPStatus(refusal.status).phrase}"
    if not _tells_each(event):
        return answer | {"headers": headers}
    return answer | {"multiValueHeaders": {name: [value] for name, value in headers.items()}}


def _tells_each(event: Event) -> bool:
    """Whether each value of a header is told, and read."""
    return event.get("multiValueHeaders") is not None
