"""Numbers in words, as docker and the pages write them."""

from __future__ import annotations

UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def bytes_in_words(count: int) -> str:
    """Return *count* bytes with three digits and a decimal unit: `12.3 MB`."""
    amount, unit = float(count), UNITS[0]
    for unit in UNITS:
        if amount < 999.5 or unit == UNITS[-1]:
            break
        amount /= 1000
    return f"{amount:.3g} {unit}" if unit != UNITS[0] else f"{count} {unit}"


def counted(count: int, noun: str) -> str:
    """Return *count* and *noun*, in the plural where it is one."""
    return f"{count} {noun}" + ("" if count == 1 else "s")
