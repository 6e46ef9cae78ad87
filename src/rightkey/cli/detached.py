"""How `rightkey issuer --env` leaves an issuer running, so that a shell can evaluate what it prints."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from typing import IO, Any, cast

import click
from click.core import ParameterSource

from rightkey.cli import output
from rightkey.cli.errors import BadUse

PID = "ISSUER_PID"
"""The shell's variable for the process: not one of rightkey's own, which begin with RIGHTKEY_."""


def left_running(context: click.Context) -> int:
    """Start the same command as a process of its own, and print its environment as lines for a shell.

    The process keeps no stream of this one: `$(...)` and programs that capture wait for those to be closed.

    Raises:
        BadUse: it did not start.
    """
    process = subprocess.Popen(  # noqa: S603 - this very program
        [sys.executable, "-m", "rightkey", "issuer", "--json", *_options(context)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # with --json an error is data
        text=True,
        start_new_session=True,
    )
    stdout = cast("IO[str]", process.stdout)
    line = stdout.readline()
    try:
        environment: dict[str, str] = json.loads(line)["environment"]
    except ValueError:  # the first line of an error, or none
        said = line + stdout.read()
        process.wait()
        raise _failed(said) from None
    for name, value in environment.items():
        output.write(sys.stdout, f"export {name}={shlex.quote(value)}\n")
    output.write(sys.stdout, f"{PID}={process.pid}\n")
    output.words("note", f"the issuer runs in the background: kill ${PID} stops it")
    stdout.close()
    process.returncode = 0  # it is meant to outlive this process, and Popen warns of that
    return 0


def _options(context: click.Context) -> list[str]:
    """The options that this command was given, but for the one that asks for its environment."""
    given: list[str] = []
    for option in context.command.params:
        name = option.name or ""
        if name == "env" or context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        value: Any = context.params[name]
        for each in value if option.multiple else [value]:
            given += [option.opts[0]] if isinstance(each, bool) else [option.opts[0], str(each)]
    return given


def _failed(said: str) -> BadUse:
    """The process's own error."""
    error: dict[str, Any] = json.loads(said)["error"] if said else {}
    return BadUse(error.get("message", "the issuer did not start"), error.get("hint"))
