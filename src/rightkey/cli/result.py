"""What came of verifying a token: the steps, and what was accepted or why it was not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from rightkey.cli.errors import as_json_document as error_as_json
from rightkey.cli.locate import key_facts
from rightkey.errors import IssuerFault, RightkeyError
from rightkey.jose.key import Key
from rightkey.verdict.verified import Verified
from rightkey.verifier.explaining import Explanation, Step


@dataclass(frozen=True, slots=True)
class Accepted:
    """A valid token; with `claims` None, a valid signature."""

    header: dict[str, Any]
    claims: dict[str, Any] | None
    key: Key
    verified: Verified | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The steps, and either what was accepted or the error."""

    steps: tuple[Step, ...]
    accepted: Accepted | None
    error: RightkeyError | None

    @classmethod
    def of(cls, explanation: Explanation) -> Result:
        """The result of `Verifier.explain`."""
        verified = explanation.verified
        if verified is None:
            return cls(explanation.steps, None, explanation.error)
        accepted = Accepted(verified.header, verified.claims, verified.key, verified)
        return cls(explanation.steps, accepted, None)

    def with_step(self, step: Step, *, after: str) -> Result:
        """This result with one more step, behind the one of this name."""
        names = [one.step for one in self.steps]
        at = names.index(after) + 1 if after in names else len(names)
        return replace(self, steps=(*self.steps[:at], step, *self.steps[at:]))

    def document(self) -> dict[str, Any]:
        """The result as JSON. `valid` is null where the issuer failed, so that it cannot be told."""
        steps = [
            {"step": one.step, "outcome": one.outcome, "detail": one.detail, "data": dict(one.data)}
            for one in self.steps
        ]
        if self.accepted is not None:
            accepted = self.accepted
            key = key_facts(accepted.key)
            found = {"claims": accepted.claims, "header": accepted.header, "key": key}
            return {"valid": True, **found, "steps": steps}
        assert self.error is not None  # noqa: S101 - there is one of the two
        valid = None if isinstance(self.error, IssuerFault) else False
        return {"valid": valid, "error": error_as_json(self.error), "steps": steps}
