"""What a layer may cost before it is refused."""

from __future__ import annotations

from typing import NamedTuple

from engine.errors import LimitExceeded

GIB = 1 << 30
REMEDY = "Do not use this image unless you trust it; it may be made to fill the disk."


class Limits(NamedTuple):
    """
    Upper bounds for one layer; beyond any of them applying ends with `LimitExceeded`.

    *ratio* (unpacked to packed bytes) only counts above *ratio_exempt_bytes*, because an honest
    file of zeros packs as well as a bomb does.
    """

    unpacked_bytes: int = 128 * GIB
    file_bytes: int = 64 * GIB
    entries: int = 2_000_000
    path_bytes: int = 4095
    extension_bytes: int = 1 << 20
    ratio: int = 500
    ratio_exempt_bytes: int = GIB

    def check(self, what: str, value: int, limit: int) -> None:
        """Raise `LimitExceeded` if *value* is above *limit*; *what* begins the sentence."""
        if value > limit:
            raise LimitExceeded(what, limit=limit, field="layer", remedy=REMEDY)

    def check_unpacked(self, unpacked: int, packed: int) -> None:
        """Raise `LimitExceeded` if *unpacked* bytes are too many, or too many for *packed* ones."""
        self.check("the unpacked layer", unpacked, self.unpacked_bytes)
        if unpacked > self.ratio_exempt_bytes:
            ratio = unpacked // max(packed, 1)
            self.check("the compression ratio of the layer", ratio, self.ratio)


DEFAULT_LIMITS = Limits()
