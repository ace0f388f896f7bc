"""From what an engine root holds to the subjects of clean-ups."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.cleanup.rules import FRESH, STOPPED
from engine.cleanup.subject import Facts, Standing, Subject, SubjectKind
from engine.containers.state import ContainerState
from engine.containers.store import IN_TRASH
from engine.images.gc import ABANDONED_AFTER
from engine.images.resources import blob_resource, layer_resource
from engine.ledger.survey import CACHE_MOUNT, INGEST, LOG, STEP, VOLUME, held_by

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import datetime

    from engine.cleanup.surveyor import CacheContent
    from engine.containers.record import ContainerRecord
    from engine.content.store import KeptIngest
    from engine.images.record import ImageRecord
    from engine.networks.record import NetworkRecord
    from engine.volumes.record import VolumeRecord

NAME_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Findings:
    """
    What there is, by kind, as far as somebody asked for it.

    *volume_users* are the IDs of containers by volume, *members* the names of networks by container
    ID, *log_bytes* by container ID.
    """

    now: datetime
    containers: tuple[ContainerRecord, ...] = ()
    trashed: tuple[ContainerRecord, ...] = ()
    images: tuple[ImageRecord, ...] = ()
    volumes: tuple[tuple[VolumeRecord, int], ...] = ()
    volume_users: Mapping[str, Collection[str]] | None = None
    networks: tuple[NetworkRecord, ...] = ()
    members: Mapping[str, Collection[str]] | None = None
    cache: CacheContent | None = None
    ingests: tuple[KeptIngest, ...] = ()
    log_bytes: Mapping[str, int] | None = None
    writable: Mapping[str, int] | None = None
    leased: frozenset[str] = frozenset()
    pinned: frozenset[str] = frozenset()


def iter_subjects(found: Findings) -> Iterator[Subject]:
    """Yield everything that a clean-up may take."""
    yield from (container_subject(each, found) for each in found.containers)
    yield from _images(found)
    yield from _volumes(found)
    yield from _networks(found)
    yield from _cache(found)
    yield from (_ingest(each, found.now) for each in found.ingests)
    yield from (_log(each, found) for each in found.containers if _log_size(each, found))


def container_subject(record: ContainerRecord, found: Findings) -> Subject:
    """Return a container as a subject."""
    return Subject(
        kind=SubjectKind.CONTAINER,
        id=record.id,
        name=record.name,
        owner=record.owner,
        since=record.finished_at or record.created_at,
        created_at=record.created_at,
        size=(found.writable or {}).get(record.id, 0),
        standing=_standing(record, found.now),
        facts=Facts(
            record.state.value,
            names=(record.name,),
            mark=f"{record.started_at} {record.finished_at} {record.restart_count}",
        ),
        labels=record.settings.labels,
        last_used_at=record.finished_at,
        detail=_how_it_came(record),
        is_pinned=record.id in found.pinned,
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


def _images(found: Findings) -> Iterator[Subject]:
    users: dict[object, list[str]] = defaultdict(list)
    for container in found.containers:
        users[container.image_id].append(container.name)
    for container in found.trashed:
        users[container.image_id].append(f"{container.name} ({IN_TRASH})")
    for image in found.images:
        yield image_subject(image, users[image.id], found)


def image_subject(image: ImageRecord, users: Iterable[str], found: Findings) -> Subject:
    """Return *image*, from which the containers *users* were made, as a subject."""
    tags = tuple(each.familiar for each in image.tags)
    return Subject(
        kind=SubjectKind.IMAGE,
        id=str(image.id),
        name=tags[0] if tags else image.id.short,
        owner=image.added_by,
        since=image.added_at,
        created_at=image.created_at,
        size=image.size,
        facts=Facts(names=tags, holders=tuple(sorted(users)), mark=str(image.added_at)),
        labels=image.labels,
        last_used_at=image.last_used_at,
        repositories=tuple(sorted({each.name for each in image.tags})),
        is_leased=_is_leased(image, found.leased),
        is_pinned=str(image.id) in found.pinned,
    )


def _is_leased(image: ImageRecord, leased: frozenset[str]) -> bool:
    if not leased:
        return False
    needed = {layer_resource(each.chain_id) for each in image.layers}
    return not leased.isdisjoint(needed | {blob_resource(each.digest) for each in image.documents})


def _names(found: Findings) -> dict[str, str]:
    """Return what each container is called, and where it is in the trash that it is there."""
    names = {each.id: each.name for each in found.containers}
    return names | {each.id: f"{each.name} ({IN_TRASH})" for each in found.trashed}


def _volumes(found: Findings) -> Iterator[Subject]:
    names = _names(found)
    for record, size in found.volumes:
        users = (found.volume_users or {}).get(record.name, ())
        holder = held_by(VOLUME, record.name)
        yield Subject(
            kind=SubjectKind.VOLUME,
            id=holder,
            name=record.name,
            owner=record.owner,
            since=record.created_at,
            size=size,
            facts=Facts(
                holders=tuple(sorted(names.get(each, each[:12]) for each in users)),
                mark=str(record.created_at),
            ),
            labels=record.labels,
            is_anonymous=record.is_anonymous,
            is_pinned=holder in found.pinned,
        )


def _networks(found: Findings) -> Iterator[Subject]:
    names = _names(found)
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
    if found.cache is None:
        return
    for step in found.cache.steps:
        yield Subject(
            kind=SubjectKind.CACHED_STEP,
            id=held_by(STEP, step.key),
            name=step.created_by[:NAME_LENGTH],
            owner="",
            since=step.created_at,
            size=step.layer.size if step.layer else 0,
            facts=Facts(mark=f"{step.created_at} {step.uses}"),
            last_used_at=step.last_used_at,
            is_pinned=held_by(STEP, step.key) in found.pinned,
        )
    for mount in found.cache.directories:
        yield Subject(
            kind=SubjectKind.CACHE_MOUNT,
            id=held_by(CACHE_MOUNT, mount.name),
            name=mount.name,
            owner="",
            since=mount.last_used_at,
            size=mount.bytes,
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


def _log(record: ContainerRecord, found: Findings) -> Subject:
    size = _log_size(record, found)
    return Subject(
        kind=SubjectKind.LOG,
        id=held_by(LOG, record.id),
        name=record.name,
        owner=record.owner,
        since=record.finished_at or record.created_at,
        size=size,
        standing=_standing(record, found.now),
        facts=Facts(record.state.value, mark=f"{record.started_at} {size}"),
        labels=record.settings.labels,
        is_pinned=record.id in found.pinned,
    )


def _log_size(record: ContainerRecord, found: Findings) -> int:
    return (found.log_bytes or {}).get(record.id, 0)


def by_id(subjects: Iterable[Subject]) -> dict[str, Subject]:
    """Return *subjects* by their IDs."""
    return {each.id: each for each in subjects}
