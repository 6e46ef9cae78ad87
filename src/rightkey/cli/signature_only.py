"""The signature only, for `verify --no-claims`, in the steps that `verify` has."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from rightkey.cli.connection import Connection
from rightkey.cli.result import Accepted, Result
from rightkey.errors import RightkeyError
from rightkey.freshness.record import Record
from rightkey.jose.jws import Jws, known_algorithms, read, require_allowed, verify_jws
from rightkey.jose.key import shown
from rightkey.jose.keyset import KeySet
from rightkey.sources.elapsed import SYSTEM
from rightkey.sources.given import alone, place_of_keys
from rightkey.sources.jobs import JOBS
from rightkey.sources.source import Means
from rightkey.sources.watched import Watched
from rightkey.verifier.explaining import STEP_OF, Step, ended
from rightkey.verifier.locate import locate

_LEFT_OUT = "not checked: --no-claims"


@dataclass(frozen=True, slots=True)
class Keys:
    """Where keys come from: files, a URL, or the place that the issuer's metadata name."""

    given: Path | KeySet | str | None
    issuer: str | None
    provider: str | None
    metadata_url: str | None
    connection: Connection

    def find(self) -> tuple[KeySet, Step]:
        """The keys, and the step `metadata`. Raises IssuerFault, and Misconfigured for files."""
        given = self.given
        if isinstance(given, KeySet):
            return given, Step("metadata", "note", "not asked for: keys from a pipe")
        if isinstance(given, Path):
            files = Watched(given, SYSTEM, Record("")).located()
            return files.keys or KeySet(()), Step("metadata", "note", f"not asked for: keys {files.origin}")
        if given is not None:
            return self._at(given), Step("metadata", "note", f"not asked for: keys at {given}")
        connection = self.connection
        provider = locate(
            self.issuer or "",
            provider=self.provider,
            metadata_url=self.metadata_url,
            transport=connection.transport(),
            freshness=connection.freshness(),
        )
        return provider.keys, Step("metadata", "ok", f"jwks_uri is {provider.jwks_uri}")

    def _at(self, url: str) -> KeySet:
        connection = self.connection
        remote = alone(place_of_keys(url), Means(connection.transport(), connection.freshness(), SYSTEM))
        job = remote.refetch()
        if job is not None:
            JOBS.wait(job, remote.wait)
        located = remote.located()
        located.require_keys(fresh=True)
        return located.keys or KeySet(())


def check(raw: str | bytes, keys: Keys, algorithms: Collection[str]) -> Result:
    """Check a signature, step by step. Raises BadUse and Misconfigured."""
    allowed = known_algorithms(algorithms)
    steps: list[Step] = []
    try:
        jws = _walk(steps, raw, keys, allowed)
    except RightkeyError as error:
        if error.code not in STEP_OF:
            raise
        return Result(ended(steps, error), None, error)
    return Result(tuple(steps), Accepted(dict(jws.header), None, jws.key), None)


def _walk(steps: list[Step], raw: str | bytes, keys: Keys, allowed: frozenset[str]) -> Jws:
    """Add each step once it is made. The token is read before any request is sent."""
    header = read(raw).header
    steps.append(Step("token", "ok", f"three parts, alg {shown(header.alg)}, kid {shown(header.kid)}"))
    require_allowed(header, allowed)
    steps.append(Step("algorithm", "ok", f"{header.alg} is allowed"))
    steps.append(Step("claims", "skipped", _LEFT_OUT))
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
    steps += [Step(name, "skipped", _LEFT_OUT) for name in ("certificate", "requirements")]
    return jws
