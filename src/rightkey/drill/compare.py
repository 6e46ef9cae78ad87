"""Two cards of one service beside each other: what got worse, what got better, what was not there before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

from rightkey.drill.row import HARM, Kind, Verdict


@dataclass(frozen=True, slots=True)
class Change:
    """A row whose verdict is not what it was; None where one card has no such row."""

    name: str
    kind: Kind
    before: Verdict | None
    after: Verdict | None

    @property
    def worse(self) -> bool:
        """It did less harm before; a row that was not there before did none."""
        return self.after is not None and HARM[self.after] > HARM[self.before or "passed"]

    @property
    def better(self) -> bool:
        """It did more harm before, and was tested now."""
        return (
            self.after not in (None, "skipped")
            and HARM[self.after or "passed"] < HARM[self.before or "passed"]
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """What has changed from one card to the other."""

    changes: tuple[Change, ...]

    def worse(self, *, strict: bool = False) -> list[Change]:
        """What counts: by `must` alone, or by advice too. A refusal by an error counts if strict."""
        return [
            one
            for one in self.changes
            if one.worse and (strict or (one.kind == "must" and HARM[one.after or "passed"] > HARM["error"]))
        ]

    def document(self) -> dict[str, Any]:
        """The changes as JSON."""
        told = [asdict(one) for one in self.changes]
        return {
            "worse": [one.name for one in self.changes if one.worse],
            "better": [one.name for one in self.changes if one.better],
            "changes": told,
        }


def compared(before: Mapping[str, Any], after: Mapping[str, Any]) -> Comparison:
    """The changes between two documents of cards, in the order of the later one."""
    old, new = _by_name(before), _by_name(after)
    names = [*new, *(name for name in old if name not in new)]
    changes = (Change(name, _kind(name, new, old), _of(name, old), _of(name, new)) for name in names)
    return Comparison(tuple(one for one in changes if one.before != one.after))


def read(text: str | bytes) -> dict[str, Any]:
    """A card that was written as JSON.

    Raises:
        ValueError: the text is no such card.
    """
    document = json.loads(text)
    rows = document.get("rows") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not all(_is_row(row) for row in rows):
        raise ValueError("expected the JSON of a drill's card")
    return cast("dict[str, Any]", document)


def verdicts(document: Mapping[str, Any]) -> dict[str, Verdict]:
    """The verdict of each row of a card's document, by name."""
    return {row["name"]: row["verdict"] for row in document["rows"]}


def _is_row(row: Any) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get("name"), str):
        return False
    return row.get("verdict") in HARM and row.get("kind", "must") in ("must", "advice")


def _by_name(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {row["name"]: row for row in document["rows"]}


def _kind(name: str, *cards: Mapping[str, Mapping[str, Any]]) -> Kind:
    return next(card[name].get("kind", "must") for card in cards if name in card)


def _of(name: str, card: Mapping[str, Mapping[str, Any]]) -> Verdict | None:
    return card[name]["verdict"] if name in card else None
