"""Template tags that draw builds: steps, durations, and errors in their Dockerfile."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django import template

from dashboard import selectors
from dashboard.templatetags.parts import badge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.utils.safestring import SafeString

    from dashboard.models import Job

register = template.Library()

BAR, GAP, TALL = 5, 2, 24
_STEP_LOOKS = {
    "running": ("accent spin", "spin", "Running"),
    "cached": ("", "layers", "Cached"),
    "done": ("ok", "done", "Done"),
    "failed": ("bad", "fail", "Failed"),
    "stopped": ("", "ban", "Stopped"),
}
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)")


@register.filter
def stages(job: Job) -> tuple[selectors.BuildStage, ...]:
    """Return the stages of a build that began, with their steps."""
    return selectors.stages_of(job)


@register.filter
def steps_key(job: Job) -> str:
    """Return the id of the element that shows the steps of *job*."""
    return selectors.steps_id(job)


@register.simple_tag
def step_badge(job: Job, status: str) -> SafeString:
    """Draw where a step stands; one that a build left running was stopped."""
    if status == "running" and not job.is_active:
        status = "stopped"
    return badge(*_STEP_LOOKS.get(status, ("", "info", status)))


@register.filter
def seconds(value: float) -> str:
    """Return a duration: `0.3 s`, `3 min 4 s`."""
    if value < 60:
        return f"{value:.1f} s"
    return f"{int(value // 60)} min {int(value % 60)} s"


@register.filter
def plain(text: str) -> str:
    """Return what a program printed without its colours and moves."""
    return _ESCAPES.sub("", text)


@register.inclusion_tag("dashboard/builds/_trend.html")
def trend(took: Sequence[selectors.Took]) -> dict[str, Any]:
    """Draw how long each of the last builds of a tag took, the newest to the right."""
    longest = max((each.seconds for each in took), default=0.0) or 1.0
    bars = []
    for number, each in enumerate(took):
        height = max(2.0, TALL * each.seconds / longest)
        bars.append(
            {
                "x": number * (BAR + GAP),
                "y": f"{TALL - height:.1f}",
                "height": f"{height:.1f}",
                "tone": "bad" if each.state == "failed" else "",
                "title": f"{seconds(each.seconds)}, {each.state}",
            }
        )
    return {"bars": bars, "width": max(1, len(bars) * (BAR + GAP) - GAP), "tall": TALL, "bar": BAR}


@register.filter
def dockerfile_lines(failure: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the lines of a Dockerfile around an error; the failing one knows its column."""
    last = max(failure["line"], failure["last_line"])
    return [
        {
            "number": number,
            "text": text,
            "is_bad": failure["line"] <= number <= last,
            "is_last": number == last,
            # The caret stands under its column, whatever tabs are before it.
            "before": re.sub(r"[^\t]", " ", text[: failure["column"] - 1])
            if number == failure["line"] and failure["column"]
            else None,
        }
        for number, text in failure["lines"]
    ]
