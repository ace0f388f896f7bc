from pathlib import Path

import pytest

from tests.support.containers import Yard, fake_yard


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return fake_yard(tmp_path)
