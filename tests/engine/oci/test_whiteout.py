from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.oci.whiteout import OpaqueWhiteout, ReservedName, Whiteout, parse_whiteout


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        pytest.param(b"file", None, id="ordinary"),
        pytest.param(b"", None, id="empty"),
        pytest.param(b".wh", None, id="prefix-unfinished"),
        pytest.param(b"x.wh.y", None, id="prefix-inside"),
        pytest.param(b".WH.file", None, id="upper-case"),
        pytest.param(b".wh.file", Whiteout(b"file"), id="whiteout"),
        pytest.param(b".wh..hidden", Whiteout(b".hidden"), id="of-a-hidden-file"),
        pytest.param(b".wh.\xff\xfe", Whiteout(b"\xff\xfe"), id="not-utf-8"),
        pytest.param(b".wh..wh..opq", OpaqueWhiteout(), id="opaque"),
        pytest.param(b".wh..wh.plnk", ReservedName(), id="hard-link-store"),
        pytest.param(b".wh..wh.aufs", ReservedName(), id="aufs"),
        pytest.param(b".wh.", ReservedName(), id="of-nothing"),
        pytest.param(b".wh..", ReservedName(), id="of-the-directory"),
        pytest.param(b".wh...", ReservedName(), id="of-the-parent"),
    ],
)
def test_what_a_name_says(name: bytes, meaning: object) -> None:
    assert parse_whiteout(name) == meaning


@given(st.binary(max_size=20))
def test_a_whiteout_never_climbs(name: bytes) -> None:
    meaning = parse_whiteout(name)

    if isinstance(meaning, Whiteout):
        assert meaning.name not in {b"", b".", b".."}
        assert name == b".wh." + meaning.name
