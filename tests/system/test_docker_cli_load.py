"""Many clients at once: nobody is refused, nothing is left open, and short work stays short."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.api_load import Crowd, Load
from tests.support.docker_cli import IMAGE

if TYPE_CHECKING:
    from tests.support.docker_cli import DockerCli

pytestmark = pytest.mark.root
FEW = 8
GAPS = 40 * 1024 * 1024


def test_two_hundred_clients_at_once(ours: DockerCli) -> None:
    """The short form; `./shipshape bench load` is the one of two minutes."""

    load = Load(ours.socket, ours.process.pid, IMAGE)
    first, second = load.run(Crowd(followers=130, pollers=50, runners=20), seconds=2, times=2)

    assert first.errors + second.errors == [], (first.errors + second.errors)[:5]
    assert second.ran > 0
    assert second.followed_bytes > 0
    # A few connections may be open or not, to the records and to whoever watches.
    assert second.descriptors[1] <= first.descriptors[0] + FEW
    assert second.threads[1] <= first.threads[0] + FEW
    # What 200 clients needed at a time leaves gaps, some 9 MB; what is lost each time would add up.
    assert second.resident[1] <= first.resident[0] + GAPS
    assert ours.ok("ps", "-q") == ""
