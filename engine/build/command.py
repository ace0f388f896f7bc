"""`engine build`: a build from the shell, its steps told line by line."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from engine.build.context import DirectoryContext
from engine.build.output import OutputKind, parse_output
from engine.build.remote import is_git, parse_git
from engine.build.request import BuildRequest
from engine.errors import DockerfileError, InvalidInput, InvalidSetting, StepFailed, from_oserror
from engine.images.save import ArchiveForm
from engine.oci.platform import Platform
from engine.oci.reference import Reference
from engine.progress import BuildOutput, BuildStatus, BuildStep, Message

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from engine.build.builds import Builds
    from engine.build.context import BuildContext
    from engine.build.output import Output
    from engine.build.recording import Built
    from engine.errors import EngineError
    from engine.images.images import Images
    from engine.progress import ProgressEvent

MAX_FILE = 8 * 1024 * 1024
MAX_SECRET = 512 * 1024
# Nobody but who sits at this host may name a repository on its disk.
LOCAL_GIT = "file://"
_TAR_MAGIC = slice(257, 262)
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the words of `engine build`."""
    parser.add_argument("path", help="a directory, a tar, a git repository, or - to read one")
    parser.add_argument("-t", "--tag", action="append", default=[])
    parser.add_argument("-f", "--file", default="")
    parser.add_argument("-o", "--output", action="append", default=[])
    for word in ("--build-arg", "--label", "--secret", "--cache-from", "--add-host"):
        parser.add_argument(word, action="append", default=[])
    for word in ("--target", "--platform", "--network", "--ssh"):
        parser.add_argument(word, default="")
    for word in ("--no-cache", "--pull", "--squash"):
        parser.add_argument(word, action="store_true")


def build(
    builds: Builds, images: Images, options: argparse.Namespace, *, say: Callable[[str], None]
) -> Built:
    """Do what *options* ask for; *say* gets a line for each thing that happens."""
    outputs = [parse_output(each) for each in options.output]
    request = request_of(options)
    with _context(builds, options.path, options.file) as context:
        try:
            built = builds.build(request, context, progress=StepLines(say), owner="shell")
        except (DockerfileError, StepFailed) as error:
            for line in lines_of_error(error):
                say(line)
            raise
    for output in outputs:
        _write(builds, images, built, output)
    return built


def request_of(options: argparse.Namespace) -> BuildRequest:
    """Return the build that *options* ask for."""
    is_beside = options.file and Path(options.file).is_file()
    return BuildRequest(
        dockerfile="Dockerfile" if is_beside or not options.file else options.file,
        arguments=_pairs("build-arg", options.build_arg),
        labels=_pairs("label", options.label),
        tags=tuple(map(Reference.parse, options.tag)),
        target=options.target,
        use_cache=not options.no_cache,
        always_pull=options.pull,
        network=options.network or "default",
        platform=Platform.parse(options.platform) if options.platform else None,
        secrets=dict(map(_secret, options.secret)),
        ssh_socket=_agent(options.ssh) if options.ssh else None,
        cache_from=tuple(map(Reference.parse, options.cache_from)),
        extra_hosts=tuple(options.add_host),
        squash=options.squash,
    )


def _pairs(field: str, words: Sequence[str]) -> dict[str, str]:
    pairs = [word.partition("=") for word in words]
    if any(not separator for _, separator, _ in pairs):
        raise InvalidSetting(field, "needs a value", remedy=f"--{field} NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _agent(text: str) -> Path:
    """Return the socket that `default` or `default=SOCKET` spells."""
    name, _, socket = text.partition("=")
    if name != "default":
        remedy = "Write default, or default=SOCKET."
        raise InvalidSetting("ssh", f"{name[:60]!r} is no agent here", remedy=remedy)
    place = Path(socket or os.environ.get("SSH_AUTH_SOCK", ""))
    if not place.is_socket():
        raise InvalidSetting(
            "ssh",
            f"{str(place)[:200]!r} is no socket",
            remedy="Start an agent, or name its socket.",
        )
    return place.absolute()


def _secret(text: str) -> tuple[str, bytes]:
    fields = {name: value for name, _, value in (part.partition("=") for part in text.split(","))}
    if not fields.get("id") or not fields.get("src"):
        raise InvalidSetting("secret", f"{text[:60]!r} has no id or no src")
    return fields["id"], _bytes(Path(fields["src"]), MAX_SECRET + 1)


def _bytes(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(limit)
    except OSError as error:
        raise from_oserror(error, f"read {path}") from error


# --- The context --------------------------------------------------------------------------------


@contextmanager
def _context(builds: Builds, path: str, file: str) -> Iterator[BuildContext]:
    with _opened(builds, path) as context:
        if file and Path(file).is_file() and isinstance(context, DirectoryContext):
            yield DirectoryContext(context.root, _bytes(Path(file), MAX_FILE))
        else:
            yield context


def _opened(builds: Builds, path: str) -> AbstractContextManager[BuildContext]:
    if path == "-":
        return _of_stream(builds, sys.stdin.buffer)
    if is_git(path) or path.startswith(LOCAL_GIT):
        return builds.context_of_git(parse_git(path))
    place = Path(path)
    if place.is_dir():
        return nullcontext(DirectoryContext(place))
    if not place.is_file():
        raise InvalidInput(f"{path} is neither a directory nor a file", field="context")
    return _of_file(builds, place)


@contextmanager
def _of_file(builds: Builds, place: Path) -> Iterator[BuildContext]:
    with place.open("rb") as stream, _of_stream(builds, stream) as context:
        yield context


def _of_stream(builds: Builds, stream: BinaryIO) -> AbstractContextManager[BuildContext]:
    """Return the context of a tar, packed or not, or of what is no tar: one Dockerfile."""
    head = _head(stream)
    if head.startswith(_PACKED) or head[_TAR_MAGIC] == b"ustar":
        return builds.context_of_tar(cast("BinaryIO", _Joined(head, stream)))
    return builds.context_of_dockerfile(head + stream.read(MAX_FILE))


def _head(stream: BinaryIO) -> bytes:
    head = b""
    while len(head) < _TAR_MAGIC.stop and (piece := stream.read(_TAR_MAGIC.stop - len(head))):
        head += piece
    return head


class _Joined:
    """What was read of a stream already, and the rest of it."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            return self._rest.read(size)
        taken = self._head if size < 0 else self._head[:size]
        self._head = self._head[len(taken) :]
        return taken


# --- What is told -------------------------------------------------------------------------------


class StepLines:
    """A `ProgressSink` that tells steps and what their programs print, a line for each."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._labels: dict[str, str] = {}

    def emit(self, event: ProgressEvent) -> None:
        """Tell *event*, if it is about the build."""
        if isinstance(event, BuildStep):
            self._step(event)
        elif isinstance(event, BuildOutput):
            for line in event.content.decode(errors="replace").splitlines():
                self._say(f"[{self._labels.get(event.id, event.id)}] {line}")
        elif isinstance(event, Message):
            self._say(event.text)

    def _step(self, event: BuildStep) -> None:
        self._labels[event.id] = event.label
        text = f"[{event.label}] {event.text.splitlines()[0] if event.text else ''}"
        if event.status is BuildStatus.RUNNING:
            self._say(text)
        elif event.status is BuildStatus.CACHED:
            self._say(f"{text} CACHED")
        else:
            self._say(f"{text} {event.status.upper()} {event.seconds:.1f}s")


def lines_of_error(error: EngineError) -> Iterator[str]:
    """Yield where *error* is in the Dockerfile: its line and a caret, or what was printed last."""
    if isinstance(error, DockerfileError) and error.source:
        yield f"{error.line:>4} | {error.source}"
        yield f"     | {' ' * max(0, error.column - 1)}^"
    if isinstance(error, StepFailed):
        yield f"Dockerfile line {error.line} failed; it printed last:"
        yield from error.tail.splitlines()[-20:]


# --- What is written ----------------------------------------------------------------------------


def _write(builds: Builds, images: Images, built: Built, output: Output) -> None:
    if output.kind is OutputKind.LOCAL:
        builds.write_files(built.image, Path(output.destination))
        return
    with _target(output) as out:
        if output.kind is OutputKind.TAR:
            with builds.open_files(built.image) as pieces:
                for piece in pieces:
                    out.write(piece)
        else:
            names = [tag.familiar for tag in built.tags] or [str(built.image.id)]
            images.save(names, out, form=ArchiveForm(output.kind))


def _target(output: Output) -> AbstractContextManager[BinaryIO]:
    if not output.destination:
        return nullcontext(sys.stdout.buffer)
    try:
        return Path(output.destination).open("wb")
    except OSError as error:
        raise from_oserror(error, f"write {output.destination}") from error
