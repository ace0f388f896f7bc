"""What jobs are told, parsed at the door."""

import pytest

from dashboard.arguments import ARGUMENTS, parse_arguments
from dashboard.jobs import JobName
from engine.errors import InvalidInput

IMAGE = "sha256:" + "a" * 64
CONTAINER = "c" * 64

GOOD = [
    (JobName.PULL_IMAGE, {"reference": "docker.io/library/busybox:latest"}),
    (JobName.PULL_IMAGE, {"reference": "r.example:5000/a/b:1", "credentials_id": 7}),
    (JobName.MAKE_STARTER_IMAGE, {}),
    (JobName.REMOVE_IMAGE, {"image_id": IMAGE}),
    (JobName.REMOVE_IMAGE, {"image_id": IMAGE, "reference": "docker.io/library/web:1"}),
    (JobName.REMOVE_IMAGE, {"image_id": IMAGE, "force": True}),
    (JobName.START_CONTAINER, {"container_id": CONTAINER}),
    (JobName.STOP_CONTAINER, {"container_id": CONTAINER, "timeout": 3}),
    (JobName.KILL_CONTAINER, {"container_id": CONTAINER, "signal": "SIGHUP"}),
    (JobName.REMOVE_CONTAINER, {"container_id": CONTAINER, "force": True}),
    (JobName.RESTART_CONTAINER, {"container_id": CONTAINER}),
    (JobName.RENAME_CONTAINER, {"container_id": CONTAINER, "name": "web-2"}),
    (JobName.REVERT_FILES, {"container_id": CONTAINER, "paths": ["/etc/motd"]}),
    (
        JobName.COMMIT_CONTAINER,
        {"container_id": CONTAINER, "reference": "docker.io/library/x:1", "changes": ["USER a"]},
    ),
    (
        JobName.UPDATE_CONTAINER,
        {"container_id": CONTAINER, "memory_bytes": 0, "restart": {"name": "always"}},
    ),
    (JobName.CREATE_VOLUME, {"name": "data", "labels": {"a": "b"}}),
    (JobName.REMOVE_VOLUME, {"name": "data"}),
    (JobName.CREATE_NETWORK, {"name": "lab", "subnet": "10.8.0.0/24", "gateway": "10.8.0.1"}),
    (JobName.REMOVE_NETWORK, {"network_id": "d" * 64}),
    (
        JobName.CONNECT_NETWORK,
        {"network_id": "d" * 64, "container_id": CONTAINER, "aliases": ["db"]},
    ),
    (JobName.DISCONNECT_NETWORK, {"network_id": "d" * 64, "container_id": CONTAINER}),
    (JobName.TRASH_VOLUMES, {"ids": ["data"]}),
    (JobName.RUN_CLEAN_UP, {"plan_id": "e" * 32, "into_trash": True, "about": "2 images"}),
    (JobName.KEEP_THINGS, {"ids": [CONTAINER, "volume:data"], "let_go": True}),
    (JobName.TRASH_CONTAINERS, {"ids": [CONTAINER], "stop": True}),
    (JobName.TRASH_IMAGES, {"ids": [IMAGE]}),
    (JobName.RESTORE_FROM_TRASH, {"ids": [f"trash:{IMAGE}"], "names": ["web:2"]}),
    (JobName.EMPTY_TRASH, {"ids": [f"trash:{CONTAINER}"]}),
    (JobName.BUILD_IMAGE, {"text": "FROM scratch\n"}),
    (JobName.BUILD_IMAGE, {"git": "git@example.org:a/b.git#main:dir", "target": "one"}),
    (
        JobName.BUILD_IMAGE,
        {
            "upload": "a" * 32,
            "upload_name": "app.zip",
            "dockerfile": "docker/Dockerfile",
            "tags": ["docker.io/team/app:1"],
            "build_args": {"VERSION": "1"},
            "no_cache": True,
            "pull": True,
            "credentials_id": 3,
        },
    ),
    (JobName.CLEAN_UP_NETWORKS, {"ids": ["d" * 64]}),
    (
        JobName.LAUNCH_CONTAINER,
        {
            "settings": {
                "image": "docker.io/library/busybox:latest",
                "name": "web",
                "command": ["sh", "-c", "echo <b>"],
                "env": ["A=1", "B="],
                "labels": {"team": "ships"},
                "memory_bytes": 64 * 1024 * 1024,
                "auto_remove": True,
                "network": "backend",
            }
        },
    ),
]


@pytest.mark.parametrize(("name", "data"), GOOD)
def test_what_is_parsed_can_be_written_and_parsed_again(name, data):
    written = parse_arguments(name, data).to_json()

    assert parse_arguments(name, written) == parse_arguments(name, data)
    assert _listed(written) == data


@pytest.mark.parametrize(("name", "data"), GOOD)
def test_every_job_has_a_title_that_fits_its_column(name, data):
    assert 0 < len(parse_arguments(name, data).title) <= 255


def test_every_job_name_has_its_arguments():
    assert set(ARGUMENTS) == set(JobName)


@pytest.mark.parametrize(
    ("name", "data", "field"),
    [
        pytest.param(JobName.PULL_IMAGE, {}, "reference", id="no-reference"),
        pytest.param(JobName.BUILD_IMAGE, {}, "text", id="nothing-to-build"),
        pytest.param(
            JobName.BUILD_IMAGE,
            {"text": "FROM a", "git": "https://a/b.git"},
            "text",
            id="two-builds",
        ),
        pytest.param(JobName.BUILD_IMAGE, {"git": "/etc"}, "git", id="build-of-a-path"),
        pytest.param(JobName.BUILD_IMAGE, {"git": "file:///etc"}, "git", id="build-of-a-file"),
        pytest.param(JobName.BUILD_IMAGE, {"git": "ext::sh -c x"}, "git", id="build-of-a-command"),
        pytest.param(JobName.BUILD_IMAGE, {"git": "--x@a:b"}, "git", id="build-of-an-option"),
        pytest.param(
            JobName.BUILD_IMAGE, {"git": "https://a:b@c/d.git"}, "git", id="build-with-password"
        ),
        pytest.param(JobName.BUILD_IMAGE, {"upload": "../x"}, "upload", id="build-of-no-upload"),
        pytest.param(
            JobName.BUILD_IMAGE,
            {"text": "FROM a", "build_args": {"1": "x"}},
            "build_args",
            id="build-argument",
        ),
        pytest.param(
            JobName.BUILD_IMAGE,
            {"text": "F", "tags": ["a@sha256:" + "a" * 64]},
            "tags",
            id="digest",
        ),
        pytest.param(
            JobName.CREATE_NETWORK,
            {"name": "lab", "subnet": "fd00::%}\nflush ruleset\n#/64"},
            "subnet",
            id="rules-for-a-zone",
        ),
        pytest.param(JobName.PULL_IMAGE, {"reference": "UPPER"}, "reference", id="upper-case"),
        pytest.param(JobName.PULL_IMAGE, {"reference": ["x"]}, "reference", id="reference-list"),
        pytest.param(JobName.PULL_IMAGE, {"reference": "a\0"}, "reference", id="nul"),
        pytest.param(
            JobName.PULL_IMAGE, {"reference": "a", "password": "p"}, "password", id="secret"
        ),
        pytest.param(
            JobName.PULL_IMAGE,
            {"reference": "a", "credentials_id": True},
            "credentials_id",
            id="flag-as-number",
        ),
        pytest.param(JobName.REMOVE_IMAGE, {"image_id": "aaaa"}, "image_id", id="short-image-id"),
        pytest.param(
            JobName.REMOVE_IMAGE, {"image_id": IMAGE, "force": "no"}, "force", id="text-as-flag"
        ),
        pytest.param(JobName.START_CONTAINER, {"container_id": "web"}, "container_id", id="name"),
        pytest.param(
            JobName.STOP_CONTAINER,
            {"container_id": CONTAINER, "timeout": -1},
            "timeout",
            id="negative",
        ),
        pytest.param(
            JobName.KILL_CONTAINER,
            {"container_id": CONTAINER, "signal": "; rm"},
            "signal",
            id="no-signal",
        ),
        pytest.param(JobName.TRASH_IMAGES, {"ids": []}, "ids", id="nothing-selected"),
        pytest.param(JobName.RUN_CLEAN_UP, {"plan_id": "../x"}, "plan_id", id="no-plan"),
        pytest.param(JobName.EMPTY_TRASH, {"ids": [CONTAINER]}, "ids", id="not-in-the-trash"),
        pytest.param(
            JobName.RESTORE_FROM_TRASH,
            {"ids": ["trash:a1", "trash:b1"], "names": ["web"]},
            "names",
            id="one-name-for-two",
        ),
        pytest.param(JobName.TRASH_IMAGES, {"ids": [CONTAINER]}, "ids", id="wrong-kind-of-id"),
        pytest.param(JobName.TRASH_CONTAINERS, {"ids": [CONTAINER] * 10_001}, "ids", id="too-many"),
        pytest.param(JobName.LAUNCH_CONTAINER, {"settings": "x"}, "settings", id="no-settings"),
    ],
)
def test_bad_arguments_are_refused_naming_the_field(name, data, field):
    with pytest.raises(InvalidInput) as refused:
        parse_arguments(name, data)

    assert refused.value.field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("image", "", id="no-image"),
        pytest.param("image", "a b", id="bad-image"),
        pytest.param("name", "-x", id="name-begins-with-dash"),
        pytest.param("name", "a", id="one-letter"),
        pytest.param("name", "../x", id="path-as-name"),
        pytest.param("env", ["NOVALUE"], id="no-equals-sign"),
        pytest.param("env", ["=x"], id="no-variable-name"),
        pytest.param("env", "A=1", id="text-for-list"),
        pytest.param("pids_limit", -2, id="fewer-than-no-processes"),
        pytest.param("working_dir", "tmp", id="relative-directory"),
        pytest.param("stop_signal", "term please", id="no-signal"),
        pytest.param("labels", ["a"], id="labels-without-values"),
        pytest.param("mounts", [{"kind": "bind", "source": "x", "target": "/y"}], id="mount"),
        pytest.param("publish", [{"container_port": 0}], id="no-port"),
        pytest.param("priviledged", True, id="not-a-field"),
    ],
)
def test_bad_launch_settings_are_refused_at_their_field(field, value):
    settings = {"image": "busybox", field: value}

    with pytest.raises(InvalidInput) as refused:
        parse_arguments(JobName.LAUNCH_CONTAINER, {"settings": settings})

    assert refused.value.field == field


def test_selected_ids_come_once_each_and_in_order():
    parsed = parse_arguments(JobName.TRASH_CONTAINERS, {"ids": [CONTAINER, "b" * 64, CONTAINER]})

    assert parsed.to_json() == {"ids": ("b" * 64, CONTAINER)}


def _listed(value):
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, tuple | list) else value
