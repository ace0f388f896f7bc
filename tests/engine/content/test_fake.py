from __future__ import annotations

import pytest

from tests.contracts.content_store import ContentStoreContract
from tests.support.fakes import FakeStore


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


class TestFakeStore(ContentStoreContract):
    """What tests lean on keeps the promises of the real thing."""
