"""
A pytest plugin (`-p tests.support.on_postgres`) that runs the dashboard's tests on PostgreSQL.

It is loaded before the settings are, so that they find the private cluster in DATABASE_URL.
"""

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

# conftest.py loads it as a plugin afterwards and would complain that it is too late to rewrite it.
pytest.register_assert_rewrite("tests.support.services")

from tests.support.services import running_postgres  # noqa: E402

_undo = ExitStack()
_directory = Path(tempfile.mkdtemp(prefix="ship-"))
_undo.callback(shutil.rmtree, _directory)
os.environ["DATABASE_URL"] = _undo.enter_context(running_postgres(_directory)).url


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Stop the cluster and remove its files."""
    _undo.close()
