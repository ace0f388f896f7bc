"""
What each job is told, parsed at the door.

`parse_arguments` turns JSON, whether from a form or from a job's row, into one frozen value per job
name; whatever it returns is within its limits and needs no second check. `to_json` is its inverse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.arguments.builds import BuildImage
from dashboard.arguments.changes import (
    CommitContainer,
    PauseContainer,
    RenameContainer,
    ResetContainer,
    RestartContainer,
    RevertFiles,
    UnpauseContainer,
    UpdateContainer,
)
from dashboard.arguments.cleanup import (
    EmptyTrash,
    KeepThings,
    RestoreFromTrash,
    RunCleanUp,
    TrashContainers,
    TrashImages,
)
from dashboard.arguments.containers import (
    KillContainer,
    RemoveContainer,
    StartContainer,
    StopContainer,
)
from dashboard.arguments.images import MakeStarterImage, PullImage, RemoveImage
from dashboard.arguments.images_travel import CopyImage, FetchImage, LoadImages, PushImage, TagImage
from dashboard.arguments.kinds import Arguments, Thing
from dashboard.arguments.launch import LaunchContainer
from dashboard.arguments.leases import EndLease, LeaseContainer
from dashboard.arguments.networks import (
    CleanUpNetworks,
    ConnectNetwork,
    CreateNetwork,
    DisconnectNetwork,
    RemoveNetwork,
)
from dashboard.arguments.policies import CleanUpByPolicy, PolicySchedule, PolicyTerms
from dashboard.arguments.rules import CleanupRule, RuleKind
from dashboard.arguments.volumes import CreateVolume, RemoveVolume, TrashVolumes
from dashboard.jobs import JobName

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ARGUMENTS",
    "Arguments",
    "BuildImage",
    "CleanUpByPolicy",
    "CleanUpNetworks",
    "CleanupRule",
    "CommitContainer",
    "ConnectNetwork",
    "CopyImage",
    "CreateNetwork",
    "CreateVolume",
    "DisconnectNetwork",
    "EmptyTrash",
    "EndLease",
    "FetchImage",
    "KeepThings",
    "KillContainer",
    "LaunchContainer",
    "LeaseContainer",
    "LoadImages",
    "MakeStarterImage",
    "PauseContainer",
    "PolicySchedule",
    "PolicyTerms",
    "PullImage",
    "PushImage",
    "RemoveContainer",
    "RemoveImage",
    "RemoveNetwork",
    "RemoveVolume",
    "RenameContainer",
    "ResetContainer",
    "RestartContainer",
    "RestoreFromTrash",
    "RevertFiles",
    "RuleKind",
    "RunCleanUp",
    "StartContainer",
    "StopContainer",
    "TagImage",
    "Thing",
    "TrashContainers",
    "TrashImages",
    "TrashVolumes",
    "UnpauseContainer",
    "UpdateContainer",
    "parse_arguments",
]

ARGUMENTS: dict[JobName, type[Arguments]] = {
    JobName.PULL_IMAGE: PullImage,
    JobName.MAKE_STARTER_IMAGE: MakeStarterImage,
    JobName.REMOVE_IMAGE: RemoveImage,
    JobName.TAG_IMAGE: TagImage,
    JobName.PUSH_IMAGE: PushImage,
    JobName.COPY_IMAGE: CopyImage,
    JobName.FETCH_IMAGE: FetchImage,
    JobName.LOAD_IMAGES: LoadImages,
    JobName.BUILD_IMAGE: BuildImage,
    JobName.LAUNCH_CONTAINER: LaunchContainer,
    JobName.START_CONTAINER: StartContainer,
    JobName.STOP_CONTAINER: StopContainer,
    JobName.KILL_CONTAINER: KillContainer,
    JobName.REMOVE_CONTAINER: RemoveContainer,
    JobName.RESTART_CONTAINER: RestartContainer,
    JobName.PAUSE_CONTAINER: PauseContainer,
    JobName.UNPAUSE_CONTAINER: UnpauseContainer,
    JobName.RENAME_CONTAINER: RenameContainer,
    JobName.UPDATE_CONTAINER: UpdateContainer,
    JobName.COMMIT_CONTAINER: CommitContainer,
    JobName.RESET_CONTAINER: ResetContainer,
    JobName.REVERT_FILES: RevertFiles,
    JobName.LEASE_CONTAINER: LeaseContainer,
    JobName.END_LEASE: EndLease,
    JobName.CREATE_VOLUME: CreateVolume,
    JobName.REMOVE_VOLUME: RemoveVolume,
    JobName.CREATE_NETWORK: CreateNetwork,
    JobName.REMOVE_NETWORK: RemoveNetwork,
    JobName.CONNECT_NETWORK: ConnectNetwork,
    JobName.DISCONNECT_NETWORK: DisconnectNetwork,
    JobName.CLEAN_UP_NETWORKS: CleanUpNetworks,
    JobName.RUN_CLEAN_UP: RunCleanUp,
    JobName.KEEP_THINGS: KeepThings,
    JobName.TRASH_CONTAINERS: TrashContainers,
    JobName.TRASH_IMAGES: TrashImages,
    JobName.TRASH_VOLUMES: TrashVolumes,
    JobName.RESTORE_FROM_TRASH: RestoreFromTrash,
    JobName.EMPTY_TRASH: EmptyTrash,
    JobName.CLEAN_UP_BY_POLICY: CleanUpByPolicy,
}


def parse_arguments(name: JobName, data: Mapping[str, Any]) -> Arguments:
    """Return what a job *name* is told by *data*; raise `InvalidInput` naming the field."""
    return ARGUMENTS[name].parse(data)
