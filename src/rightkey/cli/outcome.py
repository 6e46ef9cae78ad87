"""What came of judging a token, as the command line tells it: the steps, and a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rightkey.cli.ending import as_json as error_as_json
from rightkey.cli.locate import key_facts
from rightkey.errors import IssuerFault, RightkeyError
from rightkey.jose.key import Key
from rightkey.verdict.verified import Verified
from rightkey.verifier.explaining import Explanation, Step


@dataclass(frozen=True, slots=True)
class Good:
    """A token, or with `claims` None a signature, that holds."""

    header: dict[str, Any]
    claims: dict[str, Any] | None
    key: Key
    verified: Verified | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The steps, and either what is good or the error."""

    steps: tuple[Step, ...]
    good: Good | None
    error: RightkeyError | None

    @classmethod
    def of(cls, explanation: Explanation) -> Outcome:
        """The outcome of `Verifier.explain`."""
        verified = explanation.verified
        good = Good(verified.header, verified.claims, verified.key, verified) if verified else None
        return cls(explanation.steps, good, explanation.error)

    def document(self) -> dict[str, Any]:
        """The outcome as JSON. `valid` is null where nobody can tell, since the issuer failed."""
        steps = [
            {"step": one.step, "outcome": one.outcome, "detail": one.detail, "data": dict(one.data)}
            for one in self.steps
        ]
        if self.good is not None:
            good = self.good
            found = {"claims": good.claims, "header": good.header, "key": key_facts(good.key)}
            return {"valid": True, **found, "steps": steps}
        assert self.error is not None  # noqa: S101 - one of the two there is
        valid = None if isinstance(self.error, IssuerFault) else False
        return {"valid": valid, "error": error_as_json(self.error), "steps": steps}
