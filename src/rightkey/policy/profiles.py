"""Kinds of token, and what each asks beyond a signature and the registered claims.

    access    typ absent, JWT or at+jwt     what Auth0, Okta, Entra ... issue for an API
    at+jwt    typ at+jwt                    RFC 9068, strictly
    id        typ absent or JWT             OpenID Connect Core 1.0, section 3.1.3.7
    logout    typ absent, JWT, logout+jwt   OpenID Connect Back-Channel Logout 1.0, section 2.6
    id-jag    typ oauth-id-jag+jwt          draft-ietf-oauth-identity-assertion-authz-grant-03, section 3.1
    event     typ secevent+jwt              a security event (RFC 8417), by the Shared Signals Framework 1.0
    any       every typ                     nothing is asked: you decide

One kind is never taken for another (RFC 8725, sections 3.11 and 3.12): `typ` tells, and of a logout token
its event, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from rightkey.errors import Failure, Misconfigured, quoted
from rightkey.jose import base64url
from rightkey.jose.algorithms import ALGORITHMS

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class Evidence(NamedTuple):
    """What the profile judges: the header's `alg` and `typ`, the claims, and what the caller knows."""

    alg: str
    claims: Mapping[str, Any]
    audience: frozenset[str] | None
    nonce: str | None = None
    access_token: str | None = None
    since: float | None = None
    """When its subject must have been authenticated at the earliest, as a Unix time in seconds."""

    def __repr__(self) -> str:  # the rest is a token's, or a token
        return f"Evidence(alg={self.alg!r})"


class Profile(NamedTuple):
    """A row of the table. `types` are lower case, without `application/`; None stands for any."""

    name: str
    types: frozenset[str] | None
    required: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    rules: tuple[Callable[[Evidence], list[Failure]], ...] = ()
    takes_logout: bool = False
    """Whether a logout token is one of this kind. Judged where there are `events` at all, which is seldom."""

    @property
    def judges(self) -> bool:
        """Whether it looks at claims at all, but for `events`."""
        return bool(self.required or self.forbidden or self.rules)

    def type_failure(self, typ: str | None) -> Failure:
        """A `typ` of another kind of token."""
        return Failure("typ", "mismatch", sorted((self.types or frozenset()) - {""}), typ)

    def failures(self, evidence: Evidence) -> list[Failure]:
        """Everything this kind of token asks for and does not find."""
        claims = evidence.claims
        found = [Failure(name, "missing") for name in self.required if claims.get(name) is None]
        found += [Failure(name, "forbidden", None, claims[name]) for name in self.forbidden if name in claims]
        # What the caller presents, every kind must fit.
        rules = (*self.rules, _nonce, _access_token_hash, _auth_time)
        if not self.takes_logout:
            rules = (*rules, _no_logout)
        return found + [failure for rule in rules for failure in rule(evidence)]


def _authorized_party(evidence: Evidence) -> list[Failure]:
    """Where `aud` has names that are not ours, `azp` must be one that is (Core, section 3.1.3.7, 3 to 5).

    A token with further audiences that the client does not trust is to be refused, and `azp` is the one sign
    that it was made for this client. Elsewhere `azp` is its issuer's own affair since errata set 2: Google
    names the app there whose user a server is shown.
    """
    azp, aud, clients = evidence.claims.get("azp"), evidence.claims.get("aud"), evidence.audience
    if azp is not None and not isinstance(azp, str):
        return [Failure("azp", "malformed", "a string", azp)]
    several = aud if isinstance(aud, list) else []
    if clients is None or len(several) < 2 or all(isinstance(one, str) and one in clients for one in several):
        return []
    if azp is None:
        return [Failure("azp", "missing", sorted(clients))]
    return [] if azp in clients else [Failure("azp", "mismatch", sorted(clients), azp)]


def _no_logout(evidence: Evidence) -> list[Failure]:
    """The event of a logout token makes it one, whatever its `typ` (Back-Channel Logout 1.0, section 2.4)."""
    events = evidence.claims.get("events")
    if isinstance(events, dict) and LOGOUT_EVENT in events:
        return [Failure("events", "forbidden", None, events)]
    return []


def _nonce(evidence: Evidence) -> list[Failure]:
    """The nonce that was sent must come back (Core, section 3.1.3.7, 11)."""
    got = evidence.claims.get("nonce")
    if evidence.nonce is None or got == evidence.nonce:
        return []
    return [Failure("nonce", "missing" if got is None else "mismatch", evidence.nonce, got)]


def _access_token_hash(evidence: Evidence) -> list[Failure]:
    """`at_hash` must be the hash of the access token that came along (Core, section 3.1.3.8)."""
    got, token = evidence.claims.get("at_hash"), evidence.access_token
    if token is None:
        return []
    if got is None:
        return [Failure("at_hash", "missing", "the hash of the access token")]
    hash_name = ALGORITHMS[evidence.alg].hash_name
    if hash_name is None:  # no hash is defined for this algorithm: what cannot be checked is not passed
        return [Failure("at_hash", "malformed", f"none is defined for {evidence.alg}", got)]
    import hashlib  # slow to load, and seldom used here

    digest = hashlib.new(hash_name, token.encode("utf-8", "surrogatepass")).digest()
    expected = base64url.encode(digest[: len(digest) // 2])
    return [] if got == expected else [Failure("at_hash", "mismatch", expected, got)]


def _auth_time(evidence: Evidence) -> list[Failure]:
    """Its subject was authenticated lately, where that was asked for (Core, section 3.1.3.7, 13)."""
    got: Any = evidence.claims.get("auth_time")
    if evidence.since is None:
        return []
    if got is None:
        return [Failure("auth_time", "missing", "a number")]
    if type(got) not in (int, float):
        return [Failure("auth_time", "malformed", "a number", got)]
    wanted = f"at least {evidence.since:.0f}"
    return [Failure("auth_time", "expired", wanted, got)] if got < evidence.since else []


def _logout_event(evidence: Evidence) -> list[Failure]:
    events = evidence.claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        return [Failure("events", "missing" if events is None else "mismatch", LOGOUT_EVENT, events)]
    return []


def _events(evidence: Evidence) -> list[Failure]:
    events = evidence.claims.get("events")
    if isinstance(events, dict) and events and all(isinstance(one, dict) for one in events.values()):
        return []
    return [] if events is None else [Failure("events", "malformed", "an object of objects", events)]


def _subject_or_session(evidence: Evidence) -> list[Failure]:
    if any(isinstance(evidence.claims.get(name), str) for name in ("sub", "sid")):
        return []
    return [Failure("sub", "missing", "sub, sid or both")]


def _assertion(evidence: Evidence) -> list[Failure]:
    """An identity assertion is for one authorization server, and what it has is of the type that it must be
    (sections 3.1 and 4.4.1)."""
    claims = evidence.claims
    found = [
        Failure(name, "malformed", "a string", claims[name])
        for name in ("sub", "client_id", "jti", "scope", "tenant", "aud_tenant", "aud_sub")
        if claims.get(name) is not None and not isinstance(claims[name], str)
    ]
    aud, resource, details = map(claims.get, ("aud", "resource", "authorization_details"))
    if isinstance(aud, list) and len(aud) != 1:
        found.append(Failure("aud", "malformed", "one authorization server", aud))
    several = resource if isinstance(resource, list) and resource else [resource]
    if resource is not None and not all(isinstance(one, str) for one in several):
        found.append(Failure("resource", "malformed", "a URI or an array of them", resource))
    objects = isinstance(details, list) and all(isinstance(one, dict) for one in details)
    if details is not None and not objects:
        found.append(Failure("authorization_details", "malformed", "an array of objects", details))
    return found


_PLAIN = frozenset(("", "jwt"))

PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("access", _PLAIN | {"at+jwt"}),
        Profile("at+jwt", frozenset(("at+jwt",)), ("iss", "exp", "aud", "sub", "client_id", "iat", "jti")),
        Profile(
            "id",
            _PLAIN,
            ("iss", "sub", "aud", "exp", "iat"),
            rules=(_authorized_party,),
        ),
        Profile(
            "logout",
            _PLAIN | {"logout+jwt"},
            ("iss", "aud", "iat", "jti", "events"),
            ("nonce",),
            (_logout_event, _subject_or_session),
            takes_logout=True,
        ),
        Profile(
            "id-jag",
            frozenset(("oauth-id-jag+jwt",)),
            ("iss", "sub", "aud", "client_id", "jti", "exp", "iat"),
            rules=(_assertion,),
        ),
        Profile(
            "event", frozenset(("secevent+jwt",)), ("iss", "iat", "jti", "events"), ("exp", "sub"), (_events,)
        ),
        Profile("any", None, takes_logout=True),
    )
}


def profile(name: Any) -> Profile:
    """The row of this name. Raises Misconfigured."""
    row = PROFILES.get(name) if isinstance(name, str) else None
    if row is None:
        raise Misconfigured(f"profile {quoted(name)} is not known", hint=f"one of {', '.join(PROFILES)}")
    return row
