"""The path of one token, told step by step: what was asked, found, passed over, and the verdict.

Steps, in the order in which they are judged: token, algorithm, claims, metadata, keys, key, signature,
certificate, requirements; denylist, where the token is on it, or it could not be read; and proof, where one
was judged. After the first that failed the rest is `skipped`. Details hold no token, no signature and no
claim's value beyond the issuer and key ids; `data` of the claims step does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rightkey.errors import InsufficientScope, RightkeyError, TokenRejected, without_query
from rightkey.jose import strictjson
from rightkey.jose.algorithms import ALGORITHMS
from rightkey.jose.certificate import Certificate
from rightkey.jose.jws import Unverified, read, require_allowed
from rightkey.jose.key import Key, shown
from rightkey.jose.keyset import KeySet
from rightkey.policy.trust import Trust
from rightkey.sources.source import Located
from rightkey.verdict.attempt import NO_DEMANDS, Demands, judge_claims
from rightkey.verdict.verified import Verified

Outcome = Literal["ok", "failed", "skipped", "note"]
STEPS = (
    "token",
    "algorithm",
    "claims",
    "metadata",
    "keys",
    "key",
    "signature",
    "certificate",
    "requirements",
)


STEP_OF = {
    "token_missing": "token",
    "token_malformed": "token",
    "token_inactive": "introspection",
    "introspection_failed": "introspection",
    "algorithm_not_allowed": "algorithm",
    "issuer_not_trusted": "claims",
    "claims_rejected": "claims",
    "proof_rejected": "proof",
    "store_unavailable": "proof",
    "token_revoked": "denylist",
    "discovery_failed": "metadata",
    "issuer_mismatch": "metadata",
    "metadata_invalid": "metadata",
    "keys_unavailable": "keys",
    "keyset_invalid": "keys",
    "key_not_found": "key",
    "signature_invalid": "signature",
    "certificate_rejected": "certificate",
    "scope_insufficient": "requirements",
}
"""The step at which an error ends the path, by its code, unless the error itself says another."""


def step_of(error: RightkeyError) -> str:
    """The step at which this error ends the path."""
    return error._step or STEP_OF[error.code]


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `data` is for machines, and holds what the token says."""

    step: str
    outcome: Outcome
    detail: str
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The steps, and how it ended: `verified`, or `error`."""

    steps: tuple[Step, ...]
    verified: Verified | None = None
    error: RightkeyError | None = None


def explain(
    trust: Trust,
    raw: str | bytes,
    located: Located,
    now: float,
    outcome: Verified | RightkeyError,
    demands: Demands = NO_DEMANDS,
) -> Explanation:
    """Tell the path of a token whose outcome is known.

    Args:
        trust: what it had to be.
        raw: the token.
        located: the keys by which it was judged.
        now: when it was judged, as a Unix time in seconds.
        outcome: what `verify` returned or raised.
        demands: what the call demanded beyond the trust.
    """
    steps = tuple(_Teller(trust, located, now, outcome, demands).tell(raw))
    if isinstance(outcome, Verified):
        return Explanation(steps, verified=outcome)
    return Explanation(ended(steps, outcome), error=outcome)


def unchosen(error: RightkeyError) -> Explanation:
    """What is told of a token for which no issuer was found."""
    read = () if STEP_OF.get(error.code) == "token" else (Step("token", "ok", "three parts"),)
    # Whatever it is, it was met where the issuer was looked for.
    failed = () if STEP_OF.get(error.code) == "token" else (failed_step("claims", error),)
    return Explanation(ended((*read, *failed), error), error=error)


def ended(steps: Iterable[Step], error: RightkeyError) -> tuple[Step, ...]:
    """All steps of a path that ended with an error: those made, the one that failed, and those not
    reached."""
    made = {step.step: step for step in steps}
    if not any(step.outcome == "failed" for step in made.values()):
        name = step_of(error)
        made[name] = failed_step(name, error)
    told = [made.get(name) or Step(name, "skipped", "not reached") for name in STEPS]
    return (*told, *(made[name] for name in ("introspection", "denylist", "proof") if name in made))


def failed_step(name: str, error: RightkeyError, **data: Any) -> Step:
    """The step at which the path ends, with what the error says."""
    failures = [
        {"claim": f.claim, "reason": f.reason, "expected": f.expected, "got": f.got}
        for f in getattr(error, "failures", ())
    ]
    told = {"code": error.code, **({"failures": failures} if failures else {}), **data}
    return Step(name, "failed", str(error), told)


class _Teller:
    """Goes the path once more: what decides is pure, and takes the same `now`. The signature is not checked
    again: the outcome says what became of it."""

    def __init__(
        self, trust: Trust, located: Located, now: float, outcome: Verified | RightkeyError, demands: Demands
    ) -> None:
        self._trust = trust
        self._located = located
        self._now = now
        self._outcome = outcome
        self._demands = demands
        self._steps: list[Step] = []

    def tell(self, raw: str | bytes) -> list[Step]:
        try:
            unverified = read(raw, padded=self._trust.compiled.padded)
            self._token(unverified)
            self._claims(unverified)
        except TokenRejected as error:
            # What failed is the next of STEPS, which are in the order in which they are judged.
            self._failed(STEPS[len({step.step for step in self._steps})], error)
            return self._steps
        if self._metadata() and self._keys():
            self._key(unverified)
        return self._steps

    def _add(self, step: str, detail: str, outcome: Outcome = "ok", **data: Any) -> None:
        self._steps.append(Step(step, outcome, detail, data))

    def _failed(self, step: str, error: RightkeyError, **data: Any) -> None:
        self._steps.append(failed_step(step, error, **data))

    def _token(self, unverified: Unverified) -> None:
        header = unverified.header
        size = len(unverified.signed) + len(unverified.signature)
        alg = header.alg if header.alg in ALGORITHMS else shown(header.alg)
        self._add("token", f"three parts, alg {alg}, kid {shown(header.kid)}", header=dict(header.members))
        require_allowed(header, self._trust.allowed)
        self._add("algorithm", f"{header.alg} is allowed", size=size)

    def _claims(self, unverified: Unverified) -> None:
        outcome = self._outcome
        if isinstance(outcome, TokenRejected) and outcome.code == "token_malformed":
            raise outcome  # its header was read, so that it is the payload that cannot be
        claims = strictjson.read_object(unverified.payload)
        judge_claims(self._trust, unverified.header, claims, self._located.expected, self._now, self._demands)
        self._add("claims", "issuer, audience, times and kind are as required", claims=claims)

    def _metadata(self) -> bool:
        located = self._located
        requests = [{"url": url, "answer": answer} for url, answer in located.requests]
        if located.parts:
            origins = ", then ".join(part.origin for part in located.parts)
            self._add("metadata", f"keys {origins}", "note", requests=requests)
            return True
        if located.jwks_uri is None:
            if located.keys is not None:
                self._add("metadata", f"not asked for: keys {located.origin}", "note")
                return True
            self._failed("metadata", self._fault(), requests=requests)
            return False
        keys_at = without_query(located.jwks_uri)
        self._add("metadata", f"jwks_uri is {keys_at}", jwks_uri=keys_at, requests=requests)
        return True

    def _keys(self) -> bool:
        keys = self._located.keys
        if keys is None:
            self._failed("keys", self._fault())
            return False
        parts = self._located.parts
        told = "; ".join(f"{part.origin}: {_told(part)}" for part in parts) or _told(self._located)
        skipped = [{"kid": one.kid, "reason": one.reason, "detail": one.detail} for one in keys.skipped]
        self._add("keys", told, skipped=skipped)
        return True

    def _fault(self) -> RightkeyError:
        failure = self._located.failure
        if failure is not None:
            return failure
        assert isinstance(self._outcome, RightkeyError)  # noqa: S101 - nothing verifies without keys
        return self._outcome

    def _key(self, unverified: Unverified) -> None:
        outcome, keys = self._outcome, self._located.keys
        assert keys is not None  # noqa: S101 - the step before saw to it
        fitting = keys.fitting(unverified.header)
        if isinstance(outcome, RightkeyError) and outcome.code in ("key_not_found", "keys_unavailable"):
            self._failed("key", outcome, passed_over=_passed_over(keys, unverified, fitting))
            return
        over = _passed_over(keys, unverified, fitting)
        names = ", ".join(shown(key.kid) for key in fitting)
        of = _origin(self._located.parts, unverified)
        self._add("key", f"{names} fits{of}, {len(over)} passed over", passed_over=over)
        if isinstance(outcome, RightkeyError) and outcome.code == "signature_invalid":
            self._failed("signature", outcome)
            return
        signer = outcome.key if isinstance(outcome, Verified) else next(iter(fitting), None)
        self._add("signature", f"{unverified.header.alg} by key {shown(signer.kid if signer else None)}")
        self._certificate(signer)

    def _certificate(self, key: Key | None) -> None:
        outcome = self._outcome
        certificate = key.certificate if key is not None else None
        data = facts(certificate) if certificate is not None else {}
        if isinstance(outcome, RightkeyError) and outcome.code == "certificate_rejected":
            self._failed("certificate", outcome, certificate=data)
            return
        if certificate is None:
            why = key.warnings[0] if key is not None and key.warnings else "the key has none"
            self._add("certificate", why, "note")
        else:
            shape = "self-issued" if certificate.self_issued else f"issued by {certificate.issuer}"
            dates = f"{certificate.not_before:%Y-%m-%d} to {certificate.not_after:%Y-%m-%d}"
            self._add("certificate", f"{certificate.subject}, {shape}, {dates}", certificate=data)
        if isinstance(outcome, InsufficientScope):
            self._failed("requirements", outcome, required=outcome.required, missing=outcome.missing)
        elif self._trust.requirement or self._demands.require:
            self._granted(outcome)
        presented = self._demands.presented
        if isinstance(outcome, Verified) and presented is not None and presented.by_dpop:
            self._add("proof", "DPoP, by the key that the token is bound to")

    def _granted(self, outcome: Verified | RightkeyError) -> None:
        by = dict[str, Any]()
        if self._trust.implies and isinstance(outcome, Verified):
            from rightkey.policy.implied import through

            for asked in filter(None, (self._trust.requirement, self._demands.require)):
                by |= through(outcome.claims, asked, self._trust.places)
        told = f"granted, {', '.join(by)} by broader scopes" if by else "granted"
        self._steps.append(Step("requirements", "ok", told, {"implied": by} if by else {}))


def _told(located: Located) -> str:
    """What one source has, and what it could not have."""
    keys = located.keys
    had = "no keys" if keys is None else f"{len(keys)} usable, {len(keys.skipped)} skipped"
    age = "" if keys is None or located.age is None else f", {located.age:.0f} s old"
    failed = "" if located.failure is None else f", the last attempt failed: {located.failure}"
    return f"{had}{age}{failed}"


def _origin(parts: tuple[Located, ...], unverified: Unverified) -> str:
    """Of several sources, the one that decides."""
    for part in parts:
        if part.keys is not None and part.keys.fitting(unverified.header):
            return f", of the keys {part.origin}"
    return ""


def facts(certificate: Certificate) -> dict[str, Any]:
    """A certificate as JSON."""
    return {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "not_before": certificate.not_before.isoformat(),
        "not_after": certificate.not_after.isoformat(),
        "x5t": certificate.x5t,
        "x5t#S256": certificate.x5t_s256,
        "signature_hash": certificate.signature_hash,
        "self_issued": certificate.self_issued,
    }


def _passed_over(keys: KeySet, unverified: Unverified, fitting: tuple[Key, ...]) -> list[dict[str, Any]]:
    header = unverified.header
    over: list[dict[str, Any]] = []
    for key in keys:
        if key not in fitting:
            why = (
                "another kid" if header.kid is not None and key.kid != header.kid else f"not for {header.alg}"
            )
            over.append({"kid": key.kid, "reason": why})
    return over
