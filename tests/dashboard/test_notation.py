"""Settings with parts, typed in one line and written back."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from dashboard.forms import notation
from dashboard.forms.launch import PARTS, LaunchForm, typed_launch
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
        ("device_read_bps", "/dev/sda=10m"),
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
