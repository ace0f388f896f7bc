from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.oci import media_types
from engine.oci.descriptor import Descriptor
from engine.registry.client import RegistryClient
from engine.registry.retry import Patience
from engine.registry.transport import HttpTransport
from tests.support.blobs import BLOB
from tests.support.images import PackedImage, pack_image
from tests.support.registry import FakeRegistry, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.oci.reference import Reference

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


@pytest.fixture
def image() -> PackedImage:
    return pack_image(b"lower", b"upper")


@pytest.fixture
def web(registry: FakeRegistry, image: PackedImage) -> Reference:
    return registry.put_image("team/web", image)


@pytest.fixture
def blob(registry: FakeRegistry) -> Descriptor:
    return Descriptor(media_types.OCI_LAYER, registry.put_blob(BLOB), len(BLOB))
