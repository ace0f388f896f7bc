import json
from datetime import timedelta
from typing import Any

import pytest

from engine.containers import departed
from engine.containers.departed import DepartedLimits
from engine.containers.record import ContainerRecord
from engine.errors import ContainerNotFound, InvalidSetting, LogUnreadable
from engine.settings import LogSettings
from tests.support.containers import Yard


def removed(yard: Yard, name: str, *lines: str) -> ContainerRecord:
    record = yard.containers.create(yard.settings(name=name))
    yard.containers.start(record.id)
    with yard.means.bundles.locate(record.id).log.open("a") as stream:
        stream.writelines(f"2026-01-01T00:00:00.0+00:00 stdout F {line}\n" for line in lines)
    yard.fake_host.finish(record.id, 3)
    yard.containers.remove(record.id)
    return record


def test_what_was_printed_can_be_read_after_a_removal(yard: Yard) -> None:
    record = removed(yard, "web", "one", "two")

    (found,) = yard.containers.departed()
    assert (found.id, found.name, found.exit_code) == (record.id, "web", 3)
    for text in ("web", record.id, record.id[:8]):
        assert [each.text for each in yard.containers.departed_logs(text)] == ["one", "two"]
    assert [each.text for each in yard.containers.departed_logs("web", tail=1)] == ["two"]


def test_the_last_of_a_name_is_meant(yard: Yard) -> None:
    removed(yard, "web", "old")
    removed(yard, "web", "new")

    assert [each.text for each in yard.containers.departed_logs("web")] == ["new"]


def test_silence_is_not_kept(yard: Yard) -> None:
    removed(yard, "web")

    assert list(yard.containers.departed()) == []
    with pytest.raises(ContainerNotFound):
        list(yard.containers.departed_logs("web"))
    with pytest.raises(ContainerNotFound):
        list(yard.containers.departed_logs(""))


@pytest.mark.parametrize(
    ("limits", "names"),
    [
        pytest.param(DepartedLimits(most_bytes=120), ["web3", "web2"], id="bytes"),
        pytest.param(DepartedLimits(timedelta()), [], id="age"),
        pytest.param(DepartedLimits(most_bytes=0), [], id="none"),
        pytest.param(DepartedLimits(), ["web3", "web2", "web1", "web0"], id="all"),
    ],
)
def test_they_are_forgotten_in_time(yard: Yard, limits: DepartedLimits, names: list[str]) -> None:
    for number in range(4):
        removed(yard, f"web{number}", "a line")
    (yard.paths.departed / "half").mkdir()

    yard.containers.keep_departed(limits)

    assert [each.name for each in yard.containers.departed()] == names
    assert not (yard.paths.departed / "half").exists()


def test_there_are_so_many_at_most(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(departed, "MOST", 2)
    for number in range(4):
        removed(yard, f"web{number}", "a line")

    yard.containers.reconcile()

    assert [each.name for each in yard.containers.departed()] == ["web3", "web2"]


def test_limits_hold_for_whoever_removes(yard: Yard) -> None:
    yard.containers.keep_departed(DepartedLimits(timedelta(hours=1), 100))
    other = yard.reopened()

    assert other.departed_limits == DepartedLimits(timedelta(hours=1), 100)
    removed(yard, "large", "x" * 200)
    removed(yard, "small", "x")
    assert [each.name for each in other.departed()] == ["small"]

    yard.containers.keep_departed(DepartedLimits(timedelta()))
    removed(yard, "web", "x")
    assert list(other.departed()) == []


@pytest.mark.parametrize("told", ["", "{}", "[1]", '{"seconds": -1, "bytes": 1}', "null"])
def test_limits_that_mean_nothing_are_those_that_nobody_set(yard: Yard, told: str) -> None:
    yard.paths.departed.mkdir(parents=True)
    (yard.paths.departed / "limits").write_text(told)

    assert yard.containers.departed_limits == DepartedLimits()


@pytest.mark.parametrize("limits", [{"longest": timedelta(-1)}, {"most_bytes": -1}])
def test_limits_below_nothing_are_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(InvalidSetting, match="cannot be negative"):
        DepartedLimits(**limits)


def test_all_files_of_a_log_are_kept(yard: Yard) -> None:
    record = yard.containers.create(
        yard.settings(name="web", log=LogSettings(max_size=8192, max_file=9))
    )
    log = yard.means.bundles.locate(record.id).log
    for number in range(1, 9):
        line = f"2026-01-01T00:00:00.0+00:00 stdout F {number}\n"
        log.with_name(f"{log.name}.{number}").write_text(line)
    yard.containers.remove(record.id)

    found = [each.text for each in yard.containers.departed_logs("web")]
    assert found == [str(number) for number in range(1, 9)]


def test_output_is_found_by_its_cursor_wherever_its_container_is(yard: Yard) -> None:
    record = yard.containers.create(yard.settings(name="web"), owner="ana")
    log = yard.means.bundles.locate(record.id).log
    lines = [f"2026-01-01T00:00:00.0+00:00 stdout F {word}\n" for word in ("one", "two")]
    log.write_text("".join(lines))
    cursor = yard.containers.output(record.id).read(lines=1).cursor

    def rest() -> list[str]:
        return [each.text for each in yard.containers.output(record.id).read(cursor).lines]

    assert rest() == ["two"]
    yard.containers.trash.put(record.id, owner="otto")
    assert rest() == ["two"]
    yard.containers.trash.discard(record.id)
    assert rest() == ["two"]
    assert yard.containers.output(record.id).is_over
    note = yard.containers.find_departed(record.id)
    assert note is not None
    assert (note.owner, note.by) == ("ana", "otto")


@pytest.mark.parametrize("text", ["", "web", "..", "../departed", "c" * 63, "C" * 64])
def test_only_a_whole_id_finds_what_departed(yard: Yard, text: str) -> None:
    removed(yard, "web", "one")

    assert yard.containers.find_departed(text) is None
    with pytest.raises(ContainerNotFound):
        yard.containers.output(text)


def test_what_is_not_kept_is_said_to_be(yard: Yard) -> None:
    record = yard.containers.create(yard.settings(log=LogSettings(driver="none")))

    with pytest.raises(LogUnreadable):
        yard.containers.output(record.id)


def test_notes_of_an_earlier_version_are_read(yard: Yard) -> None:
    record = removed(yard, "web", "one")
    note = yard.paths.departed / record.id / "note"
    told = json.loads(note.read_text())
    note.write_text(json.dumps({k: v for k, v in told.items() if k not in {"owner", "by"}}))

    assert [(each.name, each.owner) for each in yard.containers.departed()] == [("web", "")]
