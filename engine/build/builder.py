"""
Building: from a request and a context to an image.

Stages are built at once as far as they do not need each other. What a stage needs is leased as long
as the build goes on; what it made is cache afterwards, and the image holds what it needs of that.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from engine.build.acts import Acts
from engine.build.base_states import BaseStates
from engine.build.context import ignored_in, read_dockerfile
from engine.build.executor import CacheMoved, Executor, Told
from engine.build.imported import imported_steps
from engine.build.mounts import MountOpener
from engine.build.origins import Origins
from engine.build.plan import plan_stage
from engine.build.recording import Built, Recorder, with_labels
from engine.build.scope import PROXIES, Scope, automatic_arguments
from engine.build.stages import SCRATCH, cut_into_stages
from engine.build.state import state_of_nothing
from engine.build.steps import ConfigStep
from engine.dockerfile.parser import parse
from engine.dockerfile.reading import read_instructions
from engine.errors import (
    CorruptStore,
    DockerfileError,
    EngineError,
    ImageNotFound,
    InvalidReference,
    LimitExceeded,
    RegistryUnreachable,
    StepFailed,
)
from engine.images.hold import holding
from engine.images.parallel import JointCancellation, results_of
from engine.oci.platform import host_platform
from engine.progress import NEVER, SILENT, BuildStatus, BuildStep, Message

if TYPE_CHECKING:
    from engine.build.cache import CachedStep, StepCache
    from engine.build.caches import CacheDirectories
    from engine.build.context import BuildContext
    from engine.build.places import PlaceKeeper, Places
    from engine.build.plan import Plan
    from engine.build.ports import BaseImages, LayerMaker, ProgramRunner
    from engine.build.remote import Downloads
    from engine.build.request import BuildRequest
    from engine.build.stages import Stage, Stages
    from engine.build.state import StageState
    from engine.content.store import Store
    from engine.dockerfile.parser import Dockerfile
    from engine.images.gc import Collector
    from engine.images.hold import Hold
    from engine.images.store import ImageStore
    from engine.leases import Leases
    from engine.progress import Cancellation, ProgressSink
    from engine.snapshots.snapshotter import Snapshotter
    from engine.system.clock import Clock
    from engine.system.locks import Locks

NANO = 1_000_000_000
MAX_ATTEMPTS = 3
# Each has a thread while it is built.
MAX_STAGES = 256


@dataclass(frozen=True, slots=True)
class BuildParts:
    """With what a builder works; each is a part of one engine."""

    images: ImageStore
    store: Store
    snapshotter: Snapshotter
    layers: LayerMaker
    runner: ProgramRunner
    downloads: Downloads
    cache: StepCache
    caches: CacheDirectories
    places: PlaceKeeper
    leases: Leases
    collector: Collector
    locks: Locks
    clock: Clock


class Builder:
    """Builds images in one engine root."""

    def __init__(self, parts: BuildParts, bases: BaseImages) -> None:
        self._parts = parts
        self._bases = bases

    def build(
        self,
        request: BuildRequest,
        context: BuildContext,
        *,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
        owner: str = "",
    ) -> Built:
        """
        Build the image that *request* asks for out of *context*, and let its tags name it.

        Raises a `DockerfileError` with its place, `StepFailed`, `Cancelled`, what pulling a base
        raises, or a `SystemFailure`; then no tag was moved, and what is left is cache, and the
        image that *request* asks to keep of the state before a step that failed.
        """
        dockerfile = parse(read_dockerfile(context, request.dockerfile))
        joint = JointCancellation(cancellation)
        parts = self._parts
        with (
            holding(parts.leases, parts.collector) as hold,
            parts.places.opened() as places,
        ):
            work = _Work(
                parts,
                self._bases,
                request,
                context,
                dockerfile,
                hold,
                places,
                progress,
                joint,
                owner,
            )
            return work.run()

    def sweep(self) -> int:
        """Clear away what killed builds left."""
        return self._parts.places.sweep()


@dataclass(slots=True)
class _BuiltStages:
    """Stages that are being built, by their number."""

    futures: dict[int, Future[StageState]] = field(default_factory=dict)

    def __getitem__(self, index: int) -> StageState:
        """Return what became of the stage, as soon as it is built."""
        return self.futures[index].result()


@dataclass(slots=True)
class _Work:
    """One build."""

    parts: BuildParts
    images: BaseImages
    request: BuildRequest
    context: BuildContext
    dockerfile: Dockerfile
    hold: Hold
    places: Places
    progress: ProgressSink
    cancellation: JointCancellation
    owner: str
    _bases: BaseStates = field(init=False)
    _recorder: Recorder = field(init=False)
    _imported: dict[str, CachedStep] = field(default_factory=dict)
    # Steps that work at once; none of them waits for another.
    _slots: BoundedSemaphore = field(
        default_factory=lambda: BoundedSemaphore(max(2, os.cpu_count() or 2))
    )

    def __post_init__(self) -> None:
        parts, escape = self.parts, self.dockerfile.escape
        self._bases = BaseStates(self.images, self.request, self.hold, self.cancellation, escape)
        self._recorder = Recorder(parts.images, parts.store, parts.clock, self.hold, self.owner)

    def run(self) -> Built:
        """Build the target and what it needs."""
        stages = self._cut()
        self._import_cache()
        target = stages.target(self.request.target)
        needed = stages.needed(target)
        for warning in self.dockerfile.warnings:
            self.progress.emit(Message(f"[Warning] {warning}"))
        states = self._build_stages(stages, needed)
        state = with_labels(states[target.index], self.request.labels)
        built = self._recorder.record(state, self.request.tags)
        return replace(built, warnings=self._unused(stages))

    def _cut(self) -> Stages:
        instructions = read_instructions(self.dockerfile)
        variables = {**self._automatic(), **self.request.arguments}
        return cut_into_stages(instructions, variables, escape=self.dockerfile.escape)

    def _automatic(self) -> dict[str, str]:
        target = self.request.platform or host_platform()
        return automatic_arguments(host_platform(), target, stage=self.request.target)

    def _import_cache(self) -> None:
        for reference in self.request.cache_from:
            try:
                image = self._bases.get(str(reference), always_pull=False)
            except EngineError as error:
                text = f"[Warning] no cache from {reference.familiar}: {error.message}"
                self.progress.emit(Message(text))
                continue
            self._imported.update(imported_steps(image))

    # --- Stages ---------------------------------------------------------------------------------

    def _build_stages(self, stages: Stages, needed: tuple[Stage, ...]) -> dict[int, StageState]:
        if len(needed) > MAX_STAGES:
            raise LimitExceeded("the number of stages of a build", limit=MAX_STAGES)
        built = _BuiltStages()
        if len(needed) == 1:
            return {needed[0].index: self._build_stage(stages, needed[0], built)}
        # A stage waits for those it needs in its thread; so each has one, and the lowest go first.
        with ThreadPoolExecutor(len(needed), "stage") as pool:
            for stage in needed:
                built.futures[stage.index] = pool.submit(self._build_stage, stages, stage, built)
            results_of(list(built.futures.values()), cancellation=self.cancellation)
        return {index: future.result() for index, future in built.futures.items()}

    def _build_stage(self, stages: Stages, stage: Stage, built: _BuiltStages) -> StageState:
        for index in sorted(stage.needs):
            built[index]
        state = self._base(stage, stages, built)
        self.hold.add_layers(*(layer.chain_id for layer in state.layers))
        automatic = self._automatic()
        plan = plan_stage(
            stage,
            stages,
            base=state.effects.defaults,
            scope=Scope(self.request.arguments, stages.arguments, automatic),
            escape=self.dockerfile.escape,
            network=self.request.network,
            may_use_host_network=self.request.may_use_host_network,
        )
        for attempt in range(MAX_ATTEMPTS):
            try:
                executor = self._executor(stages, built, attempt)
                return self._advance(stage, plan, state, executor)
            except CacheMoved:
                continue
        raise CorruptStore("layers of the build cache vanish while they are used")

    def _advance(
        self, stage: Stage, plan: Plan, state: StageState, executor: Executor
    ) -> StageState:
        name = stage.name or f"stage-{stage.index}"
        total = len(plan.steps) + 1
        self._tell_base(stage, f"{name} 1/{total}")
        for number, step in enumerate(plan.steps, 2):
            told = Told(f"{stage.index}.{number}", f"{name} {number}/{total}")
            executor.foresee(state, plan.steps[number - 2 :])
            try:
                with nullcontext() if isinstance(step, ConfigStep) else self._slots:
                    state = executor.advance(state, step, told)
            except (StepFailed, DockerfileError) as error:
                if self.request.keep_failed:
                    error.kept_image = self._keep(state, executor)
                raise
        executor.settle()
        return replace(state, author=plan.author or state.author)

    def _keep(self, state: StageState, executor: Executor) -> str:
        """Return the ID of an image that is *state*, empty where nothing is there to look at."""
        if not state.layers:
            return ""
        with suppress(CacheMoved):
            executor.settle()
            return self._recorder.keep(state)
        return ""

    def _tell_base(self, stage: Stage, label: str) -> None:
        source = stage.origin.line.source
        event = BuildStep(f"{stage.index}.1", label, source.text, source.first, BuildStatus.DONE)
        self.progress.emit(event)

    def _executor(self, stages: Stages, built: _BuiltStages, attempt: int) -> Executor:
        epoch = self.request.source_date_epoch
        ignored = ignored_in(self.context, self.request.dockerfile)
        origins = Origins(
            self.context, ignored, self.places, built, self._bases.state, stages.suggest
        )
        parts, request = self.parts, self.request
        acts = Acts(
            request,
            self.places,
            parts.snapshotter,
            parts.layers,
            parts.runner,
            parts.downloads,
            origins,
            self.hold.lease,
            MountOpener(request, self.places, origins, parts.caches, self.cancellation),
            self.progress,
            self.cancellation,
            latest_ns=None if epoch is None else epoch * NANO,
        )
        return Executor(
            parts.cache,
            acts,
            parts.locks,
            self.hold.lease,
            parts.clock,
            self.progress,
            self.cancellation,
            use_cache=request.use_cache,
            is_wary=attempt > 0,
            epoch=None if epoch is None else datetime.fromtimestamp(epoch, UTC),
            imported=self._imported,
        )

    # --- Bases ----------------------------------------------------------------------------------

    def _base(self, stage: Stage, stages: Stages, built: _BuiltStages) -> StageState:
        if isinstance(stage.base, int):
            return built[stage.base]
        escape, epoch = self.dockerfile.escape, self.request.source_date_epoch
        if stage.base == SCRATCH:
            return state_of_nothing(escape=escape, epoch=epoch)
        try:
            return self._bases.state(stage.base)
        except (ImageNotFound, InvalidReference, RegistryUnreachable) as error:
            near = stages.suggest(stage.base)
            if isinstance(error, RegistryUnreachable) and not near:
                raise
            raise stage.origin.line.error(error.message, remedy=near or error.remedy) from error

    def _unused(self, stages: Stages) -> tuple[str, ...]:
        declared = set(stages.arguments)
        for stage in stages.stages:
            for instruction in stage.instructions:
                declared |= {pair.name.text for pair in getattr(instruction, "pairs", ())}
        unused = sorted(set(self.request.arguments) - declared - PROXIES - {"SOURCE_DATE_EPOCH"})
        if not unused:
            return self.dockerfile.warnings
        warning = f"One or more build-args [{' '.join(unused)}] were not consumed"
        self.progress.emit(Message(f"[Warning] {warning}"))
        return (*self.dockerfile.warnings, warning)
