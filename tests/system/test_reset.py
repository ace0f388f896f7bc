"""Giving up what containers of the real kernel changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import ContainerRunning, InvalidSetting
from tests.system.test_containers import SECONDS, finished, output, sleeping
from tests.system.test_exec import run_in

if TYPE_CHECKING:
    from engine.containers.record import ContainerRecord
    from tests.support.containers import Yard

pytestmark = pytest.mark.root

CHANGE = "echo new > /new; echo changed > /etc/passwd; rm /etc/group; mkdir -p /d/e; touch /d/e/f"


def changes(yard: Yard, record: ContainerRecord) -> dict[str, str]:
    return {each.path: str(each.kind) for each in yard.containers.iter_changes(record.id)}


def test_a_reset_container_is_as_its_image_made_it(yard: Yard) -> None:
    script = "cat /new /etc/passwd | head -n1; " + CHANGE
    record = finished(yard, script)
    assert "/new" in changes(yard, record)

    yard.containers.reset(record.id)
    assert changes(yard, record) == {}
    yard.containers.start(record.id)
    yard.containers.wait(record.id, timeout=SECONDS)

    assert "changed" not in output(yard, record)
    assert "reset" in yard.actions()


def test_one_that_runs_is_started_again(yard: Yard) -> None:
    record = sleeping(yard)
    run_in(yard, record, CHANGE)
    again = yard.containers.reset(record.id, timeout=0)

    assert again.is_running
    assert again.pid != record.pid
    assert run_in(yard, record, "ls /new /etc/group 2>&1")[0].splitlines() == [
        "ls: /new: No such file or directory",
        "/etc/group",
    ]


def test_single_paths_go_back(yard: Yard) -> None:
    record = finished(yard, CHANGE)
    yard.containers.revert(record.id, ["/etc/passwd", "etc/group", "/d", "/nothing/at/all"])

    assert changes(yard, record) == {"/new": "A"}
    yard.containers.revert(record.id, ["new"])
    assert changes(yard, record) == {}


def test_what_stands_in_a_replaced_directory_cannot_go_back_alone(yard: Yard) -> None:
    script = "B=/busybox; cat /bin/busybox > $B; chmod 755 $B; $B rm -rf /bin /tmp; $B mkdir /bin"
    record = finished(yard, script + "; > /bin/new; echo x > /tmp")
    for path in ("/bin/sh", "/tmp/x"):
        with pytest.raises(InvalidSetting, match="was deleted or replaced"):
            yard.containers.revert(record.id, [path])
    yard.containers.revert(record.id, ["/bin/new", "/busybox"])
    assert changes(yard, record)["/bin/sh"] == "D"
    yard.containers.revert(record.id, ["/bin", "/tmp"])

    assert changes(yard, record) == {}


@pytest.mark.parametrize("path", ["", "/", "..", "/d/../new", "a\0b"])
def test_what_is_no_path_is_refused(yard: Yard, path: str) -> None:
    record = finished(yard, CHANGE)
    with pytest.raises(InvalidSetting):
        yard.containers.revert(record.id, [path])
    assert "/new" in changes(yard, record)


def test_nothing_is_taken_from_under_what_runs(yard: Yard) -> None:
    with pytest.raises(ContainerRunning):
        yard.containers.revert(sleeping(yard).id, ["/new"])


def test_links_in_a_writable_layer_are_not_followed(yard: Yard, tmp_path) -> None:
    (tmp_path / "keep").write_text("keep")
    record = finished(yard, f"ln -s {tmp_path} /link")
    with pytest.raises(InvalidSetting):
        yard.containers.revert(record.id, ["/link/keep"])
    yard.containers.revert(record.id, ["/link"])

    assert (tmp_path / "keep").exists()
