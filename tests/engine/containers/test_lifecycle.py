import os
import signal
import threading

import pytest

from engine.containers.bundle import Bundle
from engine.containers.containers import IfRunning
from engine.containers.state import ContainerState
from engine.errors import (
    CommandNotFound,
    ContainerNotFound,
    ContainerNotRunning,
    ContainerRunning,
    InvalidSetting,
    MountFailed,
    NameTaken,
    RuntimeFailed,
)
from tests.support.containers import IMAGE, SECONDS, Yard, started


class TestStart:
    def test_a_started_container_runs(self, yard: Yard) -> None:
        record = started(yard)

        assert record.state is ContainerState.RUNNING
        assert record.pid == yard.fake_host.containers[record.id].pid
        assert not yard.fake_host.containers[record.id].is_held
        assert record.started_at is not None
        assert yard.actions() == ["create", "start"]

    def test_starting_what_runs_changes_nothing(self, yard: Yard) -> None:
        record = started(yard)

        assert yard.containers.start(record.id) == record
        assert yard.actions() == ["create", "start"]

    def test_a_missing_command_is_told_and_leaves_the_container_at_rest(self, yard: Yard) -> None:
        record = yard.containers.create(yard.settings("nope"))
        yard.fake_host.missing_commands.add(record.id)

        with pytest.raises(CommandNotFound):
            yard.containers.start(record.id)

        after = yard.containers.get(record.id)
        assert (after.state, after.exit_code) == (ContainerState.CREATED, 127)
        assert "nope" in after.error
        assert yard.leftovers(records=1) == []

    def test_a_container_to_be_removed_goes_when_it_cannot_be_started(self, yard: Yard) -> None:
        record = yard.containers.create(yard.settings("nope", auto_remove=True))
        yard.fake_host.missing_commands.add(record.id)

        with pytest.raises(CommandNotFound):
            yard.containers.start(record.id)

        assert yard.leftovers() == []

    def test_a_mount_that_fails_leaves_nothing(
        self, yard: Yard, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = yard.containers.create(yard.settings())

        def refuse(*_: object) -> None:
            raise MountFailed("/there", errno=16)

        monkeypatch.setattr(yard.means.mounter, "mount", refuse)
        with pytest.raises(MountFailed):
            yard.containers.start(record.id)

        assert yard.containers.get(record.id).exit_code == 128
        assert yard.leftovers(records=1) == []

    def test_a_process_that_cannot_be_let_go_is_ended(
        self, yard: Yard, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = yard.containers.create(yard.settings())

        def refuse(*_: object) -> None:
            raise RuntimeFailed("start", stderr="no")

        monkeypatch.setattr(yard.means.runtime, "start", refuse)
        with pytest.raises(RuntimeFailed):
            yard.containers.start(record.id)

        after = yard.containers.get(record.id)
        assert (after.state, after.exit_code) == (ContainerState.EXITED, 128)
        assert yard.leftovers(records=1) == []

    def test_an_unknown_user_is_refused_when_the_image_can_be_asked(self, yard: Yard) -> None:
        record = yard.containers.create(yard.settings(user="bob"))

        with pytest.raises(InvalidSetting, match="unable to find user bob"):
            yard.containers.start(record.id)

        assert yard.leftovers(records=1) == []


class TestExit:
    def test_whoever_reads_next_settles(self, yard: Yard) -> None:
        record = started(yard)
        yard.fake_host.finish(record.id, 3)

        after = yard.containers.get(record.id)

        assert (after.state, after.exit_code, after.pid) == (ContainerState.EXITED, 3, 0)
        assert after.finished_at is not None
        assert yard.actions() == ["create", "start", "die"]
        assert yard.leftovers(records=1) == []

    def test_listing_settles_too(self, yard: Yard) -> None:
        record = started(yard)
        yard.fake_host.finish(record.id, 1)

        assert [each.exit_code for each in yard.containers.list()] == [1]

    def test_the_time_of_an_exit_is_that_of_its_file(self, yard: Yard) -> None:
        record = started(yard)
        assert record.started_at is not None
        yard.fake_host.finish(record.id)
        late = int(record.started_at.timestamp()) + 60
        os.utime(yard.paths.exits / record.id, (late, late))

        after = yard.containers.get(record.id)

        assert after.finished_at is not None
        assert after.finished_at.timestamp() == late

    def test_a_kill_for_lack_of_memory_is_told_before_the_death(self, yard: Yard) -> None:
        record = started(yard)
        yard.fake_host.oom_kills[f"/shipshape/{record.id}"] = 1
        yard.fake_host.finish(record.id, 137)

        assert yard.containers.get(record.id).oom_killed
        assert yard.actions() == ["create", "start", "oom", "die"]

    def test_the_monitors_word_is_enough_to_know_of_it(self, yard: Yard) -> None:
        record = started(yard)
        yard.means.bundles.locate(record.id).oom_file.touch()
        yard.fake_host.finish(record.id, 137)

        assert yard.containers.get(record.id).oom_killed

    def test_a_container_to_be_removed_goes_with_its_exit(self, yard: Yard) -> None:
        record = started(yard, auto_remove=True)
        yard.fake_host.finish(record.id)

        assert yard.containers.list() == []
        assert yard.containers.find(record.id) is None
        assert yard.actions() == ["create", "start", "die", "destroy"]
        assert yard.leftovers() == []

    def test_one_that_was_to_be_removed_is_not_started_again(self, yard: Yard) -> None:
        record = started(yard, auto_remove=True)
        yard.fake_host.finish(record.id)

        with pytest.raises(ContainerNotFound):
            yard.containers.start(record.id)
        assert yard.leftovers() == []

    def test_it_can_be_started_again_and_keeps_what_it_wrote(self, yard: Yard) -> None:
        record = started(yard)
        size = yard.containers.size(record.id)
        yard.fake_host.finish(record.id)

        again = yard.containers.start(record.id)

        assert again.is_running
        assert again.exit_code is None
        assert yard.containers.size(record.id) == size

    def test_die_carries_the_attributes_of_docker(self, yard: Yard) -> None:
        record = started(yard, name="web", labels={"team": "blue", "image": "lie"})
        yard.fake_host.finish(record.id, 3)
        yard.containers.settle()

        event = yard.means.events.list_since(0)[-1]
        assert (event.noun, event.action, event.subject) == ("container", "die", record.id)
        assert event.attributes == {
            "image": IMAGE,
            "name": "web",
            "exitCode": "3",
            "team": "blue",
        }


class TestStop:
    def test_a_container_that_listens_ends_at_once(self, yard: Yard) -> None:
        record = started(yard)

        after = yard.containers.stop(record.id)

        assert (after.state, after.exit_code) == (ContainerState.EXITED, 143)
        assert yard.actions() == ["create", "start", "kill", "die", "stop"]
        assert yard.leftovers(records=1) == []

    def test_one_that_does_not_is_killed_after_its_grace(self, yard: Yard) -> None:
        record = started(yard)
        yard.fake_host.deaf.add(record.id)

        after = yard.containers.stop(record.id, timeout=0.01)

        assert after.exit_code == 137
        assert yard.actions() == ["create", "start", "kill", "kill", "die", "stop"]

    def test_the_grace_may_be_a_setting(self, yard: Yard) -> None:
        record = started(yard, stop_timeout=0)
        yard.fake_host.deaf.add(record.id)

        assert yard.containers.stop(record.id).exit_code == 137

    def test_the_stop_signal_may_be_a_setting(self, yard: Yard) -> None:
        record = started(yard, stop_signal="SIGUSR1")

        assert yard.containers.stop(record.id).exit_code == 128 + signal.SIGUSR1

    def test_stopping_what_does_not_run_is_fine(self, yard: Yard) -> None:
        record = yard.containers.create(yard.settings())

        assert yard.containers.stop(record.id) == record

    def test_a_container_to_be_removed_is_gone_after_its_stop(self, yard: Yard) -> None:
        record = started(yard, auto_remove=True)

        assert yard.containers.stop(record.id).exit_code == 143
        assert yard.leftovers() == []

    @pytest.mark.parametrize("end", ["stop", "kill"])
    def test_one_that_somebody_else_removes_at_its_exit_was_ended_all_the_same(
        self, yard: Yard, monkeypatch: pytest.MonkeyPatch, end: str
    ) -> None:
        record = started(yard, auto_remove=True)
        deliver = yard.means.runtime.signal

        def deliver_and_look(bundle: Bundle, number: int) -> bool:
            was_delivered = deliver(bundle, number)
            assert yard.containers.find(bundle.id) is None
            return was_delivered

        monkeypatch.setattr(yard.means.runtime, "signal", deliver_and_look)
        ended = getattr(yard.containers, end)(record.id)

        assert ended.exit_code == {"stop": 143, "kill": 137}[end]
        assert yard.leftovers() == []

    def test_a_container_that_is_being_stopped_can_be_killed(self, yard: Yard) -> None:
        record = started(yard)
        yard.fake_host.deaf.add(record.id)
        stopping = threading.Thread(target=yard.containers.stop, args=(record.id,))
        stopping.start()

        yard.reopened().kill(record.id)
        stopping.join(SECONDS)

        assert not stopping.is_alive()
        assert yard.containers.get(record.id).exit_code == 137


class TestKill:
    def test_sigkill_ends_it(self, yard: Yard) -> None:
        record = started(yard)

        assert yard.containers.kill(record.id).exit_code == 137

    def test_another_signal_is_delivered(self, yard: Yard) -> None:
        record = started(yard)
        yard.fake_host.deaf.add(record.id)

        after = yard.containers.kill(record.id, signal="HUP")

        assert after.is_running
        assert yard.fake_host.containers[record.id].signals == [signal.SIGHUP]

    def test_what_does_not_run_cannot_be_killed(self, yard: Yard) -> None:
        record = yard.containers.create(yard.settings())

        with pytest.raises(ContainerNotRunning):
            yard.containers.kill(record.id)

    def test_an_unknown_signal_is_refused(self, yard: Yard) -> None:
        with pytest.raises(InvalidSetting):
            yard.containers.kill(started(yard).id, signal="NOPE")


class TestRestart:
    def test_a_running_container_gets_a_new_process(self, yard: Yard) -> None:
        record = started(yard)

        assert yard.containers.restart(record.id).pid != record.pid
        assert yard.actions() == ["create", "start", "kill", "die", "stop", "start", "restart"]

    def test_a_container_to_be_removed_survives_it(self, yard: Yard) -> None:
        record = started(yard, auto_remove=True)

        assert yard.containers.restart(record.id).is_running

    def test_one_at_rest_is_started(self, yard: Yard) -> None:
        record = yard.containers.create(yard.settings())

        assert yard.containers.restart(record.id).is_running


class TestRename:
    def test_it_has_another_name_and_the_event_tells_the_old_one(self, yard: Yard) -> None:
        yard.containers.create(yard.settings(name="web"))
        assert yard.containers.rename("web", "api").name == "api"

        assert yard.containers.find("web") is None
        event = yard.means.events.list_since(0)[-1]
        assert (event.action, event.attributes["oldName"], event.attributes["name"]) == (
            "rename",
            "/web",
            "api",
        )

    @pytest.mark.parametrize("name", ["web", "other", "", "-x", "a/b"])
    def test_a_name_that_is_taken_or_impossible_is_refused(self, yard: Yard, name: str) -> None:
        yard.containers.create(yard.settings(name="web"))
        yard.containers.create(yard.settings(name="other"))

        with pytest.raises((InvalidSetting, NameTaken)):
            yard.containers.rename("web", name)
        assert yard.containers.get("web").name == "web"


class TestRemove:
    def test_a_container_at_rest_goes_with_all_it_has(self, yard: Yard) -> None:
        record = yard.containers.create(yard.settings())
        size = yard.containers.size(record.id)

        assert yard.containers.remove(record.id) == size
        assert yard.leftovers() == []
        assert list(yard.paths.locks.iterdir()) == []
        assert yard.actions() == ["create", "destroy"]
        with pytest.raises(ContainerNotFound):
            yard.containers.remove(record.id)

    def test_one_that_runs_is_refused(self, yard: Yard) -> None:
        record = started(yard)

        with pytest.raises(ContainerRunning):
            yard.containers.remove(record.id)

        assert yard.containers.get(record.id) == record

    def test_one_that_runs_goes_by_force(self, yard: Yard) -> None:
        record = started(yard)

        assert yard.containers.remove(record.id, if_running=IfRunning.KILL) > 0
        assert yard.leftovers() == []

    def test_a_busy_mount_does_not_keep_it(self, yard: Yard) -> None:
        record = started(yard)
        yard.means.mounter.busy.add(yard.means.bundles.locate(record.id).rootfs)  # type: ignore[attr-defined]

        yard.containers.remove(record.id, if_running=IfRunning.KILL)

        assert yard.leftovers() == []

    def test_its_name_is_free_again(self, yard: Yard) -> None:
        yard.containers.remove(yard.containers.create(yard.settings(name="web")).id)

        assert yard.containers.create(yard.settings(name="web")).name == "web"
