"""Signals as people write them: `SIGTERM`, `term`, `15`, `RTMIN+3`."""

from __future__ import annotations

import re
import signal

from engine.errors import InvalidSetting

_REAL_TIME = re.compile(r"(RTMIN|RTMAX)(?:([+-])(\d{1,2}))?", re.ASCII)
LAST = 64


def parse_signal(text: str, *, field: str = "signal") -> int:
    """Return the number of the signal that *text* names; raise `InvalidSetting` on *field*."""
    name = text.strip().upper().removeprefix("SIG")
    is_number = name.isascii() and name.isdecimal() and len(name) <= len(str(LAST))
    number = int(name) if is_number else _named(name)
    if not 0 < number <= LAST:
        raise InvalidSetting(field, f"Invalid signal: {text[:40]}")
    return number


def _named(name: str) -> int:
    known = signal.Signals.__members__.get(f"SIG{name}")
    if known is not None:
        return int(known)
    match = _REAL_TIME.fullmatch(name)
    if match is None:
        return 0
    base = signal.SIGRTMIN if match[1] == "RTMIN" else signal.SIGRTMAX
    return int(base) + int(f"{match[2] or '+'}{match[3] or 0}")
