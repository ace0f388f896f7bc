"""The real templates, a team's mess, and a browser's worth of clients."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from dashboard import removed
from dashboard.errors import HostSilent
from dashboard.models import Host
from dashboard.views import cleanup, cleanup_asking, trash
from tests.support.mess import Mess, make_mess

if TYPE_CHECKING:
    from collections.abc import Callable

    from dashboard.models import Container, Image


@pytest.fixture(autouse=True)
def plain_templates() -> None:
    """Here the pages themselves are what is tested."""


@dataclass
class FakeAgents:
    """
    The agents of all hosts: what they answer, by question, and what they were asked.

    An answer is a value, an error, or what makes either of the host and the arguments.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def ask_all(self, question: str, arguments: dict[str, Any], **_: object) -> dict[str, Any]:
        return {host: self._answer(host, question, told) for host, told in arguments.items()}

    def ask(self, host: str, question: str, arguments: dict[str, Any], **_: object) -> Any:
        answer = self._answer(host, question, arguments)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _answer(self, host: str, question: str, told: dict[str, Any]) -> Any:
        self.asked.append((host, str(question), dict(told)))
        answer = self.answers.get(str(question), HostSilent(host))
        return answer(host, told) if callable(answer) else answer


@pytest.fixture(autouse=True)
def agents(monkeypatch: pytest.MonkeyPatch) -> FakeAgents:
    """Who answers about clean-ups and what was removed: nobody, unless a test says so."""
    made = FakeAgents()
    for module in (cleanup, cleanup_asking, removed, trash):
        for name in ("ask", "ask_all"):
            monkeypatch.setattr(module, name, getattr(made, name), raising=False)
    return made


@pytest.fixture
def mess(db) -> Mess:
    return make_mess()


@pytest.fixture
def harbour(mess) -> Host:
    return mess.hosts["harbour"]


@pytest.fixture
def web(harbour) -> Container:
    return harbour.containers.get(name="web-1")


@pytest.fixture
def stopped(harbour) -> Container:
    return harbour.containers.get(name="load-test")


@pytest.fixture
def web_image(harbour) -> Image:
    return harbour.images.get(tags__tag="187")


@pytest.fixture
def browse(mess) -> Callable[[str], Client]:
    """Return the client of somebody who is signed in."""

    def as_person(name: str) -> Client:
        client = Client()
        client.force_login(mess.users[name])
        return client

    return as_person


@pytest.fixture
def both(mess) -> None:
    """Both hosts of the mess are online."""
    Host.objects.update(last_seen_at="2100-01-01T00:00Z")
