"""Changing what people chose about a container that exists: its name, its limits, its policy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.containers.devices import block_numbers
from engine.containers.endpoints import member_of
from engine.containers.resources import check_against_host, runtime_resources
from engine.containers.state import Change, ContainerState, after
from engine.containers.telling import tell
from engine.errors import InvalidSetting
from engine.settings.container import check_name
from engine.settings.lease import with_expiry, without_expiry

if TYPE_CHECKING:
    from datetime import datetime

    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord
    from engine.settings import ContainerSettings, ResourceUpdate


class Alterer:
    """Changes containers; to be called with the container's lock held."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def rename(self, record: ContainerRecord, name: str) -> ContainerRecord:
        """Give the container another name; raise `InvalidSetting` or `NameTaken`."""
        check_name(name)
        if name == record.name:
            raise InvalidSetting(
                "name", "Renaming a container with the same name as its current name"
            )
        renamed = replace(record, name=name)
        with self._means.database.write():
            self._means.store.save_chosen(renamed)
            tell(self._means.events, "rename", renamed, oldName=f"/{record.name}")
        self._means.networks.wiring.rename(member_of(renamed))
        return renamed

    def update(self, record: ContainerRecord, update: ResourceUpdate) -> ContainerRecord:
        """
        Give the container other limits or another policy, at once if it runs.

        Raises `InvalidSetting` where they do not fit, and `RuntimeFailed` where the kernel refuses
        them: then nothing is recorded.
        """
        settings = update.applied_to(record.settings)
        check_against_host(self._means.host, settings)
        if record.is_running and update.has_limits:
            self._apply(record, settings)
        updated = self._without_restart(replace(record, settings=settings))
        with self._means.database.write():
            self._means.store.save_chosen(updated)
            self._means.store.save(updated)
            tell(self._means.events, "update", updated)
        return updated

    def lease(self, record: ContainerRecord, until: datetime | None) -> ContainerRecord:
        """Have the container wanted *until* then, or for ever; what runs does not feel it."""
        settings = with_expiry(record.settings, until)
        labels = {**without_expiry(record.labels), **settings.labels}
        leased = replace(record, settings=settings, labels=labels)
        with self._means.database.write():
            self._means.store.save_chosen(leased)
            tell(self._means.events, "update", leased)
        return leased

    def _apply(self, record: ContainerRecord, settings: ContainerSettings) -> None:
        bundle = self._means.bundles.locate(record.id)
        limits = runtime_resources(settings, self._means.host, block_numbers(settings))
        self._means.bundles.write_limits(bundle, limits)
        self._means.runtime.update(bundle)

    def _without_restart(self, record: ContainerRecord) -> ContainerRecord:
        if record.state is not ContainerState.RESTARTING or record.settings.restart.name != "no":
            return record
        state = after(Change.GIVE_UP, record.state, name=record.name)
        return replace(record, state=state, restart_at=None)
