"""The same promises with a real Redis as broker, channel layer and cache, also when it dies."""

from asyncio import wait_for

import pytest
from channels.db import database_sync_to_async
from channels.layers import channel_layers, get_channel_layer
from django.core.cache import cache

from dashboard import events, jobs, services
from dashboard.consumers.tickets import StreamAction, create_ticket, redeem_ticket
from dashboard.environment import broker_url
from tests.support.queues import drain
from tests.support.races import at_once
from tests.support.services import running_redis
from tests.support.sockets import Socket, sign_in

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True)]


def use(url: str, settings) -> None:
    settings.CELERY_BROKER_URL = broker_url(url)
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [{"address": url}]},
        }
    }
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}
    }
    channel_layers.backends.clear()
    jobs.producer.cache_clear()


@pytest.fixture
def redis(redis_server, settings):
    use(redis_server.url, settings)
    cache.clear()
    return redis_server


def test_a_job_reaches_the_queue_of_its_host(redis, request_by, otto):
    job = request_by(otto)

    assert drain() == [("images.pull", {"job_id": str(job.pk)})]


def test_of_many_who_present_a_ticket_at_once_one_gets_in(redis, vera):
    ticket = create_ticket(user=vera, host="alpha", container_id="c" * 64)

    grants = at_once(*[lambda: redeem_ticket(ticket, user=vera, action=StreamAction.LOGS)] * 8)

    assert sum(grant is not None for grant in grants) == 1


async def test_what_changes_reaches_an_open_page(redis, vera, container):
    socket = Socket("/ws/live/", session=await sign_in(vera))
    assert await socket.is_open()

    await database_sync_to_async(events.publish_container)(container)

    assert (await socket.hear())["html"] == "<tr>web</tr>"
    await socket.disconnect()
    await get_channel_layer().close_pools()


async def test_an_agent_gets_what_pages_ask_of_it(redis):
    layer = get_channel_layer()
    await layer.send("agent.alpha", {"type": "stream.open"})

    assert await wait_for(layer.receive("agent.alpha"), 5) == {"type": "stream.open"}
    await layer.close_pools()


def test_requests_survive_the_death_of_redis_and_are_sent_after_its_return(
    short_path, settings, request_by, otto, container
):
    with running_redis(short_path) as server:
        use(server.url, settings)
        request_by(otto, arguments={"reference": "before"})
        server.process.kill()
        server.process.wait()

        job = request_by(otto, arguments={"reference": "during"})
        events.publish_container(container)
        job.refresh_from_db()
        assert (job.state, job.sent_at) == ("queued", None)

    (short_path / "redis.sock").unlink(missing_ok=True)
    with running_redis(short_path) as server:
        use(server.url, settings)
        services.jobs.Job.objects.update(created_at="2026-01-01T00:00:00Z")
        services.resend_stranded_jobs("alpha")

        assert {"job_id": str(job.pk)} in [sent.kwargs for sent in drain()]
