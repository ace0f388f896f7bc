"""What is left when somebody who looks into a container is killed."""

from __future__ import annotations

import os
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest

from engine.containers.attachment import StreamKind
from tests.system.test_attach import read_until
from tests.system.test_containers import SECONDS, finished, sleeping
from tests.system.test_exec import ExecSettings, run_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.containers.containers import Containers
    from tests.support.containers import Yard

pytestmark = pytest.mark.root


def killed(act: Callable[[Containers], object], yard: Yard) -> None:
    """Let another process *act* and die right after, without clearing anything away."""

    def live_and_die() -> None:
        kept = act(yard.reopened())
        os._exit(kept is None)

    process = get_context("fork").Process(target=live_and_die)
    process.start()
    process.join(SECONDS)
    assert process.exitcode == 0


def test_a_copy_out_of_a_stopped_container(yard: Yard) -> None:
    record = finished(yard, "head -c 2000000 /dev/zero > /zeros")

    def begin(containers: Containers) -> object:
        _, pieces = containers.read_archive(record.id, "/zeros")
        next(pieces)
        return pieces

    killed(begin, yard)
    assert yard.leftovers(records=1) != []
    yard.containers.reconcile()
    assert yard.leftovers(records=1) == []


def test_a_commit_of_what_runs(yard: Yard) -> None:
    record = sleeping(yard)
    run_in(yard, record, "echo x > /new")
    cgroup = yard.means.bundles.locate(record.id).cgroup

    def begin(containers: Containers) -> object:
        layer = containers._committer._layer(record, pause=True)
        next(layer)
        return layer

    killed(begin, yard)
    assert yard.means.cgroups.is_frozen(cgroup)
    yard.containers.reconcile()
    assert not yard.means.cgroups.is_frozen(cgroup)
    assert run_in(yard, record, "cat /new") == ("x\n", 0)


def test_an_exec_goes_on_and_its_exit_code_comes(yard: Yard) -> None:
    record = sleeping(yard)
    command = ("sh", "-c", "read line; echo heard $line; exit 6")
    created = yard.containers.exec_create(record.id, ExecSettings(command=command, stdin=True))

    def begin(containers: Containers) -> object:
        attachment = containers.exec_start(created.id)
        assert attachment
        attachment.write(b"words\n")
        assert read_until(attachment, b"heard words")
        return attachment

    killed(begin, yard)
    place = yard.containers._executor._store.locate(created.id)
    assert yard.means.exec_monitor.wait(place, timeout=SECONDS)
    assert yard.containers.exec_get(created.id).exit_code == 6


def test_an_attachment_of_what_reads_on(yard: Yard) -> None:
    record = yard.containers.create(yard.settings("/bin/cat", open_stdin=True, tty=True))

    def begin(containers: Containers) -> object:
        attachment = containers.attach(record.id, stdin=True)
        containers.start(record.id)
        attachment.write(b"first\n")
        assert read_until(attachment, b"first")
        return attachment

    killed(begin, yard)
    with yard.containers.attach(record.id, stdin=True) as attachment:
        attachment.write(b"second\n")
        piece = attachment.read(timeout=SECONDS)
        assert piece
        assert piece[0] is StreamKind.STDOUT
