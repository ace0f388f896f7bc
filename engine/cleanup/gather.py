"""From what an engine root holds to the subjects of clean-ups."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from engine.cleanup.rules import FRESH, STOPPED
from engine.cleanup.subject import NOTHING, Facts, Standing, Subject, SubjectKind
from engine.containers.state import ContainerState
from engine.images.gc import ABANDONED_AFTER
from engine.images.resources import blob_resource, layer_resource
from engine.ledger.survey import CACHE_MOUNT, INGEST, LOG, NO_BYTES, STEP, VOLUME, held_by

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import datetime

    from engine.cleanup.sources import CachePlace, CacheStep
    from engine.containers.record import ContainerRecord
    from engine.content.store import KeptIngest
    from engine.images.record import ImageRecord
    from engine.networks.record import NetworkRecord
    from engine.oci.digest import ImageID
    from engine.oci.reference import Reference
    from engine.volumes.record import VolumeRecord

NAME_LENGTH = 80


class ImageLook(Protocol):
    """An image, as far as a clean-up looks at it."""

    @property
    def id(self) -> ImageID:
        """Its image ID."""

    @property
    def tags(self) -> tuple[Reference, ...]:
        """Its tags."""

    @property
    def labels(self) -> Mapping[str, str]:
        """What its config is labelled with."""

    @property
    def created_at(self) -> datetime | None:
        """When it was made, as it says itself."""

    @property
    def added_at(self) -> datetime:
        """When it came to this host."""

    @property
    def added_by(self) -> str:
        """Who brought it."""

    @property
    def last_used_at(self) -> datetime | None:
        """When a container was made from it or started last."""


@dataclass(frozen=True, slots=True)
class Findings:
    """
    What there is besides containers and images, by kind, as far as somebody asked for it.

    *names* are those of containers by ID, *volume_users* the IDs of containers by volume, *members*
    the names of networks by container ID, *cache_bytes* what cache mounts take by name.
    """

    now: datetime
    names: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    volumes: tuple[tuple[VolumeRecord, int], ...] = ()
    volume_users: Mapping[str, Collection[str]] | None = None
    networks: tuple[NetworkRecord, ...] = ()
    members: Mapping[str, Collection[str]] | None = None
    steps: tuple[CacheStep, ...] = ()
    caches: tuple[CachePlace, ...] = ()
    cache_bytes: Mapping[str, int] = field(default_factory=lambda: NO_BYTES)
    ingests: tuple[KeptIngest, ...] = ()
    pinned: frozenset[str] = frozenset()


def iter_others(found: Findings) -> Iterator[Subject]:
    """Yield everything that a clean-up may take and *found* has."""
    yield from _volumes(found)
    yield from _networks(found)
    yield from _cache(found)
    yield from (_ingest(each, found.now) for each in found.ingests)


def container_subject(
    record: ContainerRecord, *, now: datetime, size: int = 0, is_pinned: bool = False
) -> Subject:
    """Return a container, whose writable layer takes *size* bytes, as a subject."""
    return Subject(
        kind=SubjectKind.CONTAINER,
        id=record.id,
        name=record.name,
        owner=record.owner,
        since=record.finished_at or record.created_at,
        created_at=record.created_at,
        size=size,
        standing=_standing(record, now),
        facts=Facts(
            record.state.value,
            names=(record.name,),
            mark=f"{record.started_at} {record.finished_at} {record.restart_count}",
        ),
        labels=record.settings.labels,
        last_used_at=record.finished_at,
        detail=_how_it_came(record),
        is_pinned=is_pinned,
    )


def _standing(record: ContainerRecord, now: datetime) -> Standing:
    if record.state not in STOPPED:
        return Standing.BUSY
    is_new = record.state is ContainerState.CREATED and now - record.created_at < FRESH
    return Standing.FRESH if is_new else Standing.IDLE


def _how_it_came(record: ContainerRecord) -> str:
    if record.state is ContainerState.CREATED:
        return "was never started"
    return f"exited with code {record.exit_code}"


def image_subject(
    image: ImageLook,
    users: Iterable[str],
    *,
    size: int = 0,
    is_leased: bool = False,
    is_pinned: bool = False,
) -> Subject:
    """Return *image*, from which the containers *users* were made, as a subject."""
    tags = tuple(each.familiar for each in image.tags)
    return Subject(
        kind=SubjectKind.IMAGE,
        id=str(image.id),
        name=tags[0] if tags else image.id.short,
        owner=image.added_by,
        since=image.added_at,
        created_at=image.created_at,
        size=size,
        facts=Facts(names=tags, holders=tuple(sorted(users)), mark=str(image.added_at)),
        labels=image.labels,
        last_used_at=image.last_used_at,
        repositories=tuple(sorted({each.name for each in image.tags})),
        is_leased=is_leased,
        is_pinned=is_pinned,
    )


def is_image_leased(image: ImageRecord, leased: frozenset[str]) -> bool:
    """Return whether work at hand needs anything of *image*."""
    if not leased:
        return False
    needed = {layer_resource(each.chain_id) for each in image.layers}
    return not leased.isdisjoint(needed | {blob_resource(each.digest) for each in image.documents})


def log_subject(container: Subject, size: int, *, is_pinned: bool) -> Subject:
    """Return the log of *container*, which takes *size* bytes, as a subject."""
    mark = f"{container.facts.mark} {size}"
    return replace(
        container,
        kind=SubjectKind.LOG,
        id=held_by(LOG, container.id),
        size=size,
        created_at=None,
        last_used_at=None,
        detail="",
        facts=Facts(container.facts.state, mark=mark),
        is_pinned=is_pinned,
    )


def volume_subject(
    record: VolumeRecord, users: Iterable[str] = (), *, size: int = 0, is_pinned: bool = False
) -> Subject:
    """Return a volume, which the containers *users* have, as a subject."""
    return Subject(
        kind=SubjectKind.VOLUME,
        id=held_by(VOLUME, record.name),
        name=record.name,
        owner=record.owner,
        since=record.created_at,
        size=size,
        facts=Facts(holders=tuple(sorted(users)), mark=str(record.created_at)),
        labels=record.labels,
        is_anonymous=record.is_anonymous,
        is_pinned=is_pinned,
    )


def _volumes(found: Findings) -> Iterator[Subject]:
    names = found.names
    for record, size in found.volumes:
        users = (found.volume_users or {}).get(record.name, ())
        yield volume_subject(
            record,
            (names.get(each, each[:12]) for each in users),
            size=size,
            is_pinned=held_by(VOLUME, record.name) in found.pinned,
        )


def _networks(found: Findings) -> Iterator[Subject]:
    names = found.names
    members: dict[str, list[str]] = defaultdict(list)
    for container_id, networks in (found.members or {}).items():
        for network in networks:
            members[network].append(names.get(container_id, container_id[:12]))
    for record in found.networks:
        yield Subject(
            kind=SubjectKind.NETWORK,
            id=record.id,
            name=record.name,
            owner=record.owner,
            since=record.created_at,
            size=0,
            standing=Standing.FIXED if record.is_predefined else Standing.IDLE,
            facts=Facts(holders=tuple(sorted(members[record.name]))),
            labels=record.settings.labels,
            is_pinned=record.id in found.pinned,
        )


def _cache(found: Findings) -> Iterator[Subject]:
    for step in found.steps:
        yield Subject(
            kind=SubjectKind.CACHED_STEP,
            id=held_by(STEP, step.key),
            name=" ".join(step.created_by.split())[:NAME_LENGTH],
            owner="",
            since=step.created_at,
            size=step.layer.size if step.layer else 0,
            facts=Facts(mark=f"{step.created_at} {step.uses}"),
            last_used_at=step.last_used_at,
            is_pinned=held_by(STEP, step.key) in found.pinned,
        )
    for mount in found.caches:
        yield Subject(
            kind=SubjectKind.CACHE_MOUNT,
            id=held_by(CACHE_MOUNT, mount.name),
            name=mount.description[:NAME_LENGTH],
            owner="",
            since=mount.last_used_at,
            size=found.cache_bytes.get(mount.name, 0),
            facts=Facts(mark=str(mount.last_used_at)),
            last_used_at=mount.last_used_at,
            is_pinned=held_by(CACHE_MOUNT, mount.name) in found.pinned,
        )


def _ingest(kept: KeptIngest, now: datetime) -> Subject:
    return Subject(
        kind=SubjectKind.INGEST,
        id=held_by(INGEST, str(kept.digest)),
        name=kept.digest.short,
        owner="",
        since=kept.written_at,
        size=kept.disk_bytes,
        standing=Standing.FRESH if now - kept.written_at < ABANDONED_AFTER else Standing.IDLE,
        facts=Facts(mark=f"{kept.written_at} {kept.disk_bytes}"),
    )


def by_id(subjects: Iterable[Subject]) -> dict[str, Subject]:
    """Return *subjects* by their IDs."""
    return {each.id: each for each in subjects}
