"""Products of others before the drill, each installed by its own client, and drilled by the command line.

    python -m bench.drill.others NAME [...] [--work DIR]     install, drill, and keep the card in cards/
    python -m bench.drill.others NAME --only ROW             the same for one row, and keep it in the card
    python -m bench.drill.others --table                     what the cards say, as a table

Nothing of them is in this project's own environment: a product has a folder of its own in DIR. The line that
drills it is printed, and is in its card.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.drill.installing import installed, shown, version
from bench.drill.products import PRODUCTS, Product
from bench.ports import free_port
from rightkey.drill import EXERCISES
from rightkey.drill.row import SHOWN

CARDS = Path(__file__).parent / "cards"
TOLD = ("{jwks_uri}", "{issuer}", "{audience}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PRODUCTS))
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir(), "rightkey-drill-others"))
    parser.add_argument("--only", action="append", default=[], metavar="ROW")
    parser.add_argument("--table", action="store_true")
    chosen = parser.parse_args()
    if chosen.table:
        print(table())
    for name in chosen.names:
        drilled(name, PRODUCTS[name], chosen.work, chosen.only)
    return 0


def drilled(name: str, product: Product, work: Path, only: Sequence[str] = ()) -> None:
    """Install a product, drill it, and keep its card, or what is new of it."""
    folder, file = work / product.app, CARDS / f"{product.app}.json"
    program = installed(product, folder)
    port = free_port()
    words = ["drill", f"http://127.0.0.1:{port}/{product.path}", *product.options, "--json"]
    line = f"rightkey {shlex.join([*words, '--', *shown(program, folder), str(port), *TOLD])}"
    print(f"# {name}: {line}", flush=True)
    chosen = [word for row in only for word in ("--only", row)]
    command = [*words, *chosen, "--", *program, str(port), *TOLD]
    done = subprocess.run(
        [sys.executable, "-m", "rightkey", *command],
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    document = json.loads(done.stdout)
    rows = [{key: row[key] for key in ("name", "kind", "verdict", "told")} for row in document["rows"]]
    new = {
        "product": name,
        "version": version(product, folder),
        "command": line.replace(str(port), "8000"),
        "stopped": document["stopped"],
        "seconds": round(document["seconds"]),
        "rows": rows,
    }
    if only:
        card = json.loads(file.read_text())
        assert (card["version"], new["stopped"]) == (new["version"], None), "drill all of it"
        known = {row["name"]: row for row in [*card["rows"], *rows]}
        new = card | {"rows": [known[name] for name in EXERCISES if name in known]}
    CARDS.mkdir(exist_ok=True)
    file.write_text(json.dumps(new, indent=1, ensure_ascii=False).replace(str(folder), "") + "\n")


def cards() -> list[dict[str, Any]]:
    """Every card that is kept, in the order of the products."""
    files = [CARDS / f"{product.app}.json" for product in PRODUCTS.values()]
    return [json.loads(file.read_text()) for file in files if file.exists()]


def table() -> str:
    """One line for each card: what of each kind passed, and which of what a standard demands did not."""
    heads = ("service", "in", "must", "advice", "refused by an error", "not tested")
    lines = [f"| {' | '.join(heads)} | failed, of what a standard demands |", f"|{' --- |' * 7}"]
    for card in cards():
        rows, names = card["rows"], failing(card)
        told = ", ".join(f"`{name}`" for name in names) or "none"
        counts = [tally(rows, "must"), tally(rows, "advice")]
        counts += [str(sum(row["verdict"] == verdict for row in rows)) for verdict in ("error", "skipped")]
        who = f"{card['product']} {card['version']} | {PRODUCTS[card['product']].language}"
        lines.append(f"| {who} | {' | '.join(counts)} | {told} |")
    return "\n".join(lines)


def failing(card: dict[str, Any], kind: str = "must") -> list[str]:
    """The rows of a kind, by default of those that a standard demands, that the service did not pass."""
    rows = [row for row in card["rows"] if row["kind"] == kind]
    return [row["name"] for row in rows if row["verdict"] in ("failed", "ended")]


def tally(rows: Sequence[dict[str, Any]], kind: str) -> str:
    """Passed of what was tested; a refusal by an error let nothing in."""
    tested = [row["verdict"] for row in rows if row["kind"] == kind and row["verdict"] != "skipped"]
    assert set(tested) <= set(SHOWN)
    return f"{sum(verdict in ('passed', 'error') for verdict in tested)} of {len(tested)}"


if __name__ == "__main__":
    sys.exit(main())
