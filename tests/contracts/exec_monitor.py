"""What every monitor of execs keeps to; subclasses say in which containers to try."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.containers.exec_monitor import ExecLaunch
from engine.containers.exec_record import ExecPlace, ExecStore, read_number
from engine.containers.execute import exec_process, read_spec
from engine.errors import CommandNotFound
from engine.settings import ExecSettings

if TYPE_CHECKING:
    import socket

    from tests.support.containers import Yard

SECONDS = 20.0


class ExecMonitorContract:
    """Subclasses have a fixture *yard* whose image has echo, false and sleep in /bin."""

    def launched(self, yard: Yard, *command: str) -> ExecLaunch:
        record = yard.containers.create(yard.settings("/bin/sleep", "1000"))
        yard.containers.start(record.id)
        bundle = yard.means.bundles.locate(record.id)
        store = ExecStore(yard.means.bundles)
        settings = ExecSettings(command=command)
        place = ExecPlace(store.add(bundle, settings).id, bundle)
        process = exec_process(read_spec(bundle), bundle, settings, bits=0)
        with store.starting(place, process):
            return ExecLaunch(place)

    def start(self, yard: Yard, launch: ExecLaunch) -> socket.socket:
        connection = yard.means.exec_monitor.start(launch)
        connection.settimeout(SECONDS)
        return connection

    def test_output_comes_from_the_first_byte_to_the_end(self, yard: Yard) -> None:
        launch = self.launched(yard, "/bin/echo", "hello")
        with self.start(yard, launch) as connection:
            assert connection.recv(100) == b"\2hello\n"
            assert connection.recv(100) == b""
        assert yard.means.exec_monitor.wait(launch.place, timeout=SECONDS)
        assert read_number(launch.place.exit_file) == 0
        assert not yard.means.exec_monitor.is_watching(launch.place)

    def test_the_exit_code_is_that_of_the_command(self, yard: Yard) -> None:
        launch = self.launched(yard, "/bin/false")
        with self.start(yard, launch):
            assert yard.means.exec_monitor.wait(launch.place, timeout=SECONDS)
        assert read_number(launch.place.exit_file) == 1

    def test_a_missing_command_is_told_at_once(self, yard: Yard) -> None:
        launch = self.launched(yard, "/bin/nope")
        with pytest.raises(CommandNotFound) as caught:
            yard.means.exec_monitor.start(launch)
        assert caught.value.exit_code == 127
        assert yard.means.exec_monitor.wait(launch.place, timeout=SECONDS)

    def test_what_goes_on_is_watched_until_it_is_ended(self, yard: Yard) -> None:
        launch = self.launched(yard, "/bin/sleep", "1000")
        with self.start(yard, launch):
            assert yard.means.exec_monitor.is_watching(launch.place)
            assert not yard.means.exec_monitor.wait(launch.place, timeout=0.01)
            assert (read_number(launch.place.pid_file) or 0) > 1

            assert yard.means.exec_monitor.abort([launch.place], grace=0.0)
            assert not yard.means.exec_monitor.is_watching(launch.place)
        assert yard.means.exec_monitor.abort([launch.place], grace=0.0)
