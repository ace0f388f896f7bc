"""How far a stream may be ahead of its reader: what keeps a slow reader from costing memory."""

from __future__ import annotations

import asyncio


class Window:
    """Numbers what is sent; at most *size* of it is not acknowledged at any time."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._sent = 0
        self._acknowledged = 0
        self._moved = asyncio.Event()

    def take_number(self) -> int:
        """Return the number of what is sent next."""
        self._sent += 1
        return self._sent

    def acknowledge(self, number: object) -> None:
        """Take note that the reader has everything up to *number*; nonsense is passed over."""
        if isinstance(number, int) and self._acknowledged < number <= self._sent:
            self._acknowledged = number
            self._moved.set()

    async def has_room(self, patience: float) -> bool:
        """Return True once more may be sent, False when the reader gave no answer in time."""
        while self._sent - self._acknowledged >= self._size:
            self._moved.clear()
            try:
                await asyncio.wait_for(self._moved.wait(), patience)
            except TimeoutError:
                return False
        return True
