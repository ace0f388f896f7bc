import os
import threading
from pathlib import Path

import pytest

from engine.errors import ProgramNotFound, SystemFailure
from engine.progress import Cancellation, Cancelled
from engine.system.processes import find_identity
from engine.system.runner import find_program, get_program, run, start_daemon
from tests.support.services import wait_until

SH = "/bin/bash"


def test_what_a_program_prints_and_its_code_come_back() -> None:
    finished = run([SH, "-c", "echo out; echo err >&2; exit 3"], timeout=10)

    assert (finished.code, finished.stdout, finished.stderr) == (3, b"out\n", b"err\n")
    assert finished.complaint == "err"


def test_no_word_passes_a_shell() -> None:
    assert run(["/bin/echo", "$HOME; ls"], timeout=10).stdout == b"$HOME; ls\n"


def test_output_is_cut_at_the_limit_and_the_program_still_ends() -> None:
    finished = run([SH, "-c", "yes | head -c 1000000; echo >&2 done"], timeout=20, limit=1000)

    assert finished.code == 0
    assert len(finished.stdout) == 1000
    assert finished.stderr == b"done\n"


def test_a_slow_program_is_killed() -> None:
    with pytest.raises(SystemFailure, match="did not finish in time"):
        run(["/bin/sleep", "1000"], timeout=0.05)


def test_the_environment_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "1")

    assert b"SECRET" not in run(["/usr/bin/env"], timeout=10).stdout


def test_no_descriptor_of_ours_is_passed_on(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as stream:
        os.set_inheritable(stream.fileno(), True)
        listed = run(["/bin/ls", "-l", "/proc/self/fd"], timeout=10).stdout

    assert str(tmp_path).encode() not in listed


def test_a_program_that_is_missing_is_named() -> None:
    with pytest.raises(ProgramNotFound) as caught:
        run(["/no/such/program"], timeout=1)

    assert caught.value.program == "/no/such/program"
    assert find_program("no-such-program") is None
    with pytest.raises(ProgramNotFound, match="no-such-program"):
        get_program("no-such-program")


class TestDaemon:
    def start(self, script: str, tmp_path: Path, timeout: float = 10):
        with (tmp_path / "inherited").open("w") as inherited:
            return start_daemon(
                [SH, "-c", script],
                report_variable="REPORT",
                inherits=[inherited.fileno()],
                timeout=timeout,
                cwd=tmp_path,
            )

    def test_its_report_comes_back_while_it_goes_on(self, tmp_path: Path) -> None:
        script = 'mkfifo f; (eval "echo started >&$REPORT"; cat f >/dev/null; touch over) &'
        finished = self.start(script, tmp_path)

        assert (finished.code, finished.stdout) == (0, b"started\n")
        assert not (tmp_path / "over").exists()
        (tmp_path / "f").write_text("go")

    def test_it_keeps_what_it_inherits_and_nothing_else(self, tmp_path: Path) -> None:
        self.start("ls -l /proc/$$/fd > listed", tmp_path)

        listed = (tmp_path / "listed").read_text()
        assert str(tmp_path / "inherited") in listed
        # stdin, stdout, stderr, the report and what was given; bash opens one of its own.
        assert listed.count("->") <= 6

    def test_one_that_ends_without_a_report_has_its_complaint_heard(self, tmp_path: Path) -> None:
        finished = self.start("echo no good >&2; exit 4", tmp_path)

        assert (finished.code, finished.stdout, finished.complaint) == (4, b"", "no good")

    def test_one_that_never_reports_is_given_up(self, tmp_path: Path) -> None:
        with pytest.raises(SystemFailure):
            self.start("exec sleep 1000", tmp_path, timeout=0.05)


def test_a_program_that_nobody_wants_any_more_is_killed_with_what_it_started(
    tmp_path: Path,
) -> None:
    cancellation, note = Cancellation(), tmp_path / "pid"
    words = [SH, "-c", f"sleep 1000 & echo $! > {note}.new; mv {note}.new {note}; wait"]
    watcher = threading.Thread(
        target=lambda: (wait_until(note.exists, what="its child"), cancellation.cancel())
    )
    watcher.start()

    with pytest.raises(Cancelled):
        run(words, timeout=100, cancellation=cancellation)

    watcher.join()
    child = int(note.read_text())
    wait_until(lambda: find_identity(child) is None, what="the end of what it started")
