"""`./shipshape bench NAME`: run one of the measurements in tests/bench/."""

import importlib
from collections.abc import Sequence
from pathlib import Path

from workers.host.checkout import CHECKOUT
from workers.host.errors import HostError

BENCHES = CHECKOUT / "tests" / "bench"


def bench(arguments: Sequence[str]) -> int:
    """Run the measurement that *arguments* name with the rest of them; return its exit code."""
    name, *rest = arguments or [""]
    names = list_benches(BENCHES)
    if name not in names:
        raise HostError(
            f"There is no measurement {name!r}.", remedy=f"There are: {', '.join(names) or 'none'}."
        )
    module = importlib.import_module(f"tests.bench.{name}")
    return int(module.main(rest) or 0)


def list_benches(directory: Path) -> list[str]:
    """Return the names of the measurements in *directory*: its modules that are no one's own."""
    return sorted(p.stem for p in directory.glob("*.py") if not p.name.startswith("_"))
