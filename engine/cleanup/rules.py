"""
What a clean-up takes, and why it leaves the rest: pure over records.

`judge` applies a `Rule` with its filters to whatever there is. A thing goes where the rule means
its kind, nobody holds it, nothing protects it and no filter objects. Docker's own rules stand
beside: an image without any tag, and a container that does not run. An image behind an existing
container stays, and so does a container that was made only a moment ago and is about to be started.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.cleanup.filters import EVERYTHING, Filters, newest_of_repositories, protection
from engine.cleanup.plan import Kept, SealedItem
from engine.cleanup.subject import Standing, SubjectKind
from engine.containers.state import ContainerState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from engine.cleanup.subject import Subject

STOPPED = frozenset({ContainerState.EXITED, ContainerState.DEAD, ContainerState.CREATED})
FRESH = timedelta(seconds=60)


class RuleKind(enum.StrEnum):
    """What a rule looks for."""

    UNTAGGED_IMAGES = "untagged-images"
    UNUSED_IMAGES = "unused-images"
    STOPPED_CONTAINERS = "stopped-containers"
    ANONYMOUS_VOLUMES = "anonymous-volumes"
    UNUSED_VOLUMES = "unused-volumes"
    UNUSED_NETWORKS = "unused-networks"
    BUILD_CACHE = "build-cache"
    ABANDONED_INGESTS = "abandoned-ingests"
    OLD_LOGS = "old-logs"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is to go: a kind of thing that builds up, and which of it."""

    kind: RuleKind
    filters: Filters = field(default_factory=Filters)


MEANT = {
    RuleKind.UNTAGGED_IMAGES: {SubjectKind.IMAGE},
    RuleKind.UNUSED_IMAGES: {SubjectKind.IMAGE},
    RuleKind.STOPPED_CONTAINERS: {SubjectKind.CONTAINER},
    RuleKind.ANONYMOUS_VOLUMES: {SubjectKind.VOLUME},
    RuleKind.UNUSED_VOLUMES: {SubjectKind.VOLUME},
    RuleKind.UNUSED_NETWORKS: {SubjectKind.NETWORK},
    RuleKind.BUILD_CACHE: {SubjectKind.CACHED_STEP, SubjectKind.CACHE_MOUNT},
    RuleKind.ABANDONED_INGESTS: {SubjectKind.INGEST},
    RuleKind.OLD_LOGS: {SubjectKind.LOG},
}
# Containers first: what only they hold can go with them.
ORDER = (
    SubjectKind.CONTAINER,
    SubjectKind.IMAGE,
    SubjectKind.VOLUME,
    SubjectKind.NETWORK,
    SubjectKind.CACHED_STEP,
    SubjectKind.CACHE_MOUNT,
    SubjectKind.INGEST,
    SubjectKind.LOG,
)
RANK = {kind: number for number, kind in enumerate(ORDER)}
STANDING_WORDS = {
    Standing.FRESH: "was created a moment ago",
    Standing.FIXED: "is always there",
}
REASONS = {
    RuleKind.UNTAGGED_IMAGES: "no tag names it",
    RuleKind.UNUSED_IMAGES: "no container was made from it",
    RuleKind.ANONYMOUS_VOLUMES: "nobody named it and no container has it",
    RuleKind.UNUSED_VOLUMES: "no container has it",
    RuleKind.UNUSED_NETWORKS: "no container stands in it",
    RuleKind.BUILD_CACHE: "is only there to make builds quicker",
    RuleKind.ABANDONED_INGESTS: "a download was given up",
    RuleKind.OLD_LOGS: "its container has ended",
}


def judge(
    rules: Iterable[Rule], subjects: Iterable[Subject], now: datetime
) -> tuple[tuple[SealedItem, ...], tuple[Kept, ...]]:
    """
    Return what *rules* take of *subjects*, in the order in which it can go, and why others stay.

    What no rule means is in neither. A holder that goes itself is no reason to stay.
    """
    found = sorted(subjects, key=lambda each: (RANK[each.kind], each.since, each.id))
    wanted = [(each, each.filters != EVERYTHING, _newest(each, found)) for each in rules]
    meant = {kind: [each for each in wanted if kind in MEANT[each[0].kind]] for kind in ORDER}
    going: set[str] = set()
    items: list[SealedItem] = []
    kept: list[Kept] = []
    for subject in found:
        objection = ""
        for rule, has_filters, newest in meant[subject.kind]:
            words = _objection(rule, subject, going)
            if has_filters and not words:
                words = _filtered(rule, subject, now, newest)
            if not words:
                items.append(_item(rule, subject))
                if subject.kind is SubjectKind.CONTAINER:
                    going |= {subject.id, subject.name}
                break
            objection = objection or words
        else:
            if objection:
                kept.append(Kept(subject.kind, subject.id, subject.name, objection))
    return tuple(items), tuple(kept)


def _newest(rule: Rule, subjects: Iterable[Subject]) -> dict[str, str]:
    if not rule.filters.keep_newest:
        return {}
    images = [each for each in subjects if each.kind is SubjectKind.IMAGE]
    return newest_of_repositories(images, rule.filters.keep_newest)


def _objection(
    rule: Rule,
    subject: Subject,
    going: Collection[str],
) -> str:
    """Return what speaks most against taking *subject*, in words; empty for nothing."""
    holders = subject.facts.holders
    if holders and (holders := tuple(each for each in holders if each not in going)):
        return f"is used by {', '.join(holders)}"
    if subject.standing is not Standing.IDLE:
        return STANDING_WORDS.get(subject.standing) or f"is {subject.facts.state}"
    if rule.kind is RuleKind.UNTAGGED_IMAGES and subject.facts.names:
        return f"has a tag: {subject.facts.names[0]}"
    if rule.kind is RuleKind.ANONYMOUS_VOLUMES and not subject.is_anonymous:
        return "was named by somebody"
    return protection(subject)


def _filtered(rule: Rule, subject: Subject, now: datetime, newest: dict[str, str]) -> str:
    if subject.id in newest:
        return f"is one of the newest {rule.filters.keep_newest} of {newest[subject.id]}"
    return rule.filters.objection(subject, now)


def _item(rule: Rule, subject: Subject) -> SealedItem:
    reason = REASONS.get(rule.kind) or subject.detail
    return SealedItem(
        kind=subject.kind,
        id=subject.id,
        name=subject.name,
        reason=reason,
        owner=subject.owner,
        since=subject.since,
        facts=subject.facts,
    )
