"""
docker-py against our engine: every method of its client that concerns one host, old and new.

The module is long because its last test asks whether every method was called by those before it.
"""

from __future__ import annotations

import io
import json
import tarfile
import threading
from typing import TYPE_CHECKING, Any

import docker
import pytest
from docker.api.build import BuildApiMixin
from docker.api.container import ContainerApiMixin
from docker.api.daemon import DaemonApiMixin
from docker.api.exec_api import ExecApiMixin
from docker.api.image import ImageApiMixin
from docker.api.network import NetworkApiMixin
from docker.api.volume import VolumeApiMixin
from docker.errors import APIError, ContainerError, ImageNotFound, NotFound
from docker.types import (
    EndpointConfig,
    Healthcheck,
    IPAMConfig,
    IPAMPool,
    LogConfig,
    Mount,
    NetworkingConfig,
    Ulimit,
)

from engine.dockerapi.frames import STDOUT, frame
from tests.support.docker_cli import IMAGE, rootfs_tar
from tests.support.dockerapi import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.docker_cli import DockerCli
    from tests.support.services import RegistryServer

pytestmark = [
    pytest.mark.root,
    # docker-py leaves the connections of streams that were not read to their end.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

MIXINS = (
    BuildApiMixin,
    ContainerApiMixin,
    DaemonApiMixin,
    ExecApiMixin,
    ImageApiMixin,
    NetworkApiMixin,
    VolumeApiMixin,
)
NOT_OURS = {
    "import_image_from_data": "covered by import_image, which it is the half of",
    "import_image_from_file": "covered by import_image, which it is the half of",
    "import_image_from_url": "covered by import_image, which it is the half of",
    "import_image_from_image": "dockerd does not know fromImage together with fromSrc either",
    "import_image_from_stream": "covered by import_image, which it is the half of",
}
CALLED: dict[str, set[str]] = {"1.41": set(), "1.47": set()}


def methods() -> set[str]:
    return {
        name
        for mixin in MIXINS
        for name, value in vars(mixin).items()
        if callable(value) and not name.startswith("_") and not name.startswith("create_")
    } | {"create_container", "create_host_config", "create_network", "create_volume"}


@pytest.fixture(params=["1.41", "1.47"])
def client(request: pytest.FixtureRequest, ours: DockerCli) -> Iterator[docker.DockerClient]:
    client = docker.DockerClient(base_url=f"unix://{ours.socket}", version=request.param)
    _record(client.api, CALLED[request.param])
    yield client
    for container in client.containers.list(all=True):
        container.remove(force=True, v=True)
    client.networks.prune()
    client.volumes.prune(filters={"all": "true"} if request.param == "1.47" else {})
    client.close()


def _record(api: Any, called: set[str]) -> None:
    for name in methods():
        original = getattr(api, name)

        def recorded(*words: Any, _name: str = name, _call: Any = original, **more: Any) -> Any:
            called.add(_name)
            return _call(*words, **more)

        setattr(api, name, recorded)


def test_the_daemon_tells_about_itself(client: docker.DockerClient, ours: DockerCli) -> None:
    assert client.ping()
    assert client.version()["ApiVersion"] == "1.47"
    assert client.info()["OSType"] == "linux"
    assert {"Images", "Containers", "Volumes"} <= client.df().keys()
    with pytest.raises(APIError):
        client.login("nobody", "secret", registry="http://127.0.0.1:9", reauth=True)


def test_a_program_is_run_and_its_output_comes_back(client: docker.DockerClient) -> None:
    assert client.containers.run(IMAGE, "echo hello", remove=True) == b"hello\n"
    with pytest.raises(ContainerError) as failed:
        client.containers.run(IMAGE, ["sh", "-c", "echo bad >&2; exit 3"], remove=True)
    assert failed.value.exit_status == 3
    with pytest.raises(ImageNotFound):
        client.api.create_container("nothing/here:1", "true")


def test_a_container_lives_its_whole_life(client: docker.DockerClient) -> None:
    container = client.containers.run(
        IMAGE, "sleep 1000", detach=True, name="life", labels={"a": "b"}
    )
    assert container.status in {"created", "running"}
    container.reload()
    assert (container.status, container.labels) == ("running", {"a": "b"})
    assert container.image.tags
    assert container.top()["Titles"]
    container.pause()
    container.reload()
    assert container.status == "paused"
    container.unpause()
    container.rename("lived")
    container.update(mem_limit="64m", memswap_limit="64m")
    container.restart(timeout=0)
    assert container.stats(stream=False)["name"] == "/lived"
    assert next(container.stats(stream=True, decode=True))["id"] == container.id
    container.kill("SIGTERM")
    container.stop(timeout=0)
    assert container.wait()["StatusCode"] in {137, 143}
    container.start()
    assert client.api.port(container.id, 80) is None
    client.containers.run(IMAGE, "sleep 1000", detach=True, tty=True).resize(24, 80)
    container.remove(force=True)
    with pytest.raises(NotFound):
        container.reload()


def test_containers_are_listed_by_filters(client: docker.DockerClient) -> None:
    one = client.containers.run(IMAGE, "sleep 1000", detach=True, labels=["seen"])
    two = client.containers.create(IMAGE, "true", name="other")

    assert [each.id for each in client.containers.list()] == [one.id]
    assert {each.id for each in client.containers.list(all=True)} == {one.id, two.id}
    assert [each.id for each in client.containers.list(filters={"label": "seen"})] == [one.id]
    assert [each.id for each in client.containers.list(all=True, before=two.id)] == [one.id]
    assert [each.id for each in client.containers.list(all=True, since=one.id)] == [two.id]
    assert client.api.containers(all=True, size=True, limit=1)[0]["Id"] == two.id
    assert client.containers.get("other").id == two.id
    pruned = client.containers.prune()
    assert two.id in pruned["ContainersDeleted"]


def test_output_is_read_in_every_way(client: docker.DockerClient, ours: DockerCli) -> None:
    container = client.containers.create(
        IMAGE, ["sh", "-c", "echo out; echo err >&2; read x; echo $x"], stdin_open=True
    )
    socket = container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    container.start()
    socket._sock.sendall(b"typed\n")
    container.wait()
    heard = b""
    while more := socket.read(4096):
        heard += more
    assert b"typed" in heard
    # docker-py leaves the connection below it to the garbage.
    socket._sock.close()
    socket.close()

    assert container.logs(stdout=True, stderr=False) == b"out\ntyped\n"
    assert container.logs(stdout=False, stderr=True) == b"err\n"
    assert b"typed" in b"".join(container.logs(stream=True))
    assert container.logs(tail=1) in {b"typed\n", b"err\n"}
    # docker-py itself loses what comes together with the head of the answer, now and then.
    assert container.attach(logs=True, stream=False, stderr=False) in {b"out\ntyped\n", b""}
    told = Client(ours.socket).post(f"/containers/{container.id}/attach?logs=1&stdout=1")
    assert told.content == frame(STDOUT, b"out\n") + frame(STDOUT, b"typed\n")


def test_output_is_attached_to_as_it_comes(client: docker.DockerClient) -> None:
    container = client.containers.create(IMAGE, ["sh", "-c", "echo one; echo two >&2"])
    stream = container.attach(stream=True, demux=True)
    container.start()

    assert sorted(filter(None, [word for pair in stream for word in pair])) == [b"one\n", b"two\n"]


def test_commands_are_run_inside(client: docker.DockerClient) -> None:
    container = client.containers.run(IMAGE, "sleep 1000", detach=True)

    assert container.exec_run("echo inside") == (0, b"inside\n")
    assert container.exec_run(["sh", "-c", "echo a; echo b >&2; exit 4"], demux=True) == (
        4,
        (b"a\n", b"b\n"),
    )
    assert b"".join(container.exec_run("echo streamed", stream=True).output) == b"streamed\n"
    assert container.exec_run("id -u", user="7").output == b"7\n"
    assert container.exec_run("pwd", workdir="/tmp", environment={"A": "b"}).output == b"/tmp\n"
    made = client.api.exec_create(container.id, ["sh", "-c", "cat; exit 2"], stdin=True, tty=False)
    socket = client.api.exec_start(made["Id"], socket=True)
    socket._sock.sendall(b"passed")
    socket._sock.shutdown(1)
    assert b"passed" in socket.read()
    socket.close()
    assert client.api.exec_inspect(made["Id"])["ExitCode"] == 2
    terminal = client.api.exec_create(container.id, "sleep 1000", tty=True)
    client.api.exec_start(terminal["Id"], detach=True, tty=True)
    client.api.exec_resize(terminal["Id"], height=30, width=90)


def test_files_go_in_and_out(client: docker.DockerClient) -> None:
    container = client.containers.create(IMAGE, "true")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("kept")
        entry.size = 5
        archive.addfile(entry, io.BytesIO(b"hello"))

    assert container.put_archive("/tmp", packed.getvalue())
    chunks, status = container.get_archive("/tmp/kept")
    assert (status["name"], status["size"]) == ("kept", 5)
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        assert archive.getnames() == ["kept"]
    assert {"Path": "/tmp/kept", "Kind": 1} in container.diff()
    assert b"".join(container.export())


def test_every_option_reaches_the_container(client: docker.DockerClient) -> None:
    network = client.networks.create(
        "options", ipam=IPAMConfig(pool_configs=[IPAMPool(subnet="10.213.7.0/24")])
    )
    volume = client.volumes.create("options-data", labels={"a": "b"})
    container = client.containers.create(
        IMAGE,
        "sleep 1000",
        name="options",
        hostname="box",
        environment={"A": "1"},
        working_dir="/tmp",
        user="0",
        mem_limit="64m",
        nano_cpus=500_000_000,
        pids_limit=50,
        cap_add=["NET_ADMIN"],
        cap_drop=["MKNOD"],
        read_only=True,
        tmpfs={"/run": "size=1m"},
        mounts=[Mount("/data", "options-data")],
        volumes={"/tmp": {"bind": "/host", "mode": "ro"}},
        ports={"80/tcp": ("127.0.0.1", None)},
        restart_policy={"Name": "on-failure", "MaximumRetryCount": 2},
        healthcheck=Healthcheck(test=["CMD", "true"], interval=1_000_000_000),
        log_config=LogConfig(type="json-file", config={"max-size": "1m"}),
        ulimits=[Ulimit(name="nofile", soft=100, hard=200)],
        sysctls={"net.ipv4.ip_unprivileged_port_start": "80"},
        security_opt=["no-new-privileges"],
        extra_hosts={"other": "10.0.0.9"},
        dns=["9.9.9.9"],
        init=True,
        shm_size="1m",
        stop_signal="SIGINT",
        network="options",
        networking_config={"options": client.api.create_endpoint_config(aliases=["alias"])},
    )
    container.start()
    container.reload()
    attrs = container.attrs
    assert attrs["HostConfig"]["Memory"] == 64 << 20
    assert attrs["HostConfig"]["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 2}
    assert attrs["Config"]["Healthcheck"]["Test"] == ["CMD", "true"]
    assert attrs["NetworkSettings"]["Networks"]["options"]["IPAddress"].startswith("10.213.7.")
    assert {each["Destination"] for each in attrs["Mounts"]} == {"/data", "/host"}
    assert container.ports["80/tcp"][0]["HostIp"] == "127.0.0.1"
    assert client.api.port(container.id, 80)[0]["HostPort"]
    assert container.exec_run("hostname").output == b"box\n"
    assert container.exec_run("cat /sys/class/net/eth0/mtu").output == b"1500\n"
    container.remove(force=True)
    network.remove()
    volume.remove()


def test_networks_are_made_joined_and_left(client: docker.DockerClient) -> None:
    network = client.networks.create("team", labels={"a": "b"}, check_duplicate=True)
    container = client.containers.run(IMAGE, "sleep 1000", detach=True, name="member")

    network.connect(container, aliases=["db"])
    network.reload()
    assert [each.name for each in network.containers] == ["member"]
    assert client.api.inspect_network("team")["Containers"]
    with pytest.raises(APIError):
        network.remove()
    network.disconnect(container)
    assert [each.name for each in client.networks.list(names=["team"])] == ["team"]
    assert client.networks.get("team").attrs["Labels"] == {"a": "b"}
    assert client.networks.prune()["NetworksDeleted"] == ["team"]
    with pytest.raises(NotFound):
        client.networks.get("team")


def test_volumes_are_made_found_and_removed(client: docker.DockerClient) -> None:
    volume = client.volumes.create("kept", labels={"a": "b"})

    assert client.volumes.get("kept").attrs["Labels"] == {"a": "b"}
    assert "kept" in [each.name for each in client.volumes.list(filters={"dangling": True})]
    volume.remove()
    with pytest.raises(NotFound):
        client.volumes.get("kept")


def test_images_are_named_looked_at_and_removed(client: docker.DockerClient) -> None:
    image = client.images.get(IMAGE)

    assert image.tag("py/one", tag="1")
    assert client.images.list("py/one")[0].id == image.id
    assert image.history()
    packed = b"".join(client.images.get("py/one:1").save(named="py/one:1"))
    client.images.remove("py/one:1")
    assert client.images.load(packed)[0].tags
    client.images.remove("py/one:1")
    made = client.api.import_image(src=io.BytesIO(rootfs_tar()), repository="py/two", tag="1")
    assert json.loads(made.splitlines()[-1])["status"].startswith("sha256:")
    container = client.containers.create("py/two:1", "true")
    committed = container.commit("py/three", "1", message="m", author="a", conf={"Cmd": ["cat"]})
    assert committed.attrs["Config"]["Cmd"] == ["cat"]
    container.remove()
    client.images.remove(image="py/three:1")
    client.images.remove(image="py/two:1")
    assert "ImagesDeleted" in client.images.prune(filters={"dangling": True})
    assert client.images.prune_builds()["SpaceReclaimed"] == 0


def test_an_image_is_built(client: docker.DockerClient) -> None:
    dockerfile = f"FROM {IMAGE}\nRUN echo built > /built\nCMD cat /built\n"
    image, told = client.images.build(fileobj=io.BytesIO(dockerfile.encode()), tag="py/built:1")

    assert any("Successfully built" in line.get("stream", "") for line in told)
    assert client.containers.run("py/built:1", remove=True) == b"built\n"
    client.images.remove(image.id, force=True)
    client.images.prune_builds()


@pytest.mark.registry
def test_images_go_to_a_registry_and_come_back(
    client: docker.DockerClient, registry_server: RegistryServer
) -> None:
    name = f"{registry_server.host}/py/pushed"
    client.images.get(IMAGE).tag(name, "1")
    told = list(client.images.push(name, tag="1", stream=True, decode=True))
    assert any(line.get("aux", {}).get("Digest", "").startswith("sha256:") for line in told)
    assert client.images.get_registry_data(f"{name}:1").has_platform("linux/amd64")
    client.images.remove(f"{name}:1")
    pulled = client.images.pull(name, tag="1")
    assert f"{name}:1" in pulled.tags
    client.images.remove(f"{name}:1")
    assert client.images.search(f"{registry_server.host}/py")
    assert client.login("ana", "secret", registry=f"http://{registry_server.host}")


def test_events_are_heard(client: docker.DockerClient) -> None:
    heard = client.events(decode=True, filters={"type": "container", "event": "destroy"})
    first: list[dict[str, Any]] = []
    listener = threading.Thread(target=lambda: first.append(next(heard)))
    listener.start()
    container = client.containers.create(IMAGE, "true")
    container.remove()
    listener.join(20)
    heard.close()

    assert first[0]["Actor"]["ID"] == container.id
    past = client.events(since=0, until=first[0]["time"] + 1, decode=True)
    assert container.id in {each["Actor"]["ID"] for each in past}


def test_low_level_calls_that_the_models_do_not_make(client: docker.DockerClient) -> None:
    api = client.api
    host = api.create_host_config(binds=["/tmp:/host:ro"], auto_remove=False)
    config = api.create_networking_config({"bridge": EndpointConfig(version=api._version)})
    assert isinstance(config, NetworkingConfig | dict)
    made = api.create_container(IMAGE, "true", host_config=host, name="low")
    again = api.create_container_from_config(
        api.create_container_config(IMAGE, "true", host_config=api.create_host_config()), "lower"
    )
    assert api.inspect_container(made)["Name"] == "/low"
    assert api.inspect_image(IMAGE)["Id"]
    assert api.inspect_distribution.__name__
    assert [each["Names"] for each in api.containers(all=True)]
    assert api.images(name=IMAGE, quiet=True)
    for container in (made, again):
        api.remove_container(container)


@pytest.mark.registry
@pytest.mark.parametrize("version", ["1.41", "1.47"])
def test_every_method_was_called(version: str) -> None:
    """Last in this file: what no test above has called would not have been tried."""
    if not CALLED[version]:
        pytest.skip("the tests of this version were not run")
    missing = methods() - CALLED[version] - NOT_OURS.keys()

    assert missing == set()
