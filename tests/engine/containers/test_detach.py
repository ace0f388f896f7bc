import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.containers.detach import KeyMatcher, parse_detach_keys
from engine.errors import InvalidSetting


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", b"\x10\x11"),
        ("ctrl-p,ctrl-q", b"\x10\x11"),
        ("a", b"a"),
        ("ctrl-a,a", b"\x01a"),
        ("ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", b"\0\x1b\x1c\x1d\x1e\x1f"),
        ("DEL", b"\x7f"),
    ],
)
def test_keys_are_written_as_docker_writes_them(text: str, keys: bytes) -> None:
    assert parse_detach_keys(text) == keys


@pytest.mark.parametrize("text", ["ctrl-", "ctrl-A", "ctrl-1", "ab", ",", "a,", "é", "a," * 20])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        parse_detach_keys(text)
    assert caught.value.field == "detach_keys"


def test_the_sequence_is_found_across_pieces_and_held_back() -> None:
    matcher = KeyMatcher(b"\x10\x11")

    assert matcher.feed(b"ls\x10") == (b"ls", False)
    assert matcher.feed(b"x\x10\x10") == (b"\x10x\x10", False)
    assert matcher.feed(b"\x11more") == (b"", True)


KEYS = st.text(alphabet="ab", min_size=1, max_size=4).map(str.encode)


@given(
    keys=KEYS, typed=st.text(alphabet="abc", max_size=30).map(str.encode), cut=st.integers(0, 30)
)
def test_it_is_found_exactly_where_it_first_stands(keys: bytes, typed: bytes, cut: int) -> None:
    matcher = KeyMatcher(keys)
    passed, found = matcher.feed(typed[:cut])
    if not found:
        more, found = matcher.feed(typed[cut:])
        passed += more

    first = typed.find(keys)
    assert found == (first >= 0)
    if found:
        assert passed == typed[:first]
    else:
        assert typed.startswith(passed)
        assert keys.startswith(typed[len(passed) :])
