"""Looking into the in-memory broker: which messages were really sent, and where to."""

from __future__ import annotations

from typing import NamedTuple

from dashboard import jobs


class Sent(NamedTuple):
    """One message as a worker would receive it."""

    task: str
    kwargs: dict[str, str]


def drain(queue: str = "host.alpha") -> list[Sent]:
    """Take all messages from *queue* and return them."""
    found = []
    with jobs.producer().connection_for_write() as connection, connection.channel() as channel:
        channel.queue_declare(queue=queue, durable=True)
        while (message := channel.basic_get(queue, no_ack=True)) is not None:
            found.append(Sent(message.headers["task"], message.decode()[1]))
    return found
