"""
The one place that tells open pages what changed.

Each `publish_*` may be called anywhere, also inside a transaction and from workers: it acts after
the commit, renders once, and sends one message that every page receives as it is. Nothing that goes
wrong here undoes or delays the change itself; it is logged, and the page is right after its next
load.

Rows are rendered by the same partials as in pages and know nothing of who looks: they carry their
owner, buttons carry `data-needs`, and what a person may do is decided when they do it.
"""

from __future__ import annotations

import json
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.template.loader import render_to_string

from dashboard import selectors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dashboard.models import (
        Container,
        Host,
        Image,
        Job,
        JobLogLine,
        Network,
        Notification,
        User,
        Volume,
    )

log = logging.getLogger(__name__)

JOBS_GROUP = "live.jobs"
TEAM_GROUP = "live.team"

Noun = Literal["container", "image", "volume", "network", "build", "steps"]


class RowEvent(TypedDict):
    """A row of a table is new or changed; without html it is gone. `key` is its element's id."""

    type: Literal["row"]
    noun: Noun
    host: str
    id: str
    key: str
    html: str | None


class JobEvent(TypedDict):
    """A job was asked for, moved on or ended."""

    type: Literal["job"]
    id: str
    key: str
    host: str
    name: str
    title: str
    state: str
    is_cancelling: bool
    percent: int | None
    progress: dict[str, Any]
    object: dict[str, str]
    requested_by: str
    message: str
    html: str


class JobLogEvent(TypedDict):
    """Lines were added to a job's log."""

    type: Literal["job-log"]
    id: str
    lines: list[dict[str, Any]]


class StatsEvent(TypedDict):
    """What the containers of a host use at this moment, by container ID."""

    type: Literal["stats"]
    host: str
    rows: dict[str, dict[str, Any]]


class HostEvent(TypedDict):
    """A host came, went, or its facts, disk or counts changed."""

    type: Literal["host"]
    host: str
    key: str
    is_online: bool
    cpu_percent: float | None
    memory_used: int | None
    memory_total: int | None
    disk: dict[str, Any]
    counts: dict[str, int]
    html: str


class ToastEvent(TypedDict):
    """A short message for everyone. Plain text: pages must not read it as HTML."""

    type: Literal["toast"]
    level: Literal["info", "success", "error"]
    text: str


class NotificationEvent(TypedDict):
    """One person is told something, or read it: `unread` counts what is left. Plain text."""

    type: Literal["notification"]
    key: str
    title: str
    link: str
    tone: str
    is_new: bool
    unread: int
    html: str


Event = RowEvent | JobEvent | JobLogEvent | StatsEvent | HostEvent | ToastEvent | NotificationEvent


def host_group(host: str) -> str:
    """Return the group of everyone who watches *host*."""
    return f"live.host.{host}"


def user_group(user_id: int) -> str:
    """Return the group of one person's open pages."""
    return f"live.user.{user_id}"


def publish_container(container: Container) -> None:
    """Show *container* as it is now on every open page."""
    _after_commit(_send_container, container.pk)


def publish_image(image: Image) -> None:
    """Show *image* as it is now on every open page."""
    _after_commit(_send_image, image.pk)


def publish_volume(volume: Volume) -> None:
    """Show *volume* as it is now on every open page."""
    _after_commit(_send_volume, volume.pk)


def publish_network(network: Network) -> None:
    """Show *network* as it is now on every open page."""
    _after_commit(_send_network, network.pk)


def publish_removed(noun: Noun, *, host: str, object_id: str) -> None:
    """Take the row of the thing *object_id* (its whole ID) from every open page."""
    hex_id = object_id.removeprefix("sha256:")
    event: RowEvent = {
        "type": "row",
        "noun": noun,
        "host": host,
        "id": hex_id,
        "key": f"{noun}-{host}-{hex_id}",
        "html": None,
    }
    _after_commit(send_event, host_group(host), event)


def publish_job(job: Job) -> None:
    """Show *job* as it is now on every open page."""
    _after_commit(_send_job, job.pk)


def publish_job_log(job: Job, lines: Sequence[JobLogLine]) -> None:
    """Add *lines* to the log of *job* on every page that shows it."""
    event: JobLogEvent = {
        "type": "job-log",
        "id": str(job.pk),
        "lines": [{"number": line.number, "text": line.text, "step": line.step} for line in lines],
    }
    if lines:
        _after_commit(send_event, JOBS_GROUP, event)


def publish_stats(host: str, rows: dict[str, dict[str, Any]]) -> None:
    """Show what the containers of *host* use: *rows* by container ID."""
    event: StatsEvent = {"type": "stats", "host": host, "rows": rows}
    _after_commit(send_event, host_group(host), event)


def publish_host(host: Host) -> None:
    """Show *host* as it is now on every open page."""
    _after_commit(_send_host, host.pk)


def publish_toast(text: str, *, level: Literal["info", "success", "error"] = "info") -> None:
    """Show *text* to everyone who has a page open."""
    event: ToastEvent = {"type": "toast", "level": level, "text": text}
    _after_commit(send_event, TEAM_GROUP, event)


def publish_notification(notification: Notification, *, is_new: bool = True) -> None:
    """Show *notification* on every open page of the person whom it tells something."""
    _after_commit(_send_notification, notification.pk, is_new)


def publish_all_read(user: User) -> None:
    """Show on every open page of *user* that they have read everything."""
    _after_commit(_send_unread, user.pk)


def publish_account_changed(user: User) -> None:
    """Have every open page of *user* check again who they are and what they may see."""
    _after_commit(_send, user_group(user.pk), {"type": "account.changed"})


def send_event(group: str, event: Event) -> None:
    """Send *event* to *group* now, written out once for everybody."""
    _send(group, {"type": "live.push", "text": json.dumps(event, cls=DjangoJSONEncoder)})


# Rows are read again after the commit: several changes in one transaction show the last state, and
# a row that went meanwhile shows nothing.


def _send_container(pk: int) -> None:
    container = selectors.find_container_row(pk)
    if container is not None:
        html = render_to_string("dashboard/containers/_row.html", {"container": container})
        _send_row("container", container.host_id, container.container_id, html)


def _send_image(pk: int) -> None:
    image = selectors.find_image_row(pk)
    if image is not None:
        html = render_to_string("dashboard/images/_row.html", {"image": image})
        _send_row("image", image.host_id, image.hex, html)


def _send_volume(pk: int) -> None:
    volume = selectors.find_volume_row(pk)
    if volume is not None:
        html = render_to_string("dashboard/volumes/_row.html", {"volume": volume})
        _send_row("volume", volume.host_id, volume.name, html)


def _send_network(pk: int) -> None:
    network = selectors.find_network_row(pk)
    if network is not None:
        html = render_to_string("dashboard/networks/_row.html", {"network": network})
        _send_row("network", network.host_id, network.network_id, html)


def _send_row(noun: Noun, host: str, object_id: str, html: str) -> None:
    event: RowEvent = {
        "type": "row",
        "noun": noun,
        "host": host,
        "id": object_id,
        "key": f"{noun}-{host}-{object_id}",
        "html": html,
    }
    send_event(host_group(host), event)


def _send_job(pk: Any) -> None:
    job = selectors.find_job_row(pk)
    if job is None:
        return
    event: JobEvent = {
        "type": "job",
        "id": str(job.pk),
        "key": job.row_id,
        "host": job.host_id,
        "name": job.name,
        "title": job.title,
        "state": job.state,
        "is_cancelling": job.is_cancelling,
        "percent": job.percent,
        "progress": job.progress,
        "object": {"kind": job.object_kind, "id": job.object_id},
        "requested_by": job.requested_by.username,
        "message": str((job.error or job.outcome or {}).get("message", "")),
        "html": render_to_string("dashboard/jobs/_row.html", {"job": job}),
    }
    send_event(JOBS_GROUP, event)
    if job.is_build:
        _send_build(pk)


def _send_build(pk: Any) -> None:
    """A build also has a row in the list of builds, and a timeline on its page."""
    build = selectors.find_build_row(pk)
    if build is None:
        return
    html = render_to_string("dashboard/builds/_row.html", {"build": build})
    steps = render_to_string("dashboard/builds/_steps.html", {"job": build.job})
    host, job_id = build.job.host_id, str(build.job.pk)
    for noun, key, text in (("build", build.row_id, html), ("steps", build.steps_id, steps)):
        event: RowEvent = {
            "type": "row",
            "noun": cast("Noun", noun),
            "host": host,
            "id": job_id,
            "key": key,
            "html": text,
        }
        send_event(JOBS_GROUP, event)


def _send_notification(pk: int, is_new: bool) -> None:  # noqa: FBT001  (see _after_commit)
    notification = selectors.find_notification(pk)
    if notification is None:
        return
    html = render_to_string("dashboard/notifications/_row.html", {"notification": notification})
    event: NotificationEvent = {
        "type": "notification",
        "key": notification.row_id,
        "title": notification.notice.title,
        "link": notification.notice.link,
        "tone": notification.notice.tone,
        "is_new": is_new,
        "unread": selectors.unread_count(notification.user_id),
        "html": html,
    }
    send_event(user_group(notification.user_id), event)


def _send_unread(user_id: int) -> None:
    event: NotificationEvent = {
        "type": "notification",
        "key": "",
        "title": "",
        "link": "",
        "tone": "",
        "is_new": False,
        "unread": selectors.unread_count(user_id),
        "html": "",
    }
    send_event(user_group(user_id), event)


def _send_host(name: str) -> None:
    host = selectors.find_host(name)
    if host is None:
        return
    event: HostEvent = {
        "type": "host",
        "host": host.name,
        "key": host.row_id,
        "is_online": host.is_online,
        "cpu_percent": host.cpu_percent,
        "memory_used": host.memory_used,
        "memory_total": host.memory_total,
        "disk": host.disk,
        "counts": {name: getattr(host, name) for name in _COUNTS},
        "html": render_to_string("dashboard/hosts/_row.html", {"host": host}),
    }
    send_event(TEAM_GROUP, event)


_COUNTS = (
    "image_count",
    "dangling_count",
    "dangling_bytes",
    "container_count",
    "running_count",
    "stopped_count",
    "stopped_bytes",
    "layer_bytes",
    "virtual_bytes",
    "volume_count",
    "unused_volume_count",
    "volume_bytes",
    "network_count",
)


def _send(group: str, message: dict[str, Any]) -> None:
    async_to_sync(get_channel_layer().group_send)(group, message)


def _after_commit(act: Callable[..., None], *arguments: Any) -> None:
    transaction.on_commit(partial(_quietly, act, *arguments))


def _quietly(act: Callable[..., None], *arguments: Any) -> None:
    # What is committed stays committed, whatever a template, Redis or the network does here.
    try:
        act(*arguments)
    except Exception:
        log.exception("a live update was lost")
