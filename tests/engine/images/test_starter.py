from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from engine.errors import ProgramNotFound
from engine.images.starter import build_starter, find_busybox, is_static_elf
from engine.oci.config import ImageConfig

if TYPE_CHECKING:
    from pathlib import Path


def elf(*segment_kinds: int) -> bytes:
    header = bytearray(64)
    header[:6] = b"\x7fELF\x02\x01"
    header[32:40] = (64).to_bytes(8, "little")
    header[54:56] = (56).to_bytes(2, "little")
    header[56:58] = len(segment_kinds).to_bytes(2, "little")
    return bytes(header) + b"".join(k.to_bytes(4, "little") + bytes(52) for k in segment_kinds)


def test_a_program_with_an_interpreter_is_not_static() -> None:
    assert is_static_elf(elf(1, 2))
    assert not is_static_elf(elf(1, 3))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"#!/bin/sh\n", id="script"),
        pytest.param(b"\x7fELF\x01\x01" + bytes(64), id="32-bit"),
    ],
)
def test_what_is_no_elf_program_is_not_static(content: bytes) -> None:
    assert not is_static_elf(content)


def test_the_same_busybox_gives_the_same_image() -> None:
    assert build_starter(b"program", ["sh", "ls"]) == build_starter(b"program", ["ls", "sh"])


def test_the_config_names_the_layer_and_a_command() -> None:
    image = build_starter(b"program", ["sh"])
    config = ImageConfig.parse(image.config)

    assert config.diff_ids == (image.diff_id,)
    assert config.defaults.command[0] == "/bin/sh"


def test_each_applet_is_a_link_to_busybox() -> None:
    image = build_starter(b"program", ["sh", "busybox"])
    with tarfile.open(fileobj=io.BytesIO(image.layer)) as tar:
        assert tar.getmember("bin/sh").linkname == "busybox"
        assert tar.extractfile("bin/busybox").read() == b"program"
        assert tar.getnames().count("bin/busybox") == 1


def test_a_host_without_static_busybox_is_told_what_to_install(tmp_path: Path) -> None:
    script = tmp_path / "busybox"
    script.write_text("#!/bin/sh\n")

    with pytest.raises(ProgramNotFound) as caught:
        find_busybox([script, tmp_path / "missing"])

    assert "busybox-static" in caught.value.remedy
