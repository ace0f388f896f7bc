"""Words to the person at the terminal; nothing else in the package writes there."""

import sys
from collections.abc import Sequence


def say(text: str = "") -> None:
    """Write *text* as a line on standard output, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    """Write *text* as a line on standard error, at once."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def render_table(rows: Sequence[Sequence[str]]) -> str:
    """Return *rows*, the first being the header, as left-aligned columns."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ("   ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) for r in rows)
    return "\n".join(line.rstrip() for line in lines)


def render_bytes(count: int) -> str:
    """Return *count* bytes in the unit a person would choose, decimal as docker does it."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
