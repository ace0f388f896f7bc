"""Which processes a stack has, and how the process manager is told about them."""

import re
from dataclasses import dataclass
from pathlib import Path

from workers.host.checkout import CHECKOUT, PYTHON
from workers.host.errors import HostError
from workers.host.stack import Stack

PROCFILE = CHECKOUT / "Procfile"
REDIS = "redis"
PRIVILEGED = frozenset({"worker", "agent"})
"""Only these run as root; a process that is not named here never does."""

LINE = re.compile(r"([a-z][a-z0-9_-]*):\s*(\S.*)")

MANAGER = """\
; Written by ./shipshape up; changes are overwritten.
[unix_http_server]
file={socket}
chmod=0700

[supervisord]
nodaemon=true
user=root
umask=022
pidfile={run}/supervisord.pid
directory={checkout}
logfile={logs}/supervisord.log
logfile_maxbytes=1MB
logfile_backups=2
childlogdir={logs}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""

PROGRAM = """
[program:{name}]
command={python} -m workers.host.launch {name}
directory={checkout}
priority={priority}
autorestart=true
startsecs=1
startretries=30
stopsignal=TERM
stopwaitsecs={stop_seconds}
killasgroup=true
redirect_stderr=true
stdout_logfile={logs}/{name}.log
stdout_logfile_maxbytes=5MB
stdout_logfile_backups=2
"""

STOP_SECONDS = {"worker": 10}
DEFAULT_STOP_SECONDS = 6


@dataclass(frozen=True)
class Process:
    """One line of the Procfile: *command* is a line for the shell, as is custom there."""

    name: str
    command: str

    @property
    def is_privileged(self) -> bool:
        """Whether it runs as root."""
        return self.name in PRIVILEGED


def parse_procfile(text: str) -> list[Process]:
    """Return the processes in *text*, in order; raise `HostError` naming a line that is none."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found = [(line, LINE.fullmatch(line.strip())) for line in lines]
    bad = [line for line, match in found if match is None]
    if bad:
        raise HostError(f"Procfile: {bad[0]!r} is not `name: command`.")
    return [Process(*match.groups()) for _, match in found if match]


def list_processes(*, has_redis: bool, procfile: Path = PROCFILE) -> list[Process]:
    """Return the processes of a stack, Redis among them only when it runs its own."""
    processes = parse_procfile(procfile.read_text())
    return [process for process in processes if has_redis or process.name != REDIS]


def render_supervisor_conf(stack: Stack, processes: list[Process]) -> str:
    """Return the process manager's configuration for *processes* of *stack*."""
    places = {
        "socket": stack.supervisor_socket,
        "run": stack.run,
        "logs": stack.logs,
        "checkout": CHECKOUT,
        "python": f'"{PYTHON}"',
    }
    escaped = {name: str(value).replace("%", "%%") for name, value in places.items()}
    programs = (
        PROGRAM.format(
            name=process.name,
            # Started in the order of the Procfile, ended the other way round.
            priority=index,
            stop_seconds=STOP_SECONDS.get(process.name, DEFAULT_STOP_SECONDS),
            **escaped,
        )
        for index, process in enumerate(processes, start=1)
    )
    return MANAGER.format(**escaped) + "".join(programs)
