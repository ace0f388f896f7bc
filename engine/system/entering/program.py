"""
The program that forks for each command; started by `spawner` and by nothing else.

It reads orders from a socket until the process at the other end is gone. What it has forked by then
goes on.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys

from engine.system.entering import kernel
from engine.system.entering.attending import attend
from engine.system.entering.order import DESCRIPTORS, LIMIT, Order


def main(arguments: list[str]) -> int:
    """Obey the orders that come over the socket of that number."""
    # Whoever has started this waits for this process, and not for the one that stays.
    if os.fork():
        return 0
    os.setsid()
    kernel.hide()
    # Nobody asks how the forks end: each has said so by then.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.freeze()
    with socket.socket(fileno=int(arguments[0])) as control:
        while _obey_next(control):
            pass
    return 0


def _obey_next(control: socket.socket) -> bool:
    message, descriptors, _, _ = socket.recv_fds(
        control, LIMIT, DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
    )
    if not message:
        return False
    try:
        if os.fork() == 0:
            control.close()
            attend(Order.parse(message), *descriptors)
    except BlockingIOError:
        # There are too many processes. That no report comes says that nothing was started.
        return True
    finally:
        for each in descriptors:
            os.close(each)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
