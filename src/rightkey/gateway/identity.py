"""Identity: which headers tell the service of a token's claims, and how a claim is written in one.

Each answer that lets a request pass has all of them, empty where there is no claim: proxies replace what a
client sent by what the answer has, and leave the client's header alone where the answer has none (Caddy,
GHSA-7r4p-vjf4-gxv4).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from rightkey.errors import Misconfigured, quoted
from rightkey.grants import at
from rightkey.requirements import claim, path_of

PREFIX = "X-Auth-"
"""What every such header begins with, so that a proxy can delete all of them, whatever comes after."""
STATUS = "X-Auth-Status"
"""Not one of them: the status of a refusal, for proxies that tell only some (nginx)."""


class Identity:
    """The headers, each with the claim that it tells.

    Args:
        claims: names of headers, each with a claim's name, or a JSON Pointer to a claim inside another.

    Raises:
        Misconfigured: a header's name does not begin with `X-Auth-`, two are alike, or a pointer is none.
    """

    def __init__(self, claims: Mapping[str, str]) -> None:
        for name in claims:
            if not re.fullmatch(_NAME, name) or name.lower() == STATUS.lower():
                raise Misconfigured(
                    f"identity header {quoted(name)} must begin with {PREFIX}, and not be {STATUS}",
                    hint="X-Auth-Subject, for example: proxies delete what clients send under that prefix",
                )
        if len({name.lower() for name in claims}) < len(claims):
            raise Misconfigured("two identity headers have the same name but for upper and lower case")
        self.names = tuple(claims)
        self._paths = tuple((f"{name}: ", _path(said)) for name, said in claims.items())
        self.empty = self.lines({})
        """The headers where there is no token."""

    def lines(self, claims: Mapping[str, Any]) -> bytes:
        """The headers for a token's claims, as HTTP/1.1."""
        return "".join([f"{name}{written(at(claims, path))}\r\n" for name, path in self._paths]).encode()


def written(value: Any) -> str:
    """A claim as a header's value: printable ASCII, the rest and `%` percent-encoded as UTF-8.

    The members of an array stand with commas between; a comma in one is encoded, as is one in a string. What
    is neither text nor a number, nor an array of these, is JSON. Empty where there is no such claim.
    """
    if isinstance(value, str):
        return _encoded(value)
    if isinstance(value, list) and not any(isinstance(one, list | dict) for one in value):
        return ",".join(map(written, value))
    if isinstance(value, bool | int | float | list | dict):
        return _encoded(json.dumps(value, separators=(",", ":")))
    return ""


def _encoded(text: str) -> str:
    if text.isascii() and text.isprintable() and "%" not in text and "," not in text:
        encoded = text  # most are, and to see it is a tenth of the work
    else:
        encoded = quote(text, safe=_SAFE, errors="surrogatepass")
    if encoded[:1] == " " or encoded[-1:] == " ":  # no parser keeps a space at an end of a value
        return encoded.replace(" ", "%20")
    return encoded


def _path(said: object) -> tuple[str, ...]:
    if not isinstance(said, str):
        raise Misconfigured("an identity header must be given the name of a claim")
    return path_of(claim(said, "").name)


_SAFE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in "%,")
_NAME = f"{PREFIX}[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"
