"""Doing the same with many containers: few waits for the disk, and nobody else waits long."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.containers.create import lock_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord
    from engine.containers.settle import Settler
    from engine.system.locks import Locks

# So many go in one transaction.
BATCH = 128
GONE = "is gone already"


@dataclass
class Removed:
    """What went, the bytes that came free, and why others stayed."""

    ids: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    freed_bytes: int = 0


def in_batches(
    locks: Locks, container_ids: Sequence[str], act: Callable[[Sequence[str]], None]
) -> None:
    """Do *act* with all of the containers, so many at a time, while these are held still."""
    for start in range(0, len(container_ids), BATCH):
        some = container_ids[start : start + BATCH]
        with ExitStack() as held:
            # Who waits for several locks at once may wait for whoever waits for him.
            free = [each for each in some if held.enter_context(locks.tried(lock_name(each)))]
            if free:
                act(free)
        for each in [each for each in some if each not in set(free)]:
            with locks.held(lock_name(each)):
                act([each])


def at_rest(
    means: Means,
    settler: Settler,
    container_ids: Sequence[str],
    objection: Callable[[ContainerRecord], str],
) -> tuple[list[ContainerRecord], dict[str, str]]:
    """
    Return those that do not run and that *objection* has nothing against, and why others stay.

    To be called while they are held still, and for as long as the answer counts.
    """
    here = {each.id: each for each in means.store.list_by_id(container_ids)}
    going: list[ContainerRecord] = []
    refused: dict[str, str] = {}
    for container_id in container_ids:
        if container_id not in here:
            refused[container_id] = GONE
            continue
        record = settler.settle(here[container_id])
        words = objection(record)
        if not words and not record.is_at_rest:
            words = f"is {record.state}"
        if words:
            refused[container_id] = words
        else:
            going.append(record)
    return going, refused
