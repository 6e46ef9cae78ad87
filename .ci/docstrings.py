"""For the site: a class whose docstring is said to be a base's (`__doc__ = Single.__doc__`) has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import griffe


class Said(griffe.Extension):
    """What is read in sources is otherwise only a docstring that stands there."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Once the package is loaded, so that bases are known."""
        for one in classes(pkg):
            said = str(one.members["__doc__"].value) if "__doc__" in one.members else None
            for base in one.resolved_bases:
                if said == f"{base.name}.__doc__":
                    one.docstring = base.docstring


def classes(module: griffe.Module) -> Iterator[griffe.Class]:
    """Those of a module, and of all below it."""
    for below in module.modules.values():
        if not below.is_alias:
            yield from classes(below)
    yield from (one for one in module.classes.values() if not one.is_alias)
