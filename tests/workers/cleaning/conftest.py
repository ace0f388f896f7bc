"""A real engine, with jobs and questions about what it is to be rid of."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from dashboard.models import Role, User
from workers.agent.cleanup_answers import CleanupAnswers

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.engine import Engine


LONG_AGO = timedelta(seconds=61)


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
def ask(real: Engine) -> Callable[..., Any]:
    answers = CleanupAnswers(real).answers()
    return lambda question, **told: answers[question.value](told)
