"""A client that shares nothing with docker's own, aiodocker: the daily path of a program."""

from __future__ import annotations

import asyncio
import io
import tarfile
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import aiodocker
import pytest

from tests.support.docker_cli import IMAGE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.docker_cli import DockerCli

pytestmark = [pytest.mark.root, pytest.mark.asyncio, pytest.mark.usefixtures("emptied")]


@asynccontextmanager
async def connected(ours: DockerCli) -> AsyncIterator[aiodocker.Docker]:
    async with aiodocker.Docker(url=f"unix://{ours.socket}") as client:
        yield client


def config(*command: str, **more: Any) -> dict[str, Any]:
    return {"Image": IMAGE, "Cmd": list(command), **more}


async def test_it_agrees_on_a_version(ours: DockerCli) -> None:
    async with connected(ours) as client:
        assert (await client.version())["ApiVersion"] == "1.47"
        assert (await client.system.info())["Driver"]


async def test_a_container_runs_and_its_output_is_read(ours: DockerCli) -> None:
    async with connected(ours) as client:
        container = await client.containers.run(
            config("sh", "-c", "echo out; echo err >&2; exit 3")
        )
        assert (await container.wait())["StatusCode"] == 3
        assert await container.log(stdout=True) == ["out\n"]
        assert await container.log(stderr=True) == ["err\n"]
        await container.delete()
        with pytest.raises(aiodocker.DockerError, match="No such container"):
            await container.show()


async def test_a_log_is_followed_until_the_end(ours: DockerCli) -> None:
    async with connected(ours) as client:
        container = await client.containers.run(config("sh", "-c", "seq 1 100"))
        lines = [line async for line in container.log(stdout=True, follow=True)]
        assert "".join(lines) == "".join(f"{number}\n" for number in range(1, 101))


async def test_a_program_in_it_is_talked_to(ours: DockerCli) -> None:
    async with connected(ours) as client:
        container = await client.containers.run(config("sleep", "1000"))
        command = await container.exec(["cat"], stdin=True)
        async with command.start(detach=False) as stream:
            await stream.write_in(b"there and back")
            message = await asyncio.wait_for(stream.read_out(), 10)
        assert message is not None
        assert (message.stream, message.data) == (1, b"there and back")


async def test_files_go_in_and_come_out(ours: DockerCli) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("note")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"text"))
    async with connected(ours) as client:
        container = await client.containers.create(config("true"))
        await container.put_archive("/tmp", packed.getvalue())
        back = await container.get_archive("/tmp/note")
        content = back.extractfile("note")
        assert content is not None
        assert content.read() == b"text"


async def test_volumes_and_networks_come_and_go(ours: DockerCli) -> None:
    async with connected(ours) as client:
        volume = await client.volumes.create({"Name": "second"})
        network = await client.networks.create({"Name": "second", "Driver": "bridge"})
        container = await client.containers.create(
            config("true", HostConfig={"Binds": ["second:/data"], "NetworkMode": "second"})
        )
        assert (await container.show())["Mounts"][0]["Name"] == "second"
        with pytest.raises(aiodocker.DockerError, match="in use"):
            await volume.delete()
        await container.delete(force=True)
        await volume.delete()
        await network.delete()


async def test_events_are_heard(ours: DockerCli) -> None:
    async with connected(ours) as client:
        heard = client.events.subscribe()
        created: set[str] = set()
        event: dict[str, Any] = {}
        async with asyncio.timeout(10):
            # Nothing tells when it listens, and others' last events may still be on their way.
            while event.get("id") not in created:
                created.add((await client.containers.create(config("true"))).id)
                with suppress(TimeoutError):
                    event = await asyncio.wait_for(heard.get(), 0.2)
        assert (event["Type"], event["Action"]) == ("container", "create")
        await client.events.stop()


async def test_images_are_tagged_and_saved(ours: DockerCli) -> None:
    async with connected(ours) as client:
        await client.images.tag(IMAGE, "test/second", tag="1")
        async with client.images.export_image("test/second:1") as content:
            packed = io.BytesIO(await content.read())
        with tarfile.open(fileobj=packed) as archive:
            assert "manifest.json" in archive.getnames()
        await client.images.delete("test/second:1")
        assert (await client.images.inspect(IMAGE))["RepoTags"] == [f"{IMAGE}:latest"]
