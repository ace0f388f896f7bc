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

    from engine.system.paths import EnginePaths

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
        opened, paths = engine(), engine_paths()
        ensure_host(self.host)
        opened.reconcile()
        inventory = Inventory(opened, self.host)
        disk = Disk(opened, self.host)
        facts = {**read_facts(), **engine_facts(paths)}
        heartbeat = Heartbeat(self.host, root=paths.root, disk=disk, facts=facts)
        stats, sizes = Stats(opened, self.host), Sizes(opened, self.host)
        volume_sizes = VolumeSizes(opened, self.host)
        trash = TrashKeeper(opened, self.host)
        stranded = partial(send_stranded_jobs, self.host, locks=job_locks())
        layer = Layer()
        self.streams = Streams(
            layer,
            EngineLogs(opened),
            host=self.host,
            terminals=EngineTerminals(opened, self.host),
            answerer=Answerer(
                {
                    **EngineAnswers(opened).answers(),
                    **ContainerAnswers(opened).answers(),
                    **ImageAnswers(opened).answers(),
                    **CleanupAnswers(opened).answers(),
                    **PolicyAnswers(opened).answers(),
                },
                layer.send,
            ),
        )
        self.keeper = Keeper(
            [
                Part("follower", Follower(opened, self.host).run),
                Part("containers", lambda stop: opened.containers.keep(stop.is_set)),
                Part(
                    "pulse",
                    rounds(
                        Round(HEARTBEAT_SECONDS, heartbeat.beat),
                        Round(STATS_SECONDS, stats.sample),
                    ),
                ),
                Part(
                    "chores",
                    rounds(
                        Round(STRANDED_SECONDS, stranded),
                        Round(SIZES_SECONDS, sizes.measure),
                        Round(SIZES_SECONDS, volume_sizes.measure),
                        Round(SYNC_SECONDS, inventory.sync_everything, first=SYNC_SECONDS),
                    ),
                ),
                # They walk directories, so they keep nobody else waiting.
                Part(
                    "disk",
                    rounds(
                        Round(MEASURE_SECONDS, lambda: opened.measure(MEASURE_BUDGET_SECONDS)),
                        Round(DISK_SECONDS, disk.account),
                    ),
                ),
                Part("trash", rounds(Round(TRASH_SECONDS, trash.tend))),
            ],
            stop=stop,
        )


def engine_facts(paths: EnginePaths) -> dict[str, Any]:
    """Return what the engine found out about this host."""
    return {
        "storage_driver": snapshotter_kind(paths).value,
        "cgroup_layout": detect_layout().value,
    }
