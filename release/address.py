"""Says where the repository is, so that links of a package's page lead there.

    python -m release.address https://github.com/OWNER/rightkey

Writes pyproject.toml: the package's URLs, and what becomes of the README's relative links and pictures, which
lead to the files of the released version. Done once; doing it again with another address changes it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_URLS = re.compile(r"\[project\.urls\]\n(?:\w+ = .*\n)*\n")
_PICTURE = r"{ pattern = '!\[([^\]]*)\]\((?!https:)([^)]*)\)\n\n', replacement = "
_LINK = r"{ pattern = '\[([^\]]*)\]\((?!https:)([^)]*)\)', replacement = "
"""How the rules begin that say what becomes of pictures and links."""


def addressed(project: str, url: str) -> str:
    """The text of pyproject.toml, with an address. Raises ValueError where it is no https URL."""
    if not re.fullmatch(r"https://[\w.-]+(/[\w.-]+)+", url):
        raise ValueError("give the repository's https URL, without a slash at its end")
    urls = {
        "Repository": url,
        "Documentation": f"{url}/tree/main/docs",
        "Changelog": f"{url}/blob/main/CHANGELOG.md",
        "Issues": f"{url}/issues",
    }
    table = "[project.urls]\n" + "".join(f'{name} = "{at}"\n' for name, at in urls.items()) + "\n"
    project = _URLS.sub("", project).replace("[project.scripts]\n", f"{table}[project.scripts]\n", 1)
    project = _replacing(project, _PICTURE, rf"![\1]({url}/raw/v$HFPR_VERSION/\2)\n\n")
    return _replacing(project, _LINK, rf"[\1]({url}/blob/v$HFPR_VERSION/\2)")


def _replacing(project: str, rule: str, replacement: str) -> str:
    before, begin, rest = project.partition(rule)
    if not begin:
        raise ValueError("pyproject.toml has not the rules that this program knows")
    return f"{before}{begin}'{replacement}'{rest[rest.index(' }') :]}"


if __name__ == "__main__":
    path = ROOT / "pyproject.toml"
    try:
        path.write_text(addressed(path.read_text(encoding="utf-8"), " ".join(sys.argv[1:])), encoding="utf-8")
    except ValueError as error:
        sys.exit(f"error: {error}")
