"""The channel layer as streams use it: what its library raises becomes Python's own words here."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Layer:
    """The configured channel layer. `OSError` says that it cannot be reached, or is full."""

    def __init__(self) -> None:
        self._layer = get_channel_layer()

    async def receive(self, channel: str) -> dict[str, Any]:
        """Return the next message on *channel*."""
        with _translated():
            message: dict[str, Any] = await self._layer.receive(channel)
            return message

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Send *message* to whoever receives on *channel*."""
        with _translated():
            await self._layer.send(channel, message)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (RedisError, ChannelFull) as error:
        raise ConnectionError(str(error)) from error
