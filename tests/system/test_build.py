"""Builds with real programs in real namespaces, on the starter image."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from engine.build.context import DirectoryContext
from engine.build.request import BuildRequest
from engine.engine import Engine
from engine.errors import DockerfileError, StepFailed
from engine.progress import BuildOutput, Cancellation, Cancelled
from engine.system.paths import EnginePaths

pytestmark = pytest.mark.root
STARTER = "shipshape/starter"


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    base = tmp_path_factory.mktemp("build")
    return EnginePaths(base / "root", base / "run")


@pytest.fixture(scope="module")
def engine(paths):
    with Engine.open(paths) as opened:
        opened.images.make_starter()
        yield opened


class Printed:
    def __init__(self):
        self.text = ""

    def emit(self, event):
        if isinstance(event, BuildOutput):
            self.text += event.content.decode()


@pytest.fixture
def output(engine, tmp_path):
    def build(text, **options):
        printed = Printed()
        options.setdefault("network", "none")
        engine.builds.build(
            BuildRequest(**options),
            DirectoryContext(tmp_path, f"FROM {STARTER}\n{text}".encode()),
            progress=printed,
        )
        return printed.text

    return build


def test_a_program_runs_with_the_config_of_its_line(output):
    text = output(
        'ENV A=1\nARG B=2\nWORKDIR /w\nUSER 7:8\nRUN echo "$A $B $(pwd) $(id -u):$(id -g) $HOME"'
    )

    assert text == "1 2 /w 7:8 /\n"


def test_both_streams_are_told(output):
    assert sorted(output("RUN echo out; echo err >&2").split()) == ["err", "out"]


def test_a_program_has_the_capabilities_of_a_container(output):
    assert "CapEff:\t00000000a80425fb" in output("RUN grep CapEff /proc/self/status")


def test_a_command_that_is_not_there_is_127(output):
    with pytest.raises(StepFailed) as caught:
        output('RUN ["/nope"]')

    assert caught.value.exit_code == 127
    assert "/nope" in caught.value.tail


def test_what_a_program_leaves_running_is_ended(output):
    # The step ends although somebody still holds its output open.
    assert output("RUN sleep 1000 & echo started") == "started\n"


def test_a_program_that_is_killed_has_the_code_of_its_signal(output):
    with pytest.raises(StepFailed) as caught:
        output("RUN sh -c 'kill -9 $$'; exit $?")

    assert caught.value.exit_code == 137


def test_files_are_what_the_next_step_finds(output):
    assert output("RUN echo 1 >/x; mkdir /d; ln -s x /l\nRUN cat /l; ls -d /d") == "1\n/d\n"


def test_mounts_are_there_and_leave_nothing(output, tmp_path):
    (tmp_path / "f").write_text("context\n")
    text = output(
        "RUN --mount=target=/ctx --mount=type=tmpfs,target=/mem --mount=type=secret,id=s"
        " cat /ctx/f; cat /run/secrets/s; touch /mem/x && echo memory; touch /ctx/y || true\n"
        "RUN ls -d /ctx /mem /run/secrets 2>/dev/null | wc -l",
        secrets={"s": b"sesame\n"},
    )

    assert text.splitlines()[:3] == ["context", "sesame", "memory"]
    assert text.splitlines()[-1] == "0"
    assert not (tmp_path / "y").exists()


def test_a_writable_mount_is_a_copy(output, tmp_path):
    (tmp_path / "f").write_text("context\n")
    text = output("RUN --mount=target=/ctx,rw echo changed >/ctx/f; cat /ctx/f")

    assert text == "changed\n"
    assert (tmp_path / "f").read_text() == "context\n"


def test_a_name_in_an_image_shows_no_directory_of_the_host(output, tmp_path):
    # A colon parts the lower directories of an overlay.
    host = tmp_path / "host"
    host.mkdir()
    (host / "secret").touch()
    text = output(
        f"RUN mkdir -p /x /x:{host}\nFROM {STARTER}\n"
        f"RUN --mount=from=0,source=/x:{host},target=/m,rw ls -a /m"
    )

    assert text.split() == [".", ".."]


@pytest.mark.parametrize("option", ["", ",rw"])
def test_a_device_in_an_image_is_not_mounted_and_not_read(output, option):
    with pytest.raises(DockerfileError, match="no file or directory"):
        output(
            f"RUN mknod /zero c 1 5\nFROM {STARTER}\n"
            f"RUN --mount=from=0,source=/zero,target=/m{option} cat /m"
        )


def test_a_cache_takes_devices_of_an_image_as_they_are_and_reads_none(output):
    text = output(
        f"RUN mkdir /d; mknod /d/zero c 1 5; echo x >/d/file\nFROM {STARTER}\n"
        "RUN --mount=type=cache,from=0,source=/d,target=/m test -c /m/zero && cat /m/file"
    )

    assert text == "x\n"


def test_a_script_is_executed_by_its_interpreter(output):
    assert output("RUN <<E\n#!/bin/sh -x\necho $0\nE").endswith("/dev/pipes/E\n")


def test_a_cancelled_build_ends_its_program(engine, tmp_path):
    cancellation = Cancellation()

    class Cancels:
        def emit(self, event):
            if isinstance(event, BuildOutput):
                cancellation.cancel()

    text = f"FROM {STARTER}\nRUN echo ready; sleep 1000"
    with pytest.raises(Cancelled):
        engine.builds.build(
            BuildRequest(network="none"),
            DirectoryContext(tmp_path, text.encode()),
            progress=Cancels(),
            cancellation=cancellation,
        )
    assert leftovers(engine) == []


def test_nothing_is_left_of_a_build_that_was_killed(engine, paths, tmp_path):
    program = textwrap.dedent(
        f"""
        from pathlib import Path
        from engine.build.context import DirectoryContext
        from engine.build.request import BuildRequest
        from engine.engine import Engine
        from engine.system.paths import EnginePaths
        paths = EnginePaths(Path({str(paths.root)!r}), Path({str(paths.run)!r}))
        with Engine.open(paths) as engine:
            text = b"FROM {STARTER}\\nRUN --mount=target=/c echo killed >/dev/null; sleep 1000"
            context = DirectoryContext(Path({str(tmp_path)!r}), text)
            engine.builds.build(BuildRequest(network="none"), context)
        """
    )
    child = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 60
    while not running(paths, "sleep 1000") and time.monotonic() < deadline:
        assert child.poll() is None
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert leftovers(engine) != []

    engine.reconcile()

    assert leftovers(engine) == []
    assert not running(paths, "sleep 1000")


def running(paths, words):
    """Return the processes of this engine's programs whose command line holds *words*."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            groups = (process / "cgroup").read_text()
        except OSError:
            continue
        if words in line and "/shipshape/" in groups and str(paths.root) in mounts_of(process):
            found.append(int(process.name))
    return found


def mounts_of(process):
    try:
        return (process / "mountinfo").read_text()
    except OSError:
        return ""


def leftovers(engine):
    """Return snapshots, directories and mounts that no record explains."""
    ground = engine._ground
    known = {each.id for each in engine.containers.list()}
    keys = [s.key for s in ground.snapshotter.iter_snapshots() if s.kind in {"active", "view"}]
    found = [key for key in keys if key not in known]
    for place in (
        engine.paths.containers,
        engine.paths.run / "containers",
        engine.paths.builds,
    ):
        found += [str(each) for each in place.iterdir()] if place.exists() else []
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    return found + [line for line in mounts if os.fspath(engine.paths.root) in line]
