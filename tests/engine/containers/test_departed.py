from datetime import timedelta

import pytest

from engine.containers import departed
from engine.containers.record import ContainerRecord
from engine.errors import ContainerNotFound
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
    ("name", "value"),
    [("MOST", 2), ("MOST_BYTES", 120), ("LONGEST", timedelta(seconds=-1))],
)
def test_they_are_forgotten_in_time(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    for number in range(4):
        removed(yard, f"web{number}", "a line")
    monkeypatch.setattr(departed, name, value)
    (yard.paths.departed / "half").mkdir()
    yard.containers.reconcile()

    kept = [each.name for each in yard.containers.departed()]
    assert kept == ([] if name == "LONGEST" else ["web3", "web2"])
    assert not (yard.paths.departed / "half").exists()
