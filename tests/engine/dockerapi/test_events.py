"""Which events somebody asks for."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from engine.dockerapi.events import event_message, matches
from engine.dockerapi.query import Filters
from engine.events import Event

NAME = "127.0.0.1:5000/team/web:1"


def event(noun: str = "container", **attributes: str) -> Event:
    return Event(1, datetime(2024, 5, 1, tzinfo=UTC), noun, "create", "ab" * 32, attributes)


@pytest.mark.parametrize(
    ("image", "is_meant"),
    [
        pytest.param(NAME, True, id="its-name"),
        pytest.param("127.0.0.1:5000/team/web", True, id="without-the-tag"),
        pytest.param("127.0.0.1", False, id="its-registry"),
        pytest.param("127.0.0.1:5000/team/web:2", False, id="another-tag"),
    ],
)
def test_an_image_is_meant_by_its_name_with_or_without_the_tag(image: str, is_meant: bool) -> None:
    filters = Filters({"image": (image,)})

    assert matches(event(image=NAME), filters) is is_meant
    assert matches(event("image", name=NAME), filters) is is_meant


def test_labels_and_names_are_asked_for() -> None:
    told = event(name="web", team="red")

    assert matches(told, Filters({"label": ("team=red",), "container": ("web",)}))
    assert not matches(told, Filters({"label": ("team=blue",)}))
    assert matches(told, Filters({"container": ("abab",)}))
    assert not matches(told, Filters({"daemon": ("web",)}))


def test_of_a_name_that_is_gone_only_its_image_is_told() -> None:
    told = event_message(replace(event("image", name=NAME, by="ana"), action="untag"))

    assert told["Actor"] == {"ID": "ab" * 32, "Attributes": {"name": "ab" * 32}}
    assert told["id"] == "ab" * 32


def test_what_happened_to_no_image_in_particular_names_none() -> None:
    told = event_message(replace(event("image", reclaimed="5"), action="prune", subject=""))

    assert "id" not in told
    assert told["Actor"] == {"ID": "", "Attributes": {"reclaimed": "5"}}
