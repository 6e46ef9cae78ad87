"""The documentation as a site: every page and every public name. `.ci/site` builds it and checks links."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rightkey

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SITE = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]


def shown(entry: Any) -> Iterator[str]:
    """The pages that an entry of the navigation leads to."""
    if isinstance(entry, str):
        yield entry
    else:
        for below in entry.values() if isinstance(entry, dict) else entry:
            yield from shown(below)


def test_every_page_is_in_the_navigation() -> None:
    """Once: a page that is missing here needs a line in `nav` of zensical.toml."""
    assert sorted(shown(SITE["nav"])) == sorted(str(page.relative_to(ROOT)) for page in PAGES)


def test_the_api_page_has_every_public_name() -> None:
    """Once, and no other."""
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^::: rightkey\.(\w+)$", page, re.MULTILINE)) == sorted(rightkey.__all__)


def test_a_reader_asks_no_other_host() -> None:
    """Fonts are the reader's own, styles are files here, and there is no script but the theme's."""
    assert SITE["theme"]["font"] is False
    assert all((ROOT / style).exists() for style in SITE["extra_css"])
    assert "extra_javascript" not in SITE


def test_the_packages_page_has_no_dead_link() -> None:
    """An index of packages shows the README alone: what leads to other files there is left as words."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for rule in PROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(rule["pattern"], rule["replacement"], text)
    assert [link for link in re.findall(r"\]\((.*?)\)", text) if not link.startswith("https://")] == []
    assert "](docs/" not in text
    assert "Get started takes you" in text


def test_the_readme_is_short() -> None:
    """It is read before anything else."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150
