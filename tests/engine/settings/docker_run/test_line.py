"""docker run lines, flag by flag."""

import re
import shutil
import subprocess
from typing import Any

import pytest

from engine.errors import InvalidSetting
from engine.oci.healthcheck import Healthcheck
from engine.settings import (
    ContainerSettings,
    DeviceMapping,
    DeviceRate,
    DeviceWeight,
    Endpoint,
    LogSettings,
    MountKind,
    MountPoint,
    PortBinding,
    RestartPolicy,
    Ulimit,
)
from engine.settings.docker_run import parse_docker_run
from engine.settings.docker_run.flags import SHORT, SWITCHES, VALUED

SECOND = 10**9
BIND, VOLUME, TMPFS = MountKind.BIND, MountKind.VOLUME, MountKind.TMPFS


def settings(flags: str, **files: str) -> ContainerSettings:
    return parse_docker_run(f"docker run {flags} alpine", files=files).settings


@pytest.mark.parametrize(
    ("flags", "changes"),
    [
        (
            "--name web --hostname h --domainname d",
            {"name": "web", "hostname": "h", "domainname": "d"},
        ),
        (
            "-h h -u ana:staff -w /srv",
            {"hostname": "h", "user": "ana:staff", "working_dir": "/srv"},
        ),
        ("-e A=b --env C='d e'", {"env": ("A=b", "C=d e")}),
        ("-l a=b --label c", {"labels": {"a": "b", "c": ""}}),
        ("--annotation a=b", {"annotations": {"a": "b"}}),
        ("-it", {"tty": True, "open_stdin": True, "stdin_once": True}),
        ("-itd", {"tty": True, "open_stdin": True}),
        ("--tty=false -i=true -d", {"open_stdin": True}),
        ("--rm --init --read-only", {"auto_remove": True, "init": True, "read_only": True}),
        ("--group-add audio --group-add 7", {"group_add": ("audio", "7")}),
        ("--entrypoint /bin/sh", {"entrypoint": ("/bin/sh",)}),
        ("--entrypoint ''", {"entrypoint": ("",)}),
        ("--restart on-failure:3", {"restart": RestartPolicy("on-failure", 3)}),
        ("--restart=always", {"restart": RestartPolicy("always")}),
        ("--stop-signal INT --stop-timeout 3", {"stop_signal": "INT", "stop_timeout": 3}),
        (
            "--health-cmd 'curl x' --health-interval 1m30s --health-retries 2",
            {"healthcheck": Healthcheck(("CMD-SHELL", "curl x"), interval=90 * SECOND, retries=2)},
        ),
        ("--no-healthcheck", {"healthcheck": Healthcheck(("NONE",))}),
        (
            "--log-opt max-size=1m --log-opt max-file=3",
            {"log": LogSettings(max_size=1 << 20, max_file=3)},
        ),
        ("--log-driver none", {"log": LogSettings("none")}),
        ("-m 64m --memory-swap -1", {"memory_bytes": 64 << 20, "memory_swap": -1}),
        ("--memory=1.5g", {"memory_bytes": 3 << 29}),
        ("--memory-reservation 32MiB", {"memory_reservation": 32 << 20}),
        (
            "--memory-swappiness 0 --oom-kill-disable",
            {"memory_swappiness": 0, "oom_kill_disable": True},
        ),
        ("--oom-score-adj=-5", {"oom_score_adj": -5}),
        ("--cpus 1.5", {"nano_cpus": 1_500_000_000}),
        (
            "-c 512 --cpu-period 2000 --cpu-quota 1000",
            {"cpu_shares": 512, "cpu_period": 2000, "cpu_quota": 1000},
        ),
        ("--cpuset-cpus 0-1 --cpuset-mems 0", {"cpuset_cpus": "0-1", "cpuset_mems": "0"}),
        ("--pids-limit -1", {"pids_limit": -1}),
        (
            "--blkio-weight 10 --blkio-weight-device /dev/sda:20",
            {"blkio_weight": 10, "blkio_weight_device": (DeviceWeight("/dev/sda", 20),)},
        ),
        (
            "--device-read-bps /dev/sda:1mb --device-write-iops /dev/sda:9",
            {
                "device_read_bps": (DeviceRate("/dev/sda", 1 << 20),),
                "device_write_iops": (DeviceRate("/dev/sda", 9),),
            },
        ),
        (
            "--ulimit nofile=1:2 --ulimit core=0",
            {"ulimits": (Ulimit("nofile", 1, 2), Ulimit("core", 0, 0))},
        ),
        ("--shm-size 1m --cgroup-parent /x", {"shm_size": 1 << 20, "cgroup_parent": "/x"}),
        ("--sysctl net.core.somaxconn=1", {"sysctls": {"net.core.somaxconn": "1"}}),
        (
            "--device /dev/null --device /dev/zero:/dev/x:r --device /dev/full:rw",
            {
                "devices": (
                    DeviceMapping("/dev/null"),
                    DeviceMapping("/dev/zero", "/dev/x", "r"),
                    DeviceMapping("/dev/full", "", "rw"),
                )
            },
        ),
        ("--device-cgroup-rule 'c 1:3 r'", {"device_cgroup_rules": ("c 1:3 r",)}),
        ("--cap-add ALL --cap-drop CHOWN", {"cap_add": ("ALL",), "cap_drop": ("CHOWN",)}),
        ("--privileged --runtime runc", {"privileged": True, "runtime": "runc"}),
        ("--security-opt no-new-privileges", {"security_opt": ("no-new-privileges",)}),
        (
            "--pid host --ipc shareable --uts host",
            {"pid_mode": "host", "ipc_mode": "shareable", "uts_mode": "host"},
        ),
        ("--userns host --cgroupns private", {"userns_mode": "host", "cgroup_mode": "private"}),
        ("--net=host", {"network": "host"}),
        ("--network container:db", {"network": "container:db"}),
        (
            "--network net --network-alias db --ip 10.0.0.2 --mac-address 02:42:0a:00:00:02",
            {
                "network": "net",
                "endpoints": (Endpoint("net", ("db",), "10.0.0.2", mac="02:42:0a:00:00:02"),),
            },
        ),
        (
            "--network name=a,alias=x,alias=y --network b",
            {"network": "a", "endpoints": (Endpoint("a", ("x", "y")), Endpoint("b"))},
        ),
        ("--link db:base", {"endpoints": (Endpoint("bridge", links=("db:base",)),)}),
        ("-p 80", {"publish": (PortBinding(80),)}),
        ("-p 8080:80/udp", {"publish": (PortBinding(80, "udp", "", 8080),)}),
        ("-p 127.0.0.1:8080:80", {"publish": (PortBinding(80, "tcp", "127.0.0.1", 8080),)}),
        ("-p 127.0.0.1::80", {"publish": (PortBinding(80, "tcp", "127.0.0.1"),)}),
        ("-p [::1]:8080:80", {"publish": (PortBinding(80, "tcp", "::1", 8080),)}),
        (
            "-p 8000-8001:80-81",
            {"publish": (PortBinding(80, host_port=8000), PortBinding(81, host_port=8001))},
        ),
        ("-p 8000-8009:80", {"publish": (PortBinding(80, host_port=8000, host_port_end=8009),)}),
        ("-P --expose 80-81/udp", {"publish_all": True, "expose": ("80-81/udp",)}),
        (
            "--dns 1.1.1.1 --dns-search x --dns-opt ndots:1",
            {"dns": ("1.1.1.1",), "dns_search": ("x",), "dns_options": ("ndots:1",)},
        ),
        ("--add-host a:10.0.0.1 --add-host b=::1", {"extra_hosts": ("a:10.0.0.1", "b:::1")}),
        ("-v /data", {"mounts": (MountPoint(VOLUME, "/data"),)}),
        ("-v vol:/data:nocopy", {"mounts": (MountPoint(VOLUME, "/data", "vol", no_copy=True),)}),
        (
            "-v /srv:/data:ro,z,rslave",
            {
                "mounts": (
                    MountPoint(
                        BIND,
                        "/data",
                        "/srv",
                        read_only=True,
                        propagation="rslave",
                        make_source=True,
                    ),
                )
            },
        ),
        (
            "--tmpfs /run:rw,size=64k",
            {"mounts": (MountPoint(TMPFS, "/run", options=("rw", "size=64k")),)},
        ),
        (
            "--mount type=bind,src=/srv,dst=/data,readonly,bind-propagation=shared",
            {"mounts": (MountPoint(BIND, "/data", "/srv", read_only=True, propagation="shared"),)},
        ),
        (
            "--mount source=vol,target=/data,volume-nocopy=true,volume-opt=type=nfs,"
            "volume-label=a=b",
            {
                "mounts": (
                    MountPoint(
                        VOLUME,
                        "/data",
                        "vol",
                        no_copy=True,
                        labels={"a": "b"},
                        driver_options={"type": "nfs"},
                    ),
                )
            },
        ),
        (
            '--mount type=volume,target=/data,"volume-opt=o=addr=1,rw"',
            {"mounts": (MountPoint(VOLUME, "/data", driver_options={"o": "addr=1,rw"}),)},
        ),
        (
            "--mount type=tmpfs,target=/run,tmpfs-size=1m,tmpfs-mode=1770",
            {"mounts": (MountPoint(TMPFS, "/run", size=1 << 20, mode=0o1770),)},
        ),
        ("--volumes-from other:ro", {"volumes_from": ("other:ro",)}),
    ],
)
def test_each_flag_says_what_docker_means(flags: str, changes: dict[str, Any]) -> None:
    flags = flags.replace('"volume-opt=o=addr=1,rw"', "'\"volume-opt=o=addr=1,rw\"'")

    assert settings(flags) == ContainerSettings(image="alpine", **changes)


@pytest.mark.parametrize(
    ("flags", "field"),
    [
        ("--gpus all", "command_line"),
        ("--kernel-memory 1g", "command_line"),
        ("--cpu-rt-runtime 5", "command_line"),
        ("--isolation hyperv", "command_line"),
        ("--storage-opt size=1g", "command_line"),
        ("--memroy 1g", "command_line"),
        ("-z", "command_line"),
        ("--tty=perhaps", "command_line"),
        ("--pull sometimes", "command_line"),
        ("--env-file there", "command_line"),
        ("-e HOME", "env"),
        ("-m lots", "memory_bytes"),
        ("--cpus many", "nano_cpus"),
        ("--restart always:3", "restart"),
        ("--rm --restart always", "restart"),
        ("--health-cmd x --no-healthcheck", "healthcheck"),
        ("--log-driver syslog", "log"),
        ("--log-opt tag=x", "log"),
        ("-p x", "publish"),
        ("-p 1-3:1-2", "publish"),
        ("-p 3-1:3-1", "publish"),
        ("-v ./x:/y", "mounts"),
        ("-v a:/b:c", "mounts"),
        ("-v a:b:c:d", "mounts"),
        ("--mount type=npipe,target=/x", "mounts"),
        ("--mount type=bind,source=/x", "mounts"),
        ("--mount target=/x,colour=red", "mounts"),
        ("--ulimit nofile", "ulimits"),
        ("--device a:b:c:d", "devices"),
        ("--device-read-bps /dev/sda", "device_read_bps"),
        ("--userns keep-id", "userns_mode"),
        ("--network name=a,driver-opt=x", "network"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(flags: str, field: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        settings(flags)

    assert caught.value.field == field


def test_an_unknown_flag_comes_with_the_one_that_was_meant() -> None:
    with pytest.raises(InvalidSetting) as caught:
        settings("--memroy 1g")

    assert "--memory" in caught.value.remedy


@pytest.mark.parametrize(
    "text",
    ["", "docker", "docker run", "docker pull alpine", "docker run -d", "ls", "docker run -e"],
)
def test_a_line_that_runs_nothing_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting):
        parse_docker_run(text)


@pytest.mark.parametrize(
    "beginning",
    ["docker run", "run", "$ docker run", "sudo docker container run", "/usr/bin/docker run"],
)
def test_a_line_may_begin_as_people_copy_it(beginning: str) -> None:
    assert parse_docker_run(f"{beginning} alpine").settings.image == "alpine"


def test_what_follows_the_image_is_its_command() -> None:
    line = parse_docker_run("docker run --rm -- alpine sh -c 'echo -d --rm'")

    assert line.settings.command == ("sh", "-c", "echo -d --rm")
    assert not line.detach


def test_what_is_asked_of_the_client_is_told_apart() -> None:
    line = parse_docker_run(
        "docker create --pull always --platform linux/arm64 -a stdout -d alpine"
    )

    assert (line.detach, line.starts, line.pull) == (True, False, "always")
    assert (line.platform, line.ignored) == ("linux/arm64", ("--attach",))


def test_files_are_read_from_what_is_at_hand() -> None:
    files = {
        "app.env": "# comment\n\nA=b c\nHOME\n  D=e\n",
        "labels": "x=y\n",
        "profile.json": '{"defaultAction": "SCMP_ACT_ALLOW"}',
    }
    flags = "--env-file app.env -e A=z --label-file labels --security-opt seccomp=profile.json"

    made = parse_docker_run(f"docker run {flags} alpine", files=files).settings

    assert made.env == ("A=b c", "D=e", "A=z")
    assert made.labels == {"x": "y"}
    assert "SCMP_ACT_ALLOW" in made.security.seccomp


def test_every_flag_of_the_installed_client_is_known() -> None:
    docker = shutil.which("docker")
    if docker is None:
        pytest.skip("there is no docker client")
    text = subprocess.run(
        [docker, "run", "--help"], capture_output=True, text=True, check=True
    ).stdout
    offered = set(re.findall(r"^ +(?:-\w, )?--([a-z0-9-]+)", text, re.MULTILINE))
    short = set(re.findall(r"^ +-(\w), --", text, re.MULTILINE))

    assert offered - (SWITCHES | VALUED) == set()
    assert short - set(SHORT) == set()
