"""Carrying out plans, moving things to the trash, bringing them back, and emptying it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.jobs import JobName
from dashboard.permissions import requester_of
from dashboard.things import counted_kinds
from engine.cleanup.subject import SubjectKind
from engine.errors import ContainerNotFound, EngineError, NotFound, RestoreConflict
from engine.ledger.survey import VOLUME, held_by
from engine.oci.reference import Reference
from workers.inventory import Inventory
from workers.owners import TRASH as IN_TRASH
from workers.owners import sort_out, sparing_for
from workers.task import job_task
from workers.words import bytes_in_words, counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dashboard.arguments import (
        EmptyTrash,
        KeepThings,
        RestoreFromTrash,
        RunCleanUp,
        TrashContainers,
        TrashImages,
        TrashVolumes,
    )
    from engine.cleanup.plan import CleanupReport, SealedItem, SealedPlan
    from engine.cleanup.trash import TrashItem
    from workers.work import Outcome, RefusedItem, ResultItem, SkippedItem, Work

MOST_RESULTS = 2000


@job_task(JobName.RUN_CLEAN_UP)
def run_clean_up(work: Work[RunCleanUp]) -> Outcome:
    """Have those items of the plan gone, or in the trash, to which nothing happened since."""
    cleanup, told = work.engine.cleanup, work.arguments
    plan = cleanup.plan(told.plan_id)
    try:
        report = cleanup.run(
            plan.id,
            into_trash=told.into_trash,
            sparing=sparing_for(requester_of(work.job)),
            owner=work.owner,
            progress=work.progress,
            cancellation=work.cancellation,
        )
    finally:
        show(work, ((each.kind, each.id) for each in plan.items))
    return outcome_of(plan, report, cleanup.trash.list())


def outcome_of(plan: SealedPlan, report: CleanupReport, in_trash: list[TrashItem]) -> Outcome:
    """Return what became of each item of *plan*; *in_trash* is what is there now."""
    # By what each is found: there may be ten thousand of each.
    known = {each.was: each.id for each in in_trash}
    lying = {each.id: known[was] for each in plan.items if (was := _was(each)) in known}
    reasons = {each.id: each.reason for each in report.skipped}
    results = [_result(each, reasons, is_in_trash=each.id in lying) for each in plan.items]
    trashed = [each for each in results if each["became"] == "trash"]
    gone = [each for each in results if each["became"] == "gone"]
    stayed = [each for each in results if each["became"] == "stayed"]
    skipped: list[SkippedItem] = [
        {"id": each["id"], "reason": f"{each['name']} {each['reason']}"} for each in stayed
    ]
    said = []
    if trashed:
        said.append(f"Moved {counted_kinds(each['kind'] for each in trashed)} to the trash.")
    if gone or not trashed:
        said.append(f"Removed {counted_kinds(each['kind'] for each in gone)}.")
    said.append(f"Freed {bytes_in_words(report.freed_bytes)}.")
    if stayed:
        said.append(f"Left {len(stayed)} alone.")
    return {
        "message": " ".join(said),
        "freed_bytes": report.freed_bytes,
        "removed": [each["id"] for each in gone][:MOST_RESULTS],
        "trashed": [lying[each["id"]] for each in trashed],
        "skipped": skipped[:MOST_RESULTS],
        "results": results[:MOST_RESULTS],
    }


def _was(item: SealedItem) -> tuple[str, str]:
    """Return by what `TrashItem.was` it is found in the trash."""
    return item.id, item.facts.mark if item.kind is SubjectKind.VOLUME else ""


def _result(item: SealedItem, reasons: Mapping[str, str], *, is_in_trash: bool) -> ResultItem:
    # What an attempt before this one put aside is there as well, and counts.
    reason = reasons.get(item.id, "")
    became = "stayed" if reason else "gone"
    if is_in_trash:
        became, reason = "trash", ""
    return {
        "id": item.id,
        "kind": item.kind.value,
        "name": item.name,
        "became": became,
        "reason": reason,
    }


@job_task(JobName.TRASH_CONTAINERS)
def trash_containers(work: Work[TrashContainers]) -> Outcome:
    """Have the containers in the trash; those that run only where they are to be stopped."""
    ids, others = sort_out(work, "container", work.arguments.ids)
    if work.arguments.stop:
        for each in ids:
            _stop(work, each)
    return _put(work, ids, SubjectKind.CONTAINER, others)


@job_task(JobName.TRASH_IMAGES)
def trash_images(work: Work[TrashImages]) -> Outcome:
    """Have the images in the trash, with all their tags."""
    ids, others = sort_out(work, "image", work.arguments.ids)
    return _put(work, ids, SubjectKind.IMAGE, others)


@job_task(JobName.TRASH_VOLUMES)
def trash_volumes(work: Work[TrashVolumes]) -> Outcome:
    """Have the volumes in the trash that no container uses."""
    names, others = sort_out(work, "volume", work.arguments.ids)
    return _put(work, names, SubjectKind.VOLUME, others)


def _stop(work: Work[Any], container_id: str) -> None:
    try:
        if work.engine.containers.get(container_id).is_running:
            work.engine.containers.stop(container_id)
    except ContainerNotFound:
        return


def _put(
    work: Work[Any], wanted: list[str], kind: SubjectKind, others: list[SkippedItem]
) -> Outcome:
    trash, skipped = work.engine.cleanup.trash, list(others)
    trashed: list[str] = []
    try:
        for each in wanted:
            work.cancellation.check()
            try:
                trashed.append(trash.put(_called(kind, each), owner=work.owner))
            except EngineError as error:
                lying = _newest(trash.list(), kind, each) if isinstance(error, NotFound) else ""
                if lying:
                    trashed.append(lying)
                elif len(wanted) == 1 and not others:
                    raise
                else:
                    skipped.append({"id": each, "reason": error.message})
    finally:
        show(work, ((kind, each) for each in wanted))
    left = f" Left {len(skipped)} alone." if skipped else ""
    message = f"Moved {counted(len(trashed), kind.value)} to the trash.{left}"
    return {"message": message, "trashed": trashed, "skipped": skipped}


def _called(kind: SubjectKind, name: str) -> str:
    return held_by(VOLUME, name) if kind is SubjectKind.VOLUME else name


def _newest(in_trash: list[TrashItem], kind: SubjectKind, name: str) -> str:
    """Return what was put into the trash last of that name; empty where nothing was."""
    ids = [
        each.id
        for each in in_trash
        if each.kind is kind
        and (each.names[0] if kind is SubjectKind.VOLUME else each.subject) == name
    ]
    return ids[-1] if ids else ""


@job_task(JobName.RESTORE_FROM_TRASH)
def restore(work: Work[RestoreFromTrash]) -> Outcome:
    """Have these things back as they were; raise why if none of them can come."""
    restored: list[str] = []
    refused: list[RefusedItem] = []
    first: EngineError | None = None
    known = {each.id: each for each in work.engine.cleanup.trash.list()}
    # Images first, because containers come back only where theirs is.
    for each in sorted(work.arguments.ids, key=lambda one: "sha256:" not in one):
        if each not in known and work.is_takeover:
            restored.append(each)
            continue
        try:
            work.engine.cleanup.trash.restore(
                each, names=work.arguments.names or None, owner=work.owner
            )
            restored.append(each)
        except EngineError as error:
            first = first or error
            refused.append(_refusal(each, error, known.get(each), work.arguments.names))
    show(work, ((item.kind, item.subject) for item in known.values() if item.id in restored))
    outcome: Outcome = {"restored": restored, "refused": refused}
    if first and not restored:
        work.remember(outcome)
        raise first
    left = f" {len(refused)} could not come back." if refused else ""
    names = [known[each].names[0] for each in restored if each in known and known[each].names]
    what = names[0] if len(restored) == 1 and names else counted(len(restored), "thing")
    return {**outcome, "message": f"Restored {what}.{left}"}


def _refusal(
    item_id: str, error: EngineError, item: TrashItem | None, names: tuple[str, ...]
) -> RefusedItem:
    offered: list[str] = []
    if isinstance(error, RestoreConflict):
        wanted = names or (item.names if item else ())
        offered = [error.free if _same(each, error.name) else each for each in wanted]
    return {"id": item_id, "reason": error.message, "offered": offered}


def _same(name: str, taken: str) -> bool:
    if name == taken:
        return True
    try:
        return Reference.parse(name).familiar == taken
    except EngineError:
        return False


@job_task(JobName.EMPTY_TRASH)
def empty_trash(work: Work[EmptyTrash]) -> Outcome:
    """Have these gone from the trash for good, and nothing else."""
    ids, skipped = sort_out(work, IN_TRASH, work.arguments.ids)
    report = work.engine.cleanup.trash.empty(
        ids, progress=work.progress, cancellation=work.cancellation
    )
    Inventory(work.engine, work.job.host_id).project_images()
    skipped += [{"id": each.id, "reason": each.reason} for each in report.skipped]
    left = f" Left {len(skipped)} alone." if skipped else ""
    gone = counted(len(report.removed), "thing")
    return {
        "message": f"Deleted {gone} for good, freed {bytes_in_words(report.freed_bytes)}.{left}",
        "freed_bytes": report.freed_bytes,
        "removed": list(report.removed),
        "skipped": skipped,
    }


@job_task(JobName.KEEP_THINGS)
def keep_things(work: Work[KeepThings]) -> Outcome:
    """Have these kept from every clean-up, or no longer."""
    cleanup, ids = work.engine.cleanup, work.arguments.ids
    for each in ids:
        if work.arguments.let_go:
            cleanup.unpin(each)
        else:
            cleanup.pin(each, owner=work.owner)
    Inventory(work.engine, work.job.host_id).project_containers(ids)
    what = counted(len(ids), "thing")
    if work.arguments.let_go:
        return {"message": f"Clean-ups may take {what} again."}
    return {"message": f"Clean-ups leave {what} alone."}


def show(work: Work[Any], things: Iterable[tuple[SubjectKind, str]]) -> None:
    """Show pages what became of *things*."""
    found = list(things)
    kinds = {kind for kind, _ in found}
    inventory = Inventory(work.engine, work.job.host_id)
    if kinds & {SubjectKind.IMAGE, SubjectKind.CACHED_STEP}:
        inventory.project_images()
    inventory.project_containers(each for kind, each in found if kind is SubjectKind.CONTAINER)
    if kinds & {SubjectKind.VOLUME, SubjectKind.CONTAINER}:
        inventory.project_volumes()
    if SubjectKind.NETWORK in kinds:
        inventory.project_networks()
