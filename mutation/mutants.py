"""A copy of the library in which each function holds its mutants, of which one may be switched on."""

from __future__ import annotations

import difflib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mutmut.mutation.file_mutation import MutatedFile, mutate_file_contents

SOURCE = Path(__file__).resolve().parents[1] / "src"


@dataclass(frozen=True)
class Mutant:
    """One function with one fault. `function` is what the tests that reach it are found by."""

    module: str
    name: str
    line: int
    was: str
    now: str

    @property
    def key(self) -> str:
        """What switches it on."""
        return f"{self.module}.{self.name}"

    @property
    def function(self) -> str:
        """The function as the trampolines name it when it is called."""
        return self.key.partition("__mutmut")[0]

    @property
    def spoken(self) -> str:
        """The function as a reader names it."""
        name = self.name.partition("__mutmut")[0].removeprefix("x").lstrip("ǁ").replace("ǁ", ".")
        return (
            f"{self.module.removeprefix('rightkey.')}.{name.removeprefix('_') if '.' not in name else name}"
        )

    def __str__(self) -> str:
        return f"{self.spoken}, line {self.line}\n  - {self.was}\n  + {self.now}"


def copied(to: Path, only: list[str]) -> list[Mutant]:
    """Copy the library, with mutants in the files that are asked for: `jose`, or `jose/pem.py`."""
    shutil.copytree(SOURCE, to, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    files = [file for part in only for file in sorted(_files(to / "rightkey" / part))]
    mutants: list[Mutant] = []
    for file in files:
        source = file.read_text(encoding="utf-8")
        mutated = mutate_file_contents(str(file), source)
        file.write_text(mutated.code, encoding="utf-8")
        module = ".".join(file.relative_to(to).with_suffix("").parts)
        mutants += _described(module, source.splitlines(), mutated)
    return mutants


def _files(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise SystemExit(f"{path.name} is no file or folder of the library")
    yield from [path] if path.is_file() else path.glob("*.py")


def _described(module: str, source: list[str], mutated: MutatedFile) -> Iterator[Mutant]:
    """Each mutant with the line that it changes, as it was and as it is."""
    lines = mutated.code.splitlines()

    def body(name: str) -> list[str]:
        span = mutated.line_span_by_function_name[name]
        return [
            line.replace(name, name.partition("__mutmut")[0]) for line in lines[span.start - 1 : span.end]
        ]

    for name in mutated.mutant_names:
        before, after = body(f"{name.partition('__mutmut')[0]}__mutmut_orig"), body(name)
        edits = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
        _, start, end, first, last = next(edit for edit in edits if edit[0] != "equal")
        if _words(before[start], after[first]):
            continue
        was, now = (" ".join(map(str.strip, part)) for part in (before[start:end], after[first:last]))
        yield Mutant(module, name, _line(source, name, before, start), was, now)


def _words(was: str, now: str) -> bool:
    """Whether nothing changes but the words of a message: a string with a space in it, or none instead."""
    return was != now and _without_messages(was) == _without_messages(now)


def _without_messages(line: str) -> str:
    return re.sub(r"""f?(["'])(?:(?!\1).)* (?:(?!\1).)*\1""", "None", line)


def _line(source: list[str], name: str, body: list[str], at: int) -> int:
    """The number in the file of the line that stands at this place of the function."""
    *_, kind, function = name.partition("__mutmut")[0].replace("x_", "ǁǁ", 1).split("ǁ")
    inside = next((n for n, line in enumerate(source) if kind and line.startswith(f"class {kind}")), 0)
    heads = (f"def {function}(", f"async def {function}(", f"def {function}[")
    there = next(n for n in range(inside, len(source)) if source[n].strip().startswith(heads))
    here = next(n for n, line in enumerate(body) if line.strip().startswith(("def ", "async def ")))
    return there - here + at + 1
