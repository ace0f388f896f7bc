"""Promises about the shape of the code that no linter sees by itself."""

from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGES = ("engine", "dashboard", "workers")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_directory_of_modules_is_a_package(package):
    # Import contracts are blind to directories without one: they would hold for nothing in there.
    directories = {path.parent for path in (CHECKOUT / package).rglob("*.py")}
    assert [d for d in directories if not (d / "__init__.py").exists()] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_is_a_drawer(package):
    drawers = {"utils", "util", "helpers", "common", "base", "manager", "misc"}
    assert [path for path in (CHECKOUT / package).rglob("*.py") if path.stem in drawers] == []
