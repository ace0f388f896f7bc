"""`./shipshape engine`: the engine's own command line, with no dashboard around it."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from workers.host.checkout import PYTHON


def engine(arguments: Sequence[str]) -> NoReturn:
    """
    Become the engine's command line with *arguments*.

    In the place of this process, so that a signal to it is a signal to the engine, which `serve`
    ends by.
    """
    sys.stdout.flush()
    os.execv(PYTHON, [str(PYTHON), "-m", "engine", *arguments])  # noqa: S606
