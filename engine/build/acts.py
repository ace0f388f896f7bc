"""
What each kind of step does to files.

`prepare` looks at the files that a step takes, whose digest is part of its key, and says how its
layer is made should the cache not have it. What it opens stays open until the step is done.
"""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from engine.build.copies import are_plain, copy_of, digest_of_copies, items_of
from engine.build.copying import CopyRules
from engine.build.destination import resolve_destination
from engine.build.directories import directory_items
from engine.build.ownership import find_owner
from engine.build.ports import Program
from engine.build.remote import clone, download, is_git, is_url, parse_git
from engine.build.steps import ConfigStep, CopyStep, DirectoryStep, RunStep
from engine.build.stubs import find_stubs
from engine.build.tree import FileTree
from engine.dockerfile.modes import parse_mode
from engine.errors import StepFailed
from engine.layers.direct import is_plain
from engine.layers.stack import Stack
from engine.layers.tarwriter import render_tar
from engine.progress import BuildOutput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.build.cache import MadeLayer
    from engine.build.copying import Owner
    from engine.build.files import Files, Item
    from engine.build.mounts import MountOpener, OpenedMounts
    from engine.build.origins import Origins
    from engine.build.places import Places
    from engine.build.ports import LayerMaker, ProgramRunner
    from engine.build.remote import Downloads
    from engine.build.request import BuildRequest
    from engine.build.state import StageState
    from engine.build.steps import Step
    from engine.leases import Lease
    from engine.oci.digest import ChainID
    from engine.progress import Cancellation, ProgressSink
    from engine.snapshots.snapshotter import Snapshotter

TAIL_BYTES = 8 * 1024


@dataclass(frozen=True, slots=True)
class Prepared:
    """How a step's layer is made, and the digest of the files that it takes."""

    make: Callable[[str], MadeLayer]
    files: str = ""


@dataclass(frozen=True, slots=True)
class Acts:
    """Knows how the steps of one build are done."""

    request: BuildRequest
    places: Places
    snapshotter: Snapshotter
    layers: LayerMaker
    runner: ProgramRunner
    downloads: Downloads
    origins: Origins
    lease: Lease
    mounts: MountOpener
    progress: ProgressSink
    cancellation: Cancellation
    latest_ns: int | None

    def has_layer(self, layer: ChainID) -> bool:
        """Whether *layer* is here, committed."""
        found = self.snapshotter.find(str(layer))
        return found is not None and found.size is not None

    def prepare(self, step: Step, state: StageState, opened: ExitStack) -> Prepared:
        """Return how *step* is done on *state*; what it needs is closed with *opened*."""
        if isinstance(step, CopyStep):
            return self._copy(step, state, opened)
        if isinstance(step, RunStep):
            return self._run(step, state, opened)
        if isinstance(step, DirectoryStep):
            return Prepared(lambda _: self._make_directory(step, state))
        if isinstance(step, ConfigStep):
            return Prepared(_refuse)
        raise TypeError(step)

    def _stack(self, state: StageState, opened: ExitStack) -> Stack:
        parent = state.parent
        directories = self.snapshotter.layer_directories(parent) if parent else []
        return opened.enter_context(Stack(directories))

    # --- WORKDIR --------------------------------------------------------------------------------

    def _make_directory(self, step: DirectoryStep, state: StageState) -> MadeLayer:
        with ExitStack() as opened:
            stack = self._stack(state, opened)
            owner = find_owner(step.user, stack, line=step.line)
            items = directory_items(stack, step.path, owner, self.latest_ns or 0)
            return self._made(items, state, is_direct=is_plain([entry for entry, _ in items]))

    def _made(self, items: Iterable[Item], state: StageState, *, is_direct: bool) -> MadeLayer:
        parent, lease, cancellation = state.parent, self.lease, self.cancellation
        if is_direct:
            return self.layers.make_of(items, parent=parent, lease=lease, cancellation=cancellation)
        pieces = render_tar(items)
        return self.layers.make(pieces, parent=parent, lease=lease, cancellation=cancellation)

    # --- COPY and ADD ---------------------------------------------------------------------------

    def _copy(self, step: CopyStep, state: StageState, opened: ExitStack) -> Prepared:
        stack = self._stack(state, opened)
        destination = resolve_destination(stack, step.destination)
        rules = CopyRules(
            owner=self._owner(step, stack),
            mode=parse_mode(step.mode) if step.mode else None,
            latest_ns=self.latest_ns,
        )
        tree = self.origins.open_tree(step.origin, opened, line=step.line)
        copies = [
            copy_of(part, tree, destination, rules)
            for part, tree in self._parts(step, tree, opened)
        ]

        def make(_: str) -> MadeLayer:
            return self._made(items_of(copies), state, is_direct=are_plain(copies))

        return Prepared(make, digest_of_copies(copies))

    def _parts(
        self, step: CopyStep, tree: Files, opened: ExitStack
    ) -> list[tuple[CopyStep, Files]]:
        """Return the copies that *step* comes to: one, or one more for each remote source."""
        if not step.is_add:
            return [(step, tree)]
        local = tuple(each for each in step.sources if not (is_url(each) or is_git(each)))
        remote = [each for each in step.sources if each not in local]
        parts = [(replace(step, sources=local), tree)] if local or step.inline else []
        return parts + [self._fetched(step, each, opened) for each in remote]

    def _fetched(self, step: CopyStep, source: str, opened: ExitStack) -> tuple[CopyStep, Files]:
        directory = opened.enter_context(self.places.scratch())
        if is_url(source):
            name = download(step, source, directory, self.downloads, self.cancellation)
            part = replace(step, sources=(name,), inline=(), unpacks=bool(step.unpacks))
        else:
            wanted = parse_git(source)
            clone(step, wanted, directory / "git", self.cancellation)
            below = f"git/{wanted.subdirectory}".rstrip("/")
            part = replace(step, sources=(below,), inline=(), unpacks=False)
        return part, opened.enter_context(FileTree(directory))

    def _owner(self, step: CopyStep, stack: Stack) -> Owner | None:
        if step.owner:
            return find_owner(step.owner, stack, line=step.line)
        return None if step.origin is not None else find_owner("0:0", stack, line=step.line)

    # --- RUN ------------------------------------------------------------------------------------

    def _run(self, step: RunStep, state: StageState, opened: ExitStack) -> Prepared:
        seen = self.mounts.look(step, opened)

        def make(told: str) -> MadeLayer:
            mounts = self.mounts.open(step, seen, opened)
            stubs = find_stubs(self._stack(state, opened), mounts.targets)
            with self.runner.opened(state.parent) as key:
                self._run_on(key, step, mounts, told)
                return self.layers.capture(
                    key,
                    stubs=stubs,
                    latest_ns=self.latest_ns,
                    lease=self.lease,
                    cancellation=self.cancellation,
                )

        return Prepared(make, seen.digest)

    def _run_on(self, key: str, step: RunStep, mounts: OpenedMounts, told: str) -> None:
        tail = _Tail()

        def output(stream: str, content: bytes) -> None:
            tail.add(content)
            self.progress.emit(BuildOutput(told, stream, content))

        program = Program(
            key,
            step.arguments,
            (*step.env, *step.proxies, *mounts.env),
            step.user,
            step.working_dir,
            step.network,
            self.request.limits,
            binds=tuple(mounts.binds),
            tmpfs=tuple(mounts.tmpfs),
            extra_hosts=self.request.extra_hosts,
        )
        code = self.runner.run(program, output=output, cancellation=self.cancellation)
        if code:
            raise StepFailed(
                " ".join(step.arguments),
                exit_code=code,
                tail=tail.text(),
                line=step.line.source.first,
            )


def _refuse(_: str) -> MadeLayer:
    raise TypeError("a step that changes no file has no layer")


@dataclass(slots=True)
class _Tail:
    """The last that a program printed."""

    parts: deque[bytes] = field(default_factory=deque)
    size: int = 0

    def add(self, content: bytes) -> None:
        self.parts.append(content[-TAIL_BYTES:])
        self.size += len(self.parts[-1])
        while self.size - len(self.parts[0]) >= TAIL_BYTES:
            self.size -= len(self.parts.popleft())

    def text(self) -> str:
        return b"".join(self.parts)[-TAIL_BYTES:].decode(errors="replace")
