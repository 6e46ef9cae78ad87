"""Held: the keys at hand for one judgement; NeedsNewer: what newer ones may mend."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from rightkey.errors import RightkeyError
from rightkey.jose.jws import Header
from rightkey.jose.key import Key
from rightkey.jose.keyset import KeySet

Reason = Literal["no_keys", "nothing_fits", "signature"]
"""What newer keys may mend: there are none, none fits the header, or the signature fails."""


class Held(NamedTuple):
    """The keys at hand, and the values of `iss` that pass if the issuer's metadata said them.

    `keys` is None where none may be used.
    """

    keys: KeySet | None
    expected: tuple[str, ...] | None = None


NOTHING: Final = Held(None)


class NeedsNewer(Exception):
    """Newer keys may mend this; if they cannot be had, or do not, `error` is the verdict."""

    def __init__(
        self, reason: Reason, header: Header, error: RightkeyError | None, tried: tuple[Key, ...] = ()
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.header = header
        self.error = error
        self.tried = tried
