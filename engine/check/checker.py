"""The whole check: part after part, repairing at once what is to be repaired."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.check.findings import Report
from engine.errors import EngineError
from engine.progress import NEVER, SILENT, Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.check.blobs import BlobCheck
    from engine.check.containers import ContainerCheck
    from engine.check.findings import Finding, Found
    from engine.check.layers import LayerCheck
    from engine.check.records import RecordCheck
    from engine.check.volumes import VolumeCheck
    from engine.progress import Cancellation, ProgressSink

CANNOT = "cannot be repaired"


class Checker:
    """Checks one engine root."""

    def __init__(
        self,
        *,
        blobs: BlobCheck,
        layers: LayerCheck,
        records: RecordCheck,
        containers: ContainerCheck,
        volumes: VolumeCheck,
    ) -> None:
        self._blobs = blobs
        self._layers = layers
        self._records = records
        self._containers = containers
        self._volumes = volumes

    def check(
        self,
        *,
        repair: bool = False,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
    ) -> Report:
        """
        Return everything that is not as the records say; with *repair*, after putting it right.

        Blobs come first, because layers are repaired from them. What cannot be repaired stays and
        says why.
        """
        findings = []
        for found in self._iter_found(progress, cancellation):
            cancellation.check()
            findings.append(_repaired(found) if repair else found.finding)
        return Report(
            tuple(findings),
            blobs=self._blobs.count,
            layers=self._layers.count,
            images=self._records.count,
            containers=self._containers.count,
            volumes=self._volumes.count,
        )

    def _iter_found(self, progress: ProgressSink, cancellation: Cancellation) -> Iterator[Found]:
        parts: list[tuple[str, Iterable[Found]]] = [
            ("records of images", self._records.find()),
            ("blobs", self._blobs.find(cancellation)),
            ("layers", self._layers.find(cancellation)),
            ("containers", self._containers.find()),
            ("volumes", self._volumes.find()),
        ]
        for name, found in parts:
            progress.emit(Message(f"Checking {name}"))
            yield from found


def _repaired(found: Found) -> Finding:
    if found.repair is None:
        return replace(found.finding, outcome=CANNOT)
    try:
        outcome = found.repair()
    except EngineError as error:
        return replace(found.finding, outcome=f"{CANNOT}: {error.message}")
    return replace(found.finding, outcome=outcome, is_repaired=True)
