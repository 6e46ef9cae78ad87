"""The command line: how a run begins, and how every run ends.

stdout is data, stderr is words, and the exit code says what the result means:

    0   valid, or done
    1   rejected, or something was found
    2   usage, configuration, or a local file that cannot be read or written
    3   the issuer's fault; an empty key set is one
    70  a defect of rightkey
    130 interrupted
    141 the reader of the output has gone

Little is imported here, so that `rightkey --help` answers at once.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from typing import NoReturn

NEEDED = ("click", "rich")


def main() -> NoReturn:
    """The console script."""
    if not sys.warnoptions:  # a library's warning is for its author, not for the user of a command
        warnings.simplefilter("ignore")
    for name in ("stdin", "stdout", "stderr"):  # one that was closed is None
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r+", encoding="utf-8"))  # noqa: SIM115 - until the end
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # before or after the command, which handles its own
        code = 130
    sys.exit(code)


def run(arguments: Sequence[str], needed: Sequence[str] = NEEDED) -> int:
    """Run one command, and return its exit code. Raises nothing but the SystemExit of a command.

    Args:
        arguments: what was typed after `rightkey`.
        needed: the packages that the command line cannot work without.
    """
    if any(find_spec(name) is None for name in needed):
        print("hint: pip install 'rightkey[cli]'", file=sys.stderr)
        return 2
    from rightkey.cli.commands import rightkey
    from rightkey.cli.output import FULL, GONE, finished, unwritten

    stdout = sys.stdout
    try:
        code = rightkey.main(args=list(arguments), prog_name="rightkey", standalone_mode=False)
        return finished(code if isinstance(code, int) else 0)
    except SystemExit:
        if sys.stdout is not stdout:  # so click ends, with 1, where the reader has gone
            return GONE
        raise
    except Exception as error:  # noqa: BLE001 - a traceback may quote a token, so none is printed
        if isinstance(error, OSError) and error.errno in FULL:
            return unwritten(error)
        from rightkey.cli.errors import ended_by

        return finished(ended_by(error, as_json=_wants_json(arguments)))


def _wants_json(arguments: Sequence[str]) -> bool:
    """Whether errors are JSON too. What follows `--` belongs to another program."""
    own = list(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    return "--json" in own
