"""The processes of one host, for tests that kill them: a real worker and a real agent."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection

from dashboard import jobs
from engine.system.paths import EnginePaths
from tests.support.services import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dashboard.models import Job
    from tests.support.services import RedisServer

CHECKOUT = Path(__file__).resolve().parents[2]
NAME = "realhost"
END_SECONDS = 20.0


@dataclass
class RealHost:
    """A host called `realhost`: its engine's directories and the processes that run on it."""

    home: Path
    redis_url: str
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def paths(self) -> EnginePaths:
        return EnginePaths(self.home / "root", self.home / "run")

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """Start the process *name*, `worker` or `agent`; it is ready when its log says so."""
        log = self.log_of(name)
        before = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", f"workers.{name}"],
                stdout=output,
                stderr=output,
                cwd=CHECKOUT,
                env=self._environment(),
            )
        self.processes[name] = process
        ready = {"worker": b"ready.", "agent": b"is at work"}[name]
        wait_until(lambda: ready in log.read_bytes()[before:], what=f"{name} at work")
        return process

    def kill(self, name: str) -> None:
        """Kill the process *name* as the kernel does when memory runs out."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self, name: str) -> int:
        """Ask the process *name* to end, and return how it did."""
        process = self.processes.pop(name)
        process.terminate()
        return process.wait(END_SECONDS)

    def log_of(self, name: str) -> Path:
        return self.home / f"{name}.log"

    def mounts(self) -> list[str]:
        """Where something is mounted below this host's directories."""
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        return [target for line in lines if (target := line.split()[4]).startswith(str(self.home))]

    def commands(self) -> list[str]:
        """The command lines of the processes that know this host's directories, but ours."""
        ours = {process.pid for process in self.processes.values()}
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(self.home) in line and int(entry.parent.name) not in ours:
                found.append(line)
        return found

    def remove_containers(self) -> None:
        """Remove every container of this host."""
        from engine.containers.record import IfRunning
        from engine.engine import Engine

        with Engine.open(self.paths) as engine:
            for container in engine.containers.list():
                engine.containers.remove(container.id, if_running=IfRunning.KILL)

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "SHIPSHAPE_ROOT": str(self.paths.root),
            "SHIPSHAPE_RUN": str(self.paths.run),
            "SHIPSHAPE_DATA": str(self.home / "data"),
            "SHIPSHAPE_HOST": NAME,
            "SHIPSHAPE_SECRET_KEY": secrets.token_urlsafe(32),
            "SHIPSHAPE_FIELD_KEY": base64.urlsafe_b64encode(bytes(32)).decode(),
            "REDIS_URL": self.redis_url,
            "DATABASE_URL": database_url(),
        }


def database_url() -> str:
    """Return the URL of the test's own database, for other processes."""
    told = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{told['NAME']}"
    return f"postgres://{told['USER']}@{told['HOST'].replace('/', '%2F')}/{told['NAME']}"


@contextmanager
def real_host(redis: RedisServer) -> Iterator[RealHost]:
    """Yield a host without processes; afterwards nothing of it is left."""
    home = Path(tempfile.mkdtemp(prefix="ship-"))
    host = RealHost(home, redis.url)
    try:
        yield host
    finally:
        for name in list(host.processes):
            host.kill(name)
        host.remove_containers()
        shutil.rmtree(home)


@contextmanager
def real_broker(redis: RedisServer) -> Iterator[None]:
    """Send this process's jobs through *redis* during the block."""
    from dashboard.environment import broker_url

    before = settings.CELERY_BROKER_URL
    settings.CELERY_BROKER_URL = broker_url(redis.url)
    jobs.producer.cache_clear()
    try:
        yield
    finally:
        settings.CELERY_BROKER_URL = before
        jobs.producer.cache_clear()


def wait_for_state(job: Job, *states: str, seconds: float = 60.0) -> Job:
    """Return *job* once it is in one of *states*."""

    def arrived() -> bool:
        job.refresh_from_db()
        return job.state in states

    try:
        wait_until(arrived, what=f"{job.name} is {' or '.join(states)}", seconds=seconds)
    except AssertionError as error:
        raise AssertionError(f"{error}; it is {job.state}: {job.error or job.outcome}") from None
    return job
