"""The transport over real connections: whom it trusts, and how long it waits."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from engine.errors import InvalidSetting, RegistryUnreachable, RegistryUntrusted
from engine.registry.client import RegistryClient
from engine.registry.messages import Request
from engine.registry.pace import Pace, PacedStream
from engine.registry.retry import Patience
from engine.registry.transport import HttpTransport
from engine.registry.urls import Reach
from tests.support.certificates import Authority
from tests.support.images import pack_image
from tests.support.registry import FakeRegistry, Reply, TokenServer, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ONCE = Patience(attempts=1)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    return tmp_path / "certs.d"


@pytest.fixture
def ask(certificates: Path) -> Iterator[Callable[[FakeRegistry], int]]:
    transport = HttpTransport(certificates)

    def ask(registry: FakeRegistry) -> int:
        with transport.send(Request(f"https://{registry.host}/v2/", {})) as response:
            return response.status

    yield ask
    transport.close()


def trusted(certificates: Path, registry: FakeRegistry, *files: Path) -> None:
    place = certificates / registry.host
    place.mkdir(parents=True)
    for each in files:
        shutil.copy(each, place)


def test_an_authority_is_trusted_for_the_host_it_is_put_there_for(
    ask: Callable[[FakeRegistry], int], authority: Authority, certificates: Path
) -> None:
    with (
        serving(FakeRegistry(), tls=authority.serving()) as registry,
        serving(FakeRegistry(), tls=authority.serving()) as other,
    ):
        trusted(certificates, registry, authority.certificate)

        assert ask(registry) == 200
        with pytest.raises(RegistryUntrusted) as caught:
            ask(other)

    assert f"certs.d/{other.host}/ca.crt" in caught.value.remedy


def test_a_certificate_of_ours_is_shown_where_it_is_put(
    ask: Callable[[FakeRegistry], int], authority: Authority, certificates: Path
) -> None:
    ours = authority.issue("client")
    with serving(FakeRegistry(), tls=authority.serving(wants_certificate=True)) as registry:
        trusted(certificates, registry, authority.certificate, ours.certificate, ours.key)

        assert ask(registry) == 200


def test_a_registry_that_wants_a_certificate_and_gets_none_refuses(
    ask: Callable[[FakeRegistry], int], authority: Authority, certificates: Path
) -> None:
    with serving(FakeRegistry(), tls=authority.serving(wants_certificate=True)) as registry:
        trusted(certificates, registry, authority.certificate)

        with pytest.raises((RegistryUntrusted, RegistryUnreachable)):
            ask(registry)


@pytest.mark.parametrize("name", ["ca.crt", "client.cert"])
def test_a_file_that_is_no_certificate_is_named(
    ask: Callable[[FakeRegistry], int], authority: Authority, certificates: Path, name: str
) -> None:
    with serving(FakeRegistry(), tls=authority.serving()) as registry:
        trusted(certificates, registry)
        (certificates / registry.host / name).write_text("no certificate")

        with pytest.raises(InvalidSetting, match=name):
            ask(registry)


def test_a_registry_that_speaks_no_tls_is_unreachable_by_it(
    ask: Callable[[FakeRegistry], int], registry: FakeRegistry
) -> None:
    with pytest.raises(RegistryUnreachable):
        ask(registry)


# --- Drips ------------------------------------------------------------------------------------


@pytest.fixture
def impatient() -> Iterator[HttpTransport]:
    transport = HttpTransport(pace=Pace(window=0.1, least_bytes=1000))
    yield transport
    transport.close()


def dripping(length: int) -> Reply:
    return Reply(body=b" " * length, drip=1, pause=0.02)


def test_a_manifest_that_drips_is_given_up(
    impatient: HttpTransport, registry: FakeRegistry
) -> None:
    registry.always("/manifests/", dripping(100_000))
    client = RegistryClient(impatient, registry.host, patience=ONCE)

    with pytest.raises(RegistryUnreachable, match="too slowly"):
        client.resolve(registry.reference("team/web"))


def test_a_blob_that_drips_is_given_up(impatient: HttpTransport, registry: FakeRegistry) -> None:
    web = registry.put_image("team/web", pack_image(b"x" * 100_000))
    registry.always("/blobs/", dripping(100_000))
    client = RegistryClient(impatient, registry.host, patience=ONCE)
    layer = client.resolve(web).manifest.layers[0]

    with pytest.raises(RegistryUnreachable, match="too slowly"):
        list(client.fetch_blob(web, layer))


def test_a_token_server_that_drips_is_given_up(
    impatient: HttpTransport, registry: FakeRegistry
) -> None:
    with serving(TokenServer()) as tokens:
        assert isinstance(tokens, TokenServer)
        registry.require_token(tokens)
        tokens.always("/token", dripping(60_000))
        client = RegistryClient(impatient, registry.host, patience=ONCE, reach=Reach())

        with pytest.raises(RegistryUnreachable, match="too slowly"):
            client.resolve(registry.reference("team/web"))


def test_headers_that_drip_are_given_up(impatient: HttpTransport, registry: FakeRegistry) -> None:
    registry.always("/v2/", Reply(body=b"{}", drip=1, pause=0.02, drips_head=True))
    client = RegistryClient(impatient, registry.host, patience=ONCE)

    with pytest.raises(RegistryUnreachable, match="too slowly"):
        client.check()


def test_who_asks_a_registry_that_thinks_long_each_time_is_not_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr("engine.registry.pace.time.monotonic", lambda: now[0])

    class Thinking(Bytes):
        def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            now[0] += 6
            return super().read(max_bytes, timeout)

    stream = PacedStream(Thinking(), Pace(window=10, least_bytes=1000), "images.test")

    for _ in range(4):
        stream.write(b"?")
        assert stream.read(1) == b"x"


def test_who_reads_slowly_is_not_taken_for_a_registry_that_drips(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr("engine.registry.pace.time.monotonic", lambda: now[0])
    stream = PacedStream(Bytes(), Pace(window=10, least_bytes=1000), "images.test")

    for _ in range(10):
        assert stream.read(1) == b"x"
        now[0] += 1000


class Bytes:
    """A connection that takes everything, and on which there is always one more byte."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return b"x"

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Take it."""

    def close(self) -> None:
        raise NotImplementedError

    def start_tls(self, *arguments: object, **options: object) -> object:
        raise NotImplementedError

    def get_extra_info(self, info: str) -> object:
        raise NotImplementedError


@pytest.mark.parametrize(
    "url",
    [
        "http://[]",
        "http://user:secret@[::1",
        "http://host:99999/",
        "http://host:port/",
        "http://.",
        "http://a..b/",
        "http://xn--/",
        "http://\udc80/",
        f"http://{'a' * 300}/",
        "http://",
    ],
)
def test_what_is_no_address_is_unreachable(url: str) -> None:
    transport = HttpTransport()
    with pytest.raises(RegistryUnreachable) as caught, transport.send(Request(url, {})):
        pass

    assert "secret" not in caught.value.message
    transport.close()
