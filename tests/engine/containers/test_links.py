"""Which container a link means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.settings import Endpoint

if TYPE_CHECKING:
    from tests.support.containers import Yard


def linked(yard: Yard, ref: str) -> list[str]:
    """The lines of a linking container's hosts file that name what *ref* means."""
    endpoint = Endpoint("bridge", links=(f"{ref}:alias",))
    made = yard.containers.create(yard.settings(network="bridge", endpoints=(endpoint,)))
    yard.containers.start(made.id)
    hosts = yard.means.bundles.locate(made.id).etc["/etc/hosts"].read_text()
    return [line.split()[-1] for line in hosts.splitlines() if "alias" in line]


def test_a_name_wins_over_the_beginning_of_an_id(yard: Yard) -> None:
    first = yard.containers.create(yard.settings(network="bridge"))
    named = yard.containers.create(yard.settings(network="bridge", name=first.id[:6]))
    for each in (first, named):
        yard.containers.start(each.id)

    assert linked(yard, first.id[:6]) == [named.name]
    assert linked(yard, first.id[:7]) == [first.name]
