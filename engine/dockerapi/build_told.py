"""A build in docker's words: a line for each step, what its program printed, and what came out."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.errors import EngineError
from engine.progress import BuildOutput, BuildStatus, BuildStep, LayerProgress, Message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.build.recording import Built
    from engine.dockerapi.progress import JsonProgress
    from engine.progress import ProgressEvent

SINGLE = "stage-0 "
# What a quiet build keeps of the last that it would have said.
KEPT_LINES, KEPT_LETTERS = 1000, 100_000


class BuildTelling:
    """
    A `ProgressSink` that writes lines for docker's client.

    A quiet one only writes what came out, or, if the build fails, all that it would have said.
    """

    def __init__(self, progress: JsonProgress, *, is_quiet: bool) -> None:
        self._progress = progress
        self._is_quiet = is_quiet
        self._guard = threading.Lock()
        self._begun: set[str] = set()
        self._kept: deque[str] = deque(maxlen=KEPT_LINES)

    def emit(self, event: ProgressEvent) -> None:
        """Write what *event* says."""
        if isinstance(event, LayerProgress):
            # Of a base that is pulled; it also notices a client that is gone.
            self._progress.emit(event)
        elif isinstance(event, BuildStep):
            with self._guard:
                self._step(event)
        elif isinstance(event, BuildOutput):
            self._say(event.content.decode(errors="replace"))
        elif isinstance(event, Message):
            self._say(f"{event.text}\n")

    def finish(self, built: Built) -> None:
        """Write what came out."""
        self._progress.say({"aux": {"ID": str(built.image.id)}})
        if self._is_quiet:
            self._progress.say({"stream": f"{built.image.id}\n"})
            return
        self._say(f"Successfully built {built.image.id.short}\n")
        for tag in built.tags:
            self._say(f"Successfully tagged {tag.familiar}\n")

    @contextmanager
    def told(self) -> Iterator[None]:
        """Write what was kept if the block fails."""
        try:
            yield
        except EngineError:
            if text := "".join(self._kept)[-KEPT_LETTERS:]:
                self._progress.say({"stream": text})
            raise

    def _step(self, event: BuildStep) -> None:
        if event.id not in self._begun:
            self._begun.add(event.id)
            self._say(f"{_place(event.label)} : {event.text}\n")
        if event.status is BuildStatus.CACHED:
            self._say(" ---> Using cache\n")

    def _say(self, text: str) -> None:
        self._progress.check()
        if self._is_quiet:
            self._kept.append(text[-KEPT_LETTERS:])
        else:
            self._progress.say({"stream": text})


def _place(label: str) -> str:
    """Return `Step 2/7`, with the stage's name where there may be several."""
    if label.startswith(SINGLE):
        return f"Step {label.removeprefix(SINGLE)}"
    stage, _, number = label.rpartition(" ")
    return f"Step {number} [{stage}]"
