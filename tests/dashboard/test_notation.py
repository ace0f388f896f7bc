"""Settings with parts, typed in one line and written back."""

from __future__ import annotations

from dataclasses import fields

import pytest
from django.core.exceptions import ValidationError

from dashboard.forms import notation
from dashboard.forms.launch import LaunchForm
from dashboard.forms.launch_fields import PARTS
from dashboard.forms.launch_typed import typed_launch
from engine.settings import ContainerSettings
from engine.settings.docker_run import parse_docker_run


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("publish", "8080:80"),
        ("publish", "53:53/udp"),
        ("publish", "127.0.0.1:8080:80"),
        ("publish", "[::1]:8080:80"),
        ("publish", "8000-8010:80"),
        ("publish", "80"),
        ("mounts", "orders-data:/data"),
        ("mounts", "/srv/web:/web:ro"),
        ("mounts", "cache:/c:nocopy"),
        ("mounts", "/anonymous"),
        ("tmpfs", "/run:size=64m,mode=1777"),
        ("tmpfs", "/tmp"),
        ("ulimits", "nofile=1024:2048"),
        ("ulimits", "nproc=64"),
        ("devices", "/dev/fuse"),
        ("devices", "/dev/a:/dev/b:r"),
        ("endpoints", "backend alias=db alias=orders ip=10.0.0.7"),
        ("device_read_bps", "/dev/sda:10m"),
        ("device_write_iops", "/dev/sda:1000"),
        ("blkio_weight_device", "/dev/sda:500"),
    ],
)
def test_a_line_is_written_back_as_it_was_typed(name, line):
    parse, render = PARTS[name]
    parsed = parse(line)

    assert [render(each) for each in (parsed if isinstance(parsed, list) else [parsed])] == [line]


def test_a_range_of_ports_is_a_binding_for_each():
    bindings = notation.parse_ports("8000-8002:80-82")

    assert [(each["host_port"], each["container_port"]) for each in bindings] == [
        (8000, 80),
        (8001, 81),
        (8002, 82),
    ]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("publish", "web"),
        ("publish", "80:80/icmp"),
        ("publish", "8000-8002:80-81"),
        ("mounts", "a:b:c:d"),
        ("mounts", "data:/d:sideways"),
        ("mounts", "data:relative"),
        ("ulimits", "nofile"),
        ("ulimits", "nofile=lots"),
        ("devices", "a:b:c:d"),
        ("endpoints", "backend color=red"),
        ("device_read_bps", "/dev/sda"),
        ("device_read_iops", "/dev/sda:1k"),
        ("blkio_weight_device", "/dev/sda:"),
    ],
)
def test_a_line_that_is_none_is_refused_in_words(name, line):
    with pytest.raises(ValidationError) as refused:
        PARTS[name][0](line)

    assert refused.value.messages[0]


@pytest.mark.parametrize("text", ["30s", "1m30s", "500ms", "2h", ""])
def test_times_are_as_docker_writes_them(text):
    assert notation.parse_duration(text) >= 0


def test_a_time_without_a_unit_is_refused():
    with pytest.raises(ValidationError):
        notation.parse_duration("30")


LINE = (
    "docker run -d --name web --hostname web -p 8080:80 -p 127.0.0.1:53:53/udp -v data:/d:ro"
    " -v /srv:/s --tmpfs /run:size=64m -e A=1 -e 'B=two words' --label team=ships"
    " --restart on-failure:3 --health-cmd 'curl x' --health-interval 5s --health-retries 2"
    " -m 256m --cpus 1.5 --pids-limit 50 --ulimit nofile=10:20 --device /dev/fuse"
    " --cap-add NET_ADMIN --cap-drop ALL --sysctl net.core.somaxconn=1024 --read-only --init"
    " --network backend --network-alias db --dns 10.0.0.2 --add-host db:10.0.0.7 --shm-size 64m"
    " --stop-signal SIGINT --stop-timeout 5 --user 1000:1000 -w /srv --log-opt max-size=1m"
    " --security-opt no-new-privileges --pid host --group-add video --expose 90"
    " alpine:3 sh -c 'echo \"a b\"'"
)


def test_a_docker_run_line_fills_the_form_and_the_form_says_the_same(db, host):
    wanted = parse_docker_run(LINE).settings
    typed = {**typed_launch("alpha", wanted.to_json()), "name": wanted.name}
    data = {name: "" if value is None else value for name, value in typed.items()}

    form = LaunchForm({k: v for k, v in data.items() if v is not False}, hosts=[host])

    assert form.is_valid(), form.errors
    assert ContainerSettings.from_json(form.arguments()["settings"]) == wanted


# Values of each setting, beginning with those that a form loses easily.
VALUES = {
    "image": ["alpine:3"],
    "name": ["web"],
    "command": [[], ["sh", "-c", "a  b\nc"], ["echo", ""]],
    "entrypoint": [[], [""], ["/bin/sh"]],
    "env": [["A= padded ", "B=two\nlines", "C="]],
    "working_dir": ["/srv/my files", "/srv "],
    "user": ["1000:1000"],
    "group_add": [["video", "my group"]],
    "hostname": ["web"],
    "domainname": ["example.org"],
    "labels": [{"team": "ships"}, {"a": " padded\n", " b": "", "c=d": "e"}],
    "annotations": [{"a": "b"}],
    "tty": [True],
    "open_stdin": [True],
    "stdin_once": [True],
    "read_only": [True],
    "init": [True],
    "auto_remove": [True],
    "stop_signal": ["SIGINT"],
    "stop_timeout": [0, -1, 5],
    "restart": [{"name": "always"}, {"name": "on-failure", "max_retries": 3}],
    "healthcheck": [
        {"test": ["NONE"]},
        {"test": ["NONE"], "interval": 10**9},
        {"test": ["CMD", "curl", "-f", "a b"]},
        {"test": ["CMD-SHELL", "exit 1"], "start_interval": 10**9, "retries": 2},
        {"interval": 1_234_567_891, "timeout": 90 * 10**9},
        {},
    ],
    "log": [{"driver": "none"}, {"max_size": 5000, "max_file": 2}],
    "writable": ["memory"],
    "writable_bytes": [{"writable": "memory", "writable_bytes": 10**6}],
    "mounts": [
        [
            {"kind": "bind", "source": "/srv", "target": "/a"},
            {"kind": "bind", "source": "/srv", "target": "/b", "make_source": True},
            {"kind": "bind", "source": "/s:x", "target": "/c", "propagation": "rslave"},
            {"kind": "volume", "target": "/d", "read_only": True},
            {"kind": "volume", "source": "data", "target": "/e", "subpath": "sub"},
            {"kind": "volume", "source": "db", "target": "/f", "labels": {"a": "b"}},
            {"kind": "volume", "target": "/g", "driver": "local", "driver_options": {"o": "x"}},
            {"kind": "tmpfs", "target": "/h", "size": 4097, "mode": 0},
            {"kind": "tmpfs", "target": "/i", "options": ["exec"], "read_only": True},
        ]
    ],
    "volumes_from": [["other:ro"]],
    "network": ["none", "container:web"],
    "endpoints": [[{"network": "back", "aliases": ["db"], "links": ["a:b"], "ipv6": "::1"}]],
    "publish": [
        [
            {"container_port": 80, "host_port": 8000, "host_port_end": 8010},
            {"container_port": 53, "protocol": "sctp", "host_ip": "::1"},
        ]
    ],
    "publish_all": [True],
    "expose": [["80", "8000-8010/udp"]],
    "dns": [["10.0.0.2"]],
    "dns_search": [["example.org"]],
    "dns_options": [["ndots:1"]],
    "extra_hosts": [["db:10.0.0.7"]],
    "memory_bytes": [6 * 2**20 + 1],
    "memory_reservation": [2**30],
    "memory_swap": [-1, {"memory_bytes": 2**30, "memory_swap": 2**31}],
    "memory_swappiness": [0, 60],
    "oom_kill_disable": [True],
    "oom_score_adj": [-1000],
    "nano_cpus": [1_500_000_001, 10_000_000],
    "cpu_shares": [1, 512],
    "cpu_period": [1000],
    "cpu_quota": [-1, 5000],
    "cpuset_cpus": ["0-2,4"],
    "cpuset_mems": ["0"],
    "pids_limit": [-1, 50],
    "blkio_weight": [10],
    "blkio_weight_device": [[{"path": "/dev/sda", "weight": 500}]],
    "device_read_bps": [[{"path": "/dev/sda", "rate": 10 * 2**20 + 1}]],
    "device_write_bps": [[{"path": "/dev/a:b", "rate": 0}]],
    "device_read_iops": [[{"path": "/dev/sda", "rate": 1000}]],
    "device_write_iops": [[{"path": "/dev/sda", "rate": 2**40}]],
    "ulimits": [[{"name": "nofile", "soft": -1, "hard": -1}]],
    "shm_size": [2**26],
    "cgroup_parent": ["/ours"],
    "sysctls": [{"net.core.somaxconn": "1024"}],
    "devices": [[{"host_path": "/dev/a", "container_path": "/dev/b", "permissions": "r"}]],
    "device_cgroup_rules": [["c 10:229 rwm"]],
    "cap_add": [["NET_ADMIN"]],
    "cap_drop": [["ALL"]],
    "privileged": [True],
    "security_opt": [['seccomp={\n "defaultAction": "SCMP_ACT_ALLOW"\n}', "no-new-privileges"]],
    "masked_paths": [[], ["/proc/kcore"], ["-"]],
    "readonly_paths": [[], ["/proc/sys"]],
    "cgroup_mode": ["host"],
    "pid_mode": ["host"],
    "ipc_mode": ["shareable"],
    "uts_mode": ["host"],
    "userns_mode": ["host"],
    "runtime": ["runc"],
}


def test_every_setting_has_values_to_try():
    assert set(VALUES) == {each.name for each in fields(ContainerSettings)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(name, value, id=f"{name}-{number}")
        for name, values in VALUES.items()
        for number, value in enumerate(values)
    ],
)
def test_nothing_that_settings_say_is_lost_in_the_form(name, value, db, host):
    several = isinstance(value, dict) and name in value
    wanted = ContainerSettings.from_json(
        {"image": "alpine:3", **(value if several else {name: value})}
    )

    form = LaunchForm(_sent(wanted), hosts=[host])

    assert form.is_valid(), form.errors
    assert ContainerSettings.from_json(form.arguments()["settings"]) == wanted


def test_what_is_typed_anew_counts_more_than_what_was_unsaid(db, host):
    mounts = [{"kind": "volume", "source": "db", "target": "/f", "labels": {"a": "b"}}]
    wanted = ContainerSettings.from_json({"image": "alpine:3", "mounts": mounts, "env": ["A= "]})

    form = LaunchForm({**_sent(wanted), "mounts": "other:/g"}, hosts=[host])

    assert form.is_valid(), form.errors
    settings = ContainerSettings.from_json(form.arguments()["settings"])
    assert [(each.source, each.target) for each in settings.mounts] == [("other", "/g")]
    assert settings.env == ("A= ",)


@pytest.mark.parametrize("text", ["[]", "{", '{"env": 1}', '{"env": [1]}', "[" * 5000])
def test_what_was_unsaid_and_came_back_damaged_is_refused(text, db, host):
    form = LaunchForm({"host": host.name, "image": "alpine:3", "unsaid": text}, hosts=[host])

    assert list(form.errors) == ["unsaid"]


def _sent(wanted):
    typed = {**typed_launch("alpha", wanted.to_json()), "name": wanted.name}
    return {name: value for name, value in typed.items() if value not in {None, False}}
