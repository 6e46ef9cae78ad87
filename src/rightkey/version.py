"""The version, in one place: the build reads it here, and so does the transport's User-Agent."""

from __future__ import annotations

__version__ = "0.2.0"
