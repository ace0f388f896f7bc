"""An image's place at a registry that gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from engine.oci.reference import Reference
    from tests.support.registry import FakeRegistry


@pytest.fixture
def web(registry: FakeRegistry) -> Reference:
    return registry.reference("team/web:1")
