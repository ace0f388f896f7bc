"""Programs in containers that talk over networks of the kernel."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from engine.containers.record import ContainerRecord
from engine.system.runner import run
from tests.support.containers import Yard
from tests.support.services import wait_until

IN_TIME = ("timeout", "1")
UDP_SERVER = """
import socket, sys
server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
server.bind(("", 53))
print("ready", flush=True)
while True:
    data, sender = server.recvfrom(10_000)
    print(data[:100].decode(), flush=True)
    server.sendto(sys.argv[1].encode(), sender)
"""
SERVE = "mkdir -p /www; hostname > /www/index.html; exec httpd -f -p [::]:80 -h /www"


def started(yard: Yard, name: str, *command: str, **more: object) -> ContainerRecord:
    words = command or ("/bin/sh", "-c", SERVE)
    more.setdefault("network", "bridge")
    record = yard.containers.create(yard.settings(*words, name=name, **more))
    return yard.containers.start(record.id)


def inside(record: ContainerRecord, *words: str) -> str:
    """What a program of the host prints that runs in the container's network and files."""
    finished = run(["nsenter", "-t", str(record.pid), "-n", "-m", *words], timeout=20)
    return finished.stdout.decode() + finished.complaint


@contextmanager
def answering(record: ContainerRecord, text: str) -> Iterator[Callable[[], str]]:
    """Have somebody in its network answer to UDP with *text*; yield what tells what came next."""
    words = ["nsenter", "-t", str(record.pid), "-n", sys.executable, "-c", UDP_SERVER, text]
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    output = process.stdout
    assert output
    output.readline()
    try:
        yield lambda: output.readline().decode().strip()
    finally:
        process.kill()
        process.communicate()


def fetched(url: str) -> str:
    """What the host gets for *url*, or why not."""
    finished = run([*IN_TIME, "busybox", "wget", "-qO-", url], timeout=20)
    return finished.stdout.decode().strip() or finished.complaint or f"code {finished.code}"


def answered(data: bytes, host: str, port: int) -> bytes:
    """What is answered to the host's *data* over UDP; raises what the kernel says, or time-out."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.connect((host, port))
        client.send(data)
        return client.recv(10_000)


def get(record: ContainerRecord, url: str) -> str:
    """What the container gets for *url*, or why not."""
    words = [*IN_TIME, "nsenter", "-t", str(record.pid), "-n", "-m", "wget", "-qO-", url]
    finished = run(words, timeout=20)
    return finished.stdout.decode().strip() or finished.complaint or f"code {finished.code}"


def when_served(ask: Callable[[], str]) -> str:
    """Return what *ask* answers once the server in the container listens."""
    answers: list[str] = []

    def is_answered() -> bool:
        answers.append(ask())
        return "refused" not in answers[-1]

    wait_until(is_answered, what="an answer")
    return answers[-1]
