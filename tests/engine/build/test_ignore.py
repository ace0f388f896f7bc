import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.build.ignore import parse_ignore_file, parse_patterns
from engine.errors import InvalidInput


@pytest.mark.parametrize(
    ("patterns", "path", "is_ignored"),
    [
        ("a", "a", True),
        ("a", "b", False),
        ("a", "a/b/c", True),
        ("a", "b/a", False),
        ("/a", "a", True),
        ("a/", "a", True),
        ("./a", "a", True),
        ("a/../b", "b", True),
        ("*.md", "x.md", True),
        ("*.md", "d/x.md", False),
        ("**/*.md", "x.md", True),
        ("**/*.md", "d/e/x.md", True),
        ("**", "d/e", True),
        ("a/**", "a/b/c", True),
        ("a/**", "a", False),
        ("a/**/z", "a/z", True),
        ("a/**/z", "a/b/c/z", True),
        ("**/a/**", "x/a/y", True),
        ("a**z", "a/b/z", True),
        ("?", "a", True),
        ("?", "ab", False),
        ("?", "a/b", True),
        ("a?b", "a/b", False),
        ("[a-c]x", "bx", True),
        ("[^a-c]x", "bx", False),
        ("[^a-c]x", "dx", True),
        ("[]]x", "]x", True),
        (r"\*", "*", True),
        (r"\*", "a", False),
        (r"a\[b", "a[b", True),
        ("a.b", "axb", False),
        ("a+(b)$", "a+(b)$", True),
        ("*\n!keep", "keep", False),
        ("*\n!keep", "lost", True),
        ("*\n!keep", "keep/it", False),
        ("!keep\n*", "keep", True),
        ("*.md\n!R*.md\nRX.md", "RX.md", True),
        ("d\n!d/keep", "d/keep", False),
        ("d\n!d/keep", "d/lost", True),
        ("# a comment\na", "# a comment", False),
        ("  a  ", "a", True),
        (".", "a", False),
        ("", "a", False),
        ("\n\n", "a", False),
        ("*a*b*c", "xxaxbxxc", True),
        ("*a*b*c", "xxaxbxx", False),
        ("*ab*ab", "abab", True),
        ("*ab*ab", "ab", False),
        ("*a/*b/*c", "xa/yb/zc", True),
        ("*/b*a", "x/bcaa", True),
    ],
)
def test_the_last_pattern_that_matches_decides(patterns, path, is_ignored):
    assert parse_ignore_file(patterns.encode()).ignores(path) == is_ignored


@pytest.mark.parametrize("text", ["!", "[a", "**/**/**/**/**/a/**", "a" * 5000])
def test_a_bad_pattern_is_refused_with_its_line(text):
    with pytest.raises(InvalidInput, match="ignore pattern 2"):
        parse_ignore_file(f"fine\n{text}\n".encode())


@given(st.text(alphabet="ab*?/", max_size=8), st.text(alphabet="ab/", min_size=1, max_size=12))
def test_a_star_matches_as_if_everything_was_tried(pattern, path):
    # The plain translation, which may take exponentially long, is the oracle on short texts.
    if pattern.count("**") or path != re.sub("/+", "/", path).strip("/") or not path:
        return
    parsed = parse_patterns([pattern] if pattern.strip("/") else [])
    plain = re.sub("/+", "/", pattern).strip("/")
    expression = re.compile(
        "".join({"*": "[^/]*", "?": "[^/]"}.get(each, re.escape(each)) for each in plain)
    )
    parts = path.split("/")
    above = ["/".join(parts[: n + 1]) for n in range(len(parts))]

    expected = bool(plain) and any(expression.fullmatch(each) for each in above)

    assert parsed.ignores(path) == expected


def test_a_hostile_pattern_does_not_hang():
    assert not parse_patterns(["*a" * 60 + "b"]).ignores("a" * 255)
