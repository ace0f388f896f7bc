from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidImageConfig
from engine.oci.config import (
    MAX_BYTES,
    MAX_LAYERS,
    HistoryEntry,
    ImageConfig,
    ProcessDefaults,
    render_config,
)
from engine.oci.digest import DiffID, Digest
from engine.oci.healthcheck import Healthcheck
from engine.oci.platform import Platform
from tests.support.images import MADE_AT

LAYER = str(Digest.of(b"layer"))


def document(**changes: Any) -> bytes:
    whole = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [LAYER]},
        "config": {},
        "history": [],
    }
    return json.dumps({**whole, **changes}).encode()


def test_the_image_id_is_the_digest_of_the_very_bytes() -> None:
    spaced = document().replace(b",", b" , ")

    assert ImageConfig.parse(spaced).image_id == Digest.of(spaced)
    assert ImageConfig.parse(spaced).content == spaced


def test_what_a_container_gets_is_read() -> None:
    config = {
        "User": "app",
        "Env": ["A=b"],
        "Entrypoint": ["/init"],
        "Cmd": ["serve", "--now"],
        "WorkingDir": "/srv",
        "ExposedPorts": {"80/tcp": {}},
        "Volumes": {"/data": {}},
        "Labels": {"team": "web"},
        "StopSignal": "SIGINT",
        "Unknown": {"field": 1},
    }

    defaults = ImageConfig.parse(document(config=config)).defaults

    assert defaults == ProcessDefaults(
        user="app",
        env=("A=b",),
        entrypoint=("/init",),
        command=("serve", "--now"),
        working_dir="/srv",
        exposed_ports=("80/tcp",),
        volumes=("/data",),
        labels={"team": "web"},
        stop_signal="SIGINT",
    )


@pytest.mark.parametrize("absent", [{}, {"config": None}, {"config": {"Env": None, "Cmd": None}}])
def test_what_is_absent_or_null_is_empty(absent: dict[str, Any]) -> None:
    assert ImageConfig.parse(document(**absent)).defaults == ProcessDefaults()


def test_history_is_read_in_its_order() -> None:
    history = [
        {"created": "2024-05-01T12:00:00Z", "created_by": "ADD /", "comment": "c", "author": "a"},
        {"created_by": "ENV A=b", "empty_layer": True},
    ]

    assert ImageConfig.parse(document(history=history)).history == (
        HistoryEntry(MADE_AT, "ADD /", "a", "c"),
        HistoryEntry(None, "ENV A=b", is_empty_layer=True),
    )


def test_the_architecture_is_read_in_anybodys_words() -> None:
    parsed = ImageConfig.parse(document(architecture="aarch64"))

    assert parsed.platform == Platform("linux", "arm64")


@pytest.mark.parametrize(
    ("content", "field"),
    [
        pytest.param(b"", "config", id="empty"),
        pytest.param(b"[]", "config", id="list"),
        pytest.param(b"{", "config", id="cut-off"),
        pytest.param(b"\xff", "config", id="not-text"),
        pytest.param(b"[" * 100_000, "config", id="deep"),
        pytest.param(b" " * (MAX_BYTES + 1), "config", id="too-large"),
        pytest.param(b"{}", "rootfs", id="no-rootfs"),
        pytest.param(document(rootfs=5), "rootfs", id="rootfs-number"),
        pytest.param(document(rootfs={"diff_ids": "x"}), "rootfs.diff_ids", id="diff-ids-text"),
        pytest.param(document(rootfs={"diff_ids": ["x"]}), "rootfs.diff_ids", id="no-diff-id"),
        pytest.param(
            document(rootfs={"diff_ids": [LAYER] * (MAX_LAYERS + 1)}),
            "rootfs.diff_ids",
            id="too-many-layers",
        ),
        pytest.param(document(config=[]), "config", id="config-list"),
        pytest.param(document(config={"Env": [1]}), "config.Env", id="env-numbers"),
        pytest.param(document(config={"Cmd": "sh"}), "config.Cmd", id="command-text"),
        pytest.param(document(config={"Labels": {"a": 1}}), "config.Labels", id="label-number"),
        pytest.param(document(config={"Volumes": []}), "config.Volumes", id="volumes-list"),
        pytest.param(document(history={}), "history", id="history-object"),
        pytest.param(document(history=[1]), "history[0]", id="history-number"),
        pytest.param(
            document(history=[{"empty_layer": 1}]), "history[0].empty_layer", id="flag-number"
        ),
        pytest.param(document(os=1), "os", id="os-number"),
    ],
)
def test_what_is_no_config_is_refused_with_its_field(content: bytes, field: str) -> None:
    with pytest.raises(InvalidImageConfig) as caught:
        ImageConfig.parse(content)

    assert caught.value.field == field


TEXTS = st.text(max_size=10)
MANY = st.lists(TEXTS, max_size=3).map(tuple)


@given(
    env=MANY,
    command=MANY,
    user=TEXTS,
    labels=st.dictionaries(TEXTS, TEXTS, max_size=3),
    layers=st.lists(st.binary(max_size=3), max_size=3),
)
def test_a_config_reads_as_it_is_written(
    env: tuple[str, ...],
    command: tuple[str, ...],
    user: str,
    labels: dict[str, str],
    layers: list[bytes],
) -> None:
    diff_ids = tuple(DiffID(Digest.of(layer)) for layer in layers)
    history = tuple(HistoryEntry(MADE_AT, created_by=f"layer {n}") for n in range(len(layers)))
    defaults = ProcessDefaults(env=env, command=command, user=user, labels=labels)

    def render() -> bytes:
        return render_config(
            platform=Platform("linux", "arm", "v7"),
            diff_ids=diff_ids,
            history=history,
            defaults=defaults,
            created_at=MADE_AT,
            author="ana",
        )

    parsed = ImageConfig.parse(render())

    assert render() == render()
    assert (parsed.diff_ids, parsed.history, parsed.defaults) == (diff_ids, history, defaults)
    assert (parsed.created_at, parsed.author) == (MADE_AT, "ana")
    assert parsed.platform == Platform("linux", "arm", "v7")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(["architecture", "os", "rootfs", "config", "history", "created", "variant"])


@given(st.dictionaries(KEYS, JSON))
def test_any_document_is_a_config_or_refused(changes: dict[str, Any]) -> None:
    with suppress(InvalidImageConfig):
        assert ImageConfig.parse(document(**changes)).content == document(**changes)


def test_what_docker_adds_comes_back_as_it_was_written() -> None:
    defaults = ProcessDefaults(
        healthcheck=Healthcheck(("CMD-SHELL", "true"), interval=10**9, retries=3),
        on_build=("COPY . /app",),
        shell=("/bin/bash", "-c"),
    )

    content = render_config(
        platform=Platform("linux", "amd64"),
        diff_ids=(),
        history=(),
        defaults=defaults,
        created_at=MADE_AT,
    )

    assert ImageConfig.parse(content).defaults == defaults
