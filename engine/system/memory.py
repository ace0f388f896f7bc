"""Memory that this process does not need any more."""

from __future__ import annotations

import ctypes


def give_memory_back() -> None:
    """
    Give the machine what was freed: the C library keeps that, for each thread that ever was.

    Nothing happens where the C library has no such call.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
