"""What there is at one moment, and choosing from it: by rules, one by one, or both at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from engine.cleanup.plan import Kept, spare_nothing
from engine.cleanup.rules import Rule, RuleKind, judge

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from engine.cleanup.plan import SealedItem, Sparing
    from engine.cleanup.subject import Subject

# Whatever is meant one by one is meant by one of these.
ANYTHING = tuple(
    Rule(kind)
    for kind in RuleKind
    if kind not in {RuleKind.UNTAGGED_IMAGES, RuleKind.ANONYMOUS_VOLUMES}
)


class Ledger(Protocol):
    """Knows what comes free."""

    def freed(self, selection: Iterable[str]) -> int:
        """Return the bytes that come free if exactly the holders in *selection* go."""

    def freed_each(self, holders: Iterable[str]) -> dict[str, int]:
        """Return for each of *holders* the bytes that come free if it alone goes."""


@dataclass(frozen=True, slots=True)
class Look:
    """Everything that clean-ups may take as it was *at* a moment, and what any of it frees."""

    subjects: tuple[Subject, ...]
    reclaim: Ledger
    at: datetime

    def chosen(
        self,
        ids: Collection[str],
        rules: Sequence[Rule] = (),
        *,
        sparing: Sparing = spare_nothing,
    ) -> tuple[tuple[SealedItem, ...], tuple[Kept, ...]]:
        """
        Return what goes if *ids* are chosen and what *rules* take, and why of these some stay.

        A holder that is chosen too is no reason to stay; what *sparing* gives a reason for stays
        whoever chose it. What is unknown is in neither.
        """
        taken, left = judge(rules, self.subjects, self.at)
        wanted = {*ids, *(each.id for each in taken)}
        meant = [each for each in self.subjects if each.id in wanted]
        spared = tuple(Kept(each.kind, each.id, each.name, sparing(each)) for each in meant)
        spared = tuple(each for each in spared if each.reason)
        stays = {each.id for each in spared}
        items, kept = judge(ANYTHING, [each for each in meant if each.id not in stays], self.at)
        reasons = {each.id: each.reason for each in taken}
        others = (*spared, *kept, *(each for each in left if each.id not in wanted))
        return _told(items, reasons), others


def _told(items: Iterable[SealedItem], reasons: dict[str, str]) -> tuple[SealedItem, ...]:
    """Return *items* with why they go: as the rule says that took them, or with their holders."""
    return tuple(replace(each, reason=_reason(each, reasons)) for each in items)


def _reason(item: SealedItem, reasons: dict[str, str]) -> str:
    if item.facts.holders:
        return f"goes with {', '.join(item.facts.holders)}"
    return reasons.get(item.id, item.reason)
