"""A real engine, with jobs and questions about what it is to be rid of."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from dashboard.arguments import parse_arguments
from dashboard.models import Role, User
from engine.engine import Engine
from engine.progress import NEVER, SILENT
from engine.system.paths import EnginePaths
from workers.agent.cleanup_answers import CleanupAnswers
from workers.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dashboard.jobs import JobName


LONG_AGO = timedelta(seconds=61)


@pytest.fixture
def real(short_path: Path) -> Iterator[Engine]:
    with Engine.open(EnginePaths(short_path / "root", short_path / "run")) as engine:
        yield engine
        for container in engine.containers.list():
            engine.containers.remove(container.id)


@pytest.fixture(autouse=True)
def _made_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers that were made a moment ago are left alone, which would only cost time here."""
    monkeypatch.setattr("engine.cleanup.gather.FRESH", -LONG_AGO)


@pytest.fixture(autouse=True)
def maintainer(otto: User) -> User:
    """What lies here is ana's, so otto maintains."""
    otto.role = Role.MAINTAINER
    otto.save()
    return otto


@pytest.fixture
def operator(maintainer: User) -> User:
    maintainer.role = Role.OPERATOR
    maintainer.save()
    return maintainer


@pytest.fixture
def work(real: Engine, make_job, published) -> Callable[..., Work[Any]]:
    def make(name: JobName, arguments: dict[str, Any], **values: Any) -> Work[Any]:
        job = make_job(name, arguments, **{"attempts": 1, **values})
        return Work(job, parse_arguments(name, arguments), real, SILENT, NEVER)

    return make


@pytest.fixture
def ask(real: Engine) -> Callable[..., Any]:
    answers = CleanupAnswers(real).answers()
    return lambda question, **told: answers[question.value](told)
