import threading

import pytest

from engine.containers.containers import WaitFor
from engine.settings import RestartPolicy
from tests.support.containers import SECONDS, Yard, started


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
