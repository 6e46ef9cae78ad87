"""rightkey.telemetry: names that are loaded when they are first used."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rightkey import telemetry


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "needs", "extra"),
    [("Prometheus", "prometheus_client", "prometheus"), ("OpenTelemetry", "opentelemetry", "otel")],
)
def test_without_its_extra_a_name_says_which(name: str, needs: str, extra: str) -> None:
    """And the log, which needs none, goes on."""
    program = (
        f"import sys; sys.modules[{needs!r}] = None\n"
        "import rightkey; rightkey.Verifier('a.example', audience='a')\n"
        f"from rightkey.telemetry import {name}"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    message = f"rightkey.telemetry.{name} needs {needs}: pip install 'rightkey[{extra}]'"
    assert done.stderr.splitlines()[-1] == f"ModuleNotFoundError: {message}"


@pytest.mark.slow
def test_neither_is_loaded_before_it_is_used() -> None:
    """A service without metrics does not pay for them."""
    program = (
        "import sys, rightkey, rightkey.telemetry; rightkey.Verifier('a.example', audience='a')\n"
        "print([name for name in ('prometheus_client', 'opentelemetry') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_there_is_nothing_else() -> None:
    """An unknown name is an AttributeError, as for any module."""
    assert telemetry.__all__ == ["OpenTelemetry", "Prometheus"]
    with pytest.raises(AttributeError, match="Statsd"):
        _ = telemetry.Statsd


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that brings it. A module of our own that is missing is a defect, and told as it is."""
    monkeypatch.delitem(vars(telemetry), "Prometheus", raising=False)
    monkeypatch.delitem(sys.modules, "rightkey.telemetry.prometheus", raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"needs prometheus_client: pip install 'rightkey\[prometheus\]'"
    ):
        _ = telemetry.Prometheus
    monkeypatch.setitem(telemetry._HOMES, "Prometheus", ("gone", "prometheus"))
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'rightkey\.telemetry\.gone'"):
        _ = telemetry.Prometheus
