"""Containers of the real kernel whose writable layer is in memory."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from engine.containers.writable import LOST
from engine.settings.lifetime import Writable
from tests.system.test_containers import SECONDS, finished, output
from tests.system.test_reset import changes

if TYPE_CHECKING:
    from engine.containers.record import ContainerRecord
    from tests.support.containers import Yard

pytestmark = pytest.mark.root

LIMIT = 4 << 20


def in_memory(yard: Yard, script: str) -> ContainerRecord:
    return finished(yard, script, writable=Writable.MEMORY, writable_bytes=LIMIT)


def again(yard: Yard, record: ContainerRecord) -> str:
    yard.containers.start(record.id)
    yard.containers.wait(record.id, timeout=SECONDS)
    return output(yard, record)


def test_it_stays_over_a_stop_and_takes_no_disk(yard: Yard) -> None:
    record = in_memory(yard, "cat /new; head -c 2000000 /dev/zero > /zeros; echo hello > /new")
    assert changes(yard, record) == {"/new": "A", "/zeros": "A"}
    assert "hello" in again(yard, record)

    assert yard.containers.size(record.id) < 100_000
    loss = yard.containers.what_would_be_lost(record.id)
    assert loss.files == 2
    assert loss.bytes > 2_000_000


def test_it_is_full_at_its_limit(yard: Yard) -> None:
    # What it complains of may come between the lines.
    script = "head -c 8000000 /dev/zero 2> /dev/null > /zeros; echo $?; wc -c < /zeros"
    record = in_memory(yard, script)

    *_, code, size = output(yard, record).split()
    assert code == "1"
    assert int(size) <= LIMIT


def test_removing_and_resetting_give_the_memory_back(yard: Yard) -> None:
    record = in_memory(yard, "echo hello > /new")
    yard.containers.reset(record.id)
    assert changes(yard, record) == {}
    assert yard.containers.reconcile().is_clean
    assert yard.containers.get(record.id).error == ""

    yard.containers.remove(record.id)
    assert yard.means.memory.list_ids() == []


def test_files_can_be_copied_and_reverted(yard: Yard) -> None:
    record = in_memory(yard, "echo hello > /new; echo x > /other")
    _, pieces = yard.containers.read_archive(record.id, "/new")
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
        assert tar.getnames() == ["new"]
    yard.containers.revert(record.id, ["/other"])

    assert changes(yard, record) == {"/new": "A"}


def test_after_a_restart_of_the_host_the_container_says_what_it_lost(yard: Yard) -> None:
    record = in_memory(yard, "echo hello > /new")
    yard.means.memory.drop(record.id)  # as the kernel does
    yard.containers.reconcile()

    assert yard.containers.get(record.id).error == LOST
    assert changes(yard, record) == {}
    again(yard, record)
    assert yard.containers.get(record.id).error == ""


def test_memory_that_nobody_knows_is_given_back(yard: Yard) -> None:
    record = in_memory(yard, "true")
    stray = replace(record, id="f" * 64)
    model = yard.means.bundles.locate(record.id).directory
    yard.means.memory.ensure(stray.id, limit=LIMIT, model=model)
    yard.containers.reconcile()

    assert yard.means.memory.list_ids() == [record.id]
