"""How documents are fetched: by default.py, guard.py, or with a client of your own, by httpx.py.

Names are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME_OF = {
    "Credentials": "rightkey.transport.credentials",
    "DefaultTransport": "rightkey.transport.default",
    "ExchangeFailed": "rightkey.exchange",
    "GuardedTransport": "rightkey.transport.guard",
    "HttpxTransport": "rightkey.transport.httpx",
    "Request": "rightkey.exchange",
    "Response": "rightkey.exchange",
    "Transport": "rightkey.exchange",
}

__all__ = [
    "Credentials",
    "DefaultTransport",
    "ExchangeFailed",
    "GuardedTransport",
    "HttpxTransport",
    "Request",
    "Response",
    "Transport",
]

if TYPE_CHECKING:
    from rightkey.exchange import ExchangeFailed as ExchangeFailed
    from rightkey.exchange import Request as Request
    from rightkey.exchange import Response as Response
    from rightkey.exchange import Transport as Transport
    from rightkey.transport.credentials import Credentials as Credentials
    from rightkey.transport.default import DefaultTransport as DefaultTransport
    from rightkey.transport.guard import GuardedTransport as GuardedTransport
    from rightkey.transport.httpx import HttpxTransport as HttpxTransport


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
