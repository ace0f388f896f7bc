"""Which things a clean-up policy takes, as frozen values; the engine's rules are made of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from dashboard.arguments.fields import counted, number_of, only, text_of, texts_of
from engine.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MINUTE, HOUR, DAY, WEEK = 60, 3600, 86_400, 604_800
LONGEST = 3650 * DAY
MOST_TEXTS = 50
TEXT = re.compile(r"[^\s\0][^\0\n]{0,254}")


class RuleKind(StrEnum):
    """What builds up; the engine calls it the same."""

    UNTAGGED_IMAGES = "untagged-images"
    UNUSED_IMAGES = "unused-images"
    STOPPED_CONTAINERS = "stopped-containers"
    ANONYMOUS_VOLUMES = "anonymous-volumes"
    UNUSED_VOLUMES = "unused-volumes"
    UNUSED_NETWORKS = "unused-networks"
    BUILD_CACHE = "build-cache"
    ABANDONED_INGESTS = "abandoned-ingests"
    OLD_LOGS = "old-logs"

    @property
    def label(self) -> str:
        """How people call it."""
        return _LABELS[self]

    @property
    def filters(self) -> tuple[str, ...]:
        """The filters that mean something for it."""
        return _FILTERS[self]


_LABELS = {
    RuleKind.UNTAGGED_IMAGES: "Untagged images (dangling)",
    RuleKind.UNUSED_IMAGES: "Images no container uses",
    RuleKind.STOPPED_CONTAINERS: "Stopped containers",
    RuleKind.ANONYMOUS_VOLUMES: "Anonymous volumes no container has",
    RuleKind.UNUSED_VOLUMES: "Volumes no container has, named ones too",
    RuleKind.UNUSED_NETWORKS: "Networks no container stands in",
    RuleKind.BUILD_CACHE: "Build cache",
    RuleKind.ABANDONED_INGESTS: "Abandoned downloads",
    RuleKind.OLD_LOGS: "Logs of containers that ended",
}
_NAMED = ("names", "keep_names", "labels", "without_labels", "owners")
_FILTERS = {
    RuleKind.UNTAGGED_IMAGES: ("older_than", "unused_for", *_NAMED, "larger_than"),
    RuleKind.UNUSED_IMAGES: ("older_than", "unused_for", *_NAMED, "larger_than", "keep_newest"),
    RuleKind.STOPPED_CONTAINERS: ("older_than", *_NAMED, "larger_than"),
    RuleKind.ANONYMOUS_VOLUMES: ("older_than", *_NAMED, "larger_than"),
    RuleKind.UNUSED_VOLUMES: ("older_than", *_NAMED, "larger_than"),
    RuleKind.UNUSED_NETWORKS: ("older_than", *_NAMED),
    RuleKind.BUILD_CACHE: ("older_than", "unused_for", "larger_than"),
    RuleKind.ABANDONED_INGESTS: ("older_than",),
    RuleKind.OLD_LOGS: ("older_than", "larger_than"),
}


@dataclass(frozen=True, slots=True)
class CleanupRule:
    """
    A kind of thing, and which of it is meant: that for which everything said here holds.

    Spans are in seconds, sizes in bytes; 0 and nothing say nothing. `engine.cleanup.filters` says
    what each filter means.
    """

    kind: RuleKind
    older_than: int = 0
    unused_for: int = 0
    labels: tuple[str, ...] = ()
    without_labels: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    keep_names: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    larger_than: int = 0
    keep_newest: int = 0

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the rule that *data* spells; raise `InvalidSetting` naming the field."""
        try:
            kind = RuleKind(text_of(data, "kind"))
        except ValueError as error:
            raise InvalidSetting("kind", "there is no such rule") from error
        only(data, "kind", *kind.filters)
        told: dict[str, Any] = {
            name: _number(data, name) if name in _NUMBERS else _texts(data, name)
            for name in kind.filters
        }
        return cls(kind, **told)

    def to_json(self) -> dict[str, Any]:
        """Return what `parse` reads, leaving out what says nothing."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        told = {name: _plain(value) for name, value in values.items() if value}
        return {**told, "kind": self.kind.value}

    @property
    def title(self) -> str:
        """The rule in words."""
        return ", ".join((self.kind.label, *self.conditions))

    @property
    def conditions(self) -> tuple[str, ...]:
        """What it asks of a thing besides its kind, each in words."""
        return tuple(_conditions(self))


def parse_rules(data: object) -> tuple[CleanupRule, ...]:
    """Return the rules in *data*: at least one, and one of a kind at most."""
    if not isinstance(data, list | tuple) or not data:
        remedy = "Choose at least one kind of thing."
        raise InvalidSetting("rules", "nothing is chosen to be cleaned up", remedy=remedy)
    rules = tuple(CleanupRule.parse(_mapping(each)) for each in data)
    if len({rule.kind for rule in rules}) < len(rules):
        raise InvalidSetting("rules", "there are two of one kind")
    return rules


_NUMBERS = {
    "older_than": LONGEST,
    "unused_for": LONGEST,
    "larger_than": 2**53,
    "keep_newest": 10_000,
}


def _number(data: Mapping[str, Any], name: str) -> int:
    return number_of(data, name, at_least=0, at_most=_NUMBERS[name]) or 0


def _texts(data: Mapping[str, Any], name: str) -> tuple[str, ...]:
    texts = texts_of(data, name) or ()
    if len(texts) > MOST_TEXTS:
        raise InvalidSetting(name, f"there are more than {MOST_TEXTS}")
    for text in texts:
        if not TEXT.fullmatch(text):
            raise InvalidSetting(name, f"{text[:80]!r} is empty or too long")
    return texts


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidSetting("rules", "each must be a rule")
    return value


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _conditions(rule: CleanupRule) -> Iterator[str]:
    if rule.older_than:
        since = "stopped for" if rule.kind is RuleKind.STOPPED_CONTAINERS else "older than"
        yield f"{since} {span_in_words(rule.older_than)}"
    if rule.unused_for:
        yield f"not used for {span_in_words(rule.unused_for)}"
    if rule.names:
        yield f"named {' or '.join(rule.names)}"
    if rule.keep_names:
        yield f"not named {' or '.join(rule.keep_names)}"
    if rule.labels:
        yield f"labelled {' and '.join(rule.labels)}"
    if rule.without_labels:
        yield f"not labelled {' or '.join(rule.without_labels)}"
    if rule.owners:
        yield f"of {' or '.join(rule.owners)}"
    if rule.larger_than:
        yield f"larger than {rule.larger_than:,} bytes"
    if rule.keep_newest:
        yield f"keeping the newest {rule.keep_newest} of each repository"


def span_in_words(seconds: int) -> str:
    """Return a span of time in its largest whole unit: `30 days`."""
    for unit, length in (("day", DAY), ("hour", HOUR), ("minute", MINUTE)):
        if seconds >= length and seconds % length == 0:
            return counted(seconds // length, unit)
    return counted(seconds, "second")
