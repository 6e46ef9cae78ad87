"""Every recorded document of a provider has a line that says what is found in it, what is skipped, and why.

The lines in `documents/` were written from the documents and by arithmetic, not from what this library
says of them; the last column is for their reader. A history's keys and skipped members are counted
once, in however many of its versions they are. The documents lie in `../shared/vectors`; see
`test_vectors.py`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from rightkey import Key, KeySet, Misconfigured, RightkeyError, TokenRejected, Verifier
from rightkey.exchange import Request, Response
from rightkey.issuer.discovery import read_metadata
from rightkey.issuer.name import Issuer

HERE = Path(__file__).parent
VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors"
MANIFEST = VECTORS / "providers" / "manifest.json"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MANIFEST.is_file(), reason="../shared/vectors is not here"),
]


def table(name: str) -> dict[str, list[str]]:
    """The lines below the heading, by document, without their last column."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()[1:]
    return {slug: cells for slug, *cells, _ in (re.split(r" {2,}", line) for line in lines)}


def recorded(*kinds: str) -> dict[str, Path]:
    entries: list[dict[str, Any]] = json.loads(MANIFEST.read_bytes()) if MANIFEST.is_file() else []
    return {one["slug"]: VECTORS / one["file"] for one in entries if one["kind"] in kinds}


KEY_SETS, METADATA, HISTORIES = table("key-sets.txt"), table("metadata.txt"), table("histories.txt")
SETS = {
    slug: path for slug, path in recorded("jwks", "raw", "x509", "http").items() if "discovery" not in slug
}
DOCUMENTS = recorded("discovery") | {
    slug: path for slug, path in recorded("raw", "http").items() if "discovery" in slug
}
SERIES = recorded("series")


def octets(path: Path) -> bytes:
    """The document as it is; of an answer that was recorded with its headers the body."""
    raw = path.read_bytes()
    if path.parent.name != "http-recordings":
        return raw
    body = json.loads(raw)["body"]
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def counted(things: Iterable[str]) -> str:
    return ", ".join(f"{count} {thing}" for thing, count in sorted(Counter(things).items())) or "none"


def test_every_document_has_its_line() -> None:
    """All 178, and no line is of anything else."""
    assert KEY_SETS.keys() == SETS.keys()
    assert METADATA.keys() == DOCUMENTS.keys()
    assert HISTORIES.keys() == SERIES.keys()
    assert len(KEY_SETS) + len(METADATA) + len(HISTORIES) == len(json.loads(MANIFEST.read_bytes())) == 178


@pytest.mark.parametrize("slug", KEY_SETS)
def test_a_key_set_is_as_its_line_says(slug: str) -> None:
    """Keys by type, what was skipped by its reason, and how many keys have a certificate."""
    keys = KeySet.parse(octets(SETS[slug]), published=True)
    certificates = sum(bool(key.jwk.get("x5c")) for key in keys)
    found = [counted(key.kty for key in keys), counted(one.reason for one in keys.skipped), str(certificates)]
    assert found == KEY_SETS[slug]


@pytest.mark.parametrize("slug", KEY_SETS)
def test_a_line_says_it_of_every_member(slug: str) -> None:
    """What is usable and what is skipped is all there is."""
    document = json.loads(octets(SETS[slug]).decode("utf-8-sig"))
    members = document if slug.startswith("x509-") else document["keys"]
    numbers = re.findall(r"\d+(?= )", " ".join(f"{cell} " for cell in KEY_SETS[slug][:2]))
    assert sum(map(int, numbers)) == len(members)


@pytest.mark.parametrize("slug", HISTORIES)
def test_a_history_is_as_its_line_says(slug: str) -> None:
    """Over all its versions."""
    versions = json.loads(SERIES[slug].read_bytes())["jwks_versions"]
    sets = [KeySet.parse(json.dumps(one["jwks"]), published=True) for one in versions]
    usable = {(key.kid, key.thumbprint): key.kty for keys in sets for key in keys}
    skipped = {(one.kid, one.reason): one.reason for keys in sets for one in keys.skipped}
    found = [str(len(versions)), counted(usable.values()), counted(skipped.values())]
    assert found == HISTORIES[slug]


@pytest.mark.parametrize("slug", METADATA)
def test_metadata_are_as_their_line_says(slug: str) -> None:
    """Read by the issuer that a user would name, and of the provider that its URL tells; or refused."""
    asked, verdict, provider = METADATA[slug]
    raw = octets(DOCUMENTS[slug])
    stated = json.loads(raw.decode("utf-8-sig"))["issuer"]
    name = stated if asked == "itself" else asked
    if verdict == "misconfigured":
        with pytest.raises(Misconfigured):
            Issuer.parse(name)
        return
    issuer = Issuer.parse(name)
    assert (issuer.vendor.name if issuer.vendor else "-") == provider
    if verdict == "read":
        assert read_metadata(issuer, Response(200, {}, raw)).issuer == stated
        return
    with pytest.raises(RightkeyError) as caught:
        read_metadata(issuer, Response(200, {}, raw))
    assert caught.value.code == verdict


@pytest.mark.parametrize(
    "path", [*SETS.values(), *DOCUMENTS.values(), *SERIES.values()], ids=lambda path: path.stem
)
def test_nothing_but_our_errors_comes_of_any_document(path: Path) -> None:
    """Taken for whatever it is not, and a history for a document."""
    raw, issuer = octets(path), Issuer.parse("https://issuer.example", None)
    assert code_of(lambda: KeySet.parse(raw)) in (None, "keyset_invalid")
    assert code_of(lambda: KeySet.parse(raw, published=True)) in (None, "keyset_invalid")
    refusals = ("metadata_invalid", "issuer_mismatch")
    assert code_of(lambda: read_metadata(issuer, Response(200, {}, raw))) in refusals
    assert code_of(lambda: Key.from_jwk(json.loads(raw.decode("utf-8-sig")))) == "misconfigured"


def code_of(act: Callable[[], object]) -> str | None:
    """The code of our error; None where there is none."""
    try:
        act()
    except RightkeyError as error:
        return error.code
    return None


# -- real tokens, by the whole path ------------------------------------------------------------------------


def real_tokens() -> list[dict[str, Any]]:
    file = VECTORS / "cases.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return [case for case in map(json.loads, lines) if case["set"] == "provider"]


class Recorded:
    """An issuer that answers with a recorded key set, wherever it is asked."""

    def __init__(self, issuer: str, keys: bytes) -> None:
        self.asked: list[str] = []
        metadata = {"issuer": issuer, "jwks_uri": "https://keys.example/recorded"}
        self._answers = {True: json.dumps(metadata).encode(), False: keys}

    def get(self, request: Request) -> Response:
        self.asked.append(request.url)
        return Response(200, {}, self._answers[".well-known/" in request.url])


@pytest.mark.parametrize("case", real_tokens(), ids=lambda case: case["id"])
def test_a_real_token_verifies_at_its_time_by_the_whole_path(case: dict[str, Any]) -> None:
    """From the issuer's name to metadata, to the key set as it was recorded, to the token; years later it is
    refused for its age. Two issuers could not be asked by their names: there the URL is given."""
    recorded = Recorded(case["iss"], (VECTORS / case["jwks_file"]).read_bytes())
    discovered, now = case["iss"].startswith("https://"), [case["at"]]
    verifier = Verifier(
        case["iss"],
        audience=case["aud"],
        algorithms=[case["alg"]],
        profile="any",
        keys=None if discovered else "https://keys.example/recorded",
        transport=recorded,
        clock=lambda: now[0],
    )
    assert verifier.verify(case["token"]).key.kid == case["kid"]
    assert len(recorded.asked) == 1 + discovered
    now[0] += 30 * 365 * 86_400
    with pytest.raises(TokenRejected) as caught:
        verifier.verify(case["token"])
    assert caught.value.expired


def test_there_are_real_tokens() -> None:
    """So that the test above does not pass for want of them."""
    assert len(real_tokens()) == 11
