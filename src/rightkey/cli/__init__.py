"""The command line: how a run begins, and how it ends whatever happens in it.

stdout is data, stderr is words, and the exit code says whose turn it is:

    0   valid, or done
    1   rejected, or something was found
    2   usage, configuration, or a local file that cannot be read
    3   the issuer's fault; an empty key set is one
    70  a defect of ours
    130 interrupted
    141 whoever read the output has gone

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
    if not sys.warnoptions:  # a library's warning is for whoever wrote this, not for whoever types it
        warnings.simplefilter("ignore")
    for name in ("stdin", "stdout", "stderr"):  # one that was closed is None
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r+", encoding="utf-8"))  # noqa: SIM115 - until the end
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # before or after the command, which minds it itself
        code = 130
    sys.exit(code)


def run(arguments: Sequence[str], needed: Sequence[str] = NEEDED) -> int:
    """Run one command, and return its exit code. Nothing is raised, but SystemExit by a command.

    Args:
        arguments: what was typed after `rightkey`.
        needed: the packages without which there is no command line.
    """
    if any(find_spec(name) is None for name in needed):
        print("hint: pip install 'rightkey[cli]'", file=sys.stderr)
        return 2
    from rightkey.cli.commands import rightkey
    from rightkey.cli.output import finished

    try:
        code = rightkey.main(args=list(arguments), prog_name="rightkey", standalone_mode=False)
        return finished(code if isinstance(code, int) else 0)
    except Exception as error:  # noqa: BLE001 - the end of the line: a traceback may quote a token
        from rightkey.cli.ending import ended_by

        return finished(ended_by(error))
