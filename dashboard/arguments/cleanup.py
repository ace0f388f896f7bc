"""What the jobs about clean-ups and the trash are told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from dashboard.arguments.fields import (
    HEX_64,
    IMAGE_ID,
    counted,
    flag_of,
    ids_of,
    matching,
    only,
    text_of,
    texts_of,
)
from dashboard.arguments.kinds import Arguments, Thing
from engine.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Mapping

PLAN_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
SUBJECT = re.compile(r"[0-9a-f]{64}|[a-z0-9-]{1,16}:[A-Za-z0-9][A-Za-z0-9_.:-]{0,299}", re.ASCII)
TRASH_ITEM = re.compile(r"trash:[A-Za-z0-9][A-Za-z0-9_.:-]{0,299}", re.ASCII)
MOST_WORDS = 200


@dataclass(frozen=True, slots=True)
class RunCleanUp(Arguments):
    """
    Carry out a plan that was shown, exactly as it was; *about* says in words what it takes.

    With *into_trash* what can go into the trash goes there; else all goes for good.
    """

    plan_id: str
    into_trash: bool = False
    about: str = ""
    object_kind: ClassVar[str] = "plan"
    is_selection: ClassVar[bool] = True

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the run that *data* spells."""
        only(data, "plan_id", "into_trash", "about")
        plan_id = matching("plan_id", text_of(data, "plan_id"), PLAN_ID, "not the ID of a plan")
        about = text_of(data, "about", limit=MOST_WORDS)
        return cls(plan_id, flag_of(data, "into_trash"), about)

    @property
    def subject(self) -> str:
        """The plan's ID."""
        return self.plan_id

    @property
    def title(self) -> str:
        """What goes, and where to."""
        what = self.about or f"what plan {self.plan_id[:8]} says"
        return f"Move {what} to the trash" if self.into_trash else f"Remove {what} for good"


@dataclass(frozen=True, slots=True)
class SeveralThings(Arguments):
    """What is common to the jobs about several things at once."""

    ids: tuple[str, ...]
    noun: ClassVar[str] = ""

    @property
    def subject(self) -> str:
        """The ID where there is one only."""
        return self.ids[0] if len(self.ids) == 1 else ""

    @property
    def what(self) -> str:
        """What they are: by its ID the only one, else how many."""
        if len(self.ids) > 1:
            return counted(len(self.ids), self.noun)
        return f"{self.noun} {self.ids[0].rpartition(':')[2][:12]}"


@dataclass(frozen=True, slots=True)
class TrashContainers(SeveralThings):
    """Move containers to the trash; with *stop* those that run are stopped first."""

    stop: bool = False
    is_removal: ClassVar[bool] = True
    object_kind: ClassVar[str] = "container"
    noun: ClassVar[str] = "container"
    is_selection: ClassVar[bool] = True

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the move that *data* spells."""
        only(data, "ids", "stop")
        return cls(ids_of(data, HEX_64), flag_of(data, "stop"))

    @property
    def takes(self) -> tuple[Thing, ...]:
        """The containers."""
        return tuple(Thing("container", each) for each in self.ids)

    @property
    def title(self) -> str:
        """What moves."""
        return f"Move {self.what} to the trash"


@dataclass(frozen=True, slots=True)
class TrashImages(SeveralThings):
    """Move images, with all their tags, to the trash."""

    is_removal: ClassVar[bool] = True
    object_kind: ClassVar[str] = "image"
    noun: ClassVar[str] = "image"
    is_selection: ClassVar[bool] = True

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the move that *data* spells."""
        only(data, "ids")
        return cls(ids_of(data, IMAGE_ID))

    @property
    def takes(self) -> tuple[Thing, ...]:
        """The images."""
        return tuple(Thing("image", each) for each in self.ids)

    @property
    def title(self) -> str:
        """What moves."""
        return f"Move {self.what} to the trash"


@dataclass(frozen=True, slots=True)
class RestoreFromTrash(SeveralThings):
    """
    Bring things back from the trash; one alone may come back under other *names*.

    Bringing back takes nothing from anybody, but other names do.
    """

    names: tuple[str, ...] = ()
    object_kind: ClassVar[str] = "trash"
    noun: ClassVar[str] = "thing"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the restoration that *data* spells."""
        only(data, "ids", "names")
        ids, names = ids_of(data, TRASH_ITEM), texts_of(data, "names") or ()
        if names and len(ids) > 1:
            raise InvalidSetting("names", "only one thing at a time can have other names")
        return cls(ids, names)

    @property
    def takes(self) -> tuple[Thing, ...]:
        """What loses the names that it had."""
        return tuple(Thing("trash", each) for each in self.ids) if self.names else ()

    @property
    def title(self) -> str:
        """What comes back."""
        if self.names:
            return f"Restore {self.what} as {', '.join(self.names)}"
        return f"Restore {self.what} from the trash"


@dataclass(frozen=True, slots=True)
class EmptyTrash(SeveralThings):
    """Remove exactly these from the trash, for good."""

    object_kind: ClassVar[str] = "trash"
    noun: ClassVar[str] = "thing"
    is_selection: ClassVar[bool] = True

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return what *data* spells."""
        only(data, "ids")
        return cls(ids_of(data, TRASH_ITEM))

    @property
    def takes(self) -> tuple[Thing, ...]:
        """What lies in the trash."""
        return tuple(Thing("trash", each) for each in self.ids)

    @property
    def title(self) -> str:
        """What goes."""
        return f"Delete {self.what} in the trash for good"


@dataclass(frozen=True, slots=True)
class KeepThings(SeveralThings):
    """
    Keep things, called as in a plan, from every clean-up; or no longer, with *let_go*.

    Keeping takes nothing from anybody; what is let go may be gone by the next policy.
    """

    let_go: bool = False
    object_kind: ClassVar[str] = "kept"
    noun: ClassVar[str] = "thing"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return what *data* spells."""
        only(data, "ids", "let_go")
        return cls(ids_of(data, SUBJECT), flag_of(data, "let_go"))

    @property
    def takes(self) -> tuple[Thing, ...]:
        """What loses its protection."""
        return tuple(thing for each in self.ids for thing in _things(each)) if self.let_go else ()

    @property
    def title(self) -> str:
        """What is kept."""
        if self.let_go:
            return f"Let clean-ups take {self.what} again"
        return f"Keep {self.what} from clean-ups"


def _things(subject: str) -> tuple[Thing, ...]:
    """Return what *subject*, as a plan calls it, may be that has an owner."""
    word, colon, name = subject.partition(":")
    if not colon:
        return (Thing("container", subject), Thing("network", subject))
    kind = {"sha256": "image", "volume": "volume", "log": "container"}.get(word)
    return (Thing(kind, subject if kind == "image" else name),) if kind else ()
