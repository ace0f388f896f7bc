"""What records tell of the past of images and containers: what they were at any moment."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.cleanup.subject import NOTHING, Facts, Standing, Subject, SubjectKind
from engine.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from engine.containers.record import ContainerRecord
    from engine.images.record import ImageRecord, TagMove
    from engine.oci.digest import ImageID


@dataclass(frozen=True, slots=True)
class Span:
    """Some time during which *what* was so; without *end* it still is."""

    what: str
    start: datetime
    end: datetime | None = None

    def covers(self, moment: datetime) -> bool:
        """Return whether it was so at *moment*."""
        return self.start <= moment and (self.end is None or moment < self.end)


@dataclass(frozen=True, slots=True)
class Life:
    """
    The past of one image or container.

    *uses* are when somebody needed it, *names* and *holders* when it had them; holders are the IDs
    of containers, *called* what these are called. *runs* are those of a container.
    """

    kind: SubjectKind
    id: str
    name: str
    owner: str
    born: datetime
    size: int
    labels: Mapping[str, str] = field(default_factory=lambda: NOTHING, hash=False)
    uses: tuple[datetime, ...] = ()
    names: tuple[Span, ...] = ()
    holders: tuple[Span, ...] = ()
    runs: tuple[Span, ...] = ()
    called: Mapping[str, str] = field(default_factory=lambda: NOTHING, hash=False)

    def subject_at(self, moment: datetime, gone: Collection[str]) -> Subject | None:
        """Return what it was at *moment*, None before it was; what is *gone* holds nothing."""
        if moment < self.born:
            return None
        used = [each for each in self.uses if each <= moment]
        ended = [each.end for each in self.runs if each.end is not None and each.end <= moment]
        runs = any(each.covers(moment) for each in self.runs)
        names = tuple(each.what for each in self.names if each.covers(moment))
        holders = [
            self.called.get(each.what, each.what)
            for each in self.holders
            if each.what not in gone and each.covers(moment)
        ]
        return Subject(
            kind=self.kind,
            id=self.id,
            name=self.name,
            owner=self.owner,
            since=max(ended, default=self.born),
            created_at=self.born,
            size=self.size,
            standing=Standing.BUSY if runs else Standing.IDLE,
            facts=Facts("running" if runs else "", names, tuple(holders)),
            labels=self.labels,
            last_used_at=max(used, default=None),
            repositories=tuple(sorted({Reference.parse(each).name for each in names}))
            if self.kind is SubjectKind.IMAGE
            else (),
            detail="had exited",
        )

    def next_use(self, moment: datetime) -> datetime | None:
        """Return when somebody needed it first after *moment*, or None."""
        return min((each for each in self.uses if each > moment), default=None)


def lives_of(
    images: Iterable[ImageRecord],
    containers: Sequence[ContainerRecord],
    moves_of: Callable[[ImageID], Sequence[TagMove]],
) -> list[Life]:
    """Return what is recorded of the past of what is here; *moves_of* are the latest first."""
    made: dict[object, list[ContainerRecord]] = defaultdict(list)
    for container in containers:
        made[container.image_id].append(container)
    lives = [_image(image, made[image.id], moves_of(image.id)) for image in images]
    return lives + [_container(each) for each in containers]


def _image(
    image: ImageRecord, containers: Sequence[ContainerRecord], moves: Sequence[TagMove]
) -> Life:
    used = [image.last_used_at, *(each.started_at for each in containers)]
    used += [each.created_at for each in containers]
    return Life(
        kind=SubjectKind.IMAGE,
        id=str(image.id),
        name=image.tags[0].familiar if image.tags else image.id.short,
        owner=image.added_by,
        born=image.added_at,
        size=image.size,
        labels=image.labels,
        uses=tuple(sorted({each for each in used if each is not None})),
        names=tuple(_names(image, moves)),
        holders=tuple(Span(each.id, each.created_at) for each in containers),
        called={each.id: each.name for each in containers},
    )


def _names(image: ImageRecord, moves: Sequence[TagMove]) -> list[Span]:
    spans: list[Span] = []
    since: dict[str, datetime] = {}
    for move in reversed(moves):
        tag = move.reference.familiar
        if move.image_id == image.id:
            since.setdefault(tag, move.moved_at)
        elif tag in since:
            spans.append(Span(tag, since.pop(tag), move.moved_at))
    return spans + [Span(tag, moment) for tag, moment in since.items()]


def _container(record: ContainerRecord) -> Life:
    runs = []
    if record.started_at is not None:
        end = (record.finished_at or record.started_at) if record.is_at_rest else None
        runs.append(Span("running", record.started_at, end))
    return Life(
        kind=SubjectKind.CONTAINER,
        id=record.id,
        name=record.name,
        owner=record.owner,
        born=record.created_at,
        size=0,
        labels=record.settings.labels,
        uses=() if record.started_at is None else (record.started_at,),
        runs=tuple(runs),
    )
