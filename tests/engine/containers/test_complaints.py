"""Of what the runtime logs, people are told the last words."""

from __future__ import annotations

import pytest

from engine.containers.complaints import last_words

LOGGED = """
time="2026-01-01T00:00:00Z" level=warning msg="Setting back failed"
time="2026-01-01T00:00:00Z" level=error msg="the \\"least\\" is 2"
"""


@pytest.mark.parametrize(
    ("message", "words"),
    [
        pytest.param(LOGGED, 'the "least" is 2', id="log"),
        pytest.param("one\ntwo\n\n", "two", id="plain"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_the_last_words_count(message: str, words: str) -> None:
    assert last_words(message) == words
