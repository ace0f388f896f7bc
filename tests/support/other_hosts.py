"""Another host: a network namespace that is connected with the one the tests run in."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.system.runner import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LINK = "tohost"
SECONDS = 10.0
SERVER = """
import socket
server = socket.create_server(("", 9000))
print("ready", flush=True)
print(server.accept()[1][0], flush=True)
"""

SENDER = """
import socket, sys
data, host, port = sys.argv[1:]
family = socket.AF_INET6 if ":" in host else socket.AF_INET
socket.socket(family, socket.SOCK_DGRAM).sendto(data.encode(), (host, int(port)))
"""


@dataclass(frozen=True)
class OtherHost:
    """A host beside ours, on a wire of its own."""

    pid: int
    our_address: str = "198.51.100.1"
    address: str = "198.51.100.2"
    our_ipv6: str = "2001:db8::1"

    @classmethod
    @contextmanager
    def joined(cls) -> Iterator[OtherHost]:
        """Yield another host; afterwards there is none."""
        keeper = subprocess.Popen(
            ["unshare", "-n", "sh", "-c", "echo; exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert keeper.stdout
        keeper.stdout.readline()
        host = cls(keeper.pid)
        try:
            host._plug_in()
            yield host
        finally:
            keeper.kill()
            keeper.communicate()
            run(["ip", "link", "del", LINK], timeout=SECONDS)

    def fetch(self, url: str) -> str:
        """Return what it gets for *url*; nothing if it gets nothing."""
        finished = run(
            self._inside("timeout", "1", "busybox", "wget", "-qO-", url), timeout=SECONDS
        )
        return finished.stdout.decode().strip()

    def route(self, target: str) -> None:
        """Have it send what is for *target* to us."""
        self._do("ip", "route", "replace", target, "via", self.our_address)

    def route_loopback(self) -> None:
        """Have it send what is for loopback addresses to us, as a hostile neighbour may."""
        self._do("sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1")
        for version, way in (("-4", self.our_address), ("-6", self.our_ipv6)):
            self._do("ip", version, "route", "flush", "table", "local", "dev", "lo")
            loopback = "127.0.0.0/8" if version == "-4" else "::1"
            self._do("ip", version, "route", "add", loopback, "via", way)

    def send(self, data: bytes, host: str, port: int) -> None:
        """Send *data* over UDP, wherever it comes to."""
        words = self._inside(sys.executable, "-c", SENDER, data.decode(), host, str(port))
        run(words, timeout=SECONDS)

    @contextmanager
    def server(self) -> Iterator[Callable[[], str]]:
        """Yield what says from which address somebody has connected to its port 9000."""
        words = self._inside(sys.executable, "-c", SERVER)
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        process.stdout.readline()
        try:
            yield lambda: _peer(process)
        finally:
            process.kill()
            process.communicate()

    def _plug_in(self) -> None:
        peer = ["peer", "name", "eth0", "netns", str(self.pid)]
        run(["ip", "link", "add", LINK, "type", "veth", *peer], timeout=SECONDS)
        for address in (f"{self.our_address}/24", f"{self.our_ipv6}/64"):
            run(["ip", "addr", "add", address, "dev", LINK, *_nodad(address)], timeout=SECONDS)
        run(["ip", "link", "set", LINK, "up"], timeout=SECONDS)
        for address in (f"{self.address}/24", "2001:db8::2/64"):
            self._do("ip", "addr", "add", address, "dev", "eth0", *_nodad(address))
        self._do("ip", "link", "set", "lo", "up")
        self._do("ip", "link", "set", "eth0", "up")

    def _do(self, *words: str) -> None:
        finished = run(self._inside(*words), timeout=SECONDS)
        assert finished.code == 0, finished.complaint

    def _inside(self, *words: str) -> list[str]:
        return ["nsenter", "-t", str(self.pid), "-n", *words]


def _nodad(address: str) -> list[str]:
    return ["nodad"] if ":" in address else []


def _peer(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()
