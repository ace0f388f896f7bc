"""Build contexts that came as tars."""

import io
import tarfile

from engine.build.tartree import TarTree, read_tar
from engine.layers.limits import DEFAULT_LIMITS
from engine.progress import Cancellation


class Memory:
    """A spool that keeps nothing but its size."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, piece: bytes) -> None:
        self.size += len(piece)


def test_a_name_may_have_more_parts_than_python_calls_functions() -> None:
    name = "d/" * 1500 + "file"
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name))
        # And all of it is taken back by something else of that name.
        tar.addfile(tarfile.TarInfo("d"))
    stream.seek(0)

    contents = read_tar(stream.read, Memory(), limits=DEFAULT_LIMITS, cancellation=Cancellation())

    assert [each.path for each in TarTree(contents).walk("")] == ["d"]
