"""How a name is spelled: in a message that quotes it, and where letter case does not count."""

from __future__ import annotations

import re

MAX_QUOTED = 100
"""Characters of a setting that a message quotes."""
_SECRET = re.compile(r"-----|@|\n|^\s*[{\[<]|^\s*ey[\w-]+\.|[A-Za-z0-9+/=]{60}")
"""What may hold a private key, a token or a password: PEM, JSON, a JWT, a URL with a user, a key in
base64."""


def quoted(text: str) -> str:
    """A setting as a message may quote it: cut, and not where it may hold a password or a private key."""
    if _SECRET.search(text):
        return "(not shown: it may hold a secret)"
    return ascii(text if len(text) <= MAX_QUOTED else text[:MAX_QUOTED] + "...")


def lower_host(url: str) -> str:
    """The URL with its host in lower case, and nothing else changed."""
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return scheme + separator + host.lower() + slash + path
