"""Many clients of the Docker API at once: some follow logs, some poll, some run containers."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 60.0
REST_SECONDS = 60.0
QUIET_SECONDS = 12.0


@dataclass
class Report:
    """What came of it; *descriptors*, *threads* and *resident*: the server's, before and after."""

    errors: list[str] = field(default_factory=list)
    asked: int = 0
    followed_bytes: int = 0
    ran: int = 0
    slowest_ps: float = 0.0
    descriptors: tuple[int, int] = (0, 0)
    threads: tuple[int, int] = (0, 0)
    resident: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Crowd:
    """How many clients of each kind."""

    followers: int
    pollers: int
    runners: int


class Load:
    """Lets a crowd loose on the engine at a socket."""

    def __init__(self, path: Path, pid: int, image: str) -> None:
        self._path = path
        self._pid = pid
        self._image = image
        self._guard = threading.Lock()
        self._is_over = threading.Event()
        self.report = Report()

    def run(self, crowd: Crowd, *, seconds: float, times: int = 1) -> list[Report]:
        """Return a report for each of *times* that the crowd came for so many *seconds*."""
        self._warm_up()
        sizes, reports = self._sizes_at_rest(), []
        for _ in range(times):
            self.report = Report()
            self._is_over.clear()
            self._let_loose(crowd, seconds)
            pairs = zip(sizes, sizes := self._sizes_at_rest(), strict=True)
            self.report.descriptors, self.report.threads, self.report.resident = pairs
            reports.append(self.report)
        return reports

    def _warm_up(self) -> None:
        # What is loaded at the first use stays.
        talker = self._talker()
        for _ in range(3):
            self._ask("GET", "/containers/json")
            self._ask("GET", f"/containers/{talker}/stats?stream=0&one-shot=1")
        self._ask("DELETE", f"/containers/{talker}?force=1")

    def _let_loose(self, crowd: Crowd, seconds: float) -> None:
        talker = self._talker()
        work: list[Callable[[], None]] = [lambda: self._follow(talker)] * crowd.followers
        work += [lambda: self._poll(talker)] * crowd.pollers
        work += [self._run_containers] * crowd.runners
        threads = [threading.Thread(target=self._guarded, args=(each,)) for each in work]
        for each in threads:
            each.start()
        time.sleep(seconds)
        self._is_over.set()
        self._ask("DELETE", f"/containers/{talker}?force=1")
        for each in threads:
            each.join(SECONDS)

    def _talker(self) -> str:
        made = self._make({"Cmd": ["sh", "-c", "while :; do echo tick; sleep 0.2; done"]})
        self._ask("POST", f"/containers/{made}/start")
        return made

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except (OSError, AssertionError, http.client.HTTPException, ValueError) as error:
            with self._guard:
                self.report.errors.append(repr(error)[:300])

    def _follow(self, talker: str) -> None:
        connection = self._connect()
        try:
            connection.request("GET", f"/containers/{talker}/logs?stdout=1&follow=1&tail=1")
            response = connection.getresponse()
            assert response.status == 200, response.status
            while content := response.read1(65536):
                with self._guard:
                    self.report.followed_bytes += len(content)
        finally:
            connection.close()

    def _poll(self, talker: str) -> None:
        while not self._is_over.is_set():
            began = time.monotonic()
            self._ask("GET", "/containers/json")
            with self._guard:
                self.report.slowest_ps = max(self.report.slowest_ps, time.monotonic() - began)
            self._ask("GET", f"/containers/{talker}/stats?stream=0&one-shot=1", may_be_gone=True)
            self._is_over.wait(0.1)

    def _run_containers(self) -> None:
        while not self._is_over.is_set():
            container = self._make({"Cmd": ["true"], "HostConfig": {"NetworkMode": "none"}})
            self._ask("POST", f"/containers/{container}/start")
            code = self._ask("POST", f"/containers/{container}/wait")["StatusCode"]
            assert code == 0, code
            self._ask("DELETE", f"/containers/{container}")
            with self._guard:
                self.report.ran += 1

    def _make(self, body: dict[str, Any]) -> str:
        made = self._ask("POST", "/containers/create", {"Image": self._image, **body})
        return str(made["Id"])

    def _ask(self, method: str, target: str, body: Any = None, *, may_be_gone: bool = False) -> Any:
        connection = self._connect()
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, target, body=content)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        with self._guard:
            self.report.asked += 1
        is_fine = response.status < 400 or (may_be_gone and response.status == 404)
        assert is_fine, f"{method} {target}: {response.status} {answer[:200]!r}"
        return json.loads(answer) if answer.strip() else None

    def _connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("docker", timeout=SECONDS)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(SECONDS)
        connection.sock.connect(str(self._path))
        return connection

    def _sizes(self) -> tuple[int, int, int]:
        """Return the numbers of open files and threads, and the bytes of memory, of the server."""
        place = Path(f"/proc/{self._pid}")
        files = sum(1 for _ in (place / "fd").iterdir())
        threads = sum(1 for _ in (place / "task").iterdir())
        status = (place / "status").read_text()
        return files, threads, int(status.partition("VmRSS:")[2].split()[0]) * 1024

    def _sizes_at_rest(self) -> tuple[int, int, int]:
        """Return them once the server has let go of what it kept for whoever might come next."""
        deadline = time.monotonic() + REST_SECONDS
        found, since = self._sizes(), time.monotonic()
        while time.monotonic() < min(deadline, since + QUIET_SECONDS):
            time.sleep(0.2)
            now = self._sizes()
            if now[:2] != found[:2]:
                since = time.monotonic()
            found = now
        return found
