"""The real templates, a team's mess, and a browser's worth of clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from tests.support.mess import Mess, make_mess

if TYPE_CHECKING:
    from collections.abc import Callable

    from dashboard.models import Container, Host, Image


@pytest.fixture(autouse=True)
def plain_templates() -> None:
    """Here the pages themselves are what is tested."""


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
