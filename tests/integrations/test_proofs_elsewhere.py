"""The same proofs before other libraries: what docs/dpop.md says that each makes of them."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    sys.modules.pop("bench", None)
    from bench import elsewhere

    return elsewhere


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_page_says_what_each_does(place: int, elsewhere: ModuleType) -> None:
    """Row by row, of the version that the page names."""
    page = (ROOT / "docs" / "dpop.md").read_text(encoding="utf-8")
    head, _, *rows = ROW.findall(page.partition("<!-- elsewhere -->")[2].partition("<!-- end")[0])
    assert len(rows) == 11
    try:
        told, found = elsewhere.column([*elsewhere.PEERS][place])
    except (ImportError, OSError) as error:
        pytest.skip(f"it is not installed: {error}")
    if told != head[place + 1]:
        pytest.skip(f"the page tells of {head[place + 1]}")
    assert {row[0]: row[place + 1] for row in rows} == found
