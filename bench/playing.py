"""One verifier before one issuer: what it is sent, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import wait
from dataclasses import dataclass, field

from bench.players import Player
from rightkey.localissuer import LocalIssuer

LIFE = 1.0
PATIENCE = 12.0
BETWEEN = 0.005  # seconds between two tokens of those who only watch
AGAIN = 0.2  # seconds after which a user who was refused tries again


@dataclass
class Tally:
    """What came of one scene. Times are in seconds, memory in MiB."""

    good: int = 0
    refused: int = 0
    bad: int = 0
    accepted: list[str] = field(default_factory=list)
    requests: int = 0
    stall: float = 0.0
    late: float = 0.0
    memory: float | None = None
    loop: float | None = None
    seconds: float = 0.0

    @property
    def told(self) -> str:
        said = [f"{self.refused} of {self.good} refused"] if self.refused else []
        said += [f"{len(self.accepted)} of {self.bad} accepted"] if self.accepted else []
        said += [f"{self.late:.1f} s late"] if self.late >= 0.05 else []
        said += [f"{self.requests} req.", f"{1e3 * self.stall:.0f} ms"]
        said += [f"{self.memory:.0f} MiB"] if self.memory is not None else []
        return ", ".join(said)


@dataclass
class Play:
    """One verifier before one issuer."""

    issuer: LocalIssuer
    player: Player
    tally: Tally = field(default_factory=Tally)

    def warm(self) -> None:
        """Keys are at hand; what that took does not count."""
        self.player.send(self.issuer.token(sub="alice")).result(PATIENCE)
        self.issuer.requests.clear()

    def sent(self, tokens: Iterable[str]) -> list[bool]:
        """Whether each was accepted; all are sent at once."""
        futures = [self.player.send(token) for token in tokens]
        done, _ = wait(futures, PATIENCE)
        return [future in done and future.result() for future in futures]

    def good(self, tokens: Iterable[str]) -> None:
        accepted = self.sent(tokens)
        self.tally.good += len(accepted)
        self.tally.refused += accepted.count(False)

    def bad(self, tokens: dict[str, str]) -> None:
        accepted = self.sent(tokens.values())
        self.tally.bad += len(accepted)
        self.tally.accepted += [name for name, wrong in zip(tokens, accepted, strict=True) if wrong]

    def one_by_one(self, token: str, times: int) -> None:
        """A known key's, again and again while patience lasts; the longest wait is kept."""
        end = time.perf_counter() + PATIENCE
        for _ in range(times):
            start = time.perf_counter()
            if start > end:
                break
            self.good([token])
            self.tally.stall = max(self.tally.stall, time.perf_counter() - start)
            time.sleep(BETWEEN)

    def at_last(self, token: str) -> None:
        """A new key's, tried again while patience lasts; how late it was accepted is kept."""
        start = time.perf_counter()
        while not (accepted := self.sent([token])[0]) and time.perf_counter() - start < PATIENCE:
            time.sleep(AGAIN)
        self.tally.good += 1
        if accepted:
            self.tally.late = time.perf_counter() - start
        else:
            self.tally.refused += 1

    def forged(self, kids: Iterable[str]) -> dict[str, str]:
        """Tokens that claim these key ids, by a key that never was the issuer's."""
        key = self.issuer.means().stranger
        return {
            f"forged {n}": self.issuer.token(key=key, header={"kid": kid}, sub=str(n))
            for n, kid in enumerate(kids)
        }

    def pass_life(self) -> None:
        time.sleep(1.3 * LIFE)
