"""JSON, a line at a time."""

from __future__ import annotations

import json
from typing import Any


def json_line(value: Any, end: bytes = b"\n") -> bytes:
    """Return *value* as JSON without blanks, and *end*."""
    return (
        json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(errors="replace") + end
    )
