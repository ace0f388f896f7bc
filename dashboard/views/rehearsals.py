"""What a host said that a policy would have done, for pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from dashboard.arguments import RuleKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# What hosts know the past of. Of the rest they only know what there is.
RECORDED = frozenset(
    {RuleKind.UNTAGGED_IMAGES, RuleKind.UNUSED_IMAGES, RuleKind.STOPPED_CONTAINERS}
)


@dataclass(frozen=True, slots=True)
class Departure:
    """A thing that would have gone, and when it would have been missed, if so."""

    name: str
    object_id: str
    at: datetime
    reason: str
    size: int
    missed_at: datetime | None

    @classmethod
    def parse(cls, told: Sequence[Any]) -> Self:
        """Return the departure that an agent told of."""
        object_id, name, at, reason, size, missed = told
        back = datetime.fromisoformat(missed) if missed else None
        return cls(name, object_id, datetime.fromisoformat(at), reason, size, back)

    @property
    def kind(self) -> str:
        """What it is."""
        return "image" if self.object_id.startswith("sha256:") else "container"


@dataclass(frozen=True, slots=True)
class HostRehearsal:
    """What one host answered, or why it did not."""

    host: str
    departures: tuple[Departure, ...] = ()
    images: int = 0
    containers: int = 0
    missed: int = 0
    every_hours: int = 0
    error: str = ""

    @classmethod
    def parse(cls, host: str, answer: Mapping[str, Any]) -> Self:
        """Return what the agent of *host* answered."""
        return cls(
            host,
            tuple(Departure.parse(each) for each in answer["departures"]),
            answer["images"],
            answer["containers"],
            answer["missed"],
            answer["every_hours"],
        )

    @property
    def count(self) -> int:
        """How many things would have gone."""
        return self.images + self.containers

    @property
    def more(self) -> int:
        """How many of them are not listed."""
        return self.count - len(self.departures)
