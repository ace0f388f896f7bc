"""
Whose things are, as the engine's own records say: what a worker asks before it takes any.

The dashboard asked its projection when the job was filed; here the same question is put once more,
to what cannot be out of date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.arguments import Thing
from dashboard.permissions import (
    ROLE_FOR_OTHERS,
    granted,
    is_permitted,
    may_take,
    refusals,
    requester_of,
    whose,
)
from engine.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dashboard.models import User
    from engine.cleanup.plan import SealedItem, Sparing
    from engine.cleanup.subject import Subject
    from engine.engine import Engine
    from workers.work import SkippedItem, Work

OWNER: dict[str, Callable[[Engine, str], str]] = {
    "container": lambda engine, each: engine.containers.get(each).owner,
    "image": lambda engine, each: engine.images.get(each).added_by,
    "volume": lambda engine, each: engine.volumes.get(each).owner,
    "network": lambda engine, each: engine.networks.get(each).owner,
}
TRASH = "trash"


def owners_in(engine: Engine, things: Iterable[Thing]) -> dict[Thing, str]:
    """Return the owner of each of *things* that the engine has, empty for nobody's."""
    found: dict[Thing, str] = {}
    wanted = tuple(things)
    if any(thing.kind == TRASH for thing in wanted):
        lying = {Thing(TRASH, each.id): each.owner for each in engine.cleanup.trash.list()}
        found |= {thing: lying[thing] for thing in wanted if thing in lying}
    for thing in wanted:
        if thing.kind == TRASH:
            continue
        try:
            found[thing] = OWNER[thing.kind](engine, thing.id)
        except NotFound:
            continue
    return found


def sort_out(work: Work[Any], kind: str, ids: Sequence[str]) -> tuple[list[str], list[SkippedItem]]:
    """Return which of *ids* the requester of this job may take, and the others with why not."""
    requester = requester_of(work.job)
    if is_permitted(requester, ROLE_FOR_OTHERS):
        return list(ids), []
    things = [Thing(kind, each) for each in ids]
    owners = owners_in(work.engine, things)
    let_go = granted(requester, work.job.host_id, owners) if work.arguments.is_removal else ()
    refused = refusals(requester, owners, let_go)
    own = [each for each in ids if Thing(kind, each) not in refused]
    return own, [{"id": thing.id, "reason": why} for thing, why in refused.items()]


def sparing_for(requester: User | None) -> Sparing:
    """Return what says of each item of a plan why it is not for *requester*, or nothing."""

    def why(item: Subject | SealedItem) -> str:
        return "" if may_take(requester, item.owner) else whose(item.owner)

    return why
