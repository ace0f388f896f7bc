"""The images that a build stands on or copies from, each looked for once in a build."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from engine.build.state import state_of_image

if TYPE_CHECKING:
    from engine.build.ports import BaseImages
    from engine.build.request import BuildRequest
    from engine.build.state import StageState
    from engine.images.hold import Hold
    from engine.images.record import ImageRecord
    from engine.progress import Cancellation


@dataclass(frozen=True, slots=True)
class BaseStates:
    """What is found is held for the build by *hold*; *escape* is that of its Dockerfile."""

    images: BaseImages
    request: BuildRequest
    hold: Hold
    cancellation: Cancellation
    escape: str
    _states: dict[str, Future[StageState]] = field(default_factory=dict)
    _guard: Lock = field(default_factory=Lock)

    def state(self, name: str) -> StageState:
        """Return the state of an image; whoever comes meanwhile waits for the first to ask."""
        with self._guard:
            future = self._states.get(name)
            is_first = future is None
            if future is None:
                future = self._states[name] = Future()
        if is_first:
            try:
                future.set_result(self._found(name))
            except BaseException as error:
                future.set_exception(error)
                raise
        return future.result()

    def get(self, name: str, *, always_pull: bool) -> ImageRecord:
        """Return the image, pulled where it is not here or *always_pull*."""
        image = self.images.get_base(
            name,
            platform=self.request.platform,
            always_pull=always_pull,
            cancellation=self.cancellation,
        )
        self.hold.add_layers(*(layer.chain_id for layer in image.layers))
        return image

    def _found(self, name: str) -> StageState:
        image = self.get(name, always_pull=self.request.always_pull)
        return state_of_image(image, escape=self.escape, epoch=self.request.source_date_epoch)
