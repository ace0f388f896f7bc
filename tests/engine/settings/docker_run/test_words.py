import pytest

from engine.errors import InvalidSetting
from engine.settings.docker_run.words import split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("a b\tc\nd", ("a", "b", "c", "d"), id="blanks"),
        pytest.param("a \\\n  b", ("a", "b"), id="continued"),
        pytest.param("a \\\r\n  b", ("a", "b"), id="continued-on-windows"),
        pytest.param("a\\\nb", ("ab",), id="continued-within-a-word"),
        pytest.param("'a b' c", ("a b", "c"), id="single-quotes"),
        pytest.param("'a\\nb$c'", ("a\\nb$c",), id="single-quotes-keep-everything"),
        pytest.param('"a \\"b\\" \\n"', ('a "b" \\n',), id="double-quotes"),
        pytest.param("a\"b c\"'d'", ("ab cd",), id="quotes-within-a-word"),
        pytest.param("'' \"\"", ("", ""), id="empty-words"),
        pytest.param("a\\ b \\$HOME", ("a b", "$HOME"), id="escaped"),
        pytest.param("a # b\nc#d", ("a", "c#d"), id="comments"),
        pytest.param("cost=5$ 100%", ("cost=5$", "100%"), id="a-dollar-alone"),
        pytest.param("", (), id="nothing"),
    ],
)
def test_a_line_is_split_as_a_shell_does(text: str, words: tuple[str, ...]) -> None:
    assert split_words(text) == words


@pytest.mark.parametrize(
    "text",
    [
        "a $HOME",
        'a "${HOME}"',
        "a $(pwd)",
        "a `pwd`",
        "a | b",
        "a && b",
        "a > b",
        "'a",
        '"a',
        "a; b",
    ],
)
def test_what_only_a_shell_can_do_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        split_words(text)

    assert caught.value.field == "command_line"
