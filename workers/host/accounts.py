"""What the engine's ledger says that its root takes, beside what the file system says."""

from dataclasses import dataclass

from workers.host.containers import has_engine
from workers.host.stack import Stack

# Directories that hold little are in no record; below this they make no difference.
NEGLIGIBLE = 64_000_000
TOLERANCE = 0.01


@dataclass(frozen=True)
class LedgerFacts:
    """The bytes of an engine root: those that are accounted for, and all that there are."""

    told: int
    measured: int

    @property
    def difference(self) -> float:
        """What is not accounted for, as a share of all."""
        return (self.measured - self.told) / self.measured if self.measured else 0.0

    @property
    def adds_up(self) -> bool:
        """Whether both say the same, within a hundredth."""
        apart = abs(self.measured - self.told)
        return apart <= max(NEGLIGIBLE, TOLERANCE * self.measured)


def probe_ledger(stack: Stack) -> LedgerFacts | None:
    """Hold the ledger of *stack*'s engine against its disk; None if there is none to look at."""
    if not has_engine(stack):
        return None
    # Only who asks about the ledger waits for the engine's imports.
    from engine.engine import Engine
    from engine.errors import EngineError
    from engine.system.paths import EnginePaths

    try:
        with Engine.open(EnginePaths(stack.root, stack.run)) as engine:
            account = engine.account()
    except (OSError, EngineError):
        return None
    return LedgerFacts(account.told, account.measured)
