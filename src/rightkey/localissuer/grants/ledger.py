"""What has been granted: codes, refresh tokens and device codes, each with the permission behind it.

Only their digests are kept. A used one is marked, not removed, so that a second use is noticed and withdraws
the whole family (RFC 9700, section 4.14.2; RFC 6749, section 4.1.2). Expired ones are removed, used or not.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rightkey.localissuer.clients import Client
    from rightkey.localissuer.state import Shelf

CODE, REFRESH, DEVICE, USER_CODE = "code", "refresh", "device", "user-code"
LIVES = {CODE: 300, REFRESH: 30 * 86400, DEVICE: 1800}
"""How long each may be used, in seconds."""


@dataclass(frozen=True, slots=True)
class Permission:
    """What a person allowed a client. Times are Unix times in seconds.

    `sub` is empty and `approved` None while a device waits for a person.
    """

    client_id: str
    scope: str = ""
    audience: str | None = None
    sub: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)
    redirect_uri: str | None = None
    nonce: str | None = None
    code_challenge: str | None = None
    code_challenge_method: str | None = None
    auth_time: int = 0
    expires_at: float = 0.0
    family: str = ""
    used: bool = False
    approved: bool | None = True
    polled_at: float = 0.0
    user_code: str = ""

    # what Authlib asks of it, by its names

    def get_redirect_uri(self) -> str | None:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def check_client(self, client: Client) -> bool:
        return client.client_id == self.client_id


class Ledger:
    """Permissions by kind and by their secret."""

    def __init__(self, shelf: Shelf, clock: Callable[[], float]) -> None:
        self._shelf, self._clock = shelf, clock
        self._next_clearing = 0.0

    def grant(self, kind: str, permission: Permission, secret: str | None = None) -> str:
        """Keep a permission, and return its secret."""
        self._clear()
        secret = secret or secrets.token_urlsafe(32)
        family = permission.family or secrets.token_urlsafe(16)
        fresh = replace(permission, family=family, used=False, expires_at=self._clock() + LIVES[kind])
        self.keep(kind, secret, fresh)
        return secret

    def keep(self, kind: str, secret: str, permission: Permission) -> None:
        """Keep a permission as it is now."""
        self._shelf.put(kind, _digest(secret), asdict(permission))

    def find(self, kind: str, secret: str) -> Permission | None:
        """The permission, if it may still be used. A second use withdraws its family, except for a device's,
        since devices ask again when an answer is lost."""
        found = self._shelf.get(kind, _digest(secret))
        if found is None:
            return None
        permission = Permission(**found)
        if permission.used and kind != DEVICE:
            self.withdraw(permission.family)
        return None if permission.used or not self.lives(permission) else permission

    def spend(self, kind: str, secret: str) -> None:
        """Mark a permission as used."""
        digest = _digest(secret)
        found = self._shelf.get(kind, digest) or {}
        self._shelf.put(kind, digest, found | {"used": True})

    def lives(self, permission: Permission) -> bool:
        """Whether a permission is neither expired nor withdrawn."""
        return permission.expires_at > self._clock() and not self.withdrawn(permission.family)

    def withdraw(self, family: str) -> None:
        """Withdraw everything that came of a sign-in, or one access token by its `jti`."""
        self._shelf.put("withdrawn", family, {})

    def withdrawn(self, family: str) -> bool:
        return self._shelf.get("withdrawn", family) is not None

    def withdraw_all(self, client_id: str, sub: str) -> None:
        """Withdraw every refresh token of a person at a client."""
        for found in self._shelf.all(REFRESH).values():
            if (found["client_id"], found["sub"]) == (client_id, sub):
                self.withdraw(found["family"])

    def _clear(self) -> None:
        """Remove expired permissions, once in the life of a code: on each grant it would be slow."""
        now = self._clock()
        if now < self._next_clearing:
            return
        self._next_clearing = now + LIVES[CODE]
        for kind in LIVES:
            for digest, found in self._shelf.all(kind).items():
                if found["expires_at"] <= now:
                    self._shelf.drop(kind, digest)
                    self._shelf.drop(USER_CODE, found["user_code"])

    # a device's code is looked for by the short code that its user types

    def name(self, user_code: str, device_code: str) -> None:
        self._shelf.put(USER_CODE, user_code, {"device_code": device_code})

    def named(self, user_code: str) -> str | None:
        """The device code behind a user code, or None."""
        found = self._shelf.get(USER_CODE, user_code)
        return None if found is None else str(found["device_code"])


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
