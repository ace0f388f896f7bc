"""
Doing the steps of a stage: taking from the cache what was done before, and doing the rest.

A step is looked for, and done under a lock of its key, so that two builds that come to the same
step at once do it once. What it made is durable before the cache knows it; a build that is killed
leaves what it finished as cache, and nothing else.

Steps that are all in the cache are gone through without a write, and those that take no files are
looked for all at once; what they gave is leased before anything stands on it. Should something have
been pruned until then, `CacheMoved` says so, and whoever builds the stage begins it again, now with
an executor that looks for each layer before it takes it.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import TYPE_CHECKING

from engine.build.cache import CachedStep, step_key
from engine.build.imported import find_imported
from engine.build.steps import ConfigStep
from engine.errors import EngineError
from engine.images.resources import layer_resource
from engine.progress import BuildStatus, BuildStep

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from engine.build.acts import Acts, Prepared
    from engine.build.cache import StepCache
    from engine.build.state import StageState
    from engine.build.steps import Step
    from engine.leases import Lease
    from engine.progress import Cancellation, ProgressSink
    from engine.system.clock import Clock
    from engine.system.locks import Locks

POLL_SECONDS = 0.05


class CacheMoved(Exception):
    """What the cache had is gone; nothing was done with it."""


@dataclass(frozen=True, slots=True)
class Told:
    """Where a step stands in its build, for whoever watches."""

    id: str
    label: str


@dataclass(slots=True)
class _Ahead:
    """Keys that are known beforehand, each by the key before it, and what the cache has of them."""

    keys: dict[str, str] = field(default_factory=dict)
    entries: dict[str, CachedStep] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Executor:
    """Does the steps of one stage, one after the other."""

    cache: StepCache
    acts: Acts
    locks: Locks
    lease: Lease
    clock: Clock
    progress: ProgressSink
    cancellation: Cancellation
    use_cache: bool
    is_wary: bool
    epoch: datetime | None
    imported: Mapping[str, CachedStep] = field(default_factory=dict)
    _unsettled: list[CachedStep] = field(default_factory=list)
    _ahead: _Ahead = field(default_factory=_Ahead)

    def foresee(self, state: StageState, steps: Sequence[Step]) -> None:
        """Look for all of *steps*, which follow *state*, up to the first that takes files."""
        if not self.use_cache or state.key in self._ahead.keys:
            return
        key = state.key
        for step in takewhile(lambda each: not each.takes_files, steps):
            self._ahead.keys[key] = step_key(key, step.identity())
            key = self._ahead.keys[key]
        if key != state.key:
            self._ahead.entries.update(self.cache.find_each(self._ahead.keys.values()))

    def advance(self, state: StageState, step: Step, told: Told) -> StageState:
        """
        Return the state after *step*.

        Raises `StepFailed` for a program that returned non-zero, `Cancelled`, or what is wrong with
        the step; then nothing of it is left. Raises `CacheMoved` as `settle` does.
        """
        self.cancellation.check()
        begin = time.monotonic()
        with ExitStack() as opened:
            try:
                prepared = self.acts.prepare(step, state, opened)
                key = self._key(state, step, prepared)
                entry, is_cached = self._result(key, step, state, prepared, told)
            except (EngineError, FileNotFoundError):
                # Not for want of what it stands on, which the cache may have lost.
                self.settle()
                self._tell(step, told, BuildStatus.FAILED, time.monotonic() - begin)
                raise
        status = BuildStatus.CACHED if is_cached else BuildStatus.DONE
        size = entry.layer.size if entry.layer else 0
        self._tell(step, told, status, time.monotonic() - begin, size)
        return state.after(
            key,
            step.effects,
            created_by=step.created_by,
            created_at=entry.created_at,
            layer=entry.layer,
        )

    def settle(self) -> None:
        """
        Lease what was taken from the cache so far, and note that it was used.

        Raises `CacheMoved` where some of it has been pruned meanwhile; that is forgotten then.
        """
        taken, self._unsettled[:] = list(self._unsettled), []
        if not taken:
            return
        made = [each for each in taken if each.layer]
        # Leased before it is looked for: then it is there and stays, or it is gone for good.
        with self.cache.together():
            self.lease.add(*(layer_resource(each.layer.chain_id) for each in made if each.layer))
            # What the topmost layer stands on cannot be removed.
            if self._has(made[-1:]):
                self.cache.touch(each.key for each in taken)
                return
        self.cache.forget(each.key for each in made if not self._has([each]))
        raise CacheMoved

    def _has(self, steps: Iterable[CachedStep]) -> bool:
        return all(self.acts.has_layer(each.layer.chain_id) for each in steps if each.layer)

    def _key(self, state: StageState, step: Step, prepared: Prepared) -> str:
        if not step.takes_files and (known := self._ahead.keys.get(state.key)) is not None:
            return known
        return step_key(state.key, step.identity(), files=prepared.files)

    def _result(
        self, key: str, step: Step, state: StageState, prepared: Prepared, told: Told
    ) -> tuple[CachedStep, bool]:
        if (found := self._cached(key)) is not None:
            return found, True
        self.settle()
        with self._turn(key):
            # Somebody may have done it while this call waited.
            if (found := self._cached(key)) is not None:
                return found, True
            self._tell(step, told, BuildStatus.RUNNING)
            return self._done(key, step, state, prepared, told), False

    def _done(
        self, key: str, step: Step, state: StageState, prepared: Prepared, told: Told
    ) -> CachedStep:
        layer = None if isinstance(step, ConfigStep) else prepared.make(told.id)
        now = self.clock.now()
        entry = CachedStep(
            key, step.created_by, self.epoch or now, now, 0, layer, parent=state.parent
        )
        if not self.use_cache:
            self.cache.forget([key])
        self.cache.put(entry)
        return entry

    def _cached(self, key: str) -> CachedStep | None:
        if not self.use_cache:
            return None
        found = self._ahead.entries.get(key) or self.cache.find(key) or self._imported(key)
        if found is not None and self.is_wary and not self._has([found]):
            self.cache.forget([key])
            return None
        if found is not None:
            self._unsettled.append(found)
        return found

    def _imported(self, key: str) -> CachedStep | None:
        found = find_imported(self.imported, key)
        if found is None or not self._has([found]):
            return None
        return replace(found, key=key)

    @contextmanager
    def _turn(self, key: str) -> Iterator[None]:
        """Be the only one, in any process, who does the step *key*; waiting can be cancelled."""
        name = f"step/{key}"
        with ExitStack() as stack:
            while True:
                attempt = stack.enter_context(ExitStack())
                if attempt.enter_context(self.locks.tried(name)):
                    # There are as many names as steps; whoever waits begins anew.
                    stack.callback(self.locks.discard, name)
                    break
                attempt.close()
                self.cancellation.wait(POLL_SECONDS)
            yield

    def _tell(
        self, step: Step, told: Told, status: BuildStatus, seconds: float = 0.0, size: int = 0
    ) -> None:
        text, first = step.line.told, step.line.source.first
        event = BuildStep(told.id, told.label, text, first, status, seconds, size)
        self.progress.emit(event)
