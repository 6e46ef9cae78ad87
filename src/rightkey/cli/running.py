"""How commands talk to a running local issuer: its management, over HTTP."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from rightkey.cli.errors import BadUse
from rightkey.errors import quoted

_TIMEOUT = 10.0  # seconds
_MOST = 64 * 1024 * 1024  # bytes


class NotThere(Exception):
    """Nothing answers there, or something that is not a local issuer."""


@dataclass(frozen=True, slots=True)
class Running:
    """A local issuer, by its URL."""

    url: str
    ca_file: str | None = None

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The issuer's answer, read as JSON. Raises BadUse if it refuses, and NotThere."""
        if urlsplit(self.url).scheme not in ("http", "https"):
            raise BadUse(f"--at takes the issuer's URL, got {quoted(self.url)}")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
            self.url.rstrip("/") + path, data, {"content-type": "application/json"}, method=method
        )
        try:
            with self._opener().open(request, timeout=_TIMEOUT) as response:
                return json.loads(response.read(_MOST))
        except urllib.error.HTTPError as error:
            raise _refused(error) from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise NotThere(f"no local issuer answers at {self.url}: {_why(error)}") from None

    def _opener(self) -> urllib.request.OpenerDirector:
        """Without proxies, which have no business on this machine."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ValueError):
            raise BadUse(f"{self.ca_file}: no PEM certificate in it") from None
        return urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )


def _refused(error: urllib.error.HTTPError) -> Exception:
    with error:
        try:
            why = json.loads(error.read(_MOST))["error_description"]
        except (ValueError, KeyError, TypeError, OSError):
            return NotThere(f"no local issuer answers at {error.url}: status {error.code}")
    return BadUse(str(why))


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or type(reason).__name__).lower()
