"""What pages are told, by its `type`."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

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
