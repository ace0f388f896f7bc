"""A host in a container makes room for the groups of its containers, and only there."""

from pathlib import Path

import pytest

from workers.host.cgroups import make_room_for_groups


class Tree:
    """A cgroup v2 directory as files; the kernel takes a process out of where it was by itself."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.write("cgroup.controllers", "cpu io memory pids\n")
        self.write("cgroup.type", "domain\n")
        self.write("cgroup.subtree_control", "")
        self.write("cgroup.procs", "")

    def write(self, name: str, content: str) -> None:
        (self.place / name).write_text(content)

    def read(self, name: str) -> str:
        return (self.place / name).read_text()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_all_controllers_are_handed_down(tree: Tree) -> None:
    assert make_room_for_groups(tree.place)
    assert tree.read("cgroup.subtree_control") == "+cpu +io +memory +pids"


def test_processes_go_to_a_group_of_their_own_first(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.write("cgroup.procs", "1\n7\n")
    written: list[tuple[str, str]] = []
    write_text = Path.write_text

    def move(self: Path, content: str) -> int:
        written.append((str(self.relative_to(tree.place)), content))
        if self.name == "cgroup.procs":
            left = [word for word in tree.read("cgroup.procs").split() if word != content]
            return write_text(tree.place / "cgroup.procs", "\n".join(left))
        return write_text(self, content)

    monkeypatch.setattr(Path, "write_text", move)
    make_room_for_groups(tree.place)
    assert written == [
        ("init/cgroup.procs", "1"),
        ("init/cgroup.procs", "7"),
        ("cgroup.subtree_control", "+cpu +io +memory +pids"),
    ]


def test_a_second_time_nothing_is_done(tree: Tree) -> None:
    tree.write("cgroup.subtree_control", "cpu io memory pids\n")
    tree.write("cgroup.procs", "")
    assert not make_room_for_groups(tree.place)
    assert not (tree.place / "init").exists()


@pytest.mark.parametrize("missing", ["cgroup.type", "cgroup.controllers"])
def test_the_real_root_and_cgroup_v1_are_left_alone(tree: Tree, missing: str) -> None:
    (tree.place / missing).unlink()
    assert not make_room_for_groups(tree.place)
    assert tree.read("cgroup.subtree_control") == ""
