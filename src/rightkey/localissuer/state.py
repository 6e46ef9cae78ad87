"""Where an issuer keeps keys, clients, codes and refresh tokens: in one SQLite file, or in memory."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Protocol

import orjson

if TYPE_CHECKING:
    from pathlib import Path

    from rightkey.localissuer.answers import Document

_TABLE = """CREATE TABLE IF NOT EXISTS shelf (
    issuer TEXT, kind TEXT, id TEXT, document BLOB, PRIMARY KEY (issuer, kind, id))"""


class Shelf(Protocol):
    """Documents by kind and id."""

    def get(self, kind: str, key: str) -> Document | None:
        """The document, or None."""
        ...

    def put(self, kind: str, key: str, document: Document) -> None:
        """Keep a document, in place of the one that has this id."""
        ...

    def drop(self, kind: str, key: str) -> None:
        """Remove a document. Dropping twice is harmless."""
        ...

    def all(self, kind: str) -> dict[str, Document]:
        """Every document of a kind, by id, the oldest first."""
        ...


class InMemory:
    """A shelf that is lost with its issuer."""

    def __init__(self) -> None:
        self._documents: dict[tuple[str, str], bytes] = {}

    def get(self, kind: str, key: str) -> Document | None:
        found = self._documents.get((kind, key))
        return None if found is None else orjson.loads(found)

    def put(self, kind: str, key: str, document: Document) -> None:
        self._documents[kind, key] = orjson.dumps(document)

    def drop(self, kind: str, key: str) -> None:
        self._documents.pop((kind, key), None)

    def all(self, kind: str) -> dict[str, Document]:
        return {key: orjson.loads(found) for (of, key), found in tuple(self._documents.items()) if of == kind}


class InFile:
    """The shelf of one issuer, by its name, in a file that several may share.

    Only the owner can read the file, since private keys are in it. Each call opens it anew, so there is
    nothing to close.

    Raises:
        OSError: the file cannot be made or opened.
        ValueError: the file is not a database of the local issuer.
    """

    def __init__(self, file: str | Path, issuer: str = "") -> None:
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
        self._file, self._issuer = file, issuer
        try:
            self._execute(_TABLE)
        except sqlite3.DatabaseError as error:
            raise ValueError(f"{file}: {error}") from None

    def get(self, kind: str, key: str) -> Document | None:
        rows = self._execute(
            "SELECT document FROM shelf WHERE issuer = ? AND kind = ? AND id = ?", self._issuer, kind, key
        )
        return orjson.loads(rows[0][0]) if rows else None

    def put(self, kind: str, key: str, document: Document) -> None:
        octets = orjson.dumps(document)
        self._execute("REPLACE INTO shelf VALUES (?, ?, ?, ?)", self._issuer, kind, key, octets)

    def drop(self, kind: str, key: str) -> None:
        self._execute("DELETE FROM shelf WHERE issuer = ? AND kind = ? AND id = ?", self._issuer, kind, key)

    def all(self, kind: str) -> dict[str, Document]:
        rows = self._execute(
            "SELECT id, document FROM shelf WHERE issuer = ? AND kind = ? ORDER BY rowid", self._issuer, kind
        )
        return {key: orjson.loads(document) for key, document in rows}

    def _execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._file)) as database, database:
            return database.execute(statement, values).fetchall()
