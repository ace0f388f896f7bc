"""Where copies come from: the context, a stage that was built, an image, or the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from engine.build.tree import FileTree
from engine.errors import ImageNotFound, InvalidReference, RegistryUnreachable, UnknownStage

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack
    from pathlib import Path

    from engine.build.context import BuildContext
    from engine.build.files import Files
    from engine.build.ignore import IgnorePatterns
    from engine.build.places import Places
    from engine.build.state import StageState
    from engine.dockerfile.parser import Line


class StageStates(Protocol):
    """Knows what became of the stages of a build."""

    def __getitem__(self, index: int) -> StageState:
        """Return the state of stage number *index*, which has been built."""


@dataclass(frozen=True, slots=True)
class Origins:
    """Opens what copies and mounts come from."""

    context: BuildContext
    ignored: IgnorePatterns
    places: Places
    stages: StageStates
    image_state: Callable[[str], StageState]
    suggest: Callable[[str], str]

    def open_tree(self, origin: int | str | None, opened: ExitStack, *, line: Line) -> Files:
        """Return the files of *origin*; None is the build context."""
        if origin is None:
            return opened.enter_context(self.context.opened(self.ignored))
        return opened.enter_context(FileTree(self.open_directory(origin, opened, line=line)))

    def open_directory(self, origin: int | str | None, opened: ExitStack, *, line: Line) -> Path:
        """Return a directory that shows *origin*, to be read only."""
        if origin is None:
            return self.context.directory()
        layer = self._state(origin, line).parent
        if layer is None:
            return opened.enter_context(self.places.scratch())
        return opened.enter_context(self.places.viewed(layer))

    def _state(self, origin: int | str, line: Line) -> StageState:
        if isinstance(origin, int):
            return self.stages[origin]
        try:
            return self.image_state(origin)
        except (ImageNotFound, InvalidReference, RegistryUnreachable) as error:
            remedy = self.suggest(origin)
            if isinstance(error, RegistryUnreachable) and not remedy:
                raise
            reason = f"--from={origin[:80]} is no stage before this line and no image: "
            raise line.error(reason + error.message, kind=UnknownStage, remedy=remedy) from error
