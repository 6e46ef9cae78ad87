"""The lowest versions that pyproject.toml allows, as constraints for pip: what is promised is tested.

    python .ci/lowest.py > constraints.txt
    pip install -c constraints.txt '.[test]'

Of what the package itself needs, with all of its extras; of what only its tests need, pip takes the newest.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

NOT_SHIPPED = ("test", "browser")
FLOOR = re.compile(r"(?P<name>[A-Za-z0-9._-]+)>=(?P<version>[^,;]+)")


def floors(project: dict[str, Any]) -> list[str]:
    """A constraint for each requirement that names another package."""
    extras = project["optional-dependencies"]
    shipped = [one for name in extras if name not in NOT_SHIPPED for one in extras[name]]
    asked = [FLOOR.fullmatch(one) for one in (*project["dependencies"], *shipped)]
    return sorted({f"{one['name']}=={one['version']}" for one in asked if one})


if __name__ == "__main__":
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    print(*floors(tomllib.loads(text)["project"]), sep="\n")
