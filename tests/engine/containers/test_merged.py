from typing import Any

import pytest

from engine.containers.merged import merged_config
from engine.oci.config import ProcessDefaults
from engine.oci.healthcheck import Healthcheck
from engine.settings import ContainerSettings
from engine.settings.mounts import MountKind, MountPoint

IMAGE = ProcessDefaults(
    user="ana",
    exposed_ports=("80/tcp",),
    env=("PATH=/bin", "A=image"),
    entrypoint=("/entry",),
    command=("serve",),
    volumes=("/data",),
    working_dir="/work",
    labels={"from": "image", "both": "image"},
    stop_signal="SIGINT",
    healthcheck=Healthcheck(("CMD", "true"), interval=5_000_000_000, retries=2),
    on_build=("RUN true",),
    shell=("/bin/ash", "-c"),
)


def merged(**values: Any) -> ProcessDefaults:
    return merged_config(IMAGE, ContainerSettings(image="web", **values))


def test_what_nobody_chooses_comes_from_the_image() -> None:
    whole = merged()

    assert (whole.user, whole.working_dir, whole.stop_signal) == ("ana", "/work", "SIGINT")
    assert (whole.entrypoint, whole.command) == (("/entry",), ("serve",))
    assert whole.healthcheck == IMAGE.healthcheck
    assert whole.volumes == ("/data",)


def test_lists_are_joined_and_own_values_win() -> None:
    whole = merged(
        env=("A=own", "B=own"),
        labels={"both": "own"},
        expose=("81", "80/tcp"),
        mounts=(MountPoint(MountKind.VOLUME, "/own"),),
    )

    assert whole.env == ("A=own", "B=own", "PATH=/bin")
    assert whole.labels == {"from": "image", "both": "own"}
    assert whole.exposed_ports == ("80/tcp", "81/tcp")
    assert whole.volumes == ("/data", "/own")


@pytest.mark.parametrize(
    ("chosen", "entrypoint", "command"),
    [
        pytest.param({"command": ("sh",)}, ("/entry",), ("sh",), id="own-command"),
        pytest.param({"entrypoint": ("/my",)}, ("/my",), (), id="own-entrypoint"),
        pytest.param({"entrypoint": ("",), "command": ("sh",)}, (), ("sh",), id="emptied"),
    ],
)
def test_an_own_entrypoint_drops_the_command(
    chosen: dict[str, Any], entrypoint: tuple[str, ...], command: tuple[str, ...]
) -> None:
    whole = merged(**chosen)

    assert (whole.entrypoint, whole.command) == (entrypoint, command)


def test_a_check_takes_from_the_image_what_it_leaves_open() -> None:
    whole = merged(healthcheck=Healthcheck(("CMD", "false"), retries=7))

    assert whole.healthcheck == Healthcheck(("CMD", "false"), interval=5_000_000_000, retries=7)


def test_triggers_and_shell_of_builds_stay_behind() -> None:
    whole = merged()

    assert (whole.on_build, whole.shell) == ((), ())
