"""The log as lines of JSON."""

from __future__ import annotations

import io
import json
import logging

from rightkey.gateway import logs
from rightkey.telemetry import log


def test_a_line_is_a_json_object() -> None:
    """With the fields of its event, which cannot be taken for the line's own."""
    stream = io.StringIO()
    before = log.LOGGER.level
    handler = logs.begin(stream)
    try:
        extra = {"rightkey_issuer": "https://a.example", "rightkey_keys": ["a"], "rightkey_message": "forged"}
        log.LOGGER.warning("two\nlines: %s", "x", extra=extra)
        log.LOGGER.debug("not shown")
    finally:
        log.LOGGER.removeHandler(handler)
        log.LOGGER.setLevel(before)
    line, end = stream.getvalue().split("\n")
    told = json.loads(line)
    assert end == ""
    assert told.pop("time").endswith("Z")
    assert told.pop("pid") > 0
    assert told == {
        "level": "warning",
        "message": "two\nlines: x",
        "issuer": "https://a.example",
        "keys": ["a"],
    }
    assert logging.getLogger("rightkey") is log.LOGGER
