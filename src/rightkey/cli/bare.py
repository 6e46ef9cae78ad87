"""The signature and nothing else: `--no-claims`, told in the steps that `verify` has."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from rightkey.cli.connection import Connection
from rightkey.cli.outcome import Good, Outcome
from rightkey.errors import RightkeyError
from rightkey.jose.jws import Jws, known_algorithms, read, require_allowed, verify_jws
from rightkey.jose.key import shown
from rightkey.jose.keyset import KeySet
from rightkey.sources.elapsed import SYSTEM
from rightkey.sources.given import place_of_keys
from rightkey.sources.jobs import wait
from rightkey.sources.remote import Remote
from rightkey.sources.watched import Watched
from rightkey.verifier.explaining import STEPS, Step
from rightkey.verifier.locate import locate

_ENDS_AT = {
    "token_missing": "token",
    "token_malformed": "token",
    "algorithm_not_allowed": "algorithm",
    "discovery_failed": "metadata",
    "issuer_mismatch": "metadata",
    "metadata_invalid": "metadata",
    "keys_unavailable": "keys",
    "keyset_invalid": "keys",
    "key_not_found": "key",
    "signature_invalid": "signature",
}
_UNHEARD = "not looked at: --no-claims"


@dataclass(frozen=True, slots=True)
class Keys:
    """Where the keys are to come from: files, a URL, or wherever the issuer says."""

    given: Path | str | None
    issuer: str | None
    provider: str | None
    connection: Connection

    def find(self) -> tuple[KeySet, Step]:
        """The keys, and how the metadata came into it. Raises IssuerFault, and Misconfigured for files."""
        given = self.given
        if isinstance(given, Path):
            files = Watched(given, SYSTEM).located()
            return files.keys or KeySet(()), Step("metadata", "note", f"not asked for: keys {files.origin}")
        if given is not None:
            return self._at(given), Step("metadata", "note", f"not asked for: keys at {given}")
        connection = self.connection
        provider = locate(
            self.issuer or "",
            provider=self.provider,
            transport=connection.transport(),
            freshness=connection.freshness(),
        )
        return provider.keys, Step("metadata", "ok", f"jwks_uri is {provider.jwks_uri}")

    def _at(self, url: str) -> KeySet:
        connection = self.connection
        remote = Remote(place_of_keys(url), connection.transport(), connection.freshness(), SYSTEM)
        job = remote.refetch()
        if job is not None:
            wait(job, remote.wait)
        remote.require_keys(fresh=True)
        return remote.located().keys or KeySet(())


def check(raw: str | bytes, keys: Keys, algorithms: Collection[str]) -> Outcome:
    """Check a signature, step by step. Raises BadUse and Misconfigured."""
    allowed = known_algorithms(algorithms)
    steps: list[Step] = []
    try:
        jws = _walk(steps, raw, keys, allowed)
    except RightkeyError as error:
        if error.code not in _ENDS_AT:
            raise
        return Outcome(tuple(_ended(steps, error)), None, error)
    return Outcome(tuple(steps), Good(dict(jws.header), None, jws.key), None)


def _walk(steps: list[Step], raw: str | bytes, keys: Keys, allowed: frozenset[str]) -> Jws:
    """The path; each step is added once it is made. The token is read before anybody is asked."""
    header = read(raw).header
    steps.append(Step("token", "ok", f"three parts, alg {shown(header.alg)}, kid {shown(header.kid)}"))
    require_allowed(header, allowed)
    steps.append(Step("algorithm", "ok", f"{header.alg} is allowed"))
    steps.append(Step("claims", "skipped", _UNHEARD))
    found, metadata = keys.find()
    steps.append(metadata)
    steps.append(Step("keys", "ok", f"{len(found)} usable, {len(found.skipped)} skipped"))
    fitting = ", ".join(shown(key.kid) for key in found.fitting(header))
    try:
        jws = verify_jws(raw, found, algorithms=allowed)
    finally:
        if fitting:
            steps.append(Step("key", "ok", f"{fitting} fits"))
    steps.append(Step("signature", "ok", f"{header.alg} by key {shown(jws.key.kid)}"))
    steps += [Step(name, "skipped", _UNHEARD) for name in ("certificate", "requirements")]
    return jws


def _ended(steps: list[Step], error: RightkeyError) -> Iterator[Step]:
    """The steps made, the one that failed, and those that were not reached."""
    made = {step.step: step for step in steps}
    failed = _ENDS_AT[error.code]
    for name in STEPS:
        if name == failed:
            yield Step(name, "failed", str(error), {"code": error.code})
        else:
            yield made.get(name, Step(name, "skipped", "not reached"))
