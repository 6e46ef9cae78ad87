"""How an issuer is asked about opaque tokens, as `[issuer.introspection]` says it."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from rightkey.errors import Misconfigured
from rightkey.gateway.reading import at, require_known, table_of, text_of
from rightkey.policy.introspection import Introspection


def introspection_of(said: Any, folder: Path) -> Introspection:
    """The settings in a table. `folder`: where the name of the secret's file begins.

    Raises:
        Misconfigured: something cannot be; the message says where.
    """
    with at("introspection"):
        table = table_of(said)
        own = [field.name for field in fields(Introspection) if field.name != "secret"]
        require_known(table, [*own, "secret_file"])
        path = text_of(table, "secret_file")
        if path is None:
            raise Misconfigured(
                "secret_file is missing", hint="the file of the client's secret, or private key"
            )
        settings = {name: value for name, value in table.items() if name != "secret_file"}
        return Introspection(secret=folder / path, **settings)
