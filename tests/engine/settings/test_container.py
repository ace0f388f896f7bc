from typing import Any

import pytest

from engine.errors import InvalidSetting
from engine.settings import (
    ContainerSettings,
    DeviceMapping,
    DeviceRate,
    DeviceWeight,
    Endpoint,
    Healthcheck,
    LogSettings,
    MountKind,
    MountPoint,
    PortBinding,
    ResourceUpdate,
    RestartPolicy,
    Ulimit,
)
from engine.settings.lifetime import Writable

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
    stop_signal="SIGINT",
    stop_timeout=3,
    group_add=("audio", "7"),
    domainname="example",
    annotations={"a": "b"},
    stdin_once=True,
    init=True,
    restart=RestartPolicy("on-failure", 3),
    healthcheck=Healthcheck(("CMD", "true"), interval=10**9, retries=2),
    log=LogSettings(max_size=1 << 20, max_file=3),
    network="bridge",
    endpoints=(Endpoint("bridge", aliases=("db",), ipv4="10.0.0.2", mac="02:42:0a:00:00:02"),),
    publish=(PortBinding(80, "udp", "127.0.0.1", 8000, 8010),),
    publish_all=True,
    expose=("80/tcp", "90-99"),
    dns=("1.1.1.1", "::1"),
    dns_search=("example",),
    dns_options=("ndots:1",),
    extra_hosts=("db:10.0.0.1", "me:host-gateway"),
    mounts=(
        MountPoint(MountKind.BIND, "/data", "/srv", read_only=True, propagation="rslave"),
        MountPoint(MountKind.VOLUME, "/vol", "vol", driver_options={"o": "x"}, no_copy=True),
        MountPoint(MountKind.TMPFS, "/run", size=4096, mode=0o1777, options=("noexec",)),
    ),
    volumes_from=("other:ro",),
    memory_reservation=32 << 20,
    memory_swap=-1,
    memory_swappiness=0,
    oom_kill_disable=True,
    oom_score_adj=-5,
    cpu_shares=512,
    cpuset_cpus="0-1,3",
    cpuset_mems="0",
    blkio_weight=10,
    blkio_weight_device=(DeviceWeight("/dev/sda", 20),),
    device_read_bps=(DeviceRate("/dev/sda", 1024),),
    ulimits=(Ulimit("nofile", 10, 20), Ulimit("core", -1, -1)),
    shm_size=1 << 20,
    cgroup_parent="/team",
    sysctls={"net.core.somaxconn": "10"},
    devices=(DeviceMapping("/dev/null", "/dev/nothing", "r"),),
    device_cgroup_rules=("c 1:3 mr", "a *:* rwm"),
    cap_add=("net_admin", "ALL"),
    cap_drop=("CAP_CHOWN",),
    privileged=True,
    security_opt=("no-new-privileges", "seccomp=unconfined", "label=disable"),
    masked_paths=(),
    readonly_paths=("/proc/sys",),
    cgroup_mode="private",
    pid_mode="container:other",
    ipc_mode="shareable",
    userns_mode="host",
    runtime="runc",
    writable=Writable.MEMORY,
    writable_bytes=1 << 20,
)


def test_settings_survive_json() -> None:
    assert ContainerSettings.from_json(FULL.to_json()) == FULL


@pytest.mark.parametrize(
    ("make", "field"),
    [
        pytest.param(lambda: RestartPolicy("sometimes"), "restart", id="unknown-policy"),
        pytest.param(lambda: RestartPolicy("always", 3), "restart", id="always-thrice"),
        pytest.param(lambda: LogSettings("syslog"), "log", id="unknown-driver"),
        pytest.param(lambda: PortBinding(0), "publish", id="port-zero"),
        pytest.param(lambda: PortBinding(1, "icmp"), "publish", id="protocol"),
        pytest.param(lambda: PortBinding(1, host_ip="x"), "publish", id="host-address"),
        pytest.param(lambda: PortBinding(1, host_ip="fe80::1%l }"), "publish", id="zone"),
        pytest.param(lambda: Endpoint("n", aliases=("a\nb",)), "endpoints", id="alias-of-lines"),
        pytest.param(lambda: Endpoint("n", aliases=("a,b",)), "endpoints", id="two-aliases"),
        pytest.param(lambda: Endpoint("n", links=("a:b c",)), "endpoints", id="link-of-words"),
        pytest.param(lambda: Endpoint("n", ipv4="::1"), "endpoints", id="six-for-four"),
        pytest.param(lambda: Endpoint("n", mac="02"), "endpoints", id="short-mac"),
        pytest.param(lambda: MountPoint(MountKind.BIND, "/a", "b"), "mounts", id="relative-source"),
        pytest.param(lambda: MountPoint(MountKind.VOLUME, "/a", "b/c"), "mounts", id="volume-name"),
        pytest.param(lambda: MountPoint(MountKind.TMPFS, "a"), "mounts", id="relative-target"),
        pytest.param(lambda: MountPoint(MountKind.TMPFS, "/."), "mounts", id="over-the-root"),
        pytest.param(lambda: Ulimit("magic", 1, 1), "ulimits", id="unknown-limit"),
        pytest.param(lambda: Ulimit("core", 2, 1), "ulimits", id="soft-over-hard"),
        pytest.param(lambda: DeviceMapping("null"), "devices", id="relative-device"),
        pytest.param(lambda: DeviceMapping("/dev/null", permissions="x"), "devices", id="mode"),
    ],
)
def test_a_part_that_breaks_a_rule_is_refused_at_its_field(make: Any, field: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        make()

    assert caught.value.field == field


def test_what_older_versions_wrote_still_reads() -> None:
    written = {
        "image": "a",
        "name": None,
        "command": None,
        "env": [],
        "pids_limit": 0,
        "labels": {},
    }

    assert ContainerSettings.from_json({**written, "network": "none"}).network == "none"


def test_what_a_default_may_later_stand_for_is_written_down() -> None:
    assert ContainerSettings(image="a").to_json() == {"image": "a", "network": "bridge"}


def test_an_update_changes_what_it_names_and_nothing_else() -> None:
    update = ResourceUpdate(memory_bytes=8 << 20, restart=RestartPolicy("always"))
    settings = ContainerSettings(image="a", nano_cpus=10**9)

    changed = ResourceUpdate.from_json(update.to_json()).applied_to(settings)

    assert (changed.memory_bytes, changed.nano_cpus, changed.restart.name) == (
        8 << 20,
        10**9,
        "always",
    )


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
        pytest.param({"stop_timeout": -2}, "stop_timeout", id="negative-timeout"),
        pytest.param({"pids_limit": -2}, "pids_limit", id="pids-below-no-limit"),
        pytest.param({"memory_swap": 1}, "memory_swap", id="swap-without-memory"),
        pytest.param({"memory_bytes": 8 << 20, "memory_swap": 1}, "memory_swap", id="less-swap"),
        pytest.param({"nano_cpus": 10**9, "cpu_quota": 5000}, "nano_cpus", id="two-quotas"),
        pytest.param({"cpuset_cpus": "a"}, "cpuset_cpus", id="cpuset-of-letters"),
        pytest.param({"blkio_weight": 5}, "blkio_weight", id="weightless"),
        pytest.param({"oom_score_adj": 1001}, "oom_score_adj", id="oom-score"),
        pytest.param({"cgroup_parent": "/a/../.."}, "cgroup_parent", id="cgroup-upwards"),
        pytest.param({"sysctls": {"kernel.panic": "1"}}, "sysctls", id="sysctl-of-the-host"),
        pytest.param({"cap_add": ("FLY",)}, "cap_add", id="unknown-capability"),
        pytest.param({"device_cgroup_rules": ("x",)}, "device_cgroup_rules", id="device-rule"),
        pytest.param({"security_opt": ("magic",)}, "security_opt", id="security-option"),
        pytest.param({"security_opt": ("seccomp={",)}, "security_opt", id="seccomp-not-json"),
        pytest.param({"pid_mode": "shareable"}, "pid_mode", id="pid-mode"),
        pytest.param({"ipc_mode": "container:"}, "ipc_mode", id="ipc-of-nobody"),
        pytest.param({"uts_mode": "host", "hostname": "x"}, "hostname", id="name-of-the-host"),
        pytest.param({"userns_mode": "keep-id"}, "userns_mode", id="userns-mode"),
        pytest.param({"dns": ("dns.example",)}, "dns", id="dns-by-name"),
        pytest.param({"extra_hosts": ("db",)}, "extra_hosts", id="host-without-address"),
        pytest.param({"expose": ("0",)}, "expose", id="port-zero"),
        pytest.param({"healthcheck": Healthcheck(("RUN", "x"))}, "healthcheck", id="unknown-test"),
        pytest.param({"healthcheck": Healthcheck(("CMD",))}, "healthcheck", id="test-of-nothing"),
        pytest.param(
            {"healthcheck": Healthcheck(interval=5)}, "healthcheck", id="five-nanoseconds"
        ),
        pytest.param({"writable_bytes": 1}, "writable_bytes", id="size-on-disk"),
        pytest.param(
            {"auto_remove": True, "restart": RestartPolicy("always")},
            "restart",
            id="rm-and-restart",
        ),
        pytest.param(
            {"mounts": (MountPoint(MountKind.VOLUME, "/a"), MountPoint(MountKind.TMPFS, "/a/"))},
            "mounts",
            id="two-mounts-at-one-place",
        ),
        pytest.param({"network": "no where"}, "network", id="impossible-network"),
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
        pytest.param({"image": "a", "privilege": True}, "privilege", id="unknown-setting"),
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
