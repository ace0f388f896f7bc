"""What this host's engine answers to the questions of pages; see `questions`."""

from __future__ import annotations

import io
import re
import tarfile
from itertools import islice
from typing import TYPE_CHECKING, Any

from dashboard.agents import Question
from dashboard.services import reveal_credential
from engine.errors import InvalidInput, LimitExceeded
from engine.oci.reference import Reference
from engine.oci.timestamps import parse_timestamp
from engine.registry.credentials import Credentials
from workers.agent.logs import line_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from engine.engine import Engine
    from workers.agent.questions import Answer

MOST_CHANGES = 5000
MOST_LINES = 1000
MOST_NAMES = 20_000
MOST_FILE = 5 * 1024 * 1024
TAR_ROOM = 64 * 1024


class EngineAnswers:
    """Answers over *engine*."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def answers(self) -> Mapping[str, Answer]:
        """Return who answers each question."""
        return {
            Question.CHANGES.value: self.changes,
            Question.LOG_PAGE.value: self.log_page,
            Question.TOP.value: self.top,
            Question.STATS.value: self.stats,
            Question.FILE.value: self.file,
            Question.REGISTRY_CHECK.value: self.registry_check,
            Question.REGISTRY_REPOSITORIES.value: self.repositories,
            Question.REGISTRY_TAGS.value: self.tags,
        }

    def changes(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a container changed in its files: kind, path, size, whether a directory."""
        most = min(int(told.get("limit") or MOST_CHANGES), MOST_CHANGES)
        found = list(islice(self._engine.containers.iter_changes(_container(told)), most + 1))
        return {
            "changes": [
                [each.kind.value, _shown(each.path), each.size, each.is_directory]
                for each in found[:most]
            ],
            "has_more": len(found) > most,
        }

    def top(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return the processes of a container, as `top` shows them."""
        found = self._engine.containers.top(_container(told))
        return {"titles": list(found.titles), "rows": [list(row) for row in found.rows]}

    def stats(self, told: Mapping[str, Any]) -> dict[str, int]:
        """Return what a container uses, in detail; traffic is counted since its start."""
        sample = self._engine.containers.stats(_container(told))
        details = sample.details
        assert details is not None
        return {
            "private": details.memory.private_bytes,
            "cache": details.memory.cache_bytes,
            "received": sum(each.received_bytes for each in details.networks),
            "sent": sum(each.sent_bytes for each in details.networks),
            "read": sample.read_bytes,
            "written": sample.written_bytes,
            "pids": sample.pids,
        }

    def file(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return the content of one regular file of a container, if it is small."""
        _, chunks = self._engine.containers.read_archive(_container(told), _text(told, "path"))
        return {"content": _only_file(chunks)}

    def log_page(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """
        Return some lines of a log, and whether more are there.

        With *until*, the last ones up to that moment; else the first ones from *since* on. With
        both, the first ones of the time between.
        """
        since, until = _moment(told, "since"), _moment(told, "until")
        lines = self._lines(_container(told), since, until)
        return {"lines": [line_json(line) for line in lines], "is_full": len(lines) == MOST_LINES}

    def _lines(
        self, container_id: str, since: datetime | None, until: datetime | None
    ) -> list[Any]:
        if until is not None and since is None:
            return self._before(container_id, until)
        found = self._engine.containers.output(container_id).lines()
        after = (line for line in found if since is None or line.time >= since)
        within = (line for line in after if until is None or line.time <= until)
        return list(islice(within, MOST_LINES))

    def _before(self, container_id: str, until: datetime) -> list[Any]:
        # From the end backwards in growing steps: what is near is found without reading the rest.
        tail = MOST_LINES
        output = self._engine.containers.output(container_id)
        while True:
            lines = list(output.lines(tail=tail))
            earlier = [line for line in lines if line.time <= until]
            if len(earlier) >= MOST_LINES or len(lines) < tail:
                return earlier[-MOST_LINES:]
            tail *= 4

    def registry_check(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return if the registry answers and takes the password."""
        registry = _text(told, "registry")
        self._engine.registries.check(registry, credentials=_credentials(told, registry))
        return {}

    def repositories(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return the repositories of a registry, by name."""
        registry = _text(told, "registry")
        found = self._engine.registries.list_repositories(
            registry, credentials=_credentials(told, registry)
        )
        return _names(found)

    def tags(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return the tags of a repository, the latest versions first."""
        registry, repository = _text(told, "registry"), _text(told, "repository")
        reference = Reference.parse(f"{registry}/{repository}")
        found = self._engine.registries.list_tags(
            reference, credentials=_credentials(told, registry)
        )
        return _names(found)


def _shown(path: str) -> str:
    """Return *path* as it can be written down: bytes that are no text are replaced."""
    return path.encode(errors="surrogateescape").decode(errors="replace")


def _only_file(chunks: Iterator[bytes]) -> bytes:
    """Return what the one file in the tar *chunks* holds; nothing is read beyond the limit."""
    taken = bytearray()
    for chunk in chunks:
        taken += chunk
        if len(taken) > MOST_FILE + TAR_ROOM:
            raise LimitExceeded("The file", limit=MOST_FILE, field="path")
    with tarfile.open(fileobj=io.BytesIO(bytes(taken))) as archive:
        member = archive.next()
        found = archive.extractfile(member) if member and member.isreg() else None
        if found is None:
            raise InvalidInput("Only a regular file can be taken out here", field="path")
        return found.read(MOST_FILE)


def _names(found: Sequence[str]) -> dict[str, Any]:
    ordered = sorted(found, key=_by_version, reverse=True) if found else []
    return {"names": ordered[:MOST_NAMES], "has_more": len(ordered) > MOST_NAMES}


def _by_version(name: str) -> list[tuple[int, int, str]]:
    pieces = re.findall(r"\d+|\D+", name[:200])
    return [(1, int(each), "") if each.isdecimal() else (0, 0, each) for each in pieces]


def _credentials(told: Mapping[str, Any], registry: str) -> Credentials | None:
    credentials_id = told.get("credentials_id")
    if not isinstance(credentials_id, int):
        return None
    revealed = reveal_credential(credentials_id, registry=registry)
    return Credentials(revealed.username, revealed.password)


def _text(told: Mapping[str, Any], name: str) -> str:
    text = told.get(name)
    if not isinstance(text, str) or not text:
        raise InvalidInput(f"The question does not say which {name}", field=name)
    return text


def _container(told: Mapping[str, Any]) -> str:
    return _text(told, "container_id")


def _moment(told: Mapping[str, Any], name: str) -> datetime | None:
    text = told.get(name)
    return parse_timestamp(text) if isinstance(text, str) and text else None
