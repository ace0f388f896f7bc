"""The cast of the dashboard's tests: Vera only looks, Otto operates, Ada administers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.cache import cache

from dashboard import jobs
from dashboard.models import Container, Host, Image, Role, User
from tests.support.queues import drain

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def quick_passwords(settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def empty_surroundings() -> Iterator[None]:
    cache.clear()
    drain()
    yield
    jobs.producer().pool.force_close_all()
    jobs.producer.cache_clear()


def make_user(name: str, role: Role) -> User:
    return User.objects.create_user(name, f"{name}@example.org", PASSWORD, role=role)


@pytest.fixture
def vera(db) -> User:
    return make_user("vera", Role.VIEWER)


@pytest.fixture
def otto(db) -> User:
    return make_user("otto", Role.OPERATOR)


@pytest.fixture
def ada(db) -> User:
    return make_user("ada", Role.ADMIN)


@pytest.fixture
def host(db) -> Host:
    return Host.objects.create(name="alpha")


@pytest.fixture
def image(host) -> Image:
    return Image.objects.create(host=host, image_id="sha256:" + "a" * 64, size=1000)


@pytest.fixture
def container(host, image) -> Container:
    return Container.objects.create(
        host=host, container_id="c" * 64, name="web", image=image, state="running"
    )
