"""Policies as the dashboard stores them, made into those that the engine carries out."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from engine.cleanup.filters import Filters
from engine.cleanup.policy import Policy
from engine.cleanup.rules import Rule, RuleKind

if TYPE_CHECKING:
    from dashboard.arguments import CleanupRule, PolicyTerms


def engine_policy(terms: PolicyTerms) -> Policy:
    """Return the policy of these terms; watermarks become shares of the disk."""
    return Policy(
        name=terms.name,
        rules=tuple(_rule(each) for each in terms.rules),
        most_items=terms.most_items,
        most_bytes=terms.most_bytes,
        high_watermark=terms.high_watermark / 100,
        low_watermark=terms.low_watermark / 100,
    )


def _rule(rule: CleanupRule) -> Rule:
    filters = Filters(
        older_than=_span(rule.older_than),
        unused_for=_span(rule.unused_for),
        labels=rule.labels,
        without_labels=rule.without_labels,
        names=rule.names,
        keep_names=rule.keep_names,
        owners=rule.owners,
        larger_than=rule.larger_than,
        keep_newest=rule.keep_newest,
    )
    return Rule(RuleKind(rule.kind.value), filters)


def _span(seconds: int) -> timedelta | None:
    return timedelta(seconds=seconds) if seconds else None
