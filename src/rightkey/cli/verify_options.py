"""The options of `rightkey verify`: which go together, and which verifier they make.

Options that would have no effect are refused: a check that was asked for and not made is a hole.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from rightkey.cli import signature_only
from rightkey.cli.connection import Connection
from rightkey.cli.errors import BadUse
from rightkey.cli.files import contents
from rightkey.cli.result import Result
from rightkey.cli.watch.explaining import history_step
from rightkey.cli.watch.files import read_history
from rightkey.cli.watch.history import History
from rightkey.errors import IssuerFault, Misconfigured
from rightkey.jose.algorithms import SAFE
from rightkey.jose.certificate import Certificates, Policy
from rightkey.jose.keyset import KeySet
from rightkey.policy.implied import Implies
from rightkey.policy.trust import ANY
from rightkey.requirements import parse
from rightkey.sources.files import read
from rightkey.verifier.threads import Verifier
from rightkey.verifier.variables import read_implies

_URL = re.compile(r"https?://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """The options, as they were given."""

    issuer: str | None
    jwks: str | None
    history: str | None
    metadata_url: str | None
    provider: str | None
    audience: tuple[str, ...]
    any_audience: bool
    alg: tuple[str, ...]
    leeway: float
    at: float | None
    no_claims: bool
    no_exp: bool
    profile: str
    require: tuple[str, ...]
    implies: str | None
    sender: str
    certificates: Literal["match", "valid", "ignore"]
    roots: str | None
    pin: tuple[str, ...]
    connection: Connection

    @property
    def now(self) -> float:
        """The time by which claims are judged."""
        return time.time() if self.at is None else self.at

    def require_sense(self) -> None:
        """Raises BadUse where options contradict each other, or one is missing."""
        if self.history is not None and self.jwks is not None:
            raise BadUse("--history and --jwks exclude each other")
        if self.issuer is None and self.jwks is None and self.history is None:
            raise BadUse(
                "give --issuer or --jwks",
                "--issuer finds the keys, --jwks names them; RIGHTKEY_ISSUER is not read",
            )
        if self.no_claims:
            self._require_no_claims()
        elif self.audience and self.any_audience:
            raise BadUse("--audience and --any-audience exclude each other")
        elif not self.audience and not self.any_audience:
            raise BadUse(
                "give --audience: without it, a token for another api would pass",
                "--audience NAME, as the issuer names this api; --any-audience to accept all",
            )
        if self.certificates == "ignore" and (self.roots or self.pin):
            raise BadUse("--certificates ignore excludes --roots and --pin")

    def answer(self, raw: str | bytes) -> Result:
        """Judge the token. Raises BadUse and Misconfigured."""
        if self.no_claims:
            return signature_only.check(
                raw,
                signature_only.Keys(
                    self._keys(), self.issuer, self.provider, self.metadata_url, self.connection
                ),
                self.alg or SAFE,
            )
        if self.history is not None:
            history = read_history(self.history)
            result = Result.of(self._verifier(history).explain(raw))
            return result.with_step(history_step(history, raw, self.now), after="key")
        return Result.of(self._verifier().explain(raw))

    def _verifier(self, history: History | None = None) -> Verifier:
        at, issuer = self.at, self.issuer or (history.issuer if history else None)
        return Verifier(
            ANY if issuer is None else issuer,
            audience=ANY if self.any_audience else self.audience,
            algorithms=self.alg or SAFE,
            leeway=self.leeway,
            profile=self.profile,
            require_exp=not self.no_exp,
            require=[parse(text) for text in self.require],
            implies=self._implies(),
            sender=self.sender,
            keys=history.keys_at(self.now) if history else self._keys(),
            provider=self.provider,
            metadata_url=self.metadata_url,
            certificates=self._policy(),
            freshness=self.connection.freshness(),
            transport=self.connection.transport(),
            clock=time.time if at is None else partial(float, at),
        )

    def _keys(self) -> Path | KeySet | str | None:
        """Raises BadUse where a pipe holds no keys."""
        if self.jwks is None or _URL.match(self.jwks):
            return self.jwks
        path = Path(self.jwks)
        try:
            piped = not path.is_file() and not path.is_dir() and path.exists()  # such as <(curl ...)
            return read(path) if piped else path
        except IssuerFault as error:
            raise BadUse(str(error), error.hint) from None
        except ValueError:  # a NUL in the name, which is told where the file is read
            return path

    def _implies(self) -> Implies | None:
        try:
            return None if self.implies is None else read_implies(self.implies)
        except Misconfigured as error:
            raise BadUse(f"--implies: {error}", error.hint) from None

    def _policy(self) -> Policy:
        if self.roots or self.pin:
            roots = contents(self.roots) if self.roots else None
            return Certificates(roots=roots, pins=self.pin, dates=self.certificates == "valid")
        return self.certificates

    def _require_no_claims(self) -> None:
        without_effect = {
            "--audience": self.audience,
            "--at": self.at is not None,
            "--leeway": self.leeway,
            "--no-exp": self.no_exp,
            "--history": self.history is not None,
            "--profile": self.profile != "access",
            "--require": self.require,
            "--implies": self.implies is not None,
            "--sender": self.sender != "checked",
            "--certificates": self.certificates != "match",
            "--roots": self.roots,
            "--pin": self.pin,
            "--issuer": self.issuer is not None and self.jwks is not None,
        }
        given = [name for name, asked in without_effect.items() if asked]
        if given:
            raise BadUse(
                f"--no-claims checks the signature only, and cannot be combined with {', '.join(given)}",
                "leave out those, or --no-claims",
            )
