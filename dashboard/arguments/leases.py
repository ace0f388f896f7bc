"""What the jobs about leases are told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self

from dashboard.arguments.containers import TakesContainer
from dashboard.arguments.fields import container_id_of, only, text_of
from dashboard.leases import render_lease
from engine.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class LeaseContainer(TakesContainer):
    """Have a container wanted until *until* (ISO 8601), or for ever where that is empty."""

    until: str = ""
    verb: ClassVar[str] = "Lease"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the lease that *data* spells."""
        only(data, "container_id", "until")
        return cls(container_id_of(data), moment_of(data, "until"))

    @property
    def moment(self) -> datetime | None:
        """Until when."""
        return datetime.fromisoformat(self.until) if self.until else None

    @property
    def title(self) -> str:
        """The short ID, and until when."""
        until = f"until {render_lease(self.moment)} UTC" if self.until else "without end"
        return f"Lease container {self.container_id[:12]} {until}"


@dataclass(frozen=True, slots=True)
class EndLease(LeaseContainer):
    """Stop a container and move it to the trash, unless its lease ends later than *until* now."""

    verb: ClassVar[str] = "End"

    @property
    def title(self) -> str:
        """What ends, and whose."""
        return f"End the lease of container {self.container_id[:12]}"


def moment_of(data: Mapping[str, Any], name: str) -> str:
    """Return a moment as text that sorts and compares; empty where none is told."""
    text = text_of(data, name, limit=64)
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError as error:
        raise InvalidSetting(name, f"{text!r} is no moment") from error
    if moment is None:
        return ""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="seconds")
