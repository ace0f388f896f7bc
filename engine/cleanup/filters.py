"""Which of the things that could go are meant: filters over subjects, and what protects them."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from engine.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime, timedelta

    from engine.cleanup.subject import Subject

# Whoever labels a thing so keeps it from every clean-up, unless the value says no.
KEEP_LABEL = "shipshape.keep"
NO = frozenset({"false", "no", "0"})


@dataclass(frozen=True, slots=True)
class Filters:
    """
    Which subjects are meant: those for which everything that is said here holds.

    *older_than* counts from the exit of a container, else from the creation; *unused_for* from the
    last use, or the creation of what was never used. *labels* and *without_labels* are written
    `key` or `key=value`. *names* are patterns as the shell has them, of which one must fit, for an
    image one of its tags or its ID; *owners* whose things are meant. *keep_newest* leaves alone as
    many images of each repository, the newest ones. *keep_names* are patterns of what stays.
    """

    older_than: timedelta | None = None
    unused_for: timedelta | None = None
    labels: tuple[str, ...] = ()
    without_labels: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    keep_names: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    larger_than: int = 0
    keep_newest: int = 0

    def __post_init__(self) -> None:
        for name in ("larger_than", "keep_newest"):
            if getattr(self, name) < 0:
                raise InvalidSetting(name, f"{name} cannot be negative")

    def objection(self, subject: Subject, now: datetime) -> str:
        """Return why *subject* is not meant, in words; empty where it is."""
        return next(filter(None, (check(self, subject, now) for check in _CHECKS)), "")


EVERYTHING = Filters()


def protection(subject: Subject) -> str:
    """Return what keeps *subject* from every clean-up, in words; empty for nothing."""
    kept = subject.labels.get(KEEP_LABEL)
    if kept is not None and kept.lower() not in NO:
        return f"is labelled {KEEP_LABEL}"
    if subject.is_pinned:
        return "is pinned"
    return "is needed by work at hand" if subject.is_leased else ""


def newest_of_repositories(images: Iterable[Subject], keep: int) -> dict[str, str]:
    """Return the IDs of the *keep* newest images of each repository, and which that is."""
    by_repository: dict[str, list[Subject]] = {}
    for image in images:
        for repository in image.repositories:
            by_repository.setdefault(repository, []).append(image)
    newest: dict[str, str] = {}
    for repository, found in by_repository.items():
        found.sort(key=lambda each: (_made_at(each), each.id), reverse=True)
        newest |= {each.id: repository for each in found[:keep]}
    return newest


def _made_at(image: Subject) -> datetime:
    """Return when *image* was made, as it says itself; none was made after it came here."""
    return min(image.created_at or image.since, image.since)


def _too_young(filters: Filters, subject: Subject, now: datetime) -> str:
    if filters.older_than is None or now - subject.since > filters.older_than:
        return ""
    return f"is younger than {in_words(filters.older_than)}"


def _used_lately(filters: Filters, subject: Subject, now: datetime) -> str:
    used = subject.last_used_at or subject.since
    if filters.unused_for is None or now - used > filters.unused_for:
        return ""
    return f"was used in the last {in_words(filters.unused_for)}"


def _labelled_otherwise(filters: Filters, subject: Subject, _: datetime) -> str:
    missing = [each for each in filters.labels if not has_label(subject.labels, each)]
    if missing:
        return f"is not labelled {missing[0]}"
    unwanted = [each for each in filters.without_labels if has_label(subject.labels, each)]
    return f"is labelled {unwanted[0]}" if unwanted else ""


def _named_otherwise(filters: Filters, subject: Subject, _: datetime) -> str:
    names = {subject.name, *subject.facts.names}
    if filters.names and not _fits(names, filters.names):
        return "has another name"
    return "is kept by its name" if _fits(names, filters.keep_names) else ""


def _owned_otherwise(filters: Filters, subject: Subject, _: datetime) -> str:
    if not filters.owners or subject.owner in filters.owners:
        return ""
    return f"belongs to {subject.owner or 'nobody'}"


def _too_small(filters: Filters, subject: Subject, _: datetime) -> str:
    is_small = filters.larger_than and subject.size <= filters.larger_than
    return f"is no larger than {filters.larger_than} bytes" if is_small else ""


_CHECKS: tuple[Callable[[Filters, Subject, datetime], str], ...] = (
    _named_otherwise,
    _owned_otherwise,
    _labelled_otherwise,
    _too_young,
    _used_lately,
    _too_small,
)


def has_label(labels: Mapping[str, str], wanted: str) -> bool:
    """Return whether *labels* have *wanted*, written `key` or `key=value`."""
    key, equals, value = wanted.partition("=")
    return key in labels and (not equals or labels[key] == value)


def in_words(span: timedelta) -> str:
    """Return a span of time as people say it, in its largest whole unit."""
    seconds = int(span.total_seconds())
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length and seconds % length == 0:
            count = seconds // length
            return f"{count} {unit}{'s' * (count != 1)}"
    return f"{seconds} seconds"


def _fits(names: Iterable[str], patterns: Iterable[str]) -> bool:
    wanted = tuple(patterns)
    return any(fnmatchcase(name, pattern) for name in names for pattern in wanted)
