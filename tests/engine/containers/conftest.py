from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.containers import Yard, fake_yard


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    made = fake_yard(tmp_path)
    yield made
    made.fake_host.hang_up()
