"""Networks for tests: on a made-up host, or on the kernel in a network namespace of its own."""

from __future__ import annotations

import secrets
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine import events
from engine.events import EventLog
from engine.networks import schema
from engine.networks.assembly import open_networks
from engine.networks.networks import Networks
from engine.networks.wiring import Member
from engine.settings.network import Endpoint, PortBinding
from engine.system.clock import SYSTEM_CLOCK
from engine.system.database import Database
from engine.system.locks import Locks
from engine.system.paths import EnginePaths
from tests.support.fakes_networks import fake_network_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.networks.door import Host
    from engine.networks.networks import NetworkMeans

FIRST_PID = 4_000_000_000


@dataclass
class Wires:
    """The networks of one engine, and the containers that a test makes up."""

    paths: EnginePaths
    host: Host
    means: NetworkMeans
    networks: Networks = field(init=False)
    pids: dict[str, int] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.networks = Networks(self.means, self)

    @contextmanager
    def standing(self, ref: str) -> Iterator[tuple[Member, int]]:
        yield self.members[ref], self.pids.get(ref, 0)

    def member(self, name: str, *networks: str | Endpoint, **more: Any) -> Member:
        """Make up a container that is to stand in *networks*, the default bridge if none."""
        self.networks.list()
        made = Member(secrets.token_hex(32), name, **more)
        self.members[name] = made
        wanted = [
            each if isinstance(each, Endpoint) else Endpoint(each)
            for each in networks or ["bridge"]
        ]
        with self.means.database.write():
            self.means.wiring.enroll(made, wanted)
        return made

    def start(self, member: Member, *ports: PortBinding, pid: int = 0) -> ExitStack:
        """Let it run; whoever closes the answer lets its ports go."""
        undo = ExitStack()
        try:
            self.means.wiring.activate(member, ports, undo)
        except BaseException:
            undo.close()
            raise
        self.pids[member.name] = pid or FIRST_PID + len(self.pids)
        self.means.wiring.attach(member.id, self.pids[member.name])
        return undo

    def started(self, name: str, *networks: str | Endpoint) -> Member:
        member = self.member(name, *networks)
        self.start(member)
        return member


def wires_on(host: Host, root: Path) -> Wires:
    """Networks of an engine in *root* over *host*."""
    paths = EnginePaths(root / "root", root / "run")
    paths.ensure()
    database = Database(paths.database, (events.SCHEMA, schema.SCHEMA))
    means = open_networks(
        paths,
        database=database,
        events=EventLog(database, paths.events, SYSTEM_CLOCK),
        clock=SYSTEM_CLOCK,
        locks=Locks(paths.locks),
        host=host,
    )
    return Wires(paths, host, means)


def fake_wires(root: Path) -> Wires:
    """Networks of a host that is made up."""
    return wires_on(fake_network_host(), root)
