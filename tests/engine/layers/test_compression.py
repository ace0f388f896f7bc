from __future__ import annotations

import gzip
import io

import pytest
import zstandard

from engine.errors import InvalidLayer
from engine.layers.compression import open_layer, sniff
from engine.oci.media_types import Compression
from tests.support.builders import packed

CONTENT = b"some text that repeats " * 10_000
EVERY = list(Compression)


def unpacked(content: bytes, compression: Compression) -> bytes:
    stream = open_layer(io.BytesIO(content), compression)
    return b"".join(iter(lambda: stream.read(1 << 14), b""))


@pytest.mark.parametrize("compression", EVERY)
def test_what_was_packed_comes_out_again(compression: Compression) -> None:
    assert unpacked(packed(CONTENT, compression), compression) == CONTENT


@pytest.mark.parametrize("compression", EVERY)
def test_it_counts_the_packed_bytes(compression: Compression) -> None:
    content = packed(CONTENT, compression)
    stream = open_layer(io.BytesIO(content), compression)

    while stream.read(1000):
        pass

    assert stream.packed_bytes == len(content)


@pytest.mark.parametrize("compression", EVERY)
def test_a_packing_is_known_by_its_first_bytes(compression: Compression) -> None:
    assert sniff(packed(CONTENT, compression)[:4]) is compression


@pytest.mark.parametrize("said", EVERY)
@pytest.mark.parametrize("found", EVERY)
def test_bytes_that_contradict_their_media_type_are_refused(
    said: Compression, found: Compression
) -> None:
    if said is found:
        return

    with pytest.raises(InvalidLayer, match="its media type says"):
        unpacked(packed(CONTENT, found), said)


@pytest.mark.parametrize("compression", [Compression.GZIP, Compression.ZSTD])
def test_nothing_at_all_is_no_packed_layer(compression: Compression) -> None:
    with pytest.raises(InvalidLayer):
        unpacked(b"", compression)


def test_gzip_members_in_a_row_read_as_one() -> None:
    content = gzip.compress(b"one ") + gzip.compress(b"two")

    assert unpacked(content, Compression.GZIP) == b"one two"


def test_zstd_frames_in_a_row_read_as_one() -> None:
    content = zstandard.compress(b"one ") + zstandard.compress(b"two")

    assert unpacked(content, Compression.ZSTD) == b"one two"


def test_zstd_frames_that_carry_no_data_are_passed_over() -> None:
    skippable = bytes.fromhex("502a4d18") + (3).to_bytes(4, "little") + b"toc"

    assert unpacked(skippable + zstandard.compress(b"data"), Compression.ZSTD) == b"data"


def test_zeros_after_the_last_gzip_member_are_padding() -> None:
    assert unpacked(gzip.compress(b"one") + bytes(100), Compression.GZIP) == b"one"


@pytest.mark.parametrize("compression", [Compression.GZIP, Compression.ZSTD])
def test_anything_else_after_the_end_is_damage(compression: Compression) -> None:
    with pytest.raises(InvalidLayer):
        unpacked(packed(CONTENT, compression) + b"anything else", compression)


def test_a_gzip_layer_that_is_cut_short_is_damage() -> None:
    with pytest.raises(InvalidLayer, match="gzip"):
        unpacked(packed(CONTENT, Compression.GZIP)[:-20], Compression.GZIP)


def test_a_gzip_checksum_is_checked() -> None:
    content = bytearray(gzip.compress(CONTENT))
    content[-6] ^= 1

    with pytest.raises(InvalidLayer, match="gzip"):
        unpacked(bytes(content), Compression.GZIP)


def test_a_zstd_checksum_is_checked() -> None:
    content = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(CONTENT))
    content[-1] ^= 1

    with pytest.raises(InvalidLayer, match="zstd"):
        unpacked(bytes(content), Compression.ZSTD)
