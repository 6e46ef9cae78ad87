"""Every recorded document of a provider has a line that says what is found in it, what is skipped, and why.

The lines in `documents/` were written from the documents and by arithmetic, not from what this library
says of them. The documents lie in `../shared/vectors`; see `test_vectors.py`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from rightkey import KeySet, Misconfigured, RightkeyError
from rightkey.discovery import read_metadata
from rightkey.exchange import Response
from rightkey.issuer import Issuer

HERE = Path(__file__).parent / "documents"
VECTORS = Path(__file__).resolve().parents[2] / "shared" / "vectors"
MANIFEST = VECTORS / "providers" / "manifest.json"
pytestmark = pytest.mark.skipif(not MANIFEST.is_file(), reason="../shared/vectors is not here")


def table(name: str) -> dict[str, list[str]]:
    """The lines below the heading, by document."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()[1:]
    return {slug: cells for slug, *cells in (re.split(r" {2,}", line) for line in lines)}


def recorded(*kinds: str) -> dict[str, Path]:
    entries: list[dict[str, Any]] = json.loads(MANIFEST.read_bytes()) if MANIFEST.is_file() else []
    return {one["slug"]: VECTORS / one["file"] for one in entries if one["kind"] in kinds}


KEY_SETS, METADATA = table("key-sets.txt"), table("metadata.txt")
SETS = {
    slug: path
    for slug, path in recorded("jwks", "raw", "x509").items()
    if "discovery" not in slug  # which is no key set, and has a test of its own
}


def counted(things: Iterable[str]) -> str:
    return ", ".join(f"{count} {thing}" for thing, count in sorted(Counter(things).items())) or "none"


def test_every_document_has_its_line() -> None:
    assert KEY_SETS.keys() == SETS.keys()
    assert METADATA.keys() == recorded("discovery").keys()


@pytest.mark.parametrize("slug", KEY_SETS)
def test_a_key_set_is_as_its_line_says(slug: str) -> None:
    """Keys by type, what was skipped by its reason, and how many keys have a certificate."""
    keys = KeySet.parse(SETS[slug].read_bytes(), published=True)
    certificates = sum(bool(key.jwk.get("x5c")) for key in keys)
    found = [counted(key.kty for key in keys), counted(one.reason for one in keys.skipped), str(certificates)]
    assert found == KEY_SETS[slug]


@pytest.mark.parametrize("slug", METADATA)
def test_metadata_are_as_their_line_says(slug: str) -> None:
    """Read by the issuer that a user would name, and of the provider that its URL tells; or refused."""
    asked, verdict, provider = METADATA[slug]
    raw = recorded("discovery")[slug].read_bytes()
    stated = json.loads(raw.decode("utf-8-sig"))["issuer"]
    name = stated if asked == "itself" else asked
    if verdict == "misconfigured":
        with pytest.raises(Misconfigured):
            Issuer.parse(name)
        return
    issuer = Issuer.parse(name)
    assert (issuer.known.name if issuer.known else "-") == provider
    if verdict == "read":
        assert read_metadata(issuer, Response(200, {}, raw)).issuer == stated
        return
    with pytest.raises(RightkeyError) as caught:
        read_metadata(issuer, Response(200, {}, raw))
    assert caught.value.code == verdict
