"""What DPoP proofs must be before the gateway: the table `dpop`, and where workers share what was used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rightkey.errors import Misconfigured
from rightkey.gateway.reading import at, require_known, table_of, text_of
from rightkey.verifier.variables import read_line

if TYPE_CHECKING:
    from rightkey.proof.settings import DPoP

_OWN = ("seen", "nonce_secret")
_FILE = "nonce_secret_file"


def dpop_of(document: Mapping[str, Any], folder: Path) -> DPoP | None:
    """What a configuration says of proofs; None where it says nothing.

    Args:
        document: the configuration.
        folder: where relative names of files begin.

    Raises:
        Misconfigured: something cannot be; the message says where.
    """
    said = document.get("dpop")
    if said is None:
        return None
    from rightkey.proof.settings import DPoP

    with at("dpop"):
        known = [field.name for field in fields(DPoP) if field.name not in _OWN]
        require_known(table_of(said), [*known, _FILE])
        path = text_of(said, _FILE)
        settings = {name: value for name, value in said.items() if name != _FILE}
        rules = DPoP(**settings, nonce_secret=None if path is None else read_line(str(folder / path)))
        require_origin(rules, document.get("origin"))
        return rules


def require_origin(rules: DPoP | None, origin: object) -> None:
    """Raises Misconfigured: it is said what proofs must be, and not for which URL."""
    if rules is not None and not origin:
        raise Misconfigured("no proof is taken without origin", hint='origin = "https://api.example.com"')


def sharing(rules: DPoP | None, used: str) -> DPoP:
    """The same, for workers that share used proofs in a directory."""
    from rightkey.proof.settings import DPoP
    from rightkey.sources.marks import Marks
    from rightkey.stores.local import DirectoryStore

    return replace(rules or DPoP(), seen=Marks(DirectoryStore(used).mark, None))
