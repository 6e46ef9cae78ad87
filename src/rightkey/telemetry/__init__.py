"""What an operator sees: the log, which is there by itself, and metrics and traces, which you subscribe.

    from rightkey.events import subscribe
    from rightkey.telemetry import Prometheus

    subscribe(Prometheus())

Names are loaded when they are first used; each says which extra it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {"Prometheus": ("prometheus", "prometheus"), "OpenTelemetry": ("opentelemetry", "otel")}
"""Each name's module, and the extra that brings what it needs."""

__all__ = ["OpenTelemetry", "Prometheus"]

if TYPE_CHECKING:
    from rightkey.telemetry.opentelemetry import OpenTelemetry as OpenTelemetry
    from rightkey.telemetry.prometheus import Prometheus as Prometheus


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, extra = _HOMES[name]
    try:
        value = getattr(import_module(f"{__name__}.{module}"), name)
    except ModuleNotFoundError as error:
        needed = (error.name or "").partition(".")[0]
        if needed == "rightkey":
            raise
        message = f"{__name__}.{name} needs {needed}: pip install 'rightkey[{extra}]'"
        raise ModuleNotFoundError(message, name=error.name, path=error.path) from error
    globals()[name] = value
    return value
