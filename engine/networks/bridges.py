"""
The bridges of one engine on the host, and the notes that say which are there.

Notes are in the run directory, so that nobody has to ask the kernel; they go with a reboot, as the
bridges do. Should somebody clear the directory, the bridges themselves tell whose they are: each
bears the engine's *sign*, made of its random ID and its tag. Without a note or the sign, a bridge
is somebody else's, whatever it is called.
"""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

from engine.errors import InvalidSetting
from engine.networks.door import BridgePlan
from engine.networks.rules import STAND_IN
from engine.networks.settings import OPTION_BRIDGE

if TYPE_CHECKING:
    from pathlib import Path

    from engine.networks.door import Links
    from engine.networks.mark import Mark
    from engine.networks.record import NetworkRecord
    from engine.networks.store import NetworkStore

PRIVATE = 0o700


class Bridges:
    """Bridges of the host, and the notes of them in *directory*; whoever changes them is alone."""

    def __init__(self, store: NetworkStore, links: Links, directory: Path, mark: Mark) -> None:
        self._store = store
        self._links = links
        self._directory = directory
        self._mark = mark

    def names(self) -> set[str]:
        """Return the names of those that were made and not removed."""
        if not self._directory.exists():
            return set()
        return {each.name for each in self._directory.iterdir()}

    def is_up(self, network: NetworkRecord) -> bool:
        """Whether the bridge of *network* is there, as it shall be."""
        note = self._directory / network.bridge
        try:
            is_as_planned = note.read_text() == _digest(self._plan(network))
        except FileNotFoundError:
            return False
        return is_as_planned and self._links.has(network.bridge)

    def make(self, network: NetworkRecord) -> None:
        """See to it that *network* has its bridge; raise `InvalidSetting` if its name is taken."""
        note = self._directory / network.bridge
        plan = self._plan(network)
        if not note.exists():
            self._check_free(network)
            self._directory.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
            note.touch()
        self._links.ensure_bridge(plan)
        note.write_text(_digest(plan))

    def drop(self, name: str) -> None:
        """Remove a bridge that was made here; any other stays."""
        note = self._directory / name
        if note.exists():
            self._links.remove(name)
            note.unlink()

    def has_forgotten(self) -> bool:
        """Whether the host may have bridges of this engine, and there is no note of any."""
        return not self._directory.exists() and bool(self._candidates())

    def recall(self) -> None:
        """
        Note the bridges that a cleared run directory has forgotten; remove those of no network.

        Afterwards there are notes, so that this is done once; killed before, it is done again.
        """
        if self._directory.exists():
            return
        known = {each.bridge for each in self._store.list_networks()}
        aside = self._directory.with_suffix(".new")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(mode=PRIVATE, parents=True)
        for name in self._links.list_signed(self._sign()) if self._candidates() else ():
            if name in known:
                (aside / name).touch()
            else:
                self._links.remove(name)
        aside.rename(self._directory)

    def _candidates(self) -> set[str]:
        """Names of the host's links that may be bridges of ours; asking for them costs nothing."""
        known = {each.bridge for each in self._store.list_networks() if each.bridge}
        ours = self._links.list_names(self._mark.bridges)
        return ours | {name for name in known if self._links.has(name)}

    def _check_free(self, network: NetworkRecord) -> None:
        # What an earlier version made bears no sign; the name of one of our own making is enough.
        is_ours = network.bridge == self._mark.bridge(network.id)
        if not is_ours and self._links.has(network.bridge):
            raise InvalidSetting(
                OPTION_BRIDGE, f"the host has a link called {network.bridge} already"
            )

    def _plan(self, network: NetworkRecord) -> BridgePlan:
        return bridge_plan(network, self._sign())

    def _sign(self) -> str:
        return f"shipshape {self._mark.tag} {self._store.engine_id()}"


def bridge_plan(network: NetworkRecord, sign: str) -> BridgePlan:
    """Return the bridge of *network* as it shall be."""
    digest = hashlib.sha256(network.id.encode(), usedforsecurity=False).hexdigest()
    mac = ":".join(["02", "42", *(digest[at : at + 2] for at in range(0, 8, 2))])
    is_internal = network.settings.internal
    has_stand_in = not is_internal and network.subnet(6) is not None
    return BridgePlan(
        name=network.bridge,
        mac=mac,
        mtu=network.settings.mtu,
        addresses=tuple(each.gateway_interface for each in network.subnets),
        is_routed=not is_internal,
        answers_loopback=not is_internal,
        stand_in=f"{STAND_IN}/{STAND_IN.max_prefixlen}" if has_stand_in else "",
        sign=sign,
    )


def _digest(plan: BridgePlan) -> str:
    return hashlib.sha256(repr(plan).encode(), usedforsecurity=False).hexdigest()
