"""What every mounter must do. Derive a class from this and give it a `mounter` fixture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import MountFailed
from engine.mount import bind

if TYPE_CHECKING:
    from pathlib import Path

    from engine.system.mounter import Mounter


@pytest.fixture
def source(tmp_path: Path) -> Path:
    place = tmp_path / "source"
    place.mkdir()
    (place / "file").write_text("text")
    return place


@pytest.fixture
def target(tmp_path: Path) -> Path:
    place = tmp_path / "target"
    place.mkdir()
    return place


class MounterContract:
    def test_what_is_mounted_is_listed_until_it_is_unmounted(
        self, mounter: Mounter, source: Path, target: Path
    ) -> None:
        mounter.mount([bind(source)], target)
        assert mounter.list_mounts(target) == [target]

        mounter.unmount(target)
        assert mounter.list_mounts(target) == []

    def test_unmounting_what_is_not_mounted_is_fine(self, mounter: Mounter, target: Path) -> None:
        mounter.unmount(target)
        mounter.unmount(target / "missing")

    def test_unmounting_undoes_every_mount_at_the_place(
        self, mounter: Mounter, source: Path, target: Path
    ) -> None:
        mounter.mount([bind(source)], target)
        mounter.mount([bind(source)], target)

        mounter.unmount(target)

        assert mounter.list_mounts(target) == []

    def test_a_mount_that_fails_leaves_none_of_its_list(
        self, mounter: Mounter, source: Path, target: Path
    ) -> None:
        with pytest.raises(MountFailed):
            mounter.mount([bind(source), bind(source / "missing")], target)

        assert mounter.list_mounts(target) == []

    def test_a_target_that_is_not_there_is_refused(
        self, mounter: Mounter, source: Path, target: Path
    ) -> None:
        with pytest.raises(MountFailed) as caught:
            mounter.mount([bind(source)], target / "missing")

        assert caught.value.errno is not None

    def test_a_block_ends_with_nothing_mounted(
        self, mounter: Mounter, source: Path, target: Path
    ) -> None:
        with mounter.mounted([bind(source)], target) as place:
            assert mounter.list_mounts(place) == [target]

        assert mounter.list_mounts(target) == []

    def test_a_block_that_raises_ends_with_nothing_mounted(
        self, mounter: Mounter, source: Path, target: Path
    ) -> None:
        with pytest.raises(KeyError), mounter.mounted([bind(source)], target):
            raise KeyError

        assert mounter.list_mounts(target) == []

    def test_only_mounts_at_or_below_the_place_are_listed(
        self, mounter: Mounter, source: Path, target: Path, tmp_path: Path
    ) -> None:
        beside = tmp_path / "target-beside"
        beside.mkdir()
        with mounter.mounted([bind(source)], target), mounter.mounted([bind(source)], beside):
            assert mounter.list_mounts(target) == [target]
            assert set(mounter.list_mounts(tmp_path)) == {target, beside}
