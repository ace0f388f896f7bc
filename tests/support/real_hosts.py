"""Hosts for a site that a test plays with real engines: agents that answer, workers that work."""

from __future__ import annotations

import asyncio
import io
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.db import connections

from dashboard.agents import agent_channel
from dashboard.arguments import parse_arguments
from dashboard.jobs import JobName
from dashboard.models import Host, Job
from dashboard.services import claim_job, fail_job, finish_job
from engine.engine import Engine
from engine.errors import EngineError
from engine.progress import NEVER, SILENT
from engine.settings import ContainerSettings
from engine.system.paths import EnginePaths
from tests.support.builders import file, layer_tar
from workers.agent.cleanup_answers import CleanupAnswers
from workers.agent.questions import Answerer
from workers.inventory import Inventory
from workers.outcome import error_json
from workers.tasks import trash
from workers.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from engine.images.record import ImageRecord
    from tests.support.site import Site

BODIES: dict[str, Callable[[Any], Any]] = {
    JobName.RUN_CLEAN_UP: trash.run_clean_up,
    JobName.TRASH_CONTAINERS: trash.trash_containers,
    JobName.TRASH_IMAGES: trash.trash_images,
    JobName.TRASH_VOLUMES: trash.trash_volumes,
    JobName.RESTORE_FROM_TRASH: trash.restore,
    JobName.EMPTY_TRASH: trash.empty_trash,
    JobName.KEEP_THINGS: trash.keep_things,
}
WAIT_SECONDS = 0.05
STOP_SECONDS = 30
BASE = file("etc/base", b"base" * 50_000)


@dataclass
class RealHost:
    """One host: its engine, and what answers and works over it."""

    name: str
    engine: Engine
    answers: dict[str, Callable[..., Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.answers = dict(CleanupAnswers(self.engine).answers())

    def add_image(self, tag: str | None, content: str, *, owner: str = "otto") -> ImageRecord:
        tar = layer_tar(BASE, file("etc/own", content.encode() * 100_000))
        return self.engine.images.import_tar(io.BytesIO(tar), reference=tag, owner=owner)

    def add_container(self, image: ImageRecord, name: str, *, owner: str = "otto") -> str:
        settings = ContainerSettings(
            name=name, image=str(image.id), command=("true",), network="none"
        )
        return self.engine.containers.create(settings, owner=owner).id

    def project(self) -> None:
        Inventory(self.engine, self.name).sync_everything()

    def work(self, job: Job) -> None:
        """Do *job* as a worker does."""
        claimed = claim_job(job.pk, worker=self.name)
        if claimed is None:
            return
        arguments = parse_arguments(JobName(job.name), job.arguments)
        work: Work[Any] = Work(claimed, arguments, self.engine, SILENT, NEVER)
        try:
            finish_job(job.pk, worker=self.name, outcome=dict(BODIES[job.name](work)))
        except EngineError as error:
            fail_job(job.pk, worker=self.name, error=error_json(error))


class RealHosts:
    """The agents and workers of several hosts, over the site's own event loop."""

    def __init__(self, site: Site, hosts: Sequence[RealHost]) -> None:
        self._site = site
        self._hosts = {each.name: each for each in hosts}
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        self._agents = [self._site.start(self._answer(each)) for each in self._hosts.values()]
        self._worker = self._site.start(self._work())
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._worker.result(STOP_SECONDS)
        for each in self._agents:
            # One that ended before its time says why, instead of being missed by a page.
            assert not each.done(), each.exception()
            each.cancel()

    async def _answer(self, host: RealHost) -> None:
        layer: Any = get_channel_layer()
        answerer = Answerer(host.answers, layer.send)
        try:
            while True:
                message = await layer.receive(agent_channel(host.name))
                if message["type"] == "ask":
                    answerer.take(message)
        finally:
            await answerer.close()

    async def _work(self) -> None:
        while not self._stop.is_set():
            await sync_to_async(_closing(self._work_off))()
            await asyncio.sleep(WAIT_SECONDS)

    def _work_off(self) -> None:
        queued = Job.objects.filter(state="queued", host_id__in=self._hosts, name__in=BODIES)
        for job in queued.select_related("host").order_by("created_at"):
            self._hosts[job.host.name].work(job)


def _closing(act: Callable[..., Any]) -> Callable[..., Any]:
    def run(*arguments: Any) -> Any:
        try:
            return act(*arguments)
        finally:
            connections.close_all()

    return run


def open_hosts(place: Path, names: Sequence[str]) -> dict[str, RealHost]:
    """Return hosts of these *names*, each with an engine root of its own below *place*."""
    hosts = {}
    for name in names:
        paths = EnginePaths(place / name[0] / "root", place / name[0] / "run")
        Host.objects.create(name=name, last_seen_at="2100-01-01T00:00Z")
        hosts[name] = RealHost(name, Engine.open(paths))
    return hosts


def close_hosts(hosts: Iterable[RealHost]) -> None:
    """Leave nothing of *hosts* behind."""
    for each in hosts:
        for container in each.engine.containers.list():
            each.engine.containers.remove(container.id)
        each.engine.close()
