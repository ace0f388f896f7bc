from __future__ import annotations

import errno
import inspect
import re

import pytest

from engine import errors
from engine.errors import EngineError, OutOfSpace, SystemFailure, from_oserror

CLASSES = [
    each
    for each in vars(errors).values()
    if inspect.isclass(each) and issubclass(each, EngineError) and each is not EngineError
]
KINDS = [each for each in CLASSES if EngineError in each.__bases__]


def drawn_names() -> set[str]:
    """Return the names in the tree at the top of the module."""
    tree = (errors.__doc__ or "").partition("    EngineError\n")[2].partition("\n\n")[0]
    return {name for line in tree.splitlines() for name in re.findall(r"[A-Z]\w+", line)}


def test_the_tree_at_the_top_is_the_tree() -> None:
    assert drawn_names() == {each.__name__ for each in CLASSES}


def test_every_leaf_is_of_exactly_one_kind() -> None:
    for each in CLASSES:
        assert len([kind for kind in KINDS if issubclass(each, kind)]) == 1


def test_every_kind_has_a_word_of_its_own() -> None:
    assert len({kind.kind for kind in KINDS}) == len(KINDS)


def test_every_class_says_in_words_what_it_is() -> None:
    assert all((each.__doc__ or "").strip() for each in CLASSES)


def test_a_leaf_builds_its_message_and_keeps_its_facts() -> None:
    error = errors.DigestMismatch(expected="a", actual="b")

    assert (error.expected, error.actual) == ("a", "b")
    assert error.message == str(error) == "content has digest b, expected a"
    assert error.remedy


def test_words_from_outside_are_cut_and_made_printable() -> None:
    error = errors.InvalidReference("\x1b[31m" + "x" * 5000, "it is too long")

    assert "\x1b" not in str(error)
    assert len(str(error)) < 300


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_and_a_full_quota_are_out_of_space(number: int) -> None:
    error = from_oserror(OSError(number, "no", "/some/file"), "write")

    assert isinstance(error, OutOfSpace)
    assert error.errno == errno.ENOSPC
    assert error.retryable
    assert error.remedy


def test_other_failures_keep_their_number() -> None:
    error = from_oserror(PermissionError(errno.EACCES, "no"), "write the file")

    assert type(error) is SystemFailure
    assert error.errno == errno.EACCES
    assert str(error) == "cannot write the file: Permission denied"
