"""A bind mount that could pass nothing on is refused, in docker's words."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.containers.propagation import check_propagation
from engine.errors import InvalidSetting
from engine.settings import MountKind, MountPoint
from engine.system.mounter import MountPoint as Mounted


def mounted(target: str, *peers: str) -> Mounted:
    return Mounted(Path(target), "ext4", "/dev/vda", frozenset(), frozenset(peers))


HOST = [
    mounted("/", "shared:1"),
    mounted("/alone"),
    mounted("/below", "master:1"),
    mounted("/both", "shared:2", "master:1"),
    mounted("/hidden", "shared:3"),
    mounted("/hidden"),
]
SHARED = "path {} is mounted on {} but it is not a shared mount"
SLAVE = "path {} is mounted on {} but it is not a shared or slave mount"


def check(source: str, propagation: str) -> None:
    mount = MountPoint(MountKind.BIND, "/there", source=source, propagation=propagation)
    check_propagation([mount], lambda: HOST)


@pytest.mark.parametrize(
    ("source", "propagation", "words"),
    [
        ("/alone/x", "rslave", SLAVE.format("/alone/x", "/alone")),
        ("/alone", "slave", SLAVE.format("/alone", "/alone")),
        ("/alone/x", "rshared", SHARED.format("/alone/x", "/alone")),
        ("/below/x", "shared", SHARED.format("/below/x", "/below")),
        ("/hidden", "shared", SHARED.format("/hidden", "/hidden")),
    ],
)
def test_what_could_pass_nothing_on_is_refused(source: str, propagation: str, words: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        check(source, propagation)

    assert refused.value.reason == words


@pytest.mark.parametrize(
    ("source", "propagation"),
    [
        ("/x", "rslave"),
        ("/x", "rshared"),
        ("/below/x", "rslave"),
        ("/both", "shared"),
        ("/alone/x", "rprivate"),
        ("/alone/x", ""),
    ],
)
def test_what_can_is_taken(source: str, propagation: str) -> None:
    check(source, propagation)


def test_a_link_is_where_it_leads(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/alone")

    with pytest.raises(InvalidSetting, match="is mounted on /alone but"):
        check(str(link), "rshared")
