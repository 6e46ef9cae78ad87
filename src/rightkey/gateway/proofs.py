"""What DPoP proofs must be before the gateway: the table `dpop`, and where workers share what was used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rightkey.errors import Misconfigured
from rightkey.gateway.reading import at, require_known, table_of, text_of
from rightkey.verifier.variables import read_secret

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
        if not document.get("origin"):
            raise Misconfigured("no proof is taken without origin", hint='origin = "https://api.example.com"')
        path = text_of(said, _FILE)
        lines = () if path is None else read_secret(str(folder / path))
        if path is not None and len(lines) != 1:
            raise Misconfigured(
                f"{_FILE} must have one line", hint="openssl rand -base64 32 writes such a one"
            )
        settings = {name: value for name, value in said.items() if name != _FILE}
        return DPoP(**settings, nonce_secret=lines[0] if lines else None)


def sharing(rules: DPoP | None, used: str) -> DPoP:
    """The same, for workers that share used proofs in a directory."""
    from rightkey.proof.settings import DPoP
    from rightkey.sources.marks import Marks
    from rightkey.stores.local import DirectoryStore

    return replace(rules or DPoP(), seen=Marks(DirectoryStore(used).mark, None))
