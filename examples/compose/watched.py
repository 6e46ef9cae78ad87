"""What both services share: the log on stderr, and metrics of all workers for /metrics."""

import logging
import os

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from rightkey.events import subscribe
from rightkey.telemetry import Prometheus


def watched() -> CollectorRegistry:
    """Write a log and keep metrics of every verifier; the registry is what /metrics shows."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(process)d %(levelname)s %(name)s %(message)s"
    )
    subscribe(Prometheus())
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    every_worker = CollectorRegistry(support_collectors_without_names=True)
    MultiProcessCollector(every_worker)
    return every_worker
