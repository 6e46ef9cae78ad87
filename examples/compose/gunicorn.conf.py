"""What gunicorn reads by itself: the metrics of a worker that ended are not shown any more."""

import os

from prometheus_client.multiprocess import mark_process_dead


def child_exit(server: object, worker: object) -> None:
    """Called by gunicorn when a worker has ended."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        mark_process_dead(worker.pid)
