"""npm's contenders, in a Node process of their own that takes its turns with those of Python."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Collection
from itertools import count
from pathlib import Path
from typing import Any, Self

from bench.contenders import Stage
from bench.measure import Batch

PROGRAM = Path(__file__).with_name("node") / "timing.mjs"


class Node:
    """A process, started for the time of a `with`. Without Node or its packages it takes no part."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.versions: dict[str, str] = {}
        self._numbers = count()
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        if shutil.which("node") and (PROGRAM.parent / "node_modules").exists():
            self._process = subprocess.Popen(
                ["node", str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            started = self._answer()
            self.names, self.versions = started["names"], started["versions"]
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.communicate()

    def entered(
        self,
        stage: Stage,
        *tokens: str,
        order: list[int] | None = None,
        remember: int = 1000,
        only: Collection[str] = (),
    ) -> tuple[dict[str, Batch], list[str]]:
        """Those that verify these tokens, and the names of those that cannot.

        `order` says which token each call takes, `remember` how many are remembered by those that do,
        and `only` who is asked to enter where not all are.
        """
        if self._process is None:
            return {}, ["npm's, which are not installed"]
        batches: dict[str, Batch] = {}
        left_out = []
        for name in only or self.names:
            number = next(self._numbers)
            answer = self._ask(
                {
                    "enter": name,
                    "at": number,
                    "stage": told(stage) | {"remember": remember},
                    "tokens": tokens,
                    "order": order or [0],
                }
            )
            if "error" in answer:
                left_out.append(f"{name} ({answer['error']})")
            else:
                batches[name] = self._batch(number)
        return batches, left_out

    def _batch(self, number: int) -> Batch:
        return lambda calls: float(self._ask({"run": number, "calls": calls})["seconds"])

    def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("Node has ended")
        return dict(json.loads(line))


def told(stage: Stage) -> dict[str, Any]:
    return {
        "issuer": stage.url,
        "audience": stage.issuer.audience,
        "alg": stage.alg,
        "jwks": stage.jwks,
        "jwks_uri": stage.jwks_uri,
    }
