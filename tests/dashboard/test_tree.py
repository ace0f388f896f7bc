"""What a container changed, as a tree."""

from __future__ import annotations

from dashboard.views.tree import Change, changes_tree, summary_of

CHANGES = [
    Change("C", "/etc", 0, is_directory=True),
    Change("C", "/etc/motd", 12),
    Change("A", "/srv", 0, is_directory=True),
    Change("A", "/srv/a", 100),
    Change("A", "/srv/b", 200),
    Change("C", "/usr", 0, is_directory=True),
    Change("C", "/usr/lib", 0, is_directory=True),
    Change("D", "/usr/lib/old", 0),
]


def test_directories_add_up_what_is_in_them():
    srv = next(node for node in changes_tree(CHANGES) if node.name == "srv")

    assert (srv.kind, srv.size, srv.count) == ("A", 300, 3)


def test_directories_that_only_lead_somewhere_are_one_line():
    usr = next(node for node in changes_tree(CHANGES) if node.name.startswith("usr"))

    assert usr.name == "usr/lib"
    assert usr.path == "/usr/lib"
    assert [child.path for child in usr.children] == ["/usr/lib/old"]


def test_a_directory_that_was_not_told_of_is_there_all_the_same():
    (top,) = changes_tree([Change("A", "/a/b/c", 5)])

    assert top.name == "a/b"
    assert top.size == 5


def test_directories_that_hold_changes_are_no_change_themselves():
    summary = summary_of(CHANGES)

    assert (summary.added, summary.changed, summary.deleted) == (3, 1, 1)
    assert summary.bytes == 312


def test_a_long_tree_is_folded():
    many = [Change("A", f"/srv/{number}", 1) for number in range(100)]

    assert not changes_tree(many)[0].is_open
    assert changes_tree(CHANGES)[0].is_open


def test_nothing_changed_is_an_empty_tree():
    assert changes_tree([]) == []
