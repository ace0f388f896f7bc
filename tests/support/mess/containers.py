"""The containers of a host: running, stopped in every way, and one never started."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from tests.support.mess.makers import MB, make_container, measure_images

if TYPE_CHECKING:
    from dashboard.models import Container, Host, Image


def make_containers(host: Host) -> None:
    """Make the containers of *host*, whose images are there."""
    image = {
        each.tags.first().tag if each.tags.first() else each.story[:9]: each
        for each in host.images.all()
    }
    web, pg, nginx, alpine = image["187"], image["16"], image["1.27"], image["3.20"]
    old = host.images.filter(is_dangling=True, added_by="ada").get()
    measure_images(host)
    for each in (web, pg, nginx, alpine, old):
        each.refresh_from_db()
    make_container(
        host, "web-1", web, memory_limit=512 * 2**20, size=1_840_000, command="gunicorn web:app"
    )
    make_container(
        host, "web-2", web, memory_limit=512 * 2**20, size=1_790_000, command="gunicorn web:app"
    )
    make_container(host, "orders-db", pg, size=64 * MB, command="postgres", owner="ada")
    make_container(host, "edge", nginx, size=8_200, owner="ada", tag_moved_on=True)
    make_container(
        host, "ui-preview", old, size=310_000, owner="ada", state="paused", tag_moved_on=True
    )
    _stopped(host, "load-test", alpine, hours=3, code=137, oom_killed=True, size=212 * MB)
    _stopped(host, "migrate-0042", web, hours=7, code=0, size=48_000)
    _stopped(host, "nightly-import", web, hours=31, code=1, size=930 * MB, owner="ada")
    _stopped(host, "quirky_hopper", alpine, hours=150, code=143, size=120_000)
    _stopped(
        host,
        "bad-entry",
        nginx,
        hours=400,
        code=127,
        error='exec: "nginxx": executable file not found in $PATH',
        size=0,
    )
    make_container(host, "spare", nginx, state="created", started_at=None, pid=None, size=0)
    measure_images(host)


def _stopped(
    host: Host, name: str, image: Image, *, hours: int, code: int, **values: Any
) -> Container:
    ended = timezone.now() - timedelta(hours=hours)
    started = ended - timedelta(minutes=7)
    return make_container(
        host,
        name,
        image,
        **{
            "state": "exited",
            "exit_code": code,
            "pid": None,
            "created_at": started,
            "started_at": started,
            "finished_at": ended,
            **values,
        },
    )
