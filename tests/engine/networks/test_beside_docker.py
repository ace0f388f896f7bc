"""Beside a dockerd on the same host, whose rules drop all that it does not know."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.networks.networks import Networks
from engine.networks.settings import NetworkSettings
from engine.settings.network import PortBinding
from engine.system.runner import find_program, run
from tests.support.connected import fetched, get, inside, started, when_served
from tests.support.containers import Yard, clear_away, real_yard
from tests.support.other_hosts import OtherHost
from tests.support.services import wait_until

pytestmark = pytest.mark.root


@pytest.fixture
def dockerd(short_path: Path) -> Iterator[Path]:
    """A dockerd that filters; yields its socket."""
    program = find_program("dockerd")
    if program is None or find_program("iptables") is None:
        pytest.skip("dockerd and iptables are not installed")
    words = [program, "--data-root", f"{short_path}/d", "--exec-root", f"{short_path}/e"]
    words += ["-H", f"unix://{short_path}/s", "--pidfile", f"{short_path}/p"]
    log = (short_path / "log").open("wb")
    process = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        wait_until(lambda: b"API listen" in (short_path / "log").read_bytes(), what="dockerd")
        # As it does by itself on a host that did not forward before.
        run(["iptables", "-P", "FORWARD", "DROP"], timeout=10)
        yield short_path / "s"
    finally:
        process.terminate()
        process.wait(30)
        log.close()
        for chain in ("filter", "nat"):
            run(["iptables", "-t", chain, "-F"], timeout=10)
        run(["iptables", "-P", "FORWARD", "ACCEPT"], timeout=10)
        run(["ip", "link", "del", "docker0"], timeout=10)


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    made = real_yard(tmp_path)
    yield made
    clear_away(made)
    made.means.networks.plane.dismantle()


@pytest.fixture
def other_host() -> Iterator[OtherHost]:
    with OtherHost.joined() as made:
        yield made


def user_rules() -> str:
    return run(["iptables", "-S", "DOCKER-USER"], timeout=10).stdout.decode()


def test_our_containers_are_reached_and_reach_out(
    yard: Yard, dockerd: Path, other_host: OtherHost
) -> None:
    before = user_rules()
    networks = Networks(yard.means.networks, yard.containers)
    networks.create(NetworkSettings("mine"))
    web = started(yard, "web", network="mine", publish=(PortBinding(80, host_port=8080),))
    peer = started(yard, "peer", "/bin/sleep", "100", network="mine")
    assert str(networks.get("mine").subnets[0].pool) != "172.17.0.0/16"

    assert when_served(lambda: fetched("http://127.0.0.1:8080/")) == web.short_id
    assert other_host.fetch(f"http://{other_host.our_address}:8080/") == web.short_id
    assert get(peer, "http://web/") == web.short_id
    with other_host.server() as seen:
        get(peer, f"http://{other_host.address}:9000/")
        assert seen() == other_host.our_address

    for bridge in ("docker0", "br-+"):
        # What we let pass is not let into docker's own networks.
        assert f"-o {bridge}" in user_rules()
    assert user_rules().count("RETURN") > before.count("RETURN")

    clear_away(yard)
    networks.remove("mine")
    yard.means.networks.plane.dismantle()
    assert user_rules() == before


def test_files_of_a_container_are_as_docker_writes_them(yard: Yard, dockerd: Path) -> None:
    docker = ["docker", "-H", f"unix://{dockerd}"]
    if find_program("docker") is None:
        pytest.skip("docker's client is not installed")
    made = f"tar -C / -c bin/busybox | docker -H unix://{dockerd} import - box:latest"
    assert run(["sh", "-c", made], timeout=60).code == 0
    words = ["--hostname", "box", "--domainname", "example.test", "--add-host", "db:10.0.0.9"]
    words += ["--dns", "10.0.0.53", "--dns-search", "example.test", "--dns-opt", "rotate"]
    cat = ["/bin/busybox", "cat", "/etc/hosts", "/etc/resolv.conf", "/etc/hostname"]
    theirs = run([*docker, "run", "--rm", *words, "box", *cat], timeout=60)

    ours = started(
        yard,
        "web",
        "/bin/sleep",
        "100",
        hostname="box",
        domainname="example.test",
        extra_hosts=("db:10.0.0.9",),
        dns=("10.0.0.53",),
        dns_search=("example.test",),
        dns_options=("rotate",),
    )
    own = inside(ours, "cat", "/etc/hosts", "/etc/resolv.conf", "/etc/hostname")

    assert lines_of(own) == lines_of(theirs.stdout.decode()), theirs.complaint


def lines_of(text: str) -> list[list[str]]:
    """The words of each line, with the container's own address made equal."""
    return [re.sub(r"^172\.\d+\.\d+\.\d+", "OWN", line).split() for line in text.splitlines()]


def test_a_dockerd_that_comes_later_is_noticed(
    yard: Yard, other_host: OtherHost, request: pytest.FixtureRequest
) -> None:
    web = started(yard, "web", publish=(PortBinding(80, host_port=8080),))
    when_served(lambda: fetched("http://127.0.0.1:8080/"))
    request.getfixturevalue("dockerd")
    assert other_host.fetch(f"http://{other_host.our_address}:8080/") == ""

    yard.containers.reconcile()

    assert other_host.fetch(f"http://{other_host.our_address}:8080/") == web.short_id
