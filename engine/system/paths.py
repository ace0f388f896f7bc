"""Where an engine keeps what: the root, which lasts, and the run directory, gone at a reboot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.system.placement import spread

DEFAULT_ROOT = Path("/var/lib/shipshape")
DEFAULT_RUN = Path("/run/shipshape")
PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class EnginePaths:
    """
    The two directories of one engine, and the places in them.

    Two engines on one host have nothing in common but the kernel, as long as both differ.
    """

    root: Path = DEFAULT_ROOT
    run: Path = DEFAULT_RUN

    @property
    def database(self) -> Path:
        """The SQLite file that holds every record."""
        return self.root / "engine.db"

    @property
    def content(self) -> Path:
        """Blobs and ingests."""
        return self.root / "content"

    @property
    def snapshots(self) -> Path:
        """One directory for each snapshot, under a short name."""
        return self.root / "snapshots"

    @property
    def snapshotter_note(self) -> Path:
        """A file with one word: how the layers of this root are stacked."""
        return self.root / "snapshotter"

    @property
    def registries(self) -> Path:
        """A file that somebody may write: what this host is told about registries."""
        return self.root / "registries.json"

    @property
    def certificates(self) -> Path:
        """A directory that somebody may make: whom to trust in TLS, registry by registry."""
        return self.root / "certs.d"

    @property
    def containers(self) -> Path:
        """One directory for each container: bundle, log, exit."""
        return self.root / "containers"

    @property
    def uploads(self) -> Path:
        """Archives that came from browsers and wait to be loaded; made when the first comes."""
        return self.root / "uploads"

    @property
    def trash(self) -> Path:
        """What was renamed away: volumes that are in the trash, and what waits to be deleted."""
        return self.root / "trash"

    @property
    def builds(self) -> Path:
        """One directory for each build that is going on."""
        return self.root / "builds"

    @property
    def build_caches(self) -> Path:
        """One directory for each cache that builds mount."""
        return self.root / "build-caches"

    @property
    def departed(self) -> Path:
        """The logs of containers that were removed, for a while."""
        return self.root / "departed"

    @property
    def sandboxes(self) -> Path:
        """Directories of the host under layers that take what programs change."""
        return self.root / "sandboxes"

    @property
    def locks(self) -> Path:
        """Lock files; their content means nothing."""
        return self.run / "locks"

    @property
    def networks(self) -> Path:
        """What this boot of the host was given of networks: notes of bridges, rules, names."""
        return self.run / "networks"

    @property
    def pins(self) -> Path:
        """Parts of volumes, for as long as it takes to start a container with them."""
        return self.run / "pins"

    @property
    def volumes(self) -> Path:
        """One directory for each volume."""
        return self.root / "volumes"

    @property
    def exits(self) -> Path:
        """One file for each container that ended and was not looked at yet."""
        return self.run / "exits"

    @property
    def memory(self) -> Path:
        """Writable layers that are in memory."""
        return self.run / "memory"

    @property
    def execs(self) -> Path:
        """One file for each command that runs in a container and whose end was not told of yet."""
        return self.run / "execs"

    @property
    def cgroups(self) -> Path:
        """One file for each control group that was made above those of containers."""
        return self.run / "cgroups"

    @property
    def attaching(self) -> Path:
        """Where attachments wait for containers that do not run yet."""
        return self.run / "attaching"

    @property
    def events(self) -> Path:
        """A file that is written to whenever an event was committed, for others to watch."""
        return self.run / "events"

    def ensure(self) -> None:
        """Make the directories that every engine has, readable by nobody else."""
        places = (self.content, self.snapshots, self.containers, self.volumes, self.trash)
        for path in (self.root, *places):
            path.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        for path in (self.snapshots, self.volumes):
            spread(path)
        # Unprivileged processes keep sockets below the run directory, so it can be passed.
        self.run.mkdir(mode=0o755, parents=True, exist_ok=True)
        for path in (self.locks, self.exits, self.execs):
            path.mkdir(mode=PRIVATE, exist_ok=True)
        self.events.touch(mode=0o600, exist_ok=True)
