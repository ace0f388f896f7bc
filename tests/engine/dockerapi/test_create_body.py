"""Every option of docker's create is read into settings, and inspect tells it back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.containers.record import Attached
from engine.dockerapi.create_body import attached_of, settings_of, warnings_of
from engine.dockerapi.fields import Fields
from engine.dockerapi.host_config import LISTS, host_config_of
from engine.dockerapi.port_options import endpoint_of
from engine.dockerapi.refusals import Refusal
from engine.errors import InvalidSetting
from engine.settings import MountKind


def body(**host: Any) -> dict[str, Any]:
    return {"Image": "busybox", "HostConfig": host}


ROUND_TRIPS: dict[str, Any] = {
    "AutoRemove": True,
    "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3},
    "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
    "ReadonlyRootfs": True,
    "GroupAdd": ["audio", "1000"],
    "Init": True,
    "Annotations": {"a": "b"},
    "Dns": ["9.9.9.9"],
    "DnsOptions": ["ndots:2"],
    "DnsSearch": ["example.com"],
    "ExtraHosts": ["box:10.0.0.1"],
    "PublishAllPorts": True,
    "Memory": 64 << 20,
    "MemoryReservation": 32 << 20,
    "MemorySwappiness": 10,
    "OomKillDisable": True,
    "OomScoreAdj": 100,
    "NanoCpus": 500_000_000,
    "CpuShares": 512,
    "CpusetCpus": "0-1",
    "CpusetMems": "0",
    "PidsLimit": 50,
    "Ulimits": [{"Name": "nofile", "Hard": 2048, "Soft": 1024}],
    "ShmSize": 1 << 20,
    "CgroupParent": "/team",
    "BlkioWeight": 300,
    "BlkioWeightDevice": [{"Path": "/dev/sda", "Weight": 200}],
    "BlkioDeviceReadBps": [{"Path": "/dev/sda", "Rate": 1000}],
    "BlkioDeviceWriteBps": [{"Path": "/dev/sda", "Rate": 1000}],
    "BlkioDeviceReadIOps": [{"Path": "/dev/sda", "Rate": 1000}],
    "BlkioDeviceWriteIOps": [{"Path": "/dev/sda", "Rate": 1000}],
    "Devices": [
        {"PathOnHost": "/dev/null", "PathInContainer": "/dev/nul", "CgroupPermissions": "rw"}
    ],
    "DeviceCgroupRules": ["c 1:3 rwm"],
    "CapAdd": ["NET_ADMIN"],
    "CapDrop": ["ALL"],
    "Privileged": True,
    "SecurityOpt": ["no-new-privileges"],
    "Sysctls": {"net.ipv4.ip_forward": "1"},
    "MaskedPaths": ["/proc/kcore"],
    "ReadonlyPaths": [],
    "CgroupnsMode": "host",
    "PidMode": "host",
    "IpcMode": "shareable",
    "UTSMode": "host",
    "UsernsMode": "host",
    "VolumesFrom": ["other:ro"],
    "Binds": ["/srv:/data:ro", "named:/cache", "/a:/b:ro,rshared", "v2:/c:nocopy"],
    "Tmpfs": {"/run": "rw,size=64m"},
    "PortBindings": {
        "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}, {"HostIp": "", "HostPort": ""}],
        "53/udp": [{"HostIp": "", "HostPort": "5300-5310"}],
    },
    "StorageOpt": {"writable": "memory", "size": "1048576"},
}


@pytest.mark.parametrize("option", ROUND_TRIPS)
def test_what_was_asked_for_is_what_inspect_tells(option: str) -> None:
    extra = {"RestartPolicy": {"Name": "no"}} if option == "AutoRemove" else {}
    settings = settings_of(body(**{option: ROUND_TRIPS[option]}, **extra), name=None)

    assert host_config_of(settings)[option] == ROUND_TRIPS[option]


def test_the_client_and_its_terminal_are_told_back() -> None:
    said = {**body(ConsoleSize=[40, 120]), "AttachStdin": True, "AttachStderr": True}
    attached = attached_of(said)

    assert attached == Attached(("stdin", "stderr"), rows=40, columns=120)
    assert host_config_of(settings_of(said, name=None), attached)["ConsoleSize"] == [40, 120]
    assert attached_of(body()) == Attached()
    for wrong in ([1], [-1, 2], ["a", "b"], [1, 2**20]):
        with pytest.raises(Refusal):
            attached_of(body(ConsoleSize=wrong))


@pytest.mark.parametrize("option", LISTS)
def test_a_list_that_was_given_empty_is_told_so_and_else_is_null(option: str) -> None:
    empty = LISTS[option]()
    for given, told in ((body(**{option: empty}), empty), (body(**{option: None}), None)):
        assert host_config_of(settings_of(given, name=None), attached_of(given))[option] == told


def test_processor_period_and_quota_are_told_back() -> None:
    told = host_config_of(settings_of(body(CpuPeriod=50_000, CpuQuota=25_000), name=None))

    assert (told["CpuPeriod"], told["CpuQuota"]) == (50_000, 25_000)


def test_without_options_everything_is_as_docker_has_it() -> None:
    told = host_config_of(settings_of({"Image": "busybox"}, name=None))

    assert told["RestartPolicy"] == {"Name": "no", "MaximumRetryCount": 0}
    assert told["ShmSize"] == 64 << 20
    assert told["IpcMode"] == "private"
    assert told["PidsLimit"] is None
    assert "/proc/kcore" in told["MaskedPaths"]


def test_the_process_is_read_from_the_body_itself() -> None:
    settings = settings_of(
        {
            "Image": "busybox",
            "Cmd": ["sh", "-c", "true"],
            "Entrypoint": "/bin/entry",
            "Env": ["A=1", "GONE", "B="],
            "WorkingDir": "/srv",
            "User": "1:2",
            "Labels": {"a": "b"},
            "Tty": True,
            "OpenStdin": True,
            "StopTimeout": 3,
            "Healthcheck": {"Test": ["CMD", "true"], "Interval": 1_000_000_000, "Retries": 2},
        },
        name="box",
    )

    assert settings.entrypoint == ("/bin/entry",)
    assert settings.env == ("A=1", "B=")
    assert (settings.name, settings.stop_timeout, settings.user) == ("box", 3, "1:2")
    assert settings.healthcheck is not None
    assert settings.healthcheck.retries == 2


def test_volumes_of_the_body_are_anonymous_unless_something_is_mounted_there() -> None:
    settings = settings_of(
        {"Image": "i", "Volumes": {"/a": {}, "/b/": {}}, "HostConfig": {"Binds": ["v1:/b"]}},
        name=None,
    )

    assert [(each.target, each.is_anonymous) for each in settings.mounts] == [
        ("/b", False),
        ("/a", True),
    ]


def test_mounts_are_read_by_kind() -> None:
    settings = settings_of(
        body(
            Mounts=[
                {"Type": "bind", "Source": "/srv", "Target": "/a", "ReadOnly": True},
                {
                    "Type": "volume",
                    "Source": "vol",
                    "Target": "/b",
                    "VolumeOptions": {"NoCopy": True, "DriverConfig": {"Name": "local"}},
                },
                {"Type": "tmpfs", "Target": "/c", "TmpfsOptions": {"SizeBytes": 4096, "Mode": 448}},
            ]
        ),
        name=None,
    )

    bind, volume, tmpfs = settings.mounts
    assert (bind.kind, bind.read_only, bind.make_source) == (MountKind.BIND, True, False)
    assert (volume.no_copy, volume.driver) == (True, "local")
    assert (tmpfs.size, tmpfs.mode) == (4096, 0o700)


@pytest.mark.parametrize(
    ("host", "words"),
    [
        pytest.param({"CpuRealtimeRuntime": 5}, "real-time", id="real-time"),
        pytest.param({"DeviceRequests": [{"Count": -1}]}, "could not select device", id="gpu"),
        pytest.param({"Isolation": "hyperv"}, "Invalid isolation", id="isolation"),
        pytest.param({"StorageOpt": {"size": "1g"}}, "--storage-opt is supported", id="storage"),
        pytest.param({"Binds": ["a:b:c:d"]}, "invalid volume specification", id="bind"),
        pytest.param({"Binds": ["/a:/b:what"]}, "invalid mode", id="bind-mode"),
        pytest.param({"Mounts": [{"Type": "npipe"}]}, "mount type unknown", id="mount-type"),
        pytest.param({"PortBindings": {"x": []}}, "Invalid port specification", id="port"),
        pytest.param(
            {"PortBindings": {"80": [{"HostPort": "1-"}]}}, "Invalid port", id="port-range"
        ),
        pytest.param({"LogConfig": {"Config": {"x": "y"}}}, "unknown log opt", id="log-option"),
        pytest.param({"LogConfig": {"Config": {"mode": "x"}}}, "not supported: x", id="log-mode"),
        pytest.param(
            {"LogConfig": {"Config": {"max-file": "0"}}}, "cannot be less than 1", id="log-files"
        ),
        pytest.param({"Binds": ["v:/w:ro,rw"]}, "invalid mode: ro,rw", id="both-modes"),
        pytest.param({"Memory": "much"}, "HostConfig.Memory of type int64", id="kind"),
        pytest.param({"Dns": "9.9.9.9"}, "HostConfig.Dns of type []string", id="list"),
        pytest.param({"Ulimits": [7]}, "Ulimits", id="list-of-objects"),
        pytest.param({"PortBindings": ["80"]}, "nat.PortMap", id="port-map"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(host: dict[str, Any], words: str) -> None:
    with pytest.raises(Refusal) as refused:
        settings_of(body(**host), name=None)

    assert refused.value.status == 400
    assert words in refused.value.message


def test_rules_of_the_settings_hold_here_too() -> None:
    with pytest.raises(InvalidSetting, match="6MB"):
        settings_of(body(Memory=1), name=None)


def test_what_has_no_effect_is_warned_about() -> None:
    assert warnings_of(body(KernelMemory=1)) == [
        "Specifying a kernel memory limit is deprecated and has no effect."
    ]


def test_the_only_network_that_is_named_is_the_first() -> None:
    settings = settings_of(
        {
            "Image": "i",
            "NetworkingConfig": {
                "EndpointsConfig": {
                    "team": {"Aliases": ["db"], "IPAMConfig": {"IPv4Address": "10.1.0.9"}}
                }
            },
        },
        name=None,
    )

    assert settings.network == "team"
    assert [(each.aliases, each.ipv4) for each in settings.endpoints] == [(("db",), "10.1.0.9")]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        pytest.param({"IPAMConfig": {"LinkLocalIPs": ["169.254.1.2"]}}, "link-local", id="address"),
        pytest.param({"DriverOpts": {"com.example.a": "1"}}, "com.example.a", id="driver-option"),
    ],
)
def test_what_a_network_cannot_give_is_refused_by_name(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(Refusal) as refused:
        endpoint_of("team", Fields(asked))

    assert refused.value.status == 400
    assert words in refused.value.message


def test_shapes_are_json() -> None:
    settings = settings_of(body(Sysctls={"net.core.somaxconn": "1"}), name=None)

    assert json.loads(json.dumps(host_config_of(settings)))


def test_names_of_fields_are_taken_in_any_case_and_the_exact_one_first() -> None:
    fields = Fields({"container": "web", "Force": True, "force": False, "X": {"y": "z"}})

    assert fields.text("Container") == "web"
    assert fields.flag("Force")
    assert fields.child("x").text("Y") == "z"
    assert fields.text("Nothing") == ""


@pytest.mark.parametrize("variable", ["=x", ""])
def test_a_variable_without_a_name_is_refused(variable: str) -> None:
    with pytest.raises(Refusal, match=f"^invalid environment variable: {variable}$"):
        settings_of({"Image": "busybox", "Env": ["A=1", variable]}, name=None)
