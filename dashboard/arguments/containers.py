"""What the jobs about containers that exist are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from dashboard.arguments.fields import (
    SIGNAL,
    container_id_of,
    flag_of,
    matching,
    number_of,
    only,
    text_of,
)
from dashboard.arguments.kinds import Arguments, Thing

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class ContainerArguments(Arguments):
    """What is common to the jobs about one container."""

    container_id: str
    object_kind: ClassVar[str] = "container"
    verb: ClassVar[str] = ""

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the value that *data* spells."""
        only(data, "container_id")
        return cls(container_id_of(data))

    @property
    def subject(self) -> str:
        """The container ID."""
        return self.container_id

    @property
    def title(self) -> str:
        """The verb and the short ID."""
        return f"{self.verb} container {self.container_id[:12]}"


@dataclass(frozen=True, slots=True)
class TakesContainer(ContainerArguments):
    """What is common to the jobs that end, change or remove a container."""

    @property
    def takes(self) -> tuple[Thing, ...]:
        """The container."""
        return (Thing("container", self.container_id),)


@dataclass(frozen=True, slots=True)
class StartContainer(ContainerArguments):
    """Start a container that does not run."""

    verb: ClassVar[str] = "Start"


@dataclass(frozen=True, slots=True)
class StopContainer(TakesContainer):
    """Stop a container, killing it after *timeout* seconds (its own setting by default)."""

    timeout: int | None = None
    verb: ClassVar[str] = "Stop"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the stop that *data* spells."""
        only(data, "container_id", "timeout")
        timeout = number_of(data, "timeout", at_least=0, at_most=3600)
        return cls(container_id_of(data), timeout)


@dataclass(frozen=True, slots=True)
class KillContainer(TakesContainer):
    """Send *signal* to a container."""

    signal: str = "SIGKILL"
    verb: ClassVar[str] = "Kill"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the kill that *data* spells."""
        only(data, "container_id", "signal")
        signal = text_of(data, "signal", limit=20) or "SIGKILL"
        return cls(container_id_of(data), matching("signal", signal, SIGNAL, "not a signal"))


@dataclass(frozen=True, slots=True)
class RemoveContainer(TakesContainer):
    """
    Remove a container with its writable layer; a running one only with *force*.

    *with_volumes* takes the anonymous volumes that were made for it along.
    """

    force: bool = False
    with_volumes: bool = False
    is_removal: ClassVar[bool] = True
    verb: ClassVar[str] = "Remove"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the removal that *data* spells."""
        only(data, "container_id", "force", "with_volumes")
        return cls(container_id_of(data), flag_of(data, "force"), flag_of(data, "with_volumes"))
