"""The agent of one host: which parts it has, and in what rhythm they work."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from engine.snapshots.choice import snapshotter_kind
from engine.system.cgroups import detect_layout
from workers.agent.answers import EngineAnswers
from workers.agent.channels import Layer
from workers.agent.cleanup_answers import CleanupAnswers
from workers.agent.container_answers import ContainerAnswers
from workers.agent.disk import Disk
from workers.agent.follower import Follower
from workers.agent.heartbeat import Heartbeat, ensure_host
from workers.agent.image_answers import ImageAnswers
from workers.agent.logs import EngineLogs
from workers.agent.machine import read_facts
from workers.agent.parts import Keeper, Part, Round, rounds
from workers.agent.policy_answers import PolicyAnswers
from workers.agent.questions import Answerer
from workers.agent.sizes import Sizes
from workers.agent.stats import Stats
from workers.agent.streams import Streams
from workers.agent.terminals import EngineTerminals
from workers.agent.trash import TrashKeeper
from workers.agent.volume_sizes import VolumeSizes
from workers.inventory import Inventory
from workers.runtime import engine, engine_paths, host_name, job_locks
from workers.stranded import send_stranded_jobs

if TYPE_CHECKING:
    import threading

    from engine.engine import Engine
    from engine.system.paths import EnginePaths
    from workers.agent.parts import Work

HEARTBEAT_SECONDS = 5.0
STATS_SECONDS = 2.0
SIZES_SECONDS = 2.0
STRANDED_SECONDS = 5.0
DISK_SECONDS = 5.0
TRASH_SECONDS = 60.0
SYNC_SECONDS = 300.0
# A tenth of the time at most goes into measuring what the ledger has to be told.
MEASURE_SECONDS, MEASURE_BUDGET_SECONDS = 5.0, 0.5


class Agent:
    """All parts of the agent; they end when *stop* is set."""

    def __init__(self, stop: threading.Event) -> None:
        self.host = host_name()
        opened = engine()
        ensure_host(self.host)
        opened.reconcile()
        disk = Disk(opened, self.host)
        self.streams = _streams(opened, self.host)
        self.keeper = Keeper(
            [
                Part("follower", Follower(opened, self.host).run),
                Part("containers", lambda stop: opened.containers.keep(stop.is_set)),
                Part("pulse", _pulse(opened, self.host, disk)),
                Part("chores", _chores(opened, self.host)),
                Part("disk", _measuring(opened, disk)),
                Part("trash", rounds(Round(TRASH_SECONDS, TrashKeeper(opened, self.host).tend))),
            ],
            stop=stop,
        )


def _streams(opened: Engine, host: str) -> Streams:
    """Return what answers pages, and feeds them with logs and terminals."""
    layer = Layer()
    answers = (
        EngineAnswers(opened),
        ContainerAnswers(opened),
        ImageAnswers(opened),
        CleanupAnswers(opened),
        PolicyAnswers(opened),
    )
    known = {name: answer for each in answers for name, answer in each.answers().items()}
    return Streams(
        layer,
        EngineLogs(opened),
        host=host,
        terminals=EngineTerminals(opened, host),
        answerer=Answerer(known, layer.send),
    )


def _pulse(opened: Engine, host: str, disk: Disk) -> Work:
    """Return what tells that the host is there, and how it is."""
    paths = engine_paths()
    facts = {**read_facts(), **engine_facts(paths)}
    heartbeat = Heartbeat(host, root=paths.root, disk=disk, facts=facts)
    return rounds(
        Round(HEARTBEAT_SECONDS, heartbeat.beat),
        Round(STATS_SECONDS, Stats(opened, host).sample),
    )


def _chores(opened: Engine, host: str) -> Work:
    """Return what brings along what was left behind: jobs, sizes, the projection."""
    inventory = Inventory(opened, host)
    return rounds(
        Round(STRANDED_SECONDS, partial(send_stranded_jobs, host, locks=job_locks())),
        Round(SIZES_SECONDS, Sizes(opened, host).measure),
        Round(SIZES_SECONDS, VolumeSizes(opened, host).measure),
        Round(SYNC_SECONDS, inventory.sync_everything, first=SYNC_SECONDS),
    )


def _measuring(opened: Engine, disk: Disk) -> Work:
    """Return what walks directories; a part of its own, so that it keeps nobody else waiting."""
    return rounds(
        Round(MEASURE_SECONDS, lambda: opened.measure(MEASURE_BUDGET_SECONDS)),
        Round(DISK_SECONDS, disk.account),
    )


def engine_facts(paths: EnginePaths) -> dict[str, Any]:
    """Return what the engine found out about this host."""
    return {
        "storage_driver": snapshotter_kind(paths).value,
        "cgroup_layout": detect_layout().value,
    }
