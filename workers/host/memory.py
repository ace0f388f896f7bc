"""How much memory processes take, shared pages counted in proportion, so that sums are true."""

from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
NOT_OURS = frozenset({"conmon", "runc", "crun"})
"""Programs that hold containers: they and what runs below them are no part of the product."""


def measure_tree(pid: int, proc: Path = PROC) -> int:
    """Return the proportional set size of *pid* and all below it, in bytes; 0 once it is gone."""
    return sum(measure(each, proc) for each in iter_tree(pid, proc))


def iter_tree(pid: int, proc: Path = PROC) -> Iterator[int]:
    """Yield *pid* and the processes below it, leaving out those that hold containers."""
    if not pid or _read(proc / str(pid) / "comm").strip() in NOT_OURS:
        return
    yield pid
    for children in (proc / str(pid) / "task").glob("*/children"):
        for child in _read(children).split():
            yield from iter_tree(int(child), proc)


def measure(pid: int, proc: Path = PROC) -> int:
    """Return the proportional set size of the process *pid* alone, in bytes."""
    rollup = _read(proc / str(pid) / "smaps_rollup")
    lines = (line.split() for line in rollup.splitlines() if line.startswith("Pss:"))
    return sum(int(words[1]) * 1024 for words in lines)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        # It ended while we looked, or is not ours to look at.
        return ""
