"""Blobs that are mounted instead of sent, and manifests that name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import AccessDenied, DigestMismatch
from engine.oci import media_types
from engine.oci.digest import Digest
from tests.support.images import pack_image
from tests.support.registry import FakeRegistry, Reply
from tests.support.uploads import BLOB, BYTES, Bytes, methods

if TYPE_CHECKING:
    from engine.oci.reference import Reference
    from engine.registry.client import RegistryClient

# --- Mounting ---------------------------------------------------------------------------------


def test_a_blob_is_mounted_from_where_it_is(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    registry.put_blob(BYTES, name="team/base")

    mounted = client.push_blob(web, BLOB, Bytes(), mount_from=["team/other", "team/base"])

    assert mounted == "team/base"
    assert client.has_blob(web, BLOB)
    assert methods(registry) == ["POST", "POST", "HEAD"]


def test_a_blob_that_is_not_mounted_uses_the_upload_that_was_opened_instead(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    assert client.push_blob(web, BLOB, Bytes(), mount_from=["team/base"]) == ""

    assert methods(registry) == ["POST", "PUT"]


@pytest.mark.parametrize("status", [403, 405, 404, 500])
def test_a_registry_that_does_not_mount_gets_the_bytes(
    client: RegistryClient, registry: FakeRegistry, web: Reference, status: int
) -> None:
    registry.faults.append(lambda each: Reply(status) if "mount" in each.query else None)

    assert client.push_blob(web, BLOB, Bytes(), mount_from=["team/base"]) == ""
    assert registry.blobs[str(BLOB.digest)] == BYTES


# --- Manifests --------------------------------------------------------------------------------


def test_a_manifest_lands_under_its_tag(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    image = pack_image(b"a")
    for blob in (image.config, *image.layers):
        registry.put_blob(blob, name="team/web")

    client.push_manifest(web, image.manifest, media_type=image.media_type)

    assert client.fetch_manifest(web).digest == image.digest


def test_a_registry_that_keeps_another_manifest_is_found_out(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    headers = {"Docker-Content-Digest": str(Digest.of(b"else"))}
    registry.always("/manifests/", Reply(201, headers=headers))

    with pytest.raises(DigestMismatch):
        client.push_manifest(web, b"{}", media_type=media_types.OCI_MANIFEST)


def test_a_manifest_that_may_not_be_put_is_denied(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    registry.always("/manifests/", Reply(403))

    with pytest.raises(AccessDenied, match="team/web"):
        client.push_manifest(web, b"{}", media_type=media_types.OCI_MANIFEST)
