from __future__ import annotations

import pytest

from engine.oci.digest import Digest
from engine.oci.reference import Reference
from engine.registry.urls import Endpoint, Reach

DIGEST = Digest.of(b"content")
HTTPS_ONLY = Reach()


def manifest_url(text: str, reach: Reach) -> str:
    reference = Reference.parse(text)
    endpoint = Endpoint.of(reference.registry, reach)
    return endpoint.manifest(reference.repository, reference.manifest_reference)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        pytest.param(
            "alpine",
            "https://registry-1.docker.io/v2/library/alpine/manifests/latest",
            id="default-registry",
        ),
        pytest.param(
            "ana/web:2",
            "https://registry-1.docker.io/v2/ana/web/manifests/2",
            id="default-registry-user",
        ),
        pytest.param(
            "images.test/a/b:1", "https://images.test/v2/a/b/manifests/1", id="other-registry"
        ),
        pytest.param(
            f"images.test/a@{DIGEST}",
            f"https://images.test/v2/a/manifests/{DIGEST}",
            id="by-digest",
        ),
        pytest.param(
            f"images.test/a:1@{DIGEST}",
            f"https://images.test/v2/a/manifests/{DIGEST}",
            id="digest-wins-over-tag",
        ),
        pytest.param("localhost:5000/a", "http://localhost:5000/v2/a/manifests/latest", id="name"),
        pytest.param("127.0.0.1:5000/a", "http://127.0.0.1:5000/v2/a/manifests/latest", id="v4"),
        pytest.param("[::1]:5000/a", "http://[::1]:5000/v2/a/manifests/latest", id="v6"),
        pytest.param("10.0.0.1/a", "https://10.0.0.1/v2/a/manifests/latest", id="private-address"),
    ],
)
def test_where_a_manifest_is_asked_for(text: str, url: str) -> None:
    assert manifest_url(text, HTTPS_ONLY) == url


def test_where_a_blob_is_asked_for() -> None:
    endpoint = Endpoint.of("images.test", HTTPS_ONLY)

    assert endpoint.blob("a/b", DIGEST) == f"https://images.test/v2/a/b/blobs/{DIGEST}"


@pytest.mark.parametrize("configured", ["images.test", "images.test:5000"])
def test_a_configured_host_is_spoken_to_in_plain_http(configured: str) -> None:
    reach = Reach(frozenset({configured}))

    assert manifest_url("images.test:5000/a", reach).startswith("http://")
    assert reach.allows("http://images.test:5000/token")


def test_another_port_of_a_configured_host_is_not_meant() -> None:
    reach = Reach(frozenset({"images.test:5000"}))

    assert reach.scheme("images.test:5001") == "https"


def test_a_host_with_certificates_is_spoken_to_in_tls_even_on_loopback() -> None:
    reach = Reach(frozenset({"images.test"})).with_tls("127.0.0.1:5000").with_tls("images.test")

    assert manifest_url("127.0.0.1:5000/a", reach).startswith("https://")
    assert manifest_url("127.0.0.1:5001/a", reach).startswith("http://")
    assert not reach.allows("http://images.test/")


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://images.test/", id="plain-http-elsewhere"),
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param("ftp://images.test/", id="ftp"),
        pytest.param("https://", id="no-host"),
        pytest.param("", id="nothing"),
        pytest.param("/v2/", id="no-scheme"),
        pytest.param("https://ana:secret@images.test/", id="credentials-inside"),
        pytest.param("http://127.0.0.1@images.test/", id="loopback-as-user"),
        pytest.param("https://[::1/", id="broken-address"),
        pytest.param("https://images.test:99999999/", id="no-port"),
    ],
)
def test_where_nothing_may_be_asked(url: str) -> None:
    assert not HTTPS_ONLY.allows(url)


@pytest.mark.parametrize("url", ["https://images.test/x?y=z", "http://127.0.0.1:5000/x"])
def test_where_something_may_be_asked(url: str) -> None:
    assert HTTPS_ONLY.allows(url)
