"""Held: the keys at hand; NeedsNewer: what newer ones may mend; and the verdict where they do not.

    need            could ask, or an answer settled it    could not ask (backing off, or the attempt failed)
    no keys         -                                     keys_unavailable, 503
    nothing fits    key_not_found, 401                    keys_unavailable, 503
    signature       signature_invalid, 401                signature_invalid, 401

A spent budget is no failure of the issuer: the verdict is 401, by keys that are seconds old, and says that it
is not confirmed. A 5xx that any stranger can cause at will would let them have a host ejected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias, final

from rightkey.errors import IssuerUnavailable, RightkeyError, TokenRejected
from rightkey.jose.jws import Header
from rightkey.jose.key import Key
from rightkey.jose.keyset import KeySet

Reason: TypeAlias = Literal["no_keys", "nothing_fits", "signature", "opaque"]
"""What newer keys may mend: there are none, none fits the header, or the signature fails. About an opaque
token its issuer is asked instead."""
OPAQUE: Final = Header("", None, None, None, None, None, "at+jwt", {})
"""An opaque token has no header. It counts as an access token: no other is asked about."""


@dataclass(frozen=True, slots=True)
class Held:
    """The keys at hand, and the values of `iss` that pass if the issuer's metadata stated them.

    `keys` is None where none may be used.
    """

    keys: KeySet | None
    expected: tuple[str, ...] | None = None


NOTHING: Final = Held(None)


@final
class NeedsNewer(NamedTuple):
    """Newer keys may mend this; `error` is the verdict if they do not, and None where there are no keys."""

    reason: Reason
    header: Header
    error: TokenRejected | None = None
    tried: tuple[Key, ...] = ()
    """The keys that fit, and whose signature it is not."""


class Outlook(NamedTuple):
    """Why no newer keys are coming."""

    confirmed: bool = True
    """Whether an answer whose request began after the token came has settled it."""
    unavailable: IssuerUnavailable | None = None
    """Why the issuer could not be asked, if that is so."""
    retry_after: float = 0.0
    """Seconds until the issuer may be asked for this token."""


def fault_of(need: NeedsNewer, outlook: Outlook) -> RightkeyError:
    """The verdict on a token that newer keys did not mend; the table above."""
    if outlook.unavailable is not None and need.reason != "signature":
        return outlook.unavailable
    assert need.error is not None  # noqa: S101 - without keys there is a reason why they are unavailable
    if not outlook.confirmed:
        unavailable = outlook.unavailable
        after = 0.0 if unavailable is None else unavailable.retry_after or 0.0
        need.error.confirmed, need.error.retry_after = False, max(after, outlook.retry_after)
    return need.error
