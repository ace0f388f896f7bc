import os
import signal
import threading

import pytest

from engine.containers.bundle import Bundle
from engine.containers.containers import IfRunning, WaitFor
from engine.containers.record import ContainerRecord
from engine.containers.state import ContainerState
from engine.errors import (
    AmbiguousID,
    CommandNotFound,
    ContainerNotFound,
    ContainerNotRunning,
    ContainerRunning,
    ImageNotFound,
    InvalidSetting,
    MountFailed,
    NameTaken,
    RuntimeFailed,
)
from engine.settings import ContainerSettings, Endpoint, RestartPolicy
from tests.support.containers import IMAGE, Yard

SECONDS = 20.0


def started(yard: Yard, **settings: object) -> ContainerRecord:
    record = yard.containers.create(yard.settings("/bin/sleep", **settings))
    return yard.containers.start(record.id)


class TestCreate:
    def test_a_new_container_is_created_and_at_rest(self, yard: Yard) -> None:
        record = yard.containers.create(yard.settings("/bin/sh", name="web"), owner="ana")

        assert record.state is ContainerState.CREATED
        assert (record.name, record.owner, record.image_reference) == ("web", "ana", IMAGE)
        assert record.command == ("/bin/sh",)
        assert record.pid == 0
        assert yard.containers.get("web") == record
        assert yard.actions() == ["create"]
        assert yard.leftovers(records=1) == []

    def test_without_a_name_one_is_made_up(self, yard: Yard) -> None:
        first = yard.containers.create(yard.settings())
        second = yard.containers.create(yard.settings())

        assert first.name != second.name
        assert "_" in first.name

    def test_a_taken_name_is_refused_and_nothing_is_left(self, yard: Yard) -> None:
        holder = yard.containers.create(yard.settings(name="web"))

        with pytest.raises(NameTaken) as caught:
            yard.containers.create(yard.settings(name="web"))

        assert caught.value.holder == holder.id
        assert yard.leftovers(records=1) == []

    def test_a_name_taken_at_the_last_moment_leaves_nothing_either(
        self, yard: Yard, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make = yard.means.bundles.make

        def make_late(bundle: Bundle) -> None:
            monkeypatch.undo()
            yard.containers.create(yard.settings(name="web"))
            make(bundle)

        monkeypatch.setattr(yard.means.bundles, "make", make_late)
        with pytest.raises(NameTaken):
            yard.containers.create(yard.settings(name="web"))

        assert yard.leftovers(records=1) == []

    def test_more_processors_than_there_are_cannot_be_had(self, yard: Yard) -> None:
        with pytest.raises(InvalidSetting, match="only 2 CPUs available"):
            yard.containers.create(yard.settings(nano_cpus=2_000_000_001))

    def test_a_link_to_what_does_not_exist_is_refused(self, yard: Yard) -> None:
        with pytest.raises(InvalidSetting, match="could not get container for nope"):
            yard.containers.create(
                yard.settings(network="bridge", endpoints=(Endpoint("bridge", links=("nope:x",)),))
            )

        assert yard.leftovers() == []

    def test_an_unknown_image_is_refused(self, yard: Yard) -> None:
        with pytest.raises(ImageNotFound):
            yard.containers.create(ContainerSettings(image="nowhere"))

        assert yard.leftovers() == []

    def test_an_image_that_goes_meanwhile_leaves_nothing(
        self, yard: Yard, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make = yard.means.bundles.make

        def make_late(bundle: Bundle) -> None:
            yard.images.remove(IMAGE)
            make(bundle)

        monkeypatch.setattr(yard.means.bundles, "make", make_late)
        with pytest.raises(ImageNotFound):
            yard.containers.create(yard.settings())

        assert yard.leftovers() == []

    def test_nothing_to_run_is_refused_before_anything_is_made(self, yard: Yard) -> None:
        with pytest.raises(InvalidSetting, match="No command"):
            yard.containers.create(
                yard.settings(entrypoint=("",)).from_json({"image": IMAGE, "entrypoint": []})
            )

        assert yard.leftovers() == []

    def test_the_image_knows_its_holders_and_its_last_use(self, yard: Yard) -> None:
        record = yard.containers.create(yard.settings(name="web"))

        assert yard.containers.holders(record.image_id) == ("web",)
        assert yard.images.used == [record.image_id]


class TestReferences:
    def test_a_container_is_meant_by_id_prefix_or_name(self, yard: Yard) -> None:
        record = yard.containers.create(yard.settings(name="web"))

        for ref in (record.id, record.id[:4], "web"):
            assert yard.containers.get(ref).id == record.id

    def test_a_name_wins_over_the_beginning_of_an_id(self, yard: Yard) -> None:
        first = yard.containers.create(yard.settings())
        second = yard.containers.create(yard.settings(name=first.id[:6]))

        assert yard.containers.get(first.id[:6]).id == second.id

    def test_a_prefix_of_several_is_refused(self, yard: Yard) -> None:
        ids = [yard.containers.create(yard.settings()).id for _ in range(17)]
        prefix = next(each[0] for each in ids if sum(i[0] == each[0] for i in ids) > 1)

        with pytest.raises(AmbiguousID):
            yard.containers.get(prefix)

    @pytest.mark.parametrize("ref", ["", "nobody", "zz", "' OR 1=1", "%"])
    def test_what_names_nothing_is_not_found(self, yard: Yard, ref: str) -> None:
        yard.containers.create(yard.settings())

        with pytest.raises(ContainerNotFound):
            yard.containers.get(ref)
        assert yard.containers.find(ref) is None


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


class TestWait:
    def test_it_returns_the_exit(self, yard: Yard) -> None:
        record = started(yard)
        threading.Timer(0.02, yard.fake_host.finish, (record.id, 5)).start()

        ended = yard.containers.wait(record.id, timeout=SECONDS)

        assert ended is not None
        assert ended.code == 5

    def test_it_gives_up_when_its_time_is_over(self, yard: Yard) -> None:
        assert yard.containers.wait(started(yard).id, timeout=0.01) is None

    def test_it_tells_of_a_container_that_somebody_removed(self, yard: Yard) -> None:
        record = started(yard, auto_remove=True)

        def finish() -> None:
            yard.fake_host.finish(record.id, 7)
            yard.reopened().settle()

        threading.Timer(0.02, finish).start()
        ended = yard.containers.wait(record.id, timeout=SECONDS)

        assert ended is not None
        assert ended.code == 7

    def test_a_monitor_that_was_killed_ends_the_wait(self, yard: Yard) -> None:
        record = started(yard)
        threading.Timer(0.02, yard.fake_host.kill_monitor, (record.id,)).start()

        ended = yard.containers.wait(record.id, timeout=SECONDS)

        assert ended is not None
        assert ended.code == 137
        assert "monitor" in ended.error
        assert yard.leftovers(records=1) == []

    def test_what_never_ran_has_ended(self, yard: Yard) -> None:
        record = yard.containers.create(yard.settings())

        ended = yard.containers.wait(record.id)

        assert ended is not None
        assert ended.code == 0


class TestWaitFor:
    def test_the_next_exit_is_that_of_a_run_to_come(self, yard: Yard) -> None:
        record = yard.containers.create(yard.settings("/bin/sleep"))

        def live() -> None:
            yard.reopened().start(record.id)
            yard.fake_host.finish(record.id, 4)

        threading.Timer(0.05, live).start()
        ended = yard.containers.wait(record.id, condition=WaitFor.NEXT_EXIT, timeout=SECONDS)

        assert ended is not None
        assert ended.code == 4

    def test_removed_means_gone_and_tells_the_last_code(self, yard: Yard) -> None:
        record = started(yard, auto_remove=True)
        threading.Timer(0.05, yard.fake_host.finish, (record.id, 6)).start()
        ended = yard.containers.wait(record.id, condition=WaitFor.REMOVED, timeout=SECONDS)

        assert ended is not None
        assert ended.code == 6
        assert yard.containers.find(record.id) is None

    @pytest.mark.parametrize("condition", list(WaitFor))
    def test_whoever_does_not_want_to_wait_any_more_need_not(
        self, yard: Yard, condition: WaitFor
    ) -> None:
        record = started(yard)

        assert yard.containers.wait(record.id, condition=condition, is_stopped=lambda: True) is None

    def test_a_restart_ends_a_wait_too(self, yard: Yard) -> None:
        record = started(yard, restart=RestartPolicy("always"))
        yard.fake_host.finish(record.id, 9)

        ended = yard.containers.wait(record.id, timeout=SECONDS)
        assert ended is not None
        assert ended.code == 9


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
