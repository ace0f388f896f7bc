"""How gunicorn runs the web process; what differs between stacks stands in the Procfile."""

import ctypes
import os
import signal
from typing import Any

PR_SET_PDEATHSIG = 1

# What a worker touches to show that it lives must not wait for a disk.
worker_tmp_dir = "/dev/shm"  # noqa: S108  (a directory that is meant for it)
control_socket_disable = True
graceful_timeout = 3
# We speak plain http only. So where people come by https, a proxy on this machine stands before us
# and says for whom it asks; elsewhere anybody's word about that would count, to dodge the limit of
# logins or to put another address into the audit trail.
is_behind_proxy = os.environ.get("SHIPSHAPE_URL", "").startswith("https:")
forwarded_allow_ips = os.environ.get(
    "FORWARDED_ALLOW_IPS", "127.0.0.1,::1" if is_behind_proxy else ""
)


def post_fork(_server: Any, worker: Any) -> None:
    """
    Let *worker* end at once when gunicorn is killed.

    Without its parent it would go on serving, and hold the port against the next one.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != worker.ppid:
        os.kill(os.getpid(), signal.SIGKILL)
