"""What the body of a task is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar

from dashboard.models import Job
from engine.progress import Message

if TYPE_CHECKING:
    from dashboard.arguments import Arguments
    from engine.engine import Engine
    from engine.progress import Cancellation, ProgressSink

A = TypeVar("A", bound="Arguments")


class SkippedItem(TypedDict):
    """One thing that a clean-up left alone."""

    id: str
    reason: str


class ResultItem(TypedDict):
    """
    What became of one thing that a clean-up was to take: `gone`, in the `trash`, or `stayed`.

    `reason` says why it stayed.
    """

    id: str
    kind: str
    name: str
    became: str
    reason: str


class RefusedItem(TypedDict):
    """One thing of the trash that did not come back, why, and names under which it could."""

    id: str
    reason: str
    offered: list[str]


class ReplacedImage(TypedDict):
    """An image that a name was taken from; `is_untagged` says that it has no other one."""

    tag: str
    image_id: str
    is_untagged: bool


class BuildFailure(TypedDict):
    """
    Where in its Dockerfile a build failed, and of what.

    `lines` are those around `line`, with their numbers. `tail` is what a program printed last, and
    `kept_image` holds the state before the step.
    """

    line: int
    last_line: int
    column: int
    reason: str
    exit_code: int | None
    tail: str
    kept_image: str
    lines: list[tuple[int, str]]


class Outcome(TypedDict, total=False):
    """What a job came to, as it stands in the row."""

    message: str
    image_id: str
    container_id: str
    digest: str
    network_id: str
    volume: str
    replaced: list[ReplacedImage]
    failure: BuildFailure
    freed_bytes: int
    removed: list[str]
    skipped: list[SkippedItem]
    results: list[ResultItem]
    plan_id: str
    into_trash: bool
    trashed: list[str]
    restored: list[str]
    refused: list[RefusedItem]


@dataclass(frozen=True, slots=True)
class Work(Generic[A]):
    """One job in progress: what it was told, and what it works with."""

    job: Job
    arguments: A
    engine: Engine
    progress: ProgressSink
    cancellation: Cancellation

    @property
    def owner(self) -> str:
        """Who asked, for the engine's records."""
        return self.job.requested_by.username

    @property
    def is_takeover(self) -> bool:
        """Whether somebody ran this job before, wholly or in part."""
        return self.job.attempts > 1

    def say(self, text: str) -> None:
        """Add a line to the job's log."""
        self.progress.emit(Message(text))

    def remember(self, outcome: Outcome) -> None:
        """Write *outcome* into the row now, for whoever may have to take this job over."""
        self.job.outcome = dict(outcome)
        Job.objects.filter(pk=self.job.pk).update(outcome=self.job.outcome)

    @property
    def remembered(self) -> dict[str, Any]:
        """What this attempt or an earlier one wrote with `remember`."""
        return self.job.outcome or {}
