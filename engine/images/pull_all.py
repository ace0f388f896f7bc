"""Pulling every tag of a repository, one after the other, as docker's `--all-tags` does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.progress import NEVER, SILENT

if TYPE_CHECKING:
    from engine.images.pull import Puller
    from engine.images.record import Pulled
    from engine.oci.platform import Platform
    from engine.oci.reference import Reference
    from engine.progress import Cancellation, ProgressSink
    from engine.registry.credentials import Credentials
    from engine.registry.registries import Connect


class AllTagsPuller:
    """Pulls repositories into one engine root."""

    def __init__(self, *, puller: Puller, connect: Connect) -> None:
        self._puller = puller
        self._connect = connect

    def pull_all(
        self,
        reference: Reference,
        *,
        platform: Platform | None = None,
        credentials: Credentials | None = None,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
        owner: str = "",
    ) -> list[Pulled]:
        """
        Bring every image that has a tag in the repository of *reference*, whatever that one's is.

        Raises `ImageNotFound` where there is none, and what a pull raises: then the tags before it,
        in their order, are here.
        """
        client = self._connect(
            reference.registry, credentials=credentials, cancellation=cancellation
        )
        return [
            self._puller.pull(
                replace(reference, tag=tag, digest=None),
                platform=platform,
                credentials=credentials,
                progress=progress,
                cancellation=cancellation,
                owner=owner,
            )
            for tag in client.list_tags(reference)
        ]
