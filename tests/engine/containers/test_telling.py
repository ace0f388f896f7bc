"""What events say of a container."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from engine.containers.telling import MOST_LABELS, tell


def told(labels: dict[str, str]) -> dict[str, str]:
    """Return the attributes of an event about a container with *labels*."""
    found: list[dict[str, str]] = []
    log = SimpleNamespace(record=lambda *_, **attributes: found.append(attributes))
    settings = SimpleNamespace(image="web:1")
    record = SimpleNamespace(id="c1", labels=labels, settings=settings, name="web")
    tell(cast("Any", log), "start", cast("Any", record), exitCode="0")
    return found[0]


def test_labels_are_told_and_stand_in_for_nothing() -> None:
    attributes = told({"team": "a", "name": "other", "self": "x", "exitCode": "9"})

    assert attributes == {"team": "a", "image": "web:1", "name": "web", "exitCode": "0"}


def test_of_labels_without_end_an_event_tells_the_first() -> None:
    labels = {"team": "a"} | {f"label-{n}": "x" * 1000 for n in range(4000)}

    attributes = told(labels)

    assert attributes["team"] == "a"
    assert len(str(attributes)) < 2 * MOST_LABELS
    assert told({"large": "x" * MOST_LABELS}).keys() == {"image", "name", "exitCode"}
