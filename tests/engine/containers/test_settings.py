from typing import Any

import pytest

from engine.containers.settings import ContainerSettings
from engine.errors import InvalidSetting

FULL = ContainerSettings(
    image="alpine:3.20",
    name="web-1",
    command=("sh", "-c", "echo"),
    entrypoint=("/entry",),
    env=("A=b", "EMPTY="),
    working_dir="/srv",
    user="ana:staff",
    hostname="web.example",
    labels={"team": "blue"},
    tty=True,
    open_stdin=True,
    memory_bytes=64 << 20,
    nano_cpus=500_000_000,
    pids_limit=100,
    read_only=True,
    auto_remove=True,
    stop_signal="SIGINT",
    stop_timeout=3,
)


def test_settings_survive_json() -> None:
    assert ContainerSettings.from_json(FULL.to_json()) == FULL


def test_an_image_alone_is_enough() -> None:
    settings = ContainerSettings.from_json({"image": "alpine"})

    assert settings == ContainerSettings(image="alpine")
    assert ContainerSettings.from_json(settings.to_json()) == settings


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"image": ""}, "image", id="no-image"),
        pytest.param({"name": "a"}, "name", id="name-of-one-letter"),
        pytest.param({"name": "-web"}, "name", id="name-begins-with-a-dash"),
        pytest.param({"name": "we/b"}, "name", id="name-with-slash"),
        pytest.param({"name": "wéb"}, "name", id="name-not-ascii"),
        pytest.param({"name": "web\n"}, "name", id="name-with-newline"),
        pytest.param({"name": "x" * 256}, "name", id="name-too-long"),
        pytest.param({"command": ("",)}, "command", id="empty-command"),
        pytest.param({"command": ("a\0b",)}, "command", id="nul-in-command"),
        pytest.param({"command": ("x" * (128 * 1024),)}, "command", id="command-too-long"),
        pytest.param({"env": ("PATH",)}, "env", id="variable-without-equals"),
        pytest.param({"env": ("=x",)}, "env", id="variable-without-name"),
        pytest.param({"env": ("A=\0",)}, "env", id="nul-in-variable"),
        pytest.param({"working_dir": "srv"}, "working_dir", id="relative-directory"),
        pytest.param({"user": "a:b:c"}, "user", id="two-colons"),
        pytest.param({"hostname": "_x"}, "hostname", id="bad-hostname"),
        pytest.param({"hostname": "x" * 65}, "hostname", id="hostname-too-long"),
        pytest.param({"labels": {"": "x"}}, "labels", id="label-without-name"),
        pytest.param({"memory_bytes": 6 * 1024 * 1024 - 1}, "memory", id="too-little-memory"),
        pytest.param({"memory_bytes": -1}, "memory", id="negative-memory"),
        pytest.param({"memory_bytes": 2**63}, "memory", id="too-much-memory"),
        pytest.param({"nano_cpus": 1}, "nano_cpus", id="hardly-a-processor"),
        pytest.param({"pids_limit": -5}, "pids_limit", id="negative-pids"),
        pytest.param({"stop_signal": "SIGNOPE"}, "stop_signal", id="unknown-signal"),
        pytest.param({"stop_timeout": -1}, "stop_timeout", id="negative-timeout"),
        pytest.param({"network": "nowhere"}, "network", id="unknown-network"),
    ],
)
def test_what_breaks_a_rule_is_refused_at_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        ContainerSettings(**{"image": "alpine", **changes})

    assert caught.value.field == field


@pytest.mark.parametrize(
    ("value", "field"),
    [
        pytest.param([], "settings", id="a-list"),
        pytest.param({}, "image", id="nothing"),
        pytest.param({"image": 7}, "image", id="image-is-a-number"),
        pytest.param({"image": "a", "privileged": True}, "privileged", id="unknown-setting"),
        pytest.param({"image": "a", "command": "sh"}, "command", id="command-is-text"),
        pytest.param({"image": "a", "command": [1]}, "command", id="command-of-numbers"),
        pytest.param({"image": "a", "env": {"A": "b"}}, "env", id="env-is-an-object"),
        pytest.param({"image": "a", "tty": "yes"}, "tty", id="flag-is-text"),
        pytest.param({"image": "a", "memory_bytes": "64m"}, "memory_bytes", id="number-is-text"),
        pytest.param({"image": "a", "memory_bytes": True}, "memory_bytes", id="number-is-flag"),
        pytest.param({"image": "a", "labels": ["a"]}, "labels", id="labels-are-a-list"),
        pytest.param({"image": "a", "name": 5}, "name", id="name-is-a-number"),
    ],
)
def test_what_has_the_wrong_form_is_refused_at_its_field(value: object, field: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        ContainerSettings.from_json(value)

    assert caught.value.field == field


def test_the_memory_refusal_says_what_docker_says() -> None:
    with pytest.raises(InvalidSetting, match="Minimum memory limit allowed is 6MB"):
        ContainerSettings(image="alpine", memory_bytes=1)


def test_six_megabytes_are_enough() -> None:
    assert ContainerSettings(image="alpine", memory_bytes=6 << 20).memory_bytes == 6 << 20
