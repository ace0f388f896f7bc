"""
Importing: from a bare tar of files, as `docker export` writes it, to an image of one layer.

The tar is unpacked while it comes in; which layer it is, is known at its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, cast

from engine.images.archive_reader import UnpackedArchive
from engine.images.changes import apply_changes
from engine.layers.limits import DEFAULT_LIMITS
from engine.oci.config import HistoryEntry, ProcessDefaults, render_config
from engine.oci.platform import Platform, host_platform
from engine.progress import NEVER, SILENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.images.add import Adder
    from engine.images.record import ImageRecord
    from engine.oci.digest import DiffID
    from engine.oci.reference import Reference
    from engine.progress import Cancellation, ProgressSink
    from engine.system.clock import Clock

MESSAGE = "Imported from -"


class Importer:
    """Imports tars into one engine root."""

    def __init__(self, adder: Adder, clock: Clock) -> None:
        self._adder = adder
        self._clock = clock

    def import_tar(
        self,
        stream: BinaryIO,
        *,
        reference: Reference | None = None,
        changes: Sequence[str] = (),
        message: str = "",
        platform: Platform | None = None,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
        owner: str = "",
    ) -> ImageRecord:
        """
        Make an image of the files in the tar *stream*, packed or not, and let *reference* name it.

        *changes* are Dockerfile instructions, see `apply_changes`. Raises `InvalidSetting`, another
        kind of `InvalidInput`, `SystemFailure` or `Cancelled`; then nothing has changed.
        """
        defaults = apply_changes(ProcessDefaults(), changes)
        with self._adder.adding(progress=progress, cancellation=cancellation) as work:
            tar = work.stage(cast("BinaryIO", UnpackedArchive(stream, DEFAULT_LIMITS)))
            return work.make(
                self._config(tar.diff_id, defaults, message, platform),
                [tar],
                tags=[reference] if reference else [],
                owner=owner,
                source="import",
            )

    def _config(
        self, diff_id: DiffID, defaults: ProcessDefaults, message: str, platform: Platform | None
    ) -> bytes:
        now = self._clock.now()
        return render_config(
            platform=platform or host_platform(),
            diff_ids=(diff_id,),
            history=(HistoryEntry(now, comment=message or MESSAGE),),
            defaults=defaults,
            created_at=now,
        )
