"""`./shipshape engine`: the engine's own command line, with no dashboard around it."""

import os
from collections.abc import Sequence

from workers.host.checkout import PYTHON
from workers.host.programs import hand_over


def engine(arguments: Sequence[str]) -> int:
    """Run the engine's command line with *arguments* and return its exit code."""
    return hand_over([str(PYTHON), "-m", "engine", *arguments], environment=os.environ)
