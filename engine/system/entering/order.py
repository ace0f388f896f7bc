"""What the program is told, and what it answers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Self

LIMIT = 16 * 1024
# A connection of packets, a pipe for the report, and a mark to hold on to.
DESCRIPTORS = 3


@dataclass(frozen=True, slots=True)
class Order:
    """
    A command to be started, by the paths of the files about it.

    Of these only *entry* is there, an `Entry`. The watcher writes its own number, that of the
    command's process once it runs, and its exit code after its end; at a terminal it makes the pipe
    *orders*. With *has_input* the command reads what comes over the connection.
    """

    container: str
    entry: str
    watcher_number: str
    number: str
    exit_code: str
    orders: str
    has_input: bool

    def render(self) -> bytes:
        """Return the order as `parse` reads it."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Return what `render` wrote."""
        return cls(**json.loads(content))
