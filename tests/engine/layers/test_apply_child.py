"""The stream that a layer comes by, and the child that writes it."""

from __future__ import annotations

import io
import os
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.errors import DiffIDMismatch, InvalidLayer, SystemFailure
from engine.layers.apply import apply_layer
from engine.layers.compression import open_layer
from engine.oci.digest import DiffID, Digest
from engine.oci.media_types import Compression
from engine.progress import Cancellation, Cancelled
from engine.system.confined import Confined
from tests.support.applying import apply_tar
from tests.support.builders import file, layer_tar

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.root


def test_a_wrong_diff_id_is_found(target: Path) -> None:
    with pytest.raises(DiffIDMismatch):
        apply_layer(
            open_layer(io.BytesIO(layer_tar(file("a"))), Compression.NONE),
            target=target,
            notes=target.parent.parent,
            expected=DiffID(Digest.of(b"other")),
        )


def test_bytes_after_the_end_mark_are_part_of_the_diff_id(target: Path) -> None:
    apply_tar(layer_tar(file("a", b"1")) + bytes(3 << 20), target)

    assert (target / "a").exists()


@pytest.mark.parametrize("content", [b"junk" * 1000, b"x"], ids=["long", "short"])
def test_what_is_no_tar_is_refused(target: Path, content: bytes) -> None:
    with pytest.raises(InvalidLayer):
        apply_tar(content, target)


def test_a_tar_cut_short_is_refused(target: Path) -> None:
    with pytest.raises(InvalidLayer, match="cut short"):
        apply_tar(layer_tar(file("a", b"x" * 100_000))[:50_000], target)


class Endless:
    """Yields an endless file, and tells when the first of it was taken."""

    packed_bytes = 1 << 40

    def __init__(self) -> None:
        self._head = layer_tar(file("endless", b"x"))[:512]
        self.taken = threading.Event()

    def read(self, size: int = -1, /) -> bytes:
        head, self._head = self._head, b""
        if not head:
            self.taken.set()
        return head or bytes(size)


def test_a_cancelled_layer_ends_its_child(target: Path) -> None:
    source, cancellation = Endless(), Cancellation()

    with pytest.raises(Cancelled):
        apply_layer(
            source,
            target=target,
            notes=target.parent.parent,
            expected=DiffID(Digest.of(b"")),
            on_progress=lambda _: cancellation.cancel(),
            cancellation=cancellation,
        )

    assert _children_in(target) == []


def test_a_child_that_is_killed_is_a_failure_of_the_system(target: Path) -> None:
    class Murderous(Endless):
        def read(self, size: int = -1, /) -> bytes:
            for child in _children_in(target):
                os.kill(child, signal.SIGKILL)
            return super().read(size)

    with pytest.raises(SystemFailure, match="child"):
        apply_layer(
            Murderous(), target=target, notes=target.parent.parent, expected=DiffID(Digest.of(b""))
        )


def test_the_child_has_the_target_as_its_root_and_little_else(target: Path) -> None:
    kept = sum(1 << number for number in (0, 1, 3, 4, 21, 27, 31))
    work, outputs = "engine.layers.apply_child", {"index": target.parent.parent / "index"}
    with Confined(work, root=target, request={"limits": [1] * 7}, outputs=outputs) as child:
        _wait_until(lambda: int(_status(child.pid)["CapEff"], 16) == kept)
        status = _status(child.pid)
        descriptors = {path.name for path in Path(f"/proc/{child.pid}/fd").iterdir()}

        assert _children_in(target) == [child.pid]

    assert int(status["CapPrm"], 16) == kept
    assert int(status["CapInh"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert len(descriptors - {"0", "1", "2"}) == 1  # the index


def _wait_until(is_so: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if is_so():
            return
        pause.wait(0.01)
    raise AssertionError("it did not come to be so")


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def _children_in(target: Path) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "root").readlink() == target:
                found.append(int(process.name))
    return found
