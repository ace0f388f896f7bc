"""
Real jobs on a real host, with its processes killed at the worst moments.

Whatever is killed: afterwards the job ends, nothing is half-visible, nothing is left behind, and
containers that run never notice.
"""

from __future__ import annotations

import asyncio
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest
from channels_redis.core import RedisChannelLayer
from django.conf import settings

from dashboard.jobs import JobName
from dashboard.models import Container, Host, Image, Job, Role, User
from dashboard.services import cancel_job, request_job
from engine.containers.record import IfRunning
from engine.engine import Engine
from tests.support.builders import file, layer_tar
from tests.support.hosts import NAME, RealHost, real_broker, real_host, wait_for_state
from tests.support.images import pack_image
from tests.support.registry import FakeRegistry, Received, Reply, serving
from tests.support.services import RedisServer, running_redis, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


pytestmark = [
    pytest.mark.root,
    pytest.mark.redis,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(300),
]
ENDED = ("succeeded", "failed", "cancelled")
TALKER = ("sh", "-c", "i=0; while true; do i=$((i+1)); echo line $i; sleep 0.05; done")


@pytest.fixture
def redis(short_path: Path) -> Iterator[RedisServer]:
    with running_redis(short_path) as server:
        yield server


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with serving(FakeRegistry()) as server:
        yield server


@pytest.fixture
def host(redis: RedisServer, registry: FakeRegistry) -> Iterator[RealHost]:
    # After the registry, so that it ends before it: its workers keep connections there.
    Host.objects.create(name=NAME)
    with real_broker(redis), real_host(redis) as made:
        yield made


@pytest.fixture
def otto() -> User:
    return User.objects.create_user("otto", "otto@example.org", "secret", role=Role.OPERATOR)


@pytest.fixture
def ask(otto: User) -> Callable[..., Job]:
    def request(name: JobName, **arguments: Any) -> Job:
        return request_job(name=name, host=NAME, arguments=arguments, user=otto)

    return request


@pytest.fixture
def starter(host: RealHost, ask: Callable[..., Job]) -> str:
    """A host that works, with the starter image on it."""
    host.start("worker")
    host.start("agent")
    job = wait_for_state(ask(JobName.MAKE_STARTER_IMAGE), *ENDED)
    assert job.outcome is not None, job.error
    return str(job.outcome["image_id"])


@pytest.fixture
def launch(ask: Callable[..., Job], starter: str) -> Callable[..., Job]:
    def request(*command: str, **chosen: Any) -> Job:
        told = {"image": starter, "command": list(command or TALKER), **chosen}
        return ask(JobName.LAUNCH_CONTAINER, settings=told)

    return request


def slowed(registry: FakeRegistry, blob: bytes) -> tuple[threading.Event, threading.Event]:
    """Serve the second half of *blob* late, once: returns (it was asked for, let it go)."""
    asked, gate = threading.Event(), threading.Event()
    digest = str(registry.put_blob(blob))

    def fault(received: Received) -> Reply | None:
        if digest not in received.path or asked.is_set():
            return None
        asked.set()
        return Reply(body=blob, gate=gate)

    registry.faults.append(fault)
    return asked, gate


def test_from_nothing_to_a_running_container_and_back(host, ask, launch) -> None:
    job = wait_for_state(launch(name="calm"), *ENDED)
    assert job.state == "succeeded", job.error
    assert Container.objects.get().state == "running"
    container_id = Container.objects.get().container_id

    for name, state in (
        (JobName.STOP_CONTAINER, "exited"),
        (JobName.START_CONTAINER, "running"),
        (JobName.KILL_CONTAINER, "exited"),
    ):
        done = wait_for_state(ask(name, container_id=container_id), *ENDED)
        assert done.state == "succeeded", done.error
        wait_until(lambda: Container.objects.get().state == state, what=state)  # noqa: B023

    done = wait_for_state(ask(JobName.TRASH_CONTAINERS, ids=[container_id]), *ENDED)

    assert done.outcome["trashed"] == [f"trash:{container_id}"]
    assert not Container.objects.exists()
    assert host.mounts() == []
    assert host.commands() == []


def test_a_container_that_ends_by_itself_is_seen(launch) -> None:
    wait_for_state(launch("sh", "-c", "exit 7"), *ENDED)

    wait_until(lambda: Container.objects.get().state == "exited", what="exited")
    assert Container.objects.get().exit_code == 7


def test_a_command_that_is_not_there_says_so_and_leaves_nothing(host, launch) -> None:
    job = wait_for_state(launch("/no/such/program"), *ENDED)

    assert job.state == "failed"
    assert (job.error["code"], job.error["field"]) == ("command-not-found", "command")
    assert not Container.objects.exists()
    assert host.mounts() == []


def test_a_worker_killed_in_the_middle_of_a_pull(host, ask, registry) -> None:
    host.start("worker")
    host.start("agent")
    image = pack_image(layer_tar(file("a", b"a" * 200_000)), layer_tar(file("b", b"b" * 200_000)))
    reference = registry.put_image("web", image)
    asked, gate = slowed(registry, image.layers[1])
    job = ask(JobName.PULL_IMAGE, reference=str(reference))
    assert asked.wait(30)

    host.kill("worker")
    gate.set()

    assert not Image.objects.exists()
    with Engine.open(host.paths) as engine:
        assert engine.images.list() == []
    host.start("worker")
    wait_for_state(job, *ENDED)
    assert (job.state, job.attempts) == ("succeeded", 2), job.error
    assert Image.objects.get().tags.count() == 1
    assert host.mounts() == []


@pytest.mark.parametrize(
    "has_come",
    [
        pytest.param(lambda _: True, id="claimed"),
        pytest.param(lambda host: any(host.paths.containers.iterdir()), id="created"),
        pytest.param(lambda host: host.mounts(), id="mounted"),
        pytest.param(lambda host: host.commands(), id="started"),
    ],
)
def test_a_worker_killed_in_the_middle_of_a_launch(host, launch, has_come) -> None:
    job = launch(name="calm")
    wait_for_state(job, "running", *ENDED)
    wait_until(lambda: has_come(host), what="the moment to kill it")

    host.kill("worker")
    host.start("worker")

    wait_for_state(job, *ENDED)
    assert job.state == "succeeded", job.error
    with Engine.open(host.paths) as engine:
        containers = engine.containers.list()
        assert [(each.name, each.state.value) for each in containers] == [("calm", "running")]
        engine.containers.remove("calm", if_running=IfRunning.KILL)
    wait_until(lambda: not Container.objects.exists(), what="its row is gone")
    assert host.mounts() == []
    assert host.commands() == []


def test_a_worker_that_is_asked_to_end_does_so_at_once(host, ask, registry) -> None:
    host.start("worker")
    image = pack_image(layer_tar(file("a", b"a" * 200_000)))
    reference = registry.put_image("web", image)
    asked, gate = slowed(registry, image.layers[0])
    job = ask(JobName.PULL_IMAGE, reference=str(reference))
    assert asked.wait(30)

    assert host.stop("worker") == 0
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("queued", 0)

    gate.set()
    host.start("worker")
    assert wait_for_state(job, *ENDED).state == "succeeded"


def test_a_pull_is_cancelled(host, ask, registry, otto) -> None:
    host.start("worker")
    image = pack_image(layer_tar(file("a", b"a" * 200_000)))
    reference = registry.put_image("web", image)
    asked, gate = slowed(registry, image.layers[0])
    job = ask(JobName.PULL_IMAGE, reference=str(reference))
    assert asked.wait(30)

    cancel_job(job=job, user=otto)

    wait_for_state(job, *ENDED)
    gate.set()
    assert job.state == "cancelled"
    assert not Image.objects.exists()


def test_redis_killed_while_jobs_wait(host, redis, ask, launch, short_path) -> None:
    host.kill("worker")
    waiting = launch(name="calm")
    redis.process.kill()
    redis.process.wait()
    unsent = ask(JobName.MAKE_STARTER_IMAGE)
    assert unsent.state == "queued"

    redis.socket.unlink(missing_ok=True)
    with restarted(redis):
        host.start("worker")
        assert wait_for_state(waiting, *ENDED).state == "succeeded", waiting.error
        assert wait_for_state(unsent, *ENDED).state == "succeeded", unsent.error
        assert host.processes["agent"].poll() is None
        host.remove_containers()


def test_redis_killed_under_a_worker_and_an_agent(host, redis, ask, launch) -> None:
    wait_for_state(launch(name="calm"), *ENDED)
    redis.process.kill()
    redis.process.wait()
    redis.socket.unlink(missing_ok=True)

    with restarted(redis):
        job = ask(JobName.STOP_CONTAINER, container_id=Container.objects.get().container_id)
        assert wait_for_state(job, *ENDED).state == "succeeded", job.error
        assert host.processes["worker"].poll() is None
        assert host.processes["agent"].poll() is None


def restarted(redis: RedisServer):
    """The same Redis again: same socket, same password, nothing remembered."""
    from contextlib import contextmanager

    @contextmanager
    def run() -> Iterator[None]:
        with subprocess.Popen(["redis-server", str(redis.conf)]) as process:
            wait_until(redis.socket.exists, what="Redis answers")
            try:
                yield
            finally:
                process.terminate()

    return run()


class Reader:
    """A page that reads a log, without the page."""

    def __init__(self, redis: RedisServer, container_id: str) -> None:
        prefix = (
            settings.LAYER_PREFIX if hasattr(settings, "LAYER_PREFIX") else "shipshape:channels"
        )
        self.layer = RedisChannelLayer(hosts=[{"address": redis.url}], prefix=prefix)
        self.container_id = container_id

    async def open(self, stream: str) -> str:
        reply = await self.layer.new_channel()
        opening = {"reply": reply, "container_id": self.container_id, "tail": 10, "window": 4}
        await self.layer.send(f"agent.{NAME}", {"type": "stream.open", "stream": stream, **opening})
        return reply

    async def read(self, stream: str, reply: str, count: int) -> list[str]:
        lines: list[str] = []
        while len(lines) < count:
            message = await asyncio.wait_for(self.layer.receive(reply), 20)
            lines += [line["m"] for line in message["lines"]]
            acknowledged = {"type": "stream.ack", "stream": stream, "ack": message["seq"]}
            await self.layer.send(f"agent.{NAME}", acknowledged)
        return lines


def test_an_agent_killed_while_a_log_streams(host, redis, launch) -> None:
    wait_for_state(launch(name="calm"), *ENDED)
    container_id = Container.objects.get().container_id

    async def read_across_a_kill() -> tuple[list[str], list[str]]:
        reader = Reader(redis, container_id)
        first = await reader.read("s1", await reader.open("s1"), 30)
        await asyncio.to_thread(host.kill, "agent")
        await asyncio.to_thread(host.start, "agent")
        second = await reader.read("s2", await reader.open("s2"), 30)
        await reader.layer.close_pools()
        return first, second

    first, second = asyncio.run(read_across_a_kill())

    numbers = [int(line.split()[1]) for line in first]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert int(second[0].split()[1]) > numbers[0]
    assert Container.objects.get().state == "running"


def test_an_agent_that_was_away_catches_up(host, launch) -> None:
    wait_for_state(launch(name="calm"), *ENDED)
    host.kill("agent")
    with Engine.open(host.paths) as engine:
        engine.containers.remove("calm", if_running=IfRunning.KILL)
    assert Container.objects.exists()

    host.start("agent")

    wait_until(lambda: not Container.objects.exists(), what="its row is gone")


def test_an_agent_ends_when_it_is_asked_to(host, starter) -> None:
    assert host.stop("agent") == 0
