"""Whether an image that is to go is anywhere else: its registry is asked for its very digest."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import Denied, ImageNotFound, IntegrityError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.images.record import ImageRecord
    from engine.oci.digest import Digest
    from engine.oci.reference import Reference


class Whereabouts(enum.StrEnum):
    """Where a copy of an image is."""

    AT_REGISTRY = "at-registry"
    ONLY_HERE = "only-here"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Copy:
    """
    What is known of another copy of an image.

    *name* is by what it can be pulled again, *pull_bytes* what that would bring at most; *reason*
    says why nobody knows.
    """

    whereabouts: Whereabouts
    name: Reference | None = None
    pull_bytes: int = 0
    reason: str = ""


def find_copy(image: ImageRecord, ask: Callable[[Reference], Digest]) -> Copy:
    """
    Return whether *image* is at a registry, by the names by digest that it was pulled or pushed as.

    *ask* returns the digest of what a name is at its registry. A registry that does not answer, or
    refuses to, leaves it open: that is never told as the only copy, nor as one of several.
    """
    doubt = ""
    for name in image.repo_digests:
        try:
            found = ask(name)
        except ImageNotFound:
            continue
        except (Denied, Unavailable, IntegrityError) as error:
            doubt = error.message
            continue
        if found == name.digest:
            sizes = {each.digest: each.compressed_size for each in image.layers}
            return Copy(Whereabouts.AT_REGISTRY, name, sum(sizes.values()))
    if doubt:
        return Copy(Whereabouts.UNKNOWN, reason=doubt)
    return Copy(Whereabouts.ONLY_HERE)
