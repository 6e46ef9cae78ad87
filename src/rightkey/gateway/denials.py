"""The denylist of a gateway: the table `denylist`. Other processes deny tokens, through the store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rightkey.errors import Misconfigured
from rightkey.gateway.reading import at, require_known, table_of

if TYPE_CHECKING:
    from rightkey.verdict.denylist import Denylist


def denylist_of(document: Mapping[str, Any]) -> Denylist | None:
    """What a configuration says of denied tokens; None where it says nothing.

    Raises:
        Misconfigured: something cannot be; the message says where.
    """
    said = document.get("denylist")
    if said is None:
        return None
    from rightkey.verdict.denylist import Denylist

    with at("denylist"):
        require_known(table_of(said), ("on_loss", "longest"))
        denylist = Denylist(**said)
        require_store(denylist, document.get("store"))
        return denylist


def require_store(denylist: Denylist | None, store: object) -> None:
    """Raises Misconfigured: there is a denylist, and no store through which others could deny."""
    if denylist is not None and store is None:
        raise Misconfigured("nothing is denied without a store", hint='store = "file:///run/rightkey"')
