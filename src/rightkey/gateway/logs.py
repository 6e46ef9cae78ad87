"""Logs: the lines of the logger `rightkey` as JSON on stderr, one a line, with the event's fields."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import TextIO

from rightkey.telemetry import log

_PREFIX = "rightkey_"


class Lines(logging.Formatter):
    """A record as a line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        told = {name: value for name, value in vars(record).items() if name.startswith(_PREFIX)}
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        head = {
            "time": f"{at}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "pid": record.process,
            "message": record.getMessage(),
        }
        fields = {name.removeprefix(_PREFIX): value for name, value in told.items()}
        return json.dumps(head | {name: fields[name] for name in fields if name not in head}, default=str)


def begin(stream: TextIO = sys.stderr) -> logging.Handler:
    """Have lines written from now on. Returns what writes them."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines())
    logger = log.LOGGER
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    log.begin()
    return handler
