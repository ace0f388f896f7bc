"""What can be changed about a container that exists."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

from engine.settings.lifetime import RestartPolicy  # noqa: TC001  (read with the annotations)
from engine.settings.reading import read_value, write_value

if TYPE_CHECKING:
    from engine.settings.container import ContainerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceUpdate:
    """New values for some settings, named as they are; None leaves one as it is."""

    memory_bytes: int | None = None
    memory_reservation: int | None = None
    memory_swap: int | None = None
    nano_cpus: int | None = None
    cpu_shares: int | None = None
    cpu_period: int | None = None
    cpu_quota: int | None = None
    cpuset_cpus: str | None = None
    cpuset_mems: str | None = None
    pids_limit: int | None = None
    blkio_weight: int | None = None
    restart: RestartPolicy | None = None

    @property
    def changes(self) -> dict[str, Any]:
        """The fields that get a new value."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def has_limits(self) -> bool:
        """Whether it changes anything that a running process would notice."""
        return bool(set(self.changes) - {"restart"})

    def applied_to(self, settings: ContainerSettings) -> ContainerSettings:
        """Return *settings* with the new values; raise `InvalidSetting` where they do not fit."""
        return replace(settings, **self.changes)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Return the update that a JSON object spells; raise `InvalidSetting` with the field."""
        return read_value(cls, value)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object from which `from_json` makes an equal update."""
        return write_value(self)
