"""
Clean-ups by rules: planned, shown, and carried out exactly as they were shown.

A plan names its items with the state that each had. Running it touches nothing else, looks at each
item once more, leaves what has changed, and says why. Running it twice does no harm: what is gone
is gone, and what came anew is another thing by its state.
"""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.cleanup.acts import TOGETHER, TRASHABLE, Acts, leased_now
from engine.cleanup.carrying import carry_out, in_batches
from engine.cleanup.copies import find_copy
from engine.cleanup.gather import by_id
from engine.cleanup.history import lives_of
from engine.cleanup.look import Look
from engine.cleanup.plan import CleanupReport, Kept, SealedPlan, Skipped, spare_nothing
from engine.cleanup.policy import rehearse, within_limits
from engine.cleanup.rules import MEANT, judge
from engine.cleanup.subject import SubjectKind
from engine.cleanup.trash import Trash
from engine.errors import PlanExpired
from engine.progress import NEVER, SILENT, StepProgress

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from engine.cleanup.acts import Tools
    from engine.cleanup.copies import Copy
    from engine.cleanup.plan import SealedItem, Sparing
    from engine.cleanup.policy import Policy, Rehearsal
    from engine.cleanup.rules import Rule
    from engine.cleanup.subject import Subject
    from engine.progress import Cancellation, ProgressSink
    from engine.registry.credentials import Credentials

EXPIRES_AFTER = timedelta(hours=1)
DAY, MONTH = timedelta(days=1), timedelta(days=30)
ID_BYTES = 16


@dataclass(frozen=True)
class _Run:
    """
    One run of a plan of so many items.

    Where *into_trash_of* says whose, what can be is put into the trash.
    """

    total: int
    into_trash_of: str | None
    progress: ProgressSink
    cancellation: Cancellation


class Housekeeper:
    """The clean-ups of one engine root."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self.trash = Trash(tools.sources, tools.lookout, tools.clock)

    def preview(
        self, rules: Sequence[Rule], *, owner: str = "", expires_after: timedelta = EXPIRES_AFTER
    ) -> SealedPlan:
        """
        Return what *rules* would take now, with the exact bytes, and what stays and why.

        The plan is kept until it expires, so that `run` can carry out exactly this.
        """
        items, kept = judge(rules, self._subjects(rules), self._tools.clock.now())
        return self._sealed(items, kept, owner, expires_after)

    def look(self) -> Look:
        """Return everything that a clean-up may take as it is now, and what any of it frees."""
        return Look(
            tuple(self._found(frozenset(SubjectKind))), self._tools.lookout, self._tools.clock.now()
        )

    def preview_chosen(
        self,
        ids: Collection[str],
        rules: Sequence[Rule] = (),
        *,
        sparing: Sparing = spare_nothing,
        owner: str = "",
        expires_after: timedelta = EXPIRES_AFTER,
    ) -> SealedPlan:
        """As `preview`, of the things *ids* besides what *rules* take; see `Look.chosen`."""
        look = self.look()
        items, kept = look.chosen(ids, rules, sparing=sparing)
        return self._sealed(items, kept, owner, expires_after)

    def preview_policy(
        self, policy: Policy, *, owner: str = "", expires_after: timedelta = EXPIRES_AFTER
    ) -> SealedPlan:
        """As `preview`, of what one run of *policy* would take now within its limits."""
        items, kept = judge(policy.rules, self._subjects(policy.rules), self._tools.clock.now())
        disk = shutil.disk_usage(self._tools.sources.paths.root)
        with self._tools.lookout.book() as book:
            going = within_limits(
                policy, items, used=disk.used, capacity=disk.total, freed=book.freed
            )
        spared = [
            Kept(each.kind, each.id, each.name, "is left for another run")
            for each in items[len(going) :]
        ]
        return self._sealed(going, (*spared, *kept), owner, expires_after)

    def rehearse(
        self, policy: Policy, *, over: timedelta = MONTH, every: timedelta = DAY
    ) -> Rehearsal:
        """Return what *policy* would have done lately, as far as records of what is here tell."""
        sources, now = self._tools.sources, self._tools.clock.now()
        lives = lives_of(sources.images.list(), sources.containers.list(), sources.images.tag_moves)
        return rehearse(policy, lives, start=now - over, end=now, every=every)

    def plan(self, plan_id: str) -> SealedPlan:
        """Return a plan as it was shown; raise `PlanNotFound`."""
        return self._tools.plans.get(plan_id)

    def run(
        self,
        plan_id: str,
        *,
        into_trash: bool = False,
        sparing: Sparing = spare_nothing,
        owner: str = "",
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
    ) -> CleanupReport:
        """
        Carry a plan out: have those of its items gone to which nothing happened since.

        With *into_trash*, containers, images and volumes go there and free nothing yet; the rest
        goes for good. What *sparing* gives a reason for is left alone all the same. Raises
        `PlanNotFound` or `PlanExpired`; then nothing was touched. A cancelled one keeps what it
        did, and can be run again.
        """
        plan = self._tools.plans.get(plan_id)
        if self._tools.clock.now() >= plan.expires_at:
            raise PlanExpired(plan_id)
        spared = {each.id: why for each in plan.items if (why := sparing(each))}
        going = [each for each in plan.items if each.id not in spared]
        report = CleanupReport((), tuple(Skipped(*each) for each in spared.items()), 0)
        run = _Run(len(going), owner if into_trash else None, progress, cancellation)
        for first, items in in_batches(going, lambda each: each.kind):
            report = report.joined(self._carried_out(run, first, items))
        # What lay below a layer that went after it was needed until then.
        return report.with_more(self._tools.sources.images.collect_stray_layers())

    def _carried_out(self, run: _Run, first: int, items: Sequence[SealedItem]) -> CleanupReport:
        """Have some items gone, which are all of one kind."""
        acts, kind, whose = Acts(self._tools), items[0].kind, run.into_trash_of
        if kind in TOGETHER:
            run.progress.emit(StepProgress(items[0].id, first, run.total))
            if not run.cancellation.is_cancelled:
                if whose is None:
                    return acts.remove_many(items)
                return acts.put_many_aside(items, whose)
        planned = {each.id: each for each in items}
        subjects = {} if kind in TOGETHER else by_id(self._found({kind}))
        return carry_out(
            list(planned),
            lambda each: (
                acts.put_volume_aside(planned[each], whose, subjects.get(each))
                if kind is SubjectKind.VOLUME and whose is not None
                else acts.remove(planned[each], subjects.get(each))
            ),
            run.progress,
            run.cancellation,
            first=first,
            total=run.total,
        )

    def find_copy(self, image_id: str, *, credentials: Credentials | None = None) -> Copy:
        """Return whether the image can be pulled again; asks the registries that had it."""
        inspect = self._tools.registries.inspect
        image = self._tools.sources.images.get(image_id)
        return find_copy(
            image, lambda name: inspect(name, credentials=credentials).descriptor.digest
        )

    def pin(self, subject: str, *, owner: str = "") -> None:
        """Keep *subject*, called as in a plan, from every clean-up until it is unpinned."""
        self._tools.plans.pin(subject, owner=owner)

    def unpin(self, subject: str) -> None:
        """Let clean-ups take *subject* again."""
        self._tools.plans.unpin(subject)

    def pinned(self) -> frozenset[str]:
        """Return all that is pinned."""
        return self._tools.plans.pinned()

    def _sealed(
        self,
        items: tuple[SealedItem, ...],
        kept: tuple[Kept, ...],
        owner: str,
        expires_after: timedelta,
    ) -> SealedPlan:
        now = self._tools.clock.now()
        with self._tools.lookout.book() as book:
            freed = book.freed(each.id for each in items)
            at_once = book.freed(each.id for each in items if each.kind not in TRASHABLE)
        plan = SealedPlan(
            id=secrets.token_hex(ID_BYTES),
            items=items,
            kept=kept,
            freed_bytes=freed,
            freed_at_once=at_once,
            made_at=now,
            made_by=owner,
            expires_at=now + expires_after,
        )
        self._tools.plans.save(plan)
        return plan

    # --- Looking ------------------------------------------------------------------------------

    def _subjects(self, rules: Sequence[Rule]) -> list[Subject]:
        return self._found({kind for rule in rules for kind in MEANT[rule.kind]})

    def _found(self, kinds: Collection[SubjectKind]) -> list[Subject]:
        tools = self._tools
        return tools.lookout.subjects(kinds, leased=leased_now(tools), pinned=tools.plans.pinned())
