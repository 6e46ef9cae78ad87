"""Play inputs, and tell the classes in which rightkey stands against two or more of the others.

Every other input has two oddities at once. Such a pair is explained where each library decides as one of the
two alone makes it; otherwise it is a class of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import NamedTuple

from fuzz.differential.case import Case, signers
from fuzz.differential.keys import KEYS
from fuzz.differential.oddity import Oddity
from fuzz.differential.readers import READERS, Refused, ask, installed, missing, rightkey
from fuzz.differential.sets import SETS
from fuzz.differential.table import Class, Reason, known, made_with, unknown
from fuzz.differential.tokens import TOKENS

ODDITIES: dict[str, Oddity] = {"in order": lambda case: None} | TOKENS | KEYS | SETS
NAMES = tuple(ODDITIES)
ALONE = (
    ": padded",
    ": bits behind the last octet",
    "the key itself again",
    "a member's name twice",
    "twice, the same",
)
PAIRED = tuple(name for name in NAMES if not name.endswith(ALONE) and not name.startswith("signed "))
"""Those that mean the same beside another: not by how long the rest is, or what stands first in the set."""
MANY = 2
"""How many others must stand against rightkey for a class to need a reason."""


class Outcome(NamedTuple):
    """What all say of one input. `said` has why each other refuses, or None."""

    accepted: bool
    said: dict[str, str | None]

    @property
    def against(self) -> frozenset[str]:
        """Who of the others decides otherwise."""
        return frozenset(other for other, why in self.said.items() if (why is None) != self.accepted)

    def named(self, oddity: str) -> Class:
        """The class that this is of."""
        asked = tuple(self.said)
        return Class(oddity, self.accepted, tuple(name for name in asked if self.said[name] is None), asked)


@cache
def taking_part(signer: str) -> tuple[str, ...]:
    """The others that know an algorithm: those that accept an input in order."""
    case = Case(Random(0), signers()[signer])  # noqa: S311 - nothing of it is drawn
    return tuple(
        other for other, reader in READERS.items() if ask(reader, case.key_set(), case.token()) is None
    )


@cache
def order(seed: int) -> list[str]:
    """The oddities as they take their turns."""
    return Random(seed).sample(NAMES, len(NAMES))  # noqa: S311 - to be made again


def made(signer: str, oddities: tuple[str, ...], chance: str) -> Case:
    """An input with these oddities. Each draws from a source of its own, so that it is the same alone and in
    a pair."""
    case = Case(Random(chance), signers()[signer])  # noqa: S311 - to be made again
    for name in oddities:
        case.rng = Random(f"{chance} {name}")  # noqa: S311 - to be made again
        ODDITIES[name](case)
    return case


def outcome(signer: str, case: Case) -> Outcome:
    """Ask everyone at the same time."""
    key_set, token = case.key_set(), case.token()
    try:
        rightkey(key_set, token)
        accepted = True
    except Refused:
        accepted = False
    said = {other: ask(READERS[other], key_set, token) for other in taking_part(signer)}
    return Outcome(accepted, said)


def play(number: int, seed: int) -> tuple[Class, Outcome] | None:
    """One input: the class that it is of, where that needs a reason. The same seed makes the same inputs, but
    for RSA's keys and PSS's salts."""
    chance = f"differential {seed} {number}"
    rng = Random(chance)  # noqa: S311 - to be made again
    signer, first = rng.choice(list(signers())), order(seed)[number // 2 % len(NAMES)]
    if number % 2 == 0:
        alone = outcome(signer, made(signer, (first,), chance))
        return (alone.named(first), alone) if len(alone.against) >= MANY else None
    second = rng.choice(PAIRED)
    if first not in PAIRED:
        return None
    try:
        cases = [made(signer, names, chance) for names in ((first,), (second,), (first, second))]
        if undone(first, second) or cases[2].like(cases[1]):
            return None
        *each, pair = (outcome(signer, case) for case in cases)
    except (LookupError, TypeError, ValueError, AttributeError):
        return None  # the first has left nothing for the second to change
    return None if explained(pair, each) else (pair.named(f"{first} + {second}"), pair)


def undone(first: str, second: str) -> bool:
    """Whether the second may undo the first, or make up for it: both change one member, or one text, or the
    token once it is whole."""
    if first.startswith("token ") and second.startswith("token "):
        return True
    return first.partition(":")[0] == second.partition(":")[0]


def explained(pair: Outcome, alone: list[Outcome]) -> bool:
    """Whether a pair says nothing that its parts do not.

    Accepted, each part must be; refused, one. Who stands against that must stand against a part that is
    decided alike, or else be alone.
    """
    same = [one for one in alone if one.accepted == pair.accepted]
    if len(same) < (len(alone) if pair.accepted else 1):
        return not pair.accepted and len(pair.against) < MANY
    return len(pair.against.difference(*(one.against for one in same))) < MANY


def played(runs: int, seed: int) -> Iterator[tuple[int, Class, Outcome]]:
    """The inputs that need a reason, by their numbers."""
    for number in range(runs):
        found = play(number, seed)
        if found:
            yield number, *found


def main(runs: int, seed: int, reasons: tuple[Reason, ...] | None = None) -> int:
    """Play, print, and return 1 where a class has no reason, or a library is not installed."""
    if missing():
        print(f"differential: not installed: {', '.join(missing())} (pip install -e '.[test]')")
        return 1
    seen: dict[Class, tuple[int, Outcome]] = {}
    for number, found, said in played(runs, seed):
        seen.setdefault(found, (number, said))
    findings = sorted(unknown(seen, known() if reasons is None else reasons))
    for one in findings:
        number, found_by = seen[one]
        print(f"not in the table: {one}; input {number} of seed {seed}: {found_by.said}", file=sys.stderr)
    others = {name: installed(name) for name in READERS}
    if others != made_with():
        print(f"differential: the table was made with {made_with()}, and these are {others}", file=sys.stderr)
    accepted = sum(one.accepted for one in seen)
    print(
        f"differential: {runs} inputs of {len(NAMES)} oddities and their pairs; against two or more others "
        f"rightkey accepts {accepted} classes and refuses {len(seen) - accepted}, "
        f"{len(findings)} of them not in the table"
    )
    return 1 if findings else 0
