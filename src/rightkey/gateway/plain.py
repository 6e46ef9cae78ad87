"""Plain: what operators and other verifiers ask, on a listener of its own.

A proxy may hand its client's path on as it is (Envoy): were these paths on the same listener, a client that
asks for `/healthz` would be let in by its 200.

    /healthz                  200 while the worker runs
    /readyz                   200 until the worker drains, also while an issuer is down: known keys serve on
    /metrics                  Prometheus' text, of all workers; of keys, as the worker that answers has them
    .../.well-known/jwks.json the mirror
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import ClassVar

from rightkey.gateway.board import Board
from rightkey.gateway.decision import Answer, Case, Question, answered
from rightkey.gateway.mirror import Mirror
from rightkey.verifier.one import TrustedIssuer

NAMES = frozenset(("if-none-match",))
"""The headers that count here."""


class Plain:
    """Answers what is asked on that listener.

    Args:
        board: what the workers count; None for a mirror alone.
        issuers: by name.
        mirror: of the same.
        draining: whether this worker is about to end.
    """

    def __init__(
        self,
        board: Board | None,
        issuers: Mapping[str, TrustedIssuer],
        mirror: Mirror,
        draining: Callable[[], bool],
    ) -> None:
        self._board, self._issuers, self._mirror, self._draining = board, issuers, mirror, draining

    def read(self, question: Question) -> Case:
        """A request here: of these nothing is worth keeping."""
        return _Look(self, question)

    def answer(self, question: Question) -> Answer | Awaitable[Answer]:
        """The answer as of now."""
        if question.method not in ("GET", "HEAD"):
            return _text(405, "only GET and HEAD are answered here", ("Allow", "GET, HEAD"))
        match question.target:
            case "/healthz":
                return _text(200, "the worker runs")
            case "/readyz":
                return _text(503, "draining") if self._draining() else _text(200, "ready")
            case "/metrics":
                return answered(200, "ok", (*_FRESH, _METRICS), "".join(self._metrics()).encode())
        return self._mirror(question) or _text(404, "there is nothing at this path")

    def _metrics(self) -> Iterator[str]:
        if self._board is not None:
            yield from _of_board(self._board)
        statuses = {name: one.source.status() for name, one in self._issuers.items()}
        for metric, field, words in _OF_KEYS:
            yield _head(metric, "gauge", words)
            for name, status in statuses.items():
                value = getattr(status, field)
                if value is not None:
                    yield f'{metric}{{issuer="{_escaped(name)}"}} {float(value):.17g}\n'


@dataclass(frozen=True, slots=True)
class _Look:
    plain: Plain
    question: Question
    lasts: ClassVar[bool] = False

    def __call__(self) -> Answer | Awaitable[Answer]:
        return self.plain.answer(self.question)


def _of_board(board: Board) -> Iterator[str]:
    yield _head("rightkey_gateway_answers_total", "counter", "Answers to proxies, by code.")
    for code, number in board.answers():
        yield f'rightkey_gateway_answers_total{{code="{code}"}} {number}\n'
    within, seconds = board.times()
    yield _head(_DURATION, "histogram", "From a request's octets to its answer, waiting for keys included.")
    for bound, number in within:
        yield f'{_DURATION}_bucket{{le="{"+Inf" if bound == inf else bound}"}} {number}\n'
    yield f"{_DURATION}_sum {seconds}\n{_DURATION}_count {within[-1][1]}\n"
    yield _head("rightkey_gateway_connections", "gauge", "Connections of proxies.")
    yield f"rightkey_gateway_connections {board.connections}\n"


def _head(name: str, kind: str, words: str) -> str:
    return f"# HELP {name} {words}\n# TYPE {name} {kind}\n"


def _escaped(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _text(status: int, words: str, *fields: tuple[str, str]) -> Answer:
    return answered(status, "ok", (*_FRESH, ("Content-Type", "text/plain"), *fields), f"{words}\n".encode())


_FRESH = (("Cache-Control", "no-store"),)
_METRICS = ("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
_DURATION = "rightkey_gateway_decision_duration_seconds"
_OF_KEYS = (
    ("rightkey_keys", "keys", "Keys that may be used now."),
    ("rightkey_keys_age_seconds", "age", "Since the request that brought the keys."),
    ("rightkey_keys_fresh_seconds", "fresh_for", "What is left of the keys' life."),
    ("rightkey_keys_usable_seconds", "stale_for", "Until the keys are gone, if no good answer comes."),
)
"""As `rightkey.telemetry.Prometheus` names them."""
