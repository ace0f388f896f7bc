"""The images that stages stand on: taken from this host, or pulled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from engine.errors import NoMatchingPlatform
from engine.oci.platform import best_match, host_platform
from engine.oci.reference import Reference

if TYPE_CHECKING:
    from engine.images.record import ImageRecord, Pulled
    from engine.oci.platform import Platform
    from engine.progress import Cancellation, ProgressSink
    from engine.registry.credentials import Credentials


class ImageSource(Protocol):
    """The images of this host, and how more come to it."""

    def find(self, text: str) -> ImageRecord | None:
        """Return the image that *text* names, or None."""

    def pull(
        self,
        reference: Reference,
        *,
        platform: Platform | None,
        credentials: Credentials | None,
        progress: ProgressSink,
        cancellation: Cancellation,
        owner: str,
    ) -> Pulled:
        """Bring an image from its registry."""


class PullingBases:
    """`BaseImages` for one build, which pulls what is missing with *credentials* of its own."""

    def __init__(
        self,
        images: ImageSource,
        *,
        credentials: dict[str, Credentials],
        progress: ProgressSink,
        owner: str,
    ) -> None:
        self._images = images
        self._credentials = credentials
        self._progress = progress
        self._owner = owner

    def get_base(
        self, name: str, *, platform: Platform | None, always_pull: bool, cancellation: Cancellation
    ) -> ImageRecord:
        """See `BaseImages.get_base`."""
        found = None if always_pull else self._images.find(name)
        if found is not None and _fits(found, platform):
            return found
        reference = Reference.parse(name)
        pulled = self._images.pull(
            reference,
            platform=platform,
            credentials=self._credentials.get(reference.registry),
            progress=self._progress,
            cancellation=cancellation,
            owner=self._owner,
        )
        if not _fits(pulled.image, platform):
            wanted = platform or host_platform()
            raise NoMatchingPlatform(str(wanted), offered=(str(pulled.image.platform),))
        return pulled.image


def _fits(image: ImageRecord, platform: Platform | None) -> bool:
    if platform is None or not image.platform.architecture:
        return True
    return best_match(platform, [image.platform]) is not None
