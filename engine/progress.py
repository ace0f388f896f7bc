"""
How long work tells what it does, and how it is told to stop.

The engine emits frozen events to a `ProgressSink`; whoever watches decides what to keep. Sinks are
called from several threads at once and must be quick. `Cancellation` is asked at every step that
may take long.
"""

from __future__ import annotations

import enum
import threading
from dataclasses import dataclass
from typing import Protocol


class Cancelled(Exception):
    """The work was stopped on request; what it had done stays valid or was undone."""


class LayerStatus(enum.StrEnum):
    """The words that docker shows for a layer while an image travels; `SAVING` is ours."""

    WAITING = "Waiting"
    DOWNLOADING = "Downloading"
    VERIFYING = "Verifying Checksum"
    DOWNLOADED = "Download complete"
    EXTRACTING = "Extracting"
    COMPLETE = "Pull complete"
    EXISTS = "Already exists"
    PREPARING = "Preparing"
    PUSHING = "Pushing"
    PUSHED = "Pushed"
    MOUNTED = "Mounted from"
    THERE = "Layer already exists"
    SAVING = "Saving"


@dataclass(frozen=True, slots=True)
class LayerProgress:
    """
    Where one layer stands.

    *id* is the short layer digest. *current* and *total* are bytes: compressed ones while
    downloading or pushing, uncompressed ones (total 0: unknown) while extracting. *detail* goes on
    with the status: the repository that a layer was mounted from.
    """

    id: str
    status: LayerStatus
    current: int = 0
    total: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One line for the log of the work."""

    text: str


@dataclass(frozen=True, slots=True)
class StepProgress:
    """Position in work that is counted in items: *current* of *total* done, now at *label*."""

    label: str
    current: int
    total: int


class BuildStatus(enum.StrEnum):
    """Where a step of a build stands."""

    RUNNING = "running"
    CACHED = "cached"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class BuildStep:
    """
    Where one step of a build stands.

    *id* is unique in the build; *label* is its place, such as `build 2/5`, and *text* the
    instruction, which begins at *line* of the Dockerfile. *seconds* is how long it took and *size*
    what its layer takes on the disk, once it is done.
    """

    id: str
    label: str
    text: str
    line: int
    status: BuildStatus
    seconds: float = 0.0
    size: int = 0


@dataclass(frozen=True, slots=True)
class BuildOutput:
    """What the program of the build step *id* printed, on `stdout` or `stderr`."""

    id: str
    stream: str
    content: bytes


ProgressEvent = LayerProgress | Message | StepProgress | BuildStep | BuildOutput


class ProgressSink(Protocol):
    """Takes events; called from any thread; must not block and must not raise."""

    def emit(self, event: ProgressEvent) -> None:
        """Take note of *event*."""


class _Silent:
    def emit(self, event: ProgressEvent) -> None:
        """Drop *event*."""


SILENT: ProgressSink = _Silent()


class Cancellation:
    """A request to stop that many threads may look at; once given it stays given."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop at its next check."""
        self._event.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if somebody asked to stop."""
        if self._event.is_set():
            raise Cancelled

    def wait(self, seconds: float) -> None:
        """Pass the time, at most *seconds*; raise `Cancelled` as soon as it is asked for."""
        if self._event.wait(seconds):
            raise Cancelled


class _Never(Cancellation):
    def cancel(self) -> None:
        """Refuse: this one is shared by everybody who cannot be cancelled."""
        raise TypeError("NEVER cannot be cancelled; make a Cancellation of your own")


NEVER: Cancellation = _Never()
