"""The cast of the workers' tests: one host, Otto who operates, and jobs of his."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.cache import cache
from kombu import pools

from dashboard import events, jobs
from dashboard.arguments import parse_arguments
from dashboard.jobs import JobName
from dashboard.models import Host, Job, Role, User
from engine.engine import Engine
from engine.progress import NEVER, SILENT
from engine.system.locks import Locks
from engine.system.paths import EnginePaths
from tests.support.fakes_engine import FakeEngine, fake_engine
from tests.support.queues import drain
from workers.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOST = "alpha"


@pytest.fixture(autouse=True)
def this_host(settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SHIPSHAPE_HOST = HOST
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    monkeypatch.setenv("SHIPSHAPE_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("SHIPSHAPE_RUN", str(tmp_path / "run"))


@pytest.fixture(autouse=True)
def empty_surroundings() -> Iterator[None]:
    cache.clear()
    drain()
    yield
    pools.reset()
    jobs.producer.cache_clear()


@pytest.fixture
def host(db) -> Host:
    return Host.objects.create(name=HOST)


@pytest.fixture
def otto(db) -> User:
    return User.objects.create_user("otto", "otto@example.org", "secret", role=Role.OPERATOR)


@pytest.fixture
def locks(tmp_path: Path) -> Locks:
    directory = tmp_path / "locks"
    directory.mkdir()
    return Locks(directory)


@pytest.fixture
def make_job(host: Host, otto: User) -> Callable[..., Job]:
    def make(
        name: JobName = JobName.MAKE_STARTER_IMAGE, arguments: dict | None = None, **values
    ) -> Job:
        values = {"host": host, "requested_by": otto, **values}
        key = f"{name}-{Job.objects.count()}"
        return Job.objects.create(name=name, arguments=arguments or {}, dedupe_key=key, **values)

    return make


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FakeEngine]:
    with fake_engine(tmp_path / "engine") as made:
        yield made


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What pages were told: a noun or `removed noun`, and the ID of the thing."""
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(
        events, "publish_container", lambda row: told.append(("container", row.container_id))
    )
    monkeypatch.setattr(events, "publish_image", lambda row: told.append(("image", row.image_id)))
    monkeypatch.setattr(
        events,
        "publish_removed",
        lambda noun, *, host, object_id: told.append((f"removed {noun}", object_id)),
    )
    return told


@pytest.fixture
def real(short_path: Path) -> Iterator[Engine]:
    """An engine of its own, whose containers go with it."""
    with Engine.open(EnginePaths(short_path / "root", short_path / "run")) as engine:
        yield engine
        for container in engine.containers.list():
            engine.containers.remove(container.id)


@pytest.fixture
def work(real: Engine, make_job, published) -> Callable[..., Work[Any]]:
    """Make work of a job: over the real engine, for nobody to hear."""

    def make(name: JobName, arguments: dict[str, Any], **values: Any) -> Work[Any]:
        job = make_job(name, arguments, **{"attempts": 1, **values})
        return Work(job, parse_arguments(name, arguments), real, SILENT, NEVER)

    return make
