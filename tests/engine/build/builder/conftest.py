"""A bench to build on."""

import pytest

from engine.system.paths import EnginePaths
from tests.support.builds import opened_bench, tree_of


@pytest.fixture
def bench(tmp_path):
    paths = EnginePaths(tmp_path / "root", tmp_path / "run")
    with opened_bench(paths, tmp_path / "context") as opened:
        yield opened


@pytest.fixture
def tree(bench):
    return lambda built: tree_of(bench.engine, built)
