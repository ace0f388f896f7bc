"""What was acknowledged is there after a power cut, and runs."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from engine.images.save import ArchiveForm
from engine.oci.reference import Reference
from engine.settings import ContainerSettings
from tests.support.builders import file, layer_tar, symlink
from tests.support.containers import BUSYBOX
from tests.support.images import pack_image
from tests.support.power import machine
from tests.support.registry import FakeRegistry, serving

if TYPE_CHECKING:
    from pathlib import Path

    from engine.engine import Engine
    from tests.support.power import Machine

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not BUSYBOX.exists(), reason="needs busybox-static"),
]
# The hardest moment; longer ones are for a look by hand.
DELAYS = (0.0,)
FILES = 300


def image_layers(text: str) -> tuple[bytes, bytes]:
    """Return layers with a shell that runs, and many small files that have to be there whole."""
    shell = [file("bin/busybox", BUSYBOX.read_bytes(), mode=0o755), symlink("bin/sh", "busybox")]
    small = [file(f"many/{number}", f"{text} {number}\n".encode() * 9) for number in range(FILES)]
    return layer_tar(*shell), layer_tar(*small)


def names(engine: Engine) -> dict[str, str]:
    return {tag.familiar: str(image.id) for image in engine.images.list() for tag in image.tags}


def assert_all_run(engine: Engine, acknowledged: object) -> None:
    """Every name is there, names what it named, and its image has every file and runs."""
    assert names(engine) == acknowledged
    script = "/bin/busybox cat /many/* | /bin/busybox wc -l"
    for name in names(engine):
        settings = ContainerSettings(image=name, command=("/bin/sh", "-c", script), network="none")
        container = engine.containers.create(settings)
        engine.containers.start(container.id)
        assert engine.containers.wait(container.id, timeout=30).code == 0
        said = [line.text for line in engine.containers.logs(container.id)]
        assert said == [str(9 * FILES)]
        engine.containers.remove(container.id)


def pull_and_more(box: Machine, registry: FakeRegistry, *, after: float) -> None:
    """Pull, tag, remove and load; cut the power *after* each was acknowledged."""
    engine = box.engine
    for number, name in enumerate(("team/web", "team/api")):
        reference = registry.put_image(name, pack_image(*image_layers(f"pulled {number}")))
        engine.images.pull(reference)
        box.cut(names(engine), after=after)
    engine.images.tag(reference.familiar, Reference.parse("mine:1"), owner="ana")
    box.cut(names(engine), after=after)
    archive = io.BytesIO()
    engine.images.save(["mine:1"], archive, form=ArchiveForm.DOCKER)
    for name in (reference.familiar, "mine:1"):
        engine.images.remove(name)
    box.cut(names(engine), after=after)
    engine.images.load(io.BytesIO(archive.getvalue()), owner="ana")
    box.cut(names(engine), after=after)


@pytest.mark.parametrize("after", DELAYS)
def test_every_acknowledged_image_is_there_and_runs(tmp_path: Path, after: float) -> None:
    with serving(FakeRegistry()) as registry, machine(tmp_path) as box:
        pull_and_more(box, registry, after=after)

        assert box.check_all(assert_all_run) == 5
