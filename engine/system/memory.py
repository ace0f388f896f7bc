"""Memory that this process does not need any more."""

from __future__ import annotations

import ctypes
import gc

M_ARENA_MAX = -8
ARENAS = 2
# Looked up once: each look-up makes classes, which are garbage in circles.
_LIBC = ctypes.CDLL(None)
_set_option = getattr(_LIBC, "mallopt", None)
_trim = getattr(_LIBC, "malloc_trim", None)


def settle_in() -> None:
    """
    Prepare a process that stays for crowds that come and go; for its start, before any thread.

    What is loaded by now stays, so that looking for garbage does not go through it each time and is
    done more often. The C library makes a place for free memory of its own for each thread, where
    much is left over when they end: it is to make two.
    """
    if _set_option is not None:
        _set_option(M_ARENA_MAX, ARENAS)
    gc.collect()
    gc.freeze()


def give_memory_back() -> None:
    """Look for garbage, and give the machine what is free."""
    gc.collect()
    trim()


def trim() -> None:
    """
    Give the machine what was freed, which the C library keeps.

    Nothing happens where the C library has no such call.
    """
    if _trim is not None:
        _trim(0)
