"""Progress of long work, line by line, as docker's client draws it."""

from __future__ import annotations

import threading
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from engine.dockerapi.lines import json_line
from engine.dockerapi.words import progress_bar
from engine.progress import Cancellation, LayerProgress, LayerStatus, Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.dockerapi.pipes import Pipe
    from engine.dockerapi.refusals import Refusal
    from engine.progress import ProgressEvent

INTERVAL_SECONDS = 0.1
PULLING: Mapping[str, str] = MappingProxyType({str(LayerStatus.WAITING): "Pulling fs layer"})


_MOVING = frozenset(
    {LayerStatus.DOWNLOADING, LayerStatus.EXTRACTING, LayerStatus.PUSHING, LayerStatus.SAVING}
)


class JsonProgress:
    """
    Writes events into a pipe, one JSON object to a line.

    What only moves a bar is left out where it comes too often or nobody keeps up; every change of
    a status is written. Until something about a layer is known, words are held back, so that work
    that fails at once can still be refused with a status.
    """

    def __init__(
        self, pipe: Pipe, cancellation: Cancellation, words: Mapping[str, str] = PULLING
    ) -> None:
        self._pipe = pipe
        self._words = words
        self._cancellation = cancellation
        self._guard = threading.Lock()
        self._held_back: list[dict[str, Any]] = []
        self._has_begun = False
        self._last: dict[str, tuple[str, float]] = {}

    @property
    def has_begun(self) -> bool:
        """Whether something was sent, so that a refusal can only be a line."""
        return self._has_begun

    def check(self) -> None:
        """Ask the work to stop if nobody reads any more."""
        if self._pipe.is_abandoned:
            self._cancellation.cancel()

    def emit(self, event: ProgressEvent) -> None:
        """Write *event*; if nobody reads any more, ask the work to stop."""
        self.check()
        if self._pipe.is_abandoned:
            return
        with self._guard:
            if isinstance(event, Message):
                self._say(_message(event.text))
            elif isinstance(event, LayerProgress) and self._is_due(event):
                self._show(event)

    def say(self, value: dict[str, Any]) -> None:
        """Write one line that is no event of the engine."""
        with self._guard:
            self._flush()
            self._pipe.offer(_line(value))

    def finish(self) -> None:
        """Send what was held back: the work went well."""
        with self._guard:
            if not self._has_begun:
                self._held_back = [each for each in self._held_back if "progressDetail" not in each]
            self._flush()

    def fail(self, refusal: Refusal) -> None:
        """Write how it failed, as the last line."""
        message = refusal.message
        code = refusal.exit_code
        detail = {"code": code, "message": message} if code else {}
        self.say({"errorDetail": detail or {"message": message}, "error": message})

    def _show(self, event: LayerProgress) -> None:
        line = _layer(event, self._words)
        if event.status is LayerStatus.EXISTS and not self._has_begun:
            # Where every layer is here, docker does not speak of them.
            self._held_back.append(line)
            return
        self._flush()
        self._pipe.offer(_line(line))

    def _say(self, value: dict[str, Any]) -> None:
        if self._has_begun:
            self._pipe.offer(_line(value))
        else:
            self._held_back.append(value)

    def _flush(self) -> None:
        self._has_begun = True
        for value in self._held_back:
            self._pipe.offer(_line(value))
        self._held_back.clear()

    def _is_due(self, event: LayerProgress) -> bool:
        now = time.monotonic()
        status, at = self._last.get(event.id, ("", 0.0))
        is_new = status != event.status or (event.total and event.current >= event.total)
        if not is_new and (now - at < INTERVAL_SECONDS or self._pipe.is_behind):
            return False
        self._last[event.id] = (event.status, now)
        return True


def _line(value: dict[str, Any]) -> bytes:
    return json_line(value, b"\r\n")


def _layer(event: LayerProgress, words: Mapping[str, str]) -> dict[str, Any]:
    status = words.get(event.status, str(event.status))
    status = f"{status} {event.detail}" if event.detail else status
    moves = event.status in _MOVING
    if not moves:
        return {"status": status, "progressDetail": {}, "id": event.id}
    detail = {"current": event.current, "total": event.total}
    return {
        "status": status,
        "progressDetail": {key: value for key, value in detail.items() if value},
        "progress": progress_bar(event.current, event.total),
        "id": event.id,
    }


def _message(text: str) -> dict[str, Any]:
    label, colon, words = text.partition(": Pulling from ")
    if colon:
        return {"status": f"Pulling from {words}", "id": label}
    return {"status": text}
