"""The lowest versions that pyproject.toml allows, as constraints for pip: what is promised is tested.

    python .ci/lowest.py > constraints.txt
    pip install -c constraints.txt '.[test]'

Of what the package itself needs, and of the extras that stand for themselves (frameworks pin each other). Of
what only tests need, pip takes the newest.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

ALONE = ("cli", "issuer", "truststore", "typed")
FLOOR = re.compile(r"(?P<name>[A-Za-z0-9._-]+)>=(?P<version>[^,;]+)")


def floors(project: dict[str, Any]) -> list[str]:
    """A constraint for each requirement that names another package."""
    extras = project["optional-dependencies"]
    named = [*project["dependencies"], *(one for name in ALONE for one in extras[name])]
    asked = map(FLOOR.fullmatch, named)
    return sorted({f"{one['name']}=={one['version']}" for one in asked if one})


if __name__ == "__main__":
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    print(*floors(tomllib.loads(text)["project"]), sep="\n")
