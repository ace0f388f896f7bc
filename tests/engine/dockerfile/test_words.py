"""Words, as a table that reads as a specification, and as promises about any text at all."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dockerfile.words import expand, expand_document, expand_words, iter_words
from engine.errors import InvalidExpansion

TABLE = Path(__file__).with_name("words.table")
VARIABLES = {
    "HOME": "/home",
    "NAME": "ana",
    "EMPTY": "",
    "LIST": "a b  c",
    "PATH": "/usr/bin:/bin",
    "FILE": "archive.tar.gz",
    "STARS": "a*b*c",
    "_x1": "under",
    "1": "first",
    "QUOTED": "'q'",
}
ANY = st.text(alphabet="ab${}:-+?#%/*'\"\\ \t_1\né", max_size=40)


def rows():
    lines = enumerate(TABLE.read_text().splitlines(), 1)
    return [row(number, line) for number, line in lines if line and not line.startswith("#")]


def row(number, line):
    escape, text, expected = (cell.strip() for cell in line.split(" | "))
    return pytest.param(escape, text, expected, id=f"line {number}: {text}")


@pytest.mark.parametrize(("escape", "text", "expected"), rows())
def test_a_word_expands_as_the_table_says(escape, text, expected):
    try:
        found = f"<{expand(text, VARIABLES, escape=escape)}>"
    except InvalidExpansion as error:
        found = f"error {error.reason}"

    assert found == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b", ["a", "b"]),
        ("  a\t b  ", ["a", "b"]),
        ("'a b' c", ["a b", "c"]),
        ('"a b"c d', ["a bc", "d"]),
        (r"a\ b c", ["a b", "c"]),
        ("$LIST", ["a", "b", "c"]),
        ('"$LIST"', ["a b  c"]),
        ("x$LIST", ["xa", "b", "c"]),
        ("${LIST}y", ["a", "b", "cy"]),
        ("$EMPTY", []),
        ('"$EMPTY"', [""]),
        ("''", [""]),
        ("a $EMPTY b", ["a", "b"]),
        ("80 $NAME/tcp", ["80", "ana/tcp"]),
    ],
)
def test_words_are_split_at_blanks_outside_of_quotes(text, expected):
    assert expand_words(text, VARIABLES) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("it's $NAME", "it's ana"),
        ('say "$NAME"', 'say "ana"'),
        (r"cost \$5", "cost $5"),
        (r"a\\b", r"a\b"),
        (r"a\nb", r"a\nb"),
        ("${NAME:-x}'", "ana'"),
    ],
)
def test_a_here_document_keeps_its_quotes(text, expected):
    assert expand_document(text, VARIABLES) == expected


def test_raw_words_keep_quotes_and_know_where_they_begin():
    assert list(iter_words("""a "b c" 'd\\' e\\ f""")) == [
        (0, "a"),
        (2, '"b c"'),
        (8, "'d\\'"),
        (13, "e\\ f"),
    ]


@given(ANY, st.dictionaries(st.sampled_from(["a", "b", "_1"]), ANY))
def test_any_text_expands_or_is_refused(text, variables):
    try:
        whole = expand(text, variables)
        words = expand_words(text, variables)
    except InvalidExpansion:
        return

    # Nothing is lost or invented but blanks by cutting into words.
    assert "".join("".join(words).split()) == "".join(whole.split())


@given(st.text(alphabet="ab \t'\"\\", max_size=40))
def test_text_without_variables_does_not_depend_on_them(text):
    try:
        expected = expand(text, {})
    except InvalidExpansion:
        return

    assert expand(text, VARIABLES) == expected


@given(ANY)
def test_the_raw_words_are_all_of_the_text_but_blanks(text):
    joined = "".join(word for _, word in iter_words(text))

    assert "".join(joined.split()) == "".join(text.split())
    assert all(text[begin:].startswith(word) for begin, word in iter_words(text))


def test_a_hostile_pattern_is_refused_and_does_not_hang():
    variables = {"A": "a" * 100_000}

    with pytest.raises(InvalidExpansion, match="too long"):
        expand("${A//*?*?*b/x}", variables)


def test_deep_nesting_is_refused():
    with pytest.raises(InvalidExpansion, match="nested too deeply"):
        expand("${A:-" * 5_000 + "}" * 5_000, {})


def test_growth_without_bound_is_refused():
    with pytest.raises(InvalidExpansion, match="more than"):
        expand("$A" * 200, {"A": "a" * 100_000})
