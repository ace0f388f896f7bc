"""What every pair of monitor and runtime keeps to; subclasses say with which containers to try."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from engine.containers.monitor import Launch
from engine.containers.settle import Settler
from engine.containers.start import Starter
from engine.errors import RuntimeFailed

if TYPE_CHECKING:
    from engine.containers.bundle import Bundle
    from engine.containers.record import ContainerRecord
    from tests.support.containers import Yard

SECONDS = 20.0


class RuntimeContract:
    """Subclasses have a fixture *yard* whose image has /bin/sleep."""

    @pytest.fixture
    def record(self, yard: Yard) -> ContainerRecord:
        return yard.containers.create(yard.settings("/bin/sleep", "1000"))

    @pytest.fixture
    def bundle(self, yard: Yard, record: ContainerRecord) -> Bundle:
        bundle = yard.means.bundles.locate(record.id)
        starter = Starter(yard.means, Settler(yard.means))
        yard.means.bundles.make_run(bundle)
        yard.means.mounter.mount(yard.means.snapshotter.mounts(record.id), bundle.rootfs)
        yard.means.bundles.write_files(bundle, hosts="", hostname="here", resolver="")
        yard.means.bundles.write_spec(bundle, starter._spec(record, bundle))
        return bundle

    def launch(self, yard: Yard, bundle: Bundle) -> int:
        return yard.means.monitor.launch(Launch(bundle, "here"))

    def test_a_launched_process_is_held_until_it_is_let_go(
        self, yard: Yard, bundle: Bundle
    ) -> None:
        assert self.launch(yard, bundle) > 1
        assert yard.means.runtime.is_held(bundle)
        assert not yard.means.runtime.has_ended(bundle)
        assert yard.means.monitor.is_watching(bundle)

        yard.means.runtime.start(bundle)

        assert not yard.means.runtime.is_held(bundle)
        assert yard.means.monitor.is_watching(bundle)

    def test_nothing_is_watched_held_or_signalled_before_a_launch(
        self, yard: Yard, bundle: Bundle
    ) -> None:
        assert not yard.means.monitor.is_watching(bundle)
        assert not yard.means.runtime.is_held(bundle)
        assert not yard.means.runtime.has_ended(bundle)
        assert not yard.means.runtime.signal(bundle, signal.SIGKILL)
        assert not yard.means.runtime.is_of_this_boot(bundle)
        assert yard.means.monitor.wait(bundle, timeout=SECONDS)

    def test_starting_what_was_not_launched_fails(self, yard: Yard, bundle: Bundle) -> None:
        with pytest.raises(RuntimeFailed):
            yard.means.runtime.start(bundle)

    def test_starting_twice_fails(self, yard: Yard, bundle: Bundle) -> None:
        self.launch(yard, bundle)
        yard.means.runtime.start(bundle)

        with pytest.raises(RuntimeFailed):
            yard.means.runtime.start(bundle)

    def test_an_end_leaves_an_exit_file_and_no_monitor(self, yard: Yard, bundle: Bundle) -> None:
        self.launch(yard, bundle)
        yard.means.runtime.start(bundle)

        assert yard.means.runtime.signal(bundle, signal.SIGKILL)
        assert yard.means.monitor.wait(bundle, timeout=SECONDS)
        assert yard.means.runtime.has_ended(bundle)

        ended = yard.means.exits.find(bundle.id)
        assert ended is not None
        assert ended.code == 137
        assert not yard.means.monitor.is_watching(bundle)
        assert not yard.means.runtime.signal(bundle, signal.SIGKILL)

    def test_a_wait_ends_when_its_time_is_over(self, yard: Yard, bundle: Bundle) -> None:
        self.launch(yard, bundle)

        assert not yard.means.monitor.wait(bundle, timeout=0.01)

    def test_what_is_cleared_away_can_be_launched_again(self, yard: Yard, bundle: Bundle) -> None:
        self.launch(yard, bundle)
        self.clear(yard, bundle)
        assert not yard.means.monitor.is_watching(bundle)
        assert not yard.means.runtime.is_held(bundle)

        yard.means.exits.discard(bundle.id)
        assert self.launch(yard, bundle) > 1

    def test_clearing_away_may_be_repeated(self, yard: Yard, bundle: Bundle) -> None:
        self.clear(yard, bundle)
        self.launch(yard, bundle)
        self.clear(yard, bundle)
        self.clear(yard, bundle)

    def test_a_launch_is_of_this_boot(self, yard: Yard, bundle: Bundle) -> None:
        self.launch(yard, bundle)

        assert yard.means.runtime.is_of_this_boot(bundle)

    def test_a_connection_ends_with_the_monitor(self, yard: Yard, bundle: Bundle) -> None:
        self.launch(yard, bundle)
        with yard.means.monitor.connect(bundle) as connection:
            yard.means.runtime.start(bundle)
            yard.means.runtime.signal(bundle, signal.SIGKILL)
            assert yard.means.monitor.wait(bundle, timeout=SECONDS)

            connection.settimeout(SECONDS)
            assert connection.recv(100) == b""

    def test_hanging_up_ends_connections_and_nothing_else(self, yard: Yard, bundle: Bundle) -> None:
        self.launch(yard, bundle)
        with yard.means.monitor.connect(bundle) as connection:
            yard.means.runtime.start(bundle)
            yard.means.monitor.hang_up(bundle)

            connection.settimeout(SECONDS)
            assert connection.recv(100) == b""
        assert yard.means.monitor.is_watching(bundle)

    def test_without_a_monitor_there_is_no_connection(self, yard: Yard, bundle: Bundle) -> None:
        with pytest.raises(RuntimeFailed):
            yard.means.monitor.connect(bundle)
        yard.means.monitor.resize(bundle, rows=1, columns=1)

    def clear(self, yard: Yard, bundle: Bundle) -> None:
        yard.means.monitor.abort(bundle)
        yard.means.cgroups.destroy(bundle.cgroup)
        yard.means.runtime.delete(bundle)
