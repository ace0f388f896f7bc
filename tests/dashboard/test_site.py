"""A site that a test serves ends whole, whatever its pages still wait for."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer

from dashboard.agents import Question, agent_channel, ask
from tests.support.site import running_site

LONG_SECONDS = 600
SOON_SECONDS = 30


def test_a_page_that_waits_for_a_host_ends_with_its_site_and_leaves_no_channel() -> None:
    layer = get_channel_layer()

    async def wait_for_nobody() -> None:
        await sync_to_async(ask)("nobody", Question.TRASH_LIST, {}, patience=LONG_SECONDS)

    with running_site(agents=()) as site:
        asking = site.start(wait_for_nobody())
        asked = site.start(layer.receive(agent_channel("nobody"))).result(SOON_SECONDS)

    assert asked["question"] == Question.TRASH_LIST
    assert asking.done()
    assert layer.channels == {}
