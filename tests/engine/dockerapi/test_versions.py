from __future__ import annotations

import pytest

from engine.dockerapi.refusals import Refusal
from engine.dockerapi.versions import NEWEST, ApiVersion, split_version


def test_without_a_version_the_newest_is_spoken() -> None:
    assert split_version("/containers/json") == (NEWEST, "/containers/json")


@pytest.mark.parametrize("text", ["1.24", "1.41", "1.47"])
def test_versions_between_oldest_and_newest_are_spoken(text: str) -> None:
    assert split_version(f"/v{text}/info") == (ApiVersion.parse(text), "/info")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        pytest.param(
            "/v1.23/info",
            "client version 1.23 is too old. Minimum supported API version is 1.24, "
            "please upgrade your client to a newer version",
            id="too-old",
        ),
        pytest.param(
            "/v1.99/info",
            "client version 1.99 is too new. Maximum supported API version is 1.47",
            id="too-new",
        ),
        pytest.param("/v9/info", "invalid API version: 9", id="one-number"),
        pytest.param("/v1..4/info", "invalid API version: 1..4", id="two-dots"),
    ],
)
def test_other_versions_are_refused_in_dockers_words(path: str, words: str) -> None:
    with pytest.raises(Refusal) as refused:
        split_version(path)

    assert (refused.value.status, refused.value.message) == (400, words)


def test_versions_are_ordered_as_numbers() -> None:
    assert ApiVersion(1, 9) < ApiVersion(1, 24)
