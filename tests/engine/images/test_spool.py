import pytest

from engine.errors import EngineError
from engine.images.spool import IN_MEMORY, Spool


def read(spool, start, size):
    with spool.open(start, size) as stream:
        return stream.read()


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param([5, 7], id="in-memory"),
        pytest.param([IN_MEMORY], id="just-in-memory"),
        pytest.param([IN_MEMORY, 1], id="just-too-much"),
        pytest.param([IN_MEMORY + 1], id="at-once-too-much"),
        pytest.param([5, 3 * IN_MEMORY, 7, 7], id="on-the-disk"),
    ],
)
def test_any_stretch_can_be_read(tmp_path, sizes):
    pieces = [bytes([number]) * size for number, size in enumerate(sizes, 1)]
    with Spool(tmp_path) as spool:
        starts = []
        for piece in pieces:
            starts.append(spool.size)
            spool.write(piece)

        assert [read(spool, *each) for each in zip(starts, sizes, strict=True)] == pieces
        assert read(spool, 1, sum(sizes)) == b"".join(pieces)[1:]
        assert not list(tmp_path.iterdir())


def test_a_little_needs_no_directory(tmp_path):
    with Spool(tmp_path / "none") as spool:
        spool.write(b"x")

        assert read(spool, 0, 1) == b"x"


def test_what_finds_no_place_is_an_error(tmp_path):
    with Spool(tmp_path / "none") as spool, pytest.raises(EngineError):
        spool.write(bytes(IN_MEMORY + 1))
