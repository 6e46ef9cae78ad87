"""Small services that verify with one library each, before the drill; `bench.services` has them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from bench.contenders import PACKAGES
from bench.nodejs import PROGRAM, Node
from bench.ports import free_port
from bench.report import Report, Table, versions
from rightkey.drill import EXERCISES, Row, Scorecard, Target, drill
from rightkey.drill.row import SHOWN, Kind
from rightkey.localissuer import LocalIssuer

LIFE = 2.0
TOLD_OF = ("expected", "reference", "why", "remedy")
TOLD = ("{issuer}", "{audience}", "{jwks_uri}", str(LIFE))


class Service(NamedTuple):
    """`tls`: it takes no issuer but one of https."""

    name: str
    node: bool = False
    tls: bool = False

    def command(self, port: int) -> Sequence[str]:
        if self.node:
            return ["node", str(PROGRAM.with_name("service.mjs")), self.name, str(port), *TOLD]
        return [sys.executable, "-W", "ignore", "-m", "bench.services", self.name, str(port), *TOLD]


SERVICES = (
    Service("rightkey"),
    Service("PyJWT"),
    Service("joserfc"),
    Service("auth0-api-python", tls=True),
    Service("FastMCP"),
    Service("jose", node=True),
    Service("aws-jwt-verify", node=True, tls=True),
    Service("express-oauth2-jwt-bearer", node=True, tls=True),
)


def options(parser: argparse.ArgumentParser) -> None:
    names = [service.name for service in SERVICES]
    parser.add_argument("--only", nargs="*", choices=names, default=names)
    parser.add_argument("--exercises", nargs="*", choices=list(EXERCISES), default=[])


def measure(options: argparse.Namespace) -> Report:
    cards: dict[str, Scorecard] = {}
    notes = []
    for service in (one for one in SERVICES if one.name in options.only):
        card = drilled(service, options.exercises)
        if card.stopped is None:
            cards[service.name] = card
        else:
            notes.append(f"{service.name} was not scored: {card.stopped.splitlines()[0]}.")
    with Node() as node:
        found = versions(*PACKAGES) | node.versions
    figures = {name: figures_of(card) for name, card in cards.items()}
    notes += [
        f"{name}: {row.name} ({row.reference}): {row.told}."
        for name, card in cards.items()
        for row in card.failing
    ]
    return Report("drill", figures, [summary(cards), by_exercise(cards)], notes=notes, versions=found)


def figures_of(card: Scorecard) -> dict[str, Any]:
    """The card without what the suite says of each row: docs/drill.md has that."""
    document = card.document()
    rows = [{name: value for name, value in row.items() if name not in TOLD_OF} for row in document["rows"]]
    return document | {"rows": rows}


def drilled(service: Service, only: Sequence[str]) -> Scorecard:
    port = free_port()
    with Target(f"http://127.0.0.1:{port}/me") as target:
        return drill(
            target,
            command=service.command(port),
            make_issuer=lambda: LocalIssuer(tls=service.tls),
            life=LIFE,
            wait=120,
            only=only,
        )


def summary(cards: dict[str, Scorecard]) -> Table:
    rows = [
        (
            name,
            tally(card, "must"),
            tally(card, "advice"),
            str(card.count("error")),
            str(sum(row.requests for row in card.rows)),
            f"{max(row.wait for row in card.rows):.1f}",
            revocation(card),
        )
        for name, card in cards.items()
    ]
    columns = (
        "who",
        "must",
        "advice",
        "refused by an error",
        "requests",
        "longest wait, s",
        "revoked key accepted for, s",
    )
    return Table("Each service", columns, rows)


def tally(card: Scorecard, kind: Kind) -> str:
    """Passed of what was tested."""
    rows = [row for row in card.rows if row.kind == kind and row.verdict != "skipped"]
    return f"{len([row for row in rows if row.verdict in ('passed', 'error')])} of {len(rows)}"


def revocation(card: Scorecard) -> str:
    (stopped,) = [row.stopped for row in card.rows if row.name == "revocation"] or [None]
    return "" if stopped is None else f"{stopped:.1f}"


def by_exercise(cards: dict[str, Scorecard]) -> Table:
    rows = []
    names = [row.name for row in next(iter(cards.values())).rows] if cards else []
    for position, name in enumerate(names):
        rows.append((name, *(told(card.rows[position]) for card in cards.values())))
    return Table("Exercise by exercise: requests to the issuer, and what failed", ("exercise", *cards), rows)


def told(row: Row) -> str:
    cost = f"{row.requests} req."
    return cost if row.verdict == "passed" else f"{SHOWN[row.verdict]}, {cost}"
