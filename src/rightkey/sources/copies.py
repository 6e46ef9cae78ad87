"""Copies: an issuer's keys as they were at a time, in a file beside the code, for a process that starts.

`rightkey locate --save` writes one. It is a key set that any tool reads (RFC 7517, section 5: members that
are not understood are ignored), and says of whom it is, and since when. That makes it another thing than keys
of one's own, which a file holds for ever: a copy serves in front of its issuer (`FirstOf(path, None)`) as the
issuer's answer of that age would, and is gone with the issuer's next one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rightkey.errors import IssuerFault, Misconfigured
from rightkey.freshness.status import Status
from rightkey.issuer.name import identity_of
from rightkey.jose import strictjson
from rightkey.jose.keyset import KeySet
from rightkey.sources.files import octets_of, parsed, shown

AHEAD = 300.0
"""Seconds by which the clock of the host that wrote a copy may be ahead."""
_SINCE = "located_at"


@dataclass(frozen=True, slots=True)
class Copy:
    """What a file holds."""

    path: Path
    keys: KeySet
    issuer: str
    """Its identity."""
    jwks_uri: str
    located_at: float
    """When the issuer was asked, as a Unix time in seconds."""
    headers: Mapping[str, str]
    """What it said of the life of its answer."""

    def age(self, now: float) -> float:
        """Seconds; infinite where it claims to be of the future, since it would never be too old."""
        age = now - self.located_at
        return math.inf if age < -AHEAD else max(0.0, age)


def document_of(keys: KeySet, issuer: str, jwks_uri: str, status: Status, now: float) -> dict[str, Any]:
    """A copy, to be written as JSON.

    Args:
        issuer: as it was asked for.
        status: how fresh the keys are; of the issuer's words on that, what remains of them is kept.
        now: as a Unix time in seconds.
    """
    fresh, whole = status.fresh_for or 0.0, status.stale_for or 0.0
    return {
        "keys": [key.jwk for key in keys],
        "issuer": identity_of(issuer),
        "jwks_uri": jwks_uri,
        _SINCE: math.floor(now - (status.age or 0.0)),
        "cache_control": f"max-age={fresh:.0f}, stale-if-error={max(0.0, whole - fresh):.0f}",
    }


def copy_in(path: Path) -> Copy | None:
    """The copy in a file; None where it holds something else, or cannot be read.

    Raises:
        Misconfigured: it says since when, and is no copy all the same.
    """
    try:
        octets = octets_of(path) if path.is_file() else b""
        if f'"{_SINCE}"'.encode() not in octets:
            return None
        document, keys = strictjson.read_members(octets), parsed(path, octets)
    except (IssuerFault, ValueError):  # ValueError: not JSON, or a NUL in the name
        return None
    since, issuer, uri, control = (document.get(n) for n in (_SINCE, "issuer", "jwks_uri", "cache_control"))
    numbered = type(since) in (int, float) and math.isfinite(since)  # type: ignore[arg-type]
    if not numbered or not all(isinstance(one, str) for one in (issuer, uri, control)):
        raise Misconfigured(
            f"{shown(path)}: not a copy of an issuer's keys, though it has {_SINCE}",
            hint="write it with: rightkey locate ISSUER --save FILE",
        )
    return Copy(path, keys, str(issuer), str(uri), float(since), {"cache-control": str(control)})  # type: ignore[arg-type]
