"""
Containers that were removed lately, as the hosts themselves remember them.

The models know nothing of them any more, since they show what is there. What they printed can be
read for a while: whoever may see containers may see these.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.dateparse import parse_datetime

from dashboard.agents import Question, ask, ask_all
from dashboard.forms import words_of
from dashboard.selectors import container_detail, find_host
from dashboard.selectors.removals import removers
from engine.errors import ContainerNotFound, EngineError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from dashboard.models import Container, Host

PATIENCE_SECONDS = 5.0
DIGITS = 64


@dataclass(frozen=True, slots=True)
class RemovedContainer:
    """
    A container that its host remembers: in the trash, or gone but for what it printed.

    That is kept *until* then, unless it is too much before; as long as the trash keeps the rest, if
    it is there. Nobody is known to have removed it where *by* is empty.
    """

    host: Host
    container_id: str
    name: str
    image_reference: str
    owner: str
    exit_code: int | None
    removed_at: datetime
    by: str
    log_bytes: int
    until: datetime
    is_in_trash: bool

    @property
    def host_id(self) -> str:
        """The name of its host, as a container has it."""
        return self.host.name

    @property
    def short_id(self) -> str:
        """The first 12 digits: what people see."""
        return self.container_id[:12]

    def get_absolute_url(self) -> str:
        """Return the address of its page, which is the one that it always had."""
        return reverse("container_detail", args=(self.host_id, self.container_id))


@dataclass(frozen=True, slots=True)
class HostRemoved:
    """What a host remembers, or why nobody knows."""

    host: Host
    containers: tuple[RemovedContainer, ...] = ()
    error: str = ""


def find_printed(host: str, container_id: str) -> Container | RemovedContainer:
    """Return the container of that whole ID, there or removed; raise `ContainerNotFound`."""
    try:
        return container_detail(host, container_id)
    except ContainerNotFound:
        removed = find_removed(host, container_id)
        if removed is None:
            raise
        return removed


def find_removed(host: str, container_id: str) -> RemovedContainer | None:
    """Return what *host* remembers of a container; None where it does not, or cannot be asked."""
    found = find_host(host)
    if found is None or not found.is_online or len(container_id) != DIGITS:
        return None
    try:
        told = ask(host, Question.REMOVED_ONE, {"container_id": container_id})
    except EngineError:
        return None
    return _removed(found, told["removed"], told, _removers(found, [told["removed"]]))


def list_removed(hosts: Iterable[Host]) -> list[HostRemoved]:
    """Return what each of *hosts* that is online remembers, the last removed first."""
    online = [host for host in hosts if host.is_online]
    answers: Mapping[str, Any]
    try:
        told: dict[str, dict[str, Any]] = {host.name: {} for host in online}
        answers = ask_all(Question.REMOVED_LIST, told, patience=PATIENCE_SECONDS)
    except EngineError as error:
        answers = dict.fromkeys((host.name for host in online), error)
    return [_of_host(host, answers[host.name]) for host in online]


def _of_host(host: Host, answer: Any) -> HostRemoved:
    if isinstance(answer, EngineError):
        return HostRemoved(host, error=words_of(answer))
    by = _removers(host, answer["removed"])
    found = (_removed(host, each, answer, by) for each in answer["removed"])
    return HostRemoved(host, tuple(each for each in found if each is not None))


def _removers(host: Host, told: Iterable[Mapping[str, Any] | None]) -> Mapping[str, str]:
    return removers(host.name, [each["id"] for each in told if each and not each["by"]])


def _removed(
    host: Host,
    told: Mapping[str, Any] | None,
    keeping: Mapping[str, Any],
    by: Mapping[str, str],
) -> RemovedContainer | None:
    at = parse_datetime(told["at"]) if told else None
    if told is None or at is None:
        return None
    kept = timedelta(seconds=keeping["seconds"])
    return RemovedContainer(
        host=host,
        container_id=told["id"],
        name=told["name"],
        image_reference=told["image"],
        owner=told["owner"],
        exit_code=told["exit_code"],
        removed_at=at,
        by=told["by"] or by.get(told["id"], ""),
        log_bytes=told["bytes"],
        until=at + (timedelta(days=host.trash_days) if told["in_trash"] else kept),
        is_in_trash=told["in_trash"],
    )
