"""`inspect` has the same keys as a real dockerd's; those that are missing, or more, say why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.docker_cli import IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.docker_cli import DockerCli

pytestmark = pytest.mark.root

# The dockerd to compare with is of API 1.41; ours answers 1.47, where some keys are new or gone.
MISSING = {
    "container HostConfig.KernelMemory": "gone since API 1.42",
    "container HostConfig.KernelMemoryTCP": "gone since API 1.42",
    "container GraphDriver.Data.LowerDir": "layers are stacked in our own way, told to nobody",
    "container GraphDriver.Data.MergedDir": "as above",
    "container GraphDriver.Data.UpperDir": "as above",
    "container GraphDriver.Data.WorkDir": "as above",
    "container Config.NetworkDisabled": "only there where it is true",
    "image GraphDriver.Data.MergedDir": "as above",
    "image GraphDriver.Data.UpperDir": "as above",
    "image GraphDriver.Data.WorkDir": "as above",
    "image Container": "gone since API 1.45",
    "image ContainerConfig": "gone since API 1.45",
    "image VirtualSize": "gone since API 1.44",
    "network Options.com.docker.network.bridge.default_bridge": "the default bridge needs no words",
}
"""What dockerd tells and we do not."""


def test_what_the_maker_said_of_themselves_is_told(both: tuple[DockerCli, DockerCli]) -> None:
    words = (
        ("create", "-it", "--name", "said"),
        ("create", "-a", "stdout", "-a", "stdin", "-i", "--name", "said"),
        ("create", "--name", "said"),
    )
    streams = "{{.Config.AttachStdin}} {{.Config.AttachStdout}} {{.Config.AttachStderr}}"
    wanted = f"{streams} {{{{.HostConfig.ConsoleSize}}}}"
    for each in words:
        answers = []
        for cli in both:
            cli.ok(*each, IMAGE, "true")
            answers.append(cli.ok("inspect", "-f", wanted, "said"))
            cli.ok("rm", "said")
        assert answers[0] == answers[1]


@pytest.fixture(scope="module")
def told(both: tuple[DockerCli, DockerCli]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    answers = []
    for cli in both:
        cli.ok("run", "-d", "--name", "keys", "--label", "a=b", "-v", "keys-data:/data", IMAGE,
               "sleep", "1000")  # fmt: skip
        cli.ok("network", "create", "keys-net")
        answers.append(
            {
                "container": json.loads(cli.ok("container", "inspect", "-s", "keys"))[0],
                "image": json.loads(cli.ok("image", "inspect", IMAGE))[0],
                "network": json.loads(cli.ok("network", "inspect", "keys-net"))[0],
                "volume": json.loads(cli.ok("volume", "inspect", "keys-data"))[0],
            }
        )
    yield answers[0], answers[1]
    for cli in both:
        cli.ok("rm", "-f", "keys")
        cli.ok("volume", "rm", "keys-data")
        cli.ok("network", "rm", "keys-net")


def keys(value: Any, path: str = "") -> set[str]:
    """Return the paths of all keys in *value*; what people choose as keys is not followed."""
    if not isinstance(value, dict) or path.endswith(("Labels", "Networks", "Ports", "Volumes")):
        return {path}
    if not value:
        return {path}
    return {found for key, each in value.items() for found in keys(each, f"{path}.{key}")}


@pytest.mark.parametrize("noun", ["container", "image", "network", "volume"])
def test_no_key_is_missing_without_a_reason(
    told: tuple[dict[str, Any], dict[str, Any]], noun: str
) -> None:
    ours, theirs = (keys(answer[noun]) for answer in told)
    missing = {f"{noun} {each.lstrip('.')}" for each in theirs - ours}
    unexplained = {
        each
        for each in missing
        if each not in MISSING and not any(each.startswith(f"{known}.") for known in MISSING)
    }
    # An empty object here may be a full one there.
    assert {each for each in unexplained if not _is_within(each, noun, ours)} == set()


def _is_within(missing: str, noun: str, ours: set[str]) -> bool:
    path = "." + missing.removeprefix(f"{noun} ")
    return any(path.startswith(f"{each}.") for each in ours)


def test_an_endpoint_has_the_same_keys(told: tuple[dict[str, Any], dict[str, Any]]) -> None:
    ours, theirs = (
        next(iter(answer["container"]["NetworkSettings"]["Networks"].values())) for answer in told
    )
    assert theirs.keys() - ours.keys() == set()


def test_values_that_do_not_depend_on_the_engine_are_the_same(
    told: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    for path in (
        "Config.Cmd",
        "Config.Entrypoint",
        "Config.Env",
        "Config.Labels",
        "Config.Tty",
        "Config.WorkingDir",
        "HostConfig.AutoRemove",
        "HostConfig.Binds",
        "HostConfig.CapAdd",
        "HostConfig.IpcMode",
        "HostConfig.LogConfig",
        "HostConfig.Memory",
        "HostConfig.PortBindings",
        "HostConfig.Privileged",
        "HostConfig.RestartPolicy",
        "HostConfig.SecurityOpt",
        "HostConfig.ShmSize",
        "HostConfig.Ulimits",
        "Args",
        "Path",
        "Platform",
        "RestartCount",
    ):
        ours, theirs = (_at(answer["container"], path) for answer in told)
        assert ours == theirs, path


def _at(value: Any, path: str) -> Any:
    for key in path.split("."):
        value = value[key]
    return value
