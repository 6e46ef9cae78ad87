"""How a command that serves learns that it must end: by SIGINT or SIGTERM."""

from __future__ import annotations

import signal
import socket


def stop_signal() -> socket.socket:
    """Readable once the process must end.

    Python runs a handler on the main thread alone, which a signal that another thread receives need not wake.
    What the signal writes here does.
    """
    stopped, signalled = socket.socketpair()
    signalled.setblocking(False)
    signal.set_wakeup_fd(signalled.detach())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    return stopped
