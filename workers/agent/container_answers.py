"""What this host's engine answers to questions about one container: what is worth knowing of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from dashboard.agents import Question
from engine.errors import InvalidInput
from engine.settings.mounts import MountKind
from workers.agent.log_download import write_log
from workers.agent.logs import line_json
from workers.agent.saving import Savings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.containers.departed import Departed
    from engine.containers.health import Probe
    from engine.containers.record import TrashedContainer
    from engine.engine import Engine
    from engine.settings.mounts import MountPoint
    from workers.agent.questions import Answer

MOST_PIECE = 1 << 20
MOST_LAST = 50
MOST_TRASHED = 200


class ContainerAnswers:
    """Answers over *engine*."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._logs = Savings()

    def answers(self) -> Mapping[str, Answer]:
        """Return who answers each question."""
        return {
            Question.LOSS.value: self.loss,
            Question.HEALTH.value: self.health,
            Question.LAST_LINES.value: self.last_lines,
            Question.LOG_OPEN.value: self.log_open,
            Question.LOG_READ.value: self.log_read,
            Question.REMOVED_LIST.value: self.removed_list,
            Question.REMOVED_ONE.value: self.removed_one,
        }

    def loss(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return what goes with a container for good, and what it has mounted that may stay."""
        containers = self._engine.containers
        record = containers.get(_text(told, "container_id"))
        lost = containers.what_would_be_lost(record.id)
        return {
            "files": lost.files,
            "bytes": lost.bytes,
            "log_bytes": containers.log_bytes(record.id),
            "mounts": [
                self._mount(each, record.id)
                for each in containers.mounts(record.id)
                if each.kind is not MountKind.TMPFS
            ],
        }

    def health(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return how a container does, and its last checks with what they said, newest first."""
        health = self._engine.containers.get(_text(told, "container_id")).health
        if health is None:
            return {"status": "", "failing_streak": 0, "checks": []}
        return {
            "status": health.status.value,
            "failing_streak": health.failing_streak,
            "checks": [_check(each) for each in reversed(health.log)],
        }

    def last_lines(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return the last few lines that a container printed."""
        tail = min(int(told.get("lines") or 1), MOST_LAST)
        found = self._engine.containers.logs(_text(told, "container_id"), tail=tail)
        return {"lines": [line_json(line) for line in found]}

    def log_open(self, told: Mapping[str, Any]) -> dict[str, str]:
        """Begin a download of all that a container printed; return its key."""
        containers, container_id = self._engine.containers, _text(told, "container_id")
        containers.output(container_id)
        return {"saving": self._logs.open(partial(write_log, containers, container_id))}

    def log_read(self, told: Mapping[str, Any]) -> dict[str, bytes]:
        """Return the next piece of a download; an empty one is its end."""
        return {"content": self._logs.read(_text(told, "saving"), MOST_PIECE)}

    def removed_list(self, _told: Mapping[str, Any]) -> dict[str, Any]:
        """Return the containers that were removed lately, also into the trash, newest first."""
        containers = self._engine.containers
        found = [_departed(each) for each in containers.departed()]
        found += [self._trashed(each) for each in containers.trash.list()[-MOST_TRASHED:]]
        found.sort(key=lambda each: str(each["at"]), reverse=True)
        return {"removed": found, **self._keeping()}

    def removed_one(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return a container that was removed lately, if this host remembers it."""
        containers, container_id = self._engine.containers, _text(told, "container_id")
        trashed = containers.trash.find(container_id)
        departed = containers.find_departed(container_id)
        found = self._trashed(trashed) if trashed else departed and _departed(departed)
        return {"removed": found, **self._keeping()}

    def _trashed(self, trashed: TrashedContainer) -> dict[str, Any]:
        record = trashed.record
        return {
            "id": record.id,
            "name": record.name,
            "image": record.image_reference,
            "owner": record.owner,
            "exit_code": record.exit_code,
            "at": trashed.trashed_at.isoformat(),
            "by": trashed.trashed_by,
            "bytes": self._engine.containers.log_bytes(record.id),
            "in_trash": True,
        }

    def _keeping(self) -> dict[str, float]:
        limits = self._engine.containers.departed_limits
        return {"seconds": limits.longest.total_seconds(), "most_bytes": limits.most_bytes}

    def _mount(self, mount: MountPoint, container_id: str) -> dict[str, Any]:
        record = self._engine.volumes.find(mount.source) if mount.kind is MountKind.VOLUME else None
        others = self._engine.volumes.holders(mount.source) if record else ()
        others = tuple(each for each in others if each != container_id)
        return {
            "kind": mount.kind.value,
            "source": mount.source,
            "target": mount.target,
            "goes": record is not None and record.is_anonymous and not others,
            "others": len(others),
        }


def _departed(departed: Departed) -> dict[str, Any]:
    return {
        "id": departed.id,
        "name": departed.name,
        "image": departed.image,
        "owner": departed.owner,
        "exit_code": departed.exit_code,
        "at": departed.removed_at.isoformat(),
        "by": departed.by,
        "bytes": departed.size,
        "in_trash": False,
    }


def _check(probe: Probe) -> dict[str, Any]:
    return {
        "at": probe.started_at.isoformat(),
        "seconds": (probe.finished_at - probe.started_at).total_seconds(),
        "exit_code": probe.exit_code,
        "output": probe.output,
    }


def _text(told: Mapping[str, Any], name: str) -> str:
    text = told.get(name)
    if not isinstance(text, str) or not text:
        raise InvalidInput(f"The question does not say which {name}", field=name)
    return text
