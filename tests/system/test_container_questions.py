"""What pages ask of one container, over the real kernel, and consoles that are closed."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from dashboard import services
from dashboard.models import Container, Host, TerminalKind, User
from engine.errors import ContainerNotFound
from engine.settings.lifetime import LogSettings
from engine.settings.mounts import MountKind, MountPoint
from tests.system.test_attach import read_until
from tests.system.test_containers import finished, sleeping
from workers.agent.container_answers import ContainerAnswers
from workers.agent.log_download import write_log
from workers.agent.terminals import EngineTerminals

if TYPE_CHECKING:
    from tests.support.containers import Yard

pytestmark = [pytest.mark.root]
PRINTED = 'i=0; while [ $i -lt 3000 ]; do echo "line $i"; i=$((i+1)); done; printf end; exit 3'


def answers(yard: Yard) -> ContainerAnswers:
    engine: Any = SimpleNamespace(containers=yard.containers, volumes=yard.means.volumes)
    return ContainerAnswers(engine)


def downloaded(asked: ContainerAnswers, container_id: str) -> str:
    """All that a container printed, as a download brings it."""
    key = asked.log_open({"container_id": container_id})["saving"]
    return b"".join(iter(lambda: asked.log_read({"saving": key})["content"], b"")).decode()


def test_a_loss_is_files_bytes_and_volumes_of_its_own(yard: Yard) -> None:
    mounts = [
        MountPoint(MountKind.VOLUME, "/kept", source="kept"),
        MountPoint(MountKind.VOLUME, "/own"),
        MountPoint(MountKind.BIND, "/host", source="/tmp"),
        MountPoint(MountKind.TMPFS, "/scratch"),
    ]
    record = finished(
        yard, "echo 12345 > /made; rm /etc/passwd; echo > /own/x", mounts=tuple(mounts)
    )
    finished(yard, "true", mounts=tuple(mounts[:1]))

    loss = answers(yard).loss({"container_id": record.id})

    assert loss["files"] == 2
    assert loss["bytes"] >= 4096
    assert [(m["target"], m["goes"], m["others"]) for m in loss["mounts"]] == [
        ("/kept", False, 1),
        ("/own", True, 0),
        ("/host", False, 0),
    ]


def test_a_whole_log_comes_over_all_its_files_in_order(yard: Yard) -> None:
    record = finished(yard, PRINTED, log=LogSettings(max_size=8192, max_file=1000))
    asked = answers(yard)

    lines = downloaded(asked, record.id).splitlines()
    assert [each.split(" ", 2)[2] for each in lines] == [f"line {n}" for n in range(3000)] + ["end"]
    assert lines[0].split(" ")[1] == "stdout"


def test_a_log_that_is_too_large_begins_later_and_says_so(yard: Yard) -> None:
    record = finished(yard, PRINTED)
    out = io.BytesIO()

    write_log(yard.containers, record.id, out, most=20_000)

    first, *rest = out.getvalue().decode().splitlines()
    assert first.startswith("[")
    skipped = int(first[1:].split()[0])
    assert [each.split(" ", 2)[2] for each in rest] == [
        *(f"line {n}" for n in range(skipped, 3000)),
        "end",
    ]


def test_what_was_removed_is_listed_read_and_downloaded(yard: Yard) -> None:
    gone, trashed = finished(yard, PRINTED, name="gone"), finished(yard, "echo x", name="trashed")
    silent = finished(yard, "true")
    yard.containers.trash.put(trashed.id, owner="otto")
    for each in (gone, silent):
        yard.containers.remove(each.id)
    asked = answers(yard)

    told = asked.removed_list({})
    assert {each["name"]: (each["in_trash"], each["by"]) for each in told["removed"]} == {
        "gone": (False, ""),
        "trashed": (True, "otto"),
    }
    assert told["seconds"] == 24 * 3600
    one = asked.removed_one({"container_id": gone.id})["removed"]
    assert (one["exit_code"], one["id"]) == (3, gone.id)
    assert one["bytes"] > 3000
    assert asked.removed_one({"container_id": silent.id})["removed"] is None
    assert [downloaded(asked, each.id).split()[-1] for each in (gone, trashed)] == ["end", "x"]
    with pytest.raises(ContainerNotFound):
        asked.log_open({"container_id": silent.id})
    yard.containers.trash.discard(trashed.id)
    assert downloaded(asked, trashed.id).split()[-1] == "x"


def test_the_last_lines_are_few(yard: Yard) -> None:
    record = finished(yard, PRINTED)

    found = answers(yard).last_lines({"container_id": record.id, "lines": 2})["lines"]

    assert [each["m"] for each in found] == ["line 2999", "end"]


def test_a_container_without_a_check_has_no_health(yard: Yard) -> None:
    record = finished(yard, "true")

    assert answers(yard).health({"container_id": record.id})["checks"] == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", [TerminalKind.EXEC, TerminalKind.ATTACH])
def test_closing_a_console_ends_what_it_started_and_nothing_else(yard: Yard, kind: str) -> None:
    record = sleeping(yard, open_stdin=True)
    host = Host.objects.create(name="here")
    row = Container.objects.create(
        host=host, container_id=record.id, name=record.name, state="running"
    )
    user = User.objects.create_user("otto", role="operator")
    terminal = services.request_terminal(container=row, kind=kind, command=["sh"], user=user)
    engine: Any = SimpleNamespace(containers=yard.containers)
    console = EngineTerminals(engine, host.name).open(str(terminal.pk), rows=24, columns=80)
    if kind == TerminalKind.EXEC:
        console.write(b"sleep 3001 & sleep 3002\n")
        read_until(console._attachment, b"sleep 3002")

    console.close()

    found = "\n".join(row[-1] for row in yard.containers.top(record.id).rows)
    assert "sleep 1000" in found
    assert "sleep 300" not in found
    assert [each.is_running for each in yard.containers.exec_list(record.id)] in ([], [False])
