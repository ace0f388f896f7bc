"""Which settings reach beyond the container into its host."""

import pytest

from engine.settings import ContainerSettings, reach_of
from engine.settings.docker_run import parse_docker_run

ORDINARY = [
    "",
    "-p 8080:80 -v data:/data --tmpfs /run -m 64m --cpus 1.5 --network backend --read-only",
    "--cap-drop ALL --cap-add NET_BIND_SERVICE --cap-add chown",
    "--security-opt no-new-privileges --ipc private --cgroupns private --oom-score-adj 500",
    "--sysctl net.core.somaxconn=1024 --restart always --user 1000 --userns host --init",
]
REACHING = [
    ("--privileged", "privileged"),
    ("-v /:/host", "mounts"),
    ("--mount type=bind,src=/etc,dst=/x,ro", "mounts"),
    ("--mount type=volume,src=vol,dst=/x,volume-opt=type=none,volume-opt=device=/", "mounts"),
    ("--volumes-from other", "volumes_from"),
    ("--device /dev/sda", "devices"),
    ("--device-cgroup-rule 'b *:* rwm'", "device_cgroup_rules"),
    ("--cap-add sys_admin", "cap_add"),
    ("--cap-add ALL", "cap_add"),
    ("--security-opt seccomp=unconfined", "security_opt"),
    ("--security-opt systempaths=unconfined", "security_opt"),
    ("--security-opt apparmor=unconfined", "security_opt"),
    ("--pid host", "pid_mode"),
    ("--pid container:other", "pid_mode"),
    ("--ipc host", "ipc_mode"),
    ("--network host", "network"),
    ("--network container:other", "network"),
    ("--uts host", "uts_mode"),
    ("--cgroupns host", "cgroup_mode"),
    ("--cgroup-parent /", "cgroup_parent"),
    ("--runtime runc", "runtime"),
    ("--annotation run.oci.hooks.stderr=/etc/passwd", "annotations"),
    ("--oom-score-adj -1000", "oom_score_adj"),
]


@pytest.mark.parametrize("words", ORDINARY)
def test_what_docker_grants_by_default_reaches_nowhere(words):
    assert reach_of(parse_docker_run(f"docker run {words} busybox").settings) == ()


@pytest.mark.parametrize(("words", "name"), REACHING)
def test_what_reaches_into_the_host_is_named(words, name):
    assert reach_of(parse_docker_run(f"docker run {words} busybox").settings) == (name,)


def test_paths_of_proc_that_are_shown_again_reach_into_the_host():
    settings = ContainerSettings(image="busybox", masked_paths=(), readonly_paths=())

    assert reach_of(settings) == ("masked_paths", "readonly_paths")
