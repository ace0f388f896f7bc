from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.networks import Wires, fake_wires


@pytest.fixture
def wires(tmp_path: Path) -> Iterator[Wires]:
    made = fake_wires(tmp_path)
    yield made
    made.means.database.close()
