"""How a device is connected: a person enters its code, and signs in (RFC 8628, section 3.3)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rightkey.localissuer.grants import pages
from rightkey.localissuer.grants.ledger import DEVICE
from rightkey.localissuer.grants.request import OAuthRequest

if TYPE_CHECKING:
    from rightkey.localissuer.answers import Answer, Request
    from rightkey.localissuer.grants.ledger import Permission
    from rightkey.localissuer.grants.server import Server


class Activate:
    """The page on which people enter the code that a device shows."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def answer(self, asked: Request) -> Answer:
        """The page, or what came of it."""
        data = OAuthRequest(asked).payload.data
        user_code, proposed = data.get(pages.USER_CODE, "").strip().upper(), pages.proposed(data)
        if pages.DECISION not in data:
            return pages.activate(user_code, proposed)
        device_code, waiting = self._waiting(user_code)
        if device_code is None or waiting is None:
            return pages.activate(user_code, proposed, "No device waits with this code.")
        try:
            person = pages.typed(data)
        except ValueError:
            return pages.activate(user_code, proposed, pages.NO_OBJECT)
        approved, now = data[pages.DECISION] == "allow", int(self._server.issuer.clock())
        decided = replace(waiting, approved=approved, sub=person.sub, claims=person.claims, auth_time=now)
        self._server.ledger.keep(DEVICE, device_code, decided)
        return pages.said("Connected" if approved else "Refused", "You can go back to the device.")

    def _waiting(self, user_code: str) -> tuple[str | None, Permission | None]:
        """The device behind a user code, while it waits for a decision."""
        ledger = self._server.ledger
        device_code = ledger.named(user_code)
        found = ledger.find(DEVICE, device_code) if device_code else None
        return device_code, found if found and found.approved is None else None
