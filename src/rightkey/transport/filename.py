"""How a message names the file of a setting: never by what may be a secret.

Where the name of a file is asked for, people give what is in it: a token, or a private key.
"""

from __future__ import annotations

import re

from rightkey.errors import Misconfigured, may_hold_secret

_PATH = re.compile(r"(/|\.{1,2}/|~/|[A-Za-z]:\\)[\w ./\\:@+,~-]{0,250}", re.ASCII)
_NO_NAME = re.compile(  # PEM, JSON, a JWT, or a URL, which may have a password in it
    r"^\s*[\[{]|[\r\n\0]|-----BEGIN|^[\w-]{8,}\.[\w-]*\.[\w-]+$|(?<![A-Za-z0-9])ey[AJK][\w-]+\.|[a-z]{2,}:[/\\]|\?.*=",
    re.ASCII,
)


def require_names(**files: object) -> None:
    """Each is the name of a file, or None.

    Raises:
        Misconfigured: one is something else, or looks like what such a file holds; it is not quoted.
    """
    for setting, file in files.items():
        if file is not None and (not isinstance(file, str) or not file or _holds(file)):
            raise Misconfigured(f"{setting} must be the name of a file as a string, not what it holds")


def _holds(file: str) -> bool:
    """Whether it looks like what is in a file. A path may have any letters, and a name of one an `@`."""
    return bool(_NO_NAME.search(file)) or (not re.search(r"[/\\.]", file) and may_hold_secret(file))


def named(setting: str, file: object) -> str:
    """A file in a message: by its path, where it looks like one, and else by the setting that named it."""
    return file if isinstance(file, str) and _PATH.fullmatch(file) else f"the file of {setting}"
