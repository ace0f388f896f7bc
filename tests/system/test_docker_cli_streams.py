"""The `docker` command and what runs in a container, live: terminals, pipes, logs, files."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from websockets.sync.client import unix_connect

from tests.support.docker_cli import IMAGE, SECONDS, rootfs_tar
from tests.support.services import wait_until
from tests.support.terminals import at_terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.docker_cli import DockerCli

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("emptied")]
DETACH = b"\x10\x11"


def docker(*words: str) -> list[str]:
    return ["docker", *words]


# --- Terminals ----------------------------------------------------------------------------------


def test_a_shell_at_a_terminal_is_talked_to(ours: DockerCli) -> None:
    words = docker("run", "--rm", "-it", IMAGE, "sh")
    with at_terminal(words, ours.environment, rows=31, columns=97) as terminal:
        terminal.wait_for(b"# ")
        terminal.type(b"stty size; tty\n")
        terminal.wait_for(b"31 97")
        terminal.type(b"exit 5\n")

        assert terminal.exit_code() == 5
        assert b"not a tty" not in terminal.screen


def test_the_container_follows_the_size_of_the_terminal(ours: DockerCli) -> None:
    words = docker(
        "run",
        "--rm",
        "-it",
        IMAGE,
        "sh",
        "-c",
        "trap 'stty size' WINCH; echo ready; while :; do sleep 0.1; done",
    )
    with at_terminal(words, ours.environment) as terminal:
        terminal.wait_for(b"ready")
        terminal.resize(rows=40, columns=111)
        # The client may not listen to the signal yet.
        terminal.wait_for(
            b"40 111", meanwhile=lambda: terminal.process.send_signal(signal.SIGWINCH)
        )


def test_whoever_detaches_leaves_it_running(ours: DockerCli) -> None:
    with at_terminal(docker("run", "-it", "--name", "keep", IMAGE, "sh"), ours.environment) as one:
        one.wait_for(b"# ")
        one.type(DETACH)
        assert one.exit_code() == 0
    assert ours.ok("inspect", "-f", "{{.State.Running}}", "keep") == "true"

    with at_terminal(docker("attach", "keep"), ours.environment) as two:
        two.type(b"echo back $((40 + 2))\n")
        two.wait_for(b"back 42")
        two.type(b"exit 3\n")
        assert two.exit_code() == 3


def test_other_keys_to_detach_can_be_chosen(ours: DockerCli) -> None:
    words = docker("run", "-it", "--detach-keys", "ctrl-x,x", IMAGE, "sh")
    with at_terminal(words, ours.environment) as terminal:
        terminal.wait_for(b"# ")
        terminal.type(DETACH + b"\x18x")
        assert terminal.exit_code() == 0


def test_a_command_is_run_at_a_terminal_in_a_running_container(ours: DockerCli) -> None:
    ours.ok("run", "-d", "--name", "box", IMAGE, "sleep", "1000")
    with at_terminal(docker("exec", "-it", "box", "sh"), ours.environment, rows=17) as terminal:
        terminal.wait_for(b"# ")
        terminal.type(b"stty size\n")
        terminal.wait_for(b"17 80")
        terminal.type(b"exit 6\n")
        assert terminal.exit_code() == 6


# --- Pipes --------------------------------------------------------------------------------------


def test_input_is_passed_on_to_its_end(ours: DockerCli) -> None:
    content = os.urandom(3 << 20).hex().encode()

    finished = ours.start(
        "run",
        "--rm",
        "-i",
        IMAGE,
        "sh",
        "-c",
        "cat; echo end",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    out, _ = finished.communicate(content, timeout=60)

    assert out == content + b"end\n"


def test_the_two_outputs_stay_apart(ours: DockerCli) -> None:
    outcome = ours.run("run", "--rm", IMAGE, "sh", "-c", "echo one; echo two >&2; exit 9")

    assert (outcome.out, outcome.err, outcome.code) == ("one\n", "two\n", 9)


def test_input_of_an_exec_ends_when_the_pipe_does(ours: DockerCli) -> None:
    ours.ok("run", "-d", "--name", "box", IMAGE, "sleep", "1000")

    assert ours.run("exec", "-i", "box", "wc", "-c", stdin=b"12345").out.strip() == "5"


def test_who_ends_their_half_while_asking_hears_the_answer(ours: DockerCli) -> None:
    # As socat does with a request that is piped into it.
    ours.ok("run", "-d", "--name", "half", IMAGE, "sleep", "1000")
    body = b'{"Cmd": ["echo", "heard"], "AttachStdout": true}'
    made = json.loads(_asked(ours, "POST /containers/half/exec", body).partition(b"\r\n\r\n")[2])

    answer = _asked(ours, f"POST /exec/{made['Id']}/start", b"{}")

    assert answer.partition(b"\r\n\r\n")[2] == b"\1\0\0\0\0\0\0\6heard\n"


def _asked(cli: DockerCli, line: str, body: bytes) -> bytes:
    """Send a request and the end of what is sent at once, and return all that comes."""
    answer = b""
    with socket.socket(socket.AF_UNIX) as bare:
        bare.settimeout(SECONDS)
        bare.connect(str(cli.socket))
        head = f"{line} HTTP/1.1\r\nHost: d\r\nContent-Length: {len(body)}\r\n\r\n"
        bare.sendall(head.encode() + body)
        bare.shutdown(socket.SHUT_WR)
        while piece := bare.recv(65536):
            answer += piece
    return answer


def test_whoever_vanishes_does_not_end_the_container(ours: DockerCli) -> None:
    process = ours.start(
        "run",
        "--name",
        "long",
        IMAGE,
        "sh",
        "-c",
        "while :; do echo x; done",
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.read(1000)
    process.kill()
    process.wait()
    process.stdout.close()

    assert ours.ok("inspect", "-f", "{{.State.Running}}", "long") == "true"


def test_signals_go_to_the_program(ours: DockerCli) -> None:
    process = ours.start(
        "run",
        "--rm",
        "--name",
        "sig",
        IMAGE,
        "sh",
        "-c",
        "trap 'exit 12' TERM; echo ready; while :; do sleep 0.05; done",
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)

    assert process.wait(20) == 12
    process.stdout.close()


# --- Logs, waiting, attaching -------------------------------------------------------------------


def test_logs_are_followed_to_the_end(ours: DockerCli) -> None:
    ours.ok(
        "run",
        "-d",
        "--name",
        "talk",
        IMAGE,
        "sh",
        "-c",
        "for n in 1 2 3; do echo line $n; sleep 0.2; done",
    )

    assert ours.ok("logs", "-f", "talk") == "line 1\nline 2\nline 3"
    assert ours.ok("logs", "--tail", "1", "talk") == "line 3"
    assert ours.ok("logs", "-t", "--tail", "1", "talk").endswith("Z line 3")
    assert ours.ok("logs", "--since", "1h", "talk").startswith("line 1")
    assert ours.ok("logs", "--until", "1h", "talk") == ""


def test_whoever_waits_is_told_the_code(ours: DockerCli) -> None:
    ours.ok("run", "-d", "--name", "short", IMAGE, "sh", "-c", "sleep 0.3; exit 4")

    assert ours.ok("wait", "short") == "4"


def test_whoever_attaches_hears_the_rest(ours: DockerCli) -> None:
    ours.ok(
        "run",
        "-d",
        "--name",
        "talk",
        IMAGE,
        "sh",
        "-c",
        "while [ ! -e /go ]; do sleep 0.05; done; echo heard; exit 2",
    )
    process = ours.start("attach", "talk", stdout=subprocess.PIPE)
    wait_until(lambda: _has_listener(ours, "talk"), what="attached")
    ours.ok("exec", "talk", "touch", "/go")
    out, _ = process.communicate(timeout=20)

    assert (out, process.returncode) == (b"heard\n", 2)


def _has_listener(ours: DockerCli, name: str) -> bool:
    return name in ours.ok("events", "--since", "1m", "--until", "0s", "--filter", "event=attach")


def test_events_are_told_as_they_happen(ours: DockerCli) -> None:
    # From a moment before on, so that it does not matter when the client begins to listen.
    begun = ours.ok("info", "-f", "{{.SystemTime}}")
    process = ours.start(
        *("events", "--since", begun, "--filter", "container=seen", "--format", "{{.Action}}"),
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    ours.ok("run", "--name", "seen", IMAGE, "true")
    heard = []
    while "die" not in heard:
        heard.append(process.stdout.readline().decode().strip())
    process.terminate()
    process.wait()
    process.stdout.close()

    assert [each for each in heard if each in {"create", "start", "die"}] == [
        "create",
        "start",
        "die",
    ]


def test_prunes_and_arrivals_are_events(ours: DockerCli) -> None:
    begun = ours.ok("info", "-f", "{{.SystemTime}}")
    nouns = ("builder", "container", "image", "network", "volume")
    for noun in nouns:
        ours.ok(noun, "prune", "-f")
    image = ours.ok("import", "--change", "LABEL arrived=yes", "-", stdin=rootfs_tar())
    ours.ok("rmi", image)
    ended = ours.ok("info", "-f", "{{.SystemTime}}")
    form = "{{.Type}} {{.Action}} {{.Actor.Attributes.name}}"
    told = ours.ok("events", "--since", begun, "--until", ended, "--format", form).splitlines()

    assert [each for each in nouns if f"{each} prune <no value>" in told] == list(nouns)
    assert f"image import {image}" in told
    assert f"image delete {image}" in told


def test_the_use_of_a_volume_is_an_event(ours: DockerCli) -> None:
    begun = ours.ok("info", "-f", "{{.SystemTime}}")
    ours.ok("run", "--rm", "-v", "used:/data:ro", IMAGE, "true")
    ours.ok("volume", "rm", "used")
    ended = ours.ok("info", "-f", "{{.SystemTime}}")
    form = '{{.Action}} {{.Actor.Attributes.destination}} {{index .Actor.Attributes "read/write"}}'
    words = ("--since", begun, "--until", ended, "--filter", "volume=used", "--format", form)

    told = ours.ok("events", *words).replace(" <no value>", "").splitlines()
    assert [each.strip() for each in told] == [
        "create",
        "mount /data false",
        "unmount",
        "destroy",
    ]


# --- Files --------------------------------------------------------------------------------------


def test_files_are_copied_in_and_out(ours: DockerCli, tmp_path: Path) -> None:
    ours.ok("create", "--name", "box", IMAGE)
    (tmp_path / "in").write_text("precious")
    ours.ok("cp", str(tmp_path / "in"), "box:/tmp/kept")
    ours.ok("cp", "box:/tmp/kept", str(tmp_path / "out"))

    assert (tmp_path / "out").read_text() == "precious"


def test_a_directory_goes_as_a_tar_through_a_pipe(ours: DockerCli) -> None:
    ours.ok("create", "--name", "box", IMAGE)
    packed = subprocess.run(
        docker("cp", "box:/etc", "-"), env=ours.environment, check=True, capture_output=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        assert "etc/passwd" in archive.getnames()

    ours.ok("cp", "-", "box:/tmp", stdin=packed)
    assert "root" in ours.ok("cp", "box:/tmp/etc/passwd", "-")


def test_export_and_import_carry_the_files(ours: DockerCli) -> None:
    ours.ok("run", "--name", "box", IMAGE, "sh", "-c", "echo made > /made")
    tar = subprocess.run(
        docker("export", "box"), env=ours.environment, check=True, capture_output=True
    ).stdout
    ours.ok("import", "-c", "CMD cat /made", "-", "test/imported", stdin=tar)

    assert ours.ok("run", "--rm", "test/imported") == "made"
    ours.ok("rmi", "test/imported")


def test_commit_save_and_load_carry_the_changes(ours: DockerCli, tmp_path: Path) -> None:
    ours.ok("run", "--name", "box", IMAGE, "sh", "-c", "echo made > /made")
    ours.ok("commit", "-m", "made it", "-c", 'CMD ["cat","/made"]', "box", "test/committed:1")
    ours.ok("save", "-o", str(tmp_path / "image.tar"), "test/committed:1")
    ours.ok("rmi", "test/committed:1")
    loaded = ours.ok("load", "-i", str(tmp_path / "image.tar"))

    assert "Loaded image: test/committed:1" in loaded
    assert ours.ok("run", "--rm", "test/committed:1") == "made"
    ours.ok("rmi", "test/committed:1")


# --- Over a websocket ---------------------------------------------------------------------------


def test_a_browser_attaches_over_a_websocket(ours: DockerCli) -> None:
    ours.ok("run", "-di", "--name", "socket", IMAGE, "sh", "-c", "read x; echo heard $x")
    bare = socket.socket(socket.AF_UNIX)
    bare.connect(str(ours.socket))
    with unix_connect(
        sock=bare, uri="ws://docker/v1.47/containers/socket/attach/ws?stream=1&stdin=1&stdout=1"
    ) as client:
        client.send(b"me\n")
        assert client.recv(timeout=20) == b"heard me\n"


# --- From a URL ---------------------------------------------------------------------------------


def test_an_archive_is_fetched_and_imported(ours: DockerCli, tmp_path: Path) -> None:
    (tmp_path / "root.tar").write_bytes(rootfs_tar())
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        try:
            ours.ok("import", f"{address}/root.tar", "test/fetched")
            missing = ours.run("import", f"{address}/nothing.tar", "test/missing")
        finally:
            server.shutdown()
            thread.join()

    assert missing.code == 1
    assert "was not found" in missing.err
    assert ours.ok("run", "--rm", "test/fetched", "echo", "here") == "here"
    ours.ok("rmi", "test/fetched")
