import json
from typing import Any

import pytest

from engine.containers import exec_record
from engine.containers.containers import IfRunning
from engine.containers.exec_record import ExecStore
from engine.containers.execute import exec_process, read_spec
from engine.containers.record import ContainerRecord
from engine.errors import (
    CommandNotFound,
    ContainerNotRunning,
    ExecNotFound,
    ExecStarted,
    InvalidSetting,
    LimitExceeded,
)
from engine.settings import ExecSettings
from tests.contracts.exec_monitor import ExecMonitorContract
from tests.support.containers import Yard
from tests.support.inline import Inline


class TestFakeExecMonitor(ExecMonitorContract):
    pass


@pytest.fixture
def record(yard: Yard) -> ContainerRecord:
    return yard.containers.start(yard.containers.create(yard.settings("/bin/sleep", "9")).id)


def command(*words: str, **more: Any) -> ExecSettings:
    return ExecSettings(command=words, **more)


class TestLife:
    def test_it_is_created_runs_and_has_ended(self, yard: Yard, record: ContainerRecord) -> None:
        created = yard.containers.exec_create(record.id, command("/bin/echo", "hi"))
        assert (created.is_started, created.is_running, created.exit_code) == (False, False, None)

        attachment = yard.containers.exec_start(created.id)
        assert attachment
        assert attachment.read() == (2, b"hi\n")
        assert attachment.read() is None
        assert attachment.exit_code == 0

        ended = yard.containers.exec_get(created.id)
        assert (ended.is_started, ended.is_running, ended.exit_code) == (True, False, 0)
        assert yard.containers.exec_list(record.id) == [ended]

    def test_detached_it_runs_on(self, yard: Yard, record: ContainerRecord) -> None:
        created = yard.containers.exec_create(record.id, command("/bin/sleep", "9"))
        assert yard.containers.exec_start(created.id, detach=True) is None

        running = yard.containers.exec_get(created.id)
        assert running.is_running
        assert running.pid > 1

    def test_it_runs_once(self, yard: Yard, record: ContainerRecord) -> None:
        created = yard.containers.exec_create(record.id, command("/bin/sleep", "9"))
        yard.containers.exec_start(created.id, detach=True)
        with pytest.raises(ExecStarted, match="is already running"):
            yard.containers.exec_start(created.id)

    def test_one_that_nobody_starts_any_more_has_ended(
        self, yard: Yard, record: ContainerRecord
    ) -> None:
        created = yard.containers.exec_create(record.id, command("/bin/sleep", "9"))
        store = ExecStore(yard.means.bundles)
        with store.starting(store.locate(created.id), {}):
            assert yard.containers.exec_get(created.id).is_running

        # Whoever started it was killed, and has not come to a monitor.
        ended = yard.containers.exec_get(created.id)
        assert (ended.is_running, ended.exit_code) == (False, 137)

    def test_a_command_that_is_not_there_is_recorded(
        self, yard: Yard, record: ContainerRecord
    ) -> None:
        created = yard.containers.exec_create(record.id, command("nope"))
        with pytest.raises(CommandNotFound):
            yard.containers.exec_start(created.id)

        assert yard.containers.exec_get(created.id).exit_code == 127
        with pytest.raises(ExecStarted, match="has already run"):
            yard.containers.exec_start(created.id)

    def test_it_goes_with_the_containers_run(self, yard: Yard, record: ContainerRecord) -> None:
        created = yard.containers.exec_create(record.id, command("/bin/sleep", "9"))
        attachment = yard.containers.exec_start(created.id)
        yard.containers.kill(record.id)

        assert attachment
        assert attachment.read() is None
        assert attachment.exit_code == 137
        with pytest.raises(ExecNotFound):
            yard.containers.exec_get(created.id)
        assert yard.containers.exec_list(record.id) == []

    def test_nothing_runs_in_what_does_not(self, yard: Yard, record: ContainerRecord) -> None:
        created = yard.containers.exec_create(record.id, command("/bin/echo"))
        yard.containers.kill(record.id)
        with pytest.raises(ContainerNotRunning, match="is not running"):
            yard.containers.exec_create(record.id, command("/bin/echo"))
        with pytest.raises(ExecNotFound, match="No such exec instance"):
            yard.containers.exec_start(created.id)

    def test_the_terminal_gets_its_size(self, yard: Yard, record: ContainerRecord) -> None:
        created = yard.containers.exec_create(record.id, command("/bin/sleep", "9", tty=True))
        yard.containers.exec_start(created.id, detach=True)
        yard.containers.exec_resize(created.id, rows=3, columns=4)

        assert yard.fake_host.execs[created.id].size == (3, 4)

    @pytest.mark.parametrize("text", ["", "x", "../..", "f" * 64, "f" * 63])
    def test_what_is_no_exec_is_not_found(self, yard: Yard, text: str) -> None:
        with pytest.raises(ExecNotFound):
            yard.containers.exec_get(text)

    def test_the_newest_that_have_ended_are_kept(
        self, yard: Yard, record: ContainerRecord, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(exec_record, "KEPT", 2)
        monkeypatch.setattr(exec_record, "MOST", 4)
        ids = []
        for number in range(5):
            created = yard.containers.exec_create(record.id, command("/bin/echo", str(number)))
            yard.containers.exec_start(created.id, detach=True)
            ids.append(created.id)
        assert [each.id for each in yard.containers.exec_list(record.id)] == ids[-3:]

        for _ in range(2):
            yard.containers.exec_create(record.id, command("/bin/sleep"))
        with pytest.raises(LimitExceeded):
            yard.containers.exec_create(record.id, command("/bin/sleep"))
        yard.containers.remove(record.id, if_running=IfRunning.KILL)


@pytest.mark.parametrize("field", ["command", "env", "user", "working_dir"])
def test_half_of_a_character_is_none(field: str) -> None:
    words = ("A=\ud800",) if field in {"command", "env"} else "A=\ud800"
    with pytest.raises(InvalidSetting, match=f"{field}: holds half of a character"):
        ExecSettings(**{"command": ("true",), field: words})


def told(yard: Yard) -> list[tuple[str, str]]:
    """Return what was told of execs, and the exit codes."""
    events = yard.means.events.list_since(0)
    return [
        (event.action, event.attributes.get("exitCode", ""))
        for event in events
        if event.action.startswith("exec_")
    ]


class TestTelling:
    def test_the_end_is_told_once(self, yard: Yard, record: ContainerRecord) -> None:
        created = yard.containers.exec_create(record.id, command("/bin/echo", "hi"))
        attachment = yard.containers.exec_start(created.id)
        assert attachment
        assert [attachment.exit_code, attachment.exit_code] == [0, 0]
        yard.containers.exec_get(created.id)
        yard.containers.keeper().round(Inline())

        assert told(yard) == [
            ("exec_create: /bin/echo hi", ""),
            ("exec_start: /bin/echo hi", ""),
            ("exec_die", "0"),
        ]
        end = yard.means.events.list_since(0)[-1]
        assert end.subject == record.id
        assert end.attributes["execID"] == created.id
        attachment.close()

    def test_whoever_keeps_the_containers_tells_of_what_nobody_waits_for(
        self, yard: Yard, record: ContainerRecord
    ) -> None:
        for words in (("/bin/false",), ("/bin/sleep", "9")):
            created = yard.containers.exec_create(record.id, command(*words))
            yard.containers.exec_start(created.id, detach=True)
        yard.containers.keeper().round(Inline())

        assert [each for each in told(yard) if each[0] == "exec_die"] == [("exec_die", "1")]

    def test_those_that_run_end_with_the_container(
        self, yard: Yard, record: ContainerRecord
    ) -> None:
        created = yard.containers.exec_create(record.id, command("/bin/sleep", "9"))
        yard.containers.exec_start(created.id, detach=True)
        yard.containers.kill(record.id)

        assert told(yard)[-1] == ("exec_die", "137")
        assert list(yard.paths.execs.iterdir()) == []

    def test_what_could_not_be_run_does_not_end(self, yard: Yard, record: ContainerRecord) -> None:
        created = yard.containers.exec_create(record.id, command("nope"))
        with pytest.raises(CommandNotFound):
            yard.containers.exec_start(created.id)

        assert told(yard)[-1] == ("exec_start: nope ", "")
        assert list(yard.paths.execs.iterdir()) == []

    def test_a_note_without_an_exec_goes(self, yard: Yard, record: ContainerRecord) -> None:
        (yard.paths.execs / f"{record.id}.{'f' * 64}").touch()
        yard.containers.keeper().round(Inline())

        assert list(yard.paths.execs.iterdir()) == []


class TestProcess:
    def process(self, yard: Yard, record: ContainerRecord, **more: Any) -> dict[str, Any]:
        (yard.means.bundles.locate(record.id).rootfs / "etc").mkdir(exist_ok=True)
        bundle = yard.means.bundles.locate(record.id)
        return exec_process(read_spec(bundle), bundle, command("id", **more), bits=1 << 21)

    def test_it_is_like_the_containers_own(self, yard: Yard, record: ContainerRecord) -> None:
        own = json.loads(yard.means.bundles.locate(record.id).spec.read_bytes())["process"]

        assert self.process(yard, record) == own | {"args": ["id"]}

    def test_env_directory_and_terminal_are_its_own(
        self, yard: Yard, record: ContainerRecord
    ) -> None:
        process = self.process(yard, record, env=("A=1", "PATH=/x"), working_dir="/tmp", tty=True)

        assert {"A=1", "PATH=/x", "TERM=xterm"} < set(process["env"])
        assert process["cwd"] == "/tmp"
        assert process["terminal"]

    def test_another_user_has_another_home_and_no_capabilities(
        self, yard: Yard, record: ContainerRecord
    ) -> None:
        process = self.process(yard, record, user="1000:50")

        assert process["user"] == {"uid": 1000, "gid": 50, "additionalGids": [50]}
        assert process["capabilities"]["effective"] == []
        assert len(process["capabilities"]["bounding"]) == 14
        assert [each for each in process["env"] if each.startswith("HOME=")] == ["HOME=/"]

    def test_a_privileged_one_has_all_capabilities(
        self, yard: Yard, record: ContainerRecord
    ) -> None:
        process = self.process(yard, record, privileged=True)

        assert process["capabilities"]["effective"] == ["CAP_SYS_ADMIN"]

    def test_a_user_that_is_not_there_is_refused(self, yard: Yard, record: ContainerRecord) -> None:
        with pytest.raises(InvalidSetting, match="unable to find user"):
            self.process(yard, record, user="nobody")


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"command": []}, "command"),
        ({"command": [""]}, "command"),
        ({"command": ["x\0"]}, "command"),
        ({"command": ["x"], "user": "a:b:c"}, "user"),
        ({"command": ["x"], "nope": 1}, "nope"),
        ({}, "command"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: object, field: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        ExecSettings.from_json(settings)
    assert caught.value.field == field
