"""What this host is told about registries: mirrors, plain http, whose logins."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from engine.errors import ImageNotFound, InvalidSetting, RegistryUnreachable
from engine.progress import NEVER
from engine.registry.connector import RegistryConnector
from engine.registry.credentials import Credentials
from engine.registry.retry import Patience
from engine.registry.settings import RegistrySettings, read_settings
from engine.registry.urls import Endpoint, Reach
from tests.support.images import PackedImage, pack_image
from tests.support.registry import FakeRegistry, Reply, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.oci.reference import Reference
    from engine.registry.client import RegistryClient
    from engine.registry.transport import HttpTransport

ANA, BEN = Credentials("ana", "secret"), Credentials("ben", "hidden")


def parsed(content: Any) -> RegistrySettings:
    return RegistrySettings.parse(json.dumps(content).encode())


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "registries.json") == RegistrySettings()


def test_every_field_is_read() -> None:
    settings = parsed(
        {
            "plain_http": ["registry.lan:5000"],
            "mirrors": {"docker.io": ["https://mirror.lan/hub/", "http://10.0.0.7:5000"]},
            "docker_config": False,
        }
    )

    assert settings.mirrors["docker.io"] == (
        Endpoint("mirror.lan", "https://mirror.lan/hub/v2/"),
        Endpoint("10.0.0.7:5000", "http://10.0.0.7:5000/v2/"),
    )
    assert not settings.uses_docker_config
    reach = settings.reach(Reach(frozenset({"a"})))
    assert reach.plain_http == {"a", "registry.lan:5000", "10.0.0.7:5000"}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param([], id="list"),
        pytest.param({"plain_http": "x"}, id="plain-http"),
        pytest.param({"mirrors": []}, id="mirrors"),
        pytest.param({"mirrors": {"docker.io": "https://mirror.lan"}}, id="no-list"),
        pytest.param({"mirrors": {"docker.io": ["mirror.lan"]}}, id="no-scheme"),
        pytest.param({"mirrors": {"docker.io": ["ftp://mirror.lan"]}}, id="ftp"),
        pytest.param({"mirrors": {"docker.io": ["https://a:b@mirror.lan"]}}, id="password"),
        pytest.param({"mirrors": {"docker.io": ["https://[::1"]}}, id="broken"),
        pytest.param({"mirrors": {"docker.io": ["https://m.lan"] * 17}}, id="many"),
        pytest.param({"docker_config": "no"}, id="flag"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(content: Any) -> None:
    with pytest.raises(InvalidSetting, match=r"registries\.json"):
        parsed(content)


# --- Mirrors ----------------------------------------------------------------------------------


@pytest.fixture
def mirror() -> Iterator[FakeRegistry]:
    with serving(FakeRegistry()) as mirror:
        yield mirror


@pytest.fixture
def image() -> PackedImage:
    return pack_image(b"lower", b"upper")


@pytest.fixture
def web(registry: FakeRegistry, image: PackedImage) -> Reference:
    return registry.put_image("team/web", image)


class Keychain:
    def __init__(self, **known: Credentials) -> None:
        self.known = known

    def find(self, registry: str) -> Credentials | None:
        return self.known.get(registry)


@pytest.fixture
def connector(
    tmp_path: Path, transport: HttpTransport, registry: FakeRegistry, mirror: FakeRegistry
) -> RegistryConnector:
    path = tmp_path / "registries.json"
    path.write_text(json.dumps({"mirrors": {registry.host: [f"http://{mirror.host}"]}}))
    keychain = Keychain(**{registry.host: ANA, mirror.host: BEN})
    return RegistryConnector(
        transport, patience=Patience(first_wait=0), settings_file=path, keychain=keychain
    )


@pytest.fixture
def client(connector: RegistryConnector, registry: FakeRegistry) -> RegistryClient:
    return connector(registry.host, credentials=None, cancellation=NEVER)


def fetched(client: RegistryClient, web: Reference) -> bytes:
    resolved = client.resolve(web)
    return b"".join(client.fetch_blob(web, resolved.manifest.layers[0]))


def test_what_a_mirror_has_is_not_asked_of_the_registry(
    client: RegistryClient,
    registry: FakeRegistry,
    mirror: FakeRegistry,
    web: Reference,
    image: PackedImage,
) -> None:
    mirror.put_image("team/web", image)

    assert fetched(client, web) == image.layers[0]
    assert registry.received == []


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_what_a_mirror_does_not_give_comes_from_the_registry(
    client: RegistryClient,
    registry: FakeRegistry,
    mirror: FakeRegistry,
    web: Reference,
    image: PackedImage,
    status: int,
) -> None:
    mirror.always("/v2/", Reply(status))

    assert fetched(client, web) == image.layers[0]


def test_a_mirror_that_is_in_trouble_is_asked_once(
    client: RegistryClient, mirror: FakeRegistry, web: Reference
) -> None:
    mirror.always("/v2/", Reply(503))

    fetched(client, web)

    assert len(mirror.received) == 1


def test_a_blob_goes_on_at_the_registry_where_the_mirror_broke(
    client: RegistryClient,
    registry: FakeRegistry,
    mirror: FakeRegistry,
    web: Reference,
    image: PackedImage,
) -> None:
    mirror.put_image("team/web", image)
    mirror.always("/blobs/", Reply(body=image.layers[0], drop_after=10))

    assert fetched(client, web) == image.layers[0]
    assert registry.requests_for("/blobs/")[0].headers["range"] == "bytes=10-"


def test_a_mirror_that_lies_about_a_digest_is_passed_over(
    client: RegistryClient, mirror: FakeRegistry, web: Reference, image: PackedImage
) -> None:
    other = pack_image(b"other")
    mirror.always("/manifests/", Reply(body=other.manifest))

    assert client.fetch_manifest(web.with_digest(image.digest)).content == image.manifest


def test_what_neither_has_is_not_found_at_the_registry(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    with pytest.raises(ImageNotFound, match=f"at {registry.host}"):
        client.resolve(registry.reference("team/nothing"))


def test_each_sees_the_credentials_that_are_kept_for_it(
    client: RegistryClient,
    registry: FakeRegistry,
    mirror: FakeRegistry,
    web: Reference,
) -> None:
    registry.require_basic("ana", "secret")
    mirror.require_basic("ben", "hidden")

    fetched(client, web)

    assert {each.authorization for each in mirror.received} == {"", BEN.basic}
    assert {each.authorization for each in registry.received} == {"", ANA.basic}


def test_what_somebody_brings_is_not_shown_to_a_mirror(
    connector: RegistryConnector, registry: FakeRegistry, mirror: FakeRegistry, web: Reference
) -> None:
    mirror.require_basic("ben", "hidden")
    mine = Credentials("eve", "mine")

    fetched(connector(registry.host, credentials=mine, cancellation=NEVER), web)

    assert mine.basic not in {each.authorization for each in mirror.received}


def test_nothing_is_pushed_to_a_mirror(
    client: RegistryClient, registry: FakeRegistry, mirror: FakeRegistry, web: Reference
) -> None:
    blob = client.resolve(web).manifest.config
    mirror.received.clear()

    assert client.has_blob(web, blob)
    assert mirror.received == []


def test_docker_logins_are_not_used_where_that_is_turned_off(
    tmp_path: Path, connector: RegistryConnector, registry: FakeRegistry, web: Reference
) -> None:
    (tmp_path / "registries.json").write_text('{"docker_config": false}')
    registry.require_basic("ana", "secret")

    with pytest.raises(Exception, match="login"):
        connector(registry.host, credentials=None, cancellation=NEVER).resolve(web)


def test_a_mirror_that_is_down_costs_one_attempt(
    tmp_path: Path, connector: RegistryConnector, registry: FakeRegistry, web: Reference
) -> None:
    mirrors = {"mirrors": {registry.host: ["http://127.0.0.1:1"]}}
    (tmp_path / "registries.json").write_text(json.dumps(mirrors))
    client = connector(registry.host, credentials=None, cancellation=NEVER)

    assert fetched(client, web)
    with pytest.raises(RegistryUnreachable):
        connector("127.0.0.1:1", credentials=None, cancellation=NEVER).check()
