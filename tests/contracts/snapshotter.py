"""What every snapshotter must do. Derive a class from this and give it a `snapshotter` fixture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import SnapshotExists, SnapshotInUse, SnapshotNotFound
from engine.snapshots.snapshotter import Kind, Pending
from tests.support.fakes_snapshots import chain

if TYPE_CHECKING:
    from engine.oci.digest import ChainID
    from engine.snapshots.snapshotter import Snapshotter

SIZE = 8192


def stage_file(snapshotter: Snapshotter, key: str, name: str, text: str = "text") -> None:
    directory = snapshotter.stage(key)
    (directory / name).write_text(text)
    snapshotter.seal(key, "{}")


def noted(snapshotter: Snapshotter, key: str) -> bytes:
    with snapshotter.open_note(key, "index") as stream:
        return stream.read()


def committed(
    snapshotter: Snapshotter, name: ChainID, *files: str, parent: ChainID | None = None
) -> ChainID:
    directory = snapshotter.stage(f"making {name}")
    for file in files:
        (directory / file).write_text(file)
    snapshotter.seal(f"making {name}", "{}")
    snapshotter.commit_stack([Pending(f"making {name}", name, SIZE)], parent=parent)
    return name


class SnapshotterContract:
    def test_a_staged_snapshot_is_an_empty_directory_that_all_can_enter(
        self, snapshotter: Snapshotter
    ) -> None:
        directory = snapshotter.stage("layer")

        assert list(directory.iterdir()) == []
        assert directory.stat().st_mode & 0o7777 == 0o755
        assert snapshotter.staged_directory("layer") == directory

    def test_a_staged_snapshot_is_complete_once_it_is_sealed(
        self, snapshotter: Snapshotter
    ) -> None:
        snapshotter.stage("layer")
        assert snapshotter.get("layer").details is None

        snapshotter.seal("layer", "all of it")

        assert snapshotter.get("layer").details == "all of it"
        assert snapshotter.get("layer").kind is Kind.STAGED

    def test_a_replaced_layer_carries_what_stood_on_the_old_one(
        self, snapshotter: Snapshotter
    ) -> None:
        committed(snapshotter, chain(1), "old")
        committed(snapshotter, chain(2), "upper", parent=chain(1))
        stage_file(snapshotter, "again", "new")

        snapshotter.replace(Pending("again", chain(1), SIZE), parent=None)

        directory = snapshotter.own_directory(chain(1))
        assert [path.name for path in directory.iterdir()] == ["new"]
        assert snapshotter.get(str(chain(2))).parent == chain(1)
        assert snapshotter.find("again") is None
        with pytest.raises(SnapshotInUse):
            snapshotter.remove(str(chain(1)))

    def test_what_cannot_replace_a_layer_leaves_it(self, snapshotter: Snapshotter) -> None:
        committed(snapshotter, chain(1), "old")

        with pytest.raises(SnapshotNotFound):
            snapshotter.replace(Pending("nobody", chain(1), SIZE), parent=None)

        assert snapshotter.get(str(chain(1))).kind is Kind.COMMITTED
        assert [path.name for path in snapshotter.own_directory(chain(1)).iterdir()] == ["old"]

    def test_layers_staged_in_any_order_become_one_stack(self, snapshotter: Snapshotter) -> None:
        stage_file(snapshotter, "upper", "b")
        stage_file(snapshotter, "lower", "a")

        snapshotter.commit_stack(
            [Pending("lower", chain(1), SIZE), Pending("upper", chain(2), SIZE)], parent=None
        )

        assert snapshotter.get(str(chain(1))).parent is None
        assert snapshotter.get(str(chain(2))).parent == chain(1)
        assert snapshotter.get(str(chain(2))).kind is Kind.COMMITTED
        assert snapshotter.find("upper") is None

    def test_a_stack_grows_on_what_is_committed(self, snapshotter: Snapshotter) -> None:
        committed(snapshotter, chain(1), "a")
        committed(snapshotter, chain(2), "b", parent=chain(1))

        assert snapshotter.get(str(chain(2))).parent == chain(1)

    def test_a_stack_is_committed_as_a_whole_or_not_at_all(self, snapshotter: Snapshotter) -> None:
        stage_file(snapshotter, "lower", "a")

        with pytest.raises(SnapshotNotFound):
            snapshotter.commit_stack(
                [Pending("lower", chain(1), SIZE), Pending("missing", chain(2), SIZE)], parent=None
            )

        assert snapshotter.find(str(chain(1))) is None
        assert snapshotter.get("lower").kind is Kind.STAGED

    def test_a_stack_needs_the_parent_it_stands_on(self, snapshotter: Snapshotter) -> None:
        stage_file(snapshotter, "layer", "a")

        with pytest.raises(SnapshotNotFound):
            snapshotter.commit_stack([Pending("layer", chain(2), SIZE)], parent=chain(1))

    def test_a_name_that_somebody_else_committed_stays_theirs(
        self, snapshotter: Snapshotter
    ) -> None:
        committed(snapshotter, chain(1), "theirs")
        stage_file(snapshotter, "ours", "ours")
        stage_file(snapshotter, "next", "next")

        snapshotter.commit_stack(
            [Pending("ours", chain(1), SIZE), Pending("next", chain(2), SIZE)], parent=None
        )

        (lowest,) = snapshotter.layer_directories(chain(1))
        assert [each.name for each in lowest.iterdir()] == ["theirs"]
        assert snapshotter.find("ours") is None
        assert snapshotter.get(str(chain(2))).parent == chain(1)

    def test_keys_are_taken_once(self, snapshotter: Snapshotter) -> None:
        snapshotter.prepare("box", parent=None)

        with pytest.raises(SnapshotExists):
            snapshotter.prepare("box", parent=None)
        with pytest.raises(SnapshotExists):
            snapshotter.stage("box")

    def test_nothing_is_prepared_on_a_parent_that_is_not_there(
        self, snapshotter: Snapshotter
    ) -> None:
        with pytest.raises(SnapshotNotFound):
            snapshotter.prepare("box", parent=chain(1))
        with pytest.raises(SnapshotNotFound):
            snapshotter.view("look", parent=chain(1))

        assert snapshotter.find("box") is None

    def test_nothing_is_prepared_on_a_staged_snapshot(self, snapshotter: Snapshotter) -> None:
        snapshotter.stage(str(chain(1)))

        with pytest.raises(SnapshotNotFound):
            snapshotter.prepare("box", parent=chain(1))

    def test_the_mounts_of_an_active_snapshot_stay_the_same(self, snapshotter: Snapshotter) -> None:
        committed(snapshotter, chain(1), "a")
        snapshotter.prepare("box", parent=chain(1))
        mounts = snapshotter.mounts("box")

        assert snapshotter.mounts("box") == mounts
        assert not any(each.is_read_only for each in mounts)

    def test_a_view_is_read_only(self, snapshotter: Snapshotter) -> None:
        committed(snapshotter, chain(1), "a")
        committed(snapshotter, chain(2), "b", parent=chain(1))

        assert all(each.is_read_only for each in snapshotter.view("one", parent=chain(1)))
        assert all(each.is_read_only for each in snapshotter.view("two", parent=chain(2)))

    def test_only_active_snapshots_and_views_have_mounts(self, snapshotter: Snapshotter) -> None:
        committed(snapshotter, chain(1), "a")

        with pytest.raises(SnapshotNotFound):
            snapshotter.mounts(str(chain(1)))
        with pytest.raises(SnapshotNotFound):
            snapshotter.mounts("nothing")

    def test_what_another_stands_on_is_not_removed(self, snapshotter: Snapshotter) -> None:
        committed(snapshotter, chain(1), "a")
        snapshotter.prepare("box", parent=chain(1))

        with pytest.raises(SnapshotInUse) as caught:
            snapshotter.remove(str(chain(1)))

        assert caught.value.holder == "box"
        assert snapshotter.find(str(chain(1))) is not None

    def test_removing_frees_the_bytes_and_the_key(self, snapshotter: Snapshotter) -> None:
        snapshotter.prepare("box", parent=None)
        occupied = snapshotter.usage("box").bytes

        assert snapshotter.remove("box") == occupied > 0
        assert snapshotter.find("box") is None
        snapshotter.prepare("box", parent=None)

    def test_a_removed_layer_gives_back_its_size(self, snapshotter: Snapshotter) -> None:
        committed(snapshotter, chain(1), "a")
        size = snapshotter.get(str(chain(1))).size
        (directory,) = snapshotter.layer_directories(chain(1))

        assert snapshotter.remove(str(chain(1))) == size
        assert not directory.exists()

    @pytest.mark.parametrize("size", [0, 10, 1_000_000])
    def test_notes_belong_to_their_layer(self, snapshotter: Snapshotter, size: int) -> None:
        stage_file(snapshotter, "plain", "a")
        directory = snapshotter.stage("noted")
        (directory / "a").write_text("text")
        (snapshotter.notes("noted") / "index").write_bytes(bytes(size))
        snapshotter.seal("noted", "{}")
        assert noted(snapshotter, "noted") == bytes(size)

        stack = [Pending("plain", chain(1), SIZE), Pending("noted", chain(2), SIZE)]
        snapshotter.commit_stack(stack, parent=None)

        sizes = [snapshotter.get(str(chain(number))).size or 0 for number in (1, 2)]
        assert noted(snapshotter, str(chain(2))) == bytes(size)
        # What it takes of the disk is the layer's, unless it is so little that records hold it.
        assert sizes[1] - sizes[0] >= size - 8192
        assert snapshotter.own_directory(chain(2)).joinpath("a").exists()
        snapshotter.remove(str(chain(2)))
        with pytest.raises(SnapshotNotFound):
            snapshotter.open_note(str(chain(2)), "index")

    def test_a_snapshot_that_becomes_a_layer_keeps_its_notes(
        self, snapshotter: Snapshotter
    ) -> None:
        snapshotter.prepare("box", parent=None)
        (snapshotter.notes("box") / "index").write_bytes(b"what is in it")

        snapshotter.commit(chain(1), key="box")

        assert noted(snapshotter, str(chain(1))) == b"what is in it"

    def test_only_layers_have_notes(self, snapshotter: Snapshotter) -> None:
        with pytest.raises(SnapshotNotFound):
            snapshotter.notes("nothing")
        committed(snapshotter, chain(1), "a")
        with pytest.raises(FileNotFoundError):
            snapshotter.open_note(str(chain(1)), "index")

    def test_of_many_those_go_on_which_nothing_stands_that_stays(
        self, snapshotter: Snapshotter
    ) -> None:
        names = [str(chain(number)) for number in (4, 3, 2, 1)]
        parent = None
        for number in (1, 2, 3, 4):
            committed(snapshotter, chain(number), f"key-{number}", parent=parent)
            parent = chain(number)
        snapshotter.prepare("box", parent=chain(2))
        (directory,) = snapshotter.layer_directories(chain(4))[:1]
        sizes = {each: snapshotter.get(each).size for each in names}

        assert snapshotter.remove_each([*names, "nothing"]) == {
            **{each: sizes[each] for each in names[:2]},
            "nothing": 0,
        }
        assert [snapshotter.find(each) is None for each in names] == [True, True, False, False]
        assert not directory.exists()
        left = {"box": snapshotter.usage("box").bytes, **{each: sizes[each] for each in names[2:]}}
        assert snapshotter.remove_each(["box", *names[2:]]) == left
        assert list(snapshotter.iter_snapshots()) == []

    def test_removing_what_is_not_there_frees_nothing(self, snapshotter: Snapshotter) -> None:
        assert snapshotter.remove("nothing") == 0

    def test_an_active_snapshot_becomes_a_layer(self, snapshotter: Snapshotter) -> None:
        committed(snapshotter, chain(1), "a")
        snapshotter.prepare("box", parent=chain(1))

        size = snapshotter.commit(chain(2), key="box")

        assert snapshotter.get(str(chain(2))).parent == chain(1)
        assert snapshotter.get(str(chain(2))).size == size
        assert snapshotter.find("box") is None

    def test_an_active_snapshot_does_not_replace_a_layer(self, snapshotter: Snapshotter) -> None:
        committed(snapshotter, chain(1), "a")
        snapshotter.prepare("box", parent=None)

        with pytest.raises(SnapshotExists):
            snapshotter.commit(chain(1), key="box")

        assert snapshotter.get("box").kind is Kind.ACTIVE

    def test_snapshots_are_listed_parents_first(self, snapshotter: Snapshotter) -> None:
        stage_file(snapshotter, "upper", "b")
        stage_file(snapshotter, "lower", "a")
        snapshotter.commit_stack(
            [Pending("lower", chain(1), SIZE), Pending("upper", chain(2), SIZE)], parent=None
        )
        snapshotter.prepare("box", parent=chain(2))

        listed = [each.key for each in snapshotter.iter_snapshots()]

        assert listed == [str(chain(1)), str(chain(2)), "box"]

    def test_sweeping_leaves_alone_what_is_recorded(self, snapshotter: Snapshotter) -> None:
        committed(snapshotter, chain(1), "a")
        directory = snapshotter.stage("layer")

        assert snapshotter.sweep() == 0
        assert directory.is_dir()
        assert snapshotter.layer_directories(chain(1))[0].is_dir()
