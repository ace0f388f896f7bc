"""`engine build` as a person types it: contexts of every form, outputs of every form, errors."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

from engine.__main__ import main
from engine.build.output import Output, OutputKind, parse_output
from engine.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.root

DOCKERFILE = "FROM scratch\nARG A=1\nLABEL a=$A\nCOPY d /d\nWORKDIR /w\n"


@pytest.fixture
def engine(short_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., str]:
    def call(*words: str, code: int = 0) -> str:
        places = ["--root", str(short_path / "root"), "--run", str(short_path / "run")]
        assert main([*places, *words]) == code
        sys.stdout.flush()
        printed = capfdbinary.readouterr()
        call.out = printed.out  # type: ignore[attr-defined]
        return printed.err.decode()

    return call


@pytest.fixture
def context(tmp_path: Path) -> Path:
    place = tmp_path / "context"
    (place / "d/sub").mkdir(parents=True)
    (place / "d/f").write_text("content\n")
    (place / "d/f").chmod(0o640)
    (place / "d/l").symlink_to("/etc")
    (place / "Dockerfile").write_text(DOCKERFILE)
    return place


def packed(context: Path, mode: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{mode}") as tar:
        tar.add(context, ".")
    return stream.getvalue()


def test_steps_are_told_and_the_image_is_named(engine: Callable[..., str], context: Path) -> None:
    told = engine("build", str(context), "-t", "app", "-t", "app:2", "--build-arg", "A=7")

    assert "[stage-0 3/4] COPY d /d DONE" in told.replace("stage-0 4/5", "stage-0 3/4")
    assert "app:latest app:2" in told
    assert "CACHED" in engine("build", str(context), "--build-arg", "A=7")


@pytest.mark.parametrize("mode", ["", "gz", "bz2", "xz"])
def test_a_tar_is_a_context(
    engine: Callable[..., str], context: Path, tmp_path: Path, mode: str
) -> None:
    archive = tmp_path / "context.tar"
    archive.write_bytes(packed(context, mode))

    assert "sha256:" in engine("build", str(archive))


def test_zstd_is_a_context(engine: Callable[..., str], context: Path, tmp_path: Path) -> None:
    import zstandard

    archive = tmp_path / "context.tar"
    archive.write_bytes(zstandard.compress(packed(context, "")))

    assert "sha256:" in engine("build", str(archive))


def test_standard_input_is_a_context_or_a_dockerfile(
    engine: Callable[..., str], context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for content in (packed(context, "gz"), b"FROM scratch\nWORKDIR /w\n"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

        assert "sha256:" in engine("build", "-")


def test_a_git_repository_is_a_context(
    engine: Callable[..., str], context: Path, tmp_path: Path
) -> None:
    repository = tmp_path / "repository.git"
    (repository / "below").mkdir(parents=True)
    context.rename(repository / "below" / "context")
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-qb", "main"], ["add", "-A"], ["commit", "-qm", "x"], ["tag", "v1"]):
        subprocess.run([*git, *words], check=True, capture_output=True)

    assert "sha256:" in engine("build", f"file://{repository}#v1:below/context")
    assert "git failed" in engine("build", f"file://{repository}#v2", code=1)
    assert "no directory" in engine("build", f"file://{repository}#v1:nothing", code=1)


def test_a_dockerfile_may_lie_elsewhere(
    engine: Callable[..., str], context: Path, tmp_path: Path
) -> None:
    (tmp_path / "Other").write_text("FROM scratch\nCOPY d/f /only\n")

    engine("build", str(context), "-f", str(tmp_path / "Other"), "-o", str(tmp_path / "out"))

    assert [each.name for each in (tmp_path / "out").iterdir()] == ["only"]


def test_files_are_written_to_a_directory(
    engine: Callable[..., str], context: Path, tmp_path: Path
) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside"
    out.mkdir()
    outside.mkdir()
    (out / "d").symlink_to(outside)

    engine("build", str(context), "--output", f"type=local,dest={out}")

    assert (out / "d/f").read_text() == "content\n"
    assert (out / "d/f").stat().st_mode & 0o777 == 0o640
    assert (out / "d/l").readlink().as_posix() == "/etc"
    assert sorted(each.name for each in out.iterdir()) == ["d", "w"]
    assert list(outside.iterdir()) == []


def test_files_are_written_as_a_tar(engine: Callable[..., str], context: Path) -> None:
    engine("build", str(context), "-o", "-")

    with tarfile.open(fileobj=io.BytesIO(engine.out)) as tar:  # type: ignore[attr-defined]
        assert sorted(tar.getnames()) == ["d", "d/f", "d/l", "d/sub", "w"]


def test_an_image_is_written_as_a_layout(
    engine: Callable[..., str], context: Path, tmp_path: Path
) -> None:
    engine("build", str(context), "-t", "app", "-o", f"type=oci,dest={tmp_path}/oci.tar")

    with tarfile.open(tmp_path / "oci.tar") as tar:
        index = json.load(tar.extractfile("index.json"))  # type: ignore[arg-type]
        assert "oci-layout" in tar.getnames()
        assert "manifest.json" not in tar.getnames()
    assert len(index["manifests"]) == 1


def test_secrets_come_from_files(engine: Callable[..., str], context: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sesame\n")
    engine("starter")
    (context / "Dockerfile").write_text(
        "FROM shipshape/starter\nRUN --mount=type=secret,id=key wc -c </run/secrets/key\n"
    )

    told = engine(
        "build", str(context), "--secret", f"id=key,src={tmp_path}/key", "--network", "none"
    )

    assert "[stage-0 2/2] 7\n" in told


def test_an_error_shows_its_place(engine: Callable[..., str], context: Path) -> None:
    (context / "Dockerfile").write_text("FROM scratch\nCOPY nothing /\n")

    told = engine("build", str(context), code=1).splitlines()

    at = told.index("   2 | COPY nothing /")
    assert told[at + 1] == "     |      ^"
    assert any('"/nothing" was not found' in line for line in told)


def test_a_program_that_fails_shows_what_it_said_last(
    engine: Callable[..., str], context: Path
) -> None:
    engine("starter")
    (context / "Dockerfile").write_text("FROM shipshape/starter\nRUN echo last words; exit 7\n")

    told = engine("build", str(context), "--network", "none", code=1)

    assert "Dockerfile line 2 failed; it printed last:\nlast words\n" in told
    assert "returned a non-zero code: 7" in told


@pytest.mark.parametrize(
    "words",
    [
        ("--squash",),
        ("--build-arg", "A"),
        ("--secret", "id=x"),
        ("--secret", "id=x,src=/nothing/there"),
        ("--ssh", "other"),
        ("--ssh", "default=/nothing/there"),
        ("--output", "type=nope"),
        ("--output", "type=local"),
        ("--output", "type=tar,dest=/nothing/there/x"),
        ("--target", "nope"),
    ],
)
def test_what_cannot_be_done_is_refused(
    engine: Callable[..., str], context: Path, words: tuple[str, ...]
) -> None:
    assert "error: " in engine("build", str(context), *words, code=1)


def test_a_step_is_given_the_agent_that_was_named(
    engine: Callable[..., str], context: Path, short_path: Path
) -> None:
    engine("starter")
    (context / "Dockerfile").write_text(
        "FROM shipshape/starter\n"
        "RUN --mount=type=ssh,required=true --network=none"
        ' test -S "$SSH_AUTH_SOCK" && stat -c %i "$SSH_AUTH_SOCK" >/seen\n'
    )
    assert "no ssh agent was given" in engine("build", str(context), code=1)
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(short_path / "agent"))
        target = short_path / "out"
        named = ("--ssh", f"default={short_path / 'agent'}", "-o", str(target))
        engine("build", str(context), *named)

    assert int((target / "seen").read_text()) == (short_path / "agent").stat().st_ino
    assert not (target / "run/buildkit/ssh_agent.0").is_socket()


def test_outputs_are_parsed() -> None:
    assert parse_output("out") == Output(OutputKind.LOCAL, "out")
    assert parse_output("-") == Output(OutputKind.TAR)
    assert parse_output("type=docker,dest=x") == Output(OutputKind.DOCKER, "x")
    assert parse_output("type=tar,dest=-") == Output(OutputKind.TAR)
    with pytest.raises(InvalidSetting, match="unknown"):
        parse_output("type=tar,compression=gzip")
