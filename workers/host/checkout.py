"""Where the product's own files are."""

import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
"""The directory that holds `manage.py`, `engine/`, `dashboard/` and this package."""

ENVIRONMENT = Path(sys.prefix)
"""The virtual environment that runs us."""

PYTHON = ENVIRONMENT / "bin" / "python"
"""Its interpreter; scripts beside it are run through it, since their first lines name one place."""
