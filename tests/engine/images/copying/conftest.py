"""Two registries, and what copies from one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.images import places
from engine.images.copy import Copier
from engine.images.places import BlobPlaces
from engine.registry.connector import RegistryConnector
from engine.registry.retry import Patience
from engine.registry.transport import HttpTransport
from engine.system.clock import SYSTEM_CLOCK
from engine.system.database import Database
from tests.support.registry import FakeRegistry, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.oci.reference import Reference
    from tests.support.images import PackedImage


@pytest.fixture
def other() -> Iterator[FakeRegistry]:
    with serving(FakeRegistry()) as other:
        yield other


@pytest.fixture
def copier(tmp_path: Path) -> Iterator[Copier]:
    transport = HttpTransport()
    database = Database(tmp_path / "engine.db", [places.SCHEMA])
    yield Copier(
        connect=RegistryConnector(transport, patience=Patience(first_wait=0.0)),
        places=BlobPlaces(database, SYSTEM_CLOCK),
    )
    database.close()
    transport.close()


@pytest.fixture
def web(registry: FakeRegistry, image: PackedImage) -> Reference:
    return registry.put_image("team/web", image, tag="1")


@pytest.fixture
def target(other: FakeRegistry) -> Reference:
    return other.reference("mirror/web:1")
