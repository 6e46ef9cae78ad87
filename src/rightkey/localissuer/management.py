"""How an issuer is managed over HTTP: its keys as at Auth0, everything else by routes of our own.

Everything lies below the issuer's own URL. It is not counted, and neither faults nor limits apply to it. A
browser's page of another origin gets nothing here, nor does one that rebinds its name to this machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha1
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

import orjson

from rightkey.jose import strictjson
from rightkey.localissuer.answers import Answer, Document, Request, oauth_error
from rightkey.localissuer.clients import Client
from rightkey.localissuer.keys import selfsigned
from rightkey.localissuer.misbehaving.faults import FAULTS, fault
from rightkey.localissuer.origins import refused
from rightkey.localissuer.tokens.attacks import ATTACKS

if TYPE_CHECKING:
    from rightkey.localissuer.issuer import Issuer
    from rightkey.localissuer.keys.signing import SigningKey
    from rightkey.localissuer.misbehaving.recorder import Recorded

OURS, AUTH0 = "/_rightkey", "/api/v2/keys/signing"
_LAST = 100  # requests listed by default
_SECRET = frozenset({"authorization", "proxy-authorization", "cookie"})
_NUMBER = (int, float)


@dataclass(frozen=True, slots=True)
class Call:
    """What a request asks for: the part of the path that varies, the query, and the members of the body."""

    of: str
    query: Mapping[str, str]
    body: Document

    def only(self, **kinds: tuple[type, ...]) -> Document:
        """The body, if it has no other members than these, of these types. ValueError otherwise."""
        for name, value in self.body.items():
            if name not in kinds:
                raise ValueError(f"expected {', '.join(kinds) or 'no member'}, got {name!r}")
            if type(value) not in kinds[name]:
                raise ValueError(f"{name}: the value has the wrong type")
        return self.body


def manages(below: str, path: str) -> bool:
    """Whether a path is for management, at the issuer with this path."""
    rest = path.removeprefix(below)
    return path.startswith(below) and (rest.startswith((f"{OURS}/", f"{AUTH0}/")) or rest in (OURS, AUTH0))


def managed(issuer: Issuer, below: str, request: Request) -> Answer:
    """Do what the request asks for, and answer with JSON."""
    if refusal := refused(issuer, request):
        return refusal
    path = request.path.removeprefix(below).rstrip("/")
    found = [(route, match) for route in _ROUTES if (match := re.fullmatch(route.path, path))]
    if not found:
        return oauth_error(404, "not_found")
    for route, match in found:
        if route.method == request.method:
            return _done(route, issuer, unquote("".join(match.groups())), request)
    return oauth_error(405, "method_not_allowed", {"allow": ", ".join(route.method for route, _ in found)})


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path, and what they do: the answer is the JSON of what the function returns."""

    method: str
    path: str
    do: Callable[[Issuer, Call], Any]
    status: int = 200


def _done(route: Route, issuer: Issuer, of: str, request: Request) -> Answer:
    query = {name: values[-1] for name, values in parse_qs(request.target.partition("?")[2]).items()}
    try:
        body = strictjson.read_object(request.body) if request.body.strip() else {}
        document = route.do(issuer, Call(of, query, body))
    except LookupError as error:
        return oauth_error(HTTPStatus.NOT_FOUND, "not_found", why=str(error.args[0]))
    except (ValueError, TypeError) as error:
        return oauth_error(HTTPStatus.BAD_REQUEST, "invalid_request", why=str(error))
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    return Answer(route.status, headers, orjson.dumps(document))


# -- Auth0's: https://auth0.com/docs/api/management/v2/keys ------------------------------------------------


def signing_keys(issuer: Issuer, _: Call) -> list[Document]:
    ring = issuer.ring.state
    roles = ["current", "next", *["previous"] * (len(ring.keys) - 2)]
    listed = [_signing_key(key, role) for key, role in zip(ring.keys, roles, strict=True)]
    listed[0]["current_since"] = datetime.fromtimestamp(ring.since, UTC).isoformat()
    return listed + [_signing_key(key, "revoked") for key in ring.revoked]


def _signing_key(key: SigningKey, role: str) -> Document:
    shown: Document = {"kid": key.kid}
    shown |= {each: each == role for each in ("current", "next", "previous", "revoked")}
    if key.certificate is not None:
        # SHA-1 names it and proves nothing
        thumbprint = sha1(key.certificate, usedforsecurity=False).hexdigest().upper()
        shown["cert"] = selfsigned.pem(key.certificate).decode("ascii")
        shown["thumbprint"] = thumbprint
        shown["fingerprint"] = ":".join(re.findall("..", thumbprint))
    return shown


def _turned(key: SigningKey) -> Document:
    shown = _signing_key(key, "")
    return {name: shown[name] for name in ("kid", "cert") if name in shown}


def _rotate_as_auth0(issuer: Issuer, _: Call) -> Document:
    return _turned(issuer.rotate())


def _revoke(issuer: Issuer, call: Call) -> Document:
    return _turned(issuer.revoke(call.of))


# -- ours --------------------------------------------------------------------------------------------------


def overview(issuer: Issuer, _: Call) -> Document:
    return {
        "issuer": issuer.url,
        "audience": issuer.audience,
        "algorithm": issuer.algorithm,
        "metadata_url": issuer.urls["discovery"],
        "jwks_uri": issuer.urls["jwks"],
        "endpoints": {name: url for name, url in issuer.urls.items() if not name.startswith("attacker")},
        "clients": issuer.clients.names(),
        "attacks": list(ATTACKS),
        "faults": list(FAULTS),
    }


def _token(issuer: Issuer, call: Call) -> Document:
    given = call.only(claims=(dict,), header=(dict,), kid=(str,))
    kid = given.get("kid")
    fitting = [key for key in (*issuer.keys, *issuer.revoked) if key.kid == kid]
    if kid is not None and not fitting:
        raise LookupError(f"no key has the kid {kid!r}")
    signer = fitting[0] if fitting else None
    return {"token": issuer.mint(given.get("claims", {}), key=signer, header=given.get("header"))}


def _opaque(issuer: Issuer, call: Call) -> Document:
    return {"token": issuer.opaque(**call.only(claims=(dict,)).get("claims", {}))}


def _attack(issuer: Issuer, call: Call) -> Document:
    if call.of not in ATTACKS:
        raise LookupError(f"expected one of {', '.join(ATTACKS)}, got {call.of!r}")
    claims = call.only(claims=(dict,)).get("claims", {})
    return {"token": issuer.attack(call.of, **claims), "why": ATTACKS[call.of].why}


def _attacks(_: Issuer, __: Call) -> Document:
    return {name: attack.why for name, attack in ATTACKS.items()}


def _misbehave(issuer: Issuer, call: Call) -> Document:
    given = call.only(
        endpoint=(str,),
        fault=(str,),
        options=(dict,),
        times=(int,),
        every=(int,),
        ratio=_NUMBER,
        seed=(int,),
    )
    what = fault(str(given.get("fault")), **given.get("options", {}))
    rule = {name: given[name] for name in ("times", "every", "ratio", "seed") if name in given}
    issuer.script.plan(str(given.get("endpoint")), what, **rule)
    return _planned(issuer, call)


def _behave(issuer: Issuer, call: Call) -> Document:
    issuer.script.clear(call.query.get("endpoint"))
    return _planned(issuer, call)


def _planned(issuer: Issuer, _: Call) -> Document:
    return {"planned": issuer.script.planned()}


def _requests(issuer: Issuer, call: Call) -> Document:
    last = int(call.query.get("last", _LAST))
    listed = [_recorded(one) for one in issuer.requests.recorded[-last:]] if last > 0 else []
    return {"counts": issuer.requests.counts, "total": issuer.requests.total, "requests": listed}


def _recorded(one: Recorded) -> Document:
    headers = {name: _scheme(text) + "..." if name in _SECRET else text for name, text in one.headers.items()}
    return {"method": one.method, "path": one.path, "headers": headers}


def _scheme(credentials: str) -> str:
    scheme, space, _ = credentials.partition(" ")
    return f"{scheme} " if space else ""


def _forget_requests(issuer: Issuer, call: Call) -> Document:
    issuer.requests.clear()
    return _requests(issuer, call)


def _clock(issuer: Issuer, _: Call) -> Document:
    return issuer.clock.state()


def _set_clock(issuer: Issuer, call: Call) -> Document:
    given = call.only(freeze=(bool, *_NUMBER), advance=_NUMBER, skew=_NUMBER, resume=(bool,))
    if len(given) != 1:
        raise ValueError("expected one of freeze, advance, skew and resume")
    ((what, value),) = given.items()
    if what in ("advance", "skew"):
        getattr(issuer.clock, what)(value)
    elif what == "freeze" and value is not False:
        issuer.clock.freeze(None if value is True else value)
    else:
        issuer.clock.resume()
    return issuer.clock.state()


def _rotate(issuer: Issuer, call: Call) -> Document:
    return _turned(issuer.rotate(surprise=call.only(surprise=(bool,)).get("surprise", False)))


def _swap(issuer: Issuer, _: Call) -> Document:
    return _turned(issuer.swap())


def _clients(issuer: Issuer, _: Call) -> Document:
    return {"clients": issuer.clients.names()}


def _add_client(issuer: Issuer, call: Call) -> Document:
    given = call.only(secret=(str,), redirect_uris=(list,))
    client = Client(call.of, given.get("secret"), tuple(map(str, given.get("redirect_uris", ()))))
    issuer.clients.add(client)
    return {name: value for name, value in asdict(client).items() if name not in ("secret", "any_secret")}


_ROUTES = (
    Route("GET", AUTH0, signing_keys),
    Route("POST", f"{AUTH0}/rotate", _rotate_as_auth0, 201),
    Route("PUT", f"{AUTH0}/([^/]+)/revoke", _revoke, 201),
    Route("GET", OURS, overview),
    Route("GET", f"{OURS}/keys", signing_keys),
    Route("POST", f"{OURS}/keys/rotate", _rotate, 201),
    Route("POST", f"{OURS}/keys/swap", _swap, 201),
    Route("POST", f"{OURS}/token", _token, 201),
    Route("POST", f"{OURS}/opaque", _opaque, 201),
    Route("GET", f"{OURS}/attacks", _attacks),
    Route("POST", f"{OURS}/attacks/([^/]+)", _attack, 201),
    Route("GET", f"{OURS}/faults", _planned),
    Route("POST", f"{OURS}/faults", _misbehave, 201),
    Route("DELETE", f"{OURS}/faults", _behave),
    Route("GET", f"{OURS}/requests", _requests),
    Route("DELETE", f"{OURS}/requests", _forget_requests),
    Route("GET", f"{OURS}/clock", _clock),
    Route("POST", f"{OURS}/clock", _set_clock),
    Route("GET", f"{OURS}/clients", _clients),
    Route("PUT", f"{OURS}/clients/([^/]+)", _add_client, 201),
)
ROUTES = tuple((route.method, re.sub(r"\(.*?\)", "{}", route.path)) for route in _ROUTES)
"""Every method and path, with `{}` for what varies."""
