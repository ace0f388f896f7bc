from __future__ import annotations

import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidDigest
from engine.oci.digest import Digest

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_digest_of_nothing_is_known() -> None:
    assert str(Digest.of(b"")) == f"sha256:{EMPTY}"


@given(st.binary(max_size=200))
def test_a_digest_reads_as_it_is_written(content: bytes) -> None:
    digest = Digest.of(content)

    assert Digest.parse(str(digest)) == digest
    assert digest.hex == hashlib.sha256(content).hexdigest()
    assert digest.hex.startswith(digest.short)
    assert digest.algorithm == "sha256"


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_digests_are_equal_exactly_when_bytes_are(one: bytes, other: bytes) -> None:
    assert (Digest.of(one) == Digest.of(other)) == (one == other)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(EMPTY, id="no-algorithm"),
        pytest.param("sha256:", id="no-digits"),
        pytest.param("sha256:beef", id="too-short"),
        pytest.param(f"sha256:{EMPTY}0", id="too-long"),
        pytest.param(f"sha256:{EMPTY.upper()}", id="upper-case"),
        pytest.param(f"sha256:{'g' * 64}", id="no-hexadecimal"),
        pytest.param(f"sha512:{EMPTY * 2}", id="other-algorithm"),
        pytest.param(f"SHA256:{EMPTY}", id="algorithm-upper-case"),
        pytest.param(f" sha256:{EMPTY}", id="space"),
        pytest.param(f"sha256:{EMPTY}\n", id="newline"),
        pytest.param(f"sha256:{'٣' * 64}", id="other-digits"),
        pytest.param(f"sha256:../{EMPTY[3:]}", id="path"),
    ],
)
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(InvalidDigest) as caught:
        Digest.parse(text)

    assert caught.value.text == text
    assert caught.value.field == "digest"


@given(st.text(max_size=100))
def test_any_text_is_a_digest_or_refused(text: str) -> None:
    with suppress(InvalidDigest):
        assert str(Digest.parse(text)) == text
