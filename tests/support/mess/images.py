"""The images of a host: what is used, and the builds that newer ones replaced."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.support.mess.makers import MB, make_image

if TYPE_CHECKING:
    from dashboard.models import Host

DEBIAN = {"debian": 117 * MB}
PYTHON = {**DEBIAN, "python": 54 * MB, "pip": 13 * MB}
NODE = {**DEBIAN, "node": 162 * MB}


def make_images(host: Host) -> None:
    """Make the images of *host*."""
    hub, own = "docker.io/library/", "registry.example.org/team/"
    make_image(
        host, "alpine", {"alpine": 8 * MB}, tags=(f"{hub}alpine:3.20", f"{hub}alpine:latest")
    )
    make_image(host, "debian", DEBIAN, tags=(f"{hub}debian:bookworm",), age=timedelta(days=40))
    make_image(host, "nginx", {**DEBIAN, "nginx": 71 * MB}, tags=(f"{hub}nginx:1.27",), owner="ada")
    make_image(host, "postgres", {**DEBIAN, "pg": 318 * MB}, tags=(f"{hub}postgres:16",))
    make_image(
        host,
        "web",
        {**PYTHON, "web-deps": 212 * MB, "web-187": 9 * MB},
        tags=(f"{own}web:latest", f"{own}web:187"),
        age=timedelta(hours=5),
    )
    make_image(host, "ui", {**NODE, "ui-44": 96 * MB}, tags=(f"{own}ui:44",), owner="ada")
    for build in range(173, 187):
        age = timedelta(days=187 - build, hours=3)
        story = f"was team/web:latest until build {build + 1} replaced it, otto"
        layers = {**PYTHON, "web-deps": 212 * MB, f"web-{build}": (9 + build % 4) * MB}
        make_image(host, f"web-{build}", layers, age=age, story=story)
    make_image(
        host,
        "ui-43",
        {**NODE, "ui-43": 94 * MB},
        age=timedelta(days=9),
        owner="ada",
        story="was team/ui:latest until build 44 replaced it, ada",
    )
