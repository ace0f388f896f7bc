from __future__ import annotations

import bz2
import gzip
import io
import lzma
from typing import TYPE_CHECKING

import pytest

from engine.errors import InvalidLayer, InvalidSetting
from engine.oci.digest import Digest
from engine.oci.platform import Platform, host_platform
from engine.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.world import World

TAR = b"a bare tar" * 1000
TAG = Reference.parse("team/imported:1")


def plain(content: bytes) -> bytes:
    return content


@pytest.mark.parametrize("packed", [plain, gzip.compress, bz2.compress, lzma.compress])
def test_a_tar_becomes_an_image_of_one_layer(
    world: World, packed: Callable[[bytes], bytes]
) -> None:
    image = world.importer().import_tar(io.BytesIO(packed(TAR)), reference=TAG, owner="ana")

    assert world.images.get("team/imported:1") == image
    assert [layer.diff_id for layer in image.layers] == [Digest.of(TAR)]
    assert (image.source, image.added_by, image.platform) == ("import", "ana", host_platform())


def test_what_it_says_of_containers_is_in_the_changes(world: World) -> None:
    image = world.importer().import_tar(
        io.BytesIO(TAR),
        changes=['CMD ["/bin/sh"]', "ENV A=1"],
        message="from the old machine",
        platform=Platform("linux", "s390x"),
    )

    defaults = image.config.defaults
    assert (defaults.command, defaults.env) == (("/bin/sh",), ("A=1",))
    assert image.config.history[0].comment == "from the old machine"
    assert (image.is_dangling, image.platform.architecture) == (True, "s390x")


def test_a_bad_change_is_told_before_anything_is_read(world: World) -> None:
    stream = io.BytesIO(TAR)

    with pytest.raises(InvalidSetting):
        world.importer().import_tar(stream, changes=["RUN true"])

    assert stream.tell() == 0


def test_damaged_bytes_leave_nothing(world: World) -> None:
    with pytest.raises(InvalidLayer):
        world.importer().import_tar(io.BytesIO(lzma.compress(TAR)[:50]), reference=TAG)

    assert world.images.list_all() == []
    assert world.disk_bytes == 0
