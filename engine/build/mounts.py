"""
What a RUN mounts: files of the context, a stage or an image; caches; secrets; memory; ssh agents.

Files that are mounted are part of what the step depends on, so they are looked at first, and their
digest is in its key. Caches, secrets and agents are not, by their nature, and are opened only for a
step that is really done.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.build.cache_notes import CacheUse
from engine.build.copying import digest_of, files_of
from engine.build.plan import absolute
from engine.build.ports import Bind, Tmpfs
from engine.build.tree import FileTree
from engine.dockerfile.running import BIND, TARGETS
from engine.errors import DockerfileError, MissingArgument
from engine.mount import Mount
from engine.system.copying import copy_tree
from engine.system.files import make_directory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from engine.build.caches import CacheDirectories
    from engine.build.files import TreeFile
    from engine.build.origins import Origins
    from engine.build.places import Places
    from engine.build.request import BuildRequest
    from engine.build.steps import RunStep
    from engine.dockerfile.instructions import RunMount
    from engine.progress import Cancellation

SECRET_MODE, CACHE_MODE, SSH_MODE = 0o400, 0o755, 0o600
SCRIPT_MODE = 0o755
SECRETS_PATH = "/run/secrets"
AGENT_PATH = "/run/buildkit/ssh_agent.0"
_SIZE = re.compile(r"(\d{1,15})([kmg]?)b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_YES = frozenset({"", "true", "1"})


@dataclass(slots=True)
class SeenMounts:
    """What is mounted of the context, of stages and images: *files*, and a digest of each."""

    files: dict[RunMount, TreeFile] = field(default_factory=dict)
    digests: list[str] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """The digest of all files that are mounted, empty where none is."""
        text = "\n".join(self.digests)
        return hashlib.sha256(text.encode()).hexdigest() if text else ""


@dataclass(slots=True)
class OpenedMounts:
    """Mounts that are ready; *seen* are the files among them."""

    seen: SeenMounts
    binds: list[Bind] = field(default_factory=list)
    tmpfs: list[Tmpfs] = field(default_factory=list)
    env: list[str] = field(default_factory=list)

    @property
    def targets(self) -> list[str]:
        """Where something is mounted."""
        return [each.target for each in self.binds] + [each.target for each in self.tmpfs]


@dataclass(frozen=True, slots=True)
class MountOpener:
    """Opens the mounts of one build's steps."""

    request: BuildRequest
    places: Places
    origins: Origins
    caches: CacheDirectories
    cancellation: Cancellation

    def look(self, step: RunStep, opened: ExitStack) -> SeenMounts:
        """
        Return what files *step* mounts, there until *opened* is closed.

        Raises a `DockerfileError` for a source that is not there.
        """
        found = SeenMounts()
        for mount in step.mounts:
            if mount.kind == BIND:
                self._see(step, mount, opened, found)
        return found

    def open(self, step: RunStep, seen: SeenMounts, opened: ExitStack) -> OpenedMounts:
        """
        Return the mounts of *step*, of which *seen* are the files, ready until *opened* is closed.

        Raises a `DockerfileError` for a secret that was not given.
        """
        found = OpenedMounts(seen)
        for mount in step.mounts:
            _OPENERS[mount.kind](self, step, mount, opened, found)
        if step.script is not None:
            directory = opened.enter_context(self.places.scratch())
            script = _written(directory / "script", step.script, mode=SCRIPT_MODE)
            found.binds.append(Bind(script, step.arguments[0]))
        return found

    # --- The kinds ------------------------------------------------------------------------------

    def bind(self, step: RunStep, mount: RunMount, opened: ExitStack, found: OpenedMounts) -> None:
        """Open files of the context, a stage or an image."""
        directory = self.origins.open_directory(_origin(mount), opened, line=step.line)
        source = directory / found.seen.files[mount].path
        is_writable = _is_on(mount, "rw", "readwrite")
        if is_writable:
            source = self._writable(source, opened)
        found.binds.append(Bind(source, _target(step, mount), read_only=not is_writable))

    def _see(self, step: RunStep, mount: RunMount, opened: ExitStack, found: SeenMounts) -> None:
        tree = self.origins.open_tree(_origin(mount), opened, line=step.line)
        file = tree.resolve(mount.get("source", "src") or "/")
        if file is None:
            raise _complain(step, mount, f"{mount.get('source', 'src')} is not there")
        if not (file.is_directory or file.is_file):
            # To read a device that an image holds would be to read the host's.
            raise _complain(step, mount, f"{mount.get('source', 'src')} is no file or directory")
        found.digests.append(digest_of(files_of(tree, file), tree))
        found.files[mount] = file

    def cache(self, step: RunStep, mount: RunMount, opened: ExitStack, found: OpenedMounts) -> None:
        """Open a directory that outlives the build."""
        target = _target(step, mount)
        use = CacheUse(mount.get("id") or target, target, _in_one_line(step.arguments))
        sharing = mount.get("sharing") or "shared"
        path = opened.enter_context(
            self.caches.opened(use, sharing=sharing, cancellation=self.cancellation)
        )
        if not os.listdir(path):
            self._fill(step, mount, path, opened)
        read_only = _is_on(mount, "ro", "readonly")
        found.binds.append(Bind(path, target, read_only=read_only))

    def _fill(self, step: RunStep, mount: RunMount, path: Path, opened: ExitStack) -> None:
        origin = _origin(mount) if mount.get("from") else None
        if origin is not None:
            root = self.origins.open_directory(origin, opened, line=step.line)
            with FileTree(root) as tree:
                file = tree.resolve(mount.get("source", "src") or "/")
            if file is None or not file.is_directory:
                raise _complain(step, mount, f"{mount.get('source', 'src')} is no directory")
            copy_tree(root / file.path, path)
        path.chmod(_mode(step, mount, CACHE_MODE))
        os.chown(path, _number(mount, "uid"), _number(mount, "gid"))

    def secret(
        self, step: RunStep, mount: RunMount, opened: ExitStack, found: OpenedMounts
    ) -> None:
        """Give a secret as a file, or as a variable."""
        target = mount.get(*TARGETS) or ""
        name = mount.get("id") or target.rpartition("/")[2]
        content = self.request.secrets.get(name)
        if content is None:
            if _is_on(mount, "required"):
                remedy = f"Give it with --secret id={name},src=FILE."
                raise _complain(step, mount, f"secret {name[:60]!r} was not given", remedy)
            return
        variable = mount.get("env")
        if variable:
            found.env.append(f"{variable}={content.decode(errors='surrogateescape')}")
        if variable and not target:
            return
        directory = opened.enter_context(self.places.memory())
        file = _written(directory / "secret", content, mode=_mode(step, mount, SECRET_MODE))
        os.chown(file, _number(mount, "uid"), _number(mount, "gid"))
        place = absolute(step.working_dir, target) if target else f"{SECRETS_PATH}/{name}"
        found.binds.append(Bind(file, place))

    def ssh(self, step: RunStep, mount: RunMount, opened: ExitStack, found: OpenedMounts) -> None:
        """Let the program ask the agent that the build was given."""
        del opened
        if self.request.ssh_socket is None:
            if _is_on(mount, "required"):
                raise _complain(step, mount, "no ssh agent was given", "Give one with --ssh.")
            return
        target = mount.get(*TARGETS) or AGENT_PATH
        found.binds.append(Bind(self.request.ssh_socket, absolute(step.working_dir, target)))
        found.env.append(f"SSH_AUTH_SOCK={absolute(step.working_dir, target)}")

    def memory(
        self, step: RunStep, mount: RunMount, opened: ExitStack, found: OpenedMounts
    ) -> None:
        """Mount a directory in memory."""
        del opened
        match = _SIZE.fullmatch(mount.get("size") or "0")
        if match is None:
            remedy = "Write it as a number of bytes, or 64m."
            raise _complain(step, mount, f"size {mount.get('size')!r} is none", remedy)
        size = int(match[1]) * _UNITS[match[2].lower()]
        found.tmpfs.append(Tmpfs(_target(step, mount), size))

    # --- Parts ----------------------------------------------------------------------------------

    def _writable(self, source: Path, opened: ExitStack) -> Path:
        scratch = opened.enter_context(self.places.scratch())
        if not source.is_dir():
            return _written(scratch / "file", source.read_bytes(), mode=source.stat().st_mode)
        for name in ("lower", "upper", "work", "merged"):
            make_directory(scratch / name, mode=0o755)
        lower, upper, work = scratch / "lower", scratch / "upper", scratch / "work"
        mounted, target = self.places.mounter.mounted, scratch / "merged"
        # Bound first: a name in an image may hold what means something in mount options, and a
        # colon would show a directory of the host.
        opened.enter_context(mounted([Mount("bind", str(source), ("bind", "ro"))], lower))
        options = (f"lowerdir={lower}", f"upperdir={upper}", f"workdir={work}")
        opened.enter_context(mounted([Mount("overlay", "overlay", options)], target))
        return target


_OPENERS = {
    BIND: MountOpener.bind,
    "cache": MountOpener.cache,
    "secret": MountOpener.secret,
    "ssh": MountOpener.ssh,
    "tmpfs": MountOpener.memory,
}


def _origin(mount: RunMount) -> int | str | None:
    """Return where the files of *mount* come from; the plan made a number of each stage."""
    name = mount.get("from")
    if not name:
        return None
    return int(name) if name.isdecimal() else name


def _in_one_line(arguments: Sequence[str]) -> str:
    return " ".join(" ".join(arguments).split())


def _target(step: RunStep, mount: RunMount) -> str:
    target = mount.get(*TARGETS) or ""
    if not target:
        raise step.line.source.error(MissingArgument, "a mount needs a target", offset=mount.offset)
    return absolute(step.working_dir, target).rstrip("/") or "/"


def _is_on(mount: RunMount, *names: str) -> bool:
    value = mount.get(*names)
    return value is not None and value.lower() in _YES


def _number(mount: RunMount, name: str) -> int:
    text = mount.get(name) or "0"
    return int(text) if text.isdecimal() else 0


def _mode(step: RunStep, mount: RunMount, default: int) -> int:
    text = mount.get("mode")
    if not text:
        return default
    if not set(text) <= set("01234567") or len(text) > 5:
        raise _complain(step, mount, f"mode {text[:20]!r} is not octal")
    return int(text, 8)


def _written(path: Path, content: bytes, *, mode: int) -> Path:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as stream:
        stream.write(content)
    path.chmod(mode & 0o7777)
    return path


def _complain(step: RunStep, mount: RunMount, reason: str, remedy: str = "") -> DockerfileError:
    offset = mount.offset
    return step.line.source.error(
        DockerfileError, f"--mount=type={mount.kind}: {reason}", offset=offset, remedy=remedy
    )
