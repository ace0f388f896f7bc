"""What runs in a container, as ps(1) of the host tells it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import Failed, InvalidSetting
from engine.system.runner import run

if TYPE_CHECKING:
    from collections.abc import Collection

DEFAULT_ARGUMENTS = "-ef"
MAX_ARGUMENTS = 1000
PS_SECONDS = 20.0
PS_BYTES = 8 << 20
# A column that is called PID but is another one would show any process at all.
_RENAMED = re.compile(r"([^\s,]*)=\s*(PID[^\s]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Top:
    """The processes of a container: *titles* of the columns, and a row for each process."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def check_arguments(text: str) -> list[str]:
    """Return the words for ps(1), docker's default for none; raise `InvalidSetting`."""
    words = (text or DEFAULT_ARGUMENTS).split()
    if len(text) > MAX_ARGUMENTS or "\0" in text:
        raise InvalidSetting("ps_args", "are longer than any that make sense")
    renamed = _RENAMED.search(text)
    if renamed and renamed[1] != "pid":
        raise InvalidSetting("ps_args", f'specifying "{renamed[0]}" is not allowed')
    return words


def list_processes(pids: Collection[int], arguments: str) -> Top:
    """Return what ps(1) with *arguments* says of *pids*; raise `InvalidSetting` or `Failed`."""
    words = check_arguments(arguments)
    finished = run(["ps", *words], timeout=PS_SECONDS, limit=PS_BYTES)
    if finished.code != 0:
        # Its usage follows.
        complaint = (finished.complaint or "failed").splitlines()[0]
        raise Failed(f"ps: {complaint}", field="ps_args")
    return parse_table(finished.stdout.decode(errors="replace"), pids)


def parse_table(text: str, pids: Collection[int]) -> Top:
    """Return the rows of *pids* in a table of ps(1); a last column may hold blanks."""
    lines = [line.split() for line in text.splitlines()]
    titles = lines[0] if lines else []
    if "PID" not in titles:
        raise InvalidSetting(
            "ps_args", "Couldn't find PID field in ps output", remedy="Let ps show the column PID."
        )
    column, wanted = titles.index("PID"), {str(pid) for pid in pids}
    rows = [_row(words, len(titles)) for words in lines[1:] if words[column : column + 1]]
    return Top(tuple(titles), tuple(row for row in rows if row[column] in wanted))


def _row(words: list[str], width: int) -> tuple[str, ...]:
    return (*words[: width - 1], " ".join(words[width - 1 :]))
