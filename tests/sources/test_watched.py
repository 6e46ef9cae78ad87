"""Watched: keys in files, read again when they change; what cannot be read replaces nothing."""

from __future__ import annotations

import asyncio
import json
import math
import os
import pickle
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from tests.conftest import Clock

import rightkey
from rightkey.freshness.record import Record
from rightkey.jose.jws import read
from rightkey.localissuer import LocalIssuer, SigningKey, mint
from rightkey.localissuer.keys.signing import Form
from rightkey.sources import files, watched
from rightkey.sources.jobs import JOBS
from rightkey.sources.watched import EVERY, Watched
from rightkey.verdict.held import NeedsNewer


@pytest.fixture
def issuer() -> LocalIssuer:
    return LocalIssuer(algorithm="ES256", url="https://issuer.example/")


OLD, NEW = (SigningKey.generate("ES256", Form(certificates=False), kid=kid) for kid in ("old", "new"))


def write(path: Path, *keys: SigningKey) -> None:
    put(path, {"keys": [key.public_jwk() for key in keys]})


def put(path: Path, document: dict[str, Any]) -> None:
    """As a careful writer does: whole, or not at all. (And seen: two versions of one size may be written in
    one tick of the disk's clock.)"""
    other = path.parent / f".{path.name}"
    other.write_text(json.dumps(document))
    other.replace(path)


def verifier(issuer: LocalIssuer, path: Path, clock: Clock) -> rightkey.Verifier:
    return rightkey.Verifier(issuer.url, audience=issuer.audience, keys=path, elapsed=clock)


def code(verifier: rightkey.Verifier, raw: str) -> str | None:
    try:
        verifier.verify(raw)
    except rightkey.RightkeyError as error:
        return error.code
    return None


def test_a_new_key_is_found_at_once(tmp_path: Path, issuer: LocalIssuer, clock: Clock) -> None:
    """However lately it was looked: a token needs it."""
    path = tmp_path / "keys.json"
    write(path, OLD)
    made = verifier(issuer, path, clock)
    assert (code(made, issuer.token(key=OLD)), code(made, issuer.token(key=NEW))) == (None, "key_not_found")
    write(path, OLD, NEW)
    assert (code(made, issuer.token(key=NEW)), code(made, issuer.token(key=OLD))) == (None, None)


def test_a_new_key_of_the_same_name_is_found_at_once(
    tmp_path: Path, issuer: LocalIssuer, clock: Clock
) -> None:
    """A signature that fails asks for newer keys too; a forged one finds none."""
    path = tmp_path / "keys.json"
    write(path, OLD)
    made = verifier(issuer, path, clock)
    other = SigningKey.generate("ES256", Form(certificates=False), kid="old")
    assert code(made, issuer.token(key=other)) == "signature_invalid"
    write(path, other)
    assert code(made, issuer.token(key=other)) is None


def test_a_key_that_is_taken_out_is_gone_within_a_second(
    tmp_path: Path, issuer: LocalIssuer, clock: Clock
) -> None:
    """At the first use after it, however long none came: remembered tokens too."""
    path = tmp_path / "keys.json"
    write(path, OLD, NEW)
    made = verifier(issuer, path, clock)
    assert code(made, issuer.token(key=OLD)) is None
    write(path, NEW)
    assert code(made, issuer.token(key=OLD)) is None
    clock.now += EVERY
    assert code(made, issuer.token(key=OLD)) == "key_not_found"
    assert code(made, issuer.token(key=NEW)) is None


def test_nobody_looks_twice_a_second(
    tmp_path: Path, issuer: LocalIssuer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And an unchanged file is not read again."""
    path = tmp_path / "keys.json"
    write(path, OLD)
    made = verifier(issuer, path, clock)
    looks: list[Path] = []
    raw = issuer.token(key=OLD)

    def counted(path: Path) -> Any:
        looks.append(path)
        return files.stamps(path)

    monkeypatch.setattr(watched, "stamps", counted)
    monkeypatch.setattr(watched, "read", None)
    for _ in range(5):
        made.verify(raw)
    assert looks == []
    clock.now += EVERY
    for _ in range(5):
        made.verify(raw)
    assert looks == [path]


@pytest.mark.parametrize("harm", ["broken", "empty", "gone", "cut"])
def test_what_cannot_be_read_replaces_nothing(
    tmp_path: Path, issuer: LocalIssuer, clock: Clock, harm: str
) -> None:
    """The last good keys serve on, for as long as it takes; status and explain say so. A token that they do
    not fit may be good: 503. When the file is mended, all is well."""
    path = tmp_path / "keys.json"
    write(path, OLD)
    made = verifier(issuer, path, clock)
    if harm == "gone":
        path.unlink()
    else:
        path.write_text({"broken": "<html>", "empty": '{"keys": []}', "cut": path.read_text()[:-3]}[harm])
    clock.now += 100 * 3600
    assert code(made, issuer.token(key=OLD)) is None
    assert code(made, issuer.token(key=NEW)) == "keys_unavailable"
    with pytest.raises(rightkey.IssuerUnavailable) as caught:
        made.verify(issuer.token(key=NEW))
    assert ("try again later" if harm in ("gone", "empty") else "a JWKS, a JWK") in str(caught.value.hint)
    status = made.status()
    assert (status.ready, status.keys, status.revoked_key_bound) == (True, 1, math.inf)
    assert str(path) in str(status.last_failure)
    steps = {step.step: step.detail for step in made.explain(issuer.token(key=OLD)).steps}
    assert steps["metadata"] == f"not asked for: keys in {path}"
    assert "the last attempt failed" in steps["keys"]
    with pytest.raises(rightkey.IssuerFault):
        made.refresh()
    made.prepare()  # there are keys
    write(path, NEW)
    clock.now += EVERY
    assert (code(made, issuer.token(key=NEW)), code(made, issuer.token(key=OLD))) == (None, "key_not_found")
    made.refresh()
    assert (made.status().last_failure, made.status().revoked_key_bound) == (None, EVERY)


def test_a_forged_token_is_forged_though_the_file_is_gone(
    tmp_path: Path, issuer: LocalIssuer, clock: Clock
) -> None:
    """401: a key fits, but it did not make the signature."""
    path = tmp_path / "keys.json"
    write(path, OLD)
    made = verifier(issuer, path, clock)
    path.unlink()
    other = SigningKey.generate("ES256", Form(certificates=False), kid="old")
    assert code(made, issuer.token(key=other)) == "signature_invalid"


@pytest.mark.parametrize("content", [None, "", "{}", '{"keys": []}', "-----BEGIN PUBLIC KEY-----"])
def test_a_file_of_no_use_is_told_when_the_verifier_is_built(
    tmp_path: Path, issuer: LocalIssuer, clock: Clock, content: str | None
) -> None:
    """There is nothing yet that could serve on."""
    path = tmp_path / "keys.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(rightkey.Misconfigured, match=str(path)):
        verifier(issuer, path, clock)


def test_one_bad_file_of_a_directory_harms_no_other(
    tmp_path: Path, issuer: LocalIssuer, clock: Clock
) -> None:
    """It keeps the keys it had; one that is new brings none; one that is gone takes its keys along."""
    write(tmp_path / "a.json", OLD)
    write(tmp_path / "b.json", NEW)
    made = verifier(issuer, tmp_path, clock)
    (tmp_path / "a.json").write_text("half a fi")
    (tmp_path / "c.json").write_text("half a fi")
    (tmp_path / "b.json").unlink()
    clock.now += EVERY
    assert code(made, issuer.token(key=OLD)) is None
    assert code(made, issuer.token(key=NEW)) == "keys_unavailable"
    assert "a.json" in str(made.status().last_failure)


def test_a_mounted_directory_is_swapped_as_one(tmp_path: Path, issuer: LocalIssuer, clock: Clock) -> None:
    """As the kubelet does it: names are links through `..data`, which is moved in one step."""
    for version, key in (("..1", OLD), ("..2", NEW)):
        (tmp_path / version).mkdir()
        write(tmp_path / version / "keys.json", key)
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "keys.json").symlink_to("..data/keys.json")
    whole, one = verifier(issuer, tmp_path, clock), verifier(issuer, tmp_path / "keys.json", clock)
    assert [code(made, issuer.token(key=OLD)) for made in (whole, one)] == [None, None]
    (tmp_path / "..next").symlink_to("..2")
    os.replace(tmp_path / "..next", tmp_path / "..data")
    assert [code(made, issuer.token(key=NEW)) for made in (whole, one)] == [None, None]
    assert [code(made, issuer.token(key=OLD)) for made in (whole, one)] == ["key_not_found"] * 2


@pytest.mark.parametrize("run", [asyncio.run, trio.run], ids=["asyncio", "trio"])
def test_in_a_loop_too(run: Callable[..., Any], tmp_path: Path, issuer: LocalIssuer, clock: Clock) -> None:
    """A task waits for the reading; the loop goes on."""
    path = tmp_path / "keys.json"
    write(path, OLD)
    made = rightkey.AsyncVerifier(issuer.url, audience=issuer.audience, keys=path, elapsed=clock)

    async def use() -> None:
        assert (await made.verify(issuer.token(key=OLD))).key.kid == OLD.kid
        write(path, NEW)
        assert (await made.verify(issuer.token(key=NEW))).key.kid == NEW.kid
        await made.prepare()
        await made.refresh()

    run(use) if run is trio.run else run(use())


def test_files_are_changed_not_distrusted(tmp_path: Path, issuer: LocalIssuer, clock: Clock) -> None:
    """The file is the owner's. A copy of the verifier reads it for itself."""
    write(tmp_path / "keys.json", OLD)
    made = verifier(issuer, tmp_path / "keys.json", clock)
    with pytest.raises(rightkey.Misconfigured):
        made.distrust("old")
    default = rightkey.Verifier(issuer.url, audience=issuer.audience, keys=tmp_path / "keys.json")
    copy = pickle.loads(pickle.dumps(default))
    assert code(copy, issuer.token(key=OLD)) is None


def test_where_no_thread_can_be_started_what_is_held_serves(
    tmp_path: Path, issuer: LocalIssuer, clock: Clock, no_thread: Any
) -> None:
    """The file could not be read, and no token is refused for it."""
    path = tmp_path / "keys.json"
    write(path, OLD)
    made = verifier(issuer, path, clock)
    write(path, OLD, NEW)
    clock.now += EVERY
    with no_thread():
        assert code(made, issuer.token(key=OLD)) is None
        assert code(made, issuer.token(key=NEW)) == "keys_unavailable"
    assert code(made, issuer.token(key=NEW)) is None


def test_a_disk_that_hangs_keeps_nobody(
    tmp_path: Path, issuer: LocalIssuer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reading is given up; who joined it is told that it takes too long."""
    path, end = tmp_path / "keys.json", threading.Event()
    write(path, OLD)
    source = Watched(path, clock, Record("file"))
    monkeypatch.setattr(source, "_read", lambda: end.wait(60) and Watched._read(source))
    job = source.refetch()
    assert job is not None
    assert source.newer(NeedsNewer("no_keys", read(mint(OLD, {})).header), 0, None) is job
    job.seconds = 0.1
    JOBS.wait(job, 60)
    end.set()
    assert job.given_up
    assert "not read within" in str(source.status().last_failure)
    assert source.held(waited=True).keys is not None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_disk_that_hangs_holds_up_no_other_issuer_and_no_fork(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other issuers' keys are made, and children are forked, while a file is waited for. A pipe that nothing
    is written to stands for a disk that hangs."""
    path = tmp_path / "keys.json"
    write(path, OLD)
    source = Watched(path, clock, Record("file"))
    source.wait = 60.0
    path.unlink()
    os.mkfifo(path)
    monkeypatch.setattr(watched, "stamps", lambda path: {path: (1,)})  # as if it was a file
    job = source.refetch()
    with path.open("wb"):  # comes back when the job has opened the other end
        other = LocalIssuer(algorithm="ES256", url="https://other.example/")
        made = rightkey.Verifier(other.url, audience=other.audience, transport=other.transport())
        assert code(made, other.token()) is None
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert job is not None
    JOBS.wait(job, 60)
    assert "empty" in str(source.status().last_failure)


def test_a_file_is_looked_at_before_serving(tmp_path: Path, issuer: LocalIssuer, clock: Clock) -> None:
    """`prepare` waits for a look that is due."""
    path = tmp_path / "keys.json"
    write(path, OLD)
    made = verifier(issuer, path, clock)
    write(path, OLD, NEW)
    clock.now += EVERY
    made.prepare()
    assert {key.kid for key in made._issuer.source.held().keys or ()} == {OLD.kid, NEW.kid}


def test_distrust_reaches_a_file_of_the_same_issuer(
    tmp_path: Path, issuer: LocalIssuer, clock: Clock
) -> None:
    """A key that is distrusted at an issuer must not come back by the file that a cold start reads."""
    path = tmp_path / "keys.json"
    write(path, OLD)
    keys = rightkey.FirstOf(path, None)
    how: Any = {"transport": issuer.transport(), "elapsed": clock}
    made = rightkey.Verifier(issuer.url, audience=issuer.audience, keys=keys, **how)
    assert code(made, issuer.token(key=OLD)) is None
    made.distrust(OLD.kid or "")
    assert code(made, issuer.token(key=OLD)) == "key_not_found"


def test_an_older_bundle_of_spiffe_replaces_nothing(tmp_path: Path, clock: Clock) -> None:
    """A file that is put back keeps the keys of the one after it, and says so."""
    path, domain = tmp_path / "bundle.json", "spiffe://shop.example"

    def publish(number: int, *keys: SigningKey) -> None:
        members = [key.public_jwk() | {"use": "jwt-svid"} for key in keys]
        put(path, {"keys": members, "spiffe_sequence": number})
        clock.now += EVERY

    def svid(key: SigningKey) -> str:
        return mint(
            key, {"sub": f"{domain}/cart", "aud": ["api"], "exp": time.time() + 3600}, header={"typ": "JOSE"}
        )

    publish(5, OLD, NEW)
    made = rightkey.Verifier(domain, audience="api", keys=path, elapsed=clock)
    assert made.verify(svid(OLD)).subject == f"{domain}/cart"
    publish(4, OLD)
    assert code(made, svid(NEW)) is None
    assert "spiffe_sequence is 4, and was 5 before" in (made.status().last_failure or "")
    publish(6, NEW)
    made.refresh()  # where the last reading failed no caller waits for the next
    assert (code(made, svid(NEW)), code(made, svid(OLD))) == (None, "key_not_found")
