"""A build in docker's words: a line for each step, what its program printed, and what came out."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from engine.progress import BuildOutput, BuildStatus, BuildStep, LayerProgress, Message

if TYPE_CHECKING:
    from engine.build.recording import Built
    from engine.dockerapi.progress import JsonProgress
    from engine.progress import ProgressEvent

SINGLE = "stage-0 "


class BuildTelling:
    """A `ProgressSink` that writes lines for docker's client; quiet ones only what came out."""

    def __init__(self, progress: JsonProgress, *, is_quiet: bool) -> None:
        self._progress = progress
        self._is_quiet = is_quiet
        self._guard = threading.Lock()
        self._begun: set[str] = set()

    def emit(self, event: ProgressEvent) -> None:
        """Write what *event* says."""
        if isinstance(event, LayerProgress):
            # Of a base that is pulled; it also notices a client that is gone.
            self._progress.emit(event)
        elif self._is_quiet:
            self._progress.check()
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

    def _step(self, event: BuildStep) -> None:
        if event.id not in self._begun:
            self._begun.add(event.id)
            self._say(f"{_place(event.label)} : {event.text}\n")
        if event.status is BuildStatus.CACHED:
            self._say(" ---> Using cache\n")

    def _say(self, text: str) -> None:
        self._progress.check()
        self._progress.say({"stream": text})


def _place(label: str) -> str:
    """Return `Step 2/7`, with the stage's name where there may be several."""
    if label.startswith(SINGLE):
        return f"Step {label.removeprefix(SINGLE)}"
    stage, _, number = label.rpartition(" ")
    return f"Step {number} [{stage}]"
