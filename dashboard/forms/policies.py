"""Making and changing clean-up policies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django import forms

from dashboard.arguments import CleanupRule, PolicySchedule, PolicyTerms, RuleKind
from dashboard.arguments.policies import LIMITS, MOST_HOURS, MOST_ITEMS
from dashboard.arguments.rules import DAY, HOUR, MINUTE, WEEK
from dashboard.forms.texts import (
    AmountField,
    WordsField,
    code_input,
    join_words,
    render_amount,
)
from dashboard.services import PolicyWish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.models import CleanupPolicy, Host

UNITS = {"w": WEEK, "d": DAY, "h": HOUR, "m": MINUTE}
_SPAN = re.compile(r"(\d{1,5})\s*([wdhm])", re.IGNORECASE | re.ASCII)


class SpanField(forms.CharField):
    """A span of time: `12h`, `30d`."""

    def clean(self, value: object) -> int:
        """Return the seconds, 0 where nothing was typed."""
        text: str = super().clean(value).strip()
        if not text:
            return 0
        match = _SPAN.fullmatch(text)
        if match is None:
            raise forms.ValidationError("Write a number and a unit: 12h, 30d, 8w.")
        return int(match[1]) * UNITS[match[2].lower()]


def render_span(seconds: int) -> str:
    """Return the shortest text that a `SpanField` reads as *seconds*."""
    for unit in ("d", "h"):
        if seconds and seconds % UNITS[unit] == 0:
            return f"{seconds // UNITS[unit]}{unit}"
    return f"{seconds // MINUTE}m" if seconds else ""


class RuleForm(forms.Form):
    """Whether one kind of thing is cleaned up, and which of it."""

    use_required_attribute = False

    wanted = forms.BooleanField(required=False)
    older_than = SpanField(required=False, max_length=12, widget=code_input("30d"))
    unused_for = SpanField(
        label="Not used for", required=False, max_length=12, widget=code_input("30d")
    )
    larger_than = AmountField(required=False, max_length=32, widget=code_input("100m"))
    keep_newest = forms.IntegerField(
        label="Keep the newest",
        required=False,
        min_value=0,
        max_value=10_000,
        help_text="So many images of each repository stay.",
    )
    names = WordsField(
        label="Only these names", required=False, max_length=4096, widget=code_input("ci-* pr-*")
    )
    keep_names = WordsField(
        label="Never these names", required=False, max_length=4096, widget=code_input("prod-*")
    )
    labels = WordsField(
        label="Only with these labels",
        required=False,
        max_length=4096,
        widget=code_input("team=orders"),
    )
    without_labels = WordsField(
        label="Never with these labels", required=False, max_length=4096, widget=code_input("keep")
    )
    owners = WordsField(
        label="Only of these people", required=False, max_length=4096, widget=code_input()
    )

    def __init__(self, *args: Any, kind: RuleKind, rule: CleanupRule | None, **kwargs: Any) -> None:
        kwargs |= {"initial": _initial_of(rule), "prefix": kind.value}
        super().__init__(*args, **kwargs)
        self.kind = kind
        for name in set(self.fields) - {"wanted", *kind.filters}:
            del self.fields[name]
        self.fields["wanted"].label = kind.label
        if kind is RuleKind.STOPPED_CONTAINERS:
            self.fields["older_than"].label = "Stopped for longer than"

    @property
    def filters(self) -> list[forms.BoundField]:
        """The fields besides the first."""
        return [bound for bound in self if bound.name != "wanted"]

    @property
    def is_open(self) -> bool:
        """Whether anything stands in them."""
        return any(bound.value() or bound.errors for bound in self.filters)

    def rule(self) -> dict[str, Any] | None:
        """Return what was said of this kind, None where nothing of it is cleaned up."""
        if not self.cleaned_data["wanted"]:
            return None
        told = {name: value for name, value in self.cleaned_data.items() if value}
        return {**{name: told[name] for name in told if name != "wanted"}, "kind": self.kind.value}


class PolicyForm(forms.Form):
    """A policy: its name, where and when it runs, its limits, and a `RuleForm` per kind."""

    use_required_attribute = False

    name = forms.CharField(
        max_length=64,
        widget=forms.TextInput({"placeholder": "Nightly tidy-up", "autocomplete": "off"}),
        error_messages={"required": "Give it a name."},
    )
    on_all_hosts = forms.BooleanField(
        label="On all hosts", required=False, help_text="Those that join later too."
    )
    hosts = forms.MultipleChoiceField(
        label="Only on these", required=False, widget=forms.CheckboxSelectMultiple
    )
    every_hours = forms.IntegerField(
        label="Every … hours",
        required=False,
        min_value=1,
        max_value=MOST_HOURS,
        help_text="24 is once a day. Or write a crontab line instead.",
    )
    crontab = forms.CharField(
        label="Or at these times",
        required=False,
        max_length=128,
        widget=code_input("0 3 * * *"),
        help_text="A crontab line, in UTC: minute, hour, day, month, day of week.",
    )
    most_items = forms.IntegerField(
        label="At most … things", required=False, min_value=0, max_value=MOST_ITEMS
    )
    most_bytes = AmountField(
        label="At most … bytes", required=False, max_length=32, widget=code_input("20g")
    )
    high_watermark = forms.IntegerField(
        label="Begin above … % of the disk",
        required=False,
        min_value=0,
        max_value=99,
        help_text="Empty: whatever the disk says.",
    )
    low_watermark = forms.IntegerField(
        label="End below … %", required=False, min_value=0, max_value=99
    )
    into_trash = forms.BooleanField(
        label="Into the trash",
        required=False,
        help_text="Images, containers and volumes can be restored until their host empties it."
        " Without it, and whatever has no trash, goes for good.",
    )

    def __init__(
        self,
        *args: Any,
        hosts: Sequence[Host],
        policy: CleanupPolicy | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs["initial"] = _policy_initial(policy)
        super().__init__(*args, **kwargs)
        field = self.fields["hosts"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(host.name, host.name) for host in hosts]
        known = {rule.kind: rule for rule in PolicyTerms.of(policy).rules} if policy else {}
        data = self.data if self.is_bound else None
        self.rules = [RuleForm(data, kind=kind, rule=known.get(kind)) for kind in RuleKind]

    def is_valid(self) -> bool:
        """Whether all of it is, each field having its errors."""
        return all([super().is_valid(), *(rule.is_valid() for rule in self.rules)])

    def clean(self) -> dict[str, Any]:
        """Refuse a policy for no host."""
        told = self.cleaned_data
        if not told.get("on_all_hosts") and not told.get("hosts") and "hosts" not in self.errors:
            self.add_error("hosts", "Choose at least one host, or all of them.")
        return told

    def wish(self) -> PolicyWish:
        """Return what was typed; raise `InvalidSetting` naming the field."""
        told = self.cleaned_data
        limits = {name: told[name] or 0 for name in LIMITS}
        rules = [each for each in (rule.rule() for rule in self.rules) if each]
        return PolicyWish(
            terms=PolicyTerms.parse({"name": told["name"], "rules": rules, **limits}),
            schedule=PolicySchedule.parse(every_hours=told["every_hours"], crontab=told["crontab"]),
            hosts=() if told["on_all_hosts"] else tuple(told["hosts"]),
            into_trash=told["into_trash"],
        )


def _initial_of(rule: CleanupRule | None) -> dict[str, Any]:
    if rule is None:
        return {}
    words = ("names", "keep_names", "labels", "without_labels", "owners")
    return {
        "wanted": True,
        "older_than": render_span(rule.older_than),
        "unused_for": render_span(rule.unused_for),
        "larger_than": render_amount(rule.larger_than) if rule.larger_than else "",
        "keep_newest": rule.keep_newest or None,
        **{name: join_words(getattr(rule, name)) for name in words},
    }


def _policy_initial(policy: CleanupPolicy | None) -> dict[str, Any]:
    if policy is None:
        return {"on_all_hosts": True, "into_trash": True, "every_hours": 24}
    numbers = ("every_hours", "most_items", "high_watermark", "low_watermark")
    return {
        "name": policy.name,
        "on_all_hosts": policy.on_all_hosts,
        "hosts": [host.name for host in policy.hosts.all()],
        "crontab": policy.crontab,
        "most_bytes": render_amount(policy.most_bytes) if policy.most_bytes else "",
        "into_trash": policy.into_trash,
        **{name: getattr(policy, name) or None for name in numbers},
    }
