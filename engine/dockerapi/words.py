"""Numbers and times as docker writes them for people (go-units)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.dockerapi.refusals import Refusal

if TYPE_CHECKING:
    from datetime import datetime


NEVER = "0001-01-01T00:00:00Z"
_SIZES = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
BAR = 50


def human_size(size: float) -> str:
    """Return *size* in decimal units with four digits, as in `1.982MB`."""
    unit = 0
    while size >= 1000 and unit < len(_SIZES) - 1:
        size /= 1000
        unit += 1
    return f"{size:.4g}{_SIZES[unit]}"


def progress_bar(current: int, total: int) -> str:
    """Return the bar that docker shows beside a layer."""
    if current <= 0 and total <= 0:
        return ""
    if total <= 0:
        return f"{human_size(current):>8}"
    done = min(BAR, int(current / total * 100) // 2)
    numbers = human_size(current).rjust(8)
    numbers += f"/{human_size(total)}" if current <= total else ""
    return f"[{'=' * done}>{' ' * (BAR - done)}] {numbers}"


def go_time(moment: datetime | None) -> str:
    """Return *moment* as Go writes it: no more digits than needed; a year 1 that means never."""
    if moment is None:
        return NEVER
    written = moment.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return written + "Z"


_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,9})?) ?([kmgtp]?)i?b?", re.ASCII | re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def parse_size(text: str, name: str) -> int:
    """Return the bytes in *text*, where `10m` are binary units; raise `Refusal` (400)."""
    if text == "-1":
        return -1
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise Refusal(400, f"invalid size for {name}: '{text[:40]}'")
    return int(float(match[1]) * 1024 ** _POWERS[match[2].lower()])


def short_size(size: int) -> str:
    """Return *size* as people give it: in the largest binary unit that has no remainder."""
    for unit in ("g", "m", "k"):
        count, rest = divmod(size, 1024 ** _POWERS[unit])
        if count and not rest:
            return f"{count}{unit}"
    return str(size) if size else ""
