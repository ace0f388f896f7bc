"""Records of images: what they say must follow from the config that they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.check.findings import Damage, Finding, Found
from engine.errors import EngineError
from engine.oci.digest import Digest
from engine.oci.identity import chain_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.images.record import ImageRecord
    from engine.images.store import ImageStore


class RecordCheck:
    """Looks at the records of the images of one engine root."""

    def __init__(self, images: ImageStore) -> None:
        self._images = images
        self.count = 0

    def find(self) -> Iterator[Found]:
        """Yield the images whose record contradicts their config; nobody can repair these."""
        for image in self._images.list_all():
            self.count += 1
            reason = _contradiction(image)
            if reason:
                yield Found(Finding(Damage.RECORD_WRONG, str(image.id), reason))


def _contradiction(image: ImageRecord) -> str:
    if Digest.of(image.config_content) != image.id:
        return "its config is another image's"
    try:
        diff_ids = image.config.diff_ids
    except EngineError as error:
        return error.message
    if tuple(layer.diff_id for layer in image.layers) != diff_ids:
        return "it lists other layers than its config"
    if tuple(layer.chain_id for layer in image.layers) != chain_ids(diff_ids):
        return "its layers are recorded under wrong names"
    return ""
