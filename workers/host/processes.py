"""Which processes a stack has, and how the process manager is told about them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workers.host.checkout import CHECKOUT, PYTHON
from workers.host.errors import HostError
from workers.host.stack import Stack, has_own_redis

PROCFILE = CHECKOUT / "Procfile"
REDIS = "redis"
PRIVILEGED = frozenset({"worker", "agent", "api"})
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
startsecs=2
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


def list_processes(procfile: Path = PROCFILE) -> list[Process]:
    """Return every process that a stack can have."""
    return parse_procfile(procfile.read_text())


def list_processes_of(stack: Stack, environment: Mapping[str, str]) -> list[Process]:
    """Return the processes of *stack*; its Redis is left out where another one is used."""
    processes = list_processes()
    unknown = set(stack.only) - {process.name for process in processes}
    if unknown:
        raise HostError(f"--only: there is no process {sorted(unknown)[0]!r} in the Procfile.")
    wanted = [process for process in processes if stack.has_process(process.name)]
    return [p for p in wanted if p.name != REDIS or has_own_redis(stack, environment)]


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
