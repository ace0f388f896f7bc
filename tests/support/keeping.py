"""A keeper whose clock the test moves."""

from datetime import datetime, timedelta

from engine.containers.record import ContainerRecord
from engine.system.clock import SYSTEM_CLOCK
from tests.support.containers import Yard


class ShiftedClock:
    """The time of day, moved."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def now(self) -> datetime:
        return SYSTEM_CLOCK.now() + self.shift


def started(yard: Yard, **settings: object) -> ContainerRecord:
    record = yard.containers.create(yard.settings("/bin/sleep", name="web", **settings))
    return yard.containers.start(record.id)


def now(yard: Yard) -> ContainerRecord:
    return yard.means.store.get("web")
