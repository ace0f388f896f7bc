from dataclasses import replace

import pytest

from engine.containers.exits import Exits
from engine.containers.record import Attached
from engine.containers.state import ContainerState
from engine.errors import ContainerNotFound, NameTaken
from engine.oci.timestamps import from_nanoseconds, nanoseconds
from tests.support.containers import Yard


def test_a_record_comes_back_as_it_was(yard: Yard) -> None:
    record = yard.containers.create(
        yard.settings("/bin/sh", labels={"a": "b"}, env=("A=b",)),
        attached=Attached(("stdin", "stderr"), rows=40, columns=120),
    )
    moment = from_nanoseconds(nanoseconds(record.created_at))
    changed = replace(
        record,
        state=ContainerState.EXITED,
        exit_code=9,
        oom_killed=True,
        error="why",
        started_at=moment,
        finished_at=moment,
    )

    yard.means.store.save(changed)

    assert yard.means.store.get_by_id(record.id) == changed


def test_a_name_belongs_to_one(yard: Yard) -> None:
    record = yard.containers.create(yard.settings(name="web"))

    with pytest.raises(NameTaken):
        yard.means.store.insert(replace(record, id="a" * 64))


def test_the_newest_come_first(yard: Yard) -> None:
    ids = [yard.containers.create(yard.settings()).id for _ in range(3)]

    assert [each.id for each in yard.containers.list()] == ids[::-1]


def test_deleting_what_is_not_there_is_fine(yard: Yard) -> None:
    yard.means.store.delete("a" * 64)

    with pytest.raises(ContainerNotFound):
        yard.means.store.get_by_id("a" * 64)


class TestExits:
    def test_an_unfinished_exit_file_is_not_an_exit(self, yard: Yard) -> None:
        exits = Exits(yard.paths.exits)
        (yard.paths.exits / ("a" * 64 + ".Xy12")).write_text("0")

        assert exits.list_ids() == []

    @pytest.mark.parametrize(("text", "code"), [("0", 0), ("137\n", 137), ("-1", 255), ("", 255)])
    def test_the_code_is_read_or_said_to_be_unknown(self, yard: Yard, text: str, code: int) -> None:
        (yard.paths.exits / ("a" * 64)).write_text(text)

        found = Exits(yard.paths.exits).find("a" * 64)

        assert found is not None
        assert found.code == code
