"""The command line in the process of the test."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from click.testing import CliRunner

from rightkey.cli import run


class Done(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


def ran(*arguments: str, stdin: str = "") -> Done:
    with CliRunner().isolation(stdin) as (out, err, _):
        code = run(arguments)
    return Done(code, out.getvalue().decode(), err.getvalue().decode())
