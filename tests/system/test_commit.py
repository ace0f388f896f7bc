"""From a container to an image and back, on the real kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import InvalidSetting
from engine.oci.reference import Reference
from engine.settings import ContainerSettings
from tests.system.test_engine import IMAGE, engine, paths

if TYPE_CHECKING:
    from engine.engine import Engine

__all__ = ["engine", "paths"]
pytestmark = pytest.mark.root

TAG = Reference.parse("team/committed:1")
CHANGE = (
    "echo new > /new; mkdir -p /d/e; echo deep > /d/e/f; ln /new /hard; ln -s new /soft;"
    "chown 5:6 /new; chmod 4711 /new; rm /etc/group; rm -rf /var; mkdir -p /var/only;"
    "touch /etc/hosts"
)


def run(engine: Engine, script: str, *, image: str = IMAGE) -> tuple[str, str]:
    """Run *script* to its end; return the container's ID and what it printed."""
    settings = ContainerSettings(image=image, command=("sh", "-c", script), network="none")
    container = engine.containers.create(settings)
    engine.containers.start(container.id)
    engine.containers.wait(container.id, timeout=30)
    return container.id, "\n".join(each.text for each in engine.containers.logs(container.id))


def test_what_was_changed_is_in_the_image(engine: Engine) -> None:
    engine.images.make_starter(owner="")
    changed, _ = run(engine, CHANGE)
    image = engine.containers.commit(
        changed, reference=TAG, author="ana", message="by hand", changes=["ENV A=b"], owner="ana"
    )

    assert (image.source, image.added_by, image.config.author) == ("commit", "ana", "ana")
    assert image.config.defaults.env[-1] == "A=b"
    assert image.config.defaults.command == ("sh", "-c", CHANGE)
    script = (
        "cat /new /d/e/f /hard /soft; stat -c '%u %g %a %h' /new;"
        "ls /etc/group 2>&1; ls /var; echo $A"
    )
    _, printed = run(engine, script, image=TAG.familiar)
    assert printed.splitlines() == [
        "new", "deep", "new", "new", "5 6 4711 2",
        "ls: /etc/group: No such file or directory", "only", "b",
    ]  # fmt: skip


def test_equal_changes_make_the_same_layer(engine: Engine) -> None:
    engine.images.make_starter(owner="")
    touch = "; touch -d @1000 /new /d /d/e /d/e/f /etc /var /var/only / /soft -h"
    layers = {
        engine.containers.commit(run(engine, CHANGE + touch)[0]).layers[-1].diff_id
        for _ in range(2)
    }

    assert len(layers) == 1


def test_what_a_start_makes_is_neither_a_change_nor_committed(engine: Engine) -> None:
    engine.images.make_starter(owner="")
    unchanged, _ = run(engine, "true")

    assert list(engine.containers.iter_changes(unchanged)) == []
    image = engine.containers.commit(unchanged)
    assert image.config.history[-1].is_empty_layer
    assert len(image.layers) == len(engine.images.get(IMAGE).layers)


def test_a_running_container_can_be_committed(engine: Engine) -> None:
    engine.images.make_starter(owner="")
    settings = ContainerSettings(
        image=IMAGE, command=("sh", "-c", "echo x > /new; exec sleep 1000"), network="none"
    )
    container = engine.containers.create(settings)
    engine.containers.start(container.id)
    while not any(each.path == "/new" for each in engine.containers.iter_changes(container.id)):
        pass
    image = engine.containers.commit(container.id, reference=TAG)

    assert engine.containers.get(container.id).is_running
    assert run(engine, "cat /new", image=TAG.familiar)[1] == "x"
    assert image.tags == (TAG,)


def test_a_change_that_cannot_be_read_is_refused(engine: Engine) -> None:
    engine.images.make_starter(owner="")
    container, _ = run(engine, "true")
    with pytest.raises(InvalidSetting):
        engine.containers.commit(container, changes=["RUN true"])
