"""Workers of a queue, each in a process: `python worker_app.py`, with a message's token a line on stdin."""

import logging
import multiprocessing
import sys
import time

from rightkey import IssuerUnavailable, TokenRejected, Verifier

logging.basicConfig(level=logging.INFO)
verifier = Verifier("tenant.eu.auth0.com", audience="https://api.example.com", require="read:appointments")
WORKERS, ATTEMPTS = 2, 5


def handled(raw: str) -> str:
    """What became of a message. It is tried again only where nothing is wrong with its token."""
    for _ in range(ATTEMPTS):
        try:
            return f"done for {verifier.verify(raw).subject}"
        except TokenRejected as error:
            return f"dropped: {error.code}"
        except IssuerUnavailable as error:
            time.sleep(error.retry_after or 1)
    return "left in the queue"


def main() -> None:
    """Handle what is on stdin, and say what became of it, in its order."""
    with multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
        for told in pool.imap(handled, (line.strip() for line in sys.stdin)):
            print(told, flush=True)


if __name__ == "__main__":
    main()
