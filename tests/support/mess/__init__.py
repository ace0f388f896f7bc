"""
A year of a team's work: containers running and stopped, untagged images, jobs of every kind.

Deterministic, so that two looks at it are alike. Sizes add up: layers are shared as real images
share them, and each image's sizes follow from its layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboard.models import RegistryCredential, Role
from tests.support.mess.containers import make_containers
from tests.support.mess.images import make_images
from tests.support.mess.jobs import make_jobs, pull_progress
from tests.support.mess.makers import (
    MB,
    PASSWORD,
    hex_id,
    make_container,
    make_host,
    make_image,
    make_person,
)
from tests.support.mess.networks import make_networks
from tests.support.mess.volumes import make_disk, make_volumes

if TYPE_CHECKING:
    from dashboard.models import Host, User

__all__ = [
    "MB",
    "PASSWORD",
    "Mess",
    "hex_id",
    "make_container",
    "make_host",
    "make_image",
    "make_mess",
    "make_person",
    "pull_progress",
]


@dataclass(frozen=True)
class Mess:
    """What was made, by what tests ask for."""

    users: dict[str, User]
    hosts: dict[str, Host]


def make_mess() -> Mess:
    """Fill the database with two hosts, one of them offline, and what a team leaves on them."""
    users = {
        "ada": make_person("ada", Role.ADMIN),
        "mia": make_person("mia", Role.MAINTAINER),
        "otto": make_person("otto", Role.OPERATOR),
        "vera": make_person("vera", Role.VIEWER),
    }
    hosts = {
        "harbour": make_host("harbour"),
        "lighthouse": make_host("lighthouse", is_online=False),
    }
    for host in hosts.values():
        make_images(host)
        make_containers(host)
        make_networks(host)
        make_volumes(host)
        make_disk(host)
    RegistryCredential.objects.create(
        registry="registry.example.org", username="robot", created_by=users["ada"]
    )
    make_jobs(hosts["harbour"], users)
    return Mess(users, hosts)
