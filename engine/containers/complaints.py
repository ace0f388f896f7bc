"""What the runtime says on stderr when it fails: lines of its log, of which the last counts."""

from __future__ import annotations

import re

_LOGGED = re.compile(r'time="[^"]*" level=\w+ msg="(.*)"', re.DOTALL)


def last_words(message: str) -> str:
    """Return the last line of *message*, without the time and level that a log has before it."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    logged = _LOGGED.fullmatch(last)
    return logged[1].replace('\\"', '"') if logged else last
