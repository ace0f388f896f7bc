from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.registry.client import RegistryClient
from engine.registry.retry import Patience
from engine.registry.transport import HttpTransport
from tests.support.registry import FakeRegistry, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HASTY = Patience(first_wait=0.0)


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with serving(FakeRegistry()) as registry:
        yield registry


@pytest.fixture
def transport(registry: FakeRegistry) -> Iterator[HttpTransport]:
    transport = HttpTransport()
    yield transport
    transport.close()


@pytest.fixture
def new_client(registry: FakeRegistry, transport: HttpTransport) -> Callable[..., RegistryClient]:
    def build(**settings: Any) -> RegistryClient:
        return RegistryClient(transport, registry.host, **{"patience": HASTY, **settings})

    return build


@pytest.fixture
def client(new_client: Callable[..., RegistryClient]) -> RegistryClient:
    return new_client()
