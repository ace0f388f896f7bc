"""Tags, repositories, referrers and searches, of registries that tell the truth and others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from engine.errors import EngineError, ImageNotFound, LimitExceeded, RegistryError
from engine.oci import media_types
from engine.oci.descriptor import Descriptor
from engine.oci.digest import Digest
from engine.oci.manifest import Index, render_index
from engine.oci.platform import host_platform
from engine.registry.connector import RegistryConnector
from engine.registry.listing import SearchResult, referrers_tag
from engine.registry.registries import Registries
from tests.support.images import pack_image, pack_index
from tests.support.registry import FakeRegistry, Reply, TokenServer, serving

if TYPE_CHECKING:
    from engine.oci.reference import Reference
    from engine.registry.client import RegistryClient
    from engine.registry.transport import HttpTransport

SBOM = "application/vnd.example.sbom"


@pytest.fixture
def web(registry: FakeRegistry) -> Reference:
    for tag in ("1", "2", "latest"):
        registry.put_image("team/web", pack_image(b"a"), tag=tag)
    return registry.reference("team/web:1")


def attached(registry: FakeRegistry, subject: Digest, *, tag: str) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "artifactType": SBOM,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": "", "size": 2},
        "layers": [],
        "subject": {
            "mediaType": media_types.OCI_MANIFEST,
            "digest": str(subject),
            "size": 1,
        },
    }
    content = json.dumps(document).encode()
    registry.put_manifest("team/web", content, media_types.OCI_MANIFEST, tag=tag)
    return content


@pytest.mark.parametrize("page", [0, 1, 2])
def test_every_page_of_tags_is_read(
    client: RegistryClient, registry: FakeRegistry, web: Reference, page: int
) -> None:
    registry.page = page

    assert client.list_tags(web) == ["1", "2", "latest"]


def test_every_page_of_the_catalog_is_read(client: RegistryClient, registry: FakeRegistry) -> None:
    registry.page = 1
    for name in ("b/web", "a/web", "c"):
        registry.put_image(name, pack_image(b"a"))

    assert client.list_repositories() == ["a/web", "b/web", "c"]


def test_the_catalog_is_asked_for_with_its_own_scope(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    with serving(TokenServer()) as tokens:
        assert isinstance(tokens, TokenServer)
        registry.require_token(tokens)

        client.list_repositories()

    assert "registry:catalog:*" in tokens.received[0].query["scope"]


def test_the_tags_of_nothing_are_not_found(client: RegistryClient, registry: FakeRegistry) -> None:
    with pytest.raises(ImageNotFound, match="team/nothing"):
        client.list_tags(registry.reference("team/nothing"))


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        pytest.param(Reply(body=b"[]"), RegistryError, id="list"),
        pytest.param(Reply(body=b"["), RegistryError, id="no-json"),
        pytest.param(Reply(body=b"[" * 50_000), RegistryError, id="deep"),
        pytest.param(Reply(body=b" " * (5 << 20)), LimitExceeded, id="huge"),
        pytest.param(
            Reply(body=b"{}", headers={"Link": '</v2/team/web/tags/list?n=1>; rel="next"'}),
            RegistryError,
            id="endless",
        ),
        pytest.param(
            Reply(body=b"{}", headers={"Link": '<http://127.0.0.1:1/v2/>; rel="next"'}),
            RegistryError,
            id="elsewhere",
        ),
        pytest.param(
            Reply(body=json.dumps({"tags": ["a"] * 100_001}).encode()), RegistryError, id="many"
        ),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(
    client: RegistryClient,
    registry: FakeRegistry,
    web: Reference,
    reply: Reply,
    error: type[EngineError],
) -> None:
    registry.always("/tags/", reply)

    with pytest.raises(error):
        client.list_tags(web)


@pytest.mark.parametrize("body", [b"{}", b'{"tags": null}', b'{"tags": 5}'])
def test_a_repository_may_have_no_tags(
    client: RegistryClient, registry: FakeRegistry, web: Reference, body: bytes
) -> None:
    registry.always("/tags/", Reply(body=body))

    assert client.list_tags(web) == []


def test_what_can_be_no_tag_is_left_out(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    registry.always("/tags/", Reply(body=b'{"tags": ["1", "<b>", 5, "../x", ""]}'))

    assert client.list_tags(web) == ["1"]


@pytest.mark.parametrize("is_known", [True, False], ids=["by-the-api", "by-the-tag"])
def test_referrers_are_found(
    client: RegistryClient, registry: FakeRegistry, web: Reference, is_known: bool
) -> None:
    subject = client.fetch_manifest(web).digest
    content = attached(registry, subject, tag="sbom")
    registry.knows_referrers = is_known
    entry = Descriptor(
        media_types.OCI_MANIFEST, Digest.of(content), len(content), artifact_type=SBOM
    )
    index = render_index(Index(media_types.OCI_INDEX, (entry,)))
    registry.put_manifest("team/web", index, media_types.OCI_INDEX, tag=referrers_tag(subject))

    assert client.list_referrers(web, subject) == [entry]
    assert client.list_referrers(web, subject, artifact_type=SBOM) == [entry]
    assert client.list_referrers(web, subject, artifact_type="other") == []


def test_nothing_refers_where_nothing_was_put(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    registry.knows_referrers = False

    assert client.list_referrers(web, client.fetch_manifest(web).digest) == []


def test_a_search_is_the_registrys_own(client: RegistryClient, registry: FakeRegistry) -> None:
    result = {"name": "web", "description": "a\x1bb", "star_count": 7, "is_official": True}
    body = json.dumps({"results": [result, 5, {"name": "other"}]}).encode()
    registry.always("/v1/search", Reply(body=body))

    found = client.search("web", limit=25)

    assert found[0] == SearchResult("web", "a b", 7, is_official=True)
    assert registry.received[0].query == {"q": ["web"], "n": ["25"]}
    assert len(client.search("web", limit=1)) == 1


def test_a_registry_without_a_search_has_its_catalog_looked_through(
    client: RegistryClient, registry: FakeRegistry
) -> None:
    for name in ("team/web", "team/website", "base"):
        registry.put_image(name, pack_image(b"a"))

    assert [each.name for each in client.search("WEB", limit=10)] == ["team/web", "team/website"]


# --- The verbs --------------------------------------------------------------------------------


@pytest.fixture
def registries(transport: HttpTransport) -> Registries:
    return Registries(RegistryConnector(transport))


def test_a_login_can_be_tried(registries: Registries, registry: FakeRegistry) -> None:
    registries.check(registry.host)
    registry.require_basic("ana", "secret")

    with pytest.raises(EngineError):
        registries.check(registry.host)


def test_an_image_can_be_looked_at_without_bringing_it(
    registries: Registries, registry: FakeRegistry, web: Reference
) -> None:
    image = pack_image(b"a")

    found = registries.inspect(web)

    assert found.descriptor == Descriptor(image.media_type, image.digest, len(image.manifest))
    assert found.platforms == (host_platform(),)
    assert not registry.requests_for(str(Digest.of(image.layers[0])))


def test_an_index_tells_its_platforms(registries: Registries, registry: FakeRegistry) -> None:
    image = pack_image(b"a")
    reference = registry.put_index("team/multi", pack_index(image), image)

    assert registries.inspect(reference).platforms == (image.platform,)


def test_lists_can_be_asked_for_by_name(
    registries: Registries, registry: FakeRegistry, web: Reference
) -> None:
    assert registries.list_repositories(registry.host) == ["team/web"]
    assert registries.list_tags(f"{registry.host}/team/web") == ["1", "2", "latest"]
    assert registries.list_referrers(web) == []
    assert registries.search("web", registry=registry.host)[0].name == "team/web"
