"""How much a registry still lets one ask (draft-ietf-httpapi-ratelimit-headers, Docker's form)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_COUNT = re.compile(r"(\d{1,9})(?:\s*;\s*w=(\d{1,9}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """*remaining* of *limit* requests are left in a window of *seconds*, 0 where it is unsaid."""

    limit: int
    remaining: int
    seconds: int = 0

    def __str__(self) -> str:
        window = f" in {_duration(self.seconds)}" if self.seconds else ""
        return f"{self.remaining} of {self.limit} requests{window} are left"


def parse_rate_limit(headers: Mapping[str, str]) -> RateLimit | None:
    """Return what *headers* (names in lower case) say about the rate of requests, or None."""
    limit = _COUNT.match(headers.get("ratelimit-limit", ""))
    remaining = _COUNT.match(headers.get("ratelimit-remaining", ""))
    if limit is None or remaining is None:
        return None
    return RateLimit(int(limit[1]), int(remaining[1]), int(limit[2] or remaining[2] or 0))


def _duration(seconds: int) -> str:
    for unit, name in ((3600, "hours"), (60, "minutes")):
        if seconds >= unit and seconds % unit == 0:
            return f"{seconds // unit} {name}"
    return f"{seconds} seconds"
