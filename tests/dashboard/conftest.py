"""The cast of the tests: Vera only looks, Otto operates, Mia maintains, Ada administers."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from channels.layers import channel_layers
from django.core.cache import cache
from kombu import pools

from dashboard import jobs, services
from dashboard.jobs import JobName
from dashboard.models import Container, Host, Image, Job, Role, User
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
    channel_layers.backends.clear()
    drain()
    yield
    pools.reset()
    jobs.producer.cache_clear()


def make_user(name: str, role: Role) -> User:
    return User.objects.create_user(name, f"{name}@example.org", PASSWORD, role=role)


@pytest.fixture
def silent_server() -> Iterator[int]:
    """The port of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def vera(db) -> User:
    return make_user("vera", Role.VIEWER)


@pytest.fixture
def otto(db) -> User:
    return make_user("otto", Role.OPERATOR)


@pytest.fixture
def mia(db) -> User:
    return make_user("mia", Role.MAINTAINER)


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


ROWS = {
    "dashboard/containers/_row.html": "<tr>{{ container.name }}</tr>",
    "dashboard/images/_row.html": "<tr>{{ image.short_id }} {{ image.tags.all|join:',' }}</tr>",
    "dashboard/jobs/_row.html": "<tr>{{ job.title }} {{ job.requested_by.username }}</tr>",
    "dashboard/hosts/_row.html": "<tr>{{ host.name }}</tr>",
    "403.html": "<h1>{{ error.message }}</h1>",
}


@pytest.fixture(autouse=True)
def plain_templates(settings) -> None:
    """What these tests say holds whatever the pages look like."""
    options = {**settings.TEMPLATES[0]["OPTIONS"]}
    options["loaders"] = [
        ("django.template.loaders.locmem.Loader", ROWS),
        "django.template.loaders.filesystem.Loader",
        "django.template.loaders.app_directories.Loader",
    ]
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "APP_DIRS": False, "OPTIONS": options}]


@pytest.fixture
def request_by(host):
    """Ask for a job, a pull of busybox unless said otherwise."""

    def request(user: User, **changes: object) -> Job:
        wanted = {
            "name": JobName.PULL_IMAGE,
            "host": host.name,
            "arguments": {"reference": "busybox"},
            **changes,
        }
        return services.request_job(user=user, **wanted)

    return request
