"""Telling open pages what changed."""

import json
from asyncio import wait_for

import pytest
from channels.layers import get_channel_layer
from django.db import transaction

from dashboard import events
from dashboard.models import Container, Network, Tag, Volume
from tests.support.sockets import database_sync_to_async

pytestmark = pytest.mark.django_db(transaction=True)


class Listener:
    """One subscriber of the channel layer."""

    async def join(self, group: str) -> "Listener":
        self.layer = get_channel_layer()
        self.channel = await self.layer.new_channel()
        await self.layer.group_add(group, self.channel)
        return self

    async def hear(self) -> dict:
        message = await wait_for(self.layer.receive(self.channel), 5)
        return json.loads(message["text"]) if "text" in message else message

    def has_heard(self) -> bool:
        return not self.layer.channels.get(self.channel, _Empty()).empty()


class _Empty:
    def empty(self) -> bool:
        return True


async def test_a_container_is_pushed_as_its_row(container):
    listener = await Listener().join("live.host.alpha")

    await database_sync_to_async(events.publish_container)(container)

    assert await listener.hear() == {
        "type": "row",
        "noun": "container",
        "host": "alpha",
        "id": "c" * 64,
        "key": f"container-alpha-{'c' * 64}",
        "html": "<tr>web</tr>",
    }


@pytest.mark.parametrize("noun", ["volume", "network"])
async def test_volumes_and_networks_are_pushed_as_their_rows(host, noun):
    made = {
        "volume": lambda: Volume.objects.create(host=host, name="data"),
        "network": lambda: Network.objects.create(host=host, network_id="d" * 64, name="lab"),
    }
    listener = await Listener().join("live.host.alpha")
    thing = await database_sync_to_async(made[noun])()

    await database_sync_to_async(getattr(events, f"publish_{noun}"))(thing)
    told = await listener.hear()
    removed = database_sync_to_async(events.publish_removed)
    await removed(noun, host="alpha", object_id=thing.object_id)
    gone = await listener.hear()

    assert (told["noun"], told["key"]) == (noun, thing.row_id)
    assert thing.name in told["html"]
    assert (gone["key"], gone["html"]) == (thing.row_id, None)


async def test_an_image_is_pushed_with_its_tags(image):
    await database_sync_to_async(Tag.objects.create)(
        host=image.host, image=image, reference="docker.io/library/a:1", repository="a", tag="1"
    )
    listener = await Listener().join("live.host.alpha")

    await database_sync_to_async(events.publish_image)(image)

    heard = await listener.hear()
    assert (heard["key"], heard["html"]) == (
        f"image-alpha-{'a' * 64}",
        "<tr>aaaaaaaaaaaa a:1</tr>",
    )


async def test_what_is_gone_is_pushed_without_html(host):
    listener = await Listener().join("live.host.alpha")

    await database_sync_to_async(events.publish_removed)(
        "image", host="alpha", object_id="sha256:" + "a" * 64
    )

    heard = await listener.hear()
    assert (heard["key"], heard["html"]) == (f"image-alpha-{'a' * 64}", None)


async def test_nothing_is_pushed_before_the_commit_and_nothing_after_a_rollback(container):
    listener = await Listener().join("live.host.alpha")

    @database_sync_to_async
    def change() -> bool:
        with transaction.atomic():
            events.publish_container(container)
            transaction.set_rollback(True)
        with transaction.atomic():
            Container.objects.filter(pk=container.pk).update(name="renamed")
            events.publish_container(container)
            return listener.has_heard()

    assert not await change()
    assert (await listener.hear())["html"] == "<tr>renamed</tr>"
    assert not listener.has_heard()


async def test_names_are_escaped_in_what_is_pushed(container):
    listener = await Listener().join("live.host.alpha")
    update = Container.objects.filter(pk=container.pk).aupdate
    await update(name="<script>alert(1)</script>")

    await database_sync_to_async(events.publish_container)(container)

    heard = await listener.hear()
    assert heard["html"] == "<tr>&lt;script&gt;alert(1)&lt;/script&gt;</tr>"


async def test_a_job_is_pushed_with_its_state_and_who_asked(request_by, otto):
    listener = await Listener().join("live.jobs")

    job = await database_sync_to_async(request_by)(otto)

    heard = await listener.hear()
    assert heard["html"] == "<tr>Pull busybox:latest otto</tr>"
    del heard["html"]
    assert heard == {
        "type": "job",
        "id": str(job.pk),
        "key": f"job-alpha-{job.pk}",
        "host": "alpha",
        "name": "images.pull",
        "title": "Pull busybox:latest",
        "state": "queued",
        "is_cancelling": False,
        "percent": None,
        "progress": {},
        "object": {"kind": "image", "id": "docker.io/library/busybox:latest"},
        "requested_by": "otto",
        "message": "",
    }


async def test_a_host_is_pushed_to_everyone_with_its_counts(host):
    listener = await Listener().join("live.team")

    await database_sync_to_async(events.publish_host)(host)

    heard = await listener.hear()
    assert (heard["type"], heard["key"], heard["is_online"]) == ("host", "host-alpha", False)
    assert heard["counts"]["running_count"] == 0


async def test_stats_go_to_who_watches_the_host(host):
    listener = await Listener().join("live.host.alpha")
    rows = {"c" * 64: {"cpu_percent": 1.5, "memory": 10}}

    await database_sync_to_async(events.publish_stats)("alpha", rows)

    assert await listener.hear() == {"type": "stats", "host": "alpha", "rows": rows}


def test_a_row_that_went_meanwhile_is_not_pushed(container):
    with transaction.atomic():
        events.publish_container(container)
        container.delete()


def test_a_dead_channel_layer_breaks_no_change_and_is_logged(container, settings, caplog):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": f"{__name__}.DeadLayer"}}

    with transaction.atomic():
        Container.objects.filter(pk=container.pk).update(name="renamed")
        events.publish_container(container)

    container.refresh_from_db()
    assert container.name == "renamed"
    assert "a live update was lost" in caplog.text


class DeadLayer:
    """A layer whose server is gone."""

    async def group_send(self, group, message):
        raise ConnectionRefusedError(group)
