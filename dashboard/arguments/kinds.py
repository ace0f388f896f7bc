"""What is common to the arguments of all jobs."""

from __future__ import annotations

from dataclasses import MISSING, Field, asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

DIGITS = 64


class Thing(NamedTuple):
    """Something on a host that has an owner: a container, image, volume or network, or `trash`."""

    kind: str
    id: str

    @property
    def short_id(self) -> str:
        """The ID or the name as people see it."""
        name = self.id.removeprefix("sha256:")
        return name[:12] if len(name) == DIGITS else name


@dataclass(frozen=True, slots=True)
class Arguments:
    """
    What one job is told. `subject` is the ID or the name of the thing it is about.

    A *selection* is carried out without those of its things that it may not have; any other job is
    refused whole. A *removal* is also for whom the owner let the thing go.
    """

    object_kind: ClassVar[str] = ""
    is_selection: ClassVar[bool] = False
    is_removal: ClassVar[bool] = False

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the value that *data* spells; raise `InvalidInput` naming the field."""
        raise NotImplementedError

    @property
    def subject(self) -> str:
        """What the job is about, for lists and for the audit trail."""
        return ""

    @property
    def title(self) -> str:
        """The job in words, for lists."""
        raise NotImplementedError

    @property
    def reach(self) -> tuple[str, ...]:
        """The fields by which the job reaches beyond containers into its host."""
        return ()

    @property
    def takes(self) -> tuple[Thing, ...]:
        """What the job stops, changes or removes, which not everybody may who may start it."""
        return ()

    def to_json(self) -> dict[str, Any]:
        """Return what `parse` reads, leaving out what has its default."""
        defaults = {f.name: _default_of(f) for f in fields(self)}
        return {key: value for key, value in asdict(self).items() if value != defaults[key]}


def _default_of(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()
