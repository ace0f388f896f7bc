from pathlib import Path

import pytest

from engine.containers.devices import block_numbers, find_devices
from engine.containers.init import find_init, is_static
from engine.errors import InvalidSetting
from engine.settings import ContainerSettings, DeviceMapping, DeviceRate


def settings(*devices: DeviceMapping, **more: object) -> ContainerSettings:
    return ContainerSettings(image="a", devices=devices, **more)  # type: ignore[arg-type]


def test_a_device_is_given_with_its_numbers_under_its_new_name() -> None:
    (device,) = find_devices(settings(DeviceMapping("/dev/null", "/dev/nothing", "r")))

    assert (device.path, device.kind, device.major, device.minor) == ("/dev/nothing", "c", 1, 3)
    assert device.rule()["access"] == "r"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/dev/nowhere", "no such file or directory"),
        ("/etc/passwd", "not a device node"),
        ("/etc", "not a device node"),
    ],
)
def test_what_is_no_device_is_refused(path: str, reason: str) -> None:
    with pytest.raises(InvalidSetting, match=f'custom device "{path}": {reason}$'):
        find_devices(settings(DeviceMapping(path)))


def test_a_privileged_one_gets_those_of_the_host_without_what_is_its_own() -> None:
    paths = {each.path for each in find_devices(settings(privileged=True))}

    assert "/dev/null" in paths
    assert not any(each.startswith(("/dev/pts/", "/dev/shm/")) for each in paths)


def test_rates_need_a_device() -> None:
    with pytest.raises(InvalidSetting, match="stat /dev/nowhere: no such file"):
        block_numbers(settings(device_read_bps=(DeviceRate("/dev/nowhere", 1),)))


def test_an_init_has_to_be_static(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("#!/bin/sh\n")

    assert is_static(Path("/bin/busybox")) or not Path("/bin/busybox").exists()
    assert not is_static(Path("/bin/ls"))
    assert not is_static(tmp_path / "script")
    with pytest.raises(InvalidSetting, match="no init program"):
        find_init(lambda _: None)
    with pytest.raises(InvalidSetting):
        find_init(lambda _: "/bin/ls")
